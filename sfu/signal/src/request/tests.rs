use sfu_core::room::message::Layer;

use super::*;

#[test]
fn a_trickled_address_is_told_and_what_is_none_is_ignored() {
    let read = |candidate_init: &str| {
        let target = lk::SignalTarget::Subscriber as i32;
        trickle(&lk::TrickleRequest {
            candidate_init: candidate_init.to_owned(),
            target,
            ..lk::TrickleRequest::default()
        })
    };
    let usable = r#"{"candidate":"candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host generation 0",
        "sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"EsAw"}"#;
    let told = Trickle {
        target: Target::Subscriber,
        ufrag: Some("EsAw".to_owned()),
        addresses: vec!["192.0.2.1:61764".parse().unwrap()],
    };
    assert_eq!(read(usable), Incoming::Room(Request::Trickle(Box::new(told))));
    for useless in [
        "",
        "rubbish",
        "[]",
        r#"{"candidate":""}"#,
        r#"{"candidate":"candidate:1 1 udp 1 0a0b.local 9 typ host"}"#,
        r#"{"candidate":"candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active"}"#,
        r#"{"candidate":"candidate:1 1 udp 1 192.0.2.1 99999 typ host"}"#,
    ] {
        assert_eq!(read(useless), Incoming::Ignored, "{useless}");
    }
}

#[test]
fn a_codec_that_declares_layers_of_its_own_keeps_them() {
    let layer = |rid: &str| lk::VideoLayer { rid: rid.to_owned(), ..lk::VideoLayer::default() };
    let codec = |codec: &str, layers| lk::SimulcastCodec {
        codec: codec.to_owned(),
        layers,
        ..lk::SimulcastCodec::default()
    };
    let wire = lk::AddTrackRequest {
        r#type: lk::TrackType::Video as i32,
        layers: vec![layer("f")],
        simulcast_codecs: vec![codec("av1", vec![]), codec("vp8", vec![layer("q"), layer("h")])],
        ..lk::AddTrackRequest::default()
    };
    let Incoming::Room(Request::AddTrack(wish)) = add_track(wire) else { panic!("it is a wish") };
    let rids = |layers: &[Layer]| layers.iter().map(|l| l.rid.clone()).collect::<Vec<_>>();
    assert_eq!(rids(&wish.layers), ["f"]);
    assert_eq!(rids(&wish.codecs[1].layers), ["q", "h"]);
    assert_eq!((&wish.codecs[0].name[..], wish.codecs[0].layers.len()), ("av1", 0));
}

#[test]
fn a_message_with_every_field_missing_is_understood_or_ignored() {
    // One empty sub-message under each field number, known or not.
    for number in 1_u32..64 {
        let mut bytes = Vec::new();
        prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut bytes);
        bytes.push(0);
        let _ = read(&bytes);
    }
    assert_eq!(read(&[]), Ok(Incoming::Ignored));
    assert_eq!(read(&[0xff]), Err(Malformed));
}

#[test]
fn what_this_server_does_not_do_is_refused_with_the_request_itself() {
    let publish = lk::PublishDataTrackRequest { pub_handle: 7, ..Default::default() };
    let unpublish = lk::UnpublishDataTrackRequest { pub_handle: 7 };
    let store = lk::StoreDataBlobRequest { request_id: 5, ..Default::default() };
    let get = lk::GetDataBlobRequest { request_id: 5, ..Default::default() };
    let named = lk::GetDataBlobRequest { key: Some(lk::DataBlobKey::default()), ..get.clone() };
    let strange = lk::AddTrackRequest { r#type: lk::TrackType::Data as i32, ..Default::default() };
    for (message, request_id, reason, wanted) in [
        (
            Message::PublishDataTrackRequest(publish.clone()),
            0,
            Reason::NotAllowed,
            Some(Asked::PublishDataTrack(publish)),
        ),
        (
            Message::UnpublishDataTrackRequest(unpublish),
            0,
            Reason::NotFound,
            Some(Asked::UnpublishDataTrack(unpublish)),
        ),
        (Message::StoreDataBlobRequest(store), 5, Reason::NotAllowed, None),
        (Message::GetDataBlobRequest(get), 5, Reason::InvalidRequest, None),
        (Message::GetDataBlobRequest(named), 5, Reason::NotFound, None),
        (Message::AddTrack(strange.clone()), 0, Reason::UnsupportedType, Some(Asked::AddTrack(strange))),
    ] {
        let Incoming::Refused(words) = convert(message) else { panic!("it is refused") };
        let Some(lk::signal_response::Message::RequestResponse(reply)) =
            lk::SignalResponse::decode(&*words).unwrap().message
        else {
            panic!("a request response")
        };
        assert_eq!((reply.request_id, reply.request.clone()), (request_id, wanted));
        assert_eq!(reply.reason(), reason);
    }
}

/// Every message of the protocol, by its number, beside what `docs/livekit.md` says of it.
#[test]
fn each_message_of_the_protocol_is_treated_as_documented() {
    let page = include_str!("../../../../docs/livekit.md");
    let state = |name: &str| {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("{name} has no row"));
        row.split('|').nth(2).unwrap().trim().to_owned()
    };
    for (number, name) in [
        (1, "offer"),
        (2, "answer"),
        (3, "trickle"),
        (4, "add_track"),
        (5, "mute"),
        (6, "subscription"),
        (7, "track_setting"),
        (8, "leave"),
        (10, "update_layers"),
        (11, "subscription_permission"),
        (12, "sync_state"),
        (13, "simulate"),
        (14, "ping"),
        (15, "update_metadata"),
        (16, "ping_req"),
        (17, "update_audio_track"),
        (18, "update_video_track"),
        (19, "publish_data_track_request"),
        (20, "unpublish_data_track_request"),
        (21, "update_data_subscription"),
        (22, "store_data_blob_request"),
        (23, "get_data_blob_request"),
    ] {
        let mut bytes = Vec::new();
        if name == "ping" {
            prost::encoding::int64::encode(number, &9, &mut bytes);
        } else {
            prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut bytes);
            bytes.push(0);
        }
        let treated = match read(&bytes).unwrap() {
            Incoming::Room(_) | Incoming::Ping(_) | Incoming::PingRequest(_) => "complete",
            Incoming::Refused(_) => "refused",
            // Which scenario or address it is, its content says.
            Incoming::Ignored if matches!(name, "simulate" | "trickle") => "complete",
            Incoming::Ignored => "ignored",
        };
        assert_eq!(treated, state(name), "{name}");
    }
    // The next number is free: a newer protocol needs a row.
    let known = lk::SignalRequest::decode(&[0xc2, 0x01, 0][..]).unwrap();
    assert_eq!(known.message, None);
}

#[test]
fn a_client_says_why_it_goes_and_nothing_that_is_not_its_to_say() {
    use lk::DisconnectReason as Wire;
    for (wire, wanted) in [
        (Wire::ClientInitiated, LeaveReason::ClientInitiated),
        (Wire::UnknownReason, LeaveReason::ClientInitiated),
        (Wire::UserUnavailable, LeaveReason::UserUnavailable),
        (Wire::UserRejected, LeaveReason::UserRejected),
        (Wire::AgentError, LeaveReason::AgentError),
        (Wire::RoomDeleted, LeaveReason::ClientInitiated),
    ] {
        let leave = lk::LeaveRequest { reason: wire as i32, ..Default::default() };
        assert_eq!(convert(Message::Leave(leave)), Incoming::Room(Request::Leave(wanted)));
    }
}

#[test]
fn features_of_sound_say_stereo_and_dtx_and_stand_once_each() {
    use lk::AudioTrackFeature::{TfNoDtx, TfStereo};
    for (features, wanted) in [
        (vec![], (false, false, 0)),
        (vec![TfStereo], (true, false, 1)),
        (vec![TfNoDtx, TfStereo, TfNoDtx], (true, true, 2)),
    ] {
        let features = features.into_iter().map(|feature| feature as i32).collect();
        let wire = lk::UpdateLocalAudioTrack { track_sid: "TR_x".to_owned(), features };
        let Request::AudioFeatures { features, stereo, disable_dtx, .. } = audio_features(&wire) else {
            panic!("features")
        };
        assert_eq!((stereo, disable_dtx, features.len()), wanted);
    }
}

#[test]
fn a_frame_rate_and_a_rank_of_zero_mean_none() {
    for (fps, priority) in [(0, 0), (15, 1)] {
        let wire = lk::UpdateTrackSettings { fps, priority, ..Default::default() };
        let Request::TrackSettings { settings, .. } = track_settings(&wire) else { panic!("settings") };
        assert_eq!(settings.frame_rate.map_or(0, NonZeroU32::get), fps);
        assert_eq!(settings.rank.map_or(0, NonZeroU32::get), priority);
    }
}

#[test]
fn quality_off_means_disabled() {
    let wire = lk::UpdateTrackSettings { quality: lk::VideoQuality::Off as i32, ..Default::default() };
    let Request::TrackSettings { settings, .. } = track_settings(&wire) else { panic!("settings") };
    assert!(settings.disabled);
}
