//! A TURN server (RFC 8656) without sockets: for clients whose networks let no UDP through to the media port.
//!
//! It decides who gets a relay, for how long, towards whom, and how much passes. It opens no socket: each
//! allocation is a socket of the edge, which hands in what arrives there and sends what is put out.
//!
//! ```text
//! client ─UDP, TCP, TLS─▶ [allocation] ─UDP from its own port─▶ this SFU's media port, or a public peer
//!
//! none ──Allocate, authentic──▶ Binding ──socket bound──▶ Relaying ──lifetime over, Refresh 0, closed, left──▶ none
//! ```
//!
//! TCP towards peers (RFC 6062), port reservations and several address families in one allocation are refused
//! as the RFC has it: browsers ask for none of them.

mod allocation;
mod challenge;
mod channel;
mod credentials;
mod departures;
mod message;
mod peers;
mod queue;
mod quota;
mod server;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

pub use challenge::{MAX_CHALLENGE_BYTES, network};
pub use channel::{MAX_FRAME_BYTES, NotTurn, stream_frame_bytes};
pub use credentials::{Credentials, LongTermKey, Secret};
pub use peers::{OwnAddress, Peers};
pub use queue::Output;
pub use server::Server;

/// Names one allocation and its socket; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AllocationId(pub u64);

/// Address family of an allocation's socket (RFC 8656 §18.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// 1
    V4,
    /// 2
    V6,
}

/// What a server is made with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address that clients are told for relays of IPv4; `None`: there are none.
    pub relay_v4: Option<Ipv4Addr>,
    /// The same for IPv6.
    pub relay_v6: Option<Ipv6Addr>,
    /// Whom allocations may speak with.
    pub peers: Peers,
    /// Bounds.
    pub limits: Limits,
}

/// Bounds of one server; every one is finite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Allocations in all; each is a socket.
    pub allocations: usize,
    /// Allocations of one participant. A browser makes one for each of its network interfaces, transports and
    /// URLs: 2 × 2 × 3, and twice that while ICE restarts.
    pub allocations_per_user: usize,
    /// Allocations of one client address (IPv6: of one /64): an office behind one address has many people.
    pub allocations_per_address: usize,
    /// Peer addresses of one allocation at a time.
    pub permissions: usize,
    /// Channels of one allocation at a time.
    pub channels: usize,
    /// Of an allocation without a Refresh, at most and by default: RFC 8656 §3.2 recommends 10 minutes.
    pub lifetime: Duration,
    /// Bytes of one allocation in a second, both ways together, in the long run and at once.
    pub bytes_per_second: u32,
    /// People who left that are remembered: the credentials of further ones last until they end by themselves.
    pub departures: usize,
    /// Answers to strangers over UDP that one address (IPv6: one /64) gets in a second: sources may be forged.
    pub challenges_per_second: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            allocations: 2000,
            allocations_per_user: 24,
            allocations_per_address: 600,
            permissions: 32,
            channels: 32,
            lifetime: Duration::from_secs(600),
            bytes_per_second: 4 << 20,
            departures: 50_000,
            challenges_per_second: 100,
        }
    }
}

#[cfg(test)]
mod tests;
