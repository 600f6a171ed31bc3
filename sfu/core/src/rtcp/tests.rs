use std::time::Duration;

use super::*;
use crate::rtp::{RtpTime, SeqNo, Ssrc};

fn only(bytes: &[u8]) -> RtcpPacket<'_> {
    let mut packets = packets(bytes);
    let first = packets.next().unwrap().unwrap();
    assert!(packets.next().is_none());
    first
}

#[test]
fn a_sender_report_reads_back() {
    let mut out = Vec::new();
    write_sender_report(&mut out, Ssrc(7), (NtpTime(0x1122334455667788), RtpTime(99)), (3, 400));
    write_sdes_cname(&mut out, Ssrc(7), "somebody");
    let found: Vec<_> = packets(&out).collect::<Result<_, _>>().unwrap();
    let RtcpPacket::SenderReport(report) = &found[0] else { panic!("{found:?}") };
    assert_eq!(report.ssrc, Ssrc(7));
    assert_eq!(report.ntp, NtpTime(0x1122334455667788));
    assert_eq!(report.ntp.middle(), 0x33445566);
    assert_eq!((report.rtp_time, report.packets, report.octets), (RtpTime(99), 3, 400));
    assert_eq!(found[1], RtcpPacket::Other);
}

#[test]
fn a_receiver_report_reads_back() {
    let block = ReportBlock {
        ssrc: Ssrc(5),
        fraction_lost: 12,
        cumulative_lost: -3,
        highest_seq: 0x0001_0002,
        jitter: 44,
        last_sr: 0xaabbccdd,
        delay_since_last_sr: 65_536,
    };
    let other = ReportBlock { cumulative_lost: 0x7f_ffff, ..block };
    let mut out = Vec::new();
    write_receiver_report(&mut out, Ssrc(1), &[block, other]);
    let RtcpPacket::ReceiverReport(blocks) = only(&out) else { panic!() };
    assert_eq!(blocks.iter().collect::<Vec<_>>(), [block, other]);
}

#[test]
fn a_nack_packs_sixteen_followers_and_reads_back_across_the_wrap() {
    let missing: Vec<_> = [65_530, 65_531, 10, 11, 12, 40, 57].map(SeqNo).to_vec();
    let mut out = Vec::new();
    write_nack(&mut out, Ssrc(1), Ssrc(2), &missing);
    // 65530 + 16 = 10; 11 + 16 = 27; so 65530…10, 11…12, 40, 57.
    assert_eq!(out.len(), 12 + 4 * 4);
    let RtcpPacket::Nack(nack) = only(&out) else { panic!() };
    assert_eq!(nack.media, Ssrc(2));
    assert_eq!(nack.missing().collect::<Vec<_>>(), missing);
}

#[test]
fn no_missing_packets_write_no_nack() {
    let mut out = Vec::new();
    write_nack(&mut out, Ssrc(1), Ssrc(2), &[]);
    assert!(out.is_empty());
}

#[test]
fn pli_fir_and_bye_read_back() {
    let mut out = Vec::new();
    write_pli(&mut out, Ssrc(1), Ssrc(2));
    assert_eq!(only(&out), RtcpPacket::Pli(Ssrc(2)));
    out.clear();
    write_fir(&mut out, Ssrc(1), Ssrc(2), 9);
    let RtcpPacket::Fir(targets) = only(&out) else { panic!() };
    assert_eq!(targets.iter().collect::<Vec<_>>(), [Ssrc(2)]);
    out.clear();
    write_bye(&mut out, Ssrc(3));
    let RtcpPacket::Bye(bye) = only(&out) else { panic!() };
    assert_eq!(bye.iter().collect::<Vec<_>>(), [Ssrc(3)]);
}

fn micros(value: u64) -> Option<Duration> {
    Some(Duration::from_micros(value))
}

/// Writes arrivals in as many messages as it takes and reads them back on one clock.
fn round_trip(base: SeqNo, arrivals: &[Option<Duration>]) -> (usize, Vec<(u16, Option<i64>)>) {
    let (mut rest, mut base, mut messages, mut found) = (arrivals, base, 0u8, Vec::new());
    while !rest.is_empty() {
        let mut out = Vec::new();
        let taken = write_twcc(&mut out, (Ssrc(1), Ssrc(2)), messages, base, rest);
        let RtcpPacket::TransportFeedback(feedback) = only(&out) else { panic!() };
        assert_eq!(feedback.feedback_count, messages);
        assert_eq!(usize::from(feedback.count), taken);
        found.extend(feedback.arrivals().map(|arrival| (arrival.seq.0, arrival.at_micros)));
        base = SeqNo(base.0.wrapping_add(u16::try_from(taken).unwrap()));
        rest = &rest[taken..];
        messages += 1;
    }
    (usize::from(messages), found)
}

#[test]
fn transport_feedback_reads_back_with_gaps_reordering_and_long_pauses() {
    let arrivals = [
        micros(1_000_000),
        micros(1_000_250),
        None,
        micros(1_000_000), // arrived before its predecessor
        None,
        None,
        micros(1_100_000), // more than 63.75 ms later
        micros(3_000_000),
        None,
        micros(3_000_000),
    ];
    let (messages, found) = round_trip(SeqNo(65_532), &arrivals);
    assert_eq!(messages, 1);
    for (place, arrival) in arrivals.iter().enumerate() {
        let seq = 65_532u16.wrapping_add(u16::try_from(place).unwrap());
        let at = arrival.map(|at| i64::try_from(at.as_micros()).unwrap());
        assert_eq!(found[place], (seq, at));
    }
}

#[test]
fn a_pause_beyond_sixteen_bits_starts_another_message() {
    let arrivals = [micros(0), micros(9_000_000), micros(9_000_250)];
    let (messages, found) = round_trip(SeqNo(1), &arrivals);
    assert_eq!(messages, 2);
    assert_eq!(found, [(1, Some(0)), (2, Some(9_000_000)), (3, Some(9_000_250))]);
}

#[test]
fn many_arrivals_take_several_messages_of_bounded_size() {
    let arrivals: Vec<_> = (0..1_000).map(|place| micros(250 * place)).collect();
    let (messages, found) = round_trip(SeqNo(65_000), &arrivals);
    assert_eq!(messages, 3);
    assert_eq!(found.len(), 1_000);
    let mut out = Vec::new();
    write_twcc(&mut out, (Ssrc(1), Ssrc(2)), 0, SeqNo(0), &arrivals);
    assert!(out.len() <= 1_100, "{} bytes", out.len());
}

/// Browsers send run lengths and one-bit vectors too.
#[test]
fn transport_feedback_with_run_lengths_and_one_bit_vectors_is_read() {
    let mut bytes = vec![0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    bytes.extend_from_slice(&[0, 10, 0, 20, 0, 0, 2, 5]); // base 10, 20 statuses, reference 2, count 5
    bytes.extend_from_slice(&[0x20, 0x03]); // run of 3 small
    bytes.extend_from_slice(&[0xa0, 0x00]); // one bit: 14 statuses, the first received
    bytes.extend_from_slice(&[0x40, 0x03]); // run of 3 large
    bytes.extend_from_slice(&[4, 4, 4, 4, 0, 8, 0, 8, 0xff, 0xf8]);
    bytes.extend_from_slice(&[0, 0][..(4 - bytes.len() % 4) % 4]);
    let words = u8::try_from(bytes.len() / 4 - 1).unwrap();
    bytes[3] = words;
    let RtcpPacket::TransportFeedback(feedback) = only(&bytes) else { panic!() };
    let found: Vec<_> = feedback.arrivals().filter_map(|a| Some((a.seq.0, a.at_micros?))).collect();
    let start = 2 * 64_000;
    assert_eq!(
        found,
        [
            (10, start + 1_000),
            (11, start + 2_000),
            (12, start + 3_000),
            (13, start + 4_000),
            (27, start + 6_000),
            (28, start + 8_000),
            (29, start + 6_000),
        ]
    );
}

#[test]
fn feedback_that_promises_more_than_it_holds_is_refused() {
    let mut out = Vec::new();
    let arrivals = [micros(0), micros(500), micros(1_000)];
    write_twcc(&mut out, (Ssrc(1), Ssrc(2)), 0, SeqNo(1), &arrivals);
    out[14..16].copy_from_slice(&u16::MAX.to_be_bytes());
    assert_eq!(packets(&out).next(), Some(Err(RtcpError::Feedback)));
}

#[test]
fn packets_before_a_broken_one_count() {
    let mut out = Vec::new();
    write_pli(&mut out, Ssrc(1), Ssrc(2));
    out.extend_from_slice(&[0x80, 200, 0, 50]);
    let found: Vec<_> = packets(&out).collect();
    assert_eq!(found, [Ok(RtcpPacket::Pli(Ssrc(2))), Err(RtcpError::Truncated(200))]);
}

#[test]
fn ntp_differences_become_ticks_in_both_directions() {
    let a = NtpTime(10 << 32);
    let b = NtpTime((10 << 32) + (1 << 31));
    assert_eq!(b.ticks_since(a, 90_000), 45_000);
    assert_eq!(a.ticks_since(b, 48_000), -24_000);
}

#[test]
fn mutated_compounds_never_panic() {
    let mut whole = Vec::new();
    write_sender_report(&mut whole, Ssrc(7), (NtpTime(1), RtpTime(2)), (3, 4));
    write_sdes_cname(&mut whole, Ssrc(7), "x");
    write_nack(&mut whole, Ssrc(1), Ssrc(2), &[SeqNo(1), SeqNo(5)]);
    write_fir(&mut whole, Ssrc(1), Ssrc(2), 1);
    write_twcc(&mut whole, (Ssrc(1), Ssrc(2)), 0, SeqNo(1), &[micros(0), None, micros(90_000), micros(0)]);
    write_bye(&mut whole, Ssrc(3));
    for len in 0..=whole.len() {
        for place in 0..len {
            for value in [0, 1, 0x1f, 0x7f, 0x80, 0x8f, 0xa0, 0xff] {
                let mut bytes = whole[..len].to_vec();
                bytes[place] = value;
                for packet in packets(&bytes).flatten() {
                    match packet {
                        RtcpPacket::SenderReport(report) => drop(report.blocks.iter().count()),
                        RtcpPacket::ReceiverReport(blocks) => drop(blocks.iter().count()),
                        RtcpPacket::Bye(bye) => drop(bye.iter().count()),
                        RtcpPacket::Nack(nack) => assert!(nack.missing().count() <= 17 * bytes.len()),
                        RtcpPacket::Fir(targets) => drop(targets.iter().count()),
                        RtcpPacket::TransportFeedback(feedback) => {
                            assert_eq!(feedback.arrivals().count(), usize::from(feedback.count));
                        }
                        RtcpPacket::Pli(_) | RtcpPacket::Other => {}
                    }
                }
            }
        }
    }
}
