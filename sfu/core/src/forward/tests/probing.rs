use super::scene::*;
use crate::bwe::ProbeRequest;
use crate::codec::Codec;
use crate::forward::{Forwarding, ForwardingConfig, Leg, Plain};

const FRAME_US: u64 = 33_333;

/// Sends a probe; returns its bytes.
fn probe(scene: &mut Scene, bytes: usize) -> usize {
    let now = scene.now();
    let mut leg = Leg { to: 1, seal: &Plain, congestion: Some(&mut scene.congestion) };
    let counters = &mut scene.counters.forward;
    let request = ProbeRequest { bytes };
    let sent = scene.forwarding.probe(now, request, &scene.reception, &mut leg, &mut scene.arena, counters);
    scene.collect();
    sent
}

/// A viewer who negotiated no retransmission stream.
fn without_rtx() -> Scene {
    let mut scene = Scene::camera();
    scene.forwarding = Forwarding::new(ForwardingConfig { rtx: None, ..viewer_config(Codec::Vp8) });
    scene
}

fn numbers(got: &[Got]) -> Vec<u16> {
    got.iter().map(|got| got.seq).collect()
}

#[test]
fn a_probe_repeats_the_newest_packets_and_ends_with_padding() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key().packets(4).bytes(1_000)));
    scene.take();
    let sent = probe(&mut scene, 2_500);
    let got = scene.take();
    assert!((2_500..2_800).contains(&sent), "{sent} bytes");
    assert_eq!(scene.counters.forward.probes, got.len() as u64);
    let repeated: Vec<_> =
        got.iter().filter(|got| !got.payload.is_empty()).map(|got| got.payload[1]).collect();
    assert_eq!(repeated, [4, 3]);
    assert!(got.iter().all(|got| got.ssrc == VIEWER_RTX && got.transport_cc.is_some()));
    assert_continuous(&got);
}

#[test]
fn without_rtx_a_probe_is_padding_between_two_frames_of_the_picture() {
    let (mut scene, mut camera) = (without_rtx(), Camera::new());
    scene.target(0);
    assert!(!scene.forwarding.can_probe());
    assert_eq!(probe(&mut scene, 1_000), 0, "nothing was sent yet");
    scene.send(camera.frame(Frame::new(0, 0).key()));
    let frame = scene.take();
    assert!(scene.forwarding.can_probe());
    assert!((1_000..1_300).contains(&probe(&mut scene, 1_000)));
    assert!(probe(&mut scene, 200) > 0, "padding may follow padding");
    let padding = scene.take();
    assert_eq!(numbers(&padding), [4, 5, 6, 7, 8]);
    for got in &padding {
        assert_eq!((got.ssrc, got.pt, got.time), (VIEWER_SSRC, 120, frame[2].time));
        assert!(got.payload.is_empty() && !got.marker && got.transport_cc.is_some());
    }
    scene.now_us = FRAME_US;
    scene.send(camera.frame(Frame::new(0, FRAME_US)));
    let next = scene.take();
    assert_eq!(numbers(&next), [9, 10, 11]);
    assert_eq!(next[0].picture_id(), frame[0].picture_id() + 1, "no picture is missing");
}

#[test]
fn without_rtx_no_padding_tears_a_frame_apart() {
    let (mut scene, mut camera) = (without_rtx(), Camera::new());
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key()));
    let mut frame = camera.frame(Frame::new(0, FRAME_US));
    let last = frame.split_off(2);
    scene.send(frame);
    scene.take();
    assert_eq!(probe(&mut scene, 1_000), 0);
    scene.send(last);
    assert_eq!(numbers(&scene.take()), [6]);
    assert!(probe(&mut scene, 1_000) > 0);
}

#[test]
fn a_packet_that_comes_after_the_padding_keeps_its_number_from_before() {
    let (mut scene, mut camera) = (without_rtx(), Camera::new());
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key()));
    let mut frame = camera.frame(Frame::new(0, FRAME_US));
    let late = frame.remove(1);
    scene.send(frame);
    probe(&mut scene, 500);
    scene.send(vec![late]);
    scene.send(camera.frame(Frame::new(0, 2 * FRAME_US)));
    assert_eq!(numbers(&scene.take()), [1, 2, 3, 4, 6, 7, 8, 5, 9, 10, 11]);
}

#[test]
fn frames_that_are_left_out_and_padding_leave_no_gap_together() {
    let (mut scene, mut camera) = (without_rtx(), Camera::new());
    let target = crate::forward::Target { encoding: crate::receive::EncodingIndex(0), temporal: 0 };
    scene.forwarding.set_target(Some(target));
    scene.send(camera.frame(Frame::new(0, 0).key()));
    for frame in 1..40 {
        scene.now_us = frame * FRAME_US;
        let temporal = if frame % 2 == 1 { 2 } else { 0 };
        scene.send(camera.frame(Frame::new(0, scene.now_us).temporal(temporal)));
        if frame % 3 == 0 {
            probe(&mut scene, 300);
        }
    }
    let got = scene.take();
    let expected: Vec<u16> = (1..).take(got.len()).collect();
    assert_eq!(numbers(&got), expected);
}

/// A paused picture has no frame that padding could tear apart, and only a probe brings it back.
#[test]
fn without_rtx_a_paused_picture_is_probed_too() {
    let (mut scene, mut camera) = (without_rtx(), Camera::new());
    scene.target(0);
    let mut frame = camera.frame(Frame::new(0, 0).key());
    frame.pop();
    scene.send(frame);
    scene.forwarding.set_target(None);
    assert!(probe(&mut scene, 500) > 0);
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, FRAME_US).key()));
    assert_eq!(numbers(&scene.take()), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn sound_carries_no_probe() {
    let mut scene = Scene::microphone(None);
    scene.target(0);
    assert!(!scene.forwarding.can_probe());
    assert_eq!(probe(&mut scene, 500), 0);
}
