use std::time::{Duration, Instant};

use auth::room::VideoGrant;
use client::WhipPublisher;
use livekit_protocol as lk;
use lk::signal_response::Message as Word;
use reqwest::{Client, Method, Response, StatusCode};

use super::python::Script;
use super::scene::{PATIENCE, Scene, Signal, clips};

/// Three simulcast layers, sound, and a data section.
pub(crate) const OFFER: &str = include_str!("../../core/src/sdp/tests/chromium_publisher.sdp");

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const RESTART: &str = "a=ice-ufrag:ysXw\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n";
const CANDIDATE: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
    a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\n";

pub(super) async fn send(
    scene: &Scene,
    method: Method,
    path: &str,
    token: &str,
    rest: &[(&str, &str)],
    body: &str,
) -> Response {
    let mut request = Client::new().request(method, scene.http(path)).body(body.to_owned());
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    for (name, value) in rest {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

pub(crate) async fn post(scene: &Scene, token: &str, offer: &str) -> Response {
    send(scene, Method::POST, "/whip", token, &[("content-type", SDP)], offer).await
}

pub(super) async fn patch(
    scene: &Scene,
    session: &str,
    token: &str,
    if_match: Option<&str>,
    body: &str,
) -> Response {
    let mut headers = vec![("content-type", FRAGMENT)];
    headers.extend(if_match.map(|tag| ("if-match", tag)));
    send(scene, Method::PATCH, session, token, &headers, body).await
}

pub(super) fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

async fn kind(response: Response) -> String {
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    let problem: serde_json::Value = response.json().await.unwrap();
    problem["type"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

/// The participant of this identity, when it is as `accept` wants it.
async fn see(
    signal: &mut Signal,
    identity: &str,
    accept: impl Fn(&lk::ParticipantInfo) -> bool,
) -> lk::ParticipantInfo {
    signal
        .hear_that(|word| match word {
            Word::Update(update) => {
                update.participants.into_iter().find(|p| p.identity == identity && accept(p))
            }
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_session_is_opened_trickled_restarted_and_deleted() {
    let scene = Scene::start_with(|config| {
        config.ice_urls = vec!["stun:stun.example.net".to_owned(), "turn:turn.example.net".to_owned()];
    })
    .await;
    let token = scene.join_token("encoder", "hall");
    let opened = post(&scene, &token, OFFER).await;
    assert_eq!(opened.status(), StatusCode::CREATED);
    assert_eq!(header(&opened, "content-type"), SDP);
    let links: Vec<_> = opened.headers().get_all("link").iter().collect();
    assert_eq!(
        links,
        ["<stun:stun.example.net>; rel=\"ice-server\"", "<turn:turn.example.net>; rel=\"ice-server\""]
    );
    let (session, tag) = (header(&opened, "location"), header(&opened, "etag"));
    assert!(session.starts_with("/whip/") && session.len() == "/whip/".len() + 32, "{session}");
    assert!(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    let answer = opened.text().await.unwrap();
    assert!(answer.contains("a=recvonly") && answer.contains("a=simulcast:recv q;h;f"), "{answer}");
    assert!(answer.contains(&format!("a=ice-ufrag:{}", tag.trim_matches('"'))));

    for (if_match, wanted) in [
        (None, "precondition-required"),
        (Some("\"another\""), "precondition-failed"),
        (Some("W/\"another\""), "precondition-failed"),
    ] {
        assert_eq!(kind(patch(&scene, &session, &token, if_match, CANDIDATE).await).await, wanted);
    }
    let trickled = patch(&scene, &session, &token, Some(&tag), CANDIDATE).await;
    assert_eq!(trickled.status(), StatusCode::NO_CONTENT);
    assert!(trickled.headers().get("etag").is_none());

    let restarted = patch(&scene, &session, &token, Some("*"), RESTART).await;
    assert_eq!(restarted.status(), StatusCode::OK);
    assert_eq!(header(&restarted, "content-type"), FRAGMENT);
    let fresh = header(&restarted, "etag");
    assert_ne!(fresh, tag);
    let reply = restarted.text().await.unwrap();
    assert!(reply.contains(&format!("a=ice-ufrag:{}", fresh.trim_matches('"'))), "{reply}");
    assert!(reply.contains("a=candidate:") && reply.contains("a=ice-lite"), "{reply}");
    assert_eq!(
        patch(&scene, &session, &token, Some(&tag), CANDIDATE).await.status(),
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(
        patch(&scene, &session, &token, Some(&fresh), CANDIDATE).await.status(),
        StatusCode::NO_CONTENT
    );
    // The restarted session's own credentials restart nothing.
    assert_eq!(patch(&scene, &session, &token, Some("*"), RESTART).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        kind(patch(&scene, &session, &token, Some(&fresh), "rubbish").await).await,
        "malformed-description"
    );
    let headers = [("content-type", SDP), ("if-match", fresh.as_str())];
    let wrong = send(&scene, Method::PATCH, &session, &token, &headers, RESTART);
    assert_eq!(kind(wrong.await).await, "unsupported-media-type");

    assert_eq!(send(&scene, Method::DELETE, &session, &token, &[], "").await.status(), StatusCode::OK);
    assert_eq!(kind(send(&scene, Method::DELETE, &session, &token, &[], "").await).await, "no-such-session");
    assert!(scene.service.metrics().contains("\nsfu_http_sessions 0\n"));
    scene.end().await;
}

/// Every method × every kind of token; the URL of a session is no credential.
#[tokio::test]
async fn only_the_sessions_own_participant_may_touch_it() {
    let scene = Scene::start().await;
    let own = scene.join_token("encoder", "hall");
    let session = header(&post(&scene, &own, OFFER).await, "location");
    let expired = {
        // Beyond the leeway of a minute.
        let claims = serde_json::json!({
            "iss": "key", "sub": "encoder", "exp": auth::unix_seconds() - 120,
            "video": { "roomJoin": true, "room": "hall" },
        });
        let key = jsonwebtoken::EncodingKey::from_secret(b"a secret of thirty-two letters!!");
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
    };
    let no_join = scene.token("encoder", VideoGrant { room_join: false, ..VideoGrant::join("hall") });
    let listener =
        scene.token("listener", VideoGrant { can_publish: Some(false), ..VideoGrant::join("hall") });
    let tokens = [
        ("none", String::new(), 401, 401),
        ("garbage", "garbage".to_owned(), 401, 401),
        ("expired", expired, 401, 401),
        ("without the right to join", no_join, 403, 403),
        ("of another participant", scene.join_token("other", "hall"), 201, 404),
        ("of another room", scene.join_token("encoder", "other"), 201, 404),
        ("without the right to publish", listener, 403, 404),
    ];
    for (name, token, on_post, on_session) in tokens {
        let posted = post(&scene, &token, OFFER).await;
        assert_eq!(posted.status().as_u16(), on_post, "POST with a token {name}");
        if on_post == 401 {
            assert_eq!(header(&posted, "www-authenticate"), "Bearer");
        }
        let patched = patch(&scene, &session, &token, Some("*"), RESTART).await;
        assert_eq!(patched.status().as_u16(), on_session, "PATCH with a token {name}");
        let deleted = send(&scene, Method::DELETE, &session, &token, &[], "").await;
        assert_eq!(deleted.status().as_u16(), on_session, "DELETE with a token {name}");
        let asked = send(&scene, Method::GET, &session, &token, &[], "").await;
        assert_eq!(asked.status().as_u16(), 204, "GET with a token {name}");
        assert_eq!(asked.text().await.unwrap(), "");
    }
    // A token in the query is for WebSockets, which cannot set headers.
    let query = send(&scene, Method::DELETE, &format!("{session}?access_token={own}"), "", &[], "").await;
    assert_eq!(query.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(patch(&scene, &session, &own, Some("*"), RESTART).await.status(), StatusCode::OK);
    scene.end().await;
}

#[tokio::test]
async fn any_origin_may_ask_and_reads_the_headers_that_it_needs() {
    let scene = Scene::start().await;
    let token = scene.join_token("encoder", "hall");
    let asks = |method: &'static str| {
        [
            ("origin", "https://elsewhere.example"),
            ("access-control-request-method", method),
            ("access-control-request-headers", "authorization,content-type,if-match"),
        ]
    };
    for (path, method) in
        [("/whip", "POST"), ("/whip/v1", "POST"), ("/whip/x", "PATCH"), ("/whip/v1/x", "DELETE")]
    {
        let preflight = send(&scene, Method::OPTIONS, path, "", &asks(method), "").await;
        assert_eq!(preflight.status(), StatusCode::OK, "{path}");
        assert_eq!(header(&preflight, "access-control-allow-origin"), "*");
        let allowed = header(&preflight, "access-control-allow-headers");
        assert!(allowed.contains("authorization") && allowed.contains("if-match"), "{allowed}");
        assert!(["*", method].iter().any(|m| header(&preflight, "access-control-allow-methods").contains(m)));
    }
    let headers = [("content-type", SDP), ("origin", "https://elsewhere.example")];
    let opened = send(&scene, Method::POST, "/whip/v1", &token, &headers, OFFER).await;
    assert_eq!(opened.status(), StatusCode::CREATED);
    assert!(header(&opened, "location").starts_with("/whip/v1/"));
    assert_eq!(header(&opened, "access-control-allow-origin"), "*");
    let exposed = header(&opened, "access-control-expose-headers");
    assert!(["location", "etag", "link"].iter().all(|name| exposed.contains(name)), "{exposed}");
    assert_eq!(header(&opened, "accept-post"), SDP);
    let refused = send(&scene, Method::POST, "/whip", "", &headers, OFFER).await;
    assert_eq!(header(&refused, "access-control-allow-origin"), "*");
    scene.end().await;
}

#[tokio::test]
async fn what_is_no_offer_is_refused_by_name_and_joins_nobody() {
    let scene = Scene::start().await;
    let token = scene.join_token("encoder", "hall");
    for (offer, status, wanted) in [
        ("", 400, "malformed-description"),
        ("nonsense", 400, "malformed-description"),
        ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", 406, "unacceptable-offer"),
        (&OFFER.replace("a=sendonly", "a=recvonly"), 406, "unacceptable-offer"),
        (&OFFER.replace("opus/48000/2", "speex/16000"), 406, "unacceptable-offer"),
        (&OFFER.replace("a=fingerprint:sha-256", "a=fingerprint:sha-1"), 406, "unacceptable-offer"),
        (&format!("{OFFER}{}", "a=x\r\n".repeat(50_001)), 400, "malformed-description"),
        (&"v".repeat((2 << 20) + 1), 413, "too-large"),
    ] {
        let refused = post(&scene, &token, offer).await;
        assert_eq!(refused.status().as_u16(), status, "{}", &offer[..offer.len().min(60)]);
        assert_eq!(kind(refused).await, wanted);
    }
    let json =
        send(&scene, Method::POST, "/whip", &token, &[("content-type", "application/json")], OFFER).await;
    assert_eq!(kind(json).await, "unsupported-media-type");
    for (method, path) in [(Method::PUT, "/whip"), (Method::POST, "/whip/x"), (Method::PUT, "/whip/x")] {
        assert_eq!(kind(send(&scene, method, path, &token, &[], "").await).await, "method-not-allowed");
    }
    assert!(scene.service.metrics().contains("\nsfu_joins_total 0\n"));
    scene.end().await;
}

#[tokio::test]
async fn a_full_room_and_a_full_server_say_when_to_come_back() {
    let scene = Scene::start_with(|config| config.limits.signal_connections = 1).await;
    let first = post(&scene, &scene.join_token("first", "hall"), OFFER).await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let second = post(&scene, &scene.join_token("second", "hall"), OFFER).await;
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&second, "retry-after"), "5");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_is_seen_as_ingress_heard_by_livekits_clients_and_gone_when_it_deletes() {
    let scene = Scene::start().await;
    let mut viewer = scene.participant("viewer", "hall").await;
    let mut watch = scene.signal("watch", "hall", "&auto_subscribe=0").await;
    let token = scene.join_token("encoder", "hall");
    let encoder = WhipPublisher::publish(&scene.http("/whip"), &token, clips()).await.unwrap();
    let seen = see(&mut watch, "encoder", |p| p.tracks.len() == 2).await;
    assert_eq!(seen.kind(), lk::participant_info::Kind::Ingress);
    let sources: Vec<_> = seen.tracks.iter().map(lk::TrackInfo::source).collect();
    assert!(sources.contains(&lk::TrackSource::Camera) && sources.contains(&lk::TrackSource::Microphone));
    super::media::receive(&mut viewer, 2, 50).await;
    assert_eq!(encoder.end().await.unwrap(), 200);
    see(&mut watch, "encoder", |p| p.state() == lk::participant_info::State::Disconnected).await;
    viewer.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_media_path_and_with_its_removal() {
    let scene = Scene::start().await;
    let mut watch = scene.signal("watch", "hall", "&auto_subscribe=0").await;
    let gone = |p: &lk::ParticipantInfo| p.state() == lk::participant_info::State::Disconnected;
    let token = scene.join_token("encoder", "hall");
    let encoder = WhipPublisher::publish(&scene.http("/whip"), &token, clips()).await.unwrap();
    see(&mut watch, "encoder", |p| p.tracks.len() == 2).await;
    let session = encoder.session().trim_start_matches(&scene.http("")).to_owned();
    encoder.hang_up().await;
    let left = see(&mut watch, "encoder", gone).await;
    assert_eq!(left.disconnect_reason(), lk::DisconnectReason::ClientInitiated);
    assert_eq!(send(&scene, Method::DELETE, &session, &token, &[], "").await.status(), StatusCode::NOT_FOUND);

    let encoder = WhipPublisher::publish(&scene.http("/whip"), &token, clips()).await.unwrap();
    see(&mut watch, "encoder", |p| p.tracks.len() == 2).await;
    let admin = scene
        .token("admin", VideoGrant { room_admin: true, room: "hall".to_owned(), ..VideoGrant::default() });
    let body = r#"{"room":"hall","identity":"encoder"}"#;
    let json = [("content-type", "application/json")];
    send(&scene, Method::POST, "/twirp/livekit.RoomService/RemoveParticipant", &admin, &json, body).await;
    see(&mut watch, "encoder", gone).await;
    assert_eq!(encoder.end().await.unwrap(), 404);
    scene.end().await;
}

#[tokio::test]
async fn a_session_without_media_is_collected() {
    let scene = Scene::start_with(|config| config.limits.room.join_timeout = Duration::from_secs(1)).await;
    let token = scene.join_token("encoder", "hall");
    let session = header(&post(&scene, &token, OFFER).await, "location");
    let end = Instant::now() + PATIENCE;
    while patch(&scene, &session, &token, Some("*"), CANDIDATE).await.status() != StatusCode::NOT_FOUND {
        assert!(Instant::now() < end, "the session lives on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    scene.end().await;
}

/// aiortc is neither ours nor a browser's nor the `webrtc` crate.
#[tokio::test(flavor = "multi_thread")]
async fn an_independent_implementation_publishes_and_deletes() {
    let scene = Scene::start().await;
    let mut viewer = scene.participant("viewer", "hall").await;
    let token = scene.join_token("encoder", "hall");
    let mut script = Script::start(include_str!("whip_publish.py"), &[&scene.http("/whip"), &token]);
    assert_eq!(script.next_line().await, "posted 201");
    assert_eq!(script.next_line().await, "connected");
    super::media::receive(&mut viewer, 2, 50).await;
    script.close_input();
    assert_eq!(script.next_line().await, "deleted 200");
    viewer.leave().await;
    scene.end().await;
}
