//! Files that people upload: a video becomes a replay; everything else a clear answer.

use std::time::Duration;

use client::control::Organiser;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};

use crate::running::{Dais, PATIENCE, fetch, folder, place, plays};

/// Uploads a file as a browser does, part by part to presigned addresses; returns the replay's id.
async fn upload(organiser: &Organiser, event_id: &str, name: &str, bytes: &[u8]) -> String {
    let path = format!("/api/v1/events/{event_id}/uploads");
    let body = json!({ "file_name": name, "size_bytes": bytes.len(), "content_type": "video/mp4" });
    let upload: Value = organiser.call(Method::POST, &path, Some(body)).await.unwrap();
    let part_size = usize::try_from(upload["part_size_bytes"].as_u64().unwrap()).unwrap();
    let upload_path = format!("/api/v1/uploads/{}", upload["id"].as_str().unwrap());
    let state: Value = organiser.call(Method::GET, &upload_path, None).await.unwrap();
    for (index, part) in bytes.chunks(part_size).enumerate() {
        let url = state["parts"][index]["url"].as_str().unwrap_or_else(|| panic!("{state}"));
        let sent = reqwest::Client::new().put(url).body(part.to_vec()).send().await.unwrap();
        assert!(sent.status().is_success(), "{}: {}", sent.status(), sent.text().await.unwrap());
    }
    let done: Value = organiser.call(Method::POST, &format!("{upload_path}/complete"), None).await.unwrap();
    done["replay_id"].as_str().unwrap_or_else(|| panic!("{done}")).to_owned()
}

async fn replay_until(organiser: &Organiser, replay_id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let started = tokio::time::Instant::now();
    loop {
        let replay: Value =
            organiser.call(Method::GET, &format!("/api/v1/replays/{replay_id}"), None).await.unwrap();
        if wanted(&replay) {
            return replay;
        }
        assert!(started.elapsed() < PATIENCE, "{replay}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn settled(organiser: &Organiser, replay_id: &str) -> Value {
    let over = |replay: &Value| ["ready", "errored"].contains(&replay["state"].as_str().unwrap());
    replay_until(organiser, replay_id, over).await
}

/// The job of this kind, if there is one.
fn job<'a>(replay: &'a Value, kind: &str) -> Option<&'a Value> {
    replay["jobs"].as_array().unwrap().iter().find(|job| job["kind"] == kind)
}

/// Waits until the ladder is being made, and says which process makes it.
async fn ladder_child(dais: &Dais, organiser: &Organiser, replay_id: &str) -> Pid {
    let runs = |replay: &Value| job(replay, "ladder").is_some_and(|ladder| ladder["state"] == "running");
    replay_until(organiser, replay_id, runs).await;
    let child = testkit::wait_for("a transform child", PATIENCE, || {
        dais.children("transform-child").first().copied().ok_or_else(|| anyhow::anyhow!("none yet"))
    });
    Pid::from_raw(child.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_becomes_a_ladder_with_poster_storyboard_and_mp4() {
    let _alone = testkit::alone();
    let data = folder();
    let dais = Dais::start(&data.path().join("data"));
    let organiser = dais.organiser().await;
    let place = place(&organiser).await;
    let video = include_bytes!("../../../testdata/media/upload.mp4");
    let id = upload(&organiser, &place.event_id, "upload.mp4", video).await;
    let probed = replay_until(&organiser, &id, |replay| job(replay, "ladder").is_some()).await;
    assert_eq!(job(&probed, "probe").unwrap()["state"], "done", "{probed}");
    let known_ms = probed["duration_ms"].as_u64().unwrap();
    let replay = settled(&organiser, &id).await;
    assert_eq!(replay["state"], "ready", "{replay}");
    assert!(replay["duration_ms"].as_u64().unwrap().abs_diff(known_ms) < 200, "{known_ms} ms said, {replay}");
    let hls_url = replay["hls_url"].as_str().unwrap();
    plays(hls_url);
    let sync = testkit::av_sync::measure(hls_url).unwrap();
    println!("sound is {:.1} ms late (median of {})", sync.median_ms(), sync.offsets_ms.len());
    assert!(sync.offsets_ms.len() >= 8 && sync.median_ms().abs() <= 45.0, "{:?}", sync.offsets_ms);
    let complete = replay_until(&organiser, &id, |replay| {
        ["poster_url", "storyboard_url", "mp4_url"].iter().all(|name| replay[name].is_string())
    })
    .await;
    plays(complete["mp4_url"].as_str().unwrap());
    let storyboard = fetch(complete["storyboard_url"].as_str().unwrap()).await;
    assert!(storyboard.starts_with("WEBVTT") && storyboard.contains("#xywh="), "{storyboard}");
    let poster = reqwest::get(complete["poster_url"].as_str().unwrap()).await.unwrap().bytes().await.unwrap();
    assert!(poster.starts_with(&[0xff, 0xd8, 0xff]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_video_is_refused_in_words_and_names_no_other_file() {
    let _alone = testkit::alone();
    let data = folder();
    let dais = Dais::start(&data.path().join("data"));
    let organiser = dais.organiser().await;
    let place = place(&organiser).await;
    let files: [(&str, &[u8]); 3] = [
        ("text.mp4", include_bytes!("../../../testdata/media/text.mp4")),
        ("playlist.mp4", include_bytes!("../../../testdata/media/playlist.mp4")),
        ("concat.mp4", include_bytes!("../../../testdata/media/concat.mp4")),
    ];
    for (name, bytes) in files {
        let id = upload(&organiser, &place.event_id, name, bytes).await;
        let replay = settled(&organiser, &id).await;
        assert_eq!(replay["state"], "errored", "{name}: {replay}");
        let error = replay["error"].as_str().unwrap();
        assert!(error.contains("not a video"), "{name}: {error}");
    }
    // A file that was cut short plays as far as it goes, or is refused; it never stays in between.
    let cut = include_bytes!("../../../testdata/media/truncated.mp4");
    let id = upload(&organiser, &place.event_id, "truncated.mp4", cut).await;
    let replay = settled(&organiser, &id).await;
    println!("truncated.mp4: {} {}", replay["state"], replay["error"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_transform_is_taken_up_again_and_ends_with_one_result() {
    let _alone = testkit::alone();
    let data = folder();
    let dais = Dais::start(&data.path().join("data"));
    let organiser = dais.organiser().await;
    let place = place(&organiser).await;
    let video = include_bytes!("../../../testdata/media/upload.mp4");
    let id = upload(&organiser, &place.event_id, "upload.mp4", video).await;
    let child = ladder_child(&dais, &organiser, &id).await;
    kill(child, Signal::SIGKILL).unwrap();
    println!("killed {child}");
    let replay = settled(&organiser, &id).await;
    assert_eq!(replay["state"], "ready", "{replay}");
    plays(replay["hls_url"].as_str().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_file_is_refused_while_a_long_ladder_is_being_made() {
    let _alone = testkit::alone();
    let data = folder();
    let dais = Dais::start(&data.path().join("data"));
    let organiser = dais.organiser().await;
    let place = place(&organiser).await;
    let video = include_bytes!("../../../testdata/media/upload.mp4");
    let long = upload(&organiser, &place.event_id, "upload.mp4", video).await;
    let child = ladder_child(&dais, &organiser, &long).await;
    // As long as a ladder can be.
    kill(child, Signal::SIGSTOP).unwrap();
    let text = include_bytes!("../../../testdata/media/text.mp4");
    let wrong = upload(&organiser, &place.event_id, "text.mp4", text).await;
    let refused = settled(&organiser, &wrong).await;
    assert_eq!(job(&refused, "probe").unwrap()["state"], "failed", "{refused}");
    assert!(job(&refused, "ladder").is_none(), "{refused}");
    let waiting: Value = organiser.call(Method::GET, &format!("/api/v1/replays/{long}"), None).await.unwrap();
    assert_eq!(waiting["state"], "preparing", "{waiting}");
    kill(child, Signal::SIGCONT).unwrap();
    assert_eq!(settled(&organiser, &long).await["state"], "ready");
}
