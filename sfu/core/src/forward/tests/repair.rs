use std::collections::{BTreeMap, BTreeSet};

use super::scene::*;

const FRAME_US: u64 = 33_333;

#[test]
fn a_missing_packet_is_sent_again_with_its_own_rewrite() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.target(2);
    scene.send(camera.frame(Frame::new(2, 0).key()));
    scene.now_us = FRAME_US;
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, FRAME_US).key()));
    let sent = scene.take();
    scene.nack(&[2, 5]);
    let again = scene.take();
    assert_eq!(again.len(), 2);
    for (rtx, number, place) in [(&again[0], 2u16, 1), (&again[1], 5, 4)] {
        let original = &sent[place];
        assert_eq!((rtx.ssrc, rtx.pt), (VIEWER_RTX, 124));
        assert_eq!(rtx.payload[..2], number.to_be_bytes());
        assert_eq!(rtx.payload[2..], original.payload);
        assert_eq!((rtx.time, rtx.marker), (original.time, original.marker));
        assert!(rtx.transport_cc.is_some());
    }
    assert_eq!((again[0].seq, again[1].seq), (1, 2));
}

#[test]
fn what_was_never_sent_or_has_left_the_ring_is_counted() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key()));
    scene.nack(&[500]);
    assert_eq!(scene.counters.forward.rtx_missing, 1);
    for frame in 1..1_000 {
        scene.now_us = frame * FRAME_US;
        scene.send(camera.frame(Frame::new(0, scene.now_us)));
    }
    scene.take();
    scene.nack(&[1]);
    assert_eq!((scene.take().len(), scene.counters.forward.rtx_missing), (0, 2));
}

#[test]
fn a_storm_of_nacks_is_cut_by_the_budget() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key().packets(60).bytes(1_100)));
    scene.let_go();
    assert_eq!(scene.take().len(), 60);
    let missing: Vec<u16> = (1..=60).collect();
    for _ in 0..50 {
        scene.nack(&missing);
    }
    let bytes: usize = scene.take().iter().map(|got| got.payload.len()).sum();
    // Half of 800 kb/s is 50 kB for each second.
    assert!((45_000..=50_000).contains(&bytes), "{bytes} bytes");
    assert!(scene.counters.forward.rtx_over_budget > 500);
}

#[test]
fn a_nack_that_cannot_know_of_the_last_answer_gets_no_other() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key()));
    scene.take();
    scene.nack(&[2]);
    scene.now_us += 5_000;
    scene.nack(&[2]);
    assert_eq!((scene.take().len(), scene.counters.forward.rtx_under_way), (1, 1));
    // Who waits for the second answer has waited for long: it comes twice.
    scene.now_us += 6_000;
    scene.nack(&[2]);
    assert_eq!(scene.take().len(), 2);
}

#[test]
fn on_a_path_that_loses_much_each_nack_is_answered_whatever_the_round_trip() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.report_round_trip(&mut camera, 200_000);
    for (lossy, answers) in [(false, 0), (true, 2)] {
        if lossy {
            scene.congestion.bwe_mut().assume_inherent_loss(0.2);
        }
        scene.nack(&[2]);
        scene.take();
        scene.now_us += 100_000;
        scene.nack(&[2]);
        assert_eq!(scene.take().len(), answers, "lossy: {lossy}");
    }
}

#[test]
fn on_a_path_that_loses_by_itself_the_first_answer_comes_twice() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key()));
    scene.take();
    for (seq, loss, answers) in [(1, 0.001, 1), (2, 0.01, 2)] {
        scene.congestion.bwe_mut().assume_inherent_loss(loss);
        scene.nack(&[seq]);
        assert_eq!(scene.take().len(), answers, "loss: {loss}");
    }
}

/// A lossy, reordering path to the viewer; NACKs come back after a round trip.
#[test]
fn with_five_percent_loss_every_packet_arrives_in_the_end() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    let mut rng = Rng(0x1357_9bdf_0246_8ace);
    scene.target(0);
    let mut received = BTreeMap::new();
    let mut missing: BTreeMap<u16, u64> = BTreeMap::new();
    let mut highest = 0u16;
    for frame in 0..1_500u64 {
        scene.now_us = frame * FRAME_US;
        let spec = Frame::new(0, scene.now_us).bytes(1_000);
        scene.send(camera.frame(if frame == 0 { spec.key() } else { spec }));
        // Ask for what has been missing for a round trip of 100 ms.
        let due: Vec<u16> =
            missing.iter().filter(|(_, at)| **at + 100_000 <= scene.now_us).map(|(seq, _)| *seq).collect();
        for &seq in &due {
            missing.insert(seq, scene.now_us);
        }
        scene.nack(&due);
        for got in scene.take() {
            if rng.below(20) == 0 {
                continue;
            }
            let is_rtx = got.ssrc == VIEWER_RTX;
            let seq = if is_rtx { u16::from_be_bytes([got.payload[0], got.payload[1]]) } else { got.seq };
            let payload = if is_rtx { got.payload[2..].to_vec() } else { got.payload };
            received.insert(seq, payload);
            missing.remove(&seq);
            while highest < seq {
                highest += 1;
                if highest != seq && !received.contains_key(&highest) {
                    missing.insert(highest, scene.now_us);
                }
            }
        }
    }
    let expected = 1_500 * 3;
    let lost = expected - received.len();
    assert!(lost <= 20, "{lost} of {expected} are missing at the end, those of the last moments");
    let pictures: BTreeSet<_> = received.values().map(|payload| payload[7..15].to_vec()).collect();
    assert!(pictures.len() >= 1_495);
    assert!(scene.counters.forward.rtx > 200);
}

#[test]
fn the_round_trip_is_measured_from_reports() {
    let mut scene = Scene::camera();
    scene.report_round_trip(&mut Camera::new(), 50_000);
    let round_trip = scene.forwarding.round_trip().unwrap().as_micros();
    assert!((49_900..50_100).contains(&round_trip), "{round_trip} µs");
    assert_eq!(scene.forwarding.fraction_lost(), 7);
}
