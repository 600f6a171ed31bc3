//! Connectivity checks towards an ICE-lite server (RFC 8445 §6.2): asks, and learns which address answers.
//!
//! A server with full ICE sends checks itself; then we say that we are lite, and this is not used. Pure.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sfu_core::ice::Credentials;
use sfu_core::stun::{Class, Message, MessageWriter, Role, TransactionId};

/// Checks of one transport.
#[derive(Debug)]
pub(crate) struct Checks {
    candidates: Vec<SocketAddr>,
    remote: Credentials,
    username: String,
    chosen: Option<SocketAddr>,
    next_at: Instant,
    sent: u32,
}

/// Between two rounds while nobody has answered.
const RETRY: Duration = Duration::from_millis(50);
/// Chromium's interval on a working path; RFC 7675 §5.1 wants one each 5 s.
const CONSENT: Duration = Duration::from_millis(2_500);

impl Checks {
    /// Begins at once. `local_ufrag` is our user fragment.
    pub(crate) fn new(
        candidates: Vec<SocketAddr>,
        remote: Credentials,
        local_ufrag: &str,
        now: Instant,
    ) -> Self {
        let username = format!("{}:{local_ufrag}", remote.ufrag);
        Self { candidates, remote, username, chosen: None, next_at: now, sent: 0 }
    }

    /// The requests that are due, with their destinations.
    pub(crate) fn poll(&mut self, now: Instant) -> Vec<(SocketAddr, Vec<u8>)> {
        if now < self.next_at {
            return Vec::new();
        }
        self.next_at = now + if self.chosen.is_some() { CONSENT } else { RETRY };
        let to = self.chosen.map_or_else(|| self.candidates.clone(), |chosen| vec![chosen]);
        to.into_iter().map(|to| (to, self.request())).collect()
    }

    /// Takes a response; the address to use from now on when it is the first good one.
    pub(crate) fn handle_response(&mut self, from: SocketAddr, datagram: &[u8]) -> Option<SocketAddr> {
        let message = Message::parse(datagram).ok()?;
        let good = message.class() == Class::Success && message.is_authentic(&self.remote.pwd);
        if !good || self.chosen.is_some() {
            return None;
        }
        self.chosen = Some(from);
        self.chosen
    }

    fn request(&mut self) -> Vec<u8> {
        self.sent = self.sent.wrapping_add(1);
        let mut id = [0; 12];
        id[..4].copy_from_slice(&self.sent.to_be_bytes());
        MessageWriter::new(Class::Request, TransactionId(id))
            .username(&self.username)
            .priority(HOST_PRIORITY)
            .role(Role::Controlling(TIE_BREAKER))
            .use_candidate()
            .sign(&self.remote.pwd)
    }
}

/// A check signed with our own credentials: it opens the path of our own lite transport.
pub(crate) fn own_check(local: &Credentials) -> Vec<u8> {
    MessageWriter::new(Class::Request, TransactionId([0; 12]))
        .username(&format!("{}:load", local.ufrag))
        .priority(HOST_PRIORITY)
        .role(Role::Controlling(TIE_BREAKER))
        .use_candidate()
        .sign(&local.pwd)
}

/// RFC 8445 §5.1.2.1 for a host candidate of component 1.
const HOST_PRIORITY: u32 = 2_130_706_431;
/// A lite peer never disputes the role.
const TIE_BREAKER: u64 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(name: &str) -> Credentials {
        Credentials { ufrag: name.to_owned(), pwd: format!("{name}-password-of-enough-length") }
    }

    fn response(to: &[u8], password: &str) -> Vec<u8> {
        let request = Message::parse(to).unwrap();
        MessageWriter::new(Class::Success, request.transaction()).sign(password)
    }

    #[test]
    fn the_first_address_that_answers_is_kept() {
        let now = Instant::now();
        let addresses: [SocketAddr; 2] = ["10.0.0.1:1", "10.0.0.2:1"].map(|text| text.parse().unwrap());
        let remote = credentials("server");
        let mut checks = Checks::new(addresses.to_vec(), remote.clone(), "me", now);
        let asked = checks.poll(now);
        assert_eq!(asked.iter().map(|(to, _)| *to).collect::<Vec<_>>(), addresses);
        assert_eq!(Message::parse(&asked[0].1).unwrap().username(), Some("server:me"));
        let forged = response(&asked[0].1, "another password");
        assert_eq!(checks.handle_response(addresses[0], &forged), None);
        let good = response(&asked[1].1, &remote.pwd);
        assert_eq!(checks.handle_response(addresses[1], &good), Some(addresses[1]));
        let late = response(&asked[0].1, &remote.pwd);
        assert_eq!(checks.handle_response(addresses[0], &late), None);
        assert!(checks.poll(now).is_empty());
        let again = checks.poll(now + CONSENT);
        assert_eq!(again.iter().map(|(to, _)| *to).collect::<Vec<_>>(), [addresses[1]]);
    }
}
