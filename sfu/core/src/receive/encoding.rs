//! ⑤ One RTP stream of a publication: order, gaps, ring, clock and rate.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::MAX_TEMPORAL;
use super::backlog::Backlog;
use super::keyframe::KeyframeRequests;
use super::nack::{NackGenerator, Novelty};
use super::report::ReceptionReport;
use super::scalable::Scalable;
use super::{Routed, SenderClock};
use crate::bwe::{Bitrate, RateMeter};
use crate::codec::dependency::{DescriptorError, Structure};
use crate::codec::{Codec, PayloadFacts, PayloadForm};
use crate::ring::{PacketFacts, PacketRef, Ring, RingLimits};
use crate::rtp::{SeqIndex, SeqNo, SeqUnwrapper, Ssrc};
use crate::stats::ReceiveCounters;

/// What became of a packet of an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is in the ring; fan it out.
    Stored,
    /// It was counted and dropped.
    Dropped,
}

/// One encoding.
#[derive(Debug)]
pub(crate) struct Encoding {
    pub(crate) ssrc: Option<Ssrc>,
    pub(crate) ring: Ring,
    pub(crate) nack: NackGenerator,
    pub(crate) report: ReceptionReport,
    pub(crate) keyframes: KeyframeRequests,
    /// The publisher's last sender report.
    pub(crate) clock: Option<SenderClock>,
    unwrapper: SeqUnwrapper,
    /// Counts restarts of the stream.
    generation: u8,
    /// A number far behind: if the next one follows it, the stream has restarted.
    stray: Option<SeqNo>,
    /// Of each temporal layer alone; without those packets whose layers `scalable` knows.
    rates: [RateMeter; MAX_TEMPORAL],
    /// Frames of each temporal layer alone.
    frames: [RateMeter; MAX_TEMPORAL],
    backlog: Backlog,
    /// The layers of VP9 and AV1.
    scalable: Option<Box<Scalable>>,
    last_arrival: Option<Instant>,
    /// When its highest number last rose, and how many frames the other encodings ended since.
    last_rise: Option<Instant>,
    frames_elsewhere: u32,
    /// Position of the first packet that was not fanned out yet.
    fresh_from: u64,
}

/// Nothing for so long, and then a gap: the path was gone.
const OUTAGE: Duration = Duration::from_millis(400);
/// With fewer missing than this, asking for them costs less: a screen that changes now and then.
const OUTAGE_PACKETS: u64 = 10;

/// Nothing new for so long while the other encodings go on: its publisher turned it off, most likely because its
/// path carries less. Encoders leave out a few frames of their own accord.
const STOPPED: Duration = Duration::from_millis(300);
const STOPPED_FRAMES: u32 = 8;

/// RTP header with the transport-wide number, and the SRTP tag: what a forwarded payload takes beside itself.
const OVERHEAD_BYTES: usize = 36;

/// Packets that may overtake the first one of a keyframe.
const MAX_OVERTAKEN: u64 = 64;

/// The layer's rate is averaged over this long.
const RATE_WINDOW: Duration = Duration::from_secs(1);

impl Encoding {
    pub(crate) fn new(codec: Codec) -> Self {
        let limits = if codec.is_audio() { RingLimits::AUDIO } else { RingLimits::VIDEO };
        Self {
            ssrc: None,
            ring: Ring::new(limits),
            nack: NackGenerator::default(),
            report: ReceptionReport::default(),
            keyframes: KeyframeRequests::default(),
            clock: None,
            unwrapper: SeqUnwrapper::default(),
            generation: 0,
            stray: None,
            rates: std::array::from_fn(|_| RateMeter::new(RATE_WINDOW)),
            frames: std::array::from_fn(|_| RateMeter::new(RATE_WINDOW)),
            backlog: Backlog::default(),
            scalable: codec.is_scalable().then(|| Box::new(Scalable::new(RATE_WINDOW))),
            last_arrival: None,
            last_rise: None,
            frames_elsewhere: 0,
            fresh_from: 0,
        }
    }

    pub(crate) fn handle_rtp<P>(
        &mut self,
        now: Instant,
        codec: Codec,
        routed: &Routed<P>,
        packet: &[u8],
        counters: &mut ReceiveCounters,
    ) -> Accepted {
        if let Some(ssrc) = routed.ssrc
            && self.ssrc != Some(ssrc)
        {
            if self.ssrc.is_some() {
                self.restart();
            }
            self.ssrc = Some(ssrc);
        }
        self.look_for_outage(now, codec, routed.seq);
        let Some(novelty) = self.place(now, routed.seq, routed.retransmitted) else {
            counters.rtx_useless += 1;
            return Accepted::Dropped;
        };
        match (novelty, routed.retransmitted) {
            (Novelty::Newest, _) | (Novelty::Late, false) => {}
            (Novelty::Late, true) => counters.recovered += 1,
            (Novelty::Duplicate | Novelty::TooOld, true) => counters.rtx_useless += 1,
            (Novelty::Duplicate, false) => counters.duplicate += 1,
            (Novelty::TooOld, false) => counters.too_old += 1,
        }
        if matches!(novelty, Novelty::Duplicate | Novelty::TooOld) {
            return Accepted::Dropped;
        }
        if novelty == Novelty::Newest && !routed.retransmitted {
            self.last_rise = Some(now);
            self.frames_elsewhere = 0;
        }
        self.store(now, codec, routed, packet, counters)
    }

    /// Another encoding of the publication ended a frame.
    pub(crate) fn note_frame_elsewhere(&mut self) {
        self.frames_elsewhere = self.frames_elsewhere.saturating_add(1);
    }

    /// Its publisher has turned it off, while other encodings go on. What is sent again of it may still come.
    pub(crate) fn has_stopped(&self, now: Instant) -> bool {
        self.frames_elsewhere >= STOPPED_FRAMES && self.last_rise.is_none_or(|at| now >= at + STOPPED)
    }

    /// After an outage of the publisher's path a keyframe comes sooner, and costs less, than all that is
    /// missing.
    fn look_for_outage(&mut self, now: Instant, codec: Codec, seq: SeqNo) {
        let silence = self.last_arrival.replace(now).map(|at| now.saturating_duration_since(at));
        let Some(highest) = self.unwrapper.highest() else { return };
        let before = SeqIndex(crate::rtp::nearest(highest, seq).0.saturating_sub(1));
        let misses = before.0 > highest.0 + OUTAGE_PACKETS;
        if misses && !codec.is_audio() && silence.is_some_and(|silence| silence >= OUTAGE) {
            self.nack.skip_to(before);
            self.keyframes.request();
        }
    }

    /// Where the number stands among the others; `None` for a retransmission before any media.
    fn place(&mut self, now: Instant, seq: SeqNo, retransmitted: bool) -> Option<Novelty> {
        if retransmitted && self.unwrapper.highest().is_none() {
            return None;
        }
        let index = self.unwrapper.unwrap(seq);
        let novelty = self.nack.receive(now, index, retransmitted);
        if novelty == Novelty::TooOld && !retransmitted {
            // RFC 3550 appendix A.1: two packets in sequence far from the rest are a restart.
            if self.stray == Some(seq) {
                self.restart();
                self.unwrapper.unwrap(seq);
                return Some(self.nack.receive(now, self.unwrapper.highest()?, false));
            }
            self.stray = Some(seq.next());
        } else {
            self.stray = None;
        }
        Some(novelty)
    }

    /// The publisher began a new stream; packets of the old one no longer matter.
    fn restart(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        self.unwrapper = SeqUnwrapper::default();
        self.nack.reset();
        self.report = ReceptionReport::default();
        self.clock = None;
        self.backlog = Backlog::default();
        self.stray = None;
        if let Some(scalable) = &mut self.scalable {
            scalable.restart();
        }
    }

    fn store<P>(
        &mut self,
        now: Instant,
        codec: Codec,
        routed: &Routed<P>,
        packet: &[u8],
        counters: &mut ReceiveCounters,
    ) -> Accepted {
        let Some(highest) = self.unwrapper.highest() else { return Accepted::Dropped };
        let index = crate::rtp::nearest(highest, routed.seq);
        let payload = &packet[routed.payload.clone()];
        let descriptor = &packet[routed.dependency_descriptor.clone()];
        let mut facts = if payload.is_empty() {
            counters.padding_only += 1;
            PayloadFacts::default()
        } else {
            PayloadFacts::read(codec, routed.red, payload)
        };
        if !routed.retransmitted {
            // A retransmission's delay would count as jitter.
            self.report.receive(now, index, routed.time, codec.clock_rate());
            if index == highest {
                self.backlog.receive(now, routed.time, codec.clock_rate());
            }
        }
        if let Some(scalable) = &mut self.scalable
            && !payload.is_empty()
            && read_layers(scalable, &mut facts, descriptor, index == highest).is_err()
            && index == highest
        {
            // A structure was lost; another comes with the next keyframe.
            self.keyframes.request();
        }
        let bytes = payload.len() + OVERHEAD_BYTES;
        let temporal = match (&facts.form, &mut self.scalable) {
            (PayloadForm::Scalable { frame: Some(frame), .. }, Some(scalable)) => {
                scalable.count(now, frame, bytes);
                frame.layer.temporal
            }
            (PayloadForm::Vp8(descriptor), _) => {
                self.rates[usize::from(descriptor.temporal).min(MAX_TEMPORAL - 1)].add(now, bytes);
                descriptor.temporal
            }
            (PayloadForm::Plain | PayloadForm::Red | PayloadForm::Scalable { .. }, _) => {
                self.rates[0].add(now, bytes);
                0
            }
        };
        if routed.marker {
            // The last packet of a picture (RFC 7741 §4.1, RFC 6184 §5.1, RFC 9628 §4.1).
            self.frames[usize::from(temporal).min(MAX_TEMPORAL - 1)].add(now, 1);
        }
        let starts_keyframe = facts.starts_keyframe;
        if starts_keyframe && !codec.is_audio() {
            self.keyframes.on_keyframe();
            counters.keyframes += 1;
        }
        let facts = PacketFacts {
            index,
            generation: self.generation,
            time: routed.time,
            marker: routed.marker,
            received_at: now,
            payload: facts,
            audio_level: routed.audio_level,
            orientation: routed.orientation,
        };
        if self.ring.push(facts, descriptor, payload).is_none() {
            counters.oversized += 1;
            return Accepted::Dropped;
        }
        counters.packets += 1;
        counters.bytes += packet.len() as u64;
        if starts_keyframe && index < highest {
            self.read_overtaken(index);
        }
        Accepted::Stored
    }

    /// Takes a packet that another shard has received.
    pub(crate) fn handle_relayed(&mut self, facts: PacketFacts, descriptor: &[u8], payload: &[u8]) {
        if let (Some(scalable), PayloadForm::Scalable { frame: Some(frame), .. }) =
            (&mut self.scalable, &facts.payload.form)
        {
            scalable.follow(descriptor, frame.structure);
        }
        self.ring.push(facts, descriptor, payload);
    }

    /// A structure came late: packets that overtook it can be read now.
    fn read_overtaken(&mut self, first: SeqIndex) {
        let Some(scalable) = &mut self.scalable else { return };
        let live = self.ring.live();
        for position in live.end.saturating_sub(MAX_OVERTAKEN).max(live.start)..live.end {
            let name = PacketRef(position);
            let Some(packet) = self.ring.get(name) else { continue };
            let is_unread = matches!(packet.facts.payload.form, PayloadForm::Scalable { frame: None, .. });
            if !is_unread || packet.facts.index < first || packet.facts.generation != self.generation {
                continue;
            }
            let read = scalable.read_descriptor(packet.dependency_descriptor, false);
            if let (Ok((frame, _)), Some(facts)) = (read, self.ring.facts_mut(name))
                && let PayloadForm::Scalable { frame: unread, .. } = &mut facts.payload.form
            {
                *unread = Some(frame);
            }
        }
    }

    /// Ring positions of the packets that were not fanned out yet.
    pub(crate) fn fresh(&self) -> Range<u64> {
        self.fresh_from..self.ring.head().0
    }

    pub(crate) fn clear_fresh(&mut self) {
        self.fresh_from = self.ring.head().0;
    }

    /// Bits per second over the last second, as forwarded packets take them; zero when nothing came in it, or it
    /// [has stopped](Self::has_stopped). What had waited on the way and came at once counts as spread over its own time.
    pub(crate) fn bitrate(&self, now: Instant) -> Bitrate {
        self.bitrates(now)[MAX_TEMPORAL - 1]
    }

    /// The same, up to each temporal layer.
    pub(crate) fn bitrates(&self, now: Instant) -> [Bitrate; MAX_TEMPORAL] {
        if let Some(scalable) = self.scalable.as_deref().filter(|scalable| scalable.is_known()) {
            return self.layer_bitrates(now, scalable.largest(now));
        }
        if self.has_stopped(now) {
            return [Bitrate::ZERO; MAX_TEMPORAL];
        }
        let share = self.share_of_now();
        let mut sum = Bitrate::ZERO;
        std::array::from_fn(|temporal| {
            sum.0 += self.rates[temporal].rate(now).scaled(share).0;
            sum
        })
    }

    /// Frames a second up to each temporal layer.
    pub(crate) fn frame_rates(&self, now: Instant) -> [u64; MAX_TEMPORAL] {
        let mut sum = 0;
        std::array::from_fn(|temporal| {
            sum += self.frames[temporal].per(now, Duration::from_secs(1));
            sum
        })
    }

    /// The same, of one spatial layer with all that it needs. A stream whose layers are unknown has one.
    pub(crate) fn layer_bitrates(&self, now: Instant, spatial: usize) -> [Bitrate; MAX_TEMPORAL] {
        match self.scalable.as_deref().filter(|scalable| scalable.is_known()) {
            Some(scalable) => {
                let share = self.share_of_now();
                scalable.bitrates(now, spatial).map(|rate| rate.scaled(share))
            }
            None if spatial == 0 => self.bitrates(now),
            None => [Bitrate::ZERO; MAX_TEMPORAL],
        }
    }

    /// How much of what came within the window belongs to it: the rest had waited before.
    fn share_of_now(&self) -> f64 {
        let window = RATE_WINDOW.as_secs_f64();
        window / (window + self.backlog.made_up().as_secs_f64())
    }

    /// The structure that frames of this version name their templates in.
    pub(crate) fn structure(&self, version: u8) -> Option<&Structure> {
        self.scalable.as_ref()?.structure(version)
    }
}

/// Adds the layers to what is known of a payload of VP9 or AV1.
fn read_layers(
    scalable: &mut Scalable,
    facts: &mut PayloadFacts,
    descriptor: &[u8],
    is_newest: bool,
) -> Result<(), DescriptorError> {
    let vp9 = match &facts.form {
        PayloadForm::Scalable { vp9, .. } => *vp9,
        PayloadForm::Plain | PayloadForm::Vp8(_) | PayloadForm::Red => None,
    };
    if !descriptor.is_empty() {
        let read = scalable.read_descriptor(descriptor, is_newest);
        facts.form = PayloadForm::Scalable { frame: read.as_ref().ok().map(|(frame, _)| *frame), vp9 };
        // The payload may be encrypted from end to end; the descriptor is not.
        facts.starts_keyframe = read.as_ref().is_ok_and(|&(_, starts)| starts);
        return read.map(|_| ());
    }
    if scalable.has_structure() {
        // The publisher stops to send descriptors with a keyframe, or one got lost on the way.
        if !facts.starts_keyframe {
            facts.form = PayloadForm::Scalable { frame: None, vp9 };
            return Ok(());
        }
        scalable.restart();
    }
    let frame = vp9.as_ref().and_then(|vp9| scalable.read_vp9(vp9, is_newest));
    facts.form = match frame {
        Some(_) => PayloadForm::Scalable { frame, vp9 },
        // Nothing tells its layers: everybody gets everything.
        None => PayloadForm::Plain,
    };
    Ok(())
}
