//! Assets and what hangs on them.

use std::time::Duration;

use auth::service::{ServiceKey, ServiceName};
use mar::asset::{Playable, StaticRendition};
use serde_json::{Value, json};
use testkit::eventually;

use super::recorded;
use super::service::{Database, Running, service_key, start, text};

pub(crate) async fn assets_are_listed_newest_first_page_by_page(database: Database) {
    let running = start(database).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(running.new_recording("public").await.0);
        // SQLite's clock has milliseconds.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    made.reverse();
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = running.call("GET", &format!("/media/v1/assets?limit=2{cursor}"), None).await;
        assert_eq!(status, 200, "{page}");
        listed.extend(page["data"].as_array().unwrap().iter().map(|asset| text(&asset["id"])));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(listed, made);
    let (status, _) = running.call("GET", "/media/v1/assets?cursor=nonsense", None).await;
    assert_eq!(status, 400);
}

pub(crate) async fn a_deleted_asset_takes_its_files_along(database: Database) {
    let running = start(database).await;
    let (asset, playback) = running.new_recording("public").await;
    recorded::put(running.service.registry().bucket(), &asset, 3).await;
    running.finish(&asset, 1).await;
    add_track(&running, &asset, "English", "WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n").await;
    let path = format!("/media/v1/assets/{asset}");
    assert_eq!(running.call("DELETE", &path, None).await.0, 204);
    assert_eq!(running.call("DELETE", &path, None).await.0, 404);
    assert_eq!(running.play(&format!("{playback}/index.m3u8")).await.0, 404);
    // The caretaker looks at start.
    let running = running.restart().await;
    let bucket = running.service.registry().bucket();
    let empty = async || {
        let recording = bucket.list(&format!("recordings/{asset}/"), None).await.unwrap();
        let other = bucket.list(&format!("assets/{asset}/"), None).await.unwrap();
        (recording.is_empty() && other.is_empty()).then_some(())
    };
    eventually("no file is left", Duration::from_secs(10), empty).await.unwrap();
}

pub(crate) async fn captions_are_checked_listed_and_removed(database: Database) {
    let running = start(database).await;
    let (asset, _) = running.new_recording("public").await;
    let (status, problem) =
        add_track(&running, &asset, "English", "1\n00:00:01,000 --> 00:00:02,000\nSRT\n").await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/not-webvtt")), "{problem}");
    let good = "WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n";
    let (status, made) = add_track(&running, &asset, "English", good).await;
    assert_eq!(status, 201, "{made}");
    let (status, problem) = add_track(&running, &asset, "English", good).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/name-taken")));
    assert_eq!(add_track(&running, &asset, "", good).await.0, 400);
    let tracks = format!("/media/v1/assets/{asset}/tracks");
    let (_, list) = running.call("GET", &tracks, None).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!((&list["data"][0]["language"], &list["data"][0]["default"]), (&json!("en"), &json!(true)));
    let one = format!("{tracks}/{}", text(&made["data"]["id"]));
    let token = service_key().token(ServiceName::ControlApi, ServiceName::Media);
    let file = running.http.get(format!("{}{one}", running.url)).bearer_auth(token).send().await.unwrap();
    assert!(file.headers()["content-type"].to_str().unwrap().starts_with("text/vtt"));
    assert!(file.text().await.unwrap().contains("Hello"));
    assert_eq!(running.call("DELETE", &one, None).await.0, 204);
    assert_eq!(running.call("DELETE", &one, None).await.0, 404);
}

pub(crate) async fn callers_without_the_right_credentials_are_refused(database: Database) {
    let running = start(database).await;
    let get = |path: &str, authorization: Option<String>| {
        let mut request = running.http.get(format!("{}{path}", running.url));
        if let Some(value) = authorization {
            request = request.header("Authorization", value);
        }
        async { request.send().await.unwrap().status().as_u16() }
    };
    let basic = |pair: &str| {
        use base64::Engine as _;
        Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
    };
    let list = "/media/v1/assets";
    let key = service_key();
    assert_eq!(get(list, None).await, 401);
    assert_eq!(get(list, basic("devkey:wrong")).await, 401);
    assert_eq!(get(list, basic("devkey")).await, 401);
    assert_eq!(get(list, Some("Basic !".into())).await, 401);
    assert_eq!(get(list, Some(key.authorization(ServiceName::ControlApi, ServiceName::Mixer))).await, 401);
    let other = ServiceKey::from_secret(&[8; 32]);
    assert_eq!(get(list, Some(other.authorization(ServiceName::ControlApi, ServiceName::Media))).await, 401);
    assert_eq!(get(list, basic("devkey:devsecret")).await, 200);
    assert_eq!(get(list, Some(key.authorization(ServiceName::Mixer, ServiceName::Media))).await, 200);
    // The internal API is for services alone.
    let answer = running.http.post(format!("{}/internal/media/v1/recordings", running.url));
    let answer = answer.basic_auth("devkey", Some("devsecret")).json(&json!({})).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

pub(crate) async fn playback_ids_come_and_go(database: Database) {
    let running = start(database).await;
    let (asset, first) = running.new_recording("public").await;
    recorded::put(running.service.registry().bucket(), &asset, 3).await;
    running.finish(&asset, 1).await;
    let path = format!("/media/v1/assets/{asset}/playback-ids");
    let (status, made) = running.call("POST", &path, Some(json!({ "policy": "signed" }))).await;
    assert_eq!((status, &made["data"]["policy"]), (201, &json!("signed")), "{made}");
    let second = text(&made["data"]["id"]);
    assert_eq!(running.play(&format!("{second}/index.m3u8")).await.0, 403);
    assert_eq!(running.play(&format!("{first}/index.m3u8")).await.0, 200);
    assert_eq!(running.call("DELETE", &format!("{path}/{first}"), None).await.0, 204);
    assert_eq!(running.play(&format!("{first}/index.m3u8")).await.0, 404);
    assert_eq!(running.asset(&asset).await["playback_ids"].as_array().unwrap().len(), 1);
}

pub(crate) async fn a_transform_publishes_in_its_own_transaction(database: Database) {
    let running = start(database).await;
    let registry = running.service.registry();
    let new = mar::registry::NewUpload {
        title: "Trailer".into(),
        size_bytes: 10,
        policy: wire::media::PlaybackPolicy::Public,
    };
    let upload = registry.create_upload(&new, None).await.unwrap();
    let asset = upload.asset_id.to_string();
    let prefix = format!("assets/{asset}/hls-1");
    recorded::put(registry.bucket(), "x", 3).await;
    for entry in registry.bucket().list("recordings/x/", None).await.unwrap() {
        let bytes = registry.bucket().get(&entry.key, 1 << 20).await.unwrap();
        let key = entry.key.replace("recordings/x", &prefix);
        registry.bucket().put(&key, bytes, bucket::Kind::of("video/mp4")).await.unwrap();
    }
    let poster = StaticRendition {
        name: "poster.jpg".into(),
        key: format!("{prefix}/poster.jpg"),
        content_type: "image/jpeg".into(),
        size_bytes: 4,
    };
    registry.bucket().put(&poster.key, "jpeg", bucket::Kind::of("image/jpeg")).await.unwrap();
    let publish = async |keep: bool| {
        let mut tx = registry.db().begin().await.unwrap();
        let (db, id) = (registry.db(), &upload.asset_id);
        let playable = Playable { index_chunks: 1, duration_ms: 6_000 };
        mar::registry::publish_asset(db, &mut tx, id, (&prefix, playable)).await.unwrap();
        mar::registry::put_static_rendition(db, &mut tx, id, &poster).await.unwrap();
        if keep {
            tx.commit().await.unwrap();
        }
    };
    publish(false).await;
    assert_eq!(running.asset(&asset).await["status"], "waiting", "nothing without a commit");
    publish(true).await;
    let shown = running.asset(&asset).await;
    assert_eq!((&shown["status"], &shown["duration_ms"]), (&json!("ready"), &json!(6_000)));
    let playback = text(&shown["playback_ids"][0]["id"]);
    assert_eq!(running.play(&format!("{playback}/v180/0.m4s")).await.0, 200);
    assert_eq!(running.play(&format!("{playback}/poster.jpg")).await, (200, "jpeg".to_owned()));
    assert_eq!(running.play(&format!("{playback}/video.mp4")).await.0, 404);
}

pub(crate) async fn everything_is_there_after_a_restart(database: Database) {
    let running = start(database).await;
    let (asset, playback) = running.new_recording("public").await;
    recorded::put(running.service.registry().bucket(), &asset, 3).await;
    running.finish(&asset, 1).await;
    let before = running.asset(&asset).await;
    let running = running.restart().await;
    let mut after = running.asset(&asset).await;
    after["playback_ids"] = before["playback_ids"].clone();
    assert_eq!(after, before);
    assert_eq!(running.play(&format!("{playback}/v180/2.m4s")).await.0, 200);
}

/// Uploads an English default track of this name.
pub(crate) async fn add_track(running: &Running, asset: &str, name: &str, vtt: &str) -> (u16, Value) {
    let token = service_key().token(ServiceName::ControlApi, ServiceName::Media);
    let query = format!("language=en&name={name}&default=true");
    let url = format!("{}/media/v1/assets/{asset}/tracks?{query}", running.url);
    let request =
        running.http.post(url).header("Content-Type", "text/vtt").body(vtt.to_owned()).bearer_auth(token);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}
