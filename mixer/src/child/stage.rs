//! The control thread's state: it joins reception, branches, scene and link, and is the only one that adds
//! and removes decoders. What is decided about time, order and place is decided in the pure modules.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use bytes::Bytes;
use gst::prelude::*;
use link::MixerSender;
use wire::link::{Codec, ToMixer, ToSfu, TrackHandle};

use super::Event;
use super::branch::{Branch, Pushed};
use super::error::MixError;
use super::health::HealthMeter;
use super::pipeline::Mix;
use super::plates::Plates;
use super::reception::{Delivery, Reception, TrackStart};
use super::scene::{self, Composition, Source};
use super::screen::{Arrangement, PadState};
use super::upstream::Upstream;
use crate::child_protocol::{FromChild, Notice, Scene};

/// A picture older than this is frozen; the avatar takes its place.
const FREEZE: Duration = Duration::from_secs(2);
/// How often freshness is looked at.
const TICK: Duration = Duration::from_millis(100);

/// The stage of one run.
#[derive(Debug)]
pub(crate) struct Stage {
    mix: Mix,
    events: SyncSender<Event>,
    upstream: Upstream,
    reception: Reception,
    tracks: BTreeMap<TrackHandle, OnAir>,
    scene: Scene,
    shown: Option<Composition>,
    plates: Plates,
    link: Option<MixerSender>,
    health: HealthMeter,
    next_tick: Duration,
    late_of_removed: u64,
    /// Packets for which the control thread had no room.
    dropped: Arc<AtomicU64>,
}

/// A track with its decoder.
#[derive(Debug)]
struct OnAir {
    start: TrackStart,
    muted: bool,
    branch: Branch,
}

impl Stage {
    /// A running mix without anybody in it.
    pub(crate) fn new(
        mix: Mix,
        upstream: Upstream,
        events: SyncSender<Event>,
        dropped: Arc<AtomicU64>,
    ) -> Self {
        let now = mix.clock.now();
        Self {
            mix,
            events,
            upstream,
            reception: Reception::default(),
            tracks: BTreeMap::new(),
            scene: Scene::default(),
            shown: None,
            plates: Plates::default(),
            link: None,
            health: HealthMeter::new(now),
            next_tick: now,
            late_of_removed: 0,
            dropped,
        }
    }

    /// Takes the wanted scene.
    pub(crate) fn handle_scene(&mut self, scene: Scene) -> Result<(), MixError> {
        self.scene = scene;
        self.tell(&ToSfu::Watch { participants: scene::wishes(&self.scene) });
        self.arrange()
    }

    /// The link is up: say what is wanted.
    pub(crate) fn handle_link_up(&mut self, link: MixerSender) -> Result<(), MixError> {
        self.link = Some(link);
        self.tell(&ToSfu::Watch { participants: scene::wishes(&self.scene) });
        self.upstream.send(FromChild::Notice(Notice::LinkUp), Bytes::new())
    }

    /// The link is down: nobody is there until it is up again.
    pub(crate) fn handle_link_lost(&mut self, reason: String) -> Result<(), MixError> {
        tracing::warn!(%reason, "the link to the SFU is down");
        self.link = None;
        self.reception.reset();
        self.deliver()?;
        self.upstream.send(FromChild::Notice(Notice::LinkLost { reason }), Bytes::new())
    }

    /// Takes a message of the SFU.
    pub(crate) fn handle_message(&mut self, message: ToMixer) -> Result<(), MixError> {
        if message == ToMixer::RoomClosed
            && let Some(link) = self.link.take()
        {
            // Dialling again enters the room anew, and makes it if it does not exist.
            link.close(link::CloseCode::Done, "the room was closed");
        }
        self.reception.handle_message(self.mix.clock.now(), message);
        self.deliver()
    }

    /// Takes an RTP packet.
    pub(crate) fn handle_rtp(&mut self, track: TrackHandle, rtp: Bytes) -> Result<(), MixError> {
        self.reception.handle_rtp(self.mix.clock.now(), track, rtp);
        self.deliver()
    }

    /// A decoder asks for a keyframe.
    pub(crate) fn handle_decoder_lost(&mut self, track: TrackHandle) -> Result<(), MixError> {
        self.reception.break_off(self.mix.clock.now(), track);
        self.deliver()
    }

    /// How long the control thread may sleep.
    pub(crate) fn timeout(&self) -> Duration {
        let due = self.reception.poll_timeout().map_or(self.next_tick, |due| due.min(self.next_tick));
        due.saturating_sub(self.mix.clock.now())
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self) -> Result<(), MixError> {
        let now = self.mix.clock.now();
        self.reception.handle_timeout(now);
        self.deliver()?;
        if now < self.next_tick {
            return Ok(());
        }
        self.next_tick = now + TICK;
        self.read_bus()?;
        self.arrange()?;
        if now >= self.health.due() {
            let sources = u32::try_from(self.tracks.len()).unwrap_or(u32::MAX);
            let late = self.late_of_removed
                + self.tracks.values().map(|on_air| on_air.branch.decoded().late()).sum::<u64>();
            let health = self.health.report(now, self.mix.screen.frames(), late, sources);
            let (reception, link) = (self.reception.counts(), self.link.as_ref().map(MixerSender::counters));
            let dropped = self.dropped.load(Ordering::Relaxed);
            tracing::debug!(?health, ?reception, ?link, dropped, "a second of the mix");
            let encoded_us = self.mix.encoded_us();
            self.upstream.send(FromChild::Health { health, encoded_us }, Bytes::new())?;
        }
        Ok(())
    }

    /// Ends picture and sound now; how many outputs will report their end.
    pub(crate) fn finish(&mut self) -> usize {
        self.mix.finish();
        self.mix.outputs()
    }

    fn deliver(&mut self) -> Result<(), MixError> {
        while let Some(delivery) = self.reception.poll() {
            match delivery {
                Delivery::Started(start) => self.add(start)?,
                Delivery::Frame { track, pts, data, keyframe } => {
                    let pushed =
                        self.tracks.get_mut(&track).map(|on_air| on_air.branch.push(pts, data, keyframe));
                    if pushed == Some(Pushed::Dropped) {
                        self.reception.break_off(self.mix.clock.now(), track);
                    }
                }
                Delivery::Muted { track, muted } => {
                    if let Some(on_air) = self.tracks.get_mut(&track) {
                        on_air.muted = muted;
                    }
                    self.arrange()?;
                }
                Delivery::Ended { track } => self.remove(track)?,
                Delivery::KeyframeRequest { track } => self.tell(&ToSfu::KeyframeRequest { track }),
            }
        }
        Ok(())
    }

    fn add(&mut self, start: TrackStart) -> Result<(), MixError> {
        let branch = Branch::add(&self.mix, start.track, start.codec, &self.events)?;
        let notice = Notice::TrackStarted {
            identity: start.identity.clone(),
            source: start.source,
            codec: start.codec,
        };
        self.upstream.send(FromChild::Notice(notice), Bytes::new())?;
        self.tracks.insert(start.track, OnAir { muted: start.muted, start, branch });
        self.arrange()
    }

    fn remove(&mut self, track: TrackHandle) -> Result<(), MixError> {
        let Some(on_air) = self.tracks.remove(&track) else { return Ok(()) };
        // Out of the arrangement first, so that its last picture is not missed by its plate.
        self.arrange()?;
        self.late_of_removed += on_air.branch.decoded().late();
        on_air.branch.remove(&self.mix);
        let notice = Notice::TrackEnded { identity: on_air.start.identity, source: on_air.start.source };
        self.upstream.send(FromChild::Notice(notice), Bytes::new())
    }

    /// Brings picture and sound in line with scene and sources, if anything has changed.
    fn arrange(&mut self) -> Result<(), MixError> {
        let now = self.mix.clock.now();
        let composition = scene::compose(&self.scene, &self.sources(now));
        if self.shown.as_ref() == Some(&composition) {
            return Ok(());
        }
        let pictures = self.plates.of(&composition.overlays)?;
        let mut pads = Vec::new();
        for (track, on_air) in &self.tracks {
            let pad = on_air.branch.pad();
            if on_air.start.codec == Codec::Opus {
                pad.set_property("mute", !composition.sounds.contains(track));
                continue;
            }
            let placed = composition.videos.iter().find(|placement| placement.track == *track);
            let state = placed.map_or(PadState::Hidden, |p| PadState::Shown { rect: p.rect, z: p.z });
            pads.push((pad.clone(), state));
        }
        self.mix.screen.show(Arrangement { pads, pictures });
        self.shown = Some(composition);
        Ok(())
    }

    fn sources(&self, now: Duration) -> Vec<Source> {
        let source = |(&track, on_air): (&TrackHandle, &OnAir)| {
            let seen = on_air.branch.decoded().last().is_some_and(|last| now < last + FREEZE);
            let fresh = !on_air.muted && (on_air.start.codec == Codec::Opus || seen);
            Source { track, identity: on_air.start.identity.clone(), kind: on_air.start.source, fresh }
        };
        self.tracks.iter().map(source).collect()
    }

    fn tell(&self, message: &ToSfu) {
        if let Some(Err(error)) = self.link.as_ref().map(|link| link.send(message)) {
            // The link is about to be reported lost, or its SFU does not read: then it will time out.
            tracing::warn!(%error, "cannot tell the SFU");
        }
    }

    fn read_bus(&mut self) -> Result<(), MixError> {
        let Some(bus) = self.mix.pipeline.bus() else { return Ok(()) };
        while let Some(message) = bus.pop() {
            self.handle_bus(&message)?;
        }
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "GStreamer has dozens of messages; we act on four")]
    fn handle_bus(&mut self, message: &gst::Message) -> Result<(), MixError> {
        match message.view() {
            gst::MessageView::Latency(_) => {
                if let Err(error) = self.mix.pipeline.recalculate_latency() {
                    tracing::warn!(%error, "the latency cannot be distributed");
                }
            }
            gst::MessageView::Element(element) => {
                if let Some(dbfs) = element.structure().and_then(rms) {
                    self.health.handle_level(dbfs);
                }
            }
            gst::MessageView::Warning(warning) => {
                tracing::warn!(error = %warning.error(), debug = ?warning.debug(), "a warning of the pipeline");
            }
            gst::MessageView::Error(error) => {
                let source = error.src();
                let owner = source.and_then(|source| {
                    self.tracks.iter().find(|(_, on_air)| on_air.branch.owns(source)).map(|(track, _)| *track)
                });
                let Some(track) = owner else {
                    return Err(MixError::Pipeline {
                        element: source.map(|source| source.name().to_string()).unwrap_or_default(),
                        error: error.error().to_string(),
                        debug: error.debug().map(|debug| debug.to_string()).unwrap_or_default(),
                    });
                };
                tracing::warn!(error = %error.error(), "a decoder failed and is replaced");
                self.replace(track)?;
            }
            _other => {}
        }
        Ok(())
    }

    /// A decoder that failed is beyond repair; a new one begins at the next keyframe.
    fn replace(&mut self, track: TrackHandle) -> Result<(), MixError> {
        let Some(on_air) = self.tracks.remove(&track) else { return Ok(()) };
        let OnAir { start, muted, branch } = on_air;
        self.late_of_removed += branch.decoded().late();
        branch.remove(&self.mix);
        let branch = Branch::add(&self.mix, track, start.codec, &self.events)?;
        self.tracks.insert(track, OnAir { start, muted, branch });
        self.shown = None;
        self.arrange()?;
        self.reception.break_off(self.mix.clock.now(), track);
        self.deliver()
    }
}

/// The loudest channel of a `level` message, in dBFS.
fn rms(level: &gst::StructureRef) -> Option<f64> {
    let channels = level.get::<gst::glib::ValueArray>("rms").ok()?;
    channels.iter().filter_map(|value| value.get::<f64>().ok()).reduce(f64::max)
}
