//! The SFU's end of the links to mixers: QUIC connections in, hidden participants out.

use std::sync::Arc;
use std::time::Duration;

use sfu_core::codec::Codec;
use sfu_core::room::message::Source;
use sfu_core::shard::Command;
use sfu_core::shard::mixer::{LinkId, MixerCommand, MixerMessage, TrackHandle, Watched};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::link as wire_link;

use crate::service::Shared;

/// How long the links that their rooms closed have to say so. A link itself waits a second for the
/// acknowledgement of its last words.
const FAREWELL: Duration = Duration::from_millis(1500);

/// Accepts mixers until the stop, then lets the links end by themselves: closing the endpoint at once would
/// overtake the last word.
pub(crate) async fn serve(mut server: link::Server, shared: Arc<Shared>, stop: CancellationToken) {
    let links = TaskTracker::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            connection = server.accept() => match connection {
                Some(connection) => {
                    links.spawn(serve_one(connection, Arc::clone(&shared)));
                }
                None => return,
            },
        }
    }
    links.close();
    // Those that never greeted end with the endpoint.
    let _ = tokio::time::timeout(FAREWELL, links.wait()).await;
    server.close().await;
}

/// Serves one mixer to its end.
async fn serve_one(connection: link::SfuConnection, shared: Arc<Shared>) {
    let (sender, mut receiver) = connection.split();
    let Some((room, identity)) = greet(&mut receiver).await else {
        sender.close(link::CloseCode::ProtocolViolation, "the first message is hello");
        return;
    };
    let link = LinkId(shared.next_connection().0);
    let shard = shared.shard_of(&room).clone();
    if shard.open_link(link, sender).await.is_err() {
        return;
    }
    tracing::info!(room, identity, "a mixer entered");
    let _ = shard.send(Command::Mixer { link, command: MixerCommand::Enter { room, identity } }).await;
    while let Ok(received) = receiver.recv().await {
        let link::Received::Message(message) = received else { continue };
        if let Some(command) = from_wire(message)
            && shard.send(Command::Mixer { link, command }).await.is_err()
        {
            break;
        }
    }
    let _ = shard.send(Command::Mixer { link, command: MixerCommand::Leave }).await;
    shard.close_link(link).await;
}

async fn greet(receiver: &mut link::SfuReceiver) -> Option<(String, String)> {
    loop {
        match receiver.recv().await.ok()? {
            link::Received::Message(wire_link::ToSfu::Hello { room, identity }) => {
                return Some((room, identity));
            }
            link::Received::Message(_) => return None,
            link::Received::Rtp(_) => {}
        }
    }
}

fn from_wire(message: wire_link::ToSfu) -> Option<MixerCommand> {
    match message {
        // A second greeting changes nothing.
        wire_link::ToSfu::Hello { .. } => None,
        wire_link::ToSfu::Watch { participants } => Some(MixerCommand::Watch(
            participants.into_iter().map(|p| Watched { identity: p.identity, tile: p.tile }).collect(),
        )),
        wire_link::ToSfu::KeyframeRequest { track } => {
            Some(MixerCommand::RequestKeyframe(TrackHandle(track.0)))
        }
    }
}

/// A message as it stands on the link.
pub(crate) fn to_wire(message: MixerMessage) -> wire_link::ToMixer {
    let handle = |TrackHandle(track)| wire_link::TrackHandle(track);
    match message {
        MixerMessage::TrackStarted { track, identity, source, codec, muted } => {
            wire_link::ToMixer::TrackStarted {
                track: handle(track),
                identity,
                source: source_to_wire(source, codec),
                codec: codec_to_wire(codec),
                muted,
            }
        }
        MixerMessage::TrackMuted { track, muted } => {
            wire_link::ToMixer::TrackMuted { track: handle(track), muted }
        }
        MixerMessage::TrackEnded { track } => wire_link::ToMixer::TrackEnded { track: handle(track) },
        MixerMessage::SenderReport { track, ntp, rtp_time } => {
            wire_link::ToMixer::SenderReport { track: handle(track), ntp: ntp.0, rtp_time: rtp_time.0 }
        }
        MixerMessage::RoomClosed => wire_link::ToMixer::RoomClosed,
    }
}

/// A source that the publisher did not name counts by its kind.
fn source_to_wire(source: Source, codec: Codec) -> wire_link::TrackSource {
    match source {
        Source::Camera => wire_link::TrackSource::Camera,
        Source::Microphone => wire_link::TrackSource::Microphone,
        Source::ScreenShare => wire_link::TrackSource::ScreenShare,
        Source::ScreenShareAudio => wire_link::TrackSource::ScreenShareAudio,
        Source::Unknown if codec.is_audio() => wire_link::TrackSource::Microphone,
        Source::Unknown => wire_link::TrackSource::Camera,
    }
}

/// The room lets mixers subscribe only to codecs that the link knows.
fn codec_to_wire(codec: Codec) -> wire_link::Codec {
    match codec {
        Codec::Opus => wire_link::Codec::Opus,
        Codec::H264 => wire_link::Codec::H264,
        Codec::Vp8 | Codec::Vp9 | Codec::Av1 => wire_link::Codec::Vp8,
    }
}
