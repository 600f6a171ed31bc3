//! Attacks from off the path, from a spoofed address on it, and by the peer itself.

use std::time::Duration;

use super::peer::{Pair, sealed, server_path};
use crate::transport::*;

const OFF_PATH: u8 = 66;

/// Datagrams of a length that look like each protocol that we serve.
fn shapes(len: usize) -> Vec<Vec<u8>> {
    let shape = |head: &[u8], fill: u8| {
        let mut datagram = vec![fill; len];
        let head = &head[..head.len().min(len)];
        datagram[..head.len()].copy_from_slice(head);
        datagram
    };
    let body = u16::try_from(len.saturating_sub(13)).unwrap().to_be_bytes();
    let record = |kind: u8, epoch: u8| [kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 200, body[0], body[1]];
    vec![
        shape(&[0x80, 96, 0, 1], 0),
        shape(&[0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0xbe, 0xde], 0xff),
        shape(&[0xbf, 96], 0x55),
        shape(&[0x80, 200], 0),
        shape(&[0x81, 206, 0xff, 0xff], 0xff),
        shape(&record(22, 0), 1),
        shape(&record(21, 0), 2),
        shape(&record(23, 1), 3),
        shape(&record(20, 0), 1),
        shape(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42], 0),
        shape(&[0x40], 0x40),
        vec![0xff; len],
    ]
}

fn client_hello(pair: &mut Pair) -> Vec<u8> {
    let stranger = Pair::new();
    let mut stranger = stranger;
    stranger.check(stranger.active, true);
    stranger.collect();
    pair.now += Duration::ZERO;
    stranger.handshake_log.iter().find(|(to_server, _)| *to_server).map(|(_, bytes)| bytes.to_vec()).unwrap()
}

/// The ClientHello race: after checks, before the handshake, from any address but the checked one.
#[test]
fn off_path_hellos_alerts_and_garbage_of_every_length_do_nothing_before_the_handshake() {
    let mut pair = Pair::new();
    assert!(pair.check(pair.active, true));
    let hello = client_hello(&mut pair);
    let off_path = server_path(OFF_PATH);
    for _ in 0..100 {
        let received = pair.server.handle_datagram(pair.now, off_path, &mut hello.clone());
        assert_eq!(received, Received::Dropped(DropReason::UncheckedPath));
    }
    for len in 0..=1500 {
        for mut datagram in shapes(len) {
            let received = pair.server.handle_datagram(pair.now, off_path, &mut datagram);
            assert!(matches!(received, Received::Dropped(_)), "{len}");
        }
    }
    assert!(pair.server.poll_transmit().is_none(), "not one byte of answer");
    pair.connect();
}

#[test]
fn spoofed_datagrams_of_every_length_during_a_call_leave_it_alone() {
    let mut pair = Pair::connected();
    pair.take_server_events();
    for len in 0..=1500 {
        for mut datagram in shapes(len) {
            let received = pair.server.handle_datagram(pair.now, pair.active, &mut datagram);
            assert!(matches!(received, Received::Dropped(_) | Received::Consumed), "{len}: {received:?}");
        }
    }
    assert_eq!(pair.take_server_events(), []);
    assert!(matches!(pair.send_rtp(1), Received::Rtp(_)));
    pair.client.open_channel(pair.now, super::channels::reliable());
    pair.run(Duration::from_secs(1));
    assert!(pair.server_events.iter().any(|event| matches!(event, Event::ChannelOpened(_))));
}

/// A plaintext alert from the spoofed peer before, during and after the handshake.
#[test]
fn plaintext_alerts_never_end_a_handshake_or_a_call() {
    for alert in [[2, 40], [2, 0], [1, 0], [2, 20], [9, 9]] {
        let mut record = vec![21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 77, 0, 2];
        record.extend_from_slice(&alert);
        let mut pair = Pair::new();
        assert!(pair.check(pair.active, true));
        for step in 0..40 {
            record[10] = step;
            pair.server.handle_datagram(pair.now, pair.active, &mut record.clone());
            pair.run(Duration::from_millis(5));
        }
        assert!(pair.server_events.contains(&Event::Connected), "{alert:?}");
        pair.server.handle_datagram(pair.now, pair.active, &mut record.clone());
        assert!(matches!(pair.send_rtp(1), Received::Rtp(_)), "{alert:?}");
    }
}

#[test]
fn a_forged_hello_from_the_spoofed_peer_before_its_own_does_not_stop_the_join() {
    for _ in 0..5 {
        let mut pair = Pair::new();
        let mut forged = client_hello(&mut pair);
        assert!(pair.check(pair.active, true));
        pair.server.handle_datagram(pair.now, pair.active, &mut forged);
        pair.run(Duration::from_secs(3));
        assert!(pair.server_events.contains(&Event::Connected));
    }
}

#[test]
fn checks_with_a_wrong_name_or_password_cost_no_answer_and_no_state() {
    let mut pair = Pair::connected();
    let good = pair.server.local().clone();
    let wrong_pwd = Credentials { pwd: "x".repeat(32), ..good.clone() };
    let wrong_name = Credentials { ufrag: "unknown1".to_owned(), ..good };
    pair.take_server_events();
    for turn in 0..2000_u32 {
        let mut path = server_path(1);
        path.remote.set_port(u16::try_from(10_000 + turn).unwrap());
        for credentials in [&wrong_pwd, &wrong_name] {
            let mut request = pair.request(credentials, true);
            let received = pair.server.handle_datagram(pair.now, path, &mut request);
            assert_eq!(received, Received::Dropped(DropReason::UnauthenticStun));
        }
    }
    assert!(pair.server.poll_transmit().is_none());
    assert_eq!(pair.take_server_events(), []);
}

#[test]
fn an_answer_to_a_check_is_not_longer_than_the_check() {
    let mut pair = Pair::new();
    let credentials = pair.server.local().clone();
    let request = pair.request(&credentials, false);
    let mut path = server_path(1);
    path.local = "[2001:db8::1]:7882".parse().unwrap();
    path.remote = "[2001:db8::2]:50000".parse().unwrap();
    pair.server.handle_datagram(pair.now, path, &mut request.clone());
    let response = pair.server.poll_transmit().unwrap();
    assert!(response.bytes.len() <= request.len());
}

#[test]
fn a_recorded_call_played_again_is_refused() {
    let mut pair = Pair::connected();
    let recorded: Vec<_> = (0..1000).map(|index| sealed(pair.client.srtp().unwrap(), index)).collect();
    for packet in &recorded {
        let received = pair.server.handle_datagram(pair.now, pair.active, &mut packet.clone());
        assert!(matches!(received, Received::Rtp(_)));
    }
    for packet in &recorded {
        let received = pair.server.handle_datagram(pair.now, pair.active, &mut packet.clone());
        assert_eq!(received, Received::Dropped(DropReason::Replayed));
    }
}

/// A peer that sends under ever new sources gets 64 of them; the ones that it had go on.
#[test]
fn ten_thousand_sources_are_refused_but_for_sixty_four() {
    let mut pair = Pair::connected();
    pair.take_server_events();
    let mut accepted = 0;
    for ssrc in 1..=10_000_u32 {
        let mut header = [0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0];
        header[8..].copy_from_slice(&ssrc.to_be_bytes());
        let mut packet = vec![0; 100];
        let sender = pair.client.srtp().unwrap();
        let len = sender.seal_rtp(&header, &[], b"media", crate::rtp::SeqIndex(1), &mut packet).unwrap();
        packet.truncate(len);
        match pair.server.handle_datagram(pair.now, pair.active, &mut packet) {
            Received::Rtp(_) => accepted += 1,
            Received::Dropped(reason) => assert_eq!(reason, DropReason::TooManySsrcs),
            Received::Consumed | Received::PathChecked | Received::Rtcp(_) => {
                panic!("no such packet was sent")
            }
        }
    }
    assert_eq!(accepted, 64);
    // The source of this packet is the fifth.
    assert!(matches!(pair.send_rtp(2), Received::Rtp(_)));
    assert_eq!(pair.take_server_events(), []);
}

#[test]
fn handshake_flights_played_again_in_a_call_change_nothing() {
    let mut pair = Pair::connected();
    pair.take_server_events();
    let recorded = pair.handshake_log.clone();
    for (to_server, datagram) in recorded.iter().cycle().take(500) {
        if *to_server {
            pair.server.handle_datagram(pair.now, pair.active, &mut datagram.to_vec());
        }
    }
    let answers = std::iter::from_fn(|| pair.server.poll_transmit()).count();
    assert!(answers <= 16, "at most a few repetitions of our last flight: {answers}");
    assert_eq!(pair.take_server_events(), []);
    assert!(matches!(pair.send_rtp(1), Received::Rtp(_)));
}

/// Whatever panics while it handles its input: the transport is gone, and whoever owns it is told.
#[test]
fn a_panic_on_its_input_ends_a_transport_and_nothing_else() {
    let mut pair = Pair::connected();
    pair.take_server_events();
    assert!(pair.server.input(|_| -> () { panic!("a test breaks this transport") }).is_none());
    assert_eq!(pair.take_server_events(), [Event::Closed(CloseReason::Panicked)]);
    assert!(pair.server.is_closed());
    assert!(matches!(pair.send_rtp(1), Received::Dropped(_)), "it takes no more");
}
