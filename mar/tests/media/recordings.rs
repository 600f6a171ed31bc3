//! Recordings, from going live to the end.

use std::time::Duration;

use mar::registry::UploadLimits;
use serde_json::{Value, json};
use testkit::eventually;

use super::recorded;
use super::service::{Database, start, start_with, text};

pub(crate) async fn a_recording_becomes_ready_when_it_is_finished_and_again_is_fine(database: Database) {
    let running = start(database).await;
    let (asset, _) = running.new_recording("public").await;
    assert_eq!(running.asset(&asset).await["status"], "preparing");
    recorded::put(running.service.registry().bucket(), &asset, 6).await;
    for _ in 0..2 {
        let (status, answer) = running.finish(&asset, 1).await;
        assert_eq!(
            (status, &answer["status"], &answer["duration_ms"]),
            (200, &json!("ready"), &json!(12_000))
        );
    }
    let shown = running.asset(&asset).await;
    assert_eq!(shown["source"], "recording");
    assert_eq!(shown["title"], "Opening");
    let url = format!("{}/hls/{}/index.m3u8", running.url, text(&shown["playback_ids"][0]["id"]));
    assert_eq!(shown["playback_ids"][0]["hls_url"], json!(url));
}

pub(crate) async fn the_same_idempotency_key_makes_one_recording(database: Database) {
    let running = start(database).await;
    let stage = ids::StageId::random();
    let body = json!({ "stage_id": stage, "title": "Opening", "policy": "public" });
    let post = |body: Value| {
        let running = &running;
        async move {
            let headers = [("Idempotency-Key", "go-live-1")];
            running.call_with("POST", "/internal/media/v1/recordings", Some(body), &headers).await
        }
    };
    let racers = futures::future::join_all((0..4).map(|_| post(body.clone()))).await;
    assert!(racers.iter().all(|(status, made)| *status == 201 && made == &racers[0].1), "{racers:?}");
    let other = json!({ "stage_id": stage, "title": "Another", "policy": "public" });
    let (status, problem) = post(other).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/idempotency-key-reused")));
    let (_, list) = running.call("GET", &format!("/media/v1/assets?stage_id={stage}"), None).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
}

pub(crate) async fn a_finish_that_names_more_than_the_bucket_holds_is_refused(database: Database) {
    let running = start(database).await;
    let (asset, _) = running.new_recording("public").await;
    recorded::put(running.service.registry().bucket(), &asset, 3).await;
    let (status, problem) = running.finish(&asset, 2).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/index-incomplete")));
    assert_eq!(running.asset(&asset).await["status"], "preparing");
    let (status, _) = running.finish("ast_0000000000000000000000", 1).await;
    assert_eq!(status, 404);
}

pub(crate) async fn a_recording_without_a_segment_is_errored(database: Database) {
    let running = start(database).await;
    let (asset, playback) = running.new_recording("public").await;
    let (status, answer) = running.finish(&asset, 0).await;
    assert_eq!((status, &answer["status"]), (200, &json!("errored")));
    assert_eq!(answer["error"]["kind"], "nothing-recorded");
    let (status, problem) = running.play(&format!("{playback}/index.m3u8")).await;
    assert_eq!(status, 409, "{problem}");
}

pub(crate) async fn a_recording_whose_mixer_is_gone_is_finished_from_the_bucket_and_opens_again(
    database: Database,
) {
    let running = start_with(database, Duration::from_secs(1), UploadLimits::default()).await;
    let (asset, playback) = running.new_recording("public").await;
    recorded::put(running.service.registry().bucket(), &asset, 3).await;
    let claim = async || {
        let path = format!("/internal/media/v1/recordings/{asset}/mixer");
        // Nobody listens there.
        let gone = format!("http://127.0.0.1:{}", testkit::free_port());
        running.call("PUT", &path, Some(json!({ "mixer_url": gone }))).await.0
    };
    assert_eq!(claim().await, 204);
    // Until it is given up, what the bucket holds plays as a stage that may go on.
    let (status, playlist) = running.play(&format!("{playback}/v180.m3u8")).await;
    assert_eq!(status, 200, "{playlist}");
    assert!(playlist.contains("#EXT-X-PLAYLIST-TYPE:EVENT") && !playlist.contains("#EXT-X-ENDLIST"));
    let ready = async || (running.asset(&asset).await["status"] == "ready").then_some(());
    eventually("finished without its mixer", Duration::from_secs(20), ready).await.unwrap();
    assert_eq!(running.asset(&asset).await["duration_ms"], 6_000);

    // The mixer comes back and the stage goes on.
    assert_eq!(claim().await, 204);
    assert_eq!(running.asset(&asset).await["status"], "preparing");
    recorded::put(running.service.registry().bucket(), &asset, 6).await;
    let (status, answer) = running.finish(&asset, 1).await;
    assert_eq!((status, &answer["duration_ms"]), (200, &json!(12_000)));
    let (_, playlist) = running.play(&format!("{playback}/v180.m3u8")).await;
    assert!(playlist.contains("v180/5.m4s") && playlist.contains("#EXT-X-ENDLIST"), "{playlist}");
}

/// The mixer and its disk are gone: it had uploaded three sets that no index names, over a restart of its
/// child, and one file of a fourth.
pub(crate) async fn sets_that_no_index_names_are_recovered_when_the_mixer_is_gone(database: Database) {
    let running = start(database).await;
    let registry = running.service.registry();
    let (asset, playback) = running.new_recording("public").await;
    recorded::put_files(registry.bucket(), &asset, 5).await;
    recorded::put_index(registry.bucket(), &asset, 2).await;
    recorded::put_file(registry.bucket(), &asset, "v180/5.m4s").await;
    for _ in 0..2 {
        let finished = registry.finish_orphan(&asset.parse().unwrap()).await.unwrap();
        assert_eq!(finished.state.name(), "ready");
    }
    assert_eq!(running.asset(&asset).await["duration_ms"], 10_000);
    let index = registry.indexes().read(&format!("recordings/{asset}"), 1).await.unwrap();
    let expected = recorded::index(5);
    let pictures = |sets: &[wire::media::SegmentSet]| {
        let picture = |set: &wire::media::SegmentSet| {
            (set.number, set.run, set.offset_ms, set.started_at_us, set.segments[0].clone())
        };
        sets.iter().map(picture).collect::<Vec<_>>()
    };
    assert_eq!(pictures(&index.sets), pictures(&expected.sets), "as the mixer would have written it");
    let sizes = |sets: &[wire::media::SegmentSet]| {
        sets.iter().map(|set| set.segments[1].size_bytes).collect::<Vec<_>>()
    };
    assert_eq!(sizes(&index.sets), sizes(&expected.sets));
    let (_, playlist) = running.play(&format!("{playback}/v180.m3u8")).await;
    assert!(playlist.contains("v180/4.m4s") && !playlist.contains("v180/5.m4s"), "{playlist}");
    assert_eq!(playlist.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{playlist}");
}

pub(crate) async fn a_recording_that_no_index_names_is_recovered_from_its_files(database: Database) {
    let running = start(database).await;
    let registry = running.service.registry();
    let (asset, playback) = running.new_recording("public").await;
    recorded::put_files(registry.bucket(), &asset, 1).await;
    let finished = registry.finish_orphan(&asset.parse().unwrap()).await.unwrap();
    assert_eq!(finished.state.name(), "ready");
    let (_, playlist) = running.play(&format!("{playback}/index.m3u8")).await;
    for part in ["RESOLUTION=320x180", "FRAME-RATE=30.000", "avc1.", "mp4a.40.2"] {
        assert!(playlist.contains(part), "{part}: {playlist}");
    }
    // A picture without its sound is no set.
    let (asset, _) = running.new_recording("public").await;
    recorded::put_file(registry.bucket(), &asset, "v180/init-0.mp4").await;
    recorded::put_file(registry.bucket(), &asset, "v180/0.m4s").await;
    let finished = registry.finish_orphan(&asset.parse().unwrap()).await.unwrap();
    assert_eq!(finished.state.name(), "errored");
}

pub(crate) async fn events_are_delivered_in_order(database: Database) {
    let running = start(database).await;
    let mut events = running.bus.subscribe();
    let (asset, _) = running.new_recording("public").await;
    recorded::put(running.service.registry().bucket(), &asset, 3).await;
    running.finish(&asset, 1).await;
    running.call("DELETE", &format!("/media/v1/assets/{asset}"), None).await;
    let mut kinds = Vec::new();
    while kinds.len() < 3 {
        let next = tokio::time::timeout(Duration::from_secs(10), events.recv()).await.unwrap().unwrap();
        assert_eq!(next.key, asset);
        let event: Value = serde_json::from_str(&next.event).unwrap();
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["subject"], json!(asset));
        kinds.push(text(&event["type"]));
    }
    let expected = ["created", "ready", "deleted"].map(|kind| format!("dais.media.asset.{kind}.v1"));
    assert_eq!(kinds, expected);
}
