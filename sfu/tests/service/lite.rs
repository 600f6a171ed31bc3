//! An encoder that is ICE-lite itself, such as one with a public address: it waits for our checks.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use sfu_core::sdp::SessionDescription;
use sfu_core::seed::Seed;
use sfu_core::transport::{Certificate, Config, Event, Path, RemoteIce, Transport};

use super::scene::{PATIENCE, Scene};
use super::whip::{OFFER, header, patch, post};

/// Where a lite agent is.
fn candidate(address: SocketAddr) -> String {
    let (ip, port) = (address.ip(), address.port());
    format!("a=candidate:1 1 udp 2130706431 {ip} {port} typ host\r\n")
}

/// A browser's offer, as a lite agent with this transport would write it; `address` is `None` if it trickles.
fn lite_offer(transport: &Transport, address: Option<SocketAddr>) -> String {
    let credentials = transport.local();
    let line = |line: &str| match line.split_once(':').map_or(line, |(name, _)| name) {
        "a=ice-ufrag" => format!("a=ice-ufrag:{}\r\n", credentials.ufrag),
        "a=ice-pwd" => {
            format!("a=ice-pwd:{}\r\n{}", credentials.pwd, address.map(candidate).unwrap_or_default())
        }
        "a=fingerprint" => format!("a=fingerprint:{}\r\n", transport.fingerprint()),
        "a=candidate" => String::new(),
        _ if line == "t=0 0" => "t=0 0\r\na=ice-lite\r\n".to_owned(),
        _ => format!("{line}\r\n"),
    };
    OFFER.lines().map(line).collect()
}

/// Serves the transport until it has said this.
fn run_until(transport: &mut Transport, socket: &UdpSocket, wanted: &Event) {
    let (local, start) = (socket.local_addr().unwrap(), Instant::now());
    socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let mut buffer = [0; 1500];
    loop {
        let now = Instant::now();
        assert!(now - start < PATIENCE, "no {wanted:?}");
        transport.handle_timeout(now);
        if let Ok((len, remote)) = socket.recv_from(&mut buffer) {
            transport.handle_datagram(Instant::now(), Path::udp(local, remote), &mut buffer[..len]);
        }
        while let Some(sent) = transport.poll_transmit() {
            socket.send_to(&sent.bytes, sent.path.remote).unwrap();
        }
        while let Some(event) = transport.poll_event() {
            if event == *wanted {
                return;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_that_is_lite_itself_is_checked_and_connects() {
    connect(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lite_encoder_that_trickles_its_address_is_checked_and_connects() {
    connect(true).await;
}

async fn connect(trickles: bool) {
    let scene = Scene::start().await;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = Config::new(Certificate::generate().unwrap());
    let mut transport = Transport::new(config, &Seed::new([5; 32]), Instant::now());
    let (address, token) = (socket.local_addr().unwrap(), scene.join_token("encoder", "hall"));
    let opened = post(&scene, &token, &lite_offer(&transport, (!trickles).then_some(address))).await;
    assert_eq!(opened.status(), StatusCode::CREATED);
    let (session, tag) = (header(&opened, "location"), header(&opened, "etag"));
    let answer = opened.text().await.unwrap();
    assert!(!answer.contains("a=ice-lite"), "one of two has to check: {answer}");
    let remote = SessionDescription::parse(&answer).unwrap().remote().unwrap();
    assert_eq!(remote.ice, RemoteIce::Full);
    transport.set_remote(remote, Instant::now()).unwrap();
    if trickles {
        let trickled = patch(&scene, &session, &token, Some(&tag), &candidate(address)).await;
        assert_eq!(trickled.status(), StatusCode::NO_CONTENT);
    }
    let transport = tokio::task::spawn_blocking(move || {
        run_until(&mut transport, &socket, &Event::Connected);
        transport
    });
    assert!(transport.await.unwrap().media_path().is_some());
    scene.end().await;
}
