//! Every limit of a room, at its edge and one beyond.

use super::super::admin::Text;
use super::super::message::{Request, SyncState, TrackPermission};
use super::super::sid::TrackSid;
use super::*;

fn limited(change: impl FnOnce(&mut RoomLimits)) -> Scene {
    let mut limits = RoomLimits::default();
    change(&mut limits);
    Scene::with_limits(limits)
}

fn asks(scene: &mut Scene, key: ParticipantKey, wish: AddTrack) -> Result<(), PublishError> {
    let publication = PublicationKey(scene.key());
    scene.room.add_track(key, publication, wish, &mut scene.entropy, scene.now)
}

#[test]
fn a_participant_publishes_as_many_tracks_as_it_may_and_no_more() {
    let mut scene = limited(|limits| limits.tracks_per_participant = 2);
    let alice = scene.join("alice");
    assert_eq!(asks(&mut scene, alice, camera("one")), Ok(()));
    assert_eq!(asks(&mut scene, alice, camera("two")), Ok(()));
    assert_eq!(asks(&mut scene, alice, camera("three")), Err(PublishError::TooMany));
}

#[test]
fn a_room_has_as_many_publishers_as_it_may_and_no_more() {
    let mut scene = limited(|limits| limits.publishers = 2);
    let keys = ["alice", "bob", "carol"].map(|name| scene.join(name));
    assert_eq!(asks(&mut scene, keys[0], camera("one")), Ok(()));
    assert_eq!(asks(&mut scene, keys[1], camera("two")), Ok(()));
    assert_eq!(asks(&mut scene, keys[2], camera("three")), Err(PublishError::TooMany));
    assert_eq!(asks(&mut scene, keys[0], camera("four")), Ok(()), "it is a publisher already");
}

#[test]
fn a_participant_receives_as_many_tracks_as_it_may_and_no_more() {
    let mut scene = limited(|limits| limits.subscriptions_per_participant = 2);
    let (alice, _bob) = (scene.join("alice"), scene.join("bob"));
    let tracks = ["one", "two", "three"].map(|cid| scene.publish(alice, cid));
    assert_eq!(attached(&scene.effects()).len(), 2);
    let sids = tracks.map(|track| scene.room.publication(track).unwrap().info.sid.clone());
    let bob = scene.room.key_of("bob").unwrap();
    scene.room.subscribe(bob, &sids[..1], false);
    scene.room.subscribe(bob, &sids[2..], true);
    assert_eq!(attached(&scene.effects()), [(bob, tracks[2])]);
}

#[test]
fn metadata_attributes_and_names_are_taken_up_to_their_length() {
    let mut scene = limited(|limits| (limits.metadata_bytes, limits.name_chars) = (8, 4));
    let alice = scene.join("alic");
    let mut change = |change: ParticipantChange| scene.room.update_participant(alice, change, scene.now);
    let metadata = |text: &str| ParticipantChange { metadata: Some(text.to_owned()), ..Default::default() };
    assert_eq!(change(metadata("12345678")), Ok(()));
    assert_eq!(change(metadata("123456789")), Err(AdminError::TooLong(Text::Metadata)));
    // Four characters of two bytes each.
    let name = |text: &str| ParticipantChange { name: Some(text.to_owned()), ..Default::default() };
    assert_eq!(change(name("ääää")), Ok(()));
    assert_eq!(change(name("äääää")), Err(AdminError::TooLong(Text::Name)));
    let pair = |key: &str, value: &str| {
        let attributes = BTreeMap::from([(key.to_owned(), value.to_owned())]);
        ParticipantChange { attributes, ..Default::default() }
    };
    assert_eq!(change(pair("a", "1234567")), Ok(()));
    assert_eq!(change(pair("b", "1")), Err(AdminError::TooLong(Text::Attributes)), "all pairs together");
    assert_eq!(scene.room.set_metadata("12345678".to_owned()), Ok(()));
    assert_eq!(scene.room.set_metadata("123456789".to_owned()), Err(AdminError::TooLong(Text::Metadata)));
}

#[test]
fn a_wish_to_publish_is_taken_up_to_its_lengths() {
    let mut scene = limited(|limits| limits.name_chars = 8);
    let alice = scene.join("alice");
    let long = || "123456789".to_owned();
    let good = || AddTrack { name: "12345678".to_owned(), ..camera("one") };
    assert_eq!(asks(&mut scene, alice, good()), Ok(()));
    let short = camera("").layers.remove(0);
    let layer = Layer { rid: long(), ..short };
    for bad in [
        AddTrack { name: long(), ..camera("two") },
        AddTrack { stream: long(), ..camera("two") },
        AddTrack { cid: "x".repeat(257), ..camera("two") },
        AddTrack { codecs: vec![codec(&long(), "")], ..camera("two") },
        AddTrack { codecs: vec![codec("", &"x".repeat(257))], ..camera("two") },
        AddTrack { codecs: vec![Default::default(); 9], ..camera("two") },
        AddTrack {
            codecs: vec![CodecWish { layers: vec![layer.clone()], ..codec("vp8", "") }],
            ..camera("two")
        },
        AddTrack { codecs: vec![CodecWish { layers: vec![short; 4], ..codec("vp8", "") }], ..camera("two") },
        AddTrack { layers: vec![layer], ..camera("two") },
        AddTrack { audio_features: vec![Carried(1); 17], ..camera("two") },
        AddTrack { packet_trailer_features: vec![Carried(1); 17], ..camera("two") },
    ] {
        assert_eq!(asks(&mut scene, alice, bad.clone()), Err(PublishError::Invalid), "{bad:?}");
    }
}

#[test]
fn a_message_is_taken_up_to_its_length() {
    let mut scene = limited(|limits| limits.message_bytes = 64);
    let alice = scene.join("alice");
    // Field 2 (user packet) holds field 2 (payload).
    let message = |len: u8| [&[0x12, len - 2, 0x12, len - 4][..], &vec![7; usize::from(len) - 4]].concat();
    assert_eq!(scene.room.handle_message(alice, true, &message(64), scene.now), Ok(()));
    let refused = scene.room.handle_message(alice, true, &message(65), scene.now);
    assert_eq!(refused, Err(routing::MessageRefused::TooLong));
}

#[test]
fn a_request_names_as_much_as_it_may_and_no_more() {
    let limits = RoomLimits { names_per_request: 3, ..RoomLimits::default() };
    let tracks = |count: usize| vec![TrackSid::from_wire("TR_x"); count];
    let settings = TrackSettings::DEFAULT;
    let rule =
        |count| TrackPermission { sid: None, identity: None, all_tracks: false, tracks: tracks(count) };
    let requests = |count: usize| {
        [
            Request::Subscribe { tracks: tracks(count), subscribe: true },
            Request::TrackSettings { tracks: tracks(count), settings },
            Request::SubscriptionPermission { all_participants: false, allowed: vec![rule(count - 1)] },
            Request::SyncState(Box::new(SyncState {
                tracks: tracks(1),
                published: tracks(1),
                disabled: tracks(count - 2),
                ..SyncState::default()
            })),
            Request::AudioFeatures {
                track: TrackSid::from_wire("TR_x"),
                features: vec![Carried(1); count],
                stereo: false,
                disable_dtx: false,
            },
        ]
    };
    assert!(requests(3).iter().all(|request| limits.allow(request)));
    assert!(requests(4).iter().all(|request| !limits.allow(request)));
}
