//! Synthetic media: packets that look like VP8 or Opus to a server, and say at their end when they were sent.
//!
//! Pure: the caller gives the time, and seals and sends the packets.

use std::time::{Duration, Instant};

use sfu_core::bwe::Bitrate;
use sfu_core::rtp::{
    ExtId, ExtensionBlock, HeaderFields, MAX_HEADER_BYTES, Mid, Pt, Rid, RtpTime, SeqIndex, Ssrc,
    write_header,
};

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// VP8 of this rate, in frames of equal size; a keyframe is [`KEYFRAME`] frames long.
    Video { bitrate: Bitrate, frames_per_second: u32 },
    /// Opus: 20 ms a packet, about 32 kb/s.
    Audio,
}

/// One RTP stream before it starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamPlan {
    pub(crate) kind: Kind,
    pub(crate) ssrc: Ssrc,
    pub(crate) mid: Mid,
    /// Its encoding, with simulcast.
    pub(crate) rid: Option<Rid>,
}

/// One running stream.
#[derive(Debug)]
pub(crate) struct Stream {
    plan: StreamPlan,
    began: Instant,
    next_frame: u32,
    index: SeqIndex,
    keyframe_due: bool,
    packets: u32,
    octets: u32,
}

/// One packet to seal.
pub(crate) struct Packet<'a> {
    pub(crate) header: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) index: SeqIndex,
}

impl Stream {
    /// A stream whose first frame is due at `began`.
    pub(crate) fn new(plan: StreamPlan, began: Instant) -> Self {
        Self { plan, began, next_frame: 0, index: SeqIndex(1), keyframe_due: true, packets: 0, octets: 0 }
    }

    pub(crate) fn ssrc(&self) -> Ssrc {
        self.plan.ssrc
    }

    /// A receiver cannot decode.
    pub(crate) fn request_keyframe(&mut self) {
        self.keyframe_due = true;
    }

    /// When the next frame is due.
    pub(crate) fn next_at(&self) -> Instant {
        self.began + self.interval() * self.next_frame
    }

    /// For a sender report: RTP time of the next frame, packets and payload bytes so far.
    pub(crate) fn report(&self) -> (RtpTime, (u32, u32)) {
        (self.time(), (self.packets, self.octets))
    }

    /// Hands out the packets of the frame that is due, each stamped with `stamp` by the caller's clock.
    /// `transport_seq` is the transport-wide number of the next packet.
    pub(crate) fn take_frame(
        &mut self,
        transport_seq: &mut u16,
        stamp: impl Fn() -> u64,
        mut send: impl FnMut(Packet<'_>),
    ) {
        let keyframe = std::mem::take(&mut self.keyframe_due);
        let bytes = self.frame_bytes(keyframe);
        let count = bytes.div_ceil(MAX_PAYLOAD_BYTES);
        let mut payload = vec![7; (bytes / count).max(MIN_PAYLOAD_BYTES)];
        for place in 0..count {
            self.write_beginning(&mut payload, place == 0, keyframe);
            Stamp(stamp()).write(&mut payload);
            let mut header = [0; MAX_HEADER_BYTES];
            let marker = !matches!(self.plan.kind, Kind::Audio) && place + 1 == count;
            let len = self.write_header(&mut header, marker, *transport_seq);
            send(Packet { header: &header[..len], payload: &payload, index: self.index });
            *transport_seq = transport_seq.wrapping_add(1);
            self.index.0 += 1;
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(u32::try_from(payload.len()).unwrap_or(0));
        }
        self.next_frame += 1;
    }

    fn interval(&self) -> Duration {
        match self.plan.kind {
            Kind::Video { frames_per_second, .. } => Duration::from_secs(1) / frames_per_second.max(1),
            Kind::Audio => Duration::from_millis(20),
        }
    }

    fn time(&self) -> RtpTime {
        let rate = if matches!(self.plan.kind, Kind::Audio) { 48_000 } else { 90_000 };
        let ticks = u128::from(self.next_frame) * self.interval().as_nanos() * rate / 1_000_000_000;
        // RTP time wraps at 32 bits (RFC 3550 §5.1).
        RtpTime(u32::try_from(ticks & u128::from(u32::MAX)).unwrap_or(0))
    }

    fn frame_bytes(&self, keyframe: bool) -> usize {
        match self.plan.kind {
            Kind::Video { bitrate, .. } => {
                let bytes = bitrate.bytes_in(self.interval()).max(MIN_PAYLOAD_BYTES);
                if keyframe { KEYFRAME * bytes } else { bytes }
            }
            Kind::Audio => 80,
        }
    }

    /// The codec's beginning of a payload.
    fn write_beginning(&self, payload: &mut [u8], starts_frame: bool, keyframe: bool) {
        if matches!(self.plan.kind, Kind::Audio) {
            // RFC 6716 §3.1: CELT, 20 ms, mono, one frame.
            payload[0] = 0xf8;
            return;
        }
        let [.., high, low] = self.next_frame.to_be_bytes();
        // RFC 7741 §4.2: all descriptor fields; TL0PICIDX counts frames, as there are no temporal layers.
        let start = if starts_frame { 0x90 } else { 0x80 };
        payload[..6].copy_from_slice(&[start, 0xf0, 0x80 | high, low, low, 0]);
        if starts_frame {
            // RFC 6386 §9.1: frame tag with the P bit, start code and 640 × 360.
            let tag = u8::from(!keyframe);
            payload[6..16].copy_from_slice(&[tag, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
        }
    }

    fn write_header(&self, header: &mut [u8], marker: bool, transport_seq: u16) -> usize {
        let number = transport_seq.to_be_bytes();
        let mut block = ExtensionBlock::new();
        let mut push = |id: u8, value| {
            if let Some(id) = ExtId::new(id) {
                block.push(id, value);
            }
        };
        push(MID_ID, self.plan.mid.as_bytes());
        if let Some(rid) = &self.plan.rid {
            push(RID_ID, rid.as_bytes());
        }
        push(TRANSPORT_CC_ID, &number);
        if matches!(self.plan.kind, Kind::Audio) {
            // RFC 6464: voice at -30 dBov.
            push(AUDIO_LEVEL_ID, &[0x80 | 30]);
        }
        let fields = HeaderFields {
            marker,
            padding: false,
            pt: pt(self.plan.kind),
            seq: self.index.seq(),
            time: self.time(),
            ssrc: self.plan.ssrc,
        };
        write_header(header, &fields, &block).unwrap_or(0)
    }
}

/// When a packet was sent, in nanoseconds of the generator's clock; the last 16 bytes of its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(pub(crate) u64);

impl Stamp {
    fn write(self, payload: &mut [u8]) {
        if let Some(tail) = payload.last_chunk_mut::<STAMP_BYTES>() {
            tail[..8].copy_from_slice(&MARK);
            tail[8..].copy_from_slice(&self.0.to_be_bytes());
        }
    }

    /// `None` for a payload that is not ours: padding, a probe.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (mark, nanos) = payload.last_chunk::<STAMP_BYTES>()?.split_first_chunk::<8>()?;
        let nanos = u64::from_be_bytes(nanos.try_into().ok()?);
        (*mark == MARK).then_some(Self(nanos))
    }
}

/// Our payload type of this kind; our offers say the same.
pub(crate) fn pt(kind: Kind) -> Pt {
    let number = match kind {
        Kind::Video { .. } => VIDEO_PT,
        Kind::Audio => AUDIO_PT,
    };
    Pt::new(number).expect("96 and 111 are dynamic payload types")
}

pub(crate) const VIDEO_PT: u8 = 96;
pub(crate) const AUDIO_PT: u8 = 111;
/// Extension ids of our offers.
pub(crate) const MID_ID: u8 = 1;
pub(crate) const RID_ID: u8 = 2;
pub(crate) const TRANSPORT_CC_ID: u8 = 3;
pub(crate) const AUDIO_LEVEL_ID: u8 = 4;

/// A keyframe has this many frames' bytes.
const KEYFRAME: usize = 4;
/// Fits any path with SRTP, extensions and IPv6 inside 1,280 bytes.
const MAX_PAYLOAD_BYTES: usize = 1_160;
/// Descriptor, frame header and stamp.
const MIN_PAYLOAD_BYTES: usize = 16 + STAMP_BYTES;
const STAMP_BYTES: usize = 16;
const MARK: [u8; 8] = *b"DaisLoad";

#[cfg(test)]
mod tests {
    use sfu_core::rtp::RtpHeader;

    use super::*;

    fn video() -> Stream {
        let kind = Kind::Video { bitrate: Bitrate::from_kbps(2_000), frames_per_second: 30 };
        let mid = Mid::new(b"0").unwrap();
        Stream::new(StreamPlan { kind, ssrc: Ssrc(5), mid, rid: None }, Instant::now())
    }

    fn frame(stream: &mut Stream) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        let mut seq = 0;
        stream.take_frame(&mut seq, || 42, |p| packets.push([p.header, p.payload].concat()));
        packets
    }

    #[test]
    fn two_megabits_are_eight_packets_a_frame_and_a_keyframe_four_times_that() {
        let mut stream = video();
        let first = frame(&mut stream);
        assert_eq!((first.len(), frame(&mut stream).len()), (29, 8));
        stream.request_keyframe();
        assert_eq!(frame(&mut stream).len(), 29);
    }

    #[test]
    fn a_packet_carries_its_stamp_and_a_frame_ends_with_the_marker() {
        let packets = frame(&mut video());
        for (place, packet) in packets.iter().enumerate() {
            let header = RtpHeader::parse(packet).unwrap();
            assert_eq!(header.marker, place + 1 == packets.len());
            assert_eq!(Stamp::read(&packet[header.payload]), Some(Stamp(42)));
        }
    }

    #[test]
    fn foreign_payload_has_no_stamp() {
        assert_eq!(Stamp::read(&[7; 100]), None);
        assert_eq!(Stamp::read(&[]), None);
    }

    #[test]
    fn frames_are_due_at_the_pace_of_their_rate() {
        let mut stream = video();
        let began = stream.next_at();
        for _ in 0..30 {
            frame(&mut stream);
        }
        let passed = stream.next_at() - began;
        assert!((Duration::from_millis(999)..=Duration::from_secs(1)).contains(&passed), "{passed:?}");
    }
}
