//! ICE-TCP: accepted connections of a shard, with RFC 4571 frames around everything.
//!
//! It decides where a frame ends and how much may wait for a slow peer; it reads no frame. A connection that
//! no transport claimed within [`CLAIM_TIME`] is closed, so that strangers cannot hold sockets.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use sfu_core::demux::MAX_DATAGRAM_BYTES;
use sfu_core::transport::{Path, TcpId};
use socket2::{Domain, Protocol, Socket, Type};

use crate::backlog::Backlog;
use crate::connections::{Bounds, Connections};

/// Until a connection must carry an authenticated check.
const CLAIM_TIME: Duration = Duration::from_secs(10);

/// Bytes of a frame's length.
const LENGTH_BYTES: usize = 2;

/// What became of one connection's turn.
pub(crate) enum Turn {
    /// It lives; whether writing must wait until the socket takes more.
    Alive {
        /// Ask the poller for writability.
        wants_write: bool,
    },
    /// It is gone.
    Closed,
}

/// The listener and its connections.
pub(crate) struct TcpPort {
    listener: TcpListener,
    connections: Connections<Connection>,
    /// Packets dropped because a peer read too slowly.
    pub(crate) dropped: u64,
}

struct Connection {
    stream: TcpStream,
    accepted_at: Instant,
    claimed: bool,
    input: Vec<u8>,
    output: Backlog,
}

impl TcpPort {
    /// Listens on every address of the family; with IPv6, on IPv4's too.
    pub(crate) fn bind(port: u16, ipv6: bool, max_connections: usize) -> io::Result<Self> {
        // A venue behind one address may have them all.
        let bounds = Bounds { connections: max_connections, per_address: max_connections };
        Ok(Self { listener: listen(port, ipv6)?, connections: Connections::new(bounds), dropped: 0 })
    }

    /// The port that was bound; 0 when the system does not say.
    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().map_or(0, |addr| addr.port())
    }

    /// Accepts one connection, if one waits.
    pub(crate) fn accept(&mut self, now: Instant) -> Option<TcpId> {
        let accepted = self.listener.accept().ok()?;
        self.connections.admit(accepted, |stream| {
            let (input, output) = (Vec::new(), Backlog::default());
            Some(Connection { stream, accepted_at: now, claimed: false, input, output })
        })
    }

    /// The socket of a connection, for the poller.
    pub(crate) fn socket(&self, id: TcpId) -> Option<BorrowedFd<'_>> {
        self.connections.get(id).map(|connection| connection.stream.as_fd())
    }

    /// Reads what has come and hands out whole frames.
    pub(crate) fn read(&mut self, id: TcpId, mut each: impl FnMut(Path, &mut [u8])) -> Turn {
        let Some((path, connection)) = self.connections.get_mut(id) else { return Turn::Closed };
        let mut chunk = [0; 16 << 10];
        loop {
            match connection.stream.read(&mut chunk) {
                Ok(0) => return Turn::Closed,
                Ok(len) => connection.input.extend_from_slice(&chunk[..len]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Turn::Closed,
            }
            if !take_frames(&mut connection.input, |frame| each(path, frame)) {
                return Turn::Closed;
            }
        }
        Turn::Alive { wants_write: connection.output.is_waiting() }
    }

    /// Sends one datagram as a frame, or drops it when too much waits.
    pub(crate) fn send(&mut self, id: TcpId, datagram: &[u8]) -> Turn {
        let Some((_, connection)) = self.connections.get_mut(id) else { return Turn::Closed };
        let Ok(len) = u16::try_from(datagram.len()) else { return Turn::Alive { wants_write: false } };
        if !connection.output.push(&[&len.to_be_bytes(), datagram]) {
            self.dropped += 1;
            return Turn::Alive { wants_write: true };
        }
        connection.write()
    }

    /// The socket takes more.
    pub(crate) fn write(&mut self, id: TcpId) -> Turn {
        self.connections.get_mut(id).map_or(Turn::Closed, |(_, connection)| connection.write())
    }

    /// A transport answered on it: it is not a stranger.
    pub(crate) fn claim(&mut self, id: TcpId) {
        if let Some((_, connection)) = self.connections.get_mut(id) {
            connection.claimed = true;
        }
    }

    /// Closes it; returns its path.
    pub(crate) fn remove(&mut self, id: TcpId) -> Option<Path> {
        self.connections.remove(id)
    }

    /// Connections that nobody claimed in time.
    pub(crate) fn strangers(&mut self, now: Instant) -> Vec<TcpId> {
        let is_late = |since: Instant| now.saturating_duration_since(since) > CLAIM_TIME;
        self.connections.those(|_, connection| !connection.claimed && is_late(connection.accepted_at))
    }

    /// Open connections.
    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }
}

impl AsFd for TcpPort {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Connection {
    fn write(&mut self) -> Turn {
        match self.output.write_to(&mut self.stream) {
            Ok(()) => Turn::Alive { wants_write: self.output.is_waiting() },
            Err(_) => Turn::Closed,
        }
    }
}

/// Opens a listener on every address of the family; with IPv6, on IPv4's too.
pub(crate) fn listen(port: u16, ipv6: bool) -> io::Result<TcpListener> {
    let (domain, any) = if ipv6 {
        (Domain::IPV6, SocketAddr::from(([0_u16; 8], port)))
    } else {
        (Domain::IPV4, SocketAddr::from(([0_u8; 4], port)))
    };
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if ipv6 {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&any.into())?;
    socket.listen(128)?;
    Ok(socket.into())
}

/// Hands out every whole frame and keeps the rest; false when a frame is longer than any datagram.
fn take_frames(input: &mut Vec<u8>, mut each: impl FnMut(&mut [u8])) -> bool {
    let mut at = 0;
    while let Some(length) = input.get(at..at + LENGTH_BYTES) {
        let len = usize::from(u16::from_be_bytes([length[0], length[1]]));
        if len > MAX_DATAGRAM_BYTES {
            return false;
        }
        let start = at + LENGTH_BYTES;
        let Some(frame) = input.get_mut(start..start + len) else { break };
        each(frame);
        at = start + len;
    }
    input.drain(..at);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_the_stream_is_cut() {
        let stream = [0, 2, b'a', b'b', 0, 0, 0, 1, b'c'];
        for cut in 0..=stream.len() {
            let (mut input, mut frames) = (Vec::new(), Vec::new());
            for part in [&stream[..cut], &stream[cut..]] {
                input.extend_from_slice(part);
                assert!(take_frames(&mut input, |frame| frames.push(frame.to_vec())));
            }
            assert_eq!(frames, [b"ab".to_vec(), Vec::new(), b"c".to_vec()]);
            assert!(input.is_empty());
        }
    }

    #[test]
    fn a_frame_longer_than_a_datagram_ends_the_connection() {
        assert!(!take_frames(&mut vec![0xff, 0xff], |_| ()));
    }
}
