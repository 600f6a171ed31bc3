//! The allocations of one server, and what passes through them.

mod requests;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::allocation::Allocation;
use super::challenge::{Challenges, network};
use super::credentials::{Nonces, Secret, Username};
use super::departures::Departures;
use super::message::{self, Message, Method};
use super::queue::{Output, Queue};
use super::quota::Quotas;
use super::{AllocationId, Config, channel};
use crate::demux::MAX_DATAGRAM_BYTES;
use crate::room::Now;
use crate::seed::Seed;
use crate::stats::TurnCounters;
use crate::stun::{Class, TransactionId};
use crate::transport::{Path, Protocol};

/// A TURN server's state. After each `handle_*` call [`Self::poll_output`] until `None`.
#[derive(Debug)]
pub struct Server {
    config: Config,
    secret: Secret,
    nonces: Nonces,
    challenges: Challenges,
    start: Now,
    /// By the client's path: the 5-tuple of RFC 8656 §3.2.
    allocations: HashMap<Path, Allocation>,
    paths: HashMap<AllocationId, Path>,
    quotas: Quotas,
    departures: Departures,
    last_id: u64,
    indications: u64,
    /// When allocations are next looked through; `None` while there are none.
    sweep_at: Option<Instant>,
    queue: Queue,
    counters: TurnCounters,
}

impl Server {
    /// A server without allocations. `seed` makes its nonces; it must be fresh.
    #[must_use]
    pub fn new(config: Config, secret: Secret, seed: &Seed, now: Now) -> Self {
        let most = config.limits.challenges_per_second;
        Self {
            config,
            secret,
            nonces: Nonces::new(seed, now.instant),
            challenges: Challenges::new(seed, most, now.instant),
            start: now,
            allocations: HashMap::new(),
            paths: HashMap::new(),
            quotas: Quotas::default(),
            departures: Departures::default(),
            last_id: 0,
            indications: 0,
            sweep_at: None,
            queue: Queue::default(),
            counters: TurnCounters::default(),
        }
    }

    /// Takes a datagram of a client, or one whole message of its stream.
    pub fn handle_client(&mut self, now: Instant, path: Path, bytes: &[u8]) {
        match bytes.first() {
            Some(0x40..=0x4f) => self.on_channel_data(now, path, bytes),
            _ => match Message::parse(bytes) {
                Ok(message) => self.on_message(now, path, &message),
                Err(_) => self.counters.malformed += 1,
            },
        }
    }

    /// Takes a datagram that arrived at an allocation's socket.
    pub fn handle_peer(&mut self, now: Instant, id: AllocationId, from: SocketAddr, bytes: &[u8]) {
        let Some(&path) = self.paths.get(&id) else { return };
        let Some(allocation) = self.allocations.get_mut(&path) else { return };
        let peer = self.config.peers.inward(from);
        let allowed = allocation.expires > now && allocation.permits(now, peer.ip());
        if !allowed || !self.config.peers.may_reach(peer) || bytes.len() > MAX_DATAGRAM_BYTES {
            self.counters.not_permitted += 1;
            return;
        }
        if !allocation.spend(now, bytes.len()) {
            self.counters.over_rate += 1;
            return;
        }
        self.counters.packets_to_clients += 1;
        self.counters.bytes_to_clients += count(bytes);
        if let Some(number) = allocation.channel_of(now, peer) {
            let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
            let header = [number.get().to_be_bytes(), length].concat();
            // Only streams are padded (RFC 8656 §12.5).
            let padding = match path.protocol {
                Protocol::Udp => 0,
                Protocol::Tcp(_) => bytes.len().next_multiple_of(4) - bytes.len(),
            };
            self.queue.push_client(path, &[&header, bytes, &[0; 3][..padding]]);
        } else {
            self.indications += 1;
            let mut id = [0; 12];
            id[4..].copy_from_slice(&self.indications.to_be_bytes());
            self.queue.push_client(path, &[&message::data_indication(peer, TransactionId(id), bytes)]);
        }
    }

    /// The client's connection is gone, and its allocation with it.
    pub fn handle_closed(&mut self, path: Path) {
        self.remove(path);
    }

    /// A person left, by the name in its usernames ([`Secret::name_of`]): its allocations end, and credentials
    /// of it that end before this second of UTC open nothing more. Those that it got since go on.
    pub fn handle_departure(&mut self, now: Instant, person: &str, void_before: i64) {
        self.departures.note(person, void_before, self.unix_seconds(now), self.config.limits.departures);
        let is_void = |allocation: &Allocation| {
            Username::parse(&allocation.username)
                .is_some_and(|name| name.person == person && name.expires_unix < void_before)
        };
        let void = self.allocations.iter().filter(|(_, allocation)| is_void(allocation));
        for path in void.map(|(&path, _)| path).collect::<Vec<_>>() {
            self.remove(path);
            self.counters.ended_allocations += 1;
        }
    }

    /// Ends what is over. Harmless when nothing is.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.sweep_at.is_none_or(|at| now < at) {
            return;
        }
        let over = self.allocations.iter().filter(|(_, allocation)| allocation.expires <= now);
        for path in over.map(|(&path, _)| path).collect::<Vec<_>>() {
            self.remove(path);
        }
        self.sweep_at = (!self.allocations.is_empty()).then_some(now + SWEEP_INTERVAL);
    }

    /// When [`Self::handle_timeout`] is due next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.sweep_at
    }

    /// What to do next.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        self.queue.pop()
    }

    /// Whether this client has an allocation: who has none for long is a stranger on a stream.
    #[must_use]
    pub fn has_allocation(&self, path: Path) -> bool {
        self.allocations.contains_key(&path)
    }

    /// Open allocations.
    #[must_use]
    pub fn allocations(&self) -> usize {
        self.allocations.len()
    }

    /// What it did since it started.
    #[must_use]
    pub const fn counters(&self) -> &TurnCounters {
        &self.counters
    }

    fn on_message(&mut self, now: Instant, path: Path, message: &Message<'_>) {
        match (message.class, message.method) {
            (Class::Indication, Method::Send) => self.on_send(now, path, message),
            (Class::Request, Method::Binding) => self.on_binding(now, path, message),
            (
                Class::Request,
                Method::Allocate | Method::Refresh | Method::CreatePermission | Method::ChannelBind,
            ) => self.on_request(now, path, message),
            // Answers, and what only a server sends: RFC 8489 §6.3 has them dropped.
            (Class::Request | Class::Indication | Class::Success | Class::Error, _) => {
                self.counters.malformed += 1;
            }
        }
    }

    fn on_channel_data(&mut self, now: Instant, path: Path, bytes: &[u8]) {
        let Some((number, data)) = channel::parse(bytes) else {
            self.counters.malformed += 1;
            return;
        };
        let allocation = self.allocations.get(&path).filter(|allocation| allocation.expires > now);
        // A channel is bound to none but allowed peers.
        match allocation.and_then(|allocation| allocation.peer_of(now, number)) {
            Some(peer) => self.pass(now, path, peer, data),
            None => self.counters.not_permitted += 1,
        }
    }

    fn on_send(&mut self, now: Instant, path: Path, message: &Message<'_>) {
        let (Some(peer), Some(data), []) = (message.peer, message.data, &message.unknown[..]) else {
            self.counters.malformed += 1;
            return;
        };
        let allocation = self.allocations.get(&path).filter(|allocation| allocation.expires > now);
        let permitted = allocation.is_some_and(|allocation| allocation.permits(now, peer.ip()));
        if permitted && self.config.peers.may_reach(peer) {
            self.pass(now, path, peer, data);
        } else {
            self.counters.not_permitted += 1;
        }
    }

    /// Sends a client's bytes to an allowed peer.
    fn pass(&mut self, now: Instant, path: Path, peer: SocketAddr, data: &[u8]) {
        let Some(allocation) = self.allocations.get_mut(&path) else { return };
        if data.len() > MAX_DATAGRAM_BYTES || !allocation.spend(now, data.len()) {
            self.counters.over_rate += 1;
            return;
        }
        self.counters.packets_to_peers += 1;
        self.counters.bytes_to_peers += count(data);
        self.queue.push_peer(allocation.id, self.config.peers.outward(peer), data);
    }

    fn remove(&mut self, path: Path) {
        let Some(allocation) = self.allocations.remove(&path) else { return };
        self.paths.remove(&allocation.id);
        self.queue.close(allocation.id);
        if let Some(name) = Username::parse(&allocation.username) {
            self.quotas.give_back(name.person, network(path.remote.ip()));
        }
    }

    /// Seconds since 1970.
    fn unix_seconds(&self, now: Instant) -> i64 {
        let passed = now.saturating_duration_since(self.start.instant).as_secs();
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        (self.start.unix_us / 1_000_000).saturating_add(passed)
    }
}

fn count(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// An allocation lives so much longer than its lifetime at most; nothing passes in that time.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
