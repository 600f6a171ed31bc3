//! The generator against the SFU: every shape joins, and media reaches everybody.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::Duration;

use auth::room::{ApiKeyPair, ApiKeys};
use load::{Bitrate, LoadError, Plan, Report, Shape};

fn api_key() -> ApiKeyPair {
    ApiKeyPair { key: "key".to_owned(), secret: "a secret of thirty-two letters!!".to_owned() }
}

struct Server {
    _service: sfu::Service,
    addr: SocketAddr,
    stop: serve::CancellationToken,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn server() -> Server {
    let config = sfu::Config {
        media_port: 0,
        media_ips: vec![[127, 0, 0, 1].into()],
        shards: 1,
        api_keys: ApiKeys::new(&api_key(), &[]),
        link: None,
        ice_urls: Vec::new(),
        turn: None,
        webhooks: None,
        hide_audience: false,
        pin_shards: false,
        limits: sfu::Limits::default(),
    };
    let service = sfu::start(config).await.unwrap();
    let listener = serve::Listener::bind(([127, 0, 0, 1], 0).into(), None, serve::Limits::default()).await;
    let listener = listener.unwrap();
    let addr = listener.local_addr();
    let stop = serve::CancellationToken::new();
    tokio::spawn(listener.serve(service.router(), stop.clone()));
    Server { _service: service, addr, stop }
}

fn plan(addr: SocketAddr, shape: Shape) -> Plan {
    Plan {
        url: format!("ws://{addr}"),
        api_key: api_key(),
        room: "bench".to_owned(),
        shape,
        video: Bitrate::from_kbps(500),
        frames_per_second: 30,
        joins_per_second: 20.0,
        settle: Duration::from_secs(1),
        length: Duration::from_secs(1),
        server_pid: Some(std::process::id()),
    }
}

async fn report(shape: Shape) -> Report {
    let server = server().await;
    load::run(&plan(server.addr, shape)).await.unwrap()
}

/// 30 frames of two packets in a second; half of it is enough on a busy machine.
fn assert_media(report: &Report, streams: u64, packets_of_each: u64) {
    assert!(report.packets >= streams * packets_of_each / 2, "{report:?}");
    assert!(report.delay_p50_ms.is_some_and(|ms| ms > 0.0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_livestream_reaches_everybody_who_watches() {
    let report = report(Shape::Livestream { subscribers: 3 }).await;
    assert_media(&report, 3, 60);
    assert!(report.first_packet_p95_ms.is_some(), "{report:?}");
    let server = report.server.clone().unwrap();
    assert!(server.cpu_per_packet_us.is_some() && server.rss_mb > 1.0, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_meeting_everybody_receives_everybody_else() {
    let report = report(Shape::Meeting { participants: 3, simulcast: true }).await;
    // Six pictures, of which at least a packet a frame comes, and six sounds.
    assert_media(&report, 6, 30 + 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn speakers_are_heard_by_listeners_and_each_other() {
    let report = report(Shape::Audio { speakers: 2, listeners: 2 }).await;
    assert_media(&report, 6, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_join_an_empty_room() {
    let report = report(Shape::Audio { speakers: 0, listeners: 3 }).await;
    assert_eq!((report.packets, report.participants, report.delay_p50_ms), (0, 3, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_an_error() {
    let server = server().await;
    let mut plan = plan(server.addr, Shape::Livestream { subscribers: 1 });
    plan.api_key.secret = "another secret of thirty-two letters".to_owned();
    let refused = load::run(&plan).await.unwrap_err();
    assert!(matches!(refused, LoadError::Signal(_)), "{refused:?}");
}
