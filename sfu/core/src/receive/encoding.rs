//! ⑤ One RTP stream of a publication: order, gaps, ring, clock and rate.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::MAX_TEMPORAL;
use super::backlog::Backlog;
use super::keyframe::KeyframeRequests;
use super::nack::{NackGenerator, Novelty};
use super::report::ReceptionReport;
use super::{Routed, SenderClock};
use crate::bwe::{Bitrate, RateMeter};
use crate::codec::{Codec, PayloadFacts, PayloadForm};
use crate::ring::{PacketFacts, Ring, RingLimits};
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
    /// Of each temporal layer alone.
    rates: [RateMeter; MAX_TEMPORAL],
    backlog: Backlog,
    last_arrival: Option<Instant>,
    /// Position of the first packet that was not fanned out yet.
    fresh_from: u64,
}

/// Nothing for so long, and then a gap: the path was gone.
const OUTAGE: Duration = Duration::from_millis(400);
/// With fewer missing than this, asking for them costs less: a screen that changes now and then.
const OUTAGE_PACKETS: u64 = 10;

/// RTP header with the transport-wide number, and the SRTP tag: what a forwarded payload takes beside itself.
const OVERHEAD_BYTES: usize = 36;

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
            backlog: Backlog::default(),
            last_arrival: None,
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
        let Some(novelty) = self.place(routed.seq, routed.retransmitted) else {
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
        self.store(now, codec, routed, packet, counters)
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
    fn place(&mut self, seq: SeqNo, retransmitted: bool) -> Option<Novelty> {
        if retransmitted && self.unwrapper.highest().is_none() {
            return None;
        }
        let index = self.unwrapper.unwrap(seq);
        let novelty = self.nack.receive(index);
        if novelty == Novelty::TooOld && !retransmitted {
            // RFC 3550 appendix A.1: two packets in sequence far from the rest are a restart.
            if self.stray == Some(seq) {
                self.restart();
                self.unwrapper.unwrap(seq);
                return Some(self.nack.receive(self.unwrapper.highest()?));
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
        let facts = if payload.is_empty() {
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
        let temporal = match &facts.form {
            PayloadForm::Vp8(descriptor) => usize::from(descriptor.temporal).min(MAX_TEMPORAL - 1),
            PayloadForm::Plain | PayloadForm::Red => 0,
        };
        self.rates[temporal].add(now, payload.len() + OVERHEAD_BYTES);
        if facts.starts_keyframe && !codec.is_audio() {
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
        let descriptor = &packet[routed.dependency_descriptor.clone()];
        if self.ring.push(facts, descriptor, payload).is_none() {
            counters.oversized += 1;
            return Accepted::Dropped;
        }
        counters.packets += 1;
        counters.bytes += packet.len() as u64;
        Accepted::Stored
    }

    /// Takes a packet that another shard has received.
    pub(crate) fn handle_relayed(&mut self, facts: PacketFacts, descriptor: &[u8], payload: &[u8]) {
        self.ring.push(facts, descriptor, payload);
    }

    /// Ring positions of the packets that were not fanned out yet.
    pub(crate) fn fresh(&self) -> Range<u64> {
        self.fresh_from..self.ring.head().0
    }

    pub(crate) fn clear_fresh(&mut self) {
        self.fresh_from = self.ring.head().0;
    }

    /// Bits per second over the last second, as forwarded packets take them; zero when nothing came in it. What
    /// had waited on the way and came at once counts as spread over its own time.
    pub(crate) fn bitrate(&self, now: Instant) -> Bitrate {
        self.bitrates(now)[MAX_TEMPORAL - 1]
    }

    /// The same, up to each temporal layer.
    pub(crate) fn bitrates(&self, now: Instant) -> [Bitrate; MAX_TEMPORAL] {
        let window = RATE_WINDOW.as_secs_f64();
        let share = window / (window + self.backlog.made_up().as_secs_f64());
        let mut sum = Bitrate::ZERO;
        std::array::from_fn(|temporal| {
            sum.0 += self.rates[temporal].rate(now).scaled(share).0;
            sum
        })
    }
}
