use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use client::{Event, Participant};

use super::scene::{PATIENCE, Scene, clips};

/// Waits until so many tracks bring so many packets each.
async fn receive(participant: &mut Participant, tracks: usize, packets: u64) {
    let mut counters = Vec::new();
    let end = Instant::now() + PATIENCE;
    while counters.len() < tracks {
        let left = end.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, participant.next_event()).await.expect("a track in time") {
            Some(Event::TrackReceived { packets, .. }) => counters.push(packets),
            Some(Event::Left { reason }) => panic!("left: {reason}"),
            None => panic!("the connection is gone"),
        }
    }
    while counters.iter().any(|counter| counter.load(Ordering::Relaxed) < packets) {
        assert!(Instant::now() < end, "{counters:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_participants_receive_each_other_and_a_late_one_both() {
    let scene = Scene::start().await;
    let (mut ada, mut bob) = (scene.participant("ada", "hall").await, scene.participant("bob", "hall").await);
    ada.publish(clips()).await.unwrap();
    receive(&mut bob, 2, 50).await;
    bob.publish(clips()).await.unwrap();
    receive(&mut ada, 2, 50).await;
    let mut late = scene.participant("late", "hall").await;
    receive(&mut late, 4, 50).await;
    let metrics = scene.service.metrics();
    assert!(metrics.contains("sfu_forwarded_packets_total"));
    assert!(!metrics.contains("sfu_forwarded_packets_total 0"), "{metrics}");
    for participant in [ada, bob, late] {
        participant.leave().await;
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_publish_is_told_so() {
    let scene = Scene::start().await;
    let grant = auth::room::VideoGrant { can_publish: Some(false), ..auth::room::VideoGrant::join("hall") };
    let (url, token) = (format!("ws://{}", scene.addr), scene.token("ada", grant));
    let options = client::Options { url, token, auto_subscribe: true };
    let mut ada = Participant::join(&options).await.unwrap();
    assert!(tokio::time::timeout(PATIENCE, ada.publish(clips())).await.unwrap().is_err());
    ada.leave().await;
    scene.end().await;
}
