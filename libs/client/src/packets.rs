//! Frames of one track into RTP packets and sender reports, exactly on the media clock.
//!
//! Pure: the caller says how much media time has passed and which NTP time its start was.

use std::time::Duration;

use bytes::Bytes;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtp::codec::h264::H264Payloader;
use rtc::rtp::codec::opus::OpusPayloader;
use rtc::rtp::codec::vp8::Vp8Payloader;
use rtc::rtp::header::Header;
use rtc::rtp::packet::Packet;
use rtc::rtp::packetizer::Payloader;

use crate::clip::{Clip, Codec};

/// 64-bit NTP time (RFC 5905 §6): seconds since 1900 and their fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ntp(pub u64);

impl Ntp {
    /// From the time since 1970.
    pub(crate) fn from_unix(unix: Duration) -> Self {
        const UNIX_FROM_1900_S: u64 = 2_208_988_800;
        Self(((unix.as_secs() + UNIX_FROM_1900_S) << 32) | fraction(unix.subsec_nanos()))
    }

    fn plus(self, time: Duration) -> Self {
        Self(self.0.wrapping_add((time.as_secs() << 32) | fraction(time.subsec_nanos())))
    }
}

fn fraction(nanos: u32) -> u64 {
    (u64::from(nanos) << 32) / 1_000_000_000
}

/// The RTP side of one published track.
#[derive(Debug)]
pub(crate) struct TrackPackets {
    clip: Clip,
    payloader: Box<dyn Payloader>,
    ssrc: u32,
    payload_type: u8,
    first_timestamp: u32,
    sequence: u16,
    packets: u32,
    octets: u32,
    turn: u32,
    next: usize,
}

impl TrackPackets {
    pub(crate) fn new(clip: Clip, ssrc: u32, payload_type: u8, first: (u16, u32)) -> Self {
        let payloader: Box<dyn Payloader> = match clip.codec {
            Codec::Opus => Box::new(OpusPayloader),
            Codec::Vp8 => {
                let mut vp8 = Vp8Payloader::default();
                vp8.enable_picture_id = true;
                Box::new(vp8)
            }
            Codec::H264 => Box::new(H264Payloader::default()),
        };
        let (sequence, first_timestamp) = first;
        Self {
            clip,
            payloader,
            ssrc,
            payload_type,
            first_timestamp,
            sequence,
            packets: 0,
            octets: 0,
            turn: 0,
            next: 0,
        }
    }

    /// Media time of the frame that is next.
    pub(crate) fn next_at(&self) -> Duration {
        self.clip.length * self.turn + self.clip.frames[self.next].at
    }

    /// Takes the next frame as packets.
    pub(crate) fn take(&mut self) -> Vec<Packet> {
        let timestamp = self.timestamp(self.next_at());
        let frame: Bytes = self.clip.frames[self.next].payload.clone();
        self.next += 1;
        if self.next == self.clip.frames.len() {
            self.next = 0;
            self.turn += 1;
        }
        // A clip's frame that its own payloader refuses is sent as nothing; the fixtures have none.
        let payloads = self.payloader.payload(MAX_PAYLOAD, &frame).unwrap_or_default();
        let count = payloads.len();
        let talks = self.clip.codec.is_audio() && self.packets == 0;
        let packets: Vec<Packet> = payloads
            .into_iter()
            .enumerate()
            .map(|(index, payload)| {
                self.packets = self.packets.wrapping_add(1);
                self.octets = self.octets.wrapping_add(u32::try_from(payload.len()).unwrap_or(0));
                let header = Header {
                    version: 2,
                    // Video: the frame's last packet (RFC 7741 §4.1). Audio: the talk's first (RFC 7587 §4.2).
                    marker: if self.clip.codec.is_audio() { talks } else { index + 1 == count },
                    payload_type: self.payload_type,
                    sequence_number: self.sequence,
                    timestamp,
                    ssrc: self.ssrc,
                    ..Header::default()
                };
                self.sequence = self.sequence.wrapping_add(1);
                Packet { header, payload }
            })
            .collect();
        packets
    }

    /// The sender report of this moment (RFC 3550 §6.4.1): both clocks from the one media clock.
    pub(crate) fn sender_report(&self, start: Ntp, elapsed: Duration) -> SenderReport {
        SenderReport {
            ssrc: self.ssrc,
            ntp_time: start.plus(elapsed).0,
            rtp_time: self.timestamp(elapsed),
            packet_count: self.packets,
            octet_count: self.octets,
            ..SenderReport::default()
        }
    }

    fn timestamp(&self, media: Duration) -> u32 {
        let rate = u128::from(self.clip.codec.clock_rate());
        let ticks = (media.as_nanos() * rate + 500_000_000) / 1_000_000_000;
        // RTP time wraps at 32 bits (RFC 3550 §5.1).
        let wrapped = u32::try_from(ticks & u128::from(u32::MAX)).unwrap_or(0);
        self.first_timestamp.wrapping_add(wrapped)
    }
}

/// Fits any path with SRTP, extensions and IPv6 inside 1,280 bytes.
const MAX_PAYLOAD: usize = 1_160;

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Clip {
        Clip::from_ivf(include_bytes!("../../../testdata/media/clock.ivf")).unwrap()
    }

    #[test]
    fn a_loop_goes_on_in_time_and_sequence() {
        let mut track = TrackPackets::new(clock(), 7, 96, (65_500, u32::MAX - 1_000));
        let mut sequence = 65_500_u16;
        for frame in 0..600_u32 {
            assert_eq!(track.next_at(), Duration::from_millis(40) * frame);
            let packets = track.take();
            assert!(packets.last().unwrap().header.marker);
            for packet in packets {
                assert_eq!(packet.header.sequence_number, sequence);
                assert_eq!(packet.header.timestamp, (u32::MAX - 1_000).wrapping_add(3_600 * frame));
                sequence = sequence.wrapping_add(1);
            }
        }
    }

    #[test]
    fn sender_reports_of_both_tracks_name_the_same_moment() {
        let sound = Clip::from_ogg_opus(include_bytes!("../../../testdata/media/clock.ogg")).unwrap();
        let picture = TrackPackets::new(clock(), 1, 96, (0, 1_000));
        let sound = TrackPackets::new(sound, 2, 111, (0, 2_000));
        let start = Ntp::from_unix(Duration::from_secs(1_700_000_000));
        let at = Duration::from_millis(2_500);
        let (p, s) = (picture.sender_report(start, at), sound.sender_report(start, at));
        assert_eq!(p.ntp_time, s.ntp_time);
        assert_eq!(p.ntp_time >> 32, 1_700_000_000 + 2_208_988_800 + 2);
        assert_eq!(p.ntp_time & 0xffff_ffff, 1 << 31);
        assert_eq!((p.rtp_time - 1_000, s.rtp_time - 2_000), (225_000, 120_000));
    }
}
