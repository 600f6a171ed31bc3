//! Webhooks of a Dais that is killed before its receiver answers.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use client::{Options, Participant};
use nix::sys::signal::Signal;
use serve::{CancellationToken, Limits, Listener};

use crate::running::{Dais, PATIENCE, folder};

/// Collects the events of webhooks.
async fn receiver(port: u16) -> (Arc<Mutex<Vec<serde_json::Value>>>, CancellationToken) {
    let got = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&got);
    let take = move |body: String| {
        kept.lock().unwrap().push(serde_json::from_str(&body).unwrap());
        async {}
    };
    let listener = Listener::bind(([127, 0, 0, 1], port).into(), None, Limits::default()).await.unwrap();
    let stop = CancellationToken::new();
    let router = axum::Router::new().route("/", axum::routing::post(take));
    tokio::spawn(listener.serve(router, stop.clone()));
    (got, stop)
}

fn token(data: &std::path::Path, identity: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dais"));
    command.args(["token", "--room=hall", "--identity", identity, "--data-dir"]).arg(data);
    String::from_utf8(command.output().unwrap().stdout).unwrap().trim().to_owned()
}

async fn waiting_webhooks(url: &str) -> usize {
    let metrics = reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix("sfu_waiting_webhooks "));
    line.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_dais_tells_after_its_restart_what_it_could_not_tell_before() {
    let _alone = testkit::alone();
    let folder = folder();
    let data = folder.path().join("data");
    let port = testkit::free_port();
    let hooks = [format!("--sfu-webhook-urls=http://127.0.0.1:{port}/"), "--sfu-webhook-private".to_owned()];
    let hooks = hooks.each_ref().map(String::as_str);
    let dais = Dais::start_on(&data, testkit::free_port(), testkit::free_port(), &hooks);
    let url = dais.url.replace("http", "ws");
    let options = |who: &str| Options { url: url.clone(), token: token(&data, who), auto_subscribe: true };
    let ada = Participant::join(&options("ada")).await.unwrap();
    let end = Instant::now() + PATIENCE;
    // The room, and the participant once its media path stands.
    while waiting_webhooks(&dais.url).await < 2 {
        assert!(Instant::now() < end, "{}", dais.process.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ports = (dais.http_port(), dais.media_port);
    dais.process.signal(Signal::SIGKILL).unwrap();
    dais.process.wait_end(PATIENCE).unwrap();
    drop(ada);

    let (got, stop) = receiver(port).await;
    let dais = Dais::start_on(&data, ports.0, ports.1, &hooks);
    let end = Instant::now() + PATIENCE;
    while got.lock().unwrap().len() < 2 {
        assert!(Instant::now() < end, "{}", dais.process.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let events = got.lock().unwrap().clone();
    assert_eq!(events[0]["event"], "room_started");
    assert_eq!(events[1]["event"], "participant_joined");
    assert_eq!(events[1]["participant"]["identity"], "ada");
    assert_ne!(events[0]["id"], events[1]["id"]);
    stop.cancel();
}
