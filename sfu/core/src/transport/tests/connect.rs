use std::time::Duration;

use super::peer::{Pair, config, description, epoch, sealed, server_path, tcp_path};
use crate::seed::Seed;
use crate::srtp::Profile;
use crate::transport::*;

#[test]
fn a_browser_that_is_dtls_client_connects_with_gcm() {
    let pair = Pair::connected();
    assert_eq!(pair.server.srtp().unwrap().profile(), Profile::Aes128Gcm);
    assert_eq!(pair.server.media_path(), Some(server_path(1)));
}

/// Pion and webrtc-rs answer an ICE-lite offer with `a=setup:passive`.
#[test]
fn a_peer_that_is_dtls_server_connects() {
    let mut pair = Pair::with_setup(Setup::Passive);
    pair.connect();
    assert_eq!(pair.server.srtp().unwrap().profile(), Profile::Aes128Gcm);
    assert!(matches!(pair.send_rtp(1), Received::Rtp(_)));
}

#[test]
fn media_and_reports_flow_both_ways_once_connected() {
    let mut pair = Pair::connected();
    let Received::Rtp(packet) = pair.send_rtp(7) else { panic!("it is authentic") };
    assert_eq!((packet.ssrc.0, packet.header_len, packet.payload), (5, 12, 12..17));

    let mut from_server = sealed(pair.server.srtp().unwrap(), 3);
    let path = Path::udp(pair.active.remote, pair.active.local);
    let received = pair.client.handle_datagram(pair.now, path, &mut from_server);
    let Received::Rtp(packet) = received else { panic!("it is authentic") };
    assert_eq!(&from_server[packet.payload], b"media");

    let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    let mut out = [0; 100];
    let len = pair.server.srtp_mut().unwrap().seal_rtcp(&report, &mut out).unwrap();
    let received = pair.client.handle_datagram(pair.now, path, &mut out[..len]);
    assert_eq!(received, Received::Rtcp(0..8));
    assert_eq!(out[..8], report);
}

#[test]
fn a_first_packet_of_round_one_is_not_believed_before_round_zero() {
    // RFC 3711 §3.3.1: the receiver starts with a rollover counter of zero.
    let mut pair = Pair::connected();
    assert!(matches!(pair.send_rtp(65_535), Received::Rtp(_)));
    assert!(matches!(pair.send_rtp(65_536), Received::Rtp(_)));
}

/// The offer may be answered before the answer arrives here: checks and the ClientHello overtake it.
#[test]
fn a_client_hello_that_overtakes_the_answer_waits_for_it() {
    let now = epoch();
    let mut server = Transport::new(config(), &Seed::new([1; 32]), now);
    let mut client = Transport::new(config(), &Seed::new([2; 32]), now);
    client.set_remote(description(&server, Setup::Passive), now).unwrap();
    let answer = description(&client, Setup::Active);
    let mut pair = Pair::from_parts(now, server, client);
    assert!(pair.check(pair.active, true));
    pair.run(Duration::from_millis(20));
    server = std::mem::replace(&mut pair.server, Transport::new(config(), &Seed::new([3; 32]), now));
    server.set_remote(answer, pair.now).unwrap();
    pair.server = server;
    pair.run(Duration::from_millis(200));
    assert!(pair.server_events.contains(&Event::Connected));
}

#[test]
fn a_handshake_survives_a_fifth_of_its_datagrams_lost() {
    for seed in 1..=20_u64 {
        for setup in [Setup::Active, Setup::Passive] {
            let mut pair = Pair::with_setup(setup);
            let mut random = seed;
            pair.lose = Box::new(move |_, _| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 33).is_multiple_of(5)
            });
            pair.live(Duration::from_secs(25));
            assert!(pair.server_events.contains(&Event::Connected), "seed {seed} {setup:?}");
        }
    }
}

#[test]
fn a_wrong_certificate_ends_the_transport_and_gives_no_keys() {
    let now = epoch();
    let mut server = Transport::new(config(), &Seed::new([1; 32]), now);
    let mut client = Transport::new(config(), &Seed::new([2; 32]), now);
    let mut lie = description(&client, Setup::Active);
    lie.fingerprint = Fingerprint::of(b"somebody else");
    server.set_remote(lie, now).unwrap();
    client.set_remote(description(&server, Setup::Passive), now).unwrap();
    let mut pair = Pair::from_parts(now, server, client);
    pair.check(pair.active, true);
    pair.run(Duration::from_secs(5));
    assert!(pair.server_events.contains(&Event::Closed(CloseReason::FingerprintMismatch)));
    assert!(pair.server.srtp().is_none() && pair.server.is_closed());
}

#[test]
fn a_close_of_the_peer_is_noticed_at_once() {
    let mut pair = Pair::connected();
    pair.client.close(pair.now);
    pair.run(Duration::from_millis(10));
    assert!(pair.server_events.contains(&Event::Closed(CloseReason::ClosedByPeer)));
    assert_eq!(pair.server.poll_timeout(), None);
    assert_eq!(pair.send_to_closed(), Received::Dropped(DropReason::Closed));
}

impl Pair {
    fn send_to_closed(&mut self) -> Received {
        self.server.handle_datagram(self.now, self.active, &mut [0x80; 100])
    }
}

#[test]
fn our_close_tells_the_peer() {
    let mut pair = Pair::connected();
    pair.server.close(pair.now);
    pair.run(Duration::from_millis(10));
    assert!(pair.server_events.contains(&Event::Closed(CloseReason::ClosedByUs)));
    assert!(pair.client_events.contains(&Event::Closed(CloseReason::ClosedByPeer)));
}

#[test]
fn a_killed_peer_stalls_after_six_seconds_and_fails_after_forty() {
    let mut pair = Pair::connected();
    pair.check(pair.active, true);
    let last = pair.now;
    pair.take_server_events();
    pair.lose = Box::new(|_, _| true);
    pair.run(Duration::from_millis(5990));
    assert_eq!(pair.take_server_events(), []);
    assert!(pair.server.media_path().is_some());
    pair.run(Duration::from_millis(20));
    assert_eq!(pair.take_server_events(), [Event::Stalled]);
    assert_eq!(pair.server.media_path(), None);
    pair.run(Duration::from_secs(34));
    let events = pair.take_server_events();
    assert_eq!(events.last(), Some(&Event::Closed(CloseReason::Unreachable)), "{events:?}");
    assert!(pair.now - last >= Duration::from_secs(40));
}

#[test]
fn a_stalled_peer_recovers_with_its_next_check() {
    let mut pair = Pair::connected();
    pair.run(Duration::from_secs(10));
    assert!(pair.take_server_events().contains(&Event::Stalled));
    pair.check(pair.active, true);
    assert_eq!(pair.take_server_events(), [Event::Recovered]);
    assert_eq!(pair.server.media_path(), Some(server_path(1)));
}

#[test]
fn a_peer_that_never_checks_is_unreachable_after_thirty_seconds() {
    let mut pair = Pair::new();
    pair.run(Duration::from_secs(31));
    assert!(pair.server_events.contains(&Event::Closed(CloseReason::Unreachable)));
}

#[test]
fn a_peer_that_checks_but_never_shakes_hands_is_given_up() {
    let mut pair = Pair::new();
    pair.lose = Box::new(|_, _| true);
    pair.live(Duration::from_secs(35));
    assert!(pair.server_events.contains(&Event::Closed(CloseReason::HandshakeTimeout)));
}

#[test]
fn everything_runs_over_one_tcp_connection() {
    let mut pair = Pair::new();
    pair.active = tcp_path();
    pair.connect();
    assert_eq!(pair.server.media_path(), Some(tcp_path()));
    assert!(matches!(pair.send_rtp(1), Received::Rtp(_)));
    pair.server.handle_path_gone(pair.now, tcp_path());
    assert!(pair.take_server_events().contains(&Event::PathForgotten(tcp_path())));
    assert_eq!(pair.send_rtp(2), Received::Dropped(DropReason::UncheckedPath));
}

/// A description that repeats what is known (a renegotiation of media) changes nothing.
#[test]
fn the_same_description_again_changes_nothing() {
    let mut pair = Pair::connected();
    let again = description(&pair.client, Setup::Active);
    assert_eq!(pair.server.set_remote(again.clone(), pair.now), Ok(RemoteChange::Unchanged));
    let other = RemoteDescription { fingerprint: Fingerprint::of(b"other"), ..again };
    assert_eq!(pair.server.set_remote(other, pair.now), Err(RemoteError::FingerprintChanged));
    assert!(matches!(pair.send_rtp(1), Received::Rtp(_)));
}
