//! Receiver and sender reports, and transport-wide feedback.

use super::*;

#[test]
fn a_receiver_report_counts_loss_and_names_the_last_sender_report() {
    let mut scene = one_layer();
    for seq in (0..100u16).filter(|seq| seq % 4 != 0 || *seq == 0) {
        scene.at(u64::from(seq) * 10);
        scene.receive(&Spec::new(50, VP8, seq.wrapping_add(65_500)));
        scene.rtcp();
    }
    scene.at(990);
    let clock = SenderClock { ntp: NtpTime(0x1111_2222_3333_4444), rtp_time: RtpTime(5) };
    scene.reception.handle_sender_clock(scene.now, EncodingIndex(0), clock);
    scene.at(1_490);
    let report = scene.rtcp().reports[0];
    assert_eq!(report.ssrc, Ssrc(50));
    assert_eq!(report.cumulative_lost, 24);
    assert_eq!(report.fraction_lost, u8::try_from(24 * 256 / 100).unwrap());
    assert_eq!(report.highest_seq, 65_500 + 99);
    assert_eq!(report.last_sr, 0x2222_3333);
    assert_eq!(report.delay_since_last_sr, 32_768);
    assert!(scene.rtcp().reports.is_empty());
}

#[test]
fn jitter_grows_with_uneven_arrival_and_is_zero_for_an_even_one() {
    for (uneven, expected) in [(0, 0..=0), (10, 800..=1_000)] {
        let mut scene = one_layer();
        for frame in 0..200u16 {
            scene.at(u64::from(frame) * 33 + u64::from(frame % 2) * uneven);
            let mut spec = Spec::new(50, VP8, frame);
            spec.time = u32::from(frame) * 33 * 90;
            scene.receive(&spec);
        }
        scene.at(7_000);
        let report = scene.rtcp().reports[0];
        assert!(expected.contains(&report.jitter), "{} ticks", report.jitter);
    }
}

#[test]
fn sender_reports_reach_the_encoding_of_their_source() {
    let mut scene = Scene::new(vec![simulcast(Vec::new())]);
    scene.route(&Spec::new(20, VP8, 1).ext(MID, b"1").ext(RID, b"h")).unwrap();
    let mut compound = Vec::new();
    rtcp::write_sender_report(&mut compound, Ssrc(20), (NtpTime(5), RtpTime(6)), (0, 0));
    rtcp::write_sender_report(&mut compound, Ssrc(99), (NtpTime(7), RtpTime(8)), (0, 0));
    let mut heard = Vec::new();
    scene.inbound.handle_rtcp(&compound, &mut scene.counters, |publication, encoding, clock| {
        heard.push((publication, encoding, clock));
    });
    let clock = SenderClock { ntp: NtpTime(5), rtp_time: RtpTime(6) };
    assert_eq!(heard, [("camera", EncodingIndex(1), clock)]);
}

#[test]
fn every_arrival_is_told_within_fifty_milliseconds() {
    let mut scene = one_layer();
    let mut told = std::collections::BTreeMap::new();
    for step in 0..1_000u64 {
        scene.at(step * 7);
        let number = u16::try_from((65_000 + step) % 65_536).unwrap();
        let twcc = number.to_be_bytes();
        if step % 10 != 3 {
            // Unknown sources count too: they used the path.
            let _ = scene.route(&Spec::new(77, VP8, 1).ext(TWCC, &twcc));
        }
        let mut out = Vec::new();
        scene.inbound.poll_rtcp(scene.now, &mut out);
        for packet in rtcp::packets(&out) {
            let RtcpPacket::TransportFeedback(feedback) = packet.unwrap() else { panic!() };
            for arrival in feedback.arrivals() {
                let index = (u64::from(arrival.seq.0) + 65_536 - 65_000) % 65_536;
                assert!(step - index <= 8, "number {index} told at {step}");
                assert_eq!(told.insert(index, arrival.at_micros), None, "told twice");
            }
        }
    }
    for (&index, at) in &told {
        assert_eq!(at.is_none(), index % 10 == 3, "number {index}");
        if let Some(at) = at {
            let expected = i64::try_from(index * 7_000).unwrap();
            assert!((at - expected).abs() <= 250, "number {index} at {at}");
        }
    }
    assert!(told.len() > 980);
}

#[test]
fn an_overtaken_packet_is_told_with_what_came_after_it_unless_it_is_too_late() {
    let mut scene = one_layer();
    let mut arrive = |millis: u64, number: u16| {
        scene.at(millis);
        let _ = scene.route(&Spec::new(77, VP8, 1).ext(TWCC, &number.to_be_bytes()));
        let mut out = Vec::new();
        scene.inbound.poll_rtcp(scene.now, &mut out);
        let packets = rtcp::packets(&out).map(|packet| {
            let RtcpPacket::TransportFeedback(feedback) = packet.unwrap() else { panic!() };
            feedback.arrivals().collect::<Vec<_>>()
        });
        let arrivals = packets.flatten();
        arrivals.map(|arrival| (arrival.seq.0, arrival.at_micros.map(|at| at / 1_000))).collect::<Vec<_>>()
    };
    assert_eq!(arrive(0, 10), []);
    assert_eq!(arrive(20, 11), []);
    assert_eq!(arrive(50, 13), [(10, Some(0)), (11, Some(20)), (12, None), (13, Some(50))]);
    assert_eq!(arrive(60, 14), []);
    assert_eq!(arrive(100, 12), [(12, Some(100)), (13, Some(50)), (14, Some(60))]);
    assert_eq!(arrive(160, 15), [(15, Some(160))], "each arrival is told once more at most");
    assert_eq!(arrive(800, 17), [(16, None), (17, Some(800))]);
    assert_eq!(arrive(900, 14), [], "what was told already is not told again");
    assert_eq!(arrive(1_000, 13), [], "nor what is older than half a second");
    assert_eq!(arrive(1_100, 18), [(18, Some(1_100))]);
}
