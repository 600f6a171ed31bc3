use super::*;

/// Alice publishes VP9 and declares VP8 as her second codec.
fn scene() -> (Scene, ParticipantKey, PublicationKey) {
    let mut scene = Scene::new();
    let alice = scene.join("alice");
    let publication = PublicationKey(scene.key());
    let codecs = vec![codec("vp9", "cam"), codec("VP8", "")];
    let wish = AddTrack { codecs, ..camera("cam") };
    scene.room.add_track(alice, publication, wish, &mut scene.entropy, scene.now).unwrap();
    let bound = BoundTrack { mid: "1".to_owned(), mime_type: "video/VP9".to_owned(), rids: Vec::new() };
    scene.room.bind_track(alice, Kind::Video, "cam", bound, scene.now).unwrap();
    (scene, alice, publication)
}

/// Her client's answer to the wish for the second codec.
fn back_up(scene: &mut Scene, alice: ParticipantKey, track: &TrackSid) -> PublicationKey {
    let key = PublicationKey(scene.key());
    let codecs = vec![codec("vp8", "cam-2")];
    let wish = AddTrack { codecs, existing: Some(track.clone()), ..camera("cam-2") };
    scene.room.add_track(alice, key, wish, &mut scene.entropy, scene.now).unwrap();
    let rids = ["q", "h", "f"].map(str::to_owned).to_vec();
    let bound = BoundTrack { mid: "2".to_owned(), mime_type: "video/VP8".to_owned(), rids };
    scene.room.bind_track(alice, Kind::Video, "cam-2", bound, scene.now).unwrap();
    key
}

fn told(effects: &[Effect], who: ParticipantKey) -> Vec<Response> {
    let to_them = effects.iter().filter_map(|effect| {
        let Effect::Tell { to, what } = effect else { return None };
        (*to == who).then(|| what.clone())
    });
    to_them.collect()
}

#[test]
fn who_cannot_receive_the_first_codec_gets_the_second_once_it_is_published() {
    let (mut scene, alice, main) = scene();
    let (bob, carol) = (scene.join("bob"), scene.join("carol"));
    scene.effects();
    let track = scene.room.publication(main).unwrap().info.sid.clone();
    scene.room.refuse_unplayable(bob, main);
    let effects = scene.effects();
    let asked =
        Response::SubscribedQuality { track: track.clone(), codec: "vp8".to_owned(), enabled: [true; 3] };
    assert_eq!(told(&effects, alice), [asked]);
    assert!(told(&effects, bob).is_empty(), "he is not told of a failure");
    assert!(effects.contains(&Effect::Detach { subscriber: bob, publication: main }));

    let backup = back_up(&mut scene, alice, &track);
    let effects = scene.effects();
    assert!(effects.contains(&Effect::Attach { subscriber: bob, publication: backup }));
    assert!(!effects.contains(&Effect::Attach { subscriber: carol, publication: backup }));
    // It goes by the track's own id, and nobody sees a second track.
    assert_eq!(scene.room.publication(backup).unwrap().info.sid, track);
    assert_eq!(scene.room.publication_of(&track), Some(main));
    assert_eq!(scene.room.participant(alice).unwrap().full_info().tracks.len(), 1);

    // Each codec is wanted by its own subscribers.
    let settings = TrackSettings { quality: Quality::Low, ..TrackSettings::DEFAULT };
    scene.room.set_track_settings(bob, std::slice::from_ref(&track), settings);
    assert!(scene.effects().contains(&Effect::Tune { subscriber: bob, publication: backup }));
    assert_eq!(scene.room.wanted_qualities(backup), [true, false, false]);
    assert_eq!(scene.room.wanted_qualities(main), [true; 3]);
    scene.room.subscribe(bob, std::slice::from_ref(&track), false);
    assert!(scene.effects().contains(&Effect::Detach { subscriber: bob, publication: backup }));
    scene.room.subscribe(bob, std::slice::from_ref(&track), true);
    assert!(scene.effects().contains(&Effect::Attach { subscriber: bob, publication: backup }));
}

#[test]
fn a_track_names_its_second_codec_as_far_as_it_is_known() {
    let (mut scene, alice, main) = scene();
    let track = scene.room.publication(main).unwrap().info.sid.clone();
    let known = |scene: &Scene| scene.room.publication(main).unwrap().info.backup.clone().unwrap();
    let declared = BackupCodec {
        mime_type: "video/vp8".to_owned(),
        mid: String::new(),
        cid: String::new(),
        layers: camera("cam").layers,
    };
    assert_eq!(known(&scene), declared, "its layers are the track's while it declares none");

    // It comes with a single layer of its own.
    let small =
        vec![Layer { quality: Quality::High, width: 640, height: 360, ..camera("").layers.remove(0) }];
    let wish = AddTrack {
        codecs: vec![codec("vp8", "cam-2")],
        existing: Some(track),
        layers: small.clone(),
        ..camera("cam-2")
    };
    let key = PublicationKey(scene.key());
    scene.effects();
    scene.room.add_track(alice, key, wish, &mut scene.entropy, scene.now).unwrap();
    let announced = BackupCodec { cid: "cam-2".to_owned(), layers: small, ..declared };
    assert_eq!(known(&scene), announced);
    let told = told(&scene.effects(), alice);
    assert!(
        matches!(&told[..], [Response::TrackPublished { cid, track }]
            if cid == "cam-2" && track.cid == "cam" && track.backup.as_ref() == Some(&announced)),
        "{told:?}"
    );
    let rids = vec!["f".to_owned()];
    let bound = BoundTrack { mid: "2".to_owned(), mime_type: "video/VP8".to_owned(), rids };
    scene.room.bind_track(alice, Kind::Video, "cam-2", bound, scene.now).unwrap();
    let live = known(&scene);
    assert_eq!((&live.mime_type[..], &live.mid[..], &live.layers[0].rid[..]), ("video/VP8", "2", "f"));
    assert_eq!(scene.room.publication(main).unwrap().info.mime_type, "video/VP9");

    scene.room.unpublish(key, scene.now);
    let gone = known(&scene);
    assert_eq!((&gone.mime_type[..], &gone.mid[..], &gone.cid[..]), ("video/VP8", "", ""));
}

#[test]
fn who_receives_neither_codec_is_told_so() {
    let (mut scene, alice, main) = scene();
    let bob = scene.join("bob");
    let track = scene.room.publication(main).unwrap().info.sid.clone();
    scene.room.refuse_unplayable(bob, main);
    let backup = back_up(&mut scene, alice, &track);
    scene.effects();
    scene.room.refuse_unplayable(bob, backup);
    let effects = scene.effects();
    let reason = SubscriptionRefusal::CodecUnsupported;
    assert_eq!(told(&effects, bob), [Response::SubscriptionRefused { track, reason }]);
    assert!(effects.contains(&Effect::Detach { subscriber: bob, publication: backup }));
}

#[test]
fn the_second_codec_ends_and_mutes_with_its_track_and_never_ends_it() {
    let (mut scene, alice, main) = scene();
    let bob = scene.join("bob");
    let track = scene.room.publication(main).unwrap().info.sid.clone();
    scene.room.refuse_unplayable(bob, main);
    let backup = back_up(&mut scene, alice, &track);
    scene.room.mute(alice, &track, true, false, scene.now);
    assert!(scene.room.publication(backup).unwrap().info.muted);
    scene.effects();
    scene.room.unpublish(backup, scene.now);
    assert!(!told(&scene.effects(), alice).contains(&Response::TrackUnpublished(track.clone())));
    assert_eq!(scene.room.publication_of(&track), Some(main));
    let backup = back_up(&mut scene, alice, &track);
    scene.room.unpublish(main, scene.now);
    assert!(scene.room.publication(main).is_none() && scene.room.publication(backup).is_none());
    let effects = scene.effects();
    assert!(effects.contains(&Effect::Unpublished { publisher: alice, publication: backup }));
    assert_eq!(scene.room.publication_of(&track), None);
}

#[test]
fn the_qualities_of_a_scalable_stream_are_its_spatial_layers() {
    let (mut scene, alice, main) = scene();
    let places = |scene: &Scene| {
        let publication = scene.room.publication(main).unwrap();
        [Quality::Low, Quality::Medium, Quality::High].map(|quality| publication.encoding_of(quality))
    };
    assert_eq!(places(&scene), [0, 1, 2]);
    let keep_largest = |scene: &mut Scene, count: usize| {
        let participant = scene.room.participants.get_mut(&alice).unwrap();
        let layers = &mut participant.publications[0].info.layers;
        *layers = layers.split_off(layers.len() - count);
    };
    keep_largest(&mut scene, 2);
    assert_eq!(places(&scene), [0, 0, 1], "L2T1 declares the two larger qualities");
    keep_largest(&mut scene, 1);
    assert_eq!(places(&scene), [0, 1, 2], "who declares one may send three");
}

#[test]
fn a_second_codec_needs_a_track_of_ones_own_and_comes_once() {
    let (mut scene, alice, main) = scene();
    let bob = scene.join("bob");
    let track = scene.room.publication(main).unwrap().info.sid.clone();
    let mut add = |who, cid: &str, track: &TrackSid| {
        let key = PublicationKey(scene.key());
        let wish = AddTrack { existing: Some(track.clone()), ..camera(cid) };
        scene.room.add_track(who, key, wish, &mut scene.entropy, scene.now)
    };
    assert_eq!(add(bob, "one", &track), Err(PublishError::Invalid));
    assert_eq!(add(alice, "one", &TrackSid::from_wire("TR_none")), Err(PublishError::Invalid));
    assert_eq!(add(alice, "one", &track), Ok(()));
    assert_eq!(add(alice, "one", &track), Ok(()), "a repetition changes nothing");
    assert_eq!(add(alice, "two", &track), Err(PublishError::TooMany));
}
