//! Rooms that span shards.

use std::time::{Duration, Instant};

use auth::room::VideoGrant;
use client::Participant;
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use reqwest::Client;

use super::media::receive;
use super::scene::{PATIENCE, Scene, clips};
use super::single::{OFFER, camera, offer, publishing, request, wrap};
use super::whep::Player;

/// Two shards; after one participant at home, all others of a room sit on the other shard.
async fn start() -> Scene {
    Scene::start_with(|config| config.limits.room_participants_per_shard = 1).await
}

fn audience() -> VideoGrant {
    VideoGrant { can_publish: Some(false), ..VideoGrant::join("hall") }
}

async fn listener(scene: &Scene, identity: &str) -> Participant {
    let (url, token) = (format!("ws://{}", scene.addr), scene.token(identity, audience()));
    Participant::join(&client::Options { url, token, auto_subscribe: true }).await.unwrap()
}

pub(crate) fn figure(scene: &Scene, name: &str) -> u64 {
    let metrics = scene.service.metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("sfu_{name} ")));
    line.unwrap_or_else(|| panic!("{name} in {metrics}")).parse().unwrap()
}

pub(crate) async fn wait_for(scene: &Scene, name: &str, holds: impl Fn(u64) -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds(figure(scene, name)) {
        assert!(Instant::now() < end, "{}", scene.service.metrics());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_on_two_shards_receives_what_is_opened_once() {
    let scene = Scene::start_with(|config| config.limits.room_participants_per_shard = 2).await;
    let mut ada = scene.participant("ada", "hall").await;
    ada.publish(clips()).await.unwrap();
    let mut carol = listener(&scene, "carol").await;
    let mut bob = scene.participant("bob", "hall").await;
    let mut dan = listener(&scene, "dan").await;
    for participant in [&mut bob, &mut carol, &mut dan] {
        receive(participant, 2, 50).await;
    }
    wait_for(&scene, "away_participants", |away| away == 2).await;
    wait_for(&scene, "relayed_packets_total", |packets| packets > 50).await;
    assert_eq!(figure(&scene, "participants"), 4);
    assert_eq!(figure(&scene, "publications"), 2);
    assert_eq!(figure(&scene, "subscriptions"), 6);
    assert_eq!(figure(&scene, "dropped_relay_packets_total"), 0);
    // All that crossed was opened before, at home, and counts there alone.
    assert!(figure(&scene, "received_packets_total") >= figure(&scene, "relayed_packets_total"));
    // One of those on the other shard publishes there.
    bob.publish(clips()).await.unwrap();
    receive(&mut carol, 2, 50).await;
    receive(&mut ada, 2, 50).await;
    for participant in [carol, dan] {
        participant.leave().await;
    }
    wait_for(&scene, "away_participants", |away| away == 1).await;
    wait_for(&scene, "transports", |transports| transports == 4).await;
    ada.leave().await;
    bob.leave().await;
    wait_for(&scene, "transports", |transports| transports == 0).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_viewer_elsewhere_gets_a_track_that_was_muted_and_shown_again() {
    let scene = start().await;
    let mut ada = scene.participant("ada", "hall").await;
    let tracks = ada.publish(clips()).await.unwrap();
    let mut carol = listener(&scene, "carol").await;
    ada.mute(&tracks[1], true).await.unwrap();
    ada.mute(&tracks[1], false).await.unwrap();
    receive(&mut carol, 2, 100).await;
    // Everybody else is gone and the publisher goes on: the next one waits for nothing.
    carol.leave().await;
    let mut dan = listener(&scene, "dan").await;
    receive(&mut dan, 2, 50).await;
    ada.leave().await;
    dan.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_elsewhere_resumes_with_a_fresh_offer() {
    let scene = start().await;
    let mut ada = scene.signal("ada", "hall", "").await;
    ada.joined().await;
    let offer = |word| if let Response::Offer(offer) = word { Some(offer.sdp) } else { None };
    let at_home = ada.hear_that(offer).await;
    let mut carol = scene.signal("carol", "hall", "").await;
    let sid = carol.joined().await.participant.unwrap().sid;
    let first = carol.hear_that(offer).await;
    drop(carol);
    let resume = format!("&reconnect=1&sid={sid}");
    let mut again = scene.signal("carol", "hall", &resume).await;
    assert!(matches!(again.hear().await, Some(Response::Reconnect(_))));
    let second = again.hear_that(offer).await;
    let ufrag = |sdp: &str| sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:").map(str::to_owned));
    assert_ne!(ufrag(&first), ufrag(&second), "ICE restarts");
    // Its candidates are those of the other shard.
    let ports: Vec<_> =
        scene.service.media_addrs().iter().map(|addr| format!(" {} typ host", addr.port())).collect();
    let of_shard = |sdp: &str| ports.iter().position(|port| sdp.contains(port));
    assert_ne!(of_shard(&first), of_shard(&at_home));
    assert_eq!(of_shard(&first), of_shard(&second));
    scene.end().await;
}

async fn allow_to_publish(scene: &Scene, identity: &str) {
    let admin = VideoGrant { room_admin: true, room: "hall".to_owned(), ..VideoGrant::default() };
    let permission = r#"{"canPublish":true,"canSubscribe":true}"#;
    let reply = Client::new()
        .post(scene.http("/twirp/livekit.RoomService/UpdateParticipant"))
        .bearer_auth(scene.token("admin", admin))
        .header("content-type", "application/json")
        .body(format!(r#"{{"room":"hall","identity":"{identity}","permission":{permission}}}"#))
        .send();
    assert!(reply.await.unwrap().status().is_success());
}

/// Its second transport is made where the first one is, whenever it is needed.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_on_the_other_shard_who_is_allowed_to_publish_does_so() {
    let scene = start().await;
    let mut ada = scene.participant("ada", "hall").await;
    ada.publish(clips()).await.unwrap();
    let mut carol = listener(&scene, "carol").await;
    receive(&mut carol, 2, 20).await;
    allow_to_publish(&scene, "carol").await;
    carol.publish(clips()).await.unwrap();
    receive(&mut ada, 2, 50).await;
    assert_eq!(figure(&scene, "resumes_total"), 0);
    ada.leave().await;
    carol.leave().await;
    scene.end().await;
}

/// Its only transport stays where it is, and carries what it publishes from then on.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_with_one_transport_who_is_allowed_to_publish_stays_where_it_is() {
    let scene = start().await;
    let ada = scene.participant("ada", "hall").await;
    let join = |token: &str| format!("/rtc/v1?access_token={token}&join_request={}", wrap(&request()));
    let mut carol = scene.signal_at(&join(&scene.token("carol", audience()))).await;
    carol.joined().await;
    carol.say(Request::Offer(offer(1, OFFER))).await;
    carol.hear_that(|word| matches!(word, Response::Answer(_)).then_some(())).await;
    wait_for(&scene, "away_participants", |away| away == 1).await;
    allow_to_publish(&scene, "carol").await;
    carol.say(Request::AddTrack(camera("cam"))).await;
    carol.hear_that(|word| matches!(word, Response::TrackPublished(_)).then_some(())).await;
    carol.say(Request::Offer(offer(2, &publishing(OFFER, "cam", 7)))).await;
    carol.hear_that(|word| matches!(word, Response::Answer(_)).then_some(())).await;
    wait_for(&scene, "publications", |publications| publications == 1).await;
    assert_eq!(figure(&scene, "away_participants"), 1);
    ada.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_independent_player_plays_from_the_other_shard() {
    let scene = start().await;
    let mut ada = scene.participant("ada", "hall").await;
    ada.publish(clips()).await.unwrap();
    let mut bob = listener(&scene, "bob").await;
    receive(&mut bob, 2, 10).await;
    let mut player = Player::start(&scene).await;
    wait_for(&scene, "away_participants", |away| away == 2).await;
    ada.leave().await;
    let mut luis = scene.participant("luis", "hall").await;
    luis.publish(clips()).await.unwrap();
    player.plays_the_next().await;
    player.stop().await;
    luis.leave().await;
    bob.leave().await;
    scene.end().await;
}

/// The player sits at home, and whom it plays next on the other shard.
#[tokio::test(flavor = "multi_thread")]
async fn an_independent_player_at_home_plays_a_publisher_of_the_other_shard() {
    let scene = Scene::start_with(|config| config.limits.room_participants_per_shard = 2).await;
    let mut ada = scene.participant("ada", "hall").await;
    ada.publish(clips()).await.unwrap();
    wait_for(&scene, "publications", |publications| publications == 2).await;
    let mut player = Player::start(&scene).await;
    let mut luis = scene.participant("luis", "hall").await;
    wait_for(&scene, "away_participants", |away| away == 1).await;
    ada.leave().await;
    luis.publish(clips()).await.unwrap();
    player.plays_the_next().await;
    player.stop().await;
    luis.leave().await;
    scene.end().await;
}

/// Hundreds come and go at once; nothing of them is left on either shard.
#[tokio::test(flavor = "multi_thread")]
async fn joins_that_never_connect_are_collected_on_both_shards() {
    let scene = Scene::start_with(|config| {
        config.limits.room_participants_per_shard = 1;
        config.limits.room.join_timeout = Duration::from_secs(1);
    })
    .await;
    let mut signals = Vec::new();
    for number in 0..200 {
        signals.push(scene.signal_with(&scene.token(&format!("p{number}"), audience()), "").await);
    }
    for signal in &mut signals {
        signal.joined().await;
    }
    wait_for(&scene, "joins_total", |joins| joins == 200).await;
    wait_for(&scene, "transports", |transports| transports == 0).await;
    wait_for(&scene, "participants", |participants| participants == 0).await;
    scene.end().await;
}
