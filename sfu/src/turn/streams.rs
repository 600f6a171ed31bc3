//! TCP and TLS connections of TURN clients.
//!
//! It decides where their messages end and how much waits for a slow one. A connection
//! without an allocation for [`STRANGER_TIME`] is closed.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use sfu_core::transport::{Path, TcpId};
use sfu_core::turn::stream_frame_bytes;

use super::wire::Wire;
use crate::backlog::Backlog;
use crate::connections::{Bounds, Connections};
use crate::tcp::Turn;

/// How long a connection may be without an allocation, before one and after one.
const STRANGER_TIME: Duration = Duration::from_secs(10);

/// Reads of one connection in a turn, so that one does not starve the others.
const READS_PER_TURN: usize = 4;

/// All connections.
pub(super) struct Streams {
    connections: Connections<Connection>,
    /// Messages dropped because a client read too slowly.
    pub(super) dropped: u64,
}

struct Connection {
    wire: Wire,
    /// Since when it has no allocation.
    stranger_since: Instant,
    input: Vec<u8>,
    output: Backlog,
}

impl Streams {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { connections: Connections::new(bounds), dropped: 0 }
    }

    /// Takes an accepted connection; `None` when it is not wanted or already gone.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        accepted: (TcpStream, SocketAddr),
        tls: Option<&Arc<ServerConfig>>,
    ) -> Option<TcpId> {
        self.connections.admit(accepted, |stream| {
            let (wire, input, output) = (Wire::new(stream, tls).ok()?, Vec::new(), Backlog::default());
            Some(Connection { wire, stranger_since: now, input, output })
        })
    }

    /// The socket of a connection, for the poller.
    pub(super) fn socket(&self, id: TcpId) -> Option<BorrowedFd<'_>> {
        self.connections.get(id).map(|connection| connection.wire.as_fd())
    }

    /// Reads what has come and hands out whole messages.
    pub(super) fn read(&mut self, id: TcpId, mut each: impl FnMut(Path, &[u8])) -> Turn {
        let Some((path, connection)) = self.connections.get_mut(id) else { return Turn::Closed };
        let mut chunk = [0; 16 << 10];
        for _ in 0..READS_PER_TURN {
            match connection.wire.read(&mut chunk) {
                Ok(0) => return Turn::Closed,
                Ok(len) => connection.input.extend_from_slice(&chunk[..len]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Turn::Closed,
            }
            if !take_messages(&mut connection.input, |message| each(path, message)) {
                return Turn::Closed;
            }
        }
        connection.turn()
    }

    /// Sends whole messages, or drops them when too much waits.
    pub(super) fn send(&mut self, id: TcpId, bytes: &[u8]) -> Turn {
        let Some((_, connection)) = self.connections.get_mut(id) else { return Turn::Closed };
        if !connection.output.push(&[bytes]) {
            self.dropped += 1;
            return connection.turn();
        }
        connection.write()
    }

    /// The socket takes more.
    pub(super) fn write(&mut self, id: TcpId) -> Turn {
        self.connections.get_mut(id).map_or(Turn::Closed, |(_, connection)| connection.write())
    }

    /// Closes it; returns its path.
    pub(super) fn remove(&mut self, id: TcpId) -> Option<Path> {
        self.connections.remove(id)
    }

    /// Connections that have had no allocation for too long.
    pub(super) fn strangers(&mut self, now: Instant, is_known: impl Fn(Path) -> bool) -> Vec<TcpId> {
        self.connections.those(|path, connection| {
            if is_known(path) {
                connection.stranger_since = now;
            }
            now.saturating_duration_since(connection.stranger_since) > STRANGER_TIME
        })
    }

    /// Connections refused because there were too many.
    pub(super) const fn refused(&self) -> u64 {
        self.connections.refused
    }

    /// Open connections.
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }
}

impl Connection {
    fn write(&mut self) -> Turn {
        let written = self.wire.flush().and_then(|()| self.output.write_to(&mut self.wire));
        if written.is_ok() { self.turn() } else { Turn::Closed }
    }

    fn turn(&self) -> Turn {
        Turn::Alive { wants_write: self.output.is_waiting() || self.wire.wants_write() }
    }
}

/// Hands out every whole message and keeps the rest; false when it is none of TURN's.
fn take_messages(input: &mut Vec<u8>, mut each: impl FnMut(&[u8])) -> bool {
    let mut at = 0;
    loop {
        match stream_frame_bytes(&input[at..]) {
            Ok(Some(len)) if at + len <= input.len() => {
                each(&input[at..at + len]);
                at += len;
            }
            Ok(_) => break,
            Err(_) => return false,
        }
    }
    input.drain(..at);
    true
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A listener, and clients that connect to it.
    struct Scene {
        listener: TcpListener,
        clients: Vec<TcpStream>,
        streams: Streams,
        now: Instant,
    }

    impl Scene {
        fn new() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let streams = Streams::new(Bounds { connections: 9, per_address: 9 });
            Self { listener, clients: Vec::new(), streams, now: Instant::now() }
        }

        fn connect(&mut self) -> Option<TcpId> {
            self.clients.push(TcpStream::connect(self.listener.local_addr().unwrap()).unwrap());
            self.streams.admit(self.now, self.listener.accept().unwrap(), None)
        }

        /// Reads until something has come.
        fn read(&mut self, id: TcpId) -> (Vec<Vec<u8>>, bool) {
            let mut messages = Vec::new();
            loop {
                let turn = self.streams.read(id, |_, message| messages.push(message.to_vec()));
                let is_closed = matches!(turn, Turn::Closed);
                if is_closed || !messages.is_empty() {
                    return (messages, is_closed);
                }
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn who_has_no_allocation_for_ten_seconds_is_a_stranger() {
        let mut scene = Scene::new();
        let (guest, stranger) = (scene.connect().unwrap(), scene.connect().unwrap());
        let later = |seconds| scene.now + Duration::from_secs(seconds);
        let has_one = |path: Path| path.protocol == sfu_core::transport::Protocol::Tcp(guest);
        assert_eq!(scene.streams.strangers(later(10), has_one), []);
        assert_eq!(scene.streams.strangers(later(11), has_one), [stranger]);
        scene.streams.remove(stranger);
        assert_eq!(scene.streams.strangers(later(20), |_| false), [], "it had one until just now");
        assert_eq!(scene.streams.strangers(later(22), |_| false), [guest]);
    }

    #[test]
    fn messages_are_found_however_they_come_and_anything_else_ends_the_stream() {
        let mut scene = Scene::new();
        let id = scene.connect().unwrap();
        let message = b"\x40\x01\x00\x05media\0\0\0";
        let (first, rest) = message.split_at(3);
        scene.clients[0].write_all(first).unwrap();
        scene.clients[0].write_all(rest).unwrap();
        assert_eq!(scene.read(id), (vec![message.to_vec()], false));
        scene.clients[0].write_all(b"GET / HTTP/1.1\r\n").unwrap();
        assert_eq!(scene.read(id), (Vec::new(), true));
    }
}
