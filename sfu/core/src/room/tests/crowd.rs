//! Halls: what a crowd costs, and that everybody still sees what is so.

use std::collections::HashMap;

use super::super::sid::ParticipantSid;
use super::*;

/// Someone who watches and listens only.
fn audience() -> Permission {
    Permission { can_publish: false, can_publish_data: false, ..Permission::speaker() }
}

fn hall(hide_audience: bool) -> Scene {
    Scene::with_options(RoomOptions { hide_audience, ..RoomOptions::default() }, RoomLimits::default())
}

impl Scene {
    /// Lets time pass up to the last deadline that is due.
    fn pass(&mut self, time: Duration) {
        let until = self.now.instant + time;
        while let Some(at) = self.room.poll_timeout().filter(|&at| at <= until) {
            self.now.unix_us += i64::try_from((at - self.now.instant).as_micros()).unwrap();
            self.now.instant = self.now.instant.max(at);
            self.room.handle_timeout(self.now);
        }
        self.now.instant = until;
    }

    /// What was told since the last look, as updates of participants alone.
    fn updates(&mut self) -> Vec<(ParticipantKey, std::sync::Arc<[ParticipantInfo]>)> {
        let mut updates = Vec::new();
        for effect in self.effects() {
            if let Effect::Tell { to, what: Response::Update(infos) } = effect {
                updates.push((to, infos));
            }
        }
        updates
    }
}

/// A thousand listeners come within ten seconds, three of whom speak by then.
#[test]
fn a_listener_who_joins_a_hall_costs_the_others_no_message_of_its_own() {
    let mut scene = hall(false);
    let speakers = ["ada", "bob", "cy"].map(|name| scene.join(name));
    for speaker in speakers {
        scene.publish(speaker, "cam");
    }
    scene.effects();
    let (mut at_join, mut told) = (0, HashMap::<ParticipantKey, usize>::new());
    for guest in 0..1000 {
        let key = scene.join_with(&format!("guest {guest}"), audience());
        let is_small = scene.room.participants().count() <= 50;
        for (to, _) in scene.updates().into_iter().filter(|_| !is_small) {
            assert_eq!(to, key, "nobody but itself is told at once");
            at_join += 1;
        }
        scene.pass(Duration::from_millis(10));
        for (to, _) in scene.updates() {
            *told.entry(to).or_default() += 1;
        }
    }
    assert_eq!(at_join, 1003 - 50);
    scene.pass(Duration::from_secs(5));
    for (to, infos) in scene.updates() {
        assert!(infos.len() > 1, "changes come together");
        *told.entry(to).or_default() += 1;
    }
    // Ten seconds at 0.25 s growing to 3 s between two messages; one by one it would be a thousand.
    let most = told.values().max().unwrap();
    assert!((4..=20).contains(most), "{most}");
    assert_eq!(scene.room.info().participants, 1003);
}

/// All leave at once, as at the end of a talk.
#[test]
fn a_hall_that_empties_tells_those_who_stay_in_one_message() {
    let mut scene = hall(false);
    let ada = scene.join("ada");
    scene.publish(ada, "cam");
    let guests: Vec<_> =
        (0..1000).map(|guest| scene.join_with(&format!("guest {guest}"), audience())).collect();
    scene.pass(Duration::from_secs(5));
    scene.effects();
    for &guest in &guests[..900] {
        scene.room.leave(guest, LeaveReason::ClientInitiated, scene.now);
    }
    assert!(scene.updates().is_empty());
    scene.pass(Duration::from_secs(5));
    let updates = scene.updates();
    assert_eq!(updates.len(), 101, "one message for each who stayed");
    for (_, infos) in &updates {
        assert_eq!(infos.len(), 900);
        assert!(infos.iter().all(|info| info.state == ParticipantState::Disconnected));
    }
    scene.room.leave(ada, LeaveReason::ClientInitiated, scene.now);
    assert_eq!(scene.updates().len(), 100, "a speaker's going is told at once");
}

#[test]
fn what_a_speaker_does_in_a_hall_is_told_at_once_also_when_its_last_track_ends() {
    let mut scene = hall(false);
    for guest in 0..100 {
        scene.join_with(&format!("guest {guest}"), audience());
    }
    let ada = scene.join("ada");
    scene.pass(Duration::from_secs(5));
    scene.effects();
    let camera = scene.publish(ada, "cam");
    assert_eq!(scene.updates().len(), 101);
    scene.room.unpublish(camera, scene.now);
    assert_eq!(scene.updates().len(), 101);
}

/// Its farewell still waits when it comes back and speaks: the farewell of the first session comes first.
#[test]
fn who_comes_back_at_once_is_not_taken_for_gone() {
    let mut scene = hall(false);
    for guest in 0..100 {
        scene.join_with(&format!("guest {guest}"), audience());
    }
    let first = scene.join("ada");
    scene.pass(Duration::from_secs(5));
    scene.room.leave(first, LeaveReason::ClientInitiated, scene.now);
    let second = scene.join("ada");
    scene.effects();
    scene.publish(second, "cam");
    let updates = scene.updates();
    let (_, infos) = updates.iter().find(|(to, _)| *to != second).unwrap();
    let states: Vec<_> = infos.iter().map(|info| info.state).collect();
    assert_eq!(states, [ParticipantState::Disconnected, ParticipantState::Active]);
    scene.pass(Duration::from_secs(5));
    assert!(scene.updates().is_empty());
}

/// The client of a lost connection would keep whoever left meanwhile.
#[test]
fn a_resumed_client_hears_who_left_while_it_was_away() {
    let mut scene = hall(false);
    let (ada, bob) = (scene.join("ada"), scene.join("bob"));
    let (sid, gone) = (scene.sid(ada), scene.sid(bob));
    scene.room.signal_lost(ada, ConnectionId(ada.0), scene.now);
    scene.room.leave(bob, LeaveReason::ClientInitiated, scene.now);
    scene.pass(Duration::from_secs(20));
    scene.effects();
    scene.room.resume("ada", &sid, ConnectionId(900), scene.now).unwrap();
    let updates = scene.updates();
    let first = &updates[0].1[0];
    assert_eq!((&first.sid, first.state), (&gone, ParticipantState::Disconnected));
    assert_eq!(updates[1].1.iter().map(|info| info.sid.clone()).collect::<Vec<_>>(), [sid]);
}

impl Scene {
    fn sid(&self, key: ParticipantKey) -> ParticipantSid {
        self.room.participant(key).unwrap().info.sid.clone()
    }
}

#[test]
fn hidden_audience_sees_the_stage_and_the_stage_sees_everybody() {
    let mut scene = hall(true);
    let ada = scene.join("ada");
    let (carl, dora) = (scene.join_with("carl", audience()), scene.join_with("dora", audience()));
    let staff = ParticipantKey(scene.key());
    let join = Join { moderates: true, ..scene.join_of(staff, "staff", audience()) };
    scene.room.join(staff, join, &mut scene.entropy, scene.now).unwrap();
    scene.room.activate(staff, scene.now);
    let mut views = Views::default();
    views.look(&mut scene);
    let all = ["ada", "carl", "dora", "staff"];
    assert_eq!(views.names(ada), all);
    assert_eq!(views.names(staff), all);
    assert_eq!(views.names(carl), ["ada", "carl", "staff"]);
    assert_eq!(views.names(dora), ["ada", "dora", "staff"]);
    assert_eq!(scene.room.info().participants, 4);
    // Carl is called onto the stage, and leaves it again.
    for (permission, of_carl, of_dora) in [
        (Permission::speaker(), &all[..], &all[..]),
        (audience(), &["ada", "carl", "staff"], &["ada", "dora", "staff"]),
    ] {
        let change = ParticipantChange { permission: Some(permission), ..Default::default() };
        scene.room.update_participant(carl, change, scene.now).unwrap();
        scene.pass(Duration::from_secs(5));
        views.look(&mut scene);
        assert_eq!((views.names(carl), views.names(dora)), (of_carl.to_vec(), of_dora.to_vec()));
    }
}

/// A hall of nobody but hidden audience: a newcomer is told of itself, and nobody of the newcomer.
#[test]
fn hidden_audience_costs_each_other_nothing() {
    let mut scene = hall(true);
    for guest in 0..1000 {
        let key = scene.join_with(&format!("guest {guest}"), audience());
        scene.pass(Duration::from_millis(10));
        for effect in scene.effects() {
            if let Effect::Tell { to, what: Response::Update(_) } = effect {
                assert_eq!(to, key);
            } else if let Effect::Tell { what: Response::Joined(joined), .. } = effect {
                assert!(joined.others.is_empty());
            }
        }
    }
    assert_eq!(scene.room.info().participants, 1000);
}

/// What each client believes, from what it was told: sid → identity, version, number of tracks, may publish.
#[derive(Default)]
struct Views(HashMap<ParticipantKey, View>);

type View = BTreeMap<String, (String, u32, usize, bool)>;

impl Views {
    fn look(&mut self, scene: &mut Scene) {
        for effect in scene.effects() {
            if let Effect::Tell { to, what: Response::Joined(joined) } = effect {
                let view = self.0.entry(to).or_default();
                joined.others.iter().chain([&joined.participant]).for_each(|info| learn(view, info));
            } else if let Effect::Tell { to, what: Response::Update(infos) } = effect {
                let view = self.0.entry(to).or_default();
                infos.iter().for_each(|info| learn(view, info));
            } else if let Effect::Gone { participant, .. } = effect {
                self.0.remove(&participant);
            }
        }
    }

    fn names(&self, viewer: ParticipantKey) -> Vec<&str> {
        let mut names: Vec<_> = self.0[&viewer].values().map(|(identity, ..)| identity.as_str()).collect();
        names.sort_unstable();
        names
    }
}

/// As livekit-client does it: older versions are ignored, and an identity is known once, with its last session.
fn learn(view: &mut View, info: &ParticipantInfo) {
    if info.state == ParticipantState::Disconnected {
        view.retain(|_, (identity, ..)| *identity != info.identity);
        return;
    }
    let sid = info.sid.to_string();
    if view.get(&sid).is_none_or(|(_, version, ..)| *version <= info.version) {
        let told = (info.identity.clone(), info.version, info.tracks.len(), info.permission.can_publish);
        view.retain(|_, (identity, ..)| *identity != info.identity);
        view.insert(sid, told);
    }
}

/// Random halls: once all is told, everybody believes what a count by hand says.
#[test]
fn after_any_coming_and_going_everybody_sees_what_is_so() {
    for seed in 1..=40_u64 {
        let hide = seed % 2 == 0;
        let mut scene = hall(hide);
        let mut views = Views::default();
        let mut state = seed;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for guest in 0..60 {
            scene.join_with(&format!("guest {guest}"), audience());
        }
        for step in 0..300 {
            let here: Vec<_> = scene.room.participants().map(|(key, _)| key).collect();
            let somebody = here[usize::try_from(random(here.len() as u64)).unwrap()];
            match random(8) {
                0..=2 => {
                    let name = format!("guest {}", random(90));
                    let rights = if random(6) == 0 { Permission::speaker() } else { audience() };
                    scene.join_with(&name, rights);
                }
                3 | 4 => scene.room.leave(somebody, LeaveReason::ClientInitiated, scene.now),
                5 => {
                    let rights = if random(2) == 0 { Permission::speaker() } else { audience() };
                    let change = ParticipantChange { permission: Some(rights), ..Default::default() };
                    scene.room.update_participant(somebody, change, scene.now).unwrap();
                }
                6 => {
                    let may = scene.room.participant(somebody).unwrap().info.permission.can_publish;
                    let published = scene.room.participant(somebody).unwrap().publications.len();
                    if may && published < 8 {
                        scene.publish(somebody, &format!("cam {step}"));
                    }
                }
                _ => scene.pass(Duration::from_millis(random(1000))),
            }
            views.look(&mut scene);
        }
        scene.pass(Duration::from_secs(10));
        views.look(&mut scene);
        let people: Vec<_> = scene.room.participants().map(|(_, p)| p).collect();
        for viewer in &people {
            let may_see = |p: &&&Participant| {
                p.key == viewer.key
                    || !hide
                    || viewer.info.permission.can_publish
                    || p.info.permission.can_publish
            };
            let truth = people.iter().filter(may_see).map(|p| {
                let info = p.full_info();
                let told = (info.identity, info.version, info.tracks.len(), info.permission.can_publish);
                (info.sid.to_string(), told)
            });
            assert_eq!(views.0[&viewer.key], truth.collect(), "seed {seed}, {}", viewer.info.identity);
        }
        let publishers = people.iter().filter(|p| p.publishes()).count();
        let counts = scene.room.info();
        assert_eq!((counts.participants as usize, counts.publishers as usize), (people.len(), publishers));
    }
}
