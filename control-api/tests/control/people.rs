//! People enter events and join rooms.

use auth::experience::{Experience, Role};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::harness::{Fixture, on_both_databases};

on_both_databases! {
    async fn a_page_of_another_site_acts_with_a_token_and_never_as_the_organiser(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (event, _) = organiser.stage("open").await;
        let preflight = |method: &'static str, path: String, headers: &'static str| {
            let asked = fixture.anonymous().request(Method::OPTIONS, &path).header("origin", "https://blog.example");
            asked.header("access-control-request-method", method).header("access-control-request-headers", headers).send()
        };
        let enter = preflight("POST", "/experience".into(), "content-type,authorization").await.unwrap();
        assert_eq!(enter.headers()["access-control-allow-origin"], "*");
        assert!(!enter.headers().contains_key("access-control-allow-credentials"), "no cookie");
        assert!(!enter.headers()["access-control-allow-headers"].to_str().unwrap().contains("csrf"));
        let change = preflight("DELETE", format!("/events/{event}"), "authorization").await.unwrap();
        assert!(!change.headers()["access-control-allow-methods"].to_str().unwrap().contains("DELETE"));

        let entry = fixture.anonymous().post("/experience", json!({"event_id": event, "name": "Sana"})).await;
        let sana = fixture.person(entry.expect(StatusCode::CREATED)["token"].as_str().unwrap());
        let reception = sana.request(Method::GET, &format!("/events/{event}/reception"));
        let reception = reception.header("origin", "https://blog.example").send().await.unwrap();
        assert_eq!((reception.status(), &reception.headers()["access-control-allow-origin"]), (StatusCode::OK, &"*".parse().unwrap()));
    }

    async fn a_speaker_enters_by_invitation_and_goes_backstage(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (event, stage) = organiser.stage("invited").await;
        let (_, secret) = organiser.invite(&event, json!({"role": "speaker", "name": "Grace", "stage_id": stage})).await;
        let entry = fixture.anonymous().post("/experience", json!({ "invitation": secret })).await;
        let entry = entry.expect(StatusCode::CREATED);
        assert_eq!(entry["person"]["name"], "Grace");
        let again = fixture.anonymous().post("/experience", json!({ "invitation": secret })).await;
        assert_eq!(again.expect(StatusCode::CREATED)["person"], entry["person"], "one person per invitation");

        let grace = fixture.person(entry["token"].as_str().unwrap());
        assert_eq!(grace.get("/experience/me").await.expect(StatusCode::OK)["person"], entry["person"]);
        let join = grace.post(&format!("/stages/{stage}/join"), json!({"role": "backstage"})).await;
        let join = join.expect(StatusCode::OK);
        assert_eq!(join["room_url"], fixture.url.replace("http", "ws"));
        assert_eq!((&join["room"], &join["identity"]), (&json!(stage), &entry["person"]["id"]));
        let keys = auth::room::ApiKeys::new(&fixture.keys.development_api_key().unwrap().0, &[]);
        let claims = keys.verify(join["room_token"].as_str().unwrap()).unwrap().token;
        assert_eq!((claims.name.as_str(), claims.video.as_ref().unwrap().room.as_str()), ("Grace", stage.as_str()));
        assert!(claims.video.unwrap().may_publish());
        grace.get(&format!("/stages/{stage}/status")).await.expect(StatusCode::OK);

        let other = organiser.post(&format!("/events/{event}/stages"), json!({"title": "Second"})).await;
        let other = other.expect(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
        let refused = grace.post(&format!("/stages/{other}/join"), json!({"role": "backstage"})).await;
        assert_eq!(refused.problem(StatusCode::FORBIDDEN), "forbidden");
    }

    async fn an_attendee_of_an_open_event_watches_and_joins_sessions(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (event, stage) = organiser.stage("open").await;
        let session = organiser.post(&format!("/events/{event}/sessions"), json!({"title": "Talk"})).await;
        let session = session.expect(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
        let entry = fixture.anonymous().post("/experience", json!({"event_id": event, "name": "Ann"})).await;
        let ann = fixture.person(entry.expect(StatusCode::CREATED)["token"].as_str().unwrap());
        let reception = ann.get(&format!("/events/{event}/reception")).await.expect(StatusCode::OK);
        assert_eq!((&reception["stages"][0]["title"], &reception["people_online"]), (&json!("Main"), &json!(1)));
        let watch = ann.post(&format!("/stages/{stage}/join"), json!({"role": "viewer"})).await.expect(StatusCode::OK);
        assert_eq!((&watch["role"], &watch["state"], &watch["hls_url"]), (&json!("viewer"), &json!("off_air"), &Value::Null));
        let backstage = ann.post(&format!("/stages/{stage}/join"), json!({"role": "backstage"})).await;
        assert_eq!(backstage.problem(StatusCode::FORBIDDEN), "forbidden");
        ann.get(&format!("/stages/{stage}/status")).await.problem(StatusCode::FORBIDDEN);
        let viewers = ann.post(&format!("/stages/{stage}/watching"), json!({})).await.expect(StatusCode::OK);
        assert_eq!(viewers["viewers"], 1);
        let keys = auth::room::ApiKeys::new(&fixture.keys.development_api_key().unwrap().0, &[]);
        for on_screen in [true, false] {
            let join = ann.post(&format!("/sessions/{session}/join"), json!({ "on_screen": on_screen })).await;
            let join = join.expect(StatusCode::OK);
            let grant = keys.verify(join["room_token"].as_str().unwrap()).unwrap().token.video.unwrap();
            assert_eq!((grant.may_publish(), grant.may_subscribe()), (on_screen, true));
        }
    }

    async fn an_event_for_invited_people_is_closed_to_others(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let event = organiser.event("invited").await;
        let entry = fixture.anonymous().post("/experience", json!({"event_id": event, "name": "Eve"})).await;
        assert_eq!(entry.problem(StatusCode::FORBIDDEN), "forbidden");
        for secret in ["", "inv_0000000000000000000001.AAAA", "nonsense"] {
            let entry = fixture.anonymous().post("/experience", json!({ "invitation": secret })).await;
            assert_eq!(entry.problem(StatusCode::UNAUTHORIZED), "dead-invitation");
        }
    }

    async fn a_revoked_invitation_ends_everything_made_from_it(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (event, stage) = organiser.stage("invited").await;
        let (id, secret) = organiser.invite(&event, json!({"role": "speaker", "name": "Mallory"})).await;
        let entry = fixture.anonymous().post("/experience", json!({ "invitation": secret })).await;
        let entry = entry.expect(StatusCode::CREATED);
        let mallory = fixture.person(entry["token"].as_str().unwrap());
        mallory.get("/experience/me").await.expect(StatusCode::OK);
        let revoke = organiser.delete(&format!("/events/{event}/invitations/{id}")).await;
        assert_eq!(revoke.status, StatusCode::NO_CONTENT);
        mallory.get("/experience/me").await.problem(StatusCode::UNAUTHORIZED);
        let again = fixture.anonymous().post("/experience", json!({ "invitation": secret })).await;
        assert_eq!(again.problem(StatusCode::UNAUTHORIZED), "dead-invitation");
        let removed = fixture.double.seen.lock().unwrap().twirp.iter()
            .any(|(method, body)| method == "RemoveParticipant" && body["room"] == stage.as_str() && body["identity"] == entry["person"]["id"]);
        assert!(removed, "and sent away from the room");
        let list = organiser.get(&format!("/events/{event}/invitations")).await.expect(StatusCode::OK);
        assert!(list["items"][0]["revoked_at"].is_string());
    }

    async fn a_person_of_one_event_finds_nothing_of_another(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (_, foreign) = organiser.stage("open").await;
        let own = organiser.event("open").await;
        let entry = fixture.anonymous().post("/experience", json!({"event_id": own, "name": "Ann"})).await;
        let ann = fixture.person(entry.expect(StatusCode::CREATED)["token"].as_str().unwrap());
        let missing = ann.get("/stages/stg_0000000000000000000001").await;
        let found = ann.get(&format!("/stages/{foreign}")).await;
        assert_eq!((found.status, &found.text), (StatusCode::NOT_FOUND, &missing.text), "the same answer for both");
        let watching = ann.post(&format!("/stages/{foreign}/watching"), json!({})).await;
        assert_eq!(watching.problem(StatusCode::NOT_FOUND), "not-found");
    }

    async fn a_token_cannot_be_promoted(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (event, stage) = organiser.stage("open").await;
        let entry = fixture.anonymous().post("/experience", json!({"event_id": event, "name": "Ann"})).await;
        let entry = entry.expect(StatusCode::CREATED);
        // Even with the key, the role in the token must be the person's.
        let claimed = Experience {
            event_id: event.parse().unwrap(),
            person_id: entry["person"]["id"].as_str().unwrap().parse().unwrap(),
            role: Role::Speaker,
        };
        let token = fixture.keys.experience.mint(&claimed, std::time::Duration::from_secs(60));
        let join = fixture.person(&token).post(&format!("/stages/{stage}/join"), json!({"role": "backstage"})).await;
        assert_eq!(join.problem(StatusCode::UNAUTHORIZED), "unauthorised");
    }
}
