//! What interrupts a call, and what must be as before once it is over: the picture, and lips that fit the sound.
#![allow(clippy::print_stdout, reason = "figures are printed")]
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself")]

use std::time::Duration;

use netem::{Bottleneck, LinkConfig, Loss, QueueLimit};
use sfu_core::room::message::Quality;
use sfu_sim::{CameraConfig, ClientConfig, ClientId, World};

/// ITU-R BT.1359-1 lets sound lead by 45 ms; of it the server may take so much.
const LIPS: Duration = Duration::from_millis(10);

struct Scene {
    world: World,
    speaker: ClientId,
    viewer: ClientId,
}

impl Scene {
    /// A speaker and a viewer who has seen and heard it for 5 s.
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let speaker = world.join(ClientConfig::speaker(1));
        let viewer = world.join(ClientConfig::listener(1));
        let mut scene = Self { world, speaker, viewer };
        assert!(scene.sees_within(Duration::from_secs(3)).is_some());
        scene.watch(Duration::from_secs(5));
        scene
    }

    fn frames(&self) -> u64 {
        self.world.picture(self.viewer, self.speaker).map_or(0, |picture| picture.frames)
    }

    /// Time until the next frame is shown.
    fn sees_within(&mut self, limit: Duration) -> Option<Duration> {
        let (before, began) = (self.frames(), self.world.now());
        let (viewer, speaker) = (self.viewer, self.speaker);
        let sees = |world: &World| world.picture(viewer, speaker).is_some_and(|p| p.frames > before);
        self.world.run_until(limit, sees).then(|| self.world.now() - began)
    }

    /// Lets time pass; the largest error of lips in it.
    fn watch(&mut self, time: Duration) -> Duration {
        let end = self.world.now() + time;
        let mut most = Duration::ZERO;
        while self.world.now() < end {
            self.world.run(Duration::from_millis(100));
            most = most.max(self.world.lip_error(self.viewer, self.speaker).unwrap_or_default());
        }
        assert!(self.world.lip_error(self.viewer, self.speaker).is_some(), "both clocks are known");
        most
    }

    fn end(&self) {
        assert_eq!(self.world.violations(), Vec::new());
    }
}

fn path(loss: f64, is_down: bool) -> LinkConfig {
    let loss = if loss > 0.0 { Loss::Uniform(loss) } else { Loss::default() };
    LinkConfig { delay: Duration::from_millis(20), loss, is_down, ..LinkConfig::default() }
}

#[test]
fn after_a_blackout_of_thirty_seconds_the_picture_is_back_and_lips_fit() {
    let mut scene = Scene::new(7);
    scene.world.set_path(scene.viewer, path(0.0, true), path(0.0, true));
    scene.world.run(Duration::from_secs(30));
    scene.world.set_path(scene.viewer, path(0.0, false), path(0.0, false));
    let back = scene.sees_within(Duration::from_secs(3));
    println!("the picture is back after {back:?}");
    assert!(back.is_some());
    // The first sender report comes within a second.
    scene.world.run(Duration::from_secs(1));
    let lips = scene.watch(Duration::from_secs(10));
    assert!(lips <= LIPS, "{lips:?}");
    scene.end();
}

#[test]
fn after_a_minute_of_mute_the_picture_is_back_and_lips_fit() {
    let mut scene = Scene::new(8);
    scene.world.mute_camera(scene.speaker, true);
    scene.world.run(Duration::from_secs(60));
    scene.world.mute_camera(scene.speaker, false);
    let back = scene.sees_within(Duration::from_secs(2));
    println!("the picture is back after {back:?}");
    assert!(back.is_some());
    let lips = scene.watch(Duration::from_secs(10));
    assert!(lips <= LIPS, "{lips:?}");
    scene.end();
}

#[test]
fn layers_switch_under_five_percent_of_loss_without_a_freeze_and_lips_fit() {
    let mut scene = Scene::new(9);
    scene.world.set_path(scene.viewer, path(0.05, false), path(0.05, false));
    scene.world.set_path(scene.speaker, path(0.05, false), path(0.05, false));
    let mut lips = Duration::ZERO;
    for turn in 0..6 {
        let quality = if turn % 2 == 0 { Quality::Low } else { Quality::High };
        scene.world.watch_at(scene.viewer, scene.speaker, quality);
        lips = lips.max(scene.watch(Duration::from_secs(10)));
    }
    scene.world.finish();
    let picture = scene.world.picture(scene.viewer, scene.speaker).unwrap();
    let frozen = picture.frozen.as_secs_f64() / 65.0;
    println!("{} switches, {:.2} % frozen, lips {lips:?}", picture.switches.len(), 100.0 * frozen);
    assert!(picture.switches.len() >= 5);
    // Row 2 of the impairment matrix.
    assert!(frozen <= 0.005, "{frozen}");
    assert!(lips <= LIPS, "{lips:?}");
    scene.end();
}

/// One encoding above the first guess of what a path carries, and no sound beside it that would prove more.
#[test]
fn a_camera_without_small_encodings_is_not_paused_on_a_free_path() {
    let mut world = World::new(10);
    let camera = CameraConfig { rates_bps: vec![1_700_000], temporal: false, near_wrap: false };
    let publisher = world.join(ClientConfig { camera: Some(camera), ..ClientConfig::listener(1) });
    world.run(Duration::from_secs(20));
    let mut viewers = Vec::new();
    for _ in 0..6 {
        viewers.push(world.join(ClientConfig::listener(1)));
        world.run(Duration::from_millis(40));
    }
    world.run(Duration::from_secs(10));
    // Longer than feedback may be missing.
    for _ in 0..4 {
        world.mute_camera(publisher, true);
        world.run(Duration::from_secs(5));
        world.mute_camera(publisher, false);
        world.run(Duration::from_millis(5_050));
    }
    world.finish();
    for viewer in viewers {
        let picture = world.picture(viewer, publisher).unwrap();
        println!("{} frames, frozen {:?}, {} pauses", picture.frames, picture.frozen, world.pauses(viewer));
        assert!(picture.frames >= 850, "30 s of 30 frames a second: {}", picture.frames);
        assert_eq!(world.pauses(viewer), 0);
    }
    assert_eq!(world.violations(), Vec::new());
}

/// Only padding in the stream of the picture itself can show that the path carries more.
#[test]
fn a_viewer_without_rtx_climbs_to_the_largest_picture_when_its_path_widens() {
    let mut world = World::new(11);
    let speaker = world.join(ClientConfig::speaker(1));
    let good = path(0.0, false);
    let narrow = LinkConfig {
        bottleneck: Some(Bottleneck::new(400_000, QueueLimit::Time(Duration::from_millis(300)))),
        ..good
    };
    let viewer = ClientConfig { rtx: false, down: narrow, ..ClientConfig::listener(1) };
    let viewer = world.join(viewer);
    world.run(Duration::from_secs(20));
    let layer = |world: &World| world.picture(viewer, speaker).and_then(|p| p.shown.last().copied());
    assert_eq!(layer(&world).map(|(_, layer)| layer), Some(0), "that is all that fits");
    let freezes = |world: &World| world.picture(viewer, speaker).map_or(0, |p| p.freezes);
    let before = freezes(&world);
    world.set_path(viewer, good, good);
    let climbs = |world: &World| layer(world).is_some_and(|(_, layer)| layer == 2);
    let began = world.now();
    assert!(world.run_until(Duration::from_secs(20), climbs), "{}", world.describe(viewer, speaker));
    println!("the largest picture is there after {:?}", world.now() - began);
    world.run(Duration::from_secs(10));
    assert!(climbs(&world), "and it stays");
    assert_eq!(freezes(&world), before);
    assert_eq!(world.violations(), Vec::new());
}
