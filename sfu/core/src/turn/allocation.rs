//! One client's relay: which peers it may hear and how, and how much it may carry.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::channel::ChannelNumber;
use super::credentials::LongTermKey;
use super::{AllocationId, Family};
use crate::stun::TransactionId;

/// RFC 8656 §9.1.
const PERMISSION_LIFETIME: Duration = Duration::from_secs(300);

/// RFC 8656 §12.
const CHANNEL_LIFETIME: Duration = Duration::from_secs(600);

/// One client's relay.
#[derive(Debug)]
pub(super) struct Allocation {
    pub(super) id: AllocationId,
    /// As in the requests, and the key that signs them.
    pub(super) username: String,
    pub(super) key: LongTermKey,
    pub(super) family: Family,
    /// Of the Allocate request: a repetition gets the same answer.
    pub(super) transaction: TransactionId,
    /// What the client was told; `None` until its socket is bound.
    pub(super) relayed: Option<SocketAddr>,
    pub(super) expires: Instant,
    permissions: Vec<Permission>,
    channels: Vec<Channel>,
    budget: Budget,
}

#[derive(Debug)]
struct Permission {
    ip: IpAddr,
    expires: Instant,
}

#[derive(Debug)]
struct Channel {
    number: ChannelNumber,
    peer: SocketAddr,
    expires: Instant,
}

/// Why a peer or channel was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotAdded {
    /// The allocation has as many as it may.
    Full,
    /// The number is another peer's, or the peer has another number.
    Taken,
}

/// What a new allocation is made of.
pub(super) struct Granted {
    pub(super) id: AllocationId,
    pub(super) username: String,
    pub(super) key: LongTermKey,
    pub(super) family: Family,
    pub(super) transaction: TransactionId,
}

impl Allocation {
    pub(super) fn new(granted: Granted, expires: Instant, bytes_per_second: u32, now: Instant) -> Self {
        let Granted { id, username, key, family, transaction } = granted;
        let budget = Budget { rate: bytes_per_second.into(), left: bytes_per_second.into(), at: now };
        let (permissions, channels) = (Vec::new(), Vec::new());
        let relayed = None;
        Self { id, username, key, family, transaction, relayed, expires, permissions, channels, budget }
    }

    /// Installs or refreshes permissions; all or none.
    pub(super) fn permit(&mut self, now: Instant, ips: &[IpAddr], most: usize) -> Result<(), NotAdded> {
        self.permissions.retain(|permission| permission.expires > now && !ips.contains(&permission.ip));
        if self.permissions.len() + ips.len() > most {
            return Err(NotAdded::Full);
        }
        let expires = now + PERMISSION_LIFETIME;
        self.permissions.extend(ips.iter().map(|&ip| Permission { ip, expires }));
        Ok(())
    }

    pub(super) fn permits(&self, now: Instant, ip: IpAddr) -> bool {
        self.permissions.iter().any(|permission| permission.ip == ip && permission.expires > now)
    }

    /// Binds or refreshes a channel.
    pub(super) fn bind(
        &mut self,
        now: Instant,
        number: ChannelNumber,
        peer: SocketAddr,
        most: usize,
    ) -> Result<(), NotAdded> {
        self.channels.retain(|channel| channel.expires > now);
        let expires = now + CHANNEL_LIFETIME;
        let is_full = self.channels.len() >= most;
        let known = self.channels.iter_mut().find(|channel| channel.number == number || channel.peer == peer);
        match known {
            Some(channel) if channel.number == number && channel.peer == peer => channel.expires = expires,
            Some(_) => return Err(NotAdded::Taken),
            None if is_full => return Err(NotAdded::Full),
            None => self.channels.push(Channel { number, peer, expires }),
        }
        Ok(())
    }

    /// The peer of a channel, while its permission lasts too.
    pub(super) fn peer_of(&self, now: Instant, number: ChannelNumber) -> Option<SocketAddr> {
        let channel = self.channels.iter().find(|c| c.number == number && c.expires > now)?;
        self.permits(now, channel.peer.ip()).then_some(channel.peer)
    }

    pub(super) fn channel_of(&self, now: Instant, peer: SocketAddr) -> Option<ChannelNumber> {
        let channel = self.channels.iter().find(|c| c.peer == peer && c.expires > now);
        channel.map(|channel| channel.number)
    }

    /// Whether so many bytes may pass now; counts them.
    pub(super) fn spend(&mut self, now: Instant, bytes: usize) -> bool {
        self.budget.spend(now, bytes)
    }
}

/// A token bucket of bytes that holds one second.
#[derive(Debug)]
struct Budget {
    rate: u64,
    left: u64,
    /// Until when `left` was filled.
    at: Instant,
}

impl Budget {
    fn spend(&mut self, now: Instant, bytes: usize) -> bool {
        let passed = now.saturating_duration_since(self.at).min(Duration::from_secs(1));
        let gained = self.rate * u64::from(passed.subsec_micros()) / 1_000_000 + self.rate * passed.as_secs();
        // Less than a byte is not gained yet: the clock stays where it was.
        if gained > 0 {
            self.left = (self.left + gained).min(self.rate);
            self.at = now;
        }
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let suffices = bytes <= self.left;
        if suffices {
            self.left -= bytes;
        }
        suffices
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::tests::epoch;

    #[test]
    fn a_budget_passes_its_rate_in_the_long_run() {
        let mut budget = Budget { rate: 100_000, left: 100_000, at: epoch() };
        // Twice the rate for ten seconds, a thousand bytes every five milliseconds.
        let passed = (0..2000).filter(|n| budget.spend(epoch() + Duration::from_millis(5 * n), 1000)).count();
        assert!((1095..=1100).contains(&passed), "{passed} thousand bytes: one second at once, then ten");
    }
}
