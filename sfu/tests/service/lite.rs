//! An encoder that is ICE-lite itself, such as one with a public address: it waits for our checks.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use sfu_core::sdp::SessionDescription;
use sfu_core::seed::Seed;
use sfu_core::transport::{Certificate, Config, Event, Path, RemoteIce, Transport};

use super::scene::{PATIENCE, Scene};
use super::whip::{OFFER, post};

/// A browser's offer, as a lite agent with this transport and address would write it.
fn lite_offer(transport: &Transport, address: SocketAddr) -> String {
    let credentials = transport.local();
    let (ip, port) = (address.ip(), address.port());
    let line = |line: &str| match line.split_once(':').map_or(line, |(name, _)| name) {
        "a=ice-ufrag" => format!("a=ice-ufrag:{}\r\n", credentials.ufrag),
        "a=ice-pwd" => {
            format!(
                "a=ice-pwd:{}\r\na=candidate:1 1 udp 2130706431 {ip} {port} typ host\r\n",
                credentials.pwd
            )
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
    let scene = Scene::start().await;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = Config::new(Certificate::generate().unwrap());
    let mut transport = Transport::new(config, &Seed::new([5; 32]), Instant::now());
    let offer = lite_offer(&transport, socket.local_addr().unwrap());
    let opened = post(&scene, &scene.join_token("encoder", "hall"), &offer).await;
    assert_eq!(opened.status(), StatusCode::CREATED);
    let answer = opened.text().await.unwrap();
    assert!(!answer.contains("a=ice-lite"), "one of two has to check: {answer}");
    let remote = SessionDescription::parse(&answer).unwrap().remote().unwrap();
    assert_eq!(remote.ice, RemoteIce::Full);
    transport.set_remote(remote, Instant::now()).unwrap();
    let transport = tokio::task::spawn_blocking(move || {
        run_until(&mut transport, &socket, &Event::Connected);
        transport
    });
    assert!(transport.await.unwrap().media_path().is_some());
    scene.end().await;
}
