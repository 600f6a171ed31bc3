//! A room that spans two shards: its publishers at home, some of its audience on the other.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself")]

use std::num::NonZeroU32;
use std::time::Duration;

use netem::{Bottleneck, LinkConfig, Loss, QueueLimit};
use sfu_core::room::message::{LeaveReason, Quality, Request, Scenario, TrackSettings};
use sfu_core::room::sid::TrackSid;
use sfu_sim::{ClientConfig, ClientId, ClientState, World};

const LONG: Duration = Duration::from_secs(10);

/// Two at home: a speaker and a listener; then two listeners on the other shard.
fn hall(seed: u64) -> (World, ClientId, [ClientId; 3]) {
    let mut world = World::with_shards(seed, 2, 2);
    let speaker = world.join(ClientConfig::speaker(1));
    world.run(Duration::from_millis(200));
    let audience = [(); 3].map(|()| {
        let listener = world.join(ClientConfig { red: false, ..ClientConfig::listener(1) });
        world.run(Duration::from_millis(200));
        listener
    });
    for listener in audience {
        let sees = |world: &World| world.picture(listener, speaker).is_some_and(|p| p.frames > 60);
        assert!(world.run_until(LONG, sees), "{}", world.describe(listener, speaker));
    }
    let (home, away) = (world.stats(), world.stats_of(1));
    assert_eq!((home.rooms, home.participants, home.away_participants), (1, 4, 2));
    assert_eq!((away.rooms, away.participants, away.transports), (0, 0, 2));
    (world, speaker, audience)
}

fn end(world: &mut World) {
    world.finish();
    assert!(world.violations().is_empty(), "{:?}", world.violations());
}

#[test]
fn both_shards_show_the_same_and_packets_are_opened_once() {
    let (mut world, speaker, audience) = hall(1);
    let before = audience.map(|listener| world.picture(listener, speaker).unwrap().frames);
    world.run(Duration::from_secs(20));
    for (listener, before) in audience.into_iter().zip(before) {
        let picture = world.picture(listener, speaker).unwrap();
        assert!(picture.frames - before >= 580, "{} frames in 20 s", picture.frames - before);
        assert_eq!(picture.freezes, 0);
        let sound = world.sound(listener, speaker).unwrap();
        assert_eq!(sound.concealed, 0, "{sound:?}");
    }
    let (home, away) = (world.stats(), world.stats_of(1));
    assert!(home.media.receive.packets > 1_000);
    assert_eq!(away.media.receive.packets, 0, "nothing is opened twice");
    // The picture's largest encoding and the sound cross once for both viewers; the other encodings stay.
    assert!(away.relay.packets < home.media.receive.packets, "{:?} of {:?}", away.relay, home.media.receive);
    assert!(away.media.forward.packets > away.relay.packets, "two viewers for each packet that crossed");
    end(&mut world);
}

#[test]
fn loss_on_the_last_leg_is_repaired_by_the_shard_of_the_viewer() {
    let (mut world, speaker, audience) = hall(2);
    let lossy =
        LinkConfig { loss: Loss::Uniform(0.05), delay: Duration::from_millis(20), ..LinkConfig::default() };
    let clean = ClientConfig::listener(1).up;
    world.set_path(audience[2], clean, lossy);
    world.run(Duration::from_secs(10));
    let away = world.stats_of(1);
    assert!(away.media.forward.rtx > 20, "{:?}", away.media.forward);
    assert_eq!(world.picture(audience[2], speaker).unwrap().freezes, 0);
    end(&mut world);
}

#[test]
fn a_narrow_path_gets_a_smaller_layer_and_the_large_one_crosses_no_more() {
    let (mut world, speaker, audience) = hall(3);
    let narrow = LinkConfig {
        delay: Duration::from_millis(20),
        bottleneck: Some(Bottleneck {
            rate_bps: 500_000,
            burst_bytes: 10_000,
            queue: QueueLimit::Time(Duration::from_millis(300)),
        }),
        ..LinkConfig::default()
    };
    let clean = ClientConfig::listener(1).up;
    for listener in [audience[1], audience[2]] {
        world.set_path(listener, clean, narrow);
    }
    world.run(Duration::from_secs(15));
    let (home, away) = (world.stats(), world.stats_of(1));
    world.run(Duration::from_secs(5));
    for listener in [audience[1], audience[2]] {
        let shown = &world.picture(listener, speaker).unwrap().shown;
        assert!(shown.last().unwrap().1 < 2, "{:?}", shown.last());
    }
    assert_eq!(
        world.picture(audience[0], speaker).unwrap().shown.last().unwrap().1,
        2,
        "home is not held back"
    );
    let crossed = world.stats_of(1).relay.packets - away.relay.packets;
    let received = world.stats().media.receive.packets - home.media.receive.packets;
    assert!(crossed * 2 < received, "{crossed} of {received} crossed");
    end(&mut world);
}

#[test]
fn a_tile_that_shrinks_and_grows_changes_what_crosses() {
    let (mut world, speaker, audience) = hall(4);
    let track = world.picture_sid(speaker).unwrap();
    let shows = |world: &mut World, quality, layer| {
        let settings = TrackSettings { quality, ..TrackSettings::DEFAULT };
        let tracks = vec![TrackSid::from_wire(&track)];
        world.request(audience[2], Request::TrackSettings { tracks, settings });
        let shows =
            |world: &World| world.picture(audience[2], speaker).unwrap().shown.last().unwrap().1 == layer;
        assert!(world.run_until(LONG, shows), "{}", world.describe(audience[2], speaker));
    };
    shows(&mut world, Quality::Low, 0);
    shows(&mut world, Quality::High, 2);
    end(&mut world);
}

#[test]
fn who_needs_half_the_frames_gets_the_layers_that_have_them_at_home_and_away() {
    let (mut world, speaker, audience) = hall(6);
    let track = world.picture_sid(speaker).unwrap();
    for listener in [audience[0], audience[2]] {
        let settings = TrackSettings { frame_rate: NonZeroU32::new(15), ..TrackSettings::DEFAULT };
        let tracks = vec![TrackSid::from_wire(&track)];
        world.request(listener, Request::TrackSettings { tracks, settings });
    }
    world.run(Duration::from_secs(2));
    let frames = |world: &World| {
        [0, 1, 2].map(|place| world.picture(audience[place], speaker).map_or(0, |picture| picture.frames))
    };
    let before = frames(&world);
    world.run(Duration::from_secs(10));
    let after = frames(&world);
    let shown = [0, 1, 2].map(|place| after[place] - before[place]);
    assert!((140..=160).contains(&shown[0]), "at home: {shown:?}");
    assert!((290..=310).contains(&shown[1]), "who did not ask: {shown:?}");
    assert!((140..=160).contains(&shown[2]), "away: {shown:?}");
    assert_eq!(
        world.picture(audience[2], speaker).unwrap().shown.last().unwrap().1,
        2,
        "the largest encoding"
    );
    end(&mut world);
}

#[test]
fn a_mute_a_silent_leave_and_a_return_reach_the_other_shard() {
    let (mut world, speaker, audience) = hall(5);
    world.mute_camera(speaker, true);
    world.run(Duration::from_secs(3));
    world.mute_camera(speaker, false);
    let before = world.picture(audience[2], speaker).unwrap().frames;
    let again = |world: &World| world.picture(audience[2], speaker).unwrap().frames > before + 30;
    assert!(world.run_until(LONG, again));
    // One of the two on the other shard vanishes: its seat there is collected.
    world.vanish(audience[1]);
    let collected = |world: &World| world.stats_of(1).transports == 1 && world.stats().away_participants == 1;
    assert!(world.run_until(Duration::from_secs(40), collected), "{:?}", world.stats());
    // The last one leaves: nothing crosses any more.
    world.request(audience[2], Request::Leave(LeaveReason::ClientInitiated));
    world.run(Duration::from_secs(1));
    let crossed = world.stats_of(1).relay.packets;
    world.run(Duration::from_secs(1));
    assert_eq!(world.stats_of(1).relay.packets, crossed);
    assert_eq!((world.stats_of(1).transports, world.stats_of(1).subscriptions), (0, 0));
    assert_eq!(world.state(audience[0]), ClientState::Joined);
    end(&mut world);
}

#[test]
fn a_publisher_who_leaves_is_gone_on_both_shards() {
    let (mut world, speaker, audience) = hall(6);
    world.request(speaker, Request::Leave(LeaveReason::ClientInitiated));
    world.run(Duration::from_secs(1));
    let (home, away) = (world.stats(), world.stats_of(1));
    assert_eq!((home.publications, home.subscriptions, away.subscriptions), (0, 0, 0));
    assert!(audience.iter().all(|&listener| world.state(listener) == ClientState::Joined));
    end(&mut world);
}

#[test]
fn an_outage_of_a_viewer_on_the_other_shard_ends_with_a_picture() {
    let (mut world, speaker, audience) = hall(7);
    let clean = ClientConfig::listener(1).up;
    let down = LinkConfig { is_down: true, ..clean };
    world.set_path(audience[2], down, down);
    world.run(Duration::from_secs(10));
    world.set_path(audience[2], clean, clean);
    let before = world.picture(audience[2], speaker).unwrap().frames;
    let again = |world: &World| world.picture(audience[2], speaker).unwrap().frames > before + 30;
    assert!(world.run_until(LONG, again), "{}", world.describe(audience[2], speaker));
    end(&mut world);
}

#[test]
fn a_pretended_bandwidth_reaches_the_shard_of_the_viewer() {
    let (mut world, speaker, audience) = hall(8);
    world.request(audience[2], Request::Simulate(Scenario::SubscriberBandwidth(300_000)));
    let small = |world: &World| world.picture(audience[2], speaker).unwrap().shown.last().unwrap().1 < 2;
    assert!(world.run_until(LONG, small), "{}", world.describe(audience[2], speaker));
    end(&mut world);
}

/// The publisher is asked once for what both shards miss.
#[test]
fn loss_on_the_first_leg_is_repaired_at_home_for_both_shards() {
    let (mut world, speaker, audience) = hall(9);
    let clean = ClientConfig::listener(1).up;
    world.set_path(speaker, LinkConfig { loss: Loss::Uniform(0.03), ..clean }, clean);
    world.run(Duration::from_secs(10));
    assert!(world.stats().media.receive.recovered > 10);
    for listener in audience {
        assert_eq!(world.picture(listener, speaker).unwrap().freezes, 0);
    }
    end(&mut world);
}

/// The other shard's part of a room breaks: its viewers are told to come again, home does not notice.
#[test]
#[cfg(debug_assertions)]
fn a_panic_on_the_other_shard_ends_only_the_seats_there() {
    let (mut world, speaker, audience) = hall(10);
    world.break_room_on(1, 1);
    world.run(Duration::from_secs(2));
    assert_eq!((world.stats().room_panics, world.stats_of(1).room_panics), (0, 1));
    assert_eq!((world.stats_of(1).transports, world.stats_of(1).subscriptions), (0, 0));
    assert_eq!([world.state(audience[1]), world.state(audience[2])], [ClientState::Left; 2]);
    let before = world.picture(audience[0], speaker).unwrap().frames;
    // Whoever comes again is seated there again.
    world.join(ClientConfig::listener(1));
    let late = world.join(ClientConfig::listener(1));
    let sees = |world: &World| world.picture(late, speaker).is_some_and(|p| p.frames > 60);
    assert!(world.run_until(LONG, sees), "{}", world.describe(late, speaker));
    assert!(world.picture(audience[0], speaker).unwrap().frames > before + 60);
    assert_eq!(world.picture(audience[0], speaker).unwrap().freezes, 0);
    end(&mut world);
}

#[test]
fn messages_cross_both_ways() {
    let (mut world, speaker, audience) = hall(11);
    assert!(world.send_message(speaker, "from home"));
    assert!(world.send_message(audience[1], "from away"));
    world.run(Duration::from_secs(1));
    for listener in audience {
        assert!(world.has_heard(listener, "from home"), "{listener:?}");
        assert!(world.has_heard(listener, "from away") || listener == audience[1], "{listener:?}");
    }
    assert!(world.has_heard(speaker, "from away"));
    assert!(!world.has_heard(audience[1], "from away"), "nobody hears itself");
    end(&mut world);
}

/// The third and the fourth sit on the other shard: each shard opens what its own people send.
#[test]
fn four_speakers_on_two_shards_see_each_other() {
    let mut world = World::with_shards(12, 2, 2);
    let all = [(); 4].map(|()| {
        let speaker = world.join(ClientConfig::speaker(1));
        world.run(Duration::from_millis(300));
        speaker
    });
    world.run(Duration::from_secs(15));
    for viewer in all {
        for speaker in all.into_iter().filter(|&speaker| speaker != viewer) {
            let picture = world.picture(viewer, speaker).unwrap();
            assert!(picture.frames > 300, "{}", world.describe(viewer, speaker));
            assert!(world.sound(viewer, speaker).unwrap().due > 500);
        }
    }
    let (home, away) = (world.stats(), world.stats_of(1));
    assert_eq!((home.publications, home.away_participants, home.transports), (4, 2, 4));
    assert_eq!((away.publications, away.transports, away.subscriptions), (4, 4, 12));
    assert!(home.relay.packets > 1_000 && away.relay.packets > 1_000);
    end(&mut world);
}

#[test]
fn a_shard_that_was_behind_gets_a_keyframe_when_it_is_not() {
    let (mut world, speaker, audience) = hall(13);
    world.is_behind = true;
    world.run(Duration::from_secs(2));
    let (dropped, before) =
        (world.stats().relay.dropped, world.picture(audience[1], speaker).unwrap().frames);
    assert!(dropped > 100, "{dropped} packets had no room");
    assert_eq!(world.picture(audience[0], speaker).unwrap().freezes, 0, "home does not notice");
    world.is_behind = false;
    world.run(Duration::from_secs(2));
    assert_eq!(world.stats().relay.dropped, dropped);
    let after = world.picture(audience[1], speaker).unwrap().frames;
    assert!(after > before + 40, "{} frames in 2 s", after - before);
    end(&mut world);
}
