//! Organisers upload video files.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::harness::{Client, Fixture, on_both_databases};

on_both_databases! {
    async fn an_upload_is_resumed_where_it_stopped(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let event = organiser.event("open").await;
        let create = || {
            let request = organiser.request(Method::POST, &format!("/events/{event}/uploads"));
            let body = json!({"file_name": "talk.mp4", "size_bytes": 250, "content_type": "video/mp4"});
            Client::send(request.header("idempotency-key", "u1").json(&body))
        };
        let upload = create().await.expect(StatusCode::CREATED);
        assert_eq!(create().await.expect(StatusCode::CREATED), upload, "the same key finds the same upload");
        let urls: Vec<&str> = upload["parts"].as_array().unwrap().iter().map(|part| part["url"].as_str().unwrap()).collect();
        assert_eq!(urls, ["http://bucket/1", "http://bucket/2", "http://bucket/3"]);
        let path = format!("/uploads/{}", upload["id"].as_str().unwrap());
        fixture.double.seen.lock().unwrap().stored_parts = vec![1];
        let early = organiser.post(&format!("{path}/complete"), json!({})).await;
        let early = early.expect(StatusCode::CONFLICT);
        assert_eq!(early["detail"], "Parts 2 and 3 are missing.");
        let resumed = organiser.get(&path).await.expect(StatusCode::OK);
        assert_eq!(resumed["parts"][0], json!({"number": 1, "done": true, "url": null}));
        assert_eq!(resumed["parts"][1], json!({"number": 2, "done": false, "url": "http://bucket/2"}));
        fixture.double.seen.lock().unwrap().stored_parts = vec![1, 2, 3];
        let complete = organiser.post(&format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
        assert_eq!((&complete["state"], &complete["file_name"]), (&json!("complete"), &json!("talk.mp4")));
    }

    async fn only_media_is_taken(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let event = organiser.event("open").await;
        for (member, value) in [("content_type", json!("text/html")), ("file_name", json!("  "))] {
            let mut body = json!({"file_name": "a.mp4", "size_bytes": 250, "content_type": "video/mp4"});
            body[member] = value;
            let answer = organiser.post(&format!("/events/{event}/uploads"), body).await;
            assert_eq!(answer.expect(StatusCode::UNPROCESSABLE_ENTITY)["field"], member);
        }
    }
}
