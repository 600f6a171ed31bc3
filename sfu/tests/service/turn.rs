//! Clients whose network passes no UDP: by ICE-TCP, and through relays. None of them is ours.

use std::time::{Duration, Instant};

use auth::room::{ApiKeyPair, ApiKeys, VideoGrant};
use client::Participant;
use livekit_protocol as lk;
use lk::signal_response::Message as Word;
use reqwest::{Method, StatusCode};
use sfu::{TurnConfig, TurnTls};
use sfu_core::stun::{HEADER_BYTES, MessageWriter, TransactionId};
use sfu_core::turn::{LongTermKey, Secret};
use tokio::net::UdpSocket;

use super::media::receive;
use super::netns::Namespace;
use super::python::Script;
use super::scene::Scene;
use super::whip::{OFFER, post, send};

/// A client without UDP joins, and its sound is heard, within this.
const IN_TIME: Duration = Duration::from_secs(3);

const SECRET: [u8; 32] = [7; 32];

/// An SFU for a client in another network, and a viewer on this machine.
struct Apart {
    network: Namespace,
    scene: Scene,
    url: String,
    viewer: Participant,
}

impl Apart {
    async fn start(change: impl FnOnce(&mut sfu::Config)) -> Option<Self> {
        let network = Namespace::new()?;
        let scene = Scene::start_with(|config| {
            config.media_ips = vec![network.host()];
            change(config);
        })
        .await;
        let url = format!("{}", scene.listen_at(network.host()).await);
        let viewer = scene.participant("viewer", "hall").await;
        Some(Self { network, scene, url, viewer })
    }

    /// Joins with LiveKit's SDK; returns the time from its first step until its sound is heard.
    async fn join(&mut self, policy: &str) -> (Script, Duration) {
        let (url, token) = (format!("ws://{}", self.url), self.scene.join_token("ada", "hall"));
        let arguments = [&*url, &token, policy];
        let mut script = Script::start_in(&self.network, &[], include_str!("livekit_join.py"), &arguments);
        assert_eq!(script.next_line().await, "connecting");
        let start = Instant::now();
        assert_eq!(script.next_line().await, "connected");
        receive(&mut self.viewer, 1, 1).await;
        (script, start.elapsed())
    }

    async fn end(self) {
        self.viewer.leave().await;
        self.scene.end().await;
    }

    /// A figure of the SFU, once it is as `accept` wants it.
    async fn figure(&self, name: &str, accept: impl Fn(u64) -> bool) -> u64 {
        let end = Instant::now() + IN_TIME;
        loop {
            let value = figure(&self.scene, name);
            if accept(value) {
                return value;
            }
            assert!(Instant::now() < end, "{name} {value}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn figure(scene: &Scene, name: &str) -> u64 {
    let text = scene.service.metrics();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

fn with_turn(config: &mut sfu::Config) {
    config.turn = Some(TurnConfig::new(SECRET.to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_udp_a_client_joins_by_ice_tcp_within_three_seconds() {
    let Some(mut apart) = Apart::start(|_| ()).await else { return };
    apart.network.block_udp();
    let (mut script, took) = apart.join("all").await;
    println!("heard {} ms after its first step, by ICE-TCP", took.as_millis());
    assert!(took < IN_TIME, "{took:?}");
    apart.figure("sfu_tcp_connections", |connections| connections > 0).await;
    script.close_input();
    apart.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_udp_a_client_joins_through_a_relay_within_three_seconds() {
    let Some(mut apart) = Apart::start(with_turn).await else { return };
    apart.network.block_udp();
    let (mut script, took) = apart.join("relay").await;
    println!("heard {} ms after its first step, by TURN over TCP", took.as_millis());
    assert!(took < IN_TIME, "{took:?}");
    apart.figure("sfu_turn_packets_to_peers_total", |packets| packets > 20).await;
    assert!(figure(&apart.scene, "sfu_turn_tcp_connections") > 0);
    assert_eq!(figure(&apart.scene, "sfu_tcp_connections"), 0, "no path but the relay's");
    script.close_input();
    // The client gives its relays back.
    apart.figure("sfu_turn_open_allocations", |open| open == 0).await;
    apart.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_may_only_use_relays_joins_through_one_over_udp() {
    let Some(mut apart) = Apart::start(with_turn).await else { return };
    let (mut script, took) = apart.join("relay").await;
    println!("heard {} ms after its first step, by TURN over UDP", took.as_millis());
    apart.figure("sfu_turn_packets_to_peers_total", |packets| packets > 20).await;
    script.close_input();
    apart.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_udp_an_encoder_publishes_through_a_relay_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    let tls = |config: &mut sfu::Config| {
        let host = config.media_ips[0].to_string();
        let made = rcgen::generate_simple_self_signed([host.clone()]).unwrap();
        std::fs::write(&authority, made.cert.pem()).unwrap();
        let key = made.signing_key.serialize_pem().into_bytes();
        let tls = TurnTls { port: 0, certificates: made.cert.pem().into_bytes(), key, host };
        config.turn = Some(TurnConfig { tls: Some(tls), ..TurnConfig::new(SECRET.to_vec()) });
    };
    let Some(mut apart) = Apart::start(tls).await else { return };
    apart.network.block_udp();
    let [server] = &apart.scene.signal("encoder", "hall", "").await.joined().await.ice_servers[..] else {
        panic!("one server")
    };
    let url = server.urls.iter().find(|url| url.starts_with("turns:")).unwrap();
    let (endpoint, token) = (format!("http://{}/whip", apart.url), apart.scene.join_token("encoder", "hall"));
    let arguments = [&*endpoint, &token, url, &server.username, &server.credential];
    let trust = [("SSL_CERT_FILE", authority.to_str().unwrap())];
    let mut script = Script::start_in(&apart.network, &trust, include_str!("whip_publish.py"), &arguments);
    assert_eq!(script.next_line().await, "posted 201");
    assert_eq!(script.next_line().await, "connected");
    receive(&mut apart.viewer, 2, 20).await;
    script.close_input();
    assert_eq!(script.next_line().await, "deleted 200");
    apart.end().await;
}

/// Where clients are told of relays, and that what they are told differs and ends.
#[tokio::test]
async fn every_client_gets_credentials_of_its_own() {
    let scene = Scene::start_with(with_turn).await;
    let mut signal = scene.signal("ada", "hall", "").await;
    let joined = signal.joined().await;
    let [ada] = &joined.ice_servers[..] else { panic!("{:?}", joined.ice_servers) };
    let joined_bob = scene.signal("bob", "hall", "").await.joined().await;
    let [bob] = &joined_bob.ice_servers[..] else { panic!("{:?}", joined_bob.ice_servers) };
    assert_eq!(ada.urls, scene.service.turn_urls());
    let [udp, tcp] = &ada.urls[..] else { panic!("{:?}", ada.urls) };
    assert!(udp.starts_with("turn:127.0.0.1:") && udp.ends_with("?transport=udp"), "{udp}");
    assert!(tcp.starts_with("turn:127.0.0.1:") && tcp.ends_with("?transport=tcp"), "{tcp}");
    assert!(ada.username != bob.username && ada.credential != bob.credential);
    assert!(!ada.username.contains("ada"), "it travels in the clear");
    let ends: u64 = ada.username.split_once(':').unwrap().0.parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!((now + 6 * 3600 - 10..=now + 6 * 3600).contains(&ends), "{ends}");

    drop(signal);
    let sid = joined.participant.unwrap().sid;
    let mut again = scene.signal("ada", "hall", &format!("&reconnect=1&sid={sid}")).await;
    let Some(Word::Reconnect(reconnect)) = again.hear().await else { panic!("not resumed") };
    assert_eq!(reconnect.ice_servers[0].urls, ada.urls);
    let name = |username: &str| username.split_once(':').unwrap().1.to_owned();
    assert_eq!(name(&reconnect.ice_servers[0].username), name(&ada.username), "quotas follow the person");

    let opened = post(&scene, &scene.join_token("encoder", "hall"), OFFER).await;
    let links: Vec<_> = opened.headers().get_all("link").iter().map(|link| link.to_str().unwrap()).collect();
    assert_eq!(links.len(), 2);
    assert!(links[0].starts_with(&format!("<{udp}>; rel=\"ice-server\"; username=\"")), "{links:?}");
    assert!(links[0].ends_with("\"; credential-type=\"password\""), "{links:?}");
    scene.end().await;
}

/// A client's relay by hand, over UDP.
struct Relay {
    socket: UdpSocket,
    username: String,
    key: LongTermKey,
    nonce: Vec<u8>,
    last: u8,
}

impl Relay {
    async fn new(scene: &Scene, server: &lk::IceServer) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let url = &scene.service.turn_urls()[0];
        socket.connect(url.trim_start_matches("turn:").split('?').next().unwrap()).await.unwrap();
        let (username, key) = (server.username.clone(), Secret::new(&SECRET).key_of(&server.username));
        let mut relay = Self { socket, username, key, nonce: Vec::new(), last: 0 };
        assert_eq!(relay.ask(ALLOCATE).await, 438, "no nonce yet: there it is");
        relay
    }

    /// The code of the answer; 0 is success.
    async fn ask(&mut self, method: u16) -> u16 {
        self.last += 1;
        let id = TransactionId([self.last; 12]);
        let request = MessageWriter::of_kind(method, id)
            .attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0])
            .username(&self.username)
            .attribute(REALM, b"dais")
            .attribute(NONCE, &self.nonce);
        self.socket.send(&request.sign_with(&self.key.signer())).await.unwrap();
        let mut buffer = [0; 1500];
        let len = tokio::time::timeout(IN_TIME, self.socket.recv(&mut buffer)).await.unwrap().unwrap();
        let (mut rest, mut code) = (&buffer[HEADER_BYTES..len], 0);
        while let [k0, k1, l0, l1, tail @ ..] = rest {
            let (kind, len) = (u16::from_be_bytes([*k0, *k1]), usize::from(u16::from_be_bytes([*l0, *l1])));
            match kind {
                NONCE => self.nonce = tail[..len].to_vec(),
                ERROR_CODE => code = u16::from(tail[2]) * 100 + u16::from(tail[3]),
                _ => {}
            }
            rest = &tail[len.next_multiple_of(4)..];
        }
        code
    }
}

/// RFC 8656 §18 and RFC 8489 §18.
const ALLOCATE: u16 = 0x0003;
const REFRESH: u16 = 0x0004;
const ERROR_CODE: u16 = 0x0009;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const REQUESTED_TRANSPORT: u16 = 0x0019;

#[tokio::test]
async fn a_removed_participant_loses_its_relay_within_seconds() {
    let scene = Scene::start_with(with_turn).await;
    let (mut ada, mut bob) = (scene.signal("ada", "hall", "").await, scene.signal("bob", "hall", "").await);
    let mut hers = Relay::new(&scene, &ada.joined().await.ice_servers[0]).await;
    let mut his = Relay::new(&scene, &bob.joined().await.ice_servers[0]).await;
    assert_eq!((hers.ask(ALLOCATE).await, his.ask(ALLOCATE).await), (0, 0));
    assert_eq!(hers.ask(REFRESH).await, 0);
    // Credentials count by the second: hers are older than her departure.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let admin = scene
        .token("admin", VideoGrant { room_admin: true, room: "hall".to_owned(), ..VideoGrant::default() });
    let body = r#"{"room":"hall","identity":"ada"}"#;
    let json = [("content-type", "application/json")];
    let path = "/twirp/livekit.RoomService/RemoveParticipant";
    let removed = send(&scene, Method::POST, path, &admin, &json, body).await;
    assert_eq!(removed.status(), StatusCode::OK);
    let end = Instant::now() + IN_TIME;
    while figure(&scene, "sfu_turn_open_allocations") != 1 {
        assert!(Instant::now() < end, "her relay goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(figure(&scene, "sfu_turn_ended_allocations_total"), 1);
    assert_eq!((hers.ask(REFRESH).await, hers.ask(ALLOCATE).await), (401, 401));
    assert_eq!(his.ask(REFRESH).await, 0);
    // She joins again, and has a relay again.
    let mut again = scene.signal("ada", "hall", "").await;
    let mut hers = Relay::new(&scene, &again.joined().await.ice_servers[0]).await;
    assert_eq!(hers.ask(ALLOCATE).await, 0);
    scene.end().await;
}

/// What cannot work is said before anything listens.
#[tokio::test]
async fn settings_of_relays_that_cannot_work_are_refused() {
    let pair = ApiKeyPair { key: "key".to_owned(), secret: "a secret of thirty-two letters!!".to_owned() };
    let config = |turn| sfu::Config {
        media_port: 0,
        media_ips: vec![[127, 0, 0, 1].into()],
        shards: 1,
        api_keys: ApiKeys::new(&pair, &[]),
        link: None,
        ice_urls: Vec::new(),
        turn: Some(turn),
        webhooks: None,
        hide_audience: false,
        pin_shards: false,
        limits: sfu::Limits::default(),
    };
    let taken = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let made = rcgen::generate_simple_self_signed(["turn.example".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["turn.example".to_owned()]).unwrap();
    let tls = |certificates: &str, key: &str| TurnTls {
        port: 0,
        certificates: certificates.into(),
        key: key.into(),
        host: "turn.example".to_owned(),
    };
    let new = || TurnConfig::new(SECRET.to_vec());
    let (certificate, key) = (made.cert.pem(), other.signing_key.serialize_pem());
    for (turn, wanted) in [
        (TurnConfig { host: Some("turn:turn.example".to_owned()), ..new() }, "TURN host"),
        (TurnConfig { port, ..new() }, "TURN: port"),
        (TurnConfig { tls: Some(tls("no PEM", &key)), ..new() }, "TURN: TLS"),
        (TurnConfig { tls: Some(tls(&certificate, "no PEM")), ..new() }, "TURN: TLS: the key"),
        (TurnConfig { tls: Some(tls(&certificate, &key)), ..new() }, "TURN: TLS"),
    ] {
        let error = sfu::start(config(turn)).await.err().expect("it is refused").to_string();
        assert!(error.contains(wanted), "{error}");
    }
}
