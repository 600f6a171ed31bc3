//! Limits of the edge: what is at the limit works, and one more does not.

use livekit_protocol as lk;
use lk::leave_request::Action;
use lk::request_response::Reason;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use reqwest::StatusCode;
use tokio_tungstenite::tungstenite;

use super::scene::{Scene, Signal};

/// The status with which a signal connection is refused.
async fn refusal(scene: &Scene, identity: &str, room: &str) -> StatusCode {
    let url = format!("ws://{}/rtc?access_token={}", scene.addr, scene.join_token(identity, room));
    match tokio_tungstenite::connect_async(url).await {
        Err(tungstenite::Error::Http(reply)) => reply.status().as_u16().try_into().unwrap(),
        other => panic!("{other:?} instead of a refusal"),
    }
}

async fn service(scene: &Scene, method: &str, body: String) -> reqwest::Response {
    let grant = auth::room::VideoGrant {
        room_create: true,
        room_admin: true,
        room: "hall".to_owned(),
        ..auth::room::VideoGrant::default()
    };
    let request = reqwest::Client::new()
        .post(scene.http(&format!("/twirp/livekit.RoomService/{method}")))
        .bearer_auth(scene.token("admin", grant))
        .header("content-type", "application/json");
    request.body(body).send().await.unwrap()
}

async fn leave_action(signal: &mut Signal) -> Action {
    let is_leave = |word| match word {
        Response::Leave(leave) => Some(leave.action()),
        _ => None,
    };
    signal.hear_that(is_leave).await
}

#[tokio::test]
async fn as_many_signal_connections_are_open_as_may_be_and_a_place_is_given_back() {
    let scene = Scene::start_with(|config| config.limits.signal_connections = 2).await;
    let mut first = scene.signal("one", "hall", "").await;
    let mut second = scene.signal("two", "hall", "").await;
    first.joined().await;
    second.joined().await;
    assert_eq!(refusal(&scene, "three", "hall").await, StatusCode::SERVICE_UNAVAILABLE);
    first.say(Request::Leave(lk::LeaveRequest::default())).await;
    while first.hear().await.is_some() {}
    // The place is free a moment after the close was heard.
    let third = tokio::time::timeout(super::scene::PATIENCE, async {
        let url = format!("ws://{}/rtc?access_token={}", scene.addr, scene.join_token("three", "hall"));
        while tokio_tungstenite::connect_async(&url).await.is_err() {
            tokio::task::yield_now().await;
        }
    });
    assert!(third.await.is_ok());
    scene.end().await;
}

#[tokio::test]
async fn as_many_rooms_are_open_as_may_be_and_the_next_is_refused_by_either_door() {
    let scene = Scene::start_with(|config| (config.shards, config.limits.rooms) = (1, 1)).await;
    let mut first = scene.signal("ada", "hall", "").await;
    first.joined().await;
    let mut second = scene.signal("bob", "other", "").await;
    assert_eq!(leave_action(&mut second).await, Action::Disconnect);
    let refused = service(&scene, "CreateRoom", r#"{"name":"third"}"#.to_owned()).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json::<serde_json::Value>().await.unwrap()["code"], "resource_exhausted");
    assert_eq!(service(&scene, "CreateRoom", r#"{"name":"hall"}"#.to_owned()).await.status(), StatusCode::OK);
    scene.end().await;
}

#[tokio::test]
async fn a_body_of_the_server_apis_is_taken_up_to_its_size() {
    let scene = Scene::start_with(|config| config.limits.api_body_bytes = 1000).await;
    let body = |len: usize| {
        let json = r#"{"name":"hall"}"#;
        format!("{json}{}", " ".repeat(len - json.len()))
    };
    assert_eq!(service(&scene, "CreateRoom", body(1000)).await.status(), StatusCode::OK);
    assert_eq!(service(&scene, "CreateRoom", body(1001)).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    scene.end().await;
}

#[tokio::test]
async fn names_and_texts_at_the_door_are_taken_up_to_their_length() {
    let scene = Scene::start_with(|config| {
        (config.limits.room.name_chars, config.limits.room.metadata_bytes) = (8, 20);
    });
    let scene = scene.await;
    let validate = |token: String| {
        let url = scene.http(&format!("/rtc/validate?access_token={token}"));
        async move { reqwest::get(url).await.unwrap().status() }
    };
    assert_eq!(validate(scene.join_token("12345678", "12345678")).await, StatusCode::OK);
    assert_eq!(validate(scene.join_token("123456789", "hall")).await, StatusCode::BAD_REQUEST);
    assert_eq!(validate(scene.join_token("ada", "123456789")).await, StatusCode::BAD_REQUEST);
    let create = |metadata: usize| {
        let body = format!(r#"{{"name":"hall","metadata":"{}"}}"#, "x".repeat(metadata));
        service(&scene, "CreateRoom", body)
    };
    assert_eq!(create(21).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(create(20).await.status(), StatusCode::OK);
    scene.end().await;
}

#[tokio::test]
async fn tracks_are_published_up_to_their_number_and_the_next_is_refused_with_its_reason() {
    let scene = Scene::start_with(|config| config.limits.room.tracks_per_participant = 2).await;
    let mut signal = scene.signal("ada", "hall", "").await;
    signal.joined().await;
    for (cid, wanted) in [("one", None), ("two", None), ("three", Some(Reason::LimitExceeded))] {
        signal
            .say(Request::AddTrack(lk::AddTrackRequest { cid: cid.to_owned(), ..Default::default() }))
            .await;
        let outcome = signal.hear_that(|word| match word {
            Response::TrackPublished(published) => Some((published.cid == cid).then_some(None)),
            Response::RequestResponse(outcome) => Some(Some(Some(outcome.reason()))),
            _ => None,
        });
        assert_eq!(outcome.await, Some(wanted), "{cid}");
    }
    scene.end().await;
}
