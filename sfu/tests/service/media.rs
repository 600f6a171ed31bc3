use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use client::{Event, Participant};

use super::scene::{PATIENCE, Scene, clips};

/// Waits until so many tracks bring so many packets each.
pub(crate) async fn receive(participant: &mut Participant, tracks: usize, packets: u64) {
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

/// Late joiners included: whoever comes gets every track that is there, under its own id.
#[tokio::test(flavor = "multi_thread")]
async fn six_participants_who_come_one_by_one_receive_all_of_each_other() {
    let scene = Scene::start().await;
    let mut everybody = Vec::new();
    for number in 0..6 {
        let mut participant = scene.participant(&format!("p{number}"), "hall").await;
        participant.publish(clips()).await.unwrap();
        everybody.push(participant);
    }
    for participant in &mut everybody {
        receive(participant, 10, 20).await;
    }
    for participant in everybody {
        participant.leave().await;
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_who_leaves_is_gone_from_the_metrics() {
    let scene = Scene::start().await;
    let mut ada = scene.participant("ada", "hall").await;
    ada.publish(clips()).await.unwrap();
    let mut bob = scene.participant("bob", "hall").await;
    receive(&mut bob, 2, 5).await;
    ada.leave().await;
    bob.leave().await;
    let gone = ["participants", "transports", "publications", "subscriptions"];
    let end = Instant::now() + PATIENCE;
    while !gone.iter().all(|name| scene.service.metrics().contains(&format!("\nsfu_{name} 0\n"))) {
        assert!(Instant::now() < end, "{}", scene.service.metrics());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    scene.end().await;
}
