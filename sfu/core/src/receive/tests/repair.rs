//! What is missing, and what is asked for again.

use super::*;

/// The times at which `seqs` are asked for in the next 3 s.
fn asked(scene: &mut Scene, from: u64, seqs: &[u16]) -> Vec<u64> {
    let mut times = Vec::new();
    for millis in from..from + 3_000 {
        scene.at(millis);
        let said = scene.rtcp();
        if !said.nacked.is_empty() {
            assert_eq!(said.nacked, seqs);
            times.push(millis - from);
        }
    }
    times
}

fn answer(osn: u16) -> Spec<'static> {
    let [high, low] = osn.to_be_bytes();
    Spec::new(51, RTX, osn).payload(&[high, low, 0x10, 0x01, 7])
}

#[test]
fn a_gap_is_asked_for_at_once_then_nine_times_a_usual_round_trip_apart() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 65_534));
    scene.receive(&Spec::new(50, VP8, 1));
    assert!(scene.reception.is_urgent(scene.now));
    let asked = asked(&mut scene, 0, &[65_535, 0]);
    assert_eq!(asked, [0, 110, 220, 330, 440, 550, 660, 770, 880, 990]);
    assert_eq!(scene.counters.nacks, 20);
}

#[test]
fn requests_are_repeated_after_the_round_trip_that_the_fastest_answer_took() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 1));
    for (number, took) in [(3u16, 500), (5, 200), (7, 350)] {
        let before = scene.now;
        scene.receive(&Spec::new(50, VP8, number));
        scene.rtcp();
        scene.now = before + Duration::from_millis(took);
        scene.receive(&answer(number - 1));
    }
    // A late original says nothing of the round trip.
    scene.receive(&Spec::new(50, VP8, 9));
    scene.rtcp();
    scene.receive(&Spec::new(50, VP8, 8));
    scene.receive(&Spec::new(50, VP8, 11));
    let asked = asked(&mut scene, 2_000, &[10]);
    assert_eq!(asked[..4], [0, 220, 440, 660]);
}

#[test]
fn where_much_is_lost_each_request_is_sent_three_times() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 1));
    for number in 1..60 {
        scene.receive(&Spec::new(50, VP8, 2 * number + 1));
        scene.rtcp();
        scene.now += Duration::from_millis(100);
        scene.receive(&answer(2 * number));
    }
    scene.receive(&Spec::new(50, VP8, 121));
    let asked = asked(&mut scene, 10_000, &[120]);
    assert_eq!(asked[..7], [0, 20, 40, 100, 120, 140, 200]);
    assert_eq!(asked.len(), 30);
}

#[test]
fn a_model_of_a_browser_asks_after_a_fixed_time() {
    let mut scene = one_layer();
    scene.reception = Reception::new(Codec::Vp8, 1, OURS).asking_each(Duration::from_millis(100));
    scene.receive(&Spec::new(50, VP8, 1));
    scene.receive(&Spec::new(50, VP8, 3));
    assert_eq!(asked(&mut scene, 0, &[2]), (0..10).map(|n| 100 * n).collect::<Vec<_>>());
}

#[test]
fn a_retransmission_fills_the_gap_and_is_not_asked_for_again() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 1));
    scene.receive(&Spec::new(50, VP8, 4));
    assert_eq!(scene.rtcp().nacked, [2, 3]);
    let rtx = |osn: u8| Spec::new(51, RTX, 900 + u16::from(osn)).payload(&[0, osn, 0x10, 0x01, osn]);
    assert_eq!(scene.receive(&rtx(3)), Accepted::Stored);
    assert_eq!(scene.receive(&rtx(3)), Accepted::Dropped);
    scene.at(110);
    assert_eq!(scene.rtcp().nacked, [2]);
    assert_eq!((scene.counters.recovered, scene.counters.rtx_useless), (1, 1));
    let ring = scene.reception.ring(EncodingIndex(0)).unwrap();
    let newest = ring.get(crate::ring::PacketRef(2)).unwrap();
    assert_eq!((newest.facts.index.seq(), newest.payload), (SeqNo(3), &[0x10, 0x01, 3][..]));
}

#[test]
fn a_jump_beyond_five_hundred_is_not_asked_for() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 10));
    scene.receive(&Spec::new(50, VP8, 12));
    scene.receive(&Spec::new(50, VP8, 700));
    assert!(scene.rtcp().nacked.is_empty());
}

#[test]
fn padding_fills_its_number_and_is_kept_without_payload() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 1));
    scene.receive(&Spec::new(50, VP8, 2).padding_only());
    scene.receive(&Spec::new(50, VP8, 3));
    assert!(scene.rtcp().nacked.is_empty());
    assert_eq!(scene.counters.padding_only, 1);
    let ring = scene.reception.ring(EncodingIndex(0)).unwrap();
    assert!(ring.get(crate::ring::PacketRef(1)).unwrap().payload.is_empty());
}

#[test]
fn a_retransmission_stream_with_padding_only_is_a_probe() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 1));
    let probe = Spec::new(51, RTX, 1).padding_only().ext(TWCC, &[0, 5]);
    assert_eq!(scene.route(&probe), Err(ReceiveDrop::Probe));
    assert_eq!(scene.counters.padding_only, 1);
}

#[test]
fn sound_is_neither_asked_for_again_nor_for_keyframes() {
    let mut section = single("0", "mic", Some(50), None);
    section.payloads = Payloads(vec![(pt(OPUS), PayloadKind::Media(Codec::Opus))]);
    let mut scene = Scene::new(vec![section]);
    scene.reception = Reception::new(Codec::Opus, 1, OURS);
    scene.receive(&Spec::new(50, OPUS, 1));
    scene.receive(&Spec::new(50, OPUS, 5));
    scene.reception.request_keyframe(EncodingIndex(0));
    assert!(!scene.reception.is_urgent(scene.now));
    assert_eq!(scene.rtcp(), Said::default());
}
