//! The single peer connection of `/rtc/v1`, at the level of its messages.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use prost::Message as _;
use reqwest::StatusCode;

use super::scene::{Scene, Signal, clips};

/// Three sections for sound, three for pictures, one for messages, all only received: livekit-client's first offer.
pub(crate) const OFFER: &str = include_str!("../../core/src/sdp/tests/chromium_single.sdp");

pub(crate) fn offer(id: u32, sdp: &str) -> lk::SessionDescription {
    lk::SessionDescription { r#type: "offer".to_owned(), sdp: sdp.to_owned(), id, ..Default::default() }
}

pub(crate) fn request() -> lk::JoinRequest {
    lk::JoinRequest {
        client_info: Some(lk::ClientInfo { protocol: 17, ..Default::default() }),
        connection_settings: Some(lk::ConnectionSettings { auto_subscribe: true, ..Default::default() }),
        ..Default::default()
    }
}

pub(crate) fn wrap(request: &lk::JoinRequest) -> String {
    let wrapped = lk::WrappedJoinRequest { compression: 0, join_request: request.encode_to_vec() };
    URL_SAFE.encode(wrapped.encode_to_vec())
}

async fn join(scene: &Scene, identity: &str, request: &lk::JoinRequest) -> Signal {
    let token = scene.join_token(identity, "hall");
    scene.signal_at(&format!("/rtc/v1?access_token={token}&join_request={}", wrap(request))).await
}

async fn answer(signal: &mut Signal) -> lk::SessionDescription {
    let is_answer = |word| match word {
        Response::Answer(answer) => Some(answer),
        Response::Offer(_) => panic!("the client always offers"),
        _ => None,
    };
    signal.hear_that(is_answer).await
}

async fn requirement(signal: &mut Signal) -> (u32, u32) {
    let is_requirement = |word| match word {
        Response::MediaSectionsRequirement(wire) => Some((wire.num_audios, wire.num_videos)),
        _ => None,
    };
    signal.hear_that(is_requirement).await
}

/// A publisher's offer: the three sections for pictures of [`OFFER`] and one that sends.
pub(crate) fn publishing(sdp: &str, cid: &str, ssrc: u32) -> String {
    let start = sdp.find("m=video").unwrap();
    let end = start + sdp[start..].find("\nm=").unwrap() + 1;
    let mid = sdp.matches("\nm=").count();
    let line = format!("a=sendonly\r\na=msid:- {cid}\r\na=ssrc:{ssrc} cname:x\r\n");
    let section = sdp[start..end].replace("a=mid:3", &format!("a=mid:{mid}"));
    let section = section.replace("a=recvonly\n", &line).replace("a=recvonly\r\n", &line);
    let bundle = format!("BUNDLE 0 1 2 3 4 5 6 {mid}");
    sdp.replace("BUNDLE 0 1 2 3 4 5 6", &bundle) + &section
}

pub(crate) fn camera(cid: &str) -> lk::AddTrackRequest {
    lk::AddTrackRequest {
        cid: cid.to_owned(),
        r#type: lk::TrackType::Video as i32,
        source: lk::TrackSource::Camera as i32,
        ..Default::default()
    }
}

#[tokio::test]
async fn the_offer_and_tracks_of_a_join_request_are_answered_after_join() {
    let scene = Scene::start().await;
    let request = lk::JoinRequest {
        publisher_offer: Some(offer(0, &publishing(OFFER, "cam", 7))),
        add_track_requests: vec![camera("cam")],
        ..request()
    };
    let mut signal = join(&scene, "ada", &request).await;
    assert!(!signal.joined().await.subscriber_primary);
    let published = signal.hear_that(|word| match word {
        Response::TrackPublished(published) => Some(published),
        _ => None,
    });
    assert_eq!(published.await.cid, "cam");
    let answer = answer(&mut signal).await;
    assert_eq!(answer.id, 0);
    // Without these on the sections that only receive, Chromium refuses its own later simulcast offer.
    let videos = answer.sdp.split("\r\nm=").filter(|section| section.starts_with("video")).take(3);
    for section in videos {
        for extension in
            ["sdes:mid", "sdes:rtp-stream-id", "sdes:repaired-rtp-stream-id", "abs-send-time", "wide-cc"]
        {
            assert!(section.contains(extension), "{extension} in {section}");
        }
    }
    scene.end().await;
}

/// The socket is open, the offer comes later: Firefox.
#[tokio::test(flavor = "multi_thread")]
async fn tracks_go_into_free_sections_of_the_next_answer_and_are_named_there() {
    let scene = Scene::start().await;
    let mut bob = join(&scene, "bob", &request()).await;
    bob.joined().await;
    bob.say(Request::Offer(offer(1, OFFER))).await;
    assert_eq!(answer(&mut bob).await.id, 1);
    let mut ada = scene.participant("ada", "hall").await;
    let tracks = ada.publish(clips()).await.unwrap();
    // The sections of the first offer are enough: none more, but an offer is needed.
    assert_eq!(requirement(&mut bob).await, (0, 0));
    bob.say(Request::Offer(offer(2, OFFER))).await;
    let answered = answer(&mut bob).await;
    let mut placed: Vec<_> = answered.mid_to_track_id.clone().into_iter().collect();
    placed.sort();
    assert_eq!(placed, [("0".to_owned(), tracks[0].clone()), ("3".to_owned(), tracks[1].clone())]);
    let section = answered.sdp.split("\r\nm=").nth(4).unwrap();
    assert!(section.starts_with("video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"), "{section}");
    assert!(section.contains(&format!("|{0} {0}\r\n", tracks[1])), "{section}");
    // Unsubscribed: the section is empty after the next offer, which is asked for.
    let subscription = lk::UpdateSubscription { track_sids: tracks, subscribe: false, ..Default::default() };
    bob.say(Request::Subscription(subscription)).await;
    assert_eq!(requirement(&mut bob).await, (0, 0));
    bob.say(Request::Offer(offer(3, OFFER))).await;
    let answered = answer(&mut bob).await;
    assert!(answered.mid_to_track_id.is_empty() && !answered.sdp.contains("a=sendonly"));
    ada.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_too_few_sections_is_asked_for_more() {
    let scene = Scene::start().await;
    let mut publishers = Vec::new();
    for number in 0..4 {
        let mut publisher = scene.participant(&format!("p{number}"), "hall").await;
        publisher.publish(clips()).await.unwrap();
        publishers.push(publisher);
    }
    let mut bob = join(&scene, "bob", &request()).await;
    // Until all of them are there with both tracks, so that the first answer has to choose.
    let mut tracks: BTreeMap<String, usize> = BTreeMap::new();
    let mut told = bob.joined().await.other_participants;
    loop {
        tracks.extend(told.into_iter().map(|other| (other.identity, other.tracks.len())));
        if tracks.values().sum::<usize>() == 8 {
            break;
        }
        let is_update = |word| match word {
            Response::Update(update) => Some(update.participants),
            _ => None,
        };
        told = bob.hear_that(is_update).await;
    }
    bob.say(Request::Offer(offer(1, OFFER))).await;
    assert_eq!(answer(&mut bob).await.mid_to_track_id.len(), 6);
    assert_eq!(requirement(&mut bob).await, (1, 1));
    for publisher in publishers {
        publisher.leave().await;
    }
    scene.end().await;
}

#[tokio::test]
async fn only_a_join_request_that_is_one_opens_the_path() {
    let scene = Scene::start().await;
    let token = scene.join_token("ada", "hall");
    let good = wrap(&request());
    for (path, status, text) in [
        (format!("/rtc/v1/validate?access_token={token}&join_request={good}"), StatusCode::OK, "success"),
        (
            format!("/rtc/v1/validate?access_token={token}&join_request={}", good.trim_end_matches('=')),
            StatusCode::OK,
            "success",
        ),
        (
            format!("/rtc/v1/validate?access_token={token}"),
            StatusCode::BAD_REQUEST,
            "join_request is required",
        ),
        (format!("/rtc/v1?access_token={token}"), StatusCode::BAD_REQUEST, "join_request is required"),
        (
            format!("/rtc/v1/validate?access_token={token}&join_request=!"),
            StatusCode::BAD_REQUEST,
            "cannot base64 decode wrapped join request",
        ),
        (
            format!("/rtc/v1/validate?join_request={good}"),
            StatusCode::UNAUTHORIZED,
            "invalid authorization token",
        ),
    ] {
        let reply = reqwest::get(scene.http(&path)).await.unwrap();
        assert_eq!(reply.status(), status, "{path}");
        assert_eq!(reply.headers()["access-control-allow-origin"], "*");
        assert_eq!(reply.text().await.unwrap(), text);
    }
    scene.end().await;
}

/// The Go SDK asks for a single peer connection on the old path.
#[tokio::test]
async fn a_join_request_on_the_old_path_means_a_single_peer_connection_too() {
    let scene = Scene::start().await;
    let token = scene.join_token("ada", "hall");
    let request = lk::JoinRequest { publisher_offer: Some(offer(0, OFFER)), ..request() };
    let path = format!("/rtc?access_token={token}&join_request={}", wrap(&request));
    let mut signal = scene.signal_at(&path).await;
    assert!(!signal.joined().await.subscriber_primary);
    answer(&mut signal).await;
    scene.end().await;
}

/// 16 KiB and more of request line: a large offer that does not compress.
#[tokio::test]
async fn a_request_line_of_48_kilobytes_passes() {
    let scene = Scene::start().await;
    let sdp = format!("{OFFER}a=x:{}\r\n", "y".repeat(12_000));
    let request = lk::JoinRequest { publisher_offer: Some(offer(1, &sdp)), ..request() };
    assert!(wrap(&request).len() > 40_000);
    let mut signal = join(&scene, "ada", &request).await;
    signal.joined().await;
    answer(&mut signal).await;
    scene.end().await;
}

#[tokio::test]
async fn an_offer_of_300_kilobytes_and_10_000_lines_is_answered() {
    let scene = Scene::start().await;
    let mut signal = join(&scene, "ada", &request()).await;
    signal.joined().await;
    let line = format!("a=x:{}\r\n", "y".repeat(30));
    let sdp = format!("{OFFER}{}", line.repeat(10_000));
    assert!(sdp.len() > 300_000 && sdp.lines().count() > 10_000);
    signal.say(Request::Offer(offer(5, &sdp))).await;
    assert_eq!(answer(&mut signal).await.id, 5);
    scene.end().await;
}

#[tokio::test]
async fn a_resume_begins_with_reconnect_and_the_client_restarts_ice_by_its_offer() {
    let scene = Scene::start().await;
    let mut signal =
        join(&scene, "ada", &lk::JoinRequest { publisher_offer: Some(offer(1, OFFER)), ..request() }).await;
    let sid = signal.joined().await.participant.unwrap().sid;
    let before = answer(&mut signal).await.sdp;
    drop(signal);
    let again = lk::JoinRequest {
        reconnect: true,
        participant_sid: sid,
        sync_state: Some(lk::SyncState::default()),
        ..request()
    };
    let mut signal = join(&scene, "ada", &again).await;
    assert!(matches!(signal.hear().await, Some(Response::Reconnect(_))));
    signal.say(Request::Offer(offer(2, &OFFER.replace("a=ice-ufrag:ji2i", "a=ice-ufrag:new1")))).await;
    let after = answer(&mut signal).await.sdp;
    let ufrag = |sdp: &str| sdp.lines().find(|line| line.starts_with("a=ice-ufrag")).unwrap().to_owned();
    assert_ne!(ufrag(&before), ufrag(&after));
    let unknown = lk::JoinRequest { participant_sid: "PA_unknown".to_owned(), ..again };
    match join(&scene, "ada", &unknown).await.hear().await {
        Some(Response::Leave(leave)) => assert_eq!(leave.action(), lk::leave_request::Action::Reconnect),
        other => panic!("{other:?} instead of leave"),
    }
    scene.end().await;
}
