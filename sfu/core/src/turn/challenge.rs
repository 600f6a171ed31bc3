//! How many answers a source gets that may be forged: a TURN server must not multiply what attackers send.
//!
//! The memory is fixed whatever comes: sources share counters. An answer to a stranger has at most
//! [`MAX_CHALLENGE_BYTES`] bytes.

use std::hash::{DefaultHasher, Hasher as _};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::seed::Seed;

/// Longest answer to an unauthenticated request: a header, ERROR-CODE, REALM and NONCE; a Binding response to
/// an IPv6 client is shorter.
pub const MAX_CHALLENGE_BYTES: usize = 56;

/// Counters; each is shared by about one in a thousand sources.
const COUNTERS: usize = 1024;

/// How long answers are counted together.
const WINDOW: Duration = Duration::from_secs(1);

/// Counts the answers of the running second.
#[derive(Debug)]
pub(super) struct Challenges {
    counts: Box<[u16; COUNTERS]>,
    since: Instant,
    most: u16,
    /// Chooses the counters, so that nobody can aim at another's.
    key: [u8; 32],
}

impl Challenges {
    pub(super) fn new(seed: &Seed, most: u16, now: Instant) -> Self {
        Self { counts: Box::new([0; COUNTERS]), since: now, most, key: seed.derive("turn challenges", 0) }
    }

    /// Whether this source gets one more answer; counts it.
    pub(super) fn admit(&mut self, now: Instant, source: IpAddr) -> bool {
        if now.saturating_duration_since(self.since) >= WINDOW {
            self.counts.fill(0);
            self.since = now;
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.key);
        match network(source) {
            IpAddr::V4(ip) => hasher.write(&ip.octets()),
            IpAddr::V6(ip) => hasher.write(&ip.octets()),
        }
        let index = usize::try_from(hasher.finish() % COUNTERS as u64).unwrap_or(0);
        let count = &mut self.counts[index];
        let admitted = *count < self.most;
        *count = count.saturating_add(u16::from(admitted));
        admitted
    }
}

/// The part of an address that a client cannot change at will: all of IPv4's, and an IPv6 /64.
#[must_use]
pub fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            [a, b, c, d, 0, 0, 0, 0].into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::tests::epoch;

    #[test]
    fn a_source_gets_so_many_answers_a_second() {
        let mut challenges = Challenges::new(&Seed::new([3; 32]), 5, epoch());
        let ip = |text: &str| text.parse().unwrap();
        let admitted = (0..9).filter(|_| challenges.admit(epoch(), ip("192.0.2.1"))).count();
        assert_eq!(admitted, 5);
        assert!(challenges.admit(epoch(), ip("192.0.2.2")));
        // One network of IPv6 is one source.
        let admitted = (0..9).filter(|n| challenges.admit(epoch(), ip(&format!("2001:db8::{n}")))).count();
        assert_eq!(admitted, 5);
        assert!(challenges.admit(epoch() + WINDOW, ip("192.0.2.1")));
    }
}
