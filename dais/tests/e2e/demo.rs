//! `dais demo`: three speakers, live and as a replay.

use std::time::Duration;

use serde_json::Value;
use testkit::av_sync::{Region, measure_region};
use testkit::process::Spec;
use testkit::{Process, wait_for};

use crate::running::{PATIENCE, duration_s, folder, plays, plays_in_gstreamer};

fn step(process: &Process, name: &str) -> anyhow::Result<Value> {
    anyhow::ensure!(process.is_running(), "the demo ended: {}", process.log());
    let log = process.log();
    let lines = log.lines().filter(|line| line.starts_with('{'));
    let found = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(|v| v["step"] == name);
    found.ok_or_else(|| anyhow::anyhow!("no step {name:?} yet"))
}

/// The third tile of the grid: where the clock flashes.
const CLOCK: Region =
    Region { left: 336.0 / 1280.0, top: 364.0 / 720.0, width: 608.0 / 1280.0, height: 342.0 / 720.0 };

#[test]
fn the_demo_is_live_within_seconds_and_its_replay_keeps_lip_sync() {
    let _alone = testkit::alone();
    let data = folder();
    let spec = Spec::new(env!("CARGO_BIN_EXE_dais"), data.path().join("demo.log")).args([
        "demo".to_owned(),
        "--json".to_owned(),
        "--seconds=16".to_owned(),
        "--http-addr=127.0.0.1:0".to_owned(),
        "--sfu-media-port=0".to_owned(),
        "--sfu-shards=1".to_owned(),
        format!("--data-dir={}", data.path().join("data").display()),
    ]);
    let demo = Process::start(spec).unwrap();
    let live = wait_for("live", PATIENCE, || step(&demo, "live")).unwrap();
    println!("live {} s after going live", live["seconds_after_go_live"]);
    assert!(live["seconds_after_go_live"].as_f64().unwrap() <= 15.0);
    let patience = PATIENCE + Duration::from_secs(16);
    let replay = wait_for("replay", patience, || step(&demo, "replay")).unwrap();
    println!("the replay plays {} s after the end", replay["seconds_after_end"]);
    assert!(replay["seconds_after_end"].as_f64().unwrap() <= 10.0);
    let hls_url = replay["hls_url"].as_str().unwrap();
    plays(hls_url);
    plays_in_gstreamer(hls_url);
    let (said, probed) = (replay["duration_s"].as_f64().unwrap(), duration_s(hls_url));
    assert!((said - probed).abs() <= 2.0, "{said} s said, {probed} s probed");
    let sync = measure_region(hls_url, CLOCK).unwrap();
    println!("sound is {:.1} ms late (median of {})", sync.median_ms(), sync.offsets_ms.len());
    assert!(sync.offsets_ms.len() >= 10, "{:?}", sync.offsets_ms);
    assert!(sync.median_ms().abs() <= 45.0, "{:?}", sync.offsets_ms);
}
