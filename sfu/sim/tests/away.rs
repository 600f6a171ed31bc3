//! A room that spans three shards, with its publisher on another than its home.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself")]

use std::time::Duration;

use netem::{LinkConfig, Loss};
use sfu_core::room::message::{LeaveReason, Quality, Request};
use sfu_core::room::permission::Permission;
use sfu_sim::{ClientConfig, ClientId, ClientState, World};

const LONG: Duration = Duration::from_secs(10);

/// Where people sit.
const HOME: usize = 0;
const PUBLISHERS: usize = 1;
const THIRD: usize = 2;

/// One speaker on the second shard, and viewers on all three: at home, on the third, at home, beside the speaker.
struct Hall {
    world: World,
    speaker: ClientId,
    viewers: [ClientId; 4],
}

impl Hall {
    fn new(seed: u64, is_single: bool) -> Self {
        let mut world = World::with_shards(seed, 3, 1);
        let viewer = ClientConfig { red: false, is_single, ..ClientConfig::listener(1) };
        let speaker = ClientConfig { is_single, ..ClientConfig::speaker(1) };
        let all = [&viewer, &speaker, &viewer, &viewer, &viewer].map(|config| {
            let client = world.join(config.clone());
            world.run(Duration::from_millis(300));
            client
        });
        let [first, speaker, third, second, beside] = all;
        let mut hall = Self { world, speaker, viewers: [first, third, second, beside] };
        hall.all_see_more(60);
        let sits = |shard| hall.world.stats_of(shard).transports;
        let each = if is_single { 1 } else { 2 };
        assert_eq!([sits(HOME), sits(PUBLISHERS), sits(THIRD)], [2, 1 + each, 1]);
        assert_eq!((hall.world.stats().participants, hall.world.stats().away_participants), (5, 3));
        hall
    }

    fn frames(&self) -> [usize; 4] {
        self.viewers.map(|viewer| self.world.picture(viewer, self.speaker).map_or(0, |p| frames(p.frames)))
    }

    /// Everybody sees so many frames more.
    fn all_see_more(&mut self, frames: usize) {
        let before = self.frames();
        let (viewers, speaker) = (self.viewers, self.speaker);
        for (viewer, before) in viewers.into_iter().zip(before) {
            let sees = |world: &World| {
                world.picture(viewer, speaker).is_some_and(|p| self::frames(p.frames) >= before + frames)
            };
            assert!(self.world.run_until(LONG, sees), "{}", self.world.describe(viewer, speaker));
        }
    }

    fn freezes(&self) -> [u64; 4] {
        self.viewers.map(|viewer| u64::from(self.world.picture(viewer, self.speaker).unwrap().freezes))
    }

    /// The encoding that each viewer saw last.
    fn shown(&self) -> [u8; 4] {
        let last = |viewer| self.world.picture(viewer, self.speaker).unwrap().shown.last().unwrap().1;
        self.viewers.map(last)
    }

    fn watch_at(&mut self, places: &[usize], quality: Quality) {
        for &place in places {
            self.world.watch_at(self.viewers[place], self.speaker, quality);
        }
    }

    /// Everybody leaves; nothing is left of them anywhere.
    fn end(mut self) {
        self.world.finish();
        assert!(self.world.violations().is_empty(), "{:?}", self.world.violations());
        for client in [self.speaker].into_iter().chain(self.viewers) {
            self.world.request(client, Request::Leave(LeaveReason::ClientInitiated));
        }
        let forgotten = |world: &World| world.is_forgotten();
        assert!(self.world.run_until(Duration::from_secs(70), forgotten), "{:?}", self.world.all_stats());
    }
}

fn frames(count: u64) -> usize {
    usize::try_from(count).unwrap()
}

#[test]
fn three_shards_show_the_same_and_packets_are_opened_once() {
    for is_single in [true, false] {
        let mut hall = Hall::new(1, is_single);
        let before = hall.frames();
        hall.world.run(Duration::from_secs(20));
        for (viewer, before) in hall.viewers.into_iter().zip(before) {
            let picture = hall.world.picture(viewer, hall.speaker).unwrap();
            assert!(frames(picture.frames) - before >= 580, "{} frames in 20 s", picture.frames);
            let sound = hall.world.sound(viewer, hall.speaker).unwrap();
            assert_eq!((picture.freezes, sound.concealed), (0, 0), "{sound:?}");
            let lips = hall.world.lip_error(viewer, hall.speaker).unwrap();
            assert!(lips < Duration::from_millis(5), "{lips:?}");
            assert!(hall.world.hears_speak(viewer, hall.speaker), "home hears who is loud");
        }
        let [home, publishers, third] = [HOME, PUBLISHERS, THIRD].map(|shard| hall.world.stats_of(shard));
        assert_eq!([home.publications, publishers.publications, third.publications], [0, 2, 0]);
        let opened = [&home, &publishers, &third].map(|stats| stats.media.receive.packets);
        assert!(opened[HOME] == 0 && opened[PUBLISHERS] > 1_000 && opened[THIRD] == 0, "{opened:?}");
        // The large encoding and the sound cross, once to home and once on to the third shard.
        assert!(home.relay.packets < opened[PUBLISHERS]);
        assert!(third.relay.packets <= home.relay.packets && publishers.relay.packets == 0);
        hall.end();
    }
}

#[test]
fn each_viewer_gets_the_layer_of_its_tile_and_others_do_not_cross() {
    let mut hall = Hall::new(2, true);
    hall.watch_at(&[1], Quality::Low);
    hall.world.run(Duration::from_secs(2));
    assert_eq!(hall.shown(), [2, 0, 2, 2]);
    hall.watch_at(&[0, 2], Quality::Medium);
    hall.world.run(Duration::from_secs(2));
    assert_eq!(hall.shown(), [1, 0, 1, 2], "beside the speaker is the only one with the largest");
    hall.watch_at(&[0, 2], Quality::Low);
    hall.world.run(Duration::from_secs(2));
    let crossed = hall.world.stats().relay.packets;
    let opened = hall.world.stats_of(PUBLISHERS).media.receive.packets;
    hall.world.run(Duration::from_secs(5));
    let crossed = hall.world.stats().relay.packets - crossed;
    let opened = hall.world.stats_of(PUBLISHERS).media.receive.packets - opened;
    assert!(crossed * 2 < opened, "{crossed} of {opened}");
    // Nobody wants more: the publisher is told to send less, and at the first wish more again.
    hall.watch_at(&[3], Quality::Low);
    hall.world.run(Duration::from_secs(12));
    assert_eq!(hall.world.wanted_layers(hall.speaker), [true, false, false]);
    assert_eq!(hall.shown(), [0; 4]);
    hall.watch_at(&[1], Quality::High);
    hall.world.run(Duration::from_secs(4));
    assert_eq!(hall.shown(), [0, 2, 0, 0]);
    hall.end();
}

/// It keeps account of who speaks.
#[test]
fn home_takes_the_sound_that_nobody_listens_to() {
    let mut hall = Hall::new(16, true);
    hall.world.mute_camera(hall.speaker, true);
    for viewer in hall.viewers {
        hall.world.subscribe(viewer, hall.speaker, false, false);
    }
    hall.world.run(Duration::from_secs(1));
    let crossed = [HOME, THIRD].map(|shard| hall.world.stats_of(shard).relay.packets);
    hall.world.run(Duration::from_secs(2));
    let more = [HOME, THIRD].map(|shard| hall.world.stats_of(shard).relay.packets);
    assert!((95..=105).contains(&(more[0] - crossed[0])), "{crossed:?} {more:?}");
    assert_eq!(more[1], crossed[1]);
    hall.end();
}

#[test]
fn a_muted_camera_comes_back_on_all_shards() {
    let mut hall = Hall::new(3, true);
    hall.world.mute_camera(hall.speaker, true);
    hall.world.run(Duration::from_secs(3));
    let before = hall.frames();
    hall.world.run(Duration::from_secs(1));
    assert_eq!(hall.frames(), before);
    hall.world.mute_camera(hall.speaker, false);
    hall.all_see_more(60);
    assert_eq!(hall.freezes(), [0; 4]);
    hall.end();
}

#[test]
fn a_camera_that_is_withdrawn_and_published_again_is_another_track_on_all_shards() {
    for is_single in [true, false] {
        let mut hall = Hall::new(4, is_single);
        let before = hall.world.picture_sid(hall.speaker);
        hall.world.withdraw_camera(hall.speaker, true);
        hall.world.run(Duration::from_secs(1));
        let publications = [HOME, PUBLISHERS, THIRD].map(|shard| hall.world.stats_of(shard).publications);
        let subscriptions = [HOME, PUBLISHERS, THIRD].map(|shard| hall.world.stats_of(shard).subscriptions);
        assert_eq!((publications, subscriptions), ([0, 1, 0], [2, 1, 1]), "the sound stays");
        hall.world.withdraw_camera(hall.speaker, false);
        hall.world.run(Duration::from_secs(1));
        assert_ne!(hall.world.picture_sid(hall.speaker), before);
        hall.all_see_more(60);
        hall.end();
    }
}

#[test]
fn a_resumed_publisher_goes_on() {
    for is_single in [true, false] {
        let mut hall = Hall::new(5, is_single);
        let track = hall.world.picture_sid(hall.speaker);
        hall.world.resume(hall.speaker);
        hall.world.run(Duration::from_secs(3));
        assert_eq!(hall.world.stats().resumes, 1);
        assert_eq!(hall.world.picture_sid(hall.speaker), track);
        hall.all_see_more(60);
        hall.world.move_client(hall.speaker);
        hall.all_see_more(60);
        assert_eq!(hall.freezes(), [0; 4]);
        hall.end();
    }
}

#[test]
fn a_viewer_whose_path_was_gone_gets_a_keyframe_from_two_shards_away() {
    let mut hall = Hall::new(6, true);
    let clean = ClientConfig::listener(1).up;
    let down = LinkConfig { is_down: true, ..clean };
    hall.world.set_path(hall.viewers[1], down, down);
    hall.world.run(Duration::from_secs(8));
    let asked = hall.world.keyframe_requests(hall.speaker).len();
    hall.world.set_path(hall.viewers[1], clean, clean);
    hall.all_see_more(30);
    assert!(hall.world.keyframe_requests(hall.speaker).len() > asked);
    hall.end();
}

#[test]
fn loss_on_the_first_leg_is_repaired_where_the_publisher_sits() {
    let mut hall = Hall::new(7, true);
    let clean = ClientConfig::listener(1).up;
    hall.world.set_path(hall.speaker, LinkConfig { loss: Loss::Uniform(0.03), ..clean }, clean);
    hall.world.run(LONG);
    let [home, publishers, third] = [HOME, PUBLISHERS, THIRD].map(|shard| hall.world.stats_of(shard).media);
    assert!(publishers.receive.nacks > 10 && publishers.receive.recovered > 10, "{:?}", publishers.receive);
    assert_eq!((home.receive.nacks, third.receive.nacks), (0, 0));
    assert_eq!(hall.freezes(), [0; 4]);
    hall.end();
}

#[test]
fn loss_on_the_last_leg_is_repaired_by_the_shard_of_the_viewer() {
    let mut hall = Hall::new(8, true);
    let clean = ClientConfig::listener(1).up;
    let lossy = LinkConfig { loss: Loss::Uniform(0.05), ..clean };
    for viewer in [hall.viewers[0], hall.viewers[1]] {
        hall.world.set_path(viewer, clean, lossy);
    }
    hall.world.run(LONG);
    for shard in [HOME, THIRD] {
        assert!(hall.world.stats_of(shard).media.forward.rtx > 20);
    }
    assert_eq!(hall.world.stats_of(PUBLISHERS).media.forward.rtx, 0);
    assert_eq!(hall.freezes(), [0; 4]);
    hall.end();
}

#[test]
fn a_right_that_is_taken_away_ends_what_is_in_flight() {
    let mut hall = Hall::new(9, true);
    hall.world.permit(hall.speaker, Permission { can_publish: false, ..Permission::speaker() });
    hall.world.run(Duration::from_millis(100));
    let before = hall.frames();
    let opened = hall.world.stats_of(PUBLISHERS).media.receive.packets;
    hall.world.run(Duration::from_secs(2));
    // It sends on, and nobody takes it.
    assert!(hall.world.sending(hall.speaker) > 0);
    assert_eq!(hall.world.stats_of(PUBLISHERS).media.receive.packets, opened);
    assert_eq!(hall.frames(), before);
    for shard in [HOME, PUBLISHERS, THIRD] {
        let stats = hall.world.stats_of(shard);
        assert_eq!((stats.publications, stats.subscriptions), (0, 0));
    }
    assert_eq!(hall.world.state(hall.speaker), ClientState::Joined);
    hall.end();
}

#[test]
fn a_listener_elsewhere_who_is_allowed_to_publish_does_so_from_there() {
    let mut hall = Hall::new(10, true);
    let newcomer = hall.world.join(ClientConfig { is_single: true, ..ClientConfig::speaker(1) });
    hall.world.permit(newcomer, Permission { can_publish: false, ..Permission::speaker() });
    hall.world.run(Duration::from_secs(2));
    assert!(hall.world.picture(hall.viewers[0], newcomer).is_none_or(|picture| picture.frames < 30));
    hall.world.permit(newcomer, Permission::speaker());
    hall.world.run(Duration::from_millis(200));
    hall.world.withdraw_camera(newcomer, false);
    let sees = |world: &World| world.picture(hall.viewers[0], newcomer).is_some_and(|p| p.frames > 60);
    assert!(hall.world.run_until(LONG, sees), "{}", hall.world.describe(hall.viewers[0], newcomer));
    hall.world.request(newcomer, Request::Leave(LeaveReason::ClientInitiated));
    hall.end();
}

#[test]
fn a_publisher_who_leaves_or_vanishes_is_gone_everywhere() {
    for vanishes in [false, true] {
        let mut hall = Hall::new(11, true);
        if vanishes {
            hall.world.vanish(hall.speaker);
        } else {
            hall.world.request(hall.speaker, Request::Leave(LeaveReason::ClientInitiated));
        }
        let gone = |world: &World| {
            world.all_stats().iter().all(|stats| stats.publications + stats.subscriptions == 0)
        };
        assert!(hall.world.run_until(Duration::from_secs(40), gone), "{:?}", hall.world.all_stats());
        assert!(hall.viewers.iter().all(|&viewer| hall.world.state(viewer) == ClientState::Joined));
        hall.end();
    }
}

#[test]
fn shards_that_were_behind_get_keyframes_when_they_are_not() {
    let mut hall = Hall::new(12, true);
    hall.world.is_behind = true;
    hall.world.run(Duration::from_secs(2));
    assert!(hall.world.stats_of(PUBLISHERS).relay.dropped > 100);
    assert_eq!(hall.freezes()[3], 0, "beside the speaker nobody notices");
    hall.world.is_behind = false;
    hall.all_see_more(60);
    hall.end();
}

/// Its seats there are told to come again; the others go on without the publisher.
#[test]
#[cfg(debug_assertions)]
fn a_panic_on_the_publishers_shard_ends_the_seats_there() {
    let mut hall = Hall::new(13, true);
    hall.world.break_room_on(PUBLISHERS, 1);
    hall.world.run(Duration::from_secs(2));
    let panics = hall.world.all_stats().into_iter().map(|stats| stats.room_panics).collect::<Vec<_>>();
    assert_eq!(panics, [0, 1, 0]);
    assert_eq!(hall.world.state(hall.speaker), ClientState::Left);
    assert_eq!(hall.world.state(hall.viewers[3]), ClientState::Left);
    assert_eq!(hall.world.state(hall.viewers[1]), ClientState::Joined);
    let all = hall.world.all_stats();
    assert!(all.iter().all(|stats| stats.publications + stats.subscriptions == 0), "{all:?}");
    // It comes again, to the same shard.
    hall.speaker = hall.world.join(ClientConfig { is_single: true, ..ClientConfig::speaker(1) });
    hall.viewers[3] = hall.world.join(ClientConfig { is_single: true, ..ClientConfig::listener(1) });
    hall.all_see_more(60);
    assert_eq!(hall.world.stats_of(PUBLISHERS).transports, 2);
    hall.end();
}

#[test]
#[cfg(debug_assertions)]
fn a_panic_at_home_or_on_the_third_shard_leaves_nothing_behind() {
    let mut hall = Hall::new(14, true);
    hall.world.break_room_on(THIRD, 1);
    hall.world.run(Duration::from_secs(1));
    assert_eq!(hall.world.state(hall.viewers[1]), ClientState::Left);
    assert_eq!(hall.world.state(hall.speaker), ClientState::Joined);
    hall.world.break_room(1);
    hall.world.run(Duration::from_secs(1));
    let panics = hall.world.all_stats().into_iter().map(|stats| stats.room_panics).collect::<Vec<_>>();
    assert_eq!(panics, [1, 0, 1]);
    assert!(hall.world.is_forgotten(), "{:?}", hall.world.all_stats());
}

/// Everybody speaks, two on each shard, and two of them with two peer connections.
#[test]
fn six_speakers_on_three_shards_see_and_hear_each_other() {
    let mut world = World::with_shards(15, 3, 2);
    let all = [true, false, true, true, false, true].map(|is_single| {
        let speaker = world.join(ClientConfig { is_single, ..ClientConfig::speaker(1) });
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
    let publications: Vec<_> = world.all_stats().into_iter().map(|stats| stats.publications).collect();
    assert_eq!(publications, [4, 4, 4], "each shard opens what its own people send");
    world.finish();
    assert!(world.violations().is_empty(), "{:?}", world.violations());
}
