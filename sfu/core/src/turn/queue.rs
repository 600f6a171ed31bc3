//! What a server wants done, in order, with all bytes in one buffer that is used again and again.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;

use super::{AllocationId, Family};
use crate::transport::Path;

/// What the edge has to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send this to a client; on a stream it is whole messages.
    ToClient {
        /// Where it is.
        path: Path,
        /// What.
        bytes: &'a [u8],
    },
    /// Send this from an allocation's socket.
    ToPeer {
        /// Which allocation's.
        id: AllocationId,
        /// Where to.
        peer: SocketAddr,
        /// What.
        bytes: &'a [u8],
    },
    /// Open a socket, and tell [`super::Server::handle_bound`].
    Bind {
        /// For this allocation.
        id: AllocationId,
        /// Of this family.
        family: Family,
    },
    /// Close the socket, if it is open.
    Close {
        /// Of this allocation.
        id: AllocationId,
    },
}

/// Waiting outputs.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    /// The bytes of all that waits; emptied when nothing waits.
    bytes: Vec<u8>,
}

#[derive(Debug)]
enum Waiting {
    ToClient(Path, Range<usize>),
    ToPeer(AllocationId, SocketAddr, Range<usize>),
    Bind(AllocationId, Family),
    Close(AllocationId),
}

impl Queue {
    /// Queues the concatenation of these parts.
    pub(super) fn push_client(&mut self, path: Path, parts: &[&[u8]]) {
        let range = self.append(parts);
        self.waiting.push_back(Waiting::ToClient(path, range));
    }

    pub(super) fn push_peer(&mut self, id: AllocationId, peer: SocketAddr, bytes: &[u8]) {
        let range = self.append(&[bytes]);
        self.waiting.push_back(Waiting::ToPeer(id, peer, range));
    }

    pub(super) fn bind(&mut self, id: AllocationId, family: Family) {
        self.waiting.push_back(Waiting::Bind(id, family));
    }

    pub(super) fn close(&mut self, id: AllocationId) {
        self.waiting.push_back(Waiting::Close(id));
    }

    pub(super) fn pop(&mut self) -> Option<Output<'_>> {
        let Some(next) = self.waiting.pop_front() else {
            self.bytes.clear();
            return None;
        };
        Some(match next {
            Waiting::ToClient(path, range) => Output::ToClient { path, bytes: &self.bytes[range] },
            Waiting::ToPeer(id, peer, range) => Output::ToPeer { id, peer, bytes: &self.bytes[range] },
            Waiting::Bind(id, family) => Output::Bind { id, family },
            Waiting::Close(id) => Output::Close { id },
        })
    }

    fn append(&mut self, parts: &[&[u8]]) -> Range<usize> {
        let start = self.bytes.len();
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        start..self.bytes.len()
    }
}
