use prost::Message as _;

use super::*;

fn claims(grant: VideoGrant) -> RoomClaims {
    RoomClaims {
        issuer: "key".to_owned(),
        token: RoomToken { identity: "ada".to_owned(), video: Some(grant), ..RoomToken::default() },
        not_before: None,
        expires_at: 0,
    }
}

fn enter(grant: VideoGrant, query: &JoinQuery) -> Result<Entry, NotAllowed> {
    entry(claims(grant), query.hello()?, ConnectionId(1), &RoomLimits::default())
}

#[test]
fn absent_rights_follow_livekits_defaults() {
    let permission = enter(VideoGrant::join("hall"), &JoinQuery::default()).unwrap().join.permission;
    assert!(permission.can_publish && permission.can_subscribe && permission.can_publish_data);
    assert!(!permission.can_update_metadata && !permission.hidden);
    let listener = VideoGrant { can_publish: Some(false), ..VideoGrant::join("hall") };
    assert!(!enter(listener, &JoinQuery::default()).unwrap().join.permission.can_publish_data);
}

/// Absent, true and false of each right that has three states, and what follows for the others.
#[test]
fn each_right_of_three_states_is_what_livekit_makes_of_it() {
    for (claims, subscribe, publish, data, metadata, metrics) in [
        ("", true, true, true, false, false),
        (r#""canSubscribe":true"#, true, true, true, false, false),
        (r#""canSubscribe":false"#, false, true, true, false, false),
        (r#""canPublish":true"#, true, true, true, false, false),
        (r#""canPublish":false"#, true, false, false, false, false),
        (r#""canPublishData":true"#, true, true, true, false, false),
        (r#""canPublishData":false"#, true, true, false, false, false),
        (r#""canPublish":false,"canPublishData":true"#, true, false, true, false, false),
        (r#""canPublish":true,"canPublishData":false"#, true, true, false, false, false),
        (r#""canUpdateOwnMetadata":true"#, true, true, true, true, false),
        (r#""canUpdateOwnMetadata":false"#, true, true, true, false, false),
        (r#""canSubscribeMetrics":true"#, true, true, true, false, true),
        (r#""canSubscribeMetrics":false"#, true, true, true, false, false),
    ] {
        let comma = if claims.is_empty() { "" } else { "," };
        let json = format!(r#"{{"roomJoin":true,"room":"hall"{comma}{claims}}}"#);
        let entry = enter(serde_json::from_str(&json).unwrap(), &JoinQuery::default()).unwrap();
        let got = &entry.join.permission;
        let rights = (got.can_subscribe, got.can_publish, got.can_publish_data);
        assert_eq!(rights, (subscribe, publish, data), "{json}");
        assert_eq!((got.can_update_metadata, got.can_subscribe_metrics), (metadata, metrics), "{json}");
        assert!(!(got.hidden || got.recorder || got.agent), "{json}");
    }
}

#[test]
fn sources_that_are_named_close_every_other_and_none_named_closes_none() {
    let all =
        [Source::Camera, Source::Microphone, Source::ScreenShare, Source::ScreenShareAudio, Source::Unknown];
    for (claims, wanted) in [
        ("", &all[..]),
        (r#","canPublishSources":[]"#, &all[..]),
        (r#","canPublishSources":["camera"]"#, &[Source::Camera][..]),
        (
            r#","canPublishSources":["CAMERA","screen_share_audio"]"#,
            &[Source::Camera, Source::ScreenShareAudio],
        ),
        (r#","canPublishSources":["nothing"]"#, &[Source::Unknown]),
        (r#","canPublish":false,"canPublishSources":["camera"]"#, &[]),
    ] {
        let json = format!(r#"{{"roomJoin":true,"room":"hall"{claims}}}"#);
        let entry = enter(serde_json::from_str(&json).unwrap(), &JoinQuery::default()).unwrap();
        let may: Vec<_> =
            all.into_iter().filter(|&source| entry.join.permission.may_publish(source)).collect();
        assert_eq!(may, wanted, "{json}");
    }
}

#[test]
fn a_renewed_token_says_what_is_so_now_and_keeps_everything_else() {
    let grant = VideoGrant { room_admin: true, room_list: true, recorder: true, ..VideoGrant::join("hall") };
    let mut claims = claims(grant);
    claims.token.kind_details = vec!["forwarded".to_owned()];
    claims.token.room_preset = "large".to_owned();
    claims.token.room_config = Some(serde_json::json!({"maxParticipants": 3}));
    let hello = JoinQuery::default().hello().unwrap();
    let entry = entry(claims.clone(), hello, ConnectionId(1), &RoomLimits::default()).unwrap();
    assert!(entry.join.moderates);
    let now =
        Permission { can_publish: false, can_publish_data: true, recorder: true, ..Permission::speaker() };
    let info = ParticipantInfo {
        sid: ParticipantSid::from_wire("PA_1"),
        identity: entry.join.identity,
        name: "Ada L.".to_owned(),
        metadata: "new".to_owned(),
        attributes: BTreeMap::new(),
        state: sfu_core::room::message::ParticipantState::Active,
        tracks: Vec::new(),
        permission: now,
        joined_at_ms: 0,
        version: 3,
        kind: Carried(0),
        kind_details: Vec::new(),
        client_protocol: Carried(0),
        capabilities: Vec::new(),
        left: None,
    };
    let token = renewed(&entry.claims, info);
    assert_eq!(
        (token.identity.as_str(), token.name.as_str(), token.metadata.as_str()),
        ("ada", "Ada L.", "new")
    );
    assert_eq!(
        (&token.kind_details, &token.room_preset),
        (&claims.token.kind_details, &claims.token.room_preset)
    );
    assert_eq!(token.room_config, claims.token.room_config);
    let grant = token.video.unwrap();
    assert!(grant.room_join && grant.room_admin && grant.room_list && grant.recorder && grant.room == "hall");
    assert_eq!((grant.can_publish, grant.can_publish_data), (Some(false), Some(true)));
}

#[test]
fn who_opens_a_room_says_by_its_token_how() {
    let options = |config: serde_json::Value| {
        let mut claims = claims(VideoGrant::join("hall"));
        claims.token.room_config = Some(config);
        let hello = JoinQuery::default().hello().unwrap();
        entry(claims, hello, ConnectionId(1), &RoomLimits::default()).map(|entry| entry.options)
    };
    let seconds = |s| Some(Duration::from_secs(s));
    for config in [
        serde_json::json!({"emptyTimeout": 7, "departureTimeout": 9, "maxParticipants": 3, "metadata": "m"}),
        serde_json::json!({"empty_timeout": 7, "departure_timeout": 9, "max_participants": 3, "metadata": "m",
            "egress": {"room": {}}}),
    ] {
        let options = options(config).unwrap();
        assert_eq!((options.empty_timeout, options.departure_timeout), (seconds(7), seconds(9)));
        assert_eq!((options.max_participants, options.metadata.as_str()), (3, "m"));
    }
    let long = serde_json::json!({"metadata": "x".repeat(16 * 1024 + 1)});
    assert_eq!(options(long).unwrap_err(), NotAllowed::OutOfBounds);
    assert_eq!(options(serde_json::json!({"maxParticipants": -1})).unwrap_err(), NotAllowed::OutOfBounds);
}

#[test]
fn a_token_without_join_or_room_opens_nothing() {
    assert_eq!(enter(VideoGrant::default(), &JoinQuery::default()).unwrap_err(), NotAllowed::NoGrant);
    assert_eq!(enter(VideoGrant::join(""), &JoinQuery::default()).unwrap_err(), NotAllowed::NoRoom);
}

#[test]
fn only_who_may_change_its_metadata_brings_attributes_along() {
    let attributes = URL_SAFE.encode(br#"{"seat":"7","kept":""}"#);
    let query = JoinQuery { attributes, ..JoinQuery::default() };
    assert_eq!(enter(VideoGrant::join("hall"), &query).unwrap_err(), NotAllowed::NoRight);
    let grant = VideoGrant { can_update_own_metadata: Some(true), ..VideoGrant::join("hall") };
    let attributes = enter(grant, &query).unwrap().join.attributes;
    assert_eq!(attributes.get("seat").map(String::as_str), Some("7"));
    assert!(!attributes.contains_key("kept"));
}

#[test]
fn a_join_request_says_all_that_the_query_does_and_brings_requests() {
    let wire = lk::JoinRequest {
        client_info: Some(lk::ClientInfo { browser: "Safari".to_owned(), ..Default::default() }),
        connection_settings: Some(lk::ConnectionSettings {
            adaptive_stream: true,
            subscriber_allow_pause: Some(false),
            ..Default::default()
        }),
        metadata: "mine".to_owned(),
        add_track_requests: vec![lk::AddTrackRequest { cid: "cam".to_owned(), ..Default::default() }],
        publisher_offer: Some(lk::SessionDescription { id: 4, ..Default::default() }),
        ..Default::default()
    };
    let join_request = |wire: &lk::JoinRequest| {
        let wrapped = lk::WrappedJoinRequest { compression: 0, join_request: wire.encode_to_vec() };
        JoinQuery { join_request: URL_SAFE.encode(wrapped.encode_to_vec()), ..JoinQuery::default() }
    };
    let grant = || VideoGrant { can_update_own_metadata: Some(true), ..VideoGrant::join("hall") };
    let entry = enter(grant(), &join_request(&wire)).unwrap();
    assert_eq!((entry.join.metadata.as_str(), entry.join.transports), ("mine", Transports::Single));
    assert!(!entry.join.auto_subscribe && entry.join.adaptive_stream);
    assert!(!entry.join.receives_red && !entry.join.may_pause);
    assert!(matches!(&entry.requests[..], [Request::AddTrack(_), Request::Offer(offer)] if offer.id == 4));

    let again = lk::JoinRequest {
        reconnect: true,
        participant_sid: "PA_1".to_owned(),
        sync_state: Some(lk::SyncState::default()),
        ..Default::default()
    };
    let entry = enter(grant(), &join_request(&again)).unwrap();
    assert_eq!(entry.resume, Some(ParticipantSid::from_wire("PA_1")));
    assert!(matches!(&entry.requests[..], [Request::SyncState(_)]));

    let tracks = vec![lk::AddTrackRequest::default(); 11];
    let many = lk::JoinRequest { add_track_requests: tracks, ..Default::default() };
    assert_eq!(enter(grant(), &join_request(&many)).unwrap_err(), NotAllowed::OutOfBounds);
    assert_eq!(JoinQuery::default().single().unwrap_err(), NotAllowed::NoJoinRequest);
}

#[test]
fn a_second_connection_that_only_publishes_has_its_own_identity() {
    let query = JoinQuery { publish: "screen".to_owned(), ..JoinQuery::default() };
    let join = enter(VideoGrant::join("hall"), &query).unwrap().join;
    assert_eq!(join.identity, "ada#screen");
    assert!(!join.permission.can_subscribe);
}
