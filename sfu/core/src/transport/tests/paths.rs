use std::time::Duration;

use super::peer::{Pair, description, server_path, tcp_path};
use crate::transport::*;

#[test]
fn an_ice_restart_by_the_peer_keeps_dtls_and_moves_when_nominated() {
    let mut pair = Pair::connected();
    let old = pair.server.local().clone();
    let mut restarted = description(&pair.client, Setup::ActPass);
    restarted.credentials.ufrag = "newfrag1".to_owned();
    restarted.credentials.pwd = "a new password of the peer".to_owned();
    assert_eq!(pair.server.set_remote(restarted, pair.now), Ok(RemoteChange::RestartedByPeer));
    let fresh = pair.server.local().clone();
    assert_ne!(old.ufrag, fresh.ufrag);
    pair.take_server_events();

    // Media goes on on the old path, and checks with the old credentials are still answered.
    assert!(pair.check_with(server_path(1), true, &old));
    assert!(matches!(pair.send_rtp(1), Received::Rtp(_)));
    assert!(pair.check_with(server_path(2), true, &fresh));
    let events = pair.take_server_events();
    assert!(events.contains(&Event::PathChanged(server_path(2))));
    assert!(events.contains(&Event::UfragRetired(old.ufrag.clone())));
    assert!(!pair.check_with(server_path(1), true, &old));
    pair.active = server_path(2);
    assert!(matches!(pair.send_rtp(2), Received::Rtp(_)));
    assert_eq!(pair.server.media_path(), Some(server_path(2)));
}

#[test]
fn an_ice_restart_by_us_is_answered_with_a_new_ufrag_of_the_peer() {
    let mut pair = Pair::connected();
    let old = pair.server.local().clone();
    let fresh = pair.server.restart_ice().clone();
    assert_ne!(old, fresh);
    let mut answer = description(&pair.client, Setup::Active);
    answer.credentials.ufrag = "newfrag2".to_owned();
    assert_eq!(pair.server.set_remote(answer, pair.now), Ok(RemoteChange::RestartedByUs));
    assert_eq!(pair.server.local(), &fresh, "the offer's credentials hold");
    assert!(pair.check_with(server_path(1), true, &old));
    assert!(pair.check_with(server_path(1), true, &fresh));
    assert!(pair.take_server_events().contains(&Event::UfragRetired(old.ufrag)));
    assert!(matches!(pair.send_rtp(1), Received::Rtp(_)));
}

/// Firefox nominates every pair; with two UDP addresses and TCP the path must not flap.
#[test]
fn firefox_nominations_on_two_udp_pairs_and_tcp_do_not_flap() {
    let mut pair = Pair::new();
    for path in [server_path(1), server_path(2), tcp_path()] {
        assert!(pair.check(path, true));
    }
    pair.connect();
    for index in 0..200 {
        for path in [tcp_path(), server_path(2), server_path(1)] {
            pair.check(path, true);
        }
        pair.send_rtp(index);
        pair.run(Duration::from_millis(100));
    }
    let changes =
        |events: &[Event]| events.iter().filter(|event| matches!(event, Event::PathChanged(_))).count();
    assert_eq!(changes(&pair.server_events), 1);

    // The browser settles on TCP: its packets say so, nominations need not.
    pair.active = tcp_path();
    pair.run(Duration::from_millis(100));
    assert!(matches!(pair.send_rtp(1000), Received::Rtp(_)));
    assert_eq!(pair.server.media_path(), Some(tcp_path()));
}

/// UDP towards us is blocked after the start: neither checks nor packets arrive on it.
#[test]
fn udp_blocked_in_one_direction_only_moves_to_tcp() {
    let mut pair = Pair::new();
    assert!(pair.check(server_path(1), true));
    assert!(pair.check(tcp_path(), true));
    pair.connect();
    pair.active = tcp_path();
    pair.run(Duration::from_millis(100));
    assert_eq!(pair.server.media_path(), Some(server_path(1)));
    for _ in 0..4 {
        pair.check(tcp_path(), true);
        pair.run(Duration::from_secs(1));
    }
    assert_eq!(pair.server.media_path(), Some(tcp_path()));
    assert!(!pair.server_events.contains(&Event::Stalled));
}

#[test]
fn a_client_that_changes_its_network_is_followed() {
    let mut pair = Pair::connected();
    let mut roamed = server_path(1);
    roamed.remote = "198.51.100.7:33333".parse().unwrap();
    assert!(pair.check(roamed, true));
    pair.run(Duration::from_millis(100));
    pair.active = roamed;
    assert!(matches!(pair.send_rtp(1), Received::Rtp(_)));
    assert_eq!(pair.server.media_path(), Some(roamed));
}

#[test]
fn authentic_media_from_an_unchecked_address_moves_nothing() {
    let mut pair = Pair::connected();
    pair.active = server_path(7);
    assert_eq!(pair.send_rtp(1), Received::Dropped(DropReason::UncheckedPath));
    assert_eq!(pair.server.media_path(), Some(server_path(1)));
}
