//! Organisers sign in.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::harness::{Client, Fixture, on_both_databases};

const PROFILE: &str = r#"{"name": "Ada", "email": "Ada@Example.org", "password": "correct horse battery"}"#;

on_both_databases! {
    async fn the_first_link_signs_in_once(fixture: Fixture) {
        let client = fixture.organiser().await;
        let session = client.get("/auth/session").await.expect(StatusCode::OK);
        assert_eq!(session["organiser"]["has_password"], false);
        assert_eq!(session["organisation"]["name"], "My organisation");
        let token = fixture.link.as_ref().unwrap().split_once("#token=").unwrap().1;
        let again = fixture.anonymous().post("/auth/link", json!({ "token": token })).await;
        assert_eq!(again.problem(StatusCode::UNAUTHORIZED), "dead-link");
    }

    async fn a_new_link_is_made_at_each_start_until_there_is_a_password(fixture: Fixture) {
        let unused = fixture.link.clone().unwrap();
        fixture.restart().await;
        assert_ne!(fixture.link.clone().unwrap(), unused);
        let client = fixture.organiser().await;
        let profile: serde_json::Value = serde_json::from_str(PROFILE).unwrap();
        let session = client.put("/auth/profile", profile).await.expect(StatusCode::OK);
        assert_eq!(session["organiser"]["email"], "ada@example.org");
        fixture.restart().await;
        assert_eq!(fixture.link, None);
        let token = unused.split_once("#token=").unwrap().1;
        let old = fixture.anonymous().post("/auth/link", json!({ "token": token })).await;
        assert_eq!(old.problem(StatusCode::UNAUTHORIZED), "dead-link");
        // The session survived the restart.
        client.get("/auth/session").await.expect(StatusCode::OK);
    }

    async fn a_password_signs_in_and_five_wrong_ones_lock_for_a_while(fixture: Fixture) {
        let first = fixture.organiser().await;
        first.put("/auth/profile", serde_json::from_str(PROFILE).unwrap()).await.expect(StatusCode::OK);
        let client = fixture.anonymous();
        let right = json!({"email": " ADA@example.org ", "password": "correct horse battery"});
        client.post("/auth/sign-in", right.clone()).await.expect(StatusCode::OK);
        client.get("/auth/session").await.expect(StatusCode::OK);
        for _ in 0..4 {
            let wrong = json!({"email": "ada@example.org", "password": "wrong"});
            let answer = client.post("/auth/sign-in", wrong).await;
            assert_eq!(answer.problem(StatusCode::UNAUTHORIZED), "wrong-password");
        }
        let locked = client.post("/auth/sign-in", right).await;
        assert_eq!(locked.problem(StatusCode::TOO_MANY_REQUESTS), "too-many-attempts");
        let unknown = client.post("/auth/sign-in", json!({"email": "bob@example.org", "password": "x"})).await;
        assert_eq!(unknown.problem(StatusCode::UNAUTHORIZED), "wrong-password");
    }

    async fn a_new_password_needs_the_old_one_and_ends_other_sessions(fixture: Fixture) {
        let first = fixture.organiser().await;
        first.put("/auth/profile", serde_json::from_str(PROFILE).unwrap()).await.expect(StatusCode::OK);
        let mut other = fixture.anonymous();
        let right = json!({"email": "ada@example.org", "password": "correct horse battery"});
        let session = other.post("/auth/sign-in", right).await.expect(StatusCode::OK);
        other.csrf = Some(session["csrf_token"].as_str().unwrap().to_owned());
        let mut change = json!({"name": "Ada", "email": "ada@example.org", "password": "another long password"});
        assert_eq!(other.put("/auth/profile", change.clone()).await.problem(StatusCode::UNAUTHORIZED), "wrong-password");
        let moved = json!({"name": "Ada", "email": "mallory@example.org"});
        assert_eq!(other.put("/auth/profile", moved).await.problem(StatusCode::UNAUTHORIZED), "wrong-password");
        let renamed = json!({"name": "Ada L.", "email": "ada@example.org"});
        other.put("/auth/profile", renamed).await.expect(StatusCode::OK);
        change["current_password"] = json!("correct horse battery");
        other.put("/auth/profile", change).await.expect(StatusCode::OK);
        first.get("/auth/session").await.problem(StatusCode::UNAUTHORIZED);
        other.get("/auth/session").await.expect(StatusCode::OK);
    }

    async fn signing_out_ends_the_session(fixture: Fixture) {
        let client = fixture.organiser().await;
        assert_eq!(client.post("/auth/sign-out", json!({})).await.status, StatusCode::NO_CONTENT);
        client.get("/auth/session").await.problem(StatusCode::UNAUTHORIZED);
    }

    async fn a_page_of_another_site_cannot_act(fixture: Fixture) {
        let client = fixture.organiser().await;
        let body = super::super::harness::new_event("Evil", "open");
        let no_token = Client { csrf: None, ..client.clone() };
        assert_eq!(no_token.post("/events", body.clone()).await.problem(StatusCode::FORBIDDEN), "cross-site");
        let wrong = Client { csrf: Some("x".repeat(43)), ..client.clone() };
        assert_eq!(wrong.post("/events", body.clone()).await.problem(StatusCode::FORBIDDEN), "cross-site");
        let csrf = client.csrf.clone().unwrap();
        for (origin, status) in [
            ("https://evil.example", StatusCode::FORBIDDEN),
            ("null", StatusCode::FORBIDDEN),
            ("https://studio.example", StatusCode::CREATED),
        ] {
            let request = no_token.request(Method::POST, "/events").header("x-csrf-token", &csrf);
            let answer = Client::send(request.header("origin", origin).json(&body)).await;
            assert_eq!(answer.status, status, "{origin}");
        }
    }

    async fn the_cookie_is_out_of_reach_of_scripts(fixture: Fixture) {
        let token = fixture.link.as_ref().unwrap().split_once("#token=").unwrap().1;
        let request = fixture.anonymous().request(Method::POST, "/auth/link").json(&json!({ "token": token }));
        let response = request.send().await.unwrap();
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.starts_with("dais_session=") && !cookie.contains("Secure"), "plain HTTP: {cookie}");
        for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
}
