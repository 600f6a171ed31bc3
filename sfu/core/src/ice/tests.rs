use std::time::{Duration, Instant};

use super::*;
use crate::stun::{Class, Message, MessageWriter, Role, TransactionId};
use crate::transport::{Path, TcpId};

#[expect(clippy::disallowed_methods, reason = "the one real instant from which virtual time starts")]
fn epoch() -> Instant {
    Instant::now()
}

fn udp(last: u8) -> Path {
    Path::udp(format!("10.0.0.{last}:7882").parse().unwrap(), "192.0.2.9:5000".parse().unwrap())
}

fn tcp() -> Path {
    Path::tcp("10.0.0.1:7882".parse().unwrap(), "192.0.2.9:5001".parse().unwrap(), TcpId(1))
}

fn check(credentials: &Credentials, nominate: bool) -> Vec<u8> {
    let writer = MessageWriter::new(Class::Request, TransactionId([1; 12]))
        .username(&format!("{}:peer", credentials.ufrag))
        .priority(1)
        .role(Role::Controlling(1));
    let writer = if nominate { writer.use_candidate() } else { writer };
    writer.sign(&credentials.pwd)
}

struct Test {
    agent: Agent,
    now: Instant,
}

impl Test {
    fn new() -> Self {
        Self { agent: Agent::new(&Seed::new([1; 32])), now: epoch() }
    }

    fn wait(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    fn check(&mut self, path: Path, nominate: bool) {
        let local = self.agent.local().clone();
        self.agent.handle_check(self.now, path, &check(&local, nominate)).unwrap();
    }

    fn packet(&mut self, path: Path) {
        self.agent.note_packet(self.now, &path);
    }

    fn events(&mut self) -> Vec<AgentEvent> {
        std::iter::from_fn(|| self.agent.poll_event()).collect()
    }
}

#[test]
fn credentials_are_long_enough_and_differ_by_generation() {
    let seed = Seed::new([3; 32]);
    let (first, second) = (Credentials::derive(&seed, 0), Credentials::derive(&seed, 1));
    assert_eq!((first.ufrag.len(), first.pwd.len()), (8, 32));
    assert_ne!(first.ufrag, second.ufrag);
    assert!(!format!("{first:?}").contains(&first.pwd));
}

#[test]
fn answers_a_check_with_the_address_it_came_from() {
    let mut test = Test::new();
    let local = test.agent.local().clone();
    let response = test.agent.handle_check(test.now, udp(1), &check(&local, false)).unwrap();
    let message = Message::parse(&response).unwrap();
    assert_eq!(message.class(), Class::Success);
    assert_eq!(message.mapped_address(), Some(udp(1).remote));
    assert!(message.is_authentic(&local.pwd));
    assert!(test.agent.is_checked(&udp(1)));
    assert_eq!(test.agent.selected(), None, "nothing is nominated yet");
}

#[test]
fn a_check_with_a_wrong_password_or_name_gets_no_answer_and_leaves_no_state() {
    let mut test = Test::new();
    let mut local = test.agent.local().clone();
    local.pwd.replace_range(..1, "?");
    let refused = test.agent.handle_check(test.now, udp(1), &check(&local, true));
    assert_eq!(refused, Err(CheckError::Unauthentic));
    let stranger = Credentials::derive(&Seed::new([9; 32]), 0);
    let refused = test.agent.handle_check(test.now, udp(1), &check(&stranger, true));
    assert_eq!(refused, Err(CheckError::Unauthentic));
    assert!(!test.agent.is_checked(&udp(1)) && test.agent.last_alive().is_none());
}

#[test]
fn a_peer_that_thinks_it_is_controlled_is_told_to_switch() {
    let mut test = Test::new();
    let local = test.agent.local().clone();
    let request = MessageWriter::new(Class::Request, TransactionId([1; 12]))
        .username(&format!("{}:peer", local.ufrag))
        .priority(1)
        .role(Role::Controlled(1))
        .sign(&local.pwd);
    let response = test.agent.handle_check(test.now, udp(1), &request).unwrap();
    assert_eq!(Message::parse(&response).unwrap().error_code(), Some(487));
    assert!(!test.agent.is_checked(&udp(1)));
}

/// Firefox's very first check on every pair carries USE-CANDIDATE.
#[test]
fn nominating_every_pair_does_not_make_the_path_flap() {
    let mut test = Test::new();
    for _ in 0..20 {
        for path in [udp(1), udp(2), tcp()] {
            test.check(path, true);
            test.wait(50);
        }
    }
    assert_eq!(test.events(), [AgentEvent::Selected(udp(1))]);
}

#[test]
fn follows_the_peers_authentic_packets_to_another_checked_path() {
    let mut test = Test::new();
    for path in [udp(1), udp(2), tcp()] {
        test.check(path, true);
    }
    test.packet(udp(1));
    test.wait(100);
    test.packet(tcp());
    assert_eq!(test.agent.selected(), Some(tcp()));
    // A straggler on the old path does not pull it back.
    test.wait(10);
    test.packet(udp(1));
    assert_eq!(test.agent.selected(), Some(tcp()));
    // A path that was never checked is never taken.
    test.wait(1000);
    test.packet(udp(9));
    assert_eq!(test.agent.selected(), Some(tcp()));
}

/// UDP is blocked towards us only: checks still arrive on TCP.
#[test]
fn leaves_a_path_without_checks_for_a_nominated_one() {
    let mut test = Test::new();
    test.check(udp(1), true);
    for _ in 0..5 {
        test.check(tcp(), true);
        test.wait(500);
    }
    assert_eq!(test.agent.selected(), Some(udp(1)), "2.5 s are a normal interval");
    test.wait(500);
    test.check(tcp(), true);
    assert_eq!(test.agent.selected(), Some(tcp()));
}

#[test]
fn a_path_with_media_is_kept_although_its_checks_are_rare() {
    let mut test = Test::new();
    test.check(udp(1), true);
    test.check(tcp(), true);
    for _ in 0..100 {
        test.wait(100);
        test.packet(udp(1));
        test.check(tcp(), true);
    }
    assert_eq!(test.agent.selected(), Some(udp(1)));
}

#[test]
fn old_credentials_hold_until_a_path_is_nominated_under_the_new() {
    let mut test = Test::new();
    test.check(udp(1), true);
    let old = test.agent.local().clone();
    test.agent.restart();
    test.events();
    test.wait(1000);
    test.agent.handle_check(test.now, udp(1), &check(&old, true)).unwrap();
    assert_eq!(test.events(), []);
    test.check(udp(2), false);
    test.agent.handle_check(test.now, udp(1), &check(&old, true)).unwrap();
    assert_eq!(test.agent.selected(), Some(udp(1)));
    test.check(udp(2), true);
    assert_eq!(test.events(), [AgentEvent::Selected(udp(2)), AgentEvent::UfragRetired(old.ufrag.clone())]);
    let refused = test.agent.handle_check(test.now, udp(1), &check(&old, true));
    assert_eq!(refused, Err(CheckError::Unauthentic));
}

#[test]
fn a_restart_that_nominates_the_same_path_changes_nothing_but_the_credentials() {
    let mut test = Test::new();
    test.check(udp(1), true);
    let old = test.agent.local().ufrag.clone();
    test.agent.restart();
    test.events();
    test.check(udp(1), true);
    assert_eq!(test.events(), [AgentEvent::UfragRetired(old)]);
}

#[test]
fn a_second_restart_before_the_first_was_used_retires_the_middle_credentials() {
    let mut test = Test::new();
    test.check(udp(1), true);
    let first = test.agent.local().clone();
    test.agent.restart();
    let middle = test.agent.local().ufrag.clone();
    test.agent.restart();
    let events: Vec<_> = std::iter::from_fn(|| test.agent.poll_event()).collect();
    assert!(events.contains(&AgentEvent::UfragRetired(middle)));
    test.agent.handle_check(test.now, udp(1), &check(&first, true)).unwrap();
}

#[test]
fn the_table_holds_sixteen_paths_and_never_drops_the_current_one() {
    let mut test = Test::new();
    test.check(udp(1), true);
    test.events();
    for last in 2..=200 {
        test.wait(1);
        test.check(udp(last), false);
    }
    assert!(test.agent.is_checked(&udp(1)));
    let checked = (1..=200).filter(|&last| test.agent.is_checked(&udp(last))).count();
    assert_eq!(checked, 16);
    assert_eq!(test.events().len(), 200 - 16);
}

#[test]
fn a_closed_tcp_connection_hands_over_to_another_nominated_path() {
    let mut test = Test::new();
    test.check(tcp(), true);
    test.check(udp(1), true);
    test.events();
    test.agent.remove(&tcp());
    assert_eq!(test.events(), [AgentEvent::Forgotten(tcp()), AgentEvent::Selected(udp(1))]);
}

#[test]
fn a_silent_path_is_forgotten_after_thirty_seconds() {
    let mut test = Test::new();
    test.check(udp(1), true);
    test.check(udp(2), true);
    test.events();
    assert_eq!(test.agent.poll_timeout(), Some(test.now + Duration::from_secs(30)));
    for _ in 0..10 {
        test.wait(3000);
        test.check(udp(1), true);
        test.agent.handle_timeout(test.now);
    }
    assert_eq!(test.events(), [AgentEvent::Forgotten(udp(2))]);
    assert_eq!(test.agent.poll_timeout(), None);
}
