//! ⑤ The receiving side of one publication: its encodings together, and the RTCP about them.

use std::ops::Range;
use std::time::{Duration, Instant};

pub use super::encoding::Accepted;
use super::encoding::Encoding;
use super::{EncodingIndex, MAX_ENCODINGS, MAX_TEMPORAL, Routed, SenderClock};
use crate::bwe::Bitrate;
use crate::codec::Codec;
use crate::codec::dependency::Structure;
use crate::ring::{PacketFacts, PacketRef, Ring, RingPacket};
use crate::rtcp;
use crate::rtp::{SeqNo, Ssrc};
use crate::stats::ReceiveCounters;

/// The receiving side of one publication.
///
/// After a batch of [`Self::handle_rtp`], every subscription forwards the [fresh](Self::fresh) packets, then
/// [`Self::clear_fresh`] ends the turn.
#[derive(Debug)]
pub struct Reception {
    codec: Codec,
    encodings: Vec<Encoding>,
    /// SSRC in our RTCP towards the publisher.
    sender: Ssrc,
    next_report: Option<Instant>,
    /// Reused for each NACK.
    missing: Vec<SeqNo>,
}

/// Receiver reports leave each second.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

impl Reception {
    /// A publication of `encodings` encodings (1 to 3) that has not sent anything yet.
    ///
    /// `sender` is the SSRC of our reports on the publisher's transport, as in [`super::Inbound::new`].
    #[must_use]
    pub fn new(codec: Codec, encodings: usize, sender: Ssrc) -> Self {
        let count = encodings.clamp(1, MAX_ENCODINGS);
        Self {
            codec,
            encodings: (0..count).map(|_| Encoding::new(codec)).collect(),
            sender,
            next_report: None,
            missing: Vec::new(),
        }
    }

    /// The same, asking for missing packets each time after this wait, whatever the path is like.
    ///
    /// So does a browser that only receives, and therefore measures no round trip: a model of it uses this.
    #[must_use]
    pub fn asking_each(mut self, wait: Duration) -> Self {
        for encoding in &mut self.encodings {
            encoding.nack.set_wait(wait);
        }
        self
    }

    /// Its codec.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// How many encodings it has at most; spatial layers of one stream count.
    #[must_use]
    pub fn encoding_count(&self) -> usize {
        if self.is_scalable() { MAX_ENCODINGS } else { self.encodings.len() }
    }

    /// How many streams it has.
    #[must_use]
    pub fn stream_count(&self) -> usize {
        self.encodings.len()
    }

    /// Its encodings are the spatial layers of one stream (SVC).
    #[must_use]
    pub fn is_scalable(&self) -> bool {
        self.codec.is_scalable() && self.encodings.len() == 1
    }

    /// Takes one packet that [`super::Inbound::route`] gave to this publication.
    pub fn handle_rtp<P>(
        &mut self,
        now: Instant,
        routed: &Routed<P>,
        packet: &[u8],
        counters: &mut ReceiveCounters,
    ) -> Accepted {
        let Some(encoding) = self.encodings.get_mut(routed.encoding.index()) else {
            counters.unknown_ssrc += 1;
            return Accepted::Dropped;
        };
        self.next_report.get_or_insert(now + REPORT_INTERVAL);
        let accepted = encoding.handle_rtp(now, self.codec, routed, packet, counters);
        if routed.marker && !routed.retransmitted && accepted == Accepted::Stored {
            for (place, other) in self.encodings.iter_mut().enumerate() {
                if place != routed.encoding.index() {
                    other.note_frame_elsewhere();
                }
            }
        }
        accepted
    }

    /// Takes a packet that another shard has received for the same publication.
    ///
    /// Nothing is asked of a publisher for it; what is missing, the other shard asks for.
    pub fn handle_relayed(
        &mut self,
        encoding: EncodingIndex,
        facts: PacketFacts,
        descriptor: &[u8],
        payload: &[u8],
    ) {
        if let Some(encoding) = self.encodings.get_mut(encoding.index()) {
            encoding.handle_relayed(facts, descriptor, payload);
        }
    }

    /// Takes a sender report that [`super::Inbound::handle_rtcp`] gave to this publication.
    pub fn handle_sender_clock(&mut self, now: Instant, encoding: EncodingIndex, clock: SenderClock) {
        if let Some(encoding) = self.encodings.get_mut(encoding.index()) {
            encoding.clock = Some(clock);
            encoding.report.on_sender_report(now, clock);
        }
    }

    /// A subscriber needs a keyframe of this encoding. Sound has none.
    pub fn request_keyframe(&mut self, encoding: EncodingIndex) {
        if self.codec.is_audio() {
            return;
        }
        let stream = if self.is_scalable() { 0 } else { encoding.index() };
        if let Some(encoding) = self.encodings.get_mut(stream) {
            encoding.keyframes.request();
        }
    }

    /// True while a keyframe of this encoding is asked for and has not begun.
    #[must_use]
    pub fn is_keyframe_requested(&self, encoding: EncodingIndex) -> bool {
        let stream = if self.is_scalable() { 0 } else { encoding.index() };
        self.encodings.get(stream).is_some_and(|encoding| encoding.keyframes.is_open())
    }

    /// Appends what is due: NACKs, keyframe requests, the receiver report. `out` is one compound packet to
    /// seal towards the publisher (reduced size, RFC 5506).
    pub fn poll_rtcp(&mut self, now: Instant, out: &mut Vec<u8>, counters: &mut ReceiveCounters) {
        if self.next_report.is_some_and(|at| at <= now) {
            self.next_report = Some(now + REPORT_INTERVAL);
            let blocks = self.encodings.iter_mut().filter_map(|e| e.report.block(now, e.ssrc?));
            let blocks: Vec<_> = blocks.collect();
            rtcp::write_receiver_report(out, self.sender, &blocks);
        }
        for encoding in &mut self.encodings {
            let Some(ssrc) = encoding.ssrc else { continue };
            // Sound is repaired by RED; its packets are never asked for again.
            if encoding.has_stopped(now) {
                // Nobody is shown the rest of it.
                encoding.nack.forget_missing();
            }
            if !self.codec.is_audio() {
                self.missing.clear();
                if encoding.nack.poll(now, &mut self.missing) {
                    encoding.keyframes.request();
                }
                counters.nacks += self.missing.len() as u64;
                rtcp::write_nack(out, self.sender, ssrc, &self.missing);
            }
            if encoding.keyframes.poll_send(now) {
                counters.plis += 1;
                rtcp::write_pli(out, self.sender, ssrc);
            }
        }
    }

    /// When [`Self::poll_rtcp`] is due. An instant in the past means now: a gap was found or a keyframe is
    /// wanted.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let report = self.next_report;
        let encodings = self.encodings.iter().filter(|e| e.ssrc.is_some()).flat_map(|e| {
            let nack = if self.codec.is_audio() { None } else { e.nack.poll_timeout() };
            [nack, e.keyframes.poll_timeout()]
        });
        encodings.chain([report]).flatten().min()
    }

    /// True when [`Self::poll_rtcp`] has something to say that should not wait for the next timeout: a new
    /// gap, or the first keyframe request. Ask after each batch and after each request.
    #[must_use]
    pub fn is_urgent(&self, now: Instant) -> bool {
        let asks = |e: &Encoding| {
            let gap = !self.codec.is_audio() && e.nack.is_urgent();
            gap || (e.keyframes.is_pending() && e.keyframes.poll_timeout().is_none_or(|at| at <= now))
        };
        self.encodings.iter().any(|e| e.ssrc.is_some() && asks(e))
    }

    /// Positions of the packets of `encoding` that were not fanned out yet.
    #[must_use]
    pub fn fresh(&self, encoding: EncodingIndex) -> Range<u64> {
        self.encodings.get(encoding.index()).map_or(0..0, Encoding::fresh)
    }

    /// Ends the turn: what is in the rings now counts as fanned out.
    pub fn clear_fresh(&mut self) {
        for encoding in &mut self.encodings {
            encoding.clear_fresh();
        }
    }

    /// A packet of an encoding; `None` when newer ones took its place.
    #[must_use]
    pub fn packet(&self, encoding: EncodingIndex, packet: PacketRef) -> Option<RingPacket<'_>> {
        self.encodings.get(encoding.index())?.ring.get(packet)
    }

    /// The ring of an encoding.
    #[must_use]
    pub fn ring(&self, encoding: EncodingIndex) -> Option<&Ring> {
        self.encodings.get(encoding.index()).map(|encoding| &encoding.ring)
    }

    /// The publisher's last sender report for an encoding.
    #[must_use]
    pub fn sender_clock(&self, encoding: EncodingIndex) -> Option<SenderClock> {
        self.encodings.get(encoding.index())?.clock
    }

    /// The dependency structure that frames of this version name their templates in.
    #[must_use]
    pub fn structure(&self, stream: EncodingIndex, version: u8) -> Option<&Structure> {
        self.encodings.get(stream.index())?.structure(version)
    }

    /// Bits per second of an encoding over the last second, as forwarded packets take them. Zero: the publisher
    /// does not send it.
    #[must_use]
    pub fn bitrate(&self, now: Instant, encoding: EncodingIndex) -> Bitrate {
        if self.is_scalable() {
            return self.bitrates(now, encoding)[MAX_TEMPORAL - 1];
        }
        self.encodings.get(encoding.index()).map_or(Bitrate::ZERO, |encoding| encoding.bitrate(now))
    }

    /// The same, up to each temporal layer; equal where a layer adds nothing.
    #[must_use]
    pub fn bitrates(&self, now: Instant, encoding: EncodingIndex) -> [Bitrate; MAX_TEMPORAL] {
        if self.is_scalable() {
            return self.encodings[0].layer_bitrates(now, encoding.index());
        }
        self.encodings.get(encoding.index()).map_or([Bitrate::ZERO; MAX_TEMPORAL], |e| e.bitrates(now))
    }

    /// Frames a second of an encoding up to each temporal layer; equal where a layer adds nothing.
    #[must_use]
    pub fn frame_rates(&self, now: Instant, encoding: EncodingIndex) -> [u64; MAX_TEMPORAL] {
        let stream = if self.is_scalable() { 0 } else { encoding.index() };
        self.encodings.get(stream).map_or([0; MAX_TEMPORAL], |stream| stream.frame_rates(now))
    }

    /// Bytes on the heap, for the memory figures.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let rings: usize = self.encodings.iter().map(|encoding| encoding.ring.heap_bytes()).sum();
        rings
            + self.encodings.capacity() * size_of::<Encoding>()
            + self.missing.capacity() * size_of::<SeqNo>()
    }
}
