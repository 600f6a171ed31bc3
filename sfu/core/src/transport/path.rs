//! What a path is: our address, the peer's, and what carries the datagrams between them.

use std::net::SocketAddr;

/// A path between us and one peer address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    /// Our address: the one that was asked, and therefore the one that answers (RFC 8489 §6.3.1).
    pub local: SocketAddr,
    /// The peer's address as we see it.
    pub remote: SocketAddr,
    /// What carries the datagrams.
    pub protocol: Protocol,
}

/// What carries a path's datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// The shard's UDP socket.
    Udp,
    /// One accepted TCP connection; a reconnect is another path.
    Tcp(TcpId),
}

/// Names one accepted TCP connection of a shard; chosen by the shard, never reused while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TcpId(pub u64);

impl Path {
    /// A path over UDP.
    #[must_use]
    pub const fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self { local, remote, protocol: Protocol::Udp }
    }

    /// A path over an accepted TCP connection.
    #[must_use]
    pub const fn tcp(local: SocketAddr, remote: SocketAddr, connection: TcpId) -> Self {
        Self { local, remote, protocol: Protocol::Tcp(connection) }
    }
}
