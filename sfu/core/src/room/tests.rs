mod backup;
mod calling;
mod crowd;
mod limits;
mod notices;

use super::admin::ParticipantChange;
use super::message::{
    AddTrack, BackupCodec, Carried, CodecWish, Kind, Layer, Quality, Source, SubscriptionRefusal,
    TrackSettings,
};
use super::permission::Permission;
use super::*;
use crate::seed::Seed;

struct Scene {
    room: Room,
    entropy: Entropy,
    now: Now,
    last_key: u64,
}

impl Scene {
    fn new() -> Self {
        Self::with_limits(RoomLimits::default())
    }

    fn with_limits(limits: RoomLimits) -> Self {
        Self::with_options(RoomOptions::default(), limits)
    }

    fn with_options(options: RoomOptions, limits: RoomLimits) -> Self {
        let now = Now { instant: Instant::now(), unix_us: 1_700_000_000_000_000 };
        let mut entropy = Entropy::new(Seed::new([7; 32]));
        let room = Room::open("hall", options, limits, &mut entropy, now);
        Self { room, entropy, now, last_key: 0 }
    }

    fn key(&mut self) -> u64 {
        self.last_key += 1;
        self.last_key
    }

    fn join_with(&mut self, identity: &str, permission: Permission) -> ParticipantKey {
        let key = ParticipantKey(self.key());
        let join = self.join_of(key, identity, permission);
        self.room.join(key, join, &mut self.entropy, self.now).unwrap();
        self.room.activate(key, self.now);
        key
    }

    fn join_of(&self, key: ParticipantKey, identity: &str, permission: Permission) -> Join {
        Join {
            identity: identity.to_owned(),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            permission,
            auto_subscribe: true,
            adaptive_stream: true,
            may_pause: true,
            kind: Carried(0),
            kind_details: Vec::new(),
            client_protocol: Carried(0),
            capabilities: Vec::new(),
            receives_red: true,
            transports: Transports::Two,
            connection: Some(ConnectionId(key.0)),
            lifeline: participant::Lifeline::Signal,
            moderates: false,
        }
    }

    fn join(&mut self, identity: &str) -> ParticipantKey {
        self.join_with(identity, Permission::speaker())
    }

    fn publish(&mut self, key: ParticipantKey, cid: &str) -> PublicationKey {
        self.publish_with(key, cid, |_| ())
    }

    fn publish_with(
        &mut self,
        key: ParticipantKey,
        cid: &str,
        change: impl Fn(&mut Layer),
    ) -> PublicationKey {
        let publication = PublicationKey(self.key());
        let mut wish = camera(cid);
        wish.layers.iter_mut().for_each(change);
        self.room.add_track(key, publication, wish, &mut self.entropy, self.now).unwrap();
        let rids = ["q", "h", "f"].map(str::to_owned).to_vec();
        let bound = BoundTrack { mid: "1".to_owned(), mime_type: "video/VP8".to_owned(), rids };
        self.room.bind_track(key, Kind::Video, cid, bound, self.now).unwrap()
    }

    fn effects(&mut self) -> Vec<Effect> {
        std::iter::from_fn(|| self.room.poll_effect()).collect()
    }
}

fn codec(name: &str, cid: &str) -> CodecWish {
    CodecWish { name: name.to_owned(), cid: cid.to_owned(), layers: Vec::new() }
}

/// A wish to publish a camera in three layers.
fn camera(cid: &str) -> AddTrack {
    let size = |quality, width, height| Layer { quality, width, height, bitrate_bps: 0, rid: String::new() };
    AddTrack {
        name: "camera".to_owned(),
        width: 1280,
        height: 720,
        layers: vec![
            size(Quality::Low, 320, 180),
            size(Quality::Medium, 640, 360),
            size(Quality::High, 1280, 720),
        ],
        codecs: vec![codec("vp8", cid)],
        ..AddTrack::new(cid.to_owned(), Kind::Video, Source::Camera)
    }
}

fn attached(effects: &[Effect]) -> Vec<(ParticipantKey, PublicationKey)> {
    let mut pairs = Vec::new();
    for effect in effects {
        if let Effect::Attach { subscriber, publication } = effect {
            pairs.push((*subscriber, *publication));
        }
    }
    pairs
}

#[test]
fn everybody_receives_a_new_track_and_a_late_comer_too() {
    let mut scene = Scene::new();
    let (alice, bob) = (scene.join("alice"), scene.join("bob"));
    let track = scene.publish(alice, "cam");
    assert_eq!(attached(&scene.effects()), [(bob, track)]);
    let carol = scene.join("carol");
    assert_eq!(attached(&scene.effects()), [(carol, track)]);
}

#[test]
fn the_same_identity_again_evicts_the_first_session() {
    let mut scene = Scene::new();
    let first = scene.join("alice");
    scene.effects();
    let second = scene.join("alice");
    let effects = scene.effects();
    let left = Response::Leave { reason: LeaveReason::DuplicateIdentity, action: LeaveAction::Disconnect };
    assert!(effects.contains(&Effect::Tell { to: first, what: left }));
    assert_eq!(scene.room.key_of("alice"), Some(second));
    assert_eq!(scene.room.info().participants, 1);
}

#[test]
fn nobody_hears_of_a_hidden_participant() {
    let mut scene = Scene::new();
    let alice = scene.join("alice");
    scene.effects();
    let ghost = scene.join_with("ghost", Permission::listener());
    let told =
        scene.effects().into_iter().any(|effect| matches!(effect, Effect::Tell { to, .. } if to == alice));
    assert!(!told);
    scene.room.leave(ghost, LeaveReason::ClientInitiated, scene.now);
    let told =
        scene.effects().into_iter().any(|effect| matches!(effect, Effect::Tell { to, .. } if to == alice));
    assert!(!told);
}

#[test]
fn a_small_tile_gets_the_smallest_layer_that_fills_it() {
    let mut scene = Scene::new();
    let (alice, bob) = (scene.join("alice"), scene.join("bob"));
    let track = scene.publish(alice, "cam");
    let sid = scene.room.publication(track).unwrap().info.sid.clone();
    let settings = |size| TrackSettings { size: Some(size), ..TrackSettings::DEFAULT };
    for (tile, wanted) in [
        ((160, 90), Quality::Low),
        ((400, 225), Quality::Medium),
        ((1280, 720), Quality::High),
        ((3840, 2160), Quality::High),
    ] {
        scene.room.set_track_settings(bob, std::slice::from_ref(&sid), settings(tile));
        assert_eq!(scene.room.wish(bob, track), Some(wanted));
    }
    let hidden = TrackSettings { disabled: true, ..settings((1280, 720)) };
    scene.room.set_track_settings(bob, &[sid], hidden);
    assert_eq!(scene.room.wish(bob, track), None);
    assert_eq!(scene.room.wanted_qualities(track), [false; 3]);
}

#[test]
fn a_source_outside_the_token_is_refused() {
    let mut scene = Scene::new();
    let permission = Permission { sources: vec![Source::Microphone], ..Permission::speaker() };
    let alice = scene.join_with("alice", permission);
    let wish = AddTrack::new("cam".to_owned(), Kind::Video, Source::Camera);
    let refused = scene.room.add_track(alice, PublicationKey(99), wish, &mut scene.entropy, scene.now);
    assert_eq!(refused, Err(PublishError::NotAllowed));
}

#[test]
fn losing_the_right_to_publish_ends_the_tracks() {
    let mut scene = Scene::new();
    let (alice, bob) = (scene.join("alice"), scene.join("bob"));
    let track = scene.publish(alice, "cam");
    scene.effects();
    let change = admin::ParticipantChange {
        permission: Some(Permission { can_publish: false, ..Permission::speaker() }),
        ..Default::default()
    };
    scene.room.update_participant(alice, change, scene.now).unwrap();
    let effects = scene.effects();
    assert!(effects.contains(&Effect::Detach { subscriber: bob, publication: track }));
    assert!(effects.contains(&Effect::Unpublished { publisher: alice, publication: track }));
}

#[test]
fn a_message_reaches_its_receivers_once() {
    let mut scene = Scene::new();
    let (alice, bob, _carol) = (scene.join("alice"), scene.join("bob"), scene.join("carol"));
    scene.effects();
    // destination_identities = "bob", sequence = 1
    let mut bytes = vec![5 << 3 | 2, 3];
    bytes.extend_from_slice(b"bob");
    bytes.extend_from_slice(&[0x80, 0x01, 1]);
    scene.room.handle_message(alice, false, &bytes, scene.now).unwrap();
    let Some(Effect::Deliver(routed)) = scene.room.poll_effect() else { panic!("a message goes out") };
    assert_eq!(routed.to, [bob]);
    let again = scene.room.handle_message(alice, false, &bytes, scene.now);
    assert_eq!(again, Err(routing::MessageRefused::Repeated));
}

#[test]
fn a_resume_needs_the_sid_of_the_session() {
    let mut scene = Scene::new();
    let alice = scene.join("alice");
    let sid = scene.room.participant(alice).unwrap().info.sid.clone();
    scene.effects();
    let wrong = ParticipantSid::from_wire("PA_wrong");
    let connection = ConnectionId(900);
    assert!(scene.room.resume("alice", &wrong, connection, scene.now).is_err());
    assert_eq!(scene.room.resume("alice", &sid, connection, scene.now), Ok(alice));
    let first = scene.effects().into_iter().find(|effect| matches!(effect, Effect::Tell { .. }));
    let wanted = Effect::Tell { to: alice, what: Response::Resumed { last_message: 0 } };
    assert_eq!(first, Some(wanted));
}

#[test]
fn a_track_that_cannot_be_played_is_neither_sent_nor_wanted_until_it_is_asked_for_again() {
    let mut scene = Scene::new();
    let (alice, bob) = (scene.join("alice"), scene.join("bob"));
    let track = scene.publish(alice, "cam");
    let sid = scene.room.publication(track).unwrap().info.sid.clone();
    scene.effects();
    scene.room.refuse_unplayable(bob, track);
    let effects = scene.effects();
    let reason = SubscriptionRefusal::CodecUnsupported;
    let told = Response::SubscriptionRefused { track: sid.clone(), reason };
    assert!(effects.contains(&Effect::Tell { to: bob, what: told }));
    assert!(effects.contains(&Effect::Detach { subscriber: bob, publication: track }));
    assert_eq!(scene.room.wanted_qualities(track), [false; 3]);
    scene.room.subscribe(bob, &[sid], true);
    assert_eq!(attached(&scene.effects()), [(bob, track)]);
}

#[test]
fn an_empty_room_closes_after_its_time() {
    let mut scene = Scene::new();
    let alice = scene.join("alice");
    scene.room.leave(alice, LeaveReason::ClientInitiated, scene.now);
    scene.effects();
    let at = scene.room.poll_timeout().unwrap();
    scene.room.handle_timeout(Now { instant: at, unix_us: 0 });
    assert!(scene.effects().contains(&Effect::Closed));
}

#[test]
fn who_is_not_in_the_audience_is_told_and_receives_nothing() {
    let mut scene = Scene::new();
    let (alice, bob) = (scene.join("alice"), scene.join("bob"));
    let track = scene.publish(alice, "cam");
    scene.effects();
    scene.room.set_audience(alice, Some(Vec::new()));
    let effects = scene.effects();
    assert!(effects.contains(&Effect::Detach { subscriber: bob, publication: track }));
    scene.room.set_audience(alice, None);
    assert_eq!(attached(&scene.effects()), [(bob, track)]);
}

fn told(effects: &[Effect], to: ParticipantKey, what: &Response) -> usize {
    let wanted = Effect::Tell { to, what: what.clone() };
    effects.iter().filter(|effect| **effect == wanted).count()
}

/// What its publisher hears of a track: its first subscriber, a mute by the server, its end.
#[test]
fn a_publisher_is_told_what_becomes_of_its_track() {
    let mut scene = Scene::new();
    let (alice, _bob) = (scene.join("alice"), scene.join("bob"));
    let track = scene.publish(alice, "cam");
    let sid = scene.room.publication(track).unwrap().info.sid.clone();
    scene.effects();
    scene.room.received(track);
    scene.room.received(track);
    assert_eq!(told(&scene.effects(), alice, &Response::TrackSubscribed(sid.clone())), 1, "once");
    let muted = Response::Mute { track: sid.clone(), muted: true };
    assert!(scene.room.mute(alice, &sid, true, true, scene.now));
    assert!(scene.room.mute(alice, &sid, true, true, scene.now));
    assert_eq!(told(&scene.effects(), alice, &muted), 1, "a change alone");
    scene.room.unpublish(track, scene.now);
    assert_eq!(told(&scene.effects(), alice, &Response::TrackUnpublished(sid)), 1);
}

#[test]
fn whom_a_publisher_lets_see_its_track_hears_so_at_each_change() {
    let mut scene = Scene::new();
    let (alice, bob) = (scene.join("alice"), scene.join("bob"));
    let track = scene.publish(alice, "cam");
    let sid = scene.room.publication(track).unwrap().info.sid.clone();
    let participant = scene.room.participant(alice).unwrap().info.sid.clone();
    scene.effects();
    let rule = |tracks: Vec<sid::TrackSid>| message::TrackPermission {
        sid: None,
        identity: Some("bob".to_owned()),
        all_tracks: false,
        tracks,
    };
    for (audience, allowed, changes) in [
        (Some(Vec::new()), false, 1),
        (Some(vec![rule(Vec::new())]), false, 0),
        (Some(vec![rule(vec![sid.clone()])]), true, 1),
        (None, true, 0),
    ] {
        scene.room.set_audience(alice, audience);
        let effects = scene.effects();
        let (participant, track) = (participant.clone(), sid.clone());
        let word = Response::SubscriptionPermission { participant, track, allowed };
        assert_eq!(told(&effects, bob, &word), changes, "{allowed}");
    }
}

/// A full reconnect: the client joins again and publishes its muted microphone and its camera anew.
#[test]
fn a_muted_track_stays_muted_through_a_full_reconnect() {
    let mut scene = Scene::new();
    let (alice, bob) = (scene.join("alice"), scene.join("bob"));
    let before = scene.publish(alice, "cam");
    let sid = scene.room.publication(before).unwrap().info.sid.clone();
    assert!(scene.room.mute(alice, &sid, true, false, scene.now));
    scene.effects();
    let again = scene.join("alice");
    let effects = scene.effects();
    assert!(effects.contains(&Effect::Detach { subscriber: bob, publication: before }));
    let publication = PublicationKey(scene.key());
    let wish = AddTrack { muted: true, ..camera("cam") };
    scene.room.add_track(again, publication, wish, &mut scene.entropy, scene.now).unwrap();
    let rids = ["q", "h", "f"].map(str::to_owned).to_vec();
    let bound = BoundTrack { mid: "1".to_owned(), mime_type: "video/VP8".to_owned(), rids };
    scene.room.bind_track(again, Kind::Video, "cam", bound, scene.now).unwrap();
    let effects = scene.effects();
    assert_eq!(attached(&effects), [(bob, publication)]);
    let muted = |effects: &[Effect]| {
        let mut told = None;
        for effect in effects {
            if let Effect::Tell { to, what: Response::Update(infos) } = effect
                && *to == bob
            {
                told = infos.first().cloned();
            }
        }
        let told = told.unwrap();
        assert_eq!((told.identity.as_str(), told.tracks.len()), ("alice", 1));
        told.tracks[0].muted
    };
    assert!(muted(&effects), "who receives it is told so");
    let sid = scene.room.publication(publication).unwrap().info.sid.clone();
    scene.room.mute(again, &sid, false, false, scene.now);
    let effects = scene.effects();
    assert!(!muted(&effects));
    assert!(effects.contains(&Effect::Tune { subscriber: bob, publication }), "and it flows again");
}

/// Bob does not show the picture, and his connection breaks: after the resume it still is not sent.
#[test]
fn a_track_that_is_not_shown_is_not_sent_after_a_resume_or_a_reconnect_either() {
    let mut scene = Scene::new();
    let (alice, bob) = (scene.join("alice"), scene.join("bob"));
    let track = scene.publish(alice, "cam");
    let sid = scene.room.publication(track).unwrap().info.sid.clone();
    let off = TrackSettings { disabled: true, ..TrackSettings::DEFAULT };
    scene.room.set_track_settings(bob, std::slice::from_ref(&sid), off);
    let session = scene.room.participant(bob).unwrap().info.sid.clone();
    scene.room.signal_lost(bob, ConnectionId(bob.0), scene.now);
    scene.room.resume("bob", &session, ConnectionId(900), scene.now).unwrap();
    scene.room.restore_subscriptions(bob, &[], true, std::slice::from_ref(&sid));
    assert_eq!(scene.room.wish(bob, track), None);
    // A new session knows nothing of it; the client says it again.
    let bob = scene.join("bob");
    assert_eq!(scene.room.wish(bob, track), Some(Quality::High));
    scene.room.restore_subscriptions(bob, &[], true, &[sid]);
    assert_eq!(scene.room.wish(bob, track), None);
}

/// Two people come within five seconds: one word about the counts, and none while they stay.
#[test]
fn the_counts_of_a_room_are_told_once_in_five_seconds() {
    let mut scene = Scene::new();
    let alice = scene.join("alice");
    scene.join("bob");
    scene.effects();
    let mut told = |seconds| {
        scene.now.instant += Duration::from_secs(seconds);
        scene.room.handle_timeout(scene.now);
        let effects = std::iter::from_fn(|| scene.room.poll_effect());
        let mut counts = Vec::new();
        for effect in effects {
            if let Effect::Tell { to, what: Response::RoomUpdate(info) } = effect
                && to == alice
            {
                counts.push(info.participants);
            }
        }
        counts
    };
    assert_eq!((told(4), told(1), told(10)), (vec![], vec![2], vec![]));
}

#[test]
fn who_pretends_to_speak_is_heard_until_its_time_is_over() {
    let mut scene = Scene::new();
    let (alice, bob) = (scene.join("alice"), scene.join("bob"));
    scene.effects();
    scene.room.pretend_to_speak(alice, Duration::from_secs(3), scene.now);
    let levels = |effects: Vec<Effect>| {
        let mut levels = Vec::new();
        for effect in effects {
            if let Effect::Tell { to, what: Response::Speakers(speakers) } = effect
                && to == bob
            {
                levels.extend(speakers.into_iter().map(|speaker| speaker.active));
            }
        }
        levels
    };
    assert_eq!(levels(scene.effects()), [true]);
    scene.room.handle_timeout(Now { instant: scene.now.instant + Duration::from_secs(3), ..scene.now });
    assert_eq!(levels(scene.effects()), [false]);
}

#[test]
fn layers_without_a_declared_size_are_taken_for_720p_and_its_halves() {
    let mut scene = Scene::new();
    let (alice, bob) = (scene.join("alice"), scene.join("bob"));
    let track = scene.publish_with(alice, "cam", |layer| (layer.width, layer.height) = (0, 0));
    let sid = scene.room.publication(track).unwrap().info.sid.clone();
    for (tile, wanted) in
        [((160, 90), Quality::Low), ((400, 225), Quality::Medium), ((900, 506), Quality::High)]
    {
        let settings = TrackSettings { size: Some(tile), ..TrackSettings::DEFAULT };
        scene.room.set_track_settings(bob, std::slice::from_ref(&sid), settings);
        assert_eq!(scene.room.wish(bob, track), Some(wanted));
    }
}
