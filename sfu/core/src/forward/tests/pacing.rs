use super::scene::*;
use crate::receive::EncodingIndex;

const FRAME_US: u64 = 33_333;

#[test]
fn a_frame_within_the_budget_leaves_in_the_turn_that_received_it() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.prove();
    scene.target(0);
    for frame in 0..60 {
        scene.now_us = frame * FRAME_US;
        let spec = Frame::new(0, scene.now_us).bytes(1_000);
        scene.send(camera.frame(if frame == 0 { spec.key() } else { spec }));
        assert_eq!(scene.take().len(), 3, "frame {frame}");
    }
    assert_eq!(scene.counters.forward.held, 0);
}

#[test]
fn a_burst_beyond_the_budget_leaves_in_slots_and_in_order() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.prove();
    scene.target(0);
    // 30 kB over an estimate of 800 kb/s.
    scene.send(camera.frame(Frame::new(0, 0).key().packets(30).bytes(1_000)));
    let at_once = scene.take();
    assert!((3..=6).contains(&at_once.len()), "{}", at_once.len());
    scene.send(camera.frame(Frame::new(0, 0)));
    assert!(scene.take().is_empty(), "the next frame waits behind it");
    scene.let_go();
    let rest = scene.take();
    assert_eq!(at_once.len() + rest.len(), 33);
    let all: Vec<_> = at_once.into_iter().chain(rest).collect();
    assert_continuous(&all);
    for pair in all.windows(2) {
        let slot = all.iter().filter(|got| got.at_us == pair[1].at_us && got.at_us > 0).count();
        assert!(slot <= 3, "{slot} packets at {} µs", pair[1].at_us);
    }
    // One and a half times the estimate are 150 bytes in each millisecond.
    assert!((150_000..230_000).contains(&scene.now_us), "{} µs", scene.now_us);
}

#[test]
fn a_backlog_that_waits_too_long_is_given_up_for_a_keyframe() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.prove();
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key().packets(100).bytes(1_100)));
    scene.let_go();
    let sent = scene.take().len();
    assert!(sent < 80, "{sent}");
    assert_eq!(scene.counters.forward.held_too_long, 100 - sent as u64);
    assert_eq!(scene.forwarding.take_starved(), Some(EncodingIndex(0)));
    assert_eq!(scene.forwarding.take_starved(), None);
    assert_eq!(scene.forwarding.waits_for(), Some(EncodingIndex(0)));
    scene.send(camera.frame(Frame::new(0, scene.now_us)));
    assert!(scene.take().is_empty(), "nothing can be decoded before the keyframe");
    scene.now_us += 100_000;
    scene.send(camera.frame(Frame::new(0, scene.now_us).key()));
    assert_eq!(scene.take().len(), 3);
}

#[test]
fn a_switch_leaves_the_old_encodings_backlog_behind() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.prove();
    scene.target(2);
    scene.send(camera.frame(Frame::new(2, 0).key().packets(30).bytes(1_000)));
    scene.take();
    assert!(scene.forwarding.is_held());
    scene.target(0);
    scene.now_us += 20_000;
    scene.send(camera.frame(Frame::new(0, scene.now_us).key()));
    let switched = scene.take();
    assert_eq!(switched.iter().map(|got| got.mark().0).collect::<Vec<_>>(), [0, 0, 0]);
    scene.let_go();
    assert!(scene.take().is_empty());
}

#[test]
fn sound_is_never_held_back() {
    let mut scene = Scene::microphone(None);
    scene.prove();
    scene.target(0);
    for number in 0..20 {
        let mut payload = super::sound::opus(number);
        payload.resize(600, 0);
        scene.receive(&super::sound::packet(number, 111, &payload));
    }
    scene.turn();
    assert_eq!(scene.take().len(), 20, "12 kB, over a budget of 5");
}

#[test]
fn nothing_is_held_back_before_anything_is_known_of_the_path() {
    let (mut scene, mut camera) = (Scene::camera(), Camera::new());
    scene.target(0);
    scene.send(camera.frame(Frame::new(0, 0).key().packets(60).bytes(1_000)));
    assert_eq!(scene.take().len(), 60);
}
