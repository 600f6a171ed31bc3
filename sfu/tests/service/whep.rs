use std::time::{Duration, Instant};

use auth::room::VideoGrant;
use reqwest::{Client, Method, Response, StatusCode};

use super::python::Script;
use super::scene::{PATIENCE, Scene, clips};

/// Firefox's numbers: Opus 109, VP8 120 with RTX 124, MID 3.
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
    a=fingerprint:sha-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\r\n\
    a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 109 9\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n\
    a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=rtpmap:109 opus/48000/2\r\na=rtpmap:9 G722/8000\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 120 124 126\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendrecv\r\na=rtcp-mux\r\n\
    a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=rtpmap:120 VP8/90000\r\na=rtcp-fb:120 nack\r\n\
    a=rtcp-fb:120 nack pli\r\na=rtpmap:124 rtx/90000\r\na=fmtp:124 apt=120\r\na=rtpmap:126 H264/90000\r\n";

async fn post(scene: &Scene, query: &str, token: &str) -> Response {
    let request = Client::new().post(scene.http(&format!("/whep{query}"))).bearer_auth(token);
    request.header("content-type", "application/sdp").body(OFFER).send().await.unwrap()
}

/// A publisher's own media path may stand before the room shows the publisher.
async fn post_until_it_plays(scene: &Scene, token: &str) -> Response {
    let end = Instant::now() + PATIENCE;
    loop {
        let reply = post(scene, "", token).await;
        if reply.status() != StatusCode::CONFLICT {
            return reply;
        }
        assert!(Instant::now() < end, "nothing plays");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_is_answered_with_its_own_numbers_and_the_rooms_codec() {
    let scene = Scene::start().await;
    let token = scene.join_token("player", "hall");
    let nothing = post(&scene, "", &token).await;
    assert_eq!(nothing.status(), StatusCode::CONFLICT);
    assert_eq!(nothing.headers()["retry-after"], "5");
    let mut ada = scene.participant("ada", "hall").await;
    let tracks = ada.publish(clips()).await.unwrap();
    let opened = post_until_it_plays(&scene, &token).await;
    assert_eq!(opened.status(), StatusCode::CREATED);
    let session = opened.headers()["location"].to_str().unwrap().to_owned();
    assert!(session.starts_with("/whep/"), "{session}");
    let answer = opened.text().await.unwrap();
    for line in [
        "m=audio 9 UDP/TLS/RTP/SAVPF 109\r\n",
        "m=video 9 UDP/TLS/RTP/SAVPF 120 124\r\n",
        "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
    ] {
        assert!(answer.contains(line), "{line} in {answer}");
    }
    assert_eq!(answer.matches("a=sendonly").count(), 2, "{answer}");
    assert!(!answer.contains("a=ssrc"), "{answer}");

    let one = post(&scene, &format!("?track={}", tracks[1]), &token).await.text().await.unwrap();
    assert_eq!(one.matches("a=sendonly").count(), 1, "{one}");
    let nobody = post(&scene, "?participant=nobody", &token).await;
    assert_eq!(nobody.status(), StatusCode::CONFLICT);
    ada.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_subscribe_plays_and_only_the_player_ends_its_session() {
    let scene = Scene::start().await;
    let mut ada = scene.participant("ada", "hall").await;
    ada.publish(clips()).await.unwrap();
    let own = scene.join_token("player", "hall");
    let session = post_until_it_plays(&scene, &own).await.headers()["location"].to_str().unwrap().to_owned();
    let deaf = VideoGrant { can_subscribe: Some(false), ..VideoGrant::join("hall") };
    for (token, on_post, on_delete) in [
        (String::new(), 401, 401),
        ("garbage".to_owned(), 401, 401),
        (scene.token("player", deaf), 403, 200),
        (scene.join_token("other", "hall"), 201, 404),
        (scene.join_token("player", "other"), 409, 404),
    ] {
        assert_eq!(post(&scene, "", &token).await.status(), on_post, "POST with {token}");
        if on_delete != 200 {
            let request = Client::new().request(Method::DELETE, scene.http(&session)).bearer_auth(&token);
            assert_eq!(request.send().await.unwrap().status(), on_delete, "DELETE with {token}");
        }
    }
    let request = Client::new().request(Method::DELETE, scene.http(&session)).bearer_auth(&own);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    ada.leave().await;
    scene.end().await;
}

/// aiortc as a player, in a process of its own. It decodes what it gets: pictures count only after a keyframe.
pub(crate) struct Player(Script);

impl Player {
    /// Returns when it plays whoever publishes in the hall.
    pub(crate) async fn start(scene: &Scene) -> Self {
        let token = scene.join_token("player", "hall");
        let mut script = Script::start(include_str!("whep_play.py"), &[&scene.http("/whep"), &token]);
        assert_eq!(script.next_line().await, "posted 201");
        assert_eq!(script.next_line().await, "playing");
        Self(script)
    }

    /// Another publisher took over: it plays that one.
    pub(crate) async fn plays_the_next(&mut self) {
        self.0.write_line("next").await;
        assert_eq!(self.0.next_line().await, "playing");
    }

    pub(crate) async fn stop(mut self) {
        self.0.close_input();
        assert_eq!(self.0.next_line().await, "deleted 200");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_independent_player_plays_and_goes_on_with_the_next_publisher() {
    let scene = Scene::start().await;
    let mut ada = scene.participant("ada", "hall").await;
    ada.publish(clips()).await.unwrap();
    let first = post_until_it_plays(&scene, &scene.join_token("early", "hall")).await.text().await.unwrap();
    assert_eq!(first.matches("a=sendonly").count(), 2, "the room shows both tracks: {first}");
    let mut player = Player::start(&scene).await;
    ada.leave().await;
    let mut luis = scene.participant("luis", "hall").await;
    luis.publish(clips()).await.unwrap();
    player.plays_the_next().await;
    player.stop().await;
    luis.leave().await;
    scene.end().await;
}
