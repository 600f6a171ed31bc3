mod viewer;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use netem::{Bottleneck, Jitter, LinkConfig, Loss, QueueLimit, Reorder};

use self::viewer::Viewer;
use super::*;
use crate::forward::Target;
use crate::receive::EncodingIndex;
use crate::rtcp::{self, RtcpPacket};
use crate::rtp::Ssrc;

#[expect(clippy::disallowed_methods, reason = "the one real instant from which virtual time starts")]
fn epoch() -> Instant {
    Instant::now()
}

const KBPS: u64 = 1_000;

/// 25 ms, so many kb/s, and a queue of 300 ms.
fn path(kbps: u64) -> LinkConfig {
    let queue = QueueLimit::Time(Duration::from_millis(300));
    LinkConfig {
        delay: Duration::from_millis(25),
        bottleneck: Some(Bottleneck::new(kbps * KBPS, queue)),
        ..LinkConfig::default()
    }
}

#[test]
fn a_fast_path_reaches_the_high_layer_within_eight_seconds() {
    for seed in 1..=3 {
        let mut viewer = Viewer::new(epoch(), path(10_000), seed);
        viewer.run(Duration::from_secs(20));
        let reached = viewer.reached(2).expect("the high layer is never reached");
        assert!(reached <= Duration::from_secs(8), "seed {seed}: {reached:?}");
        assert_eq!(viewer.layer(), Some(2), "seed {seed}");
    }
}

/// Its feedback names nothing that comes in the retransmission stream: it does not know whose that is.
#[test]
fn a_viewer_that_tells_of_no_probe_is_not_taken_for_one_that_loses_much() {
    let (start, mut bwe, mut next) = (epoch(), Bwe::new(BweConfig::default()), 1_u16);
    for step in 0..100_u8 {
        let at = Duration::from_millis(50) * u32::from(step);
        let first = next;
        let mut told = Vec::new();
        let probes = if step % 20 == 10 { 12 } else { 0 };
        for (count, kind, came) in [(2, SendKind::Media, Some(at)), (probes, SendKind::Probe, None)] {
            for _ in 0..count {
                bwe.on_send(start + at, SeqNo(next), 500, kind);
                told.push(came);
                next += 1;
            }
        }
        let mut out = Vec::new();
        rtcp::write_twcc(&mut out, (Ssrc(1), Ssrc(2)), step, SeqNo(first), &told);
        let RtcpPacket::TransportFeedback(feedback) = rtcp::packets(&out).next().unwrap().unwrap() else {
            panic!()
        };
        bwe.on_feedback(start + at + Duration::from_millis(20), &feedback);
        assert!(bwe.bitrate() >= BweConfig::default().start, "step {step}: {:?}", bwe.bitrate());
    }
}

/// A deadline that has passed would be called again in every turn, for every subscriber.
#[test]
fn an_estimate_that_suffices_asks_for_no_timer() {
    let mut viewer = Viewer::new(epoch(), path(10_000), 1);
    viewer.run(Duration::from_secs(20));
    for _ in 0..100 {
        viewer.run(Duration::from_millis(50));
        let wait = viewer.time_to_timeout();
        assert!(wait.is_none_or(|wait| wait > Duration::from_millis(1)), "{wait:?}");
    }
}

/// The case: a 400 kb/s path keeps the low layer, and the high one returns when the path does.
#[test]
fn a_slow_path_keeps_the_low_layer_and_recovers_when_it_opens() {
    for seed in 1..=3 {
        let mut viewer = Viewer::new(epoch(), path(10_000), seed);
        viewer.run(Duration::from_secs(15));
        viewer.set_path(path(400));
        viewer.run(Duration::from_secs(4));
        assert_eq!(viewer.layer(), Some(0), "seed {seed}: {:?}", viewer.bitrate());
        viewer.start_count();
        viewer.run(Duration::from_secs(30));
        let count = viewer.count();
        assert!(count.longest_above <= Duration::from_secs(3), "seed {seed}: {count:?}");
        assert!(count.switches <= 2, "seed {seed}: {count:?}");
        assert_eq!(viewer.layer(), Some(0), "seed {seed}");
        assert!(viewer.bitrate().0 >= 250 * KBPS, "seed {seed}: {:?}", viewer.bitrate());
        viewer.set_path(path(10_000));
        viewer.forget();
        viewer.run(Duration::from_secs(8));
        assert_eq!(viewer.layer(), Some(2), "seed {seed}: {:?}", viewer.bitrate());
    }
}

#[test]
fn the_estimate_is_never_above_the_cap_for_longer_than_three_seconds() {
    for (seed, kbps) in [(1, 150), (2, 300), (3, 600), (4, 1_000), (5, 2_000), (6, 3_000)] {
        let mut viewer = Viewer::new(epoch(), path(10_000), seed);
        viewer.run(Duration::from_secs(10));
        viewer.set_path(path(kbps));
        viewer.start_count();
        viewer.run(Duration::from_secs(60));
        let count = viewer.count();
        assert!(count.longest_above <= Duration::from_secs(3), "{kbps} kb/s: {count:?}");
    }
}

#[test]
fn a_path_for_the_middle_layer_gets_the_middle_layer() {
    for seed in 1..=4 {
        let mut viewer = Viewer::new(epoch(), path(1_000), seed);
        viewer.run(Duration::from_secs(15));
        viewer.start_count();
        viewer.run(Duration::from_secs(60));
        assert_eq!(viewer.layer(), Some(1), "seed {seed}: {:?}", viewer.bitrate());
        let count = viewer.count();
        assert!(count.switches <= 4, "seed {seed}: {count:?}");
    }
}

#[test]
fn one_percent_of_random_loss_costs_no_layer() {
    for seed in 1..=4 {
        let mut viewer = Viewer::new(epoch(), LinkConfig { loss: Loss::Uniform(0.01), ..path(10_000) }, seed);
        viewer.run(Duration::from_secs(30));
        assert_eq!(viewer.layer(), Some(2), "seed {seed}: {:?}", viewer.bitrate());
    }
}

#[test]
fn jitter_without_a_bottleneck_costs_no_layer() {
    let jittery = LinkConfig { jitter: Jitter::InOrder(Duration::from_millis(3)), ..path(10_000) };
    for seed in 1..=4 {
        let mut viewer = Viewer::new(epoch(), jittery, seed);
        viewer.run(Duration::from_secs(30));
        assert_eq!(viewer.layer(), Some(2), "seed {seed}: {:?}", viewer.bitrate());
    }
}

/// A browser on a busy machine looks at its socket late, again and again.
#[test]
fn a_viewer_whose_processor_stalls_keeps_its_layer() {
    for (seed, stall_ms) in [(1, 60), (2, 120), (3, 200), (4, 300)] {
        let mut viewer = Viewer::new(epoch(), path(50_000), seed).with_stalls(stall_ms * 1_000);
        viewer.run(Duration::from_secs(10));
        viewer.start_count();
        viewer.run(Duration::from_secs(60));
        let count = viewer.count();
        assert!(count.high >= Duration::from_secs(56), "stalls of {stall_ms} ms: {count:?}");
    }
}

#[test]
fn heavy_loss_lowers_the_estimate_and_its_end_brings_the_layer_back() {
    for seed in 1..=3 {
        let mut viewer = Viewer::new(epoch(), path(10_000), seed);
        viewer.run(Duration::from_secs(15));
        let before = viewer.bitrate();
        viewer.set_path(LinkConfig { loss: Loss::Uniform(0.2), ..path(10_000) });
        viewer.run(Duration::from_secs(4));
        assert!(viewer.bitrate() < before.scaled(0.8), "seed {seed}: {:?}", viewer.bitrate());
        // Less sent loses as much: it is the path's own, and costs little in the end.
        viewer.run(Duration::from_secs(16));
        assert!(viewer.bitrate() > before.scaled(0.5), "seed {seed}: {:?}", viewer.bitrate());
        viewer.set_path(path(10_000));
        viewer.forget();
        viewer.run(Duration::from_secs(8));
        assert_eq!(viewer.layer(), Some(2), "seed {seed}: {:?}", viewer.bitrate());
    }
}

/// A wireless link that sends again what it lost: packets overtake others, and nothing is lost.
#[test]
fn jitter_and_reordering_are_neither_loss_nor_a_queue() {
    for seed in 1..=4 {
        let wireless = LinkConfig {
            jitter: Jitter::InOrder(Duration::from_millis(30)),
            reorder: Some(Reorder { share: 0.02, by: Duration::from_millis(20) }),
            ..path(10_000)
        };
        let mut viewer = Viewer::new(epoch(), wireless, seed);
        viewer.run(Duration::from_secs(15));
        viewer.start_count();
        viewer.run(Duration::from_secs(60));
        let count = viewer.count();
        assert!(count.high >= Duration::from_secs(50), "seed {seed}: {count:?}");
    }
}

#[test]
fn a_blackout_lowers_the_estimate_and_the_layer_returns() {
    let mut viewer = Viewer::new(epoch(), path(10_000), 9);
    viewer.run(Duration::from_secs(15));
    let before = viewer.bitrate();
    viewer.set_path(LinkConfig { is_down: true, ..path(10_000) });
    viewer.run(Duration::from_secs(5));
    assert!(viewer.bitrate() < before.scaled(0.5));
    viewer.set_path(path(10_000));
    viewer.forget();
    viewer.run(Duration::from_secs(8));
    assert_eq!(viewer.layer(), Some(2), "{:?}", viewer.bitrate());
}

/// Everybody's picture is paused or muted for a while, and then goes on: nothing was lost meanwhile.
#[test]
fn a_sender_that_was_silent_keeps_its_estimate() {
    let mut viewer = Viewer::new(epoch(), path(10_000), 1);
    viewer.run(Duration::from_secs(20));
    let before = viewer.bitrate();
    viewer.pause(Duration::from_secs(4));
    viewer.run(Duration::from_millis(30));
    assert!(viewer.bitrate().0 * 10 > before.0 * 9, "{before:?} before, {:?} after", viewer.bitrate());
    viewer.set_path(LinkConfig { is_down: true, ..path(10_000) });
    viewer.run(Duration::from_secs(2));
    assert!(viewer.bitrate().0 * 10 < before.0 * 6, "silence of the path: {:?}", viewer.bitrate());
}

/// The start is below what a picture takes, and pausing it would cost more than the second of the first probes.
#[test]
fn an_estimate_is_a_guess_until_the_path_shows_a_limit() {
    let mut free = Viewer::new(epoch(), path(10_000), 1);
    free.run(Duration::from_millis(500));
    assert!(free.is_guess());
    free.run(Duration::from_secs(3));
    assert!(!free.is_guess(), "it had its time");
    let mut narrow = Viewer::new(epoch(), path(1_000), 1);
    narrow.run(Duration::from_millis(1_500));
    assert!(!narrow.is_guess(), "the first probes showed the limit");
}

fn demand(priority: Priority, rates: [u64; 3], wanted: u8, current: Option<u8>) -> Demand {
    Demand {
        priority,
        rates: rates.map(|rate| [Bitrate::from_kbps(rate); 3]),
        wanted: Some(EncodingIndex(wanted)),
        temporal: [Target::ALL_TEMPORAL; 3],
        current: current.map(|encoding| Target::encoding(EncodingIndex(encoding))),
        may_pause: true,
        may_step_up: true,
    }
}

#[test]
fn what_the_viewer_ranks_comes_before_screens_and_the_first_of_them_first() {
    let ranked = |rank| Priority::Ranked(NonZeroU32::new(rank).unwrap());
    let [second, screen, first] = [ranked(2), Priority::Screen, ranked(1)]
        .map(|priority| demand(priority, [150, 450, 1_500], 2, Some(0)));
    assert_eq!(allocated(2_300, &[second, screen, first]), [Some(0), Some(0), Some(2)]);
    assert_eq!(allocated(2_600, &[second, screen, first]), [Some(1), Some(0), Some(2)]);
    assert_eq!(allocated(180, &[second, screen, first]), [None, None, Some(0)]);
}

#[test]
fn nobody_gets_more_frames_than_he_has_use_for() {
    let few = Demand { temporal: [1; 3], ..layered(Priority::Camera, None) };
    assert_eq!(targets(9_000, &[few]), [Some(Target { encoding: EncodingIndex(2), temporal: 1 })]);
    let mut chosen = Vec::new();
    let allocation = allocate(Bitrate::from_kbps(9_000), false, &[few], &mut chosen);
    assert_eq!(allocation.desired, Bitrate::from_kbps(900), "probes aim at what is wanted");
    // The base layer alone of a larger encoding is still better than all of a smaller one.
    let fewest = Demand { temporal: [0; 3], ..layered(Priority::Camera, None) };
    assert_eq!(targets(9_000, &[fewest]), [Some(Target { encoding: EncodingIndex(2), temporal: 0 })]);
}

fn allocated(kbps: u64, demands: &[Demand]) -> Vec<Option<u8>> {
    let mut chosen = Vec::new();
    allocate(Bitrate::from_kbps(kbps), false, demands, &mut chosen);
    chosen.into_iter().map(|choice| choice.map(|target| target.encoding.0)).collect()
}

#[test]
fn sound_goes_first_then_the_screen_then_cameras() {
    let demands = [
        demand(Priority::Camera, [150, 450, 1_500], 2, None),
        demand(Priority::Screen, [300, 1_200, 0], 2, None),
        demand(Priority::Audio, [40, 0, 0], 0, None),
        demand(Priority::Camera, [150, 450, 1_500], 2, None),
    ];
    assert_eq!(allocated(10, &demands), [None, None, Some(0), None]);
    assert_eq!(allocated(450, &demands), [None, Some(0), Some(0), None]);
    assert_eq!(allocated(650, &demands), [Some(0), Some(0), Some(0), None]);
    assert_eq!(allocated(2_000, &demands), [Some(0), Some(1), Some(0), Some(0)]);
    assert_eq!(allocated(2_600, &demands), [Some(1), Some(1), Some(0), Some(1)]);
    assert_eq!(allocated(6_000, &demands), [Some(2), Some(1), Some(0), Some(2)]);
}

#[test]
fn who_may_not_be_paused_always_gets_the_smallest_encoding() {
    let camera = demand(Priority::Camera, [150, 450, 1_500], 2, None);
    let kept = Demand { may_pause: false, may_step_up: false, ..camera };
    assert_eq!(allocated(50, &[camera, kept]), [None, Some(0)]);
    assert_eq!(allocated(200, &[camera, camera, kept]), [Some(0), None, Some(0)]);
}

#[test]
fn a_step_up_needs_more_room_than_staying() {
    let at = |current| demand(Priority::Camera, [150, 450, 1_500], 2, current);
    assert_eq!(allocated(1_600, &[at(Some(1))]), [Some(1)]);
    assert_eq!(allocated(1_600, &[at(Some(2))]), [Some(2)]);
    assert_eq!(allocated(1_510, &[at(Some(2))]), [Some(2)], "what is sent may fill the estimate");
    assert_eq!(allocated(1_900, &[at(Some(1))]), [Some(2)]);
}

/// Three encodings with three temporal layers each, of 40, 20 and 40 % of the rate.
fn layered(priority: Priority, current: Option<Target>) -> Demand {
    let layers = |rate| [rate * 4 / 10, rate * 6 / 10, rate].map(Bitrate::from_kbps);
    Demand {
        priority,
        rates: [150, 450, 1_500].map(layers),
        wanted: Some(EncodingIndex(2)),
        temporal: [Target::ALL_TEMPORAL; 3],
        current,
        may_pause: true,
        may_step_up: true,
    }
}

fn targets(kbps: u64, demands: &[Demand]) -> Vec<Option<Target>> {
    let mut chosen = Vec::new();
    allocate(Bitrate::from_kbps(kbps), false, demands, &mut chosen);
    chosen
}

#[test]
fn frames_are_dropped_before_the_picture_gets_smaller() {
    let target = |encoding, temporal| Some(Target { encoding: EncodingIndex(encoding), temporal });
    let camera = layered(Priority::Camera, target(2, Target::ALL_TEMPORAL));
    assert_eq!(targets(1_600, &[camera]), [target(2, Target::ALL_TEMPORAL)]);
    assert_eq!(targets(1_400, &[camera]), [target(2, 1)]);
    assert_eq!(
        targets(800, &[camera]),
        [target(1, Target::ALL_TEMPORAL)],
        "never 7 frames of a large picture"
    );
    assert_eq!(targets(300, &[camera]), [target(1, 1)]);
    assert_eq!(targets(200, &[camera]), [target(0, Target::ALL_TEMPORAL)]);
    assert_eq!(targets(70, &[camera]), [target(0, 0)], "7 frames a second rather than none");
    assert_eq!(targets(50, &[camera]), [None], "paused rather than starved");
}

#[test]
fn whoever_speaks_is_seen_before_the_others() {
    let demands = [layered(Priority::Camera, None), layered(Priority::Speaker, None)];
    let all = |encoding| Some(Target::encoding(EncodingIndex(encoding)));
    assert_eq!(targets(100, &demands)[0], None, "a picture that does not fit is paused");
    assert!(targets(100, &demands)[1].is_some());
    assert_eq!(targets(2_200, &demands)[1], all(2));
    assert!(targets(2_200, &demands)[0] < all(1));
}

#[test]
fn a_subscription_that_fell_back_waits_with_its_next_step_up() {
    let camera = layered(Priority::Camera, Some(Target::encoding(EncodingIndex(0))));
    let waiting = Demand { may_step_up: false, ..camera };
    assert!(targets(5_000, &[camera])[0] > camera.current);
    assert_eq!(targets(5_000, &[waiting])[0], camera.current);
}

#[test]
fn nobody_gets_more_than_wanted_or_what_is_not_sent() {
    let small = demand(Priority::Camera, [150, 450, 1_500], 0, None);
    let hidden = Demand { wanted: None, ..small };
    let only_high = demand(Priority::Camera, [0, 0, 1_500], 0, None);
    let nothing_yet = demand(Priority::Camera, [0, 0, 0], 2, None);
    assert_eq!(
        allocated(50_000, &[small, hidden, only_high, nothing_yet]),
        [Some(0), None, Some(2), Some(0)]
    );
}

#[test]
fn what_is_desired_counts_every_wish_once() {
    let demands =
        [demand(Priority::Camera, [150, 450, 1_500], 1, None), demand(Priority::Audio, [40, 0, 0], 0, None)];
    let mut chosen = Vec::new();
    let allocation = allocate(Bitrate::from_kbps(100), true, &demands, &mut chosen);
    assert_eq!(allocation.desired, Bitrate::from_kbps(490));
    assert_eq!(allocation.used, Bitrate::from_kbps(190));
}

#[test]
fn a_rate_is_measured_over_its_window() {
    let start = epoch();
    let mut meter = RateMeter::new(Duration::from_secs(1));
    assert_eq!(meter.rate(start), Bitrate::ZERO);
    for step in 0..300 {
        meter.add(start + Duration::from_millis(10 * step), 125);
    }
    let rate = meter.rate(start + Duration::from_millis(2_990));
    assert!((95_000..105_000).contains(&rate.0), "{rate:?}");
    meter.add(start + Duration::from_secs(60), 125);
    assert!(meter.rate(start + Duration::from_secs(60)).0 < 5_000);
}
