//! Stages go on the air and off again, whatever restarts.

use reqwest::{Method, StatusCode};
use serde_json::json;
use wire::mixer::LayoutKind;

use super::harness::{Client, Fixture, on_both_databases, until};

on_both_databases! {
    async fn a_stage_goes_live_and_ends_as_a_replay(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (event, stage) = organiser.stage("open").await;
        let (_, secret) = organiser.invite(&event, json!({"role": "speaker", "name": "Grace"})).await;
        let entry = fixture.anonymous().post("/experience", json!({ "invitation": secret })).await.expect(StatusCode::CREATED);
        let grace = entry["person"]["id"].as_str().unwrap();
        fixture.double.seen.lock().unwrap().participants = vec![
            json!({"identity": grace, "name": "Grace", "joinedAt": "1700000000",
                   "tracks": [{"source": "CAMERA"}, {"source": "MICROPHONE", "muted": true}]}),
            json!({"identity": "mixer", "permission": {"hidden": true}}),
        ];
        let programme = json!({"layout": "solo", "on_stage": [grace]});
        organiser.put(&format!("/stages/{stage}/programme"), programme).await.expect(StatusCode::OK);
        let asked = organiser.post(&format!("/stages/{stage}/go-live"), json!({})).await.expect(StatusCode::OK);
        assert_eq!(asked["state"], "starting");
        let path = format!("/stages/{stage}/status");
        let live = until(&organiser, &path, |status| status["state"] == "live").await;
        let hls = live["hls_url"].as_str().unwrap();
        assert!(hls.starts_with(&fixture.url) && hls.ends_with("/index.m3u8"), "{hls}");
        assert_eq!((&live["health"]["fps"], &live["recorded_ms"]), (&json!(30.0), &json!(4000)));
        let backstage = live["backstage"].as_array().unwrap();
        assert_eq!(backstage.len(), 1, "the mixer is hidden");
        assert_eq!(
            (&backstage[0]["on_stage"], &backstage[0]["camera"], &backstage[0]["microphone"], &backstage[0]["kind"]),
            (&json!(true), &json!(true), &json!(false), &json!("speaker"))
        );
        {
            let seen = fixture.double.seen.lock().unwrap();
            let (spec, _) = &seen.stages[&stage.parse().unwrap()];
            assert_eq!((spec.room.as_str(), spec.layout), (stage.as_str(), LayoutKind::Solo));
            assert_eq!((spec.on_stage[0].identity.as_str(), spec.on_stage[0].name.as_str()), (grace, "Grace"));
        }
        let list = organiser.get(&format!("/events/{event}/replays")).await.expect(StatusCode::OK);
        assert_eq!(list["items"], json!([]), "a live stage is no replay");
        assert_eq!(organiser.delete(&format!("/stages/{stage}")).await.problem(StatusCode::CONFLICT), "stage-on-air");

        organiser.post(&format!("/stages/{stage}/end"), json!({})).await.expect(StatusCode::OK);
        let ended = until(&organiser, &path, |status| status["state"] == "ended").await;
        assert_eq!((&ended["hls_url"], &ended["replay"]["state"]), (&live["hls_url"], &json!("ready")));
        let replay = format!("/replays/{}", ended["replay_id"].as_str().unwrap());
        let replay = organiser.get(&replay).await.expect(StatusCode::OK);
        assert_eq!((&replay["hls_url"], &replay["duration_ms"]), (&live["hls_url"], &json!(61_000)));
        assert!(replay["poster_url"].as_str().unwrap().ends_with("/poster.jpg"));
        assert_eq!(replay["mp4_url"], json!(null));
        let job = &replay["jobs"][0];
        assert_eq!((&job["kind"], &job["state"], &job["percent"]), (&json!("mp4"), &json!("failed"), &json!(40)));
        let jobs = format!("/replays/{}/jobs", replay["id"].as_str().unwrap());
        let retry = organiser.post(&format!("{jobs}/{}/retry", job["id"].as_str().unwrap()), json!({})).await;
        assert_eq!(retry.expect(StatusCode::OK)["state"], "queued");
        let foreign = organiser.post(&format!("{jobs}/job_0000000000000000000009/cancel"), json!({})).await;
        assert_eq!(foreign.problem(StatusCode::NOT_FOUND), "not-found");
    }

    async fn layouts_change_on_the_air_and_an_unchanged_one_is_not_told_again(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (_, stage) = organiser.stage("open").await;
        let path = format!("/stages/{stage}/status");
        organiser.post(&format!("/stages/{stage}/go-live"), json!({})).await.expect(StatusCode::OK);
        until(&organiser, &path, |status| status["state"] == "live").await;
        let before = fixture.double.seen.lock().unwrap().shows;
        let programme = json!({"layout": "side_by_side", "on_stage": ["somebody"]});
        organiser.put(&format!("/stages/{stage}/programme"), programme).await.expect(StatusCode::OK);
        let id = stage.parse().unwrap();
        for _ in 0..100 {
            if fixture.double.seen.lock().unwrap().stages[&id].0.layout == LayoutKind::SideBySide {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
        let seen = fixture.double.seen.lock().unwrap();
        assert_eq!(seen.stages[&id].0.on_stage[0].identity, "somebody");
        assert_eq!(seen.shows, before + 1);
    }

    async fn a_restart_goes_on_with_the_same_recording(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (_, stage) = organiser.stage("open").await;
        let path = format!("/stages/{stage}/status");
        organiser.post(&format!("/stages/{stage}/go-live"), json!({})).await.expect(StatusCode::OK);
        let live = until(&organiser, &path, |status| status["state"] == "live").await;
        // Everything forgets: the mixer too.
        fixture.double.seen.lock().unwrap().stages.clear();
        fixture.restart().await;
        let again = until(&organiser, &path, |status| status["health"].is_object()).await;
        assert_eq!((&again["state"], &again["replay_id"]), (&json!("live"), &live["replay_id"]));
        assert_eq!(fixture.double.seen.lock().unwrap().recordings.len(), 1);
    }

    async fn an_absent_mixer_is_told_when_it_comes_back(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (_, stage) = organiser.stage("open").await;
        let path = format!("/stages/{stage}/status");
        fixture.double.seen.lock().unwrap().mixer_down = true;
        organiser.post(&format!("/stages/{stage}/go-live"), json!({})).await.expect(StatusCode::OK);
        let trouble = until(&organiser, &path, |status| status["trouble"].is_string()).await;
        assert_eq!(trouble["state"], "starting");
        fixture.double.seen.lock().unwrap().mixer_down = false;
        let live = until(&organiser, &path, |status| status["state"] == "live").await;
        assert_eq!(live["trouble"], json!(null));
    }

    async fn going_live_again_makes_a_second_recording(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (event, stage) = organiser.stage("open").await;
        let path = format!("/stages/{stage}/status");
        for round in 1..=2 {
            organiser.post(&format!("/stages/{stage}/go-live"), json!({})).await.expect(StatusCode::OK);
            let once_more = organiser.post(&format!("/stages/{stage}/go-live"), json!({})).await;
            once_more.expect(StatusCode::OK);
            until(&organiser, &path, |status| status["state"] == "live").await;
            organiser.post(&format!("/stages/{stage}/end"), json!({})).await.expect(StatusCode::OK);
            until(&organiser, &path, |status| status["state"] == "ended").await;
            let list = organiser.get(&format!("/events/{event}/replays")).await.expect(StatusCode::OK);
            assert_eq!(list["items"].as_array().unwrap().len(), round);
        }
    }

    async fn a_stage_that_still_ends_cannot_go_live(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (_, stage) = organiser.stage("open").await;
        let path = format!("/stages/{stage}/status");
        organiser.post(&format!("/stages/{stage}/go-live"), json!({})).await.expect(StatusCode::OK);
        until(&organiser, &path, |status| status["state"] == "live").await;
        fixture.double.seen.lock().unwrap().hold = true;
        organiser.post(&format!("/stages/{stage}/end"), json!({})).await.expect(StatusCode::OK);
        let refused = organiser.post(&format!("/stages/{stage}/go-live"), json!({})).await;
        assert_eq!(refused.problem(StatusCode::CONFLICT), "stage-ending");
        fixture.double.seen.lock().unwrap().hold = false;
        until(&organiser, &path, |status| status["state"] == "ended").await;
    }

    async fn an_ending_whose_mixer_is_gone_is_finished_by_storage(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (_, stage) = organiser.stage("open").await;
        let path = format!("/stages/{stage}/status");
        organiser.post(&format!("/stages/{stage}/go-live"), json!({})).await.expect(StatusCode::OK);
        until(&organiser, &path, |status| status["state"] == "live").await;
        // The stand-in for MAR calls an asset ready once no stage records into it.
        fixture.double.seen.lock().unwrap().stages.clear();
        organiser.post(&format!("/stages/{stage}/end"), json!({})).await.expect(StatusCode::OK);
        until(&organiser, &path, |status| status["state"] == "ended").await;
    }

    async fn media_of_an_invited_event_is_signed(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (_, stage) = organiser.stage("invited").await;
        let path = format!("/stages/{stage}/status");
        organiser.post(&format!("/stages/{stage}/go-live"), json!({})).await.expect(StatusCode::OK);
        let live = until(&organiser, &path, |status| status["state"] == "live").await;
        assert!(live["hls_url"].as_str().unwrap().ends_with("index.m3u8?token=signed"));
    }

    async fn captions_go_through_to_storage(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (_, stage) = organiser.stage("open").await;
        let path = format!("/stages/{stage}/status");
        organiser.post(&format!("/stages/{stage}/go-live"), json!({})).await.expect(StatusCode::OK);
        until(&organiser, &path, |status| status["state"] == "live").await;
        organiser.post(&format!("/stages/{stage}/end"), json!({})).await.expect(StatusCode::OK);
        let ended = until(&organiser, &path, |status| status["state"] == "ended").await;
        let replay = format!("/replays/{}", ended["replay_id"].as_str().unwrap());
        let add = |body: &'static str| {
            let path = format!("{replay}/captions?language=en&label=English%20%26%20co");
            Client::send(organiser.request(Method::POST, &path).header("content-type", "text/vtt").body(body))
        };
        let refused = add("<html>").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused["detail"].as_str().unwrap().contains("WEBVTT"));
        let large = Client::send(
            organiser.request(Method::POST, &format!("{replay}/captions?language=en")).body("x".repeat((4 << 20) + 1)),
        );
        assert_eq!(large.await.problem(StatusCode::PAYLOAD_TOO_LARGE), "bad-body");
        let caption = add("WEBVTT\n\n").await.expect(StatusCode::CREATED);
        assert_eq!(caption["label"], "English & co");
        let listed = organiser.get(&format!("{replay}/captions")).await.expect(StatusCode::OK);
        assert_eq!(listed["items"][0], caption);
        let vtt = organiser.get(&format!("{replay}/captions/{}", caption["id"].as_str().unwrap())).await;
        assert_eq!(vtt.text, "WEBVTT\n");
        assert_eq!(organiser.delete(&replay).await.status, StatusCode::NO_CONTENT);
        assert_eq!(organiser.get(&replay).await.problem(StatusCode::NOT_FOUND), "not-found");
        let watch = organiser.post(&format!("/stages/{stage}/join"), json!({"role": "viewer"})).await;
        assert_eq!(watch.expect(StatusCode::OK)["hls_url"], json!(null), "and no longer offered");
    }

    async fn a_programme_with_doubles_or_crowds_is_refused(fixture: Fixture) {
        let organiser = fixture.organiser().await;
        let (_, stage) = organiser.stage("open").await;
        let path = format!("/stages/{stage}/programme");
        let crowd: Vec<String> = (0..17).map(|n| format!("p{n}")).collect();
        for on_stage in [json!(["a", "a"]), json!([""]), json!(crowd)] {
            let answer = organiser.put(&path, json!({"layout": "grid", "on_stage": on_stage})).await;
            assert_eq!(answer.expect(StatusCode::UNPROCESSABLE_ENTITY)["field"], "on_stage");
        }
        let bad = organiser.put(&path, json!({"layout": "mosaic", "on_stage": []})).await;
        assert_eq!(bad.problem(StatusCode::UNPROCESSABLE_ENTITY), "bad-body");
    }
}
