//! Each route declares who may call it, and refuses everybody else.

use std::collections::BTreeMap;
use std::time::Duration;

use auth::experience::{Experience, Role};
use auth::room::{ApiKeys, RoomToken, VideoGrant};
use auth::service::ServiceName;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::harness::{Client, Fixture, on_both_databases};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// No credential.
    Anybody,
    /// The organiser's cookie.
    Organiser,
    /// An experience token.
    Person,
    /// Either.
    Event,
}

/// Every route with its callers: a new route needs a row here.
const ROUTES: &[(&str, &str, Who)] = &[
    ("POST", "/auth/sign-in", Who::Anybody),
    ("POST", "/auth/link", Who::Anybody),
    ("GET", "/auth/session", Who::Organiser),
    ("POST", "/auth/sign-out", Who::Organiser),
    ("PUT", "/auth/profile", Who::Organiser),
    ("GET", "/events", Who::Organiser),
    ("POST", "/events", Who::Organiser),
    ("GET", "/events/{event_id}", Who::Organiser),
    ("PATCH", "/events/{event_id}", Who::Organiser),
    ("DELETE", "/events/{event_id}", Who::Organiser),
    ("GET", "/event-previews/{slug}", Who::Anybody),
    ("GET", "/events/{event_id}/reception", Who::Event),
    ("POST", "/experience", Who::Anybody),
    ("GET", "/experience/me", Who::Person),
    ("GET", "/events/{event_id}/invitations", Who::Organiser),
    ("POST", "/events/{event_id}/invitations", Who::Organiser),
    ("DELETE", "/events/{event_id}/invitations/{invitation_id}", Who::Organiser),
    ("GET", "/events/{event_id}/stages", Who::Event),
    ("POST", "/events/{event_id}/stages", Who::Organiser),
    ("GET", "/stages/{stage_id}", Who::Event),
    ("PATCH", "/stages/{stage_id}", Who::Organiser),
    ("DELETE", "/stages/{stage_id}", Who::Organiser),
    ("POST", "/stages/{stage_id}/join", Who::Event),
    ("PUT", "/stages/{stage_id}/programme", Who::Organiser),
    ("POST", "/stages/{stage_id}/go-live", Who::Organiser),
    ("POST", "/stages/{stage_id}/end", Who::Organiser),
    ("GET", "/stages/{stage_id}/status", Who::Event),
    ("POST", "/stages/{stage_id}/watching", Who::Person),
    ("GET", "/events/{event_id}/sessions", Who::Event),
    ("POST", "/events/{event_id}/sessions", Who::Organiser),
    ("GET", "/sessions/{session_id}", Who::Event),
    ("PATCH", "/sessions/{session_id}", Who::Organiser),
    ("DELETE", "/sessions/{session_id}", Who::Organiser),
    ("POST", "/sessions/{session_id}/join", Who::Event),
    ("GET", "/events/{event_id}/replays", Who::Event),
    ("GET", "/replays/{replay_id}", Who::Event),
    ("DELETE", "/replays/{replay_id}", Who::Organiser),
    ("GET", "/replays/{replay_id}/captions", Who::Event),
    ("POST", "/replays/{replay_id}/captions", Who::Organiser),
    ("GET", "/replays/{replay_id}/captions/{caption_id}", Who::Event),
    ("DELETE", "/replays/{replay_id}/captions/{caption_id}", Who::Organiser),
    ("POST", "/replays/{replay_id}/jobs/{job_id}/cancel", Who::Organiser),
    ("POST", "/replays/{replay_id}/jobs/{job_id}/retry", Who::Organiser),
    ("POST", "/events/{event_id}/uploads", Who::Organiser),
    ("GET", "/uploads/{upload_id}", Who::Organiser),
    ("POST", "/uploads/{upload_id}/complete", Who::Organiser),
];

#[test]
fn every_route_of_the_document_has_a_row_that_agrees() {
    let document: Value = serde_json::from_str(&control_api::openapi_json()).unwrap();
    let mut documented = BTreeMap::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let schemes: Vec<&String> = operation["security"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|scheme| scheme.as_object().unwrap().keys())
                .collect();
            let has = |name: &str| schemes.iter().any(|scheme| *scheme == name);
            let who = match (has("organiser"), has("experience")) {
                (true, true) => Who::Event,
                (true, false) => Who::Organiser,
                (false, true) => Who::Person,
                (false, false) => Who::Anybody,
            };
            let path = path.strip_prefix("/api/v1").unwrap();
            documented.insert(format!("{} {path}", method.to_uppercase()), format!("{who:?}"));
        }
    }
    let rows =
        ROUTES.iter().map(|(method, path, who)| (format!("{method} {path}"), format!("{who:?}"))).collect();
    assert_eq!(documented, rows);
}

on_both_databases! {
    async fn each_route_refuses_every_foreign_credential(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let ids = Places::make(&organiser, &fixture).await;
        for (method, template, who) in ROUTES.iter().filter(|(_, _, who)| *who != Who::Anybody) {
            let path = ids.fill(template);
            let method: Method = method.parse().unwrap();
            for (name, client) in bad_credentials(&fixture, &ids) {
                let answer = Client::send(client.request(method.clone(), &path).json(&json!({}))).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name} at {method} {template}: {}", answer.text);
            }
            if *who == Who::Organiser {
                let person = fixture.person(&ids.person_token);
                let answer = Client::send(person.request(method.clone(), &path).json(&json!({}))).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "a person at {method} {template}");
                if method != Method::GET {
                    let forged = Client { csrf: None, ..organiser.clone() };
                    let answer = Client::send(forged.request(method.clone(), &path).json(&json!({}))).await;
                    assert_eq!(answer.status, StatusCode::FORBIDDEN, "no CSRF token at {method} {template}");
                }
            }
            if *who == Who::Person {
                let answer = Client::send(organiser.request(method.clone(), &path).json(&json!({}))).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "an organiser at {method} {template}");
            }
        }
        // Nothing was changed by all that.
        organiser.get(&ids.fill("/events/{event_id}")).await.expect(StatusCode::OK);
        organiser.get(&ids.fill("/stages/{stage_id}")).await.expect(StatusCode::OK);
    }

    async fn what_is_not_there_and_what_is_no_id_answer_alike(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let mut texts = std::collections::HashSet::new();
        for path in [
            "/events/evt_0000000000000000000001", "/events/evt_short", "/stages/evt_0000000000000000000001",
            "/stages/..%2f..%2fetc%2fpasswd", "/sessions/%00", "/replays/ast_0000000000000000000001",
            "/uploads/upl_0000000000000000000001", "/nothing/here",
        ] {
            let answer = organiser.get(path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            texts.insert(answer.text);
        }
        assert_eq!(texts.len(), 1, "{texts:?}");
    }

    async fn the_document_is_served(fixture: Fixture) {
        let served = fixture.anonymous().get("/openapi.json").await.expect(StatusCode::OK);
        let committed: Value = serde_json::from_str(&control_api::openapi_json()).unwrap();
        assert_eq!(served, committed);
    }
}

/// Objects to point routes at.
struct Places {
    event: String,
    stage: String,
    session: String,
    invitation: String,
    person: String,
    person_token: String,
}

impl Places {
    async fn make(organiser: &Client, fixture: &Fixture) -> Self {
        let (event, stage) = organiser.stage("open").await;
        let session = organiser.post(&format!("/events/{event}/sessions"), json!({"title": "Talk"})).await;
        let session = session.expect(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
        let (invitation, secret) =
            organiser.invite(&event, json!({"role": "speaker", "name": "Grace"})).await;
        let entry = fixture.anonymous().post("/experience", json!({ "invitation": secret })).await;
        let entry = entry.expect(StatusCode::CREATED);
        Self {
            event,
            stage,
            session,
            invitation,
            person: entry["person"]["id"].as_str().unwrap().to_owned(),
            person_token: entry["token"].as_str().unwrap().to_owned(),
        }
    }

    fn fill(&self, template: &str) -> String {
        template
            .replace("{event_id}", &self.event)
            .replace("{stage_id}", &self.stage)
            .replace("{session_id}", &self.session)
            .replace("{invitation_id}", &self.invitation)
            .replace("{replay_id}", "ast_0000000000000000000001")
            .replace("{job_id}", "job_0000000000000000000001")
            .replace("{caption_id}", "trk_0000000000000000000001")
            .replace("{upload_id}", "upl_0000000000000000000001")
    }
}

fn bad_credentials(fixture: &Fixture, ids: &Places) -> Vec<(&'static str, Client)> {
    let person = |event: &str, role| Experience {
        event_id: event.parse().unwrap(),
        person_id: ids.person.parse().unwrap(),
        role,
    };
    let minute = Duration::from_secs(60);
    let key = &fixture.keys.experience;
    let other_key = auth::experience::ExperienceKey::from_secret(&[9; 32]);
    let room = RoomToken {
        identity: ids.person.clone(),
        video: Some(VideoGrant::join("x")),
        ..RoomToken::default()
    };
    let keys = ApiKeys::new(&fixture.keys.development_api_key().unwrap().0, &[]);
    let now = auth::unix_seconds();
    let claims = |exp: u64| {
        json!({
            "iss": "control-api", "aud": "experience", "role": "speaker",
            "sub": ids.person, "event": ids.event, "exp": exp,
        })
    };
    let with_cookie = |value: &str| {
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert("cookie", format!("dais_session={value}").parse().unwrap());
        let http = reqwest::Client::builder().default_headers(headers).no_proxy().build().unwrap();
        Client { http, ..fixture.anonymous() }
    };
    vec![
        ("nobody", fixture.anonymous()),
        ("garbage", fixture.person("garbage")),
        ("an unknown cookie", with_cookie(&"x".repeat(43))),
        ("a cookie with a token in it", with_cookie(&ids.person_token)),
        (
            "a token of another key",
            fixture.person(&other_key.mint(&person(&ids.event, Role::Speaker), minute)),
        ),
        (
            "a token of another event",
            fixture.person(&key.mint(&person("evt_0000000000000000000001", Role::Speaker), minute)),
        ),
        ("a token of another role", fixture.person(&key.mint(&person(&ids.event, Role::Attendee), minute))),
        ("an expired token", fixture.person(&fixture.signed(&claims(now - 10)))),
        ("a token for ever", fixture.person(&fixture.signed(&claims(now + 90 * 24 * 3600)))),
        ("a room token", fixture.person(&keys.mint(room, minute))),
        (
            "a service token",
            fixture.person(&fixture.keys.service.token(ServiceName::Media, ServiceName::ControlApi)),
        ),
        (
            "a playback token",
            fixture.person(&fixture.keys.playback.mint(&ids::PlaybackId::from_bits(1), minute).token),
        ),
        ("an invitation", fixture.person(&fixture.keys.invitation.secret(&ids.invitation.parse().unwrap()))),
        ("an unsigned token", fixture.person(&unsigned(&ids.person_token))),
    ]
}

/// The good token with `alg: none` and no signature.
fn unsigned(token: &str) -> String {
    let payload = token.split('.').nth(1).unwrap();
    // {"alg":"none","typ":"JWT"}
    format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.")
}
