use auth::room::VideoGrant;
use livekit_protocol as lk;
use prost::Message as _;
use reqwest::{Client, Response, StatusCode};

use super::scene::Scene;

fn admin(room: &str) -> VideoGrant {
    VideoGrant {
        room_admin: true,
        room_create: true,
        room_list: true,
        room: room.to_owned(),
        ..VideoGrant::default()
    }
}

async fn call(scene: &Scene, token: &str, method: &str, json: &str) -> Response {
    let url = scene.http(&format!("/twirp/livekit.RoomService/{method}"));
    let request = Client::new().post(url).bearer_auth(token).header("content-type", "application/json");
    request.body(json.to_owned()).send().await.unwrap()
}

#[tokio::test]
async fn rooms_are_made_listed_and_deleted_in_both_formats() {
    let scene = Scene::start().await;
    let token = scene.token("admin", admin("hall"));
    let made: serde_json::Value =
        call(&scene, &token, "CreateRoom", r#"{"name":"hall"}"#).await.json().await.unwrap();
    assert_eq!(made["name"], "hall");
    let url = scene.http("/twirp/livekit.RoomService/ListRooms");
    let body = lk::ListRoomsRequest::default().encode_to_vec();
    let reply = Client::new()
        .post(url)
        .bearer_auth(&token)
        .header("content-type", "application/protobuf")
        .body(body)
        .send()
        .await
        .unwrap();
    let rooms = lk::ListRoomsResponse::decode(reply.bytes().await.unwrap()).unwrap().rooms;
    assert_eq!(rooms.len(), 1);
    call(&scene, &token, "DeleteRoom", r#"{"room":"hall"}"#).await;
    let left: serde_json::Value = call(&scene, &token, "ListRooms", "{}").await.json().await.unwrap();
    assert!(left["rooms"].as_array().is_none_or(Vec::is_empty));
    scene.end().await;
}

#[tokio::test]
async fn each_right_opens_its_own_methods_only() {
    let scene = Scene::start().await;
    let other_room = scene.token("admin", VideoGrant { room_create: false, ..admin("other") });
    let joiner = scene.join_token("ada", "hall");
    for (token, method, json, wanted) in [
        (&other_room, "ListParticipants", r#"{"room":"hall"}"#, StatusCode::FORBIDDEN),
        (&other_room, "CreateRoom", r#"{"name":"hall"}"#, StatusCode::FORBIDDEN),
        (&other_room, "ListRooms", "{}", StatusCode::OK),
        (&joiner, "ListRooms", "{}", StatusCode::FORBIDDEN),
        (&"garbage".to_owned(), "ListRooms", "{}", StatusCode::UNAUTHORIZED),
        (&other_room, "ListParticipants", r#"{"room":"other"}"#, StatusCode::NOT_FOUND),
        (&other_room, "MoveParticipant", "{}", StatusCode::NOT_IMPLEMENTED),
        (&other_room, "Unknown", "{}", StatusCode::NOT_FOUND),
        (&other_room, "ListRooms", "{", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(call(&scene, token, method, json).await.status(), wanted, "{method}");
    }
    scene.end().await;
}

#[tokio::test]
async fn validate_says_why_to_any_origin() {
    let scene = Scene::start().await;
    let get = |path: String| async move { reqwest::get(path).await.unwrap() };
    let good = scene.join_token("ada", "hall");
    for (path, wanted) in [
        (format!("/rtc/validate?access_token={good}"), StatusCode::OK),
        (format!("//rtc/validate?access_token={good}"), StatusCode::OK),
        ("/rtc/validate".to_owned(), StatusCode::UNAUTHORIZED),
        ("/rtc/validate?access_token=x".to_owned(), StatusCode::UNAUTHORIZED),
        (format!("/rtc/validate?access_token={}", scene.join_token("ada", "")), StatusCode::BAD_REQUEST),
        (format!("/rtc?access_token={good}"), StatusCode::NOT_FOUND),
        ("/rtc/v1".to_owned(), StatusCode::UNAUTHORIZED),
        ("/rtc/v1/validate".to_owned(), StatusCode::UNAUTHORIZED),
    ] {
        let reply = get(scene.http(&path)).await;
        assert_eq!(reply.status(), wanted, "{path}");
        assert_eq!(reply.headers()["access-control-allow-origin"], "*");
    }
    scene.end().await;
}
