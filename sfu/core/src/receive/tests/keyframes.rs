//! Keyframe requests, merged, repeated and answered.

use super::*;

#[test]
fn fifty_joins_in_a_second_send_two_keyframe_requests() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 1));
    let mut sent = Vec::new();
    for join in 0..50 {
        scene.at(20 * join);
        scene.reception.request_keyframe(EncodingIndex(0));
        for ssrc in scene.rtcp().plis {
            sent.push((20 * join, ssrc));
        }
    }
    assert_eq!(sent, [(0, 50), (500, 50)]);
}

#[test]
fn a_burst_of_joins_sends_one_request_per_interval() {
    let start = epoch();
    let mut requests = KeyframeRequests::default();
    let sent = (0..50)
        .map(|join| start + Duration::from_millis(20 * join))
        .filter(|&now| {
            requests.request();
            requests.poll_send(now)
        })
        .count();
    assert_eq!(sent, 2);
}

#[test]
fn a_keyframe_answers_every_waiting_request() {
    let start = epoch();
    let mut requests = KeyframeRequests::default();
    requests.request();
    assert!(requests.poll_send(start));
    requests.request();
    requests.on_keyframe();
    assert!(!requests.poll_send(start + Duration::from_secs(60)));
    assert_eq!(requests.poll_timeout(), None);
}

#[test]
fn an_unanswered_request_is_repeated_with_growing_pauses() {
    let start = epoch();
    let mut requests = KeyframeRequests::default();
    requests.request();
    let sent: Vec<_> = (0..100_000)
        .step_by(100)
        .filter(|ms| requests.poll_send(start + Duration::from_millis(*ms)))
        .collect();
    assert_eq!(sent, [0, 1_000, 3_000, 7_000, 15_000, 31_000]);
}

#[test]
fn what_is_missing_for_too_long_costs_one_keyframe() {
    let mut scene = one_layer();
    let asks_at = |scene: &mut Scene, from: u64| -> Vec<u64> {
        let times = (from..from + 1_500).filter(|&millis| {
            scene.at(millis);
            !scene.rtcp().plis.is_empty()
        });
        times.collect()
    };
    for number in [1, 3, 5] {
        scene.receive(&Spec::new(50, VP8, number));
    }
    assert_eq!(asks_at(&mut scene, 0), [800], "once for both");
    // What is lost behind the keyframe needs another one.
    scene.receive(&Spec::new(50, VP8, 6).payload(&[0x10, 0x00, 7]));
    assert_eq!(asks_at(&mut scene, 1_500), [0; 0]);
    scene.receive(&Spec::new(50, VP8, 8));
    assert_eq!(asks_at(&mut scene, 3_000), [3_800]);
}
