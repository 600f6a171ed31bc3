//! The process that mixes one stage: it owns the link to the SFU, RTP to frames, and GStreamer. It has no
//! storage and no database; everything it makes goes to the service over its standard input, a socket.
//!
//! ```text
//! SFU ─▶ ① uplink, rtp ─▶ ② jitter ─▶ ③ depacketise ─▶ ④ clock ─▶ ⑤ branch ─▶ ⑥ scene, screen
//!                                                                └▶ ⑦ pipeline, cut ─▶ ⑧ output ─▶ service
//! ```
//! ②③④ are `reception`: pure and tested in virtual time. `stage` joins them on the one control thread.

mod branch;
mod canvas;
mod clock;
mod cut;
mod depacketise;
mod error;
mod health;
mod jitter;
mod output;
mod pipeline;
mod plates;
mod reception;
mod rtp;
mod scene;
mod screen;
mod stage;
mod time;
mod uplink;
mod upstream;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use link::{MixerSender, RtpPacket};
use wire::link::{ToMixer, ToSfu, TrackHandle};

use crate::child_protocol::{self, FromChild, Start, ToChild};
use error::MixError;
use pipeline::Mix;
use stage::Stage;
use uplink::Dial;
use upstream::Upstream;

/// Everything that happens to the control thread.
#[derive(Debug)]
enum Event {
    /// The service says something.
    Service(ToChild),
    /// The service is gone, or broke the protocol.
    ServiceEnded(MixError),
    /// The link to the SFU is up.
    LinkUp(MixerSender),
    /// The link to the SFU is down.
    LinkLost(String),
    /// The SFU says something.
    Message(ToMixer),
    /// The SFU sends media.
    Rtp(RtpPacket),
    /// A decoder needs a keyframe.
    DecoderLost(TrackHandle),
    /// A rendition's last segment was handed over.
    OutputEnded,
    /// A rendition cannot go on.
    Failed(MixError),
}

/// Events that wait for the control thread: a second of a large stage.
const EVENT_QUEUE: usize = 8_192;
/// How long the last segments may take after a stop.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long the control thread may take to notice that the service is gone.
const LAST_RESORT: Duration = Duration::from_secs(3);

/// Runs a mixer child: `dais mixer-child`, with the socket to the service as standard input. Call it before
/// any runtime or thread exists.
///
/// Reads `DAIS_LOG` (a `tracing` filter, default `info`) and `DAIS_LOG_JSON`; GStreamer reads `GST_REGISTRY`.
#[must_use]
pub fn child_main() -> ExitCode {
    let filter = std::env::var("DAIS_LOG").unwrap_or_else(|_| "info".to_owned());
    let json = std::env::var("DAIS_LOG_JSON").is_ok_and(|value| value == "true" || value == "1");
    telemetry::log_to_stderr(
        &filter,
        if json { telemetry::LogFormat::Json } else { telemetry::LogFormat::Text },
    );
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut chain = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(inner) = cause {
                chain = format!("{chain}: {inner}");
                cause = inner.source();
            }
            tracing::error!("the mixer child ends: {chain}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), MixError> {
    // Standard input is a stream socket: the type is checked by the first read, not by a cast.
    let socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let (events, inbox) = sync_channel(EVENT_QUEUE);
    let start = first_message(&socket)?;
    let (upstream, writer) = Upstream::start(socket.try_clone()?)?;
    read_service(socket, events.clone())?;
    gst::init()?;
    gstfmp4::plugin_register_static().map_err(|_| MixError::Muxer)?;
    let mix = Mix::start(&start, &upstream, &events)?;
    let hello = ToSfu::Hello { room: start.room.clone(), identity: start.participant.clone() };
    let dial = Dial { addr: start.link_addr, identity: start.link_identity, hello };
    let dropped = Arc::new(AtomicU64::new(0));
    uplink::start(dial, events.clone(), Arc::clone(&dropped))?;
    let mut stage = Stage::new(mix, upstream.clone(), events, dropped);
    control(&mut stage, &inbox)?;
    // The pipeline and its callbacks hold senders to the service: stop it before the farewell.
    drop(stage);
    upstream.send(FromChild::Ended, Bytes::new())?;
    drop(upstream);
    writer.join().map_err(|_| MixError::ThreadGone)
}

fn first_message(mut socket: &UnixStream) -> Result<Start, MixError> {
    match child_protocol::read::<ToChild>(&mut socket)? {
        Some((ToChild::Start(start), _)) => Ok(*start),
        Some((ToChild::Scene(_) | ToChild::Stop, _)) => Err(MixError::Start),
        None => Err(MixError::ServiceGone),
    }
}

/// Reads the service on a thread of its own. When the service is gone and the control thread does not end
/// the process in time, this thread does: a child must never outlive its service.
fn read_service(mut socket: UnixStream, events: SyncSender<Event>) -> Result<(), MixError> {
    let thread = std::thread::Builder::new().name("downstream".into());
    thread.spawn(move || {
        let reason = loop {
            match child_protocol::read::<ToChild>(&mut socket) {
                Ok(Some((message, _))) => {
                    if events.send(Event::Service(message)).is_err() {
                        return;
                    }
                }
                Ok(None) => break MixError::ServiceGone,
                Err(error) => break MixError::Protocol(error),
            }
        };
        events.send(Event::ServiceEnded(reason)).unwrap_or_default();
        std::thread::sleep(LAST_RESORT);
        std::process::exit(2);
    })?;
    Ok(())
}

/// Runs until the stage has ended.
fn control(stage: &mut Stage, inbox: &Receiver<Event>) -> Result<(), MixError> {
    let mut ending: Option<(usize, Instant)> = None;
    loop {
        let event = match inbox.recv_timeout(stage.timeout()) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Err(MixError::ThreadGone),
        };
        match event {
            None => {}
            Some(Event::Service(ToChild::Start(_))) => return Err(MixError::Start),
            Some(Event::Service(ToChild::Scene(scene))) => stage.handle_scene(scene)?,
            Some(Event::Service(ToChild::Stop)) => {
                ending.get_or_insert_with(|| (stage.finish(), Instant::now() + FAREWELL));
            }
            Some(Event::ServiceEnded(reason)) => return Err(reason),
            Some(Event::LinkUp(link)) => stage.handle_link_up(link)?,
            Some(Event::LinkLost(reason)) => stage.handle_link_lost(reason)?,
            Some(Event::Message(message)) => stage.handle_message(message)?,
            Some(Event::Rtp(RtpPacket { track, rtp })) => stage.handle_rtp(track, rtp)?,
            Some(Event::DecoderLost(track)) => stage.handle_decoder_lost(track)?,
            Some(Event::OutputEnded) => {
                ending = match ending {
                    Some((1, _)) => return Ok(()),
                    Some((waiting, until)) => Some((waiting - 1, until)),
                    None => return Err(MixError::ThreadGone),
                };
            }
            Some(Event::Failed(error)) => return Err(error),
        }
        stage.handle_timeout()?;
        if ending.is_some_and(|(_, until)| Instant::now() > until) {
            tracing::warn!("the last segments did not come in time");
            return Ok(());
        }
    }
}
