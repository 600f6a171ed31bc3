//! Events, stages and sessions.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::harness::{Client, Fixture, new_event, on_both_databases};

on_both_databases! {
    async fn an_event_is_made_changed_and_deleted(fixture: Fixture) {
        let client = fixture.organiser().await;
        let event = client.post("/events", new_event("Rust & Media", "open")).await.expect(StatusCode::CREATED);
        assert_eq!(event["slug"], "rust-media");
        assert_eq!(event["starts_at"], "2030-05-01T09:00:00Z");
        let path = format!("/events/{}", event["id"].as_str().unwrap());
        let changed = client.patch(&path, json!({"title": "Renamed", "access": "invited"})).await;
        let changed = changed.expect(StatusCode::OK);
        assert_eq!((&changed["title"], &changed["access"]), (&json!("Renamed"), &json!("invited")));
        assert_eq!(client.get(&path).await.expect(StatusCode::OK), changed);
        let preview = fixture.anonymous().get("/event-previews/rust-media").await.expect(StatusCode::OK);
        assert_eq!(preview["title"], "Renamed");
        assert_eq!(client.delete(&path).await.status, StatusCode::NO_CONTENT);
        assert_eq!(client.get(&path).await.problem(StatusCode::NOT_FOUND), "not-found");
    }

    async fn a_repeated_create_makes_one_event(fixture: Fixture) {
        let client = fixture.organiser().await;
        let create = |title: &'static str| {
            let request = client.request(Method::POST, "/events").header("idempotency-key", "k1");
            Client::send(request.json(&new_event(title, "open")))
        };
        let first = create("Once").await.expect(StatusCode::CREATED);
        let second = create("Once").await.expect(StatusCode::CREATED);
        assert_eq!(first, second);
        assert_eq!(create("Twice").await.problem(StatusCode::CONFLICT), "key-reused");
        let list = client.get("/events").await.expect(StatusCode::OK);
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
    }

    async fn pages_hold_every_event_once(fixture: Fixture) {
        let client = fixture.organiser().await;
        for n in 0..7 {
            let mut body = new_event("Same title", "open");
            body["starts_at"] = json!(format!("2030-05-0{}T09:00:00Z", 1 + n / 3));
            body["ends_at"] = json!("2030-06-01T00:00:00Z");
            client.post("/events", body).await.expect(StatusCode::CREATED);
        }
        let (mut seen, mut path) = (Vec::new(), "/events?limit=2".to_owned());
        loop {
            let page = client.get(&path).await.expect(StatusCode::OK);
            seen.extend(page["items"].as_array().unwrap().iter().map(|event| event["id"].to_string()));
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/events?limit=2&cursor={cursor}"),
                None => break,
            }
        }
        let distinct: std::collections::HashSet<_> = seen.iter().collect();
        assert_eq!((seen.len(), distinct.len()), (7, 7));
        for query in ["limit=0", "limit=101", "limit=x", "cursor=zzz"] {
            let answer = client.get(&format!("/events?{query}")).await;
            assert!(answer.status.is_client_error(), "{query}");
        }
    }

    async fn bad_input_is_named(fixture: Fixture) {
        let client = fixture.organiser().await;
        for (member, value) in [
            ("title", json!("")),
            ("title", json!("x".repeat(201))),
            ("slug", json!("No Spaces")),
            ("time_zone", json!("../etc")),
            ("ends_at", json!("2030-05-01T08:00:00Z")),
        ] {
            let mut body = new_event("Fine", "open");
            body[member] = value;
            let problem = client.post("/events", body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
            assert_eq!(problem["field"], member);
        }
        for body in [json!({}), json!([]), json!({"title": 1}), json!({"title": "x", "unknown": true})] {
            let answer = client.post("/events", body).await;
            assert_eq!(answer.problem(StatusCode::UNPROCESSABLE_ENTITY), "bad-body");
        }
        let deep = "[".repeat(10_000);
        let request = client.request(Method::POST, "/events").header("content-type", "application/json");
        let answer = Client::send(request.body(deep)).await;
        assert_eq!(answer.problem(StatusCode::UNPROCESSABLE_ENTITY), "bad-body");
        let request = client.request(Method::POST, "/events").header("content-type", "application/json");
        let answer = Client::send(request.body(" ".repeat(65 * 1024))).await;
        assert_eq!(answer.problem(StatusCode::PAYLOAD_TOO_LARGE), "bad-body");
        assert_eq!(client.put("/events", json!({})).await.problem(StatusCode::METHOD_NOT_ALLOWED), "wrong-method");
        let answer = Client::send(client.request(Method::POST, "/events").body("{}")).await;
        assert_eq!(answer.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE), "bad-body");
    }

    async fn two_events_share_no_address(fixture: Fixture) {
        let client = fixture.organiser().await;
        let first = client.post("/events", new_event("Summit", "open")).await.expect(StatusCode::CREATED);
        let second = client.post("/events", new_event("Summit", "open")).await.expect(StatusCode::CREATED);
        assert_ne!(first["slug"], second["slug"]);
        let path = format!("/events/{}", second["id"].as_str().unwrap());
        let taken = client.patch(&path, json!({"slug": first["slug"]})).await;
        assert_eq!(taken.problem(StatusCode::CONFLICT), "slug-taken");
    }

    async fn stages_and_sessions_belong_to_an_event(fixture: Fixture) {
        let client = fixture.organiser().await;
        let (event, stage) = client.stage("open").await;
        let session = json!({"title": "Workshop", "starts_at": "2030-05-01T10:00:00Z"});
        let session = client.post(&format!("/events/{event}/sessions"), session).await.expect(StatusCode::CREATED);
        let session = format!("/sessions/{}", session["id"].as_str().unwrap());
        client.patch(&session, json!({"title": "Clinic"})).await.expect(StatusCode::OK);
        assert_eq!(client.get(&session).await.expect(StatusCode::OK)["title"], "Clinic");
        client.patch(&format!("/stages/{stage}"), json!({"title": "Big"})).await.expect(StatusCode::OK);
        let stages = client.get(&format!("/events/{event}/stages")).await.expect(StatusCode::OK);
        assert_eq!(stages["items"][0]["title"], "Big");
        assert_eq!(stages["items"][0]["state"], "off_air");
        let reception = client.get(&format!("/events/{event}/reception")).await.expect(StatusCode::OK);
        assert_eq!(reception["sessions"][0]["participants"], 2);
        assert_eq!(client.delete(&session).await.status, StatusCode::NO_CONTENT);
        assert_eq!(client.delete(&format!("/stages/{stage}")).await.status, StatusCode::NO_CONTENT);
        let deleted: Vec<String> = fixture.double.seen.lock().unwrap().twirp.iter()
            .filter(|(method, _)| method == "DeleteRoom").map(|(_, body)| body["room"].to_string()).collect();
        assert_eq!(deleted.len(), 2);
    }
}
