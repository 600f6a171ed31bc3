//! All tracks that come from the SFU: packets in, frames with their place on the mix's clock out, and wishes
//! for keyframes. Virtual time; no socket and no decoder.
//!
//! ```text
//! ① rtp ─▶ ② jitter ─▶ ③ depacketise ─▶ (held until the track has a sender report) ─▶ ④ clock ─▶ Delivery
//! ```

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use wire::link::{Codec, ToMixer, TrackHandle, TrackSource};

use super::clock::{ParticipantClock, TrackClock};
use super::depacketise::{Depacketiser, Frame, Piece};
use super::jitter::Jitter;
use super::rtp;
use super::time::from_ns;

/// How long frames wait for the track's first sender report. The SFU sends the last one at once, so this
/// passes only for a publisher of whom the SFU itself has none; libwebrtc sends its first within 2.5 s.
const MAX_HOLD: Duration = Duration::from_secs(2);
/// Frames held at most.
const MAX_HELD: usize = 1_000;
/// Shortest time between two keyframe requests of one track: an answer takes a round trip and costs the
/// publisher several frames' worth of bits.
const KEYFRAME_REQUEST_INTERVAL: Duration = Duration::from_millis(500);
/// Packets kept of tracks that were not announced yet: a datagram may overtake `TrackStarted`.
const MAX_EARLY: usize = 256;
/// The compositor shows the newest frame that begins before the *end* of an output frame, so pictures are
/// half an output frame early on average: 1/60 s.
const HALF_OUTPUT_FRAME_NS: i64 = 16_666_667;

/// What the reception hands on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// A track begins.
    Started(TrackStart),
    /// A frame for the track's decoder.
    Frame {
        /// The track.
        track: TrackHandle,
        /// When it is to be shown or heard; the decoder may need it even when that has passed.
        pts: Duration,
        /// See [`Frame::data`].
        data: Bytes,
        /// See [`Frame::keyframe`].
        keyframe: bool,
    },
    /// The publisher muted or unmuted.
    Muted {
        /// The track.
        track: TrackHandle,
        /// New state.
        muted: bool,
    },
    /// The track is over.
    Ended {
        /// The track.
        track: TrackHandle,
    },
    /// To be sent to the SFU.
    KeyframeRequest {
        /// The track.
        track: TrackHandle,
    },
}

/// A track that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrackStart {
    /// The track.
    pub(crate) track: TrackHandle,
    /// Who publishes it.
    pub(crate) identity: String,
    /// What it shows or sounds.
    pub(crate) source: TrackSource,
    /// How it is coded.
    pub(crate) codec: Codec,
    /// Muted from the start.
    pub(crate) muted: bool,
}

/// Counts over all tracks, ended ones included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ReceptionCounts {
    /// Packets that never came, or too late.
    pub(crate) lost_packets: u64,
    /// Frames dropped because a part or a keyframe was missing.
    pub(crate) dropped_frames: u64,
    /// Packets that were no RTP or of no known track.
    pub(crate) unusable_packets: u64,
    /// Corrections of participants' clocks.
    pub(crate) clock_steps: u64,
}

/// The receiving half of the mixer.
#[derive(Debug, Default)]
pub(crate) struct Reception {
    tracks: BTreeMap<TrackHandle, Track>,
    clocks: HashMap<String, ParticipantClock>,
    early: VecDeque<(TrackHandle, Bytes)>,
    deliveries: VecDeque<Delivery>,
    past: ReceptionCounts,
}

#[derive(Debug)]
struct Track {
    identity: String,
    video: bool,
    jitter: Jitter<Piece>,
    depacketiser: Depacketiser,
    clock: TrackClock,
    /// Frames without a place on the clock, and since when.
    held: VecDeque<Frame>,
    held_since: Option<Duration>,
    delivered: bool,
    asked_keyframe: Option<Duration>,
}

impl Reception {
    /// Takes a message of the SFU.
    pub(crate) fn handle_message(&mut self, now: Duration, message: ToMixer) {
        match message {
            ToMixer::TrackStarted { track, identity, source, codec, muted } => {
                self.start(now, TrackStart { track, identity, source, codec, muted });
            }
            ToMixer::TrackMuted { track, muted } => {
                if self.tracks.contains_key(&track) {
                    self.deliveries.push_back(Delivery::Muted { track, muted });
                }
            }
            ToMixer::TrackEnded { track } => self.end(track),
            ToMixer::SenderReport { track, ntp, rtp_time } => {
                let Some(known) = self.tracks.get_mut(&track) else { return };
                if let Some(seen) = known.clock.handle_report(ntp, rtp_time) {
                    let clock = self.clocks.entry(known.identity.clone()).or_default();
                    clock.observe(now, seen, !known.delivered);
                }
                self.advance(now, track);
            }
            ToMixer::RoomClosed => self.reset(),
        }
    }

    /// Takes one RTP packet.
    pub(crate) fn handle_rtp(&mut self, now: Duration, track: TrackHandle, bytes: Bytes) {
        let Some(known) = self.tracks.get_mut(&track) else {
            if self.early.len() >= MAX_EARLY {
                self.early.pop_front();
                self.past.unusable_packets += 1;
            }
            self.early.push_back((track, bytes));
            return;
        };
        let Some(packet) = rtp::parse(&bytes) else {
            self.past.unusable_packets += 1;
            return;
        };
        let (ticks, seen) = known.clock.handle_packet(now, packet.rtp_time);
        if let Some(seen) = seen {
            let clock = self.clocks.entry(known.identity.clone()).or_default();
            clock.observe(now, seen, !known.delivered);
        }
        let rtp::Packet { seq, marker, payload, .. } = packet;
        known.jitter.handle(now, seq, Piece { ticks, arrival: now, marker, payload });
        self.advance(now, track);
    }

    /// Gives up on what has waited long enough. Call when [`Self::poll_timeout`] has passed.
    pub(crate) fn handle_timeout(&mut self, now: Duration) {
        let due: Vec<TrackHandle> = self.tracks.keys().copied().collect();
        for track in due {
            self.advance(now, track);
        }
    }

    /// The track's decoder lost its way: drop up to the next keyframe and ask for one.
    pub(crate) fn break_off(&mut self, now: Duration, track: TrackHandle) {
        if let Some(known) = self.tracks.get_mut(&track) {
            known.depacketiser.break_off();
            known.ask_keyframe(now, track, &mut self.deliveries);
        }
    }

    /// Ends all tracks, because the link or the room is gone.
    pub(crate) fn reset(&mut self) {
        let all: Vec<TrackHandle> = self.tracks.keys().copied().collect();
        all.into_iter().for_each(|track| self.end(track));
        self.early.clear();
    }

    /// Next thing to hand on. Call until `None` after every `handle_*`.
    pub(crate) fn poll(&mut self) -> Option<Delivery> {
        self.deliveries.pop_front()
    }

    /// When [`Self::handle_timeout`] is due; `None` while nothing waits.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        let of_track = |track: &Track| {
            let held = track.held_since.map(|since| since + MAX_HOLD);
            [track.jitter.poll_timeout(), held].into_iter().flatten().min()
        };
        self.tracks.values().filter_map(of_track).min()
    }

    /// Counts so far.
    pub(crate) fn counts(&self) -> ReceptionCounts {
        let mut counts = self.past;
        self.tracks.values().for_each(|track| track.add_to(&mut counts));
        counts.clock_steps += self.clocks.values().map(ParticipantClock::steps).sum::<u64>();
        counts
    }

    fn start(&mut self, now: Duration, start: TrackStart) {
        let track = start.track;
        let (video, rate) = match start.codec {
            Codec::Opus => (false, 48_000),
            Codec::Vp8 | Codec::H264 => (true, 90_000),
        };
        let fresh = Track {
            identity: start.identity.clone(),
            video,
            jitter: Jitter::new(),
            depacketiser: Depacketiser::new(start.codec),
            clock: TrackClock::new(rate),
            held: VecDeque::new(),
            held_since: None,
            delivered: false,
            asked_keyframe: None,
        };
        self.tracks.insert(track, fresh);
        self.deliveries.push_back(Delivery::Started(start));
        let (ours, others): (VecDeque<_>, VecDeque<_>) =
            self.early.drain(..).partition(|(handle, _)| *handle == track);
        self.early = others;
        ours.into_iter().for_each(|(_, bytes)| self.handle_rtp(now, track, bytes));
    }

    fn end(&mut self, track: TrackHandle) {
        let Some(gone) = self.tracks.remove(&track) else { return };
        gone.add_to(&mut self.past);
        self.deliveries.push_back(Delivery::Ended { track });
        // The last track of somebody: a later publication of theirs starts with a fresh offset.
        if !self.tracks.values().any(|track| track.identity == gone.identity) {
            let clock = self.clocks.remove(&gone.identity);
            self.past.clock_steps += clock.map_or(0, |clock| clock.steps());
        }
    }

    /// Moves everything on as far as it goes.
    fn advance(&mut self, now: Duration, track: TrackHandle) {
        let Some(known) = self.tracks.get_mut(&track) else { return };
        while let Some(turn) = known.jitter.poll(now) {
            let held = &mut known.held;
            let dropped = known.depacketiser.dropped();
            known.depacketiser.handle(turn.item, turn.after_gap, |frame| held.push_back(frame));
            if known.depacketiser.awaits_keyframe()
                && (dropped != known.depacketiser.dropped() || turn.after_gap)
            {
                known.ask_keyframe(now, track, &mut self.deliveries);
            }
        }
        if known.held.is_empty() {
            return;
        }
        let since = *known.held_since.get_or_insert(now);
        if now >= since + MAX_HOLD || known.held.len() > MAX_HELD {
            known.clock.assume_report();
        }
        let offset = self.clocks.get(&known.identity).and_then(ParticipantClock::offset_ns);
        let shift = if known.video { HALF_OUTPUT_FRAME_NS } else { 0 };
        while let Some(frame) = known.held.front() {
            let Some(running) = known.clock.running_ns(frame.ticks, offset) else { return };
            let Some(frame) = known.held.pop_front() else { return };
            known.held_since = None;
            // Before the mix began: nobody will see it, but the next pictures build on it.
            let pts = from_ns(running + shift).or(known.video.then_some(Duration::ZERO));
            if let Some(pts) = pts {
                known.delivered = true;
                let Frame { data, keyframe, .. } = frame;
                self.deliveries.push_back(Delivery::Frame { track, pts, data, keyframe });
            }
        }
    }
}

impl Track {
    fn ask_keyframe(&mut self, now: Duration, track: TrackHandle, deliveries: &mut VecDeque<Delivery>) {
        if self.video && self.asked_keyframe.is_none_or(|asked| now >= asked + KEYFRAME_REQUEST_INTERVAL) {
            self.asked_keyframe = Some(now);
            deliveries.push_back(Delivery::KeyframeRequest { track });
        }
    }

    fn add_to(&self, counts: &mut ReceptionCounts) {
        counts.lost_packets += self.jitter.lost() + self.jitter.late();
        counts.dropped_frames += self.depacketiser.dropped();
    }
}

#[cfg(test)]
mod tests;
