//! What an idle transport keeps on the heap: counted by the allocator of `heap`. Key schedules, which the
//! crypto library keeps in memory of its own, are not counted.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself")]

#[path = "support/heap.rs"]
mod heap;

use std::time::{Duration, Instant};

use sfu_core::seed::Seed;
use sfu_core::stun::{Class, MessageWriter, Role, TransactionId};
use sfu_core::transport::{
    Certificate, ChannelConfig, Config, Event, Path, Reliability, RemoteDescription, RemoteIce, Setup,
    Transport,
};

use heap::live_bytes;

fn transport(certificate: &Certificate, seed: u8, now: Instant) -> Transport {
    Transport::new(Config::new(certificate.clone()), &Seed::new([seed; 32]), now)
}

fn describe(transport: &Transport, setup: Setup) -> RemoteDescription {
    let credentials = transport.local().clone();
    RemoteDescription { credentials, fingerprint: transport.fingerprint(), setup, ice: RemoteIce::Full }
}

/// A check of `transport` by its peer, with nomination.
fn check(transport: &mut Transport, path: Path, now: Instant) {
    let local = transport.local().clone();
    let mut request = MessageWriter::new(Class::Request, TransactionId([1; 12]))
        .username(&format!("{}:peer", local.ufrag))
        .priority(1)
        .role(Role::Controlling(1))
        .use_candidate()
        .sign(&local.pwd);
    transport.handle_datagram(now, path, &mut request);
}

/// Two connected transports with an open data channel and empty queues.
fn connected(certificates: &(Certificate, Certificate), mut now: Instant) -> (Transport, Transport) {
    let (here, there) = ("10.0.0.1:7882".parse().unwrap(), "10.0.0.2:5000".parse().unwrap());
    let (forth, back) = (Path::udp(here, there), Path::udp(there, here));
    let mut server = transport(&certificates.0, 1, now);
    let mut client = transport(&certificates.1, 2, now);
    server.set_remote(describe(&client, Setup::Active), now).unwrap();
    client.set_remote(describe(&server, Setup::Passive), now).unwrap();
    check(&mut server, forth, now);
    check(&mut client, back, now);
    let label = "_reliable".to_owned();
    client.open_channel(now, ChannelConfig { label, ordered: true, reliability: Reliability::Reliable });
    let mut open = false;
    for _ in 0..200 {
        while let Some(transmit) = client.poll_transmit() {
            server.handle_datagram(now, forth, &mut transmit.bytes.to_vec());
        }
        while let Some(transmit) = server.poll_transmit() {
            client.handle_datagram(now, back, &mut transmit.bytes.to_vec());
        }
        while let Some(event) = server.poll_event() {
            open |= matches!(event, Event::ChannelOpened(_));
        }
        while client.poll_event().is_some() {}
        now += Duration::from_millis(10);
        server.handle_timeout(now);
        client.handle_timeout(now);
    }
    assert!(open, "the channel opens");
    (server, client)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the one real instant from which virtual time starts")]
fn an_idle_transport_keeps_at_most_20_kib() {
    let now = Instant::now();
    let certificates = (Certificate::generate().unwrap(), Certificate::generate().unwrap());
    // The first pair fills tables that live as long as the process.
    let warm = connected(&certificates, now);
    let before = live_bytes();
    let pairs: Vec<_> = (0..20).map(|_| connected(&certificates, now)).collect();
    let each = (live_bytes() - before) / (2 * pairs.len());
    println!("{each} bytes per transport");
    assert!(each <= 20 * 1024, "{each} bytes per transport");
    drop((warm, pairs));
}
