//! Direct uploads, as a browser does them.

use std::time::Duration;

use mar::registry::UploadLimits;
use serde_json::{Value, json};
use testkit::eventually;

use super::service::{Database, Running, start, start_with, text};

const MIB: usize = 1 << 20;

/// Parts of the least size, so that small files have several.
fn small_parts() -> UploadLimits {
    UploadLimits { part_bytes: 0, ..UploadLimits::default() }
}

async fn create(running: &Running, size_bytes: usize) -> Value {
    let body = json!({ "title": "Trailer", "size_bytes": size_bytes, "policy": "public" });
    let (status, made) = running.call("POST", "/media/v1/uploads", Some(body)).await;
    assert_eq!(status, 201, "{made}");
    made["data"].clone()
}

async fn send(running: &Running, upload: &str, number: u64, file: &[u8]) {
    let path = format!("/media/v1/uploads/{upload}/part-urls");
    let (status, urls) = running.call("POST", &path, Some(json!({ "numbers": [number] }))).await;
    assert_eq!(status, 200, "{urls}");
    let part = &urls["data"][0];
    let offset = usize::try_from(part["offset_bytes"].as_u64().unwrap()).unwrap();
    let size = usize::try_from(part["size_bytes"].as_u64().unwrap()).unwrap();
    let bytes = file[offset..offset + size].to_vec();
    let sent = running.http.put(text(&part["url"])).body(bytes).send().await.unwrap();
    assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());
    assert!(sent.headers().contains_key("etag"));
}

pub(crate) async fn an_upload_resumes_after_a_reload_and_becomes_an_asset_that_prepares(database: Database) {
    let running = start_with(database, Duration::from_secs(60), small_parts()).await;
    let file: Vec<u8> = (0..11 * MIB).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let upload = create(&running, file.len()).await;
    let (id, asset) = (text(&upload["id"]), text(&upload["asset_id"]));
    assert_eq!(upload["part_count"], 3);
    assert_eq!(running.asset(&asset).await["status"], "waiting");
    send(&running, &id, 1, &file).await;
    send(&running, &id, 3, &file).await;

    let path = format!("/media/v1/uploads/{id}");
    let (_, after_reload) = running.call("GET", &path, None).await;
    assert_eq!(after_reload["data"]["stored_parts"], json!([1, 3]));
    send(&running, &id, 2, &file).await;
    for _ in 0..2 {
        let (status, done) = running.call("POST", &format!("{path}/complete"), None).await;
        assert_eq!((status, &done["data"]["status"]), (200, &json!("completed")));
    }
    assert_eq!(running.asset(&asset).await["status"], "preparing");
    let waiting = running.service.registry().preparing_uploads(10).await.unwrap();
    assert_eq!(waiting.len(), 1, "the transforms find it");
    let key = format!("assets/{asset}/source");
    let stored = running.service.registry().bucket().get(&key, 1 << 30).await.unwrap();
    assert!(stored == file, "the file is whole");
    let (status, problem) =
        running.call("POST", &format!("{path}/part-urls"), Some(json!({ "numbers": [1] }))).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/upload-closed")));
}

pub(crate) async fn an_upload_with_missing_parts_is_not_completed(database: Database) {
    let running = start_with(database, Duration::from_secs(60), small_parts()).await;
    let file = vec![1; 6 * MIB];
    let upload = create(&running, file.len()).await;
    let id = text(&upload["id"]);
    send(&running, &id, 1, &file).await;
    // A part that was cut short counts as missing.
    let path = format!("/media/v1/uploads/{id}");
    let (_, urls) = running.call("POST", &format!("{path}/part-urls"), Some(json!({ "numbers": [2] }))).await;
    running.http.put(text(&urls["data"][0]["url"])).body("short").send().await.unwrap();
    let (status, problem) = running.call("POST", &format!("{path}/complete"), None).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/parts-missing")));
    assert_eq!((&problem["missing"], &problem["parts"]), (&json!(1), &json!(2)));
    let (status, _) =
        running.call("POST", &format!("{path}/part-urls"), Some(json!({ "numbers": [0, 3] }))).await;
    assert_eq!(status, 400);
}

pub(crate) async fn an_upload_that_is_given_up_or_forgotten_errors_its_asset(database: Database) {
    let limits = UploadLimits { lifetime: Duration::from_secs(3), ..small_parts() };
    let running = start_with(database, Duration::from_secs(60), limits).await;
    let given_up = create(&running, 100).await;
    let path = format!("/media/v1/uploads/{}", text(&given_up["id"]));
    for _ in 0..2 {
        assert_eq!(running.call("DELETE", &path, None).await.0, 204);
    }
    let asset = running.asset(&text(&given_up["asset_id"])).await;
    assert_eq!((&asset["status"], &asset["error"]["kind"]), (&json!("errored"), &json!("upload-cancelled")));

    let forgotten = create(&running, 100).await;
    tokio::time::sleep(Duration::from_millis(3_100)).await;
    let urls = format!("/media/v1/uploads/{}/part-urls", text(&forgotten["id"]));
    assert_eq!(running.call("POST", &urls, Some(json!({ "numbers": [1] }))).await.0, 409);
    // The caretaker looks at start.
    let running = running.restart().await;
    let asset_id = text(&forgotten["asset_id"]);
    let expired =
        async || (running.asset(&asset_id).await["error"]["kind"] == "upload-expired").then_some(());
    eventually("expired", Duration::from_secs(10), expired).await.unwrap();
}

pub(crate) async fn an_upload_of_an_impossible_size_is_refused(database: Database) {
    let running = start(database).await;
    for size in [json!(0), json!(u64::MAX), json!(-1), json!("1"), Value::Null] {
        let body = json!({ "title": "x", "size_bytes": size, "policy": "public" });
        let (status, problem) = running.call("POST", "/media/v1/uploads", Some(body)).await;
        assert_eq!((status, &problem["type"]), (400, &json!("/problems/invalid-request")), "{size}");
    }
}
