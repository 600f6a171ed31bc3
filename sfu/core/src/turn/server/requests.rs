//! Requests: who asks, and what the answer is.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::{SWEEP_INTERVAL, Server};
use crate::stun::{Class, MessageWriter};
use crate::transport::{Path, Protocol};
use crate::turn::allocation::{Allocation, Granted, NotAdded};
use crate::turn::challenge::network;
use crate::turn::channel::ChannelNumber;
use crate::turn::credentials::{LongTermKey, REALM, Username};
use crate::turn::message::{self, LIFETIME, Message, Method, NONCE, UNKNOWN_ATTRIBUTES, XOR_RELAYED_ADDRESS};
use crate::turn::quota::Exhausted;
use crate::turn::{AllocationId, Family};

/// Codes of RFC 8489 §14.8 and RFC 8656 §19.
mod code {
    pub(super) const BAD_REQUEST: u16 = 400;
    pub(super) const UNAUTHENTICATED: u16 = 401;
    pub(super) const FORBIDDEN: u16 = 403;
    pub(super) const UNKNOWN_ATTRIBUTE: u16 = 420;
    pub(super) const ALLOCATION_MISMATCH: u16 = 437;
    pub(super) const STALE_NONCE: u16 = 438;
    pub(super) const FAMILY_NOT_SUPPORTED: u16 = 440;
    pub(super) const WRONG_CREDENTIALS: u16 = 441;
    pub(super) const TRANSPORT_NOT_SUPPORTED: u16 = 442;
    pub(super) const PEER_FAMILY_MISMATCH: u16 = 443;
    pub(super) const QUOTA_REACHED: u16 = 486;
    pub(super) const INSUFFICIENT_CAPACITY: u16 = 508;
}

/// What a request's signature says.
enum Identified<'a> {
    /// Signed by whom it names.
    Authentic(Username<'a>, LongTermKey),
    /// A stranger, for this reason; answered without a signature.
    Stranger(u16),
}

/// A success that is to be signed, or the code of a refusal. `None`: there is no answer yet.
type Served = Result<Option<MessageWriter>, u16>;

impl Server {
    /// An allocation's socket was bound to this port, or could not be opened.
    pub fn handle_bound(&mut self, id: AllocationId, port: Option<u16>) {
        let Some(&path) = self.paths.get(&id) else { return };
        let Some(allocation) = self.allocations.get_mut(&path) else { return };
        let transaction = allocation.transaction;
        let kind = |class: Class| class.bits() | Method::Allocate.bits();
        let ip = match allocation.family {
            Family::V4 => self.config.relay_v4.map(IpAddr::V4),
            Family::V6 => self.config.relay_v6.map(IpAddr::V6),
        };
        let Some(relayed) = ip.zip(port).map(SocketAddr::from) else {
            let refusal = MessageWriter::of_kind(kind(Class::Error), transaction);
            let refusal = refusal.error_code(code::INSUFFICIENT_CAPACITY).sign_with(&allocation.key.signer());
            self.counters.refused_allocations += 1;
            self.queue.push_client(path, &[&refusal]);
            self.remove(path);
            return;
        };
        allocation.relayed = Some(relayed);
        self.counters.allocations += 1;
        let success = MessageWriter::of_kind(kind(Class::Success), transaction);
        let success = self.describe(success, path, relayed);
        if let Some(allocation) = self.allocations.get(&path) {
            self.queue.push_client(path, &[&success.sign_with(&allocation.key.signer())]);
        }
    }

    /// Tells a client the address that we see; also strangers, because clients ask for it first.
    pub(super) fn on_binding(&mut self, now: Instant, path: Path, message: &Message<'_>) {
        let answer = message::answer(message, Class::Success).mapped_address(path.remote);
        self.answer_stranger(now, path, answer);
    }

    pub(super) fn on_request(&mut self, now: Instant, path: Path, message: &Message<'_>) {
        if self.allocations.get(&path).is_some_and(|allocation| allocation.expires <= now) {
            self.remove(path);
        }
        let (username, key) = match self.identify(now, path, message) {
            Identified::Authentic(username, key) => (username, key),
            Identified::Stranger(code) => return self.challenge(now, path, message, code),
        };
        let refuse = |code| message::answer(message, Class::Error).error_code(code);
        let answer = if message.unknown.is_empty() {
            match self.serve(now, path, message, (username, key)) {
                Ok(Some(success)) => success,
                Ok(None) => return,
                Err(code) => refuse(code),
            }
        } else {
            let unknown: Vec<u8> = message.unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
            refuse(code::UNKNOWN_ATTRIBUTE).attribute(UNKNOWN_ATTRIBUTES, &unknown)
        };
        self.queue.push_client(path, &[&answer.sign_with(&key.signer())]);
    }

    /// RFC 8489 §9.2.4, with the nonce first: it costs least.
    fn identify<'a>(&self, now: Instant, path: Path, message: &Message<'a>) -> Identified<'a> {
        if message.integrity_at.is_none() {
            return Identified::Stranger(code::UNAUTHENTICATED);
        }
        let (Some(username), Some(nonce), true) = (message.username, message.nonce, message.has_realm) else {
            return Identified::Stranger(code::BAD_REQUEST);
        };
        if !self.nonces.accepts(now, path.remote, nonce) {
            return Identified::Stranger(code::STALE_NONCE);
        }
        let Some(username) = Username::parse(username) else {
            return Identified::Stranger(code::UNAUTHENTICATED);
        };
        // Who got an allocation in time may keep it: meetings outlast credentials.
        let allocation = self.allocations.get(&path).filter(|a| a.username == username.text);
        let key = match allocation {
            Some(allocation) => allocation.key,
            None if username.expires_unix < self.unix_seconds(now)
                || self.departures.void(username.person, username.expires_unix) =>
            {
                return Identified::Stranger(code::UNAUTHENTICATED);
            }
            None => self.secret.key_of(username.text),
        };
        if message.is_signed_with(&key.signer()) {
            Identified::Authentic(username, key)
        } else {
            Identified::Stranger(code::UNAUTHENTICATED)
        }
    }

    /// Tells a stranger how to sign.
    fn challenge(&mut self, now: Instant, path: Path, message: &Message<'_>, code: u16) {
        self.counters.strangers += u64::from(message.integrity_at.is_some());
        let mut answer = message::answer(message, Class::Error).error_code(code);
        if code != code::BAD_REQUEST {
            let nonce = self.nonces.make(now, path.remote);
            answer = answer.attribute(message::REALM, REALM.as_bytes()).attribute(NONCE, nonce.as_bytes());
        }
        self.answer_stranger(now, path, answer);
    }

    /// Over UDP a source may be forged, so such answers are rationed.
    fn answer_stranger(&mut self, now: Instant, path: Path, answer: MessageWriter) {
        let is_proven = matches!(path.protocol, Protocol::Tcp(_));
        if is_proven || self.challenges.admit(now, path.remote.ip()) {
            self.counters.challenges += 1;
            self.queue.push_client(path, &[&answer.unsigned()]);
        } else {
            self.counters.dropped_challenges += 1;
        }
    }

    fn serve(
        &mut self,
        now: Instant,
        path: Path,
        message: &Message<'_>,
        (username, key): (Username<'_>, LongTermKey),
    ) -> Served {
        if self.allocations.get(&path).is_some_and(|a| a.username != username.text) {
            return Err(code::WRONG_CREDENTIALS);
        }
        match message.method {
            Method::Allocate => self.allocate(now, path, message, (username, key)),
            Method::Refresh => self.refresh(now, path, message),
            Method::CreatePermission => self.create_permission(now, path, message),
            Method::ChannelBind => self.bind_channel(now, path, message),
            Method::Binding | Method::Send | Method::Data => Err(code::BAD_REQUEST),
        }
    }

    /// RFC 8656 §7.2.
    fn allocate(
        &mut self,
        now: Instant,
        path: Path,
        message: &Message<'_>,
        (username, key): (Username<'_>, LongTermKey),
    ) -> Served {
        if let Some(allocation) = self.allocations.get(&path) {
            if allocation.transaction != message.transaction() {
                return Err(code::ALLOCATION_MISMATCH);
            }
            let answer = message::answer(message, Class::Success);
            return Ok(allocation.relayed.map(|relayed| self.describe(answer, path, relayed)));
        }
        match message.transport {
            Some(UDP) => {}
            Some(_) => return Err(code::TRANSPORT_NOT_SUPPORTED),
            None => return Err(code::BAD_REQUEST),
        }
        let family = match message.family {
            None | Some(1) if self.config.relay_v4.is_some() => Family::V4,
            Some(2) if self.config.relay_v6.is_some() => Family::V6,
            _ => return Err(code::FAMILY_NOT_SUPPORTED),
        };
        if message.wants_port {
            return Err(code::INSUFFICIENT_CAPACITY);
        }
        let taken = self.quotas.take(&self.config.limits, username.person, network(path.remote.ip()));
        taken.map_err(|exhausted| {
            self.counters.refused_allocations += 1;
            match exhausted {
                Exhausted::Share => code::QUOTA_REACHED,
                Exhausted::Server => code::INSUFFICIENT_CAPACITY,
            }
        })?;
        self.last_id += 1;
        let id = AllocationId(self.last_id);
        let (username, key) = (username.text.to_owned(), key);
        let granted = Granted { id, username, key, family, transaction: message.transaction() };
        let limits = &self.config.limits;
        let allocation = Allocation::new(granted, now + limits.lifetime, limits.bytes_per_second, now);
        self.allocations.insert(path, allocation);
        self.paths.insert(id, path);
        self.sweep_at.get_or_insert(now + SWEEP_INTERVAL);
        self.queue.bind(id, family);
        Ok(None)
    }

    /// RFC 8656 §8.2. Whatever a client proposes, it gets all that it may have, which is also the default.
    fn refresh(&mut self, now: Instant, path: Path, message: &Message<'_>) -> Served {
        let lifetime = self.config.limits.lifetime;
        let allocation = self.allocations.get_mut(&path).ok_or(code::ALLOCATION_MISMATCH)?;
        if message.family.is_some_and(|family| family != number(allocation.family)) {
            return Err(code::PEER_FAMILY_MISMATCH);
        }
        let seconds = if message.lifetime == Some(0) { 0 } else { seconds(lifetime) };
        if seconds == 0 {
            self.remove(path);
        } else {
            allocation.expires = now + lifetime;
        }
        Ok(Some(message::answer(message, Class::Success).attribute(LIFETIME, &seconds.to_be_bytes())))
    }

    /// RFC 8656 §10.2.
    fn create_permission(&mut self, now: Instant, path: Path, message: &Message<'_>) -> Served {
        let most = self.config.limits.permissions;
        let mut ips: Vec<_> = message.peers().map(|peer| peer.ip()).collect();
        ips.sort_unstable();
        ips.dedup();
        if ips.is_empty() {
            return Err(code::BAD_REQUEST);
        }
        let allocation = self.allocations.get_mut(&path).ok_or(code::ALLOCATION_MISMATCH)?;
        if ips.iter().any(|ip| !is_of(*ip, allocation.family)) {
            return Err(code::PEER_FAMILY_MISMATCH);
        }
        if ips.iter().any(|&ip| !self.config.peers.may_permit(ip)) {
            self.counters.refused_peers += 1;
            return Err(code::FORBIDDEN);
        }
        allocation.permit(now, &ips, most).map_err(refusal)?;
        Ok(Some(message::answer(message, Class::Success)))
    }

    /// RFC 8656 §12.2.
    fn bind_channel(&mut self, now: Instant, path: Path, message: &Message<'_>) -> Served {
        let (most_channels, most_peers) = (self.config.limits.channels, self.config.limits.permissions);
        let number = message.channel.and_then(ChannelNumber::new).ok_or(code::BAD_REQUEST)?;
        let peer = message.peer.ok_or(code::BAD_REQUEST)?;
        let allocation = self.allocations.get_mut(&path).ok_or(code::ALLOCATION_MISMATCH)?;
        if !is_of(peer.ip(), allocation.family) {
            return Err(code::PEER_FAMILY_MISMATCH);
        }
        if !self.config.peers.may_reach(peer) {
            self.counters.refused_peers += 1;
            return Err(code::FORBIDDEN);
        }
        allocation.permit(now, &[peer.ip()], most_peers).map_err(refusal)?;
        allocation.bind(now, number, peer, most_channels).map_err(refusal)?;
        Ok(Some(message::answer(message, Class::Success)))
    }

    /// Adds what a successful Allocate says.
    fn describe(&self, answer: MessageWriter, path: Path, relayed: SocketAddr) -> MessageWriter {
        answer
            .xor_address(XOR_RELAYED_ADDRESS, relayed)
            .attribute(LIFETIME, &seconds(self.config.limits.lifetime).to_be_bytes())
            .mapped_address(path.remote)
    }
}

fn refusal(not_added: NotAdded) -> u16 {
    match not_added {
        NotAdded::Full => code::INSUFFICIENT_CAPACITY,
        NotAdded::Taken => code::BAD_REQUEST,
    }
}

const fn number(family: Family) -> u8 {
    match family {
        Family::V4 => 1,
        Family::V6 => 2,
    }
}

const fn is_of(ip: IpAddr, family: Family) -> bool {
    matches!((ip, family), (IpAddr::V4(_), Family::V4) | (IpAddr::V6(_), Family::V6))
}

fn seconds(lifetime: std::time::Duration) -> u32 {
    u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX)
}

/// Protocol number of UDP (RFC 8656 §18.8).
const UDP: u8 = 17;
