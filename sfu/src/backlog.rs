//! Bytes that wait for a peer that reads slowly.

use std::io::{self, Write};

/// Most bytes that wait: half a second of 4 Mb/s. Then packets are dropped.
const MAX_WAITING_BYTES: usize = 256 << 10;

/// What a socket has not taken yet.
#[derive(Default)]
pub(crate) struct Backlog {
    bytes: Vec<u8>,
    /// Of `bytes`, already sent.
    sent: usize,
}

impl Backlog {
    /// Queues these parts as one, or drops all of them when too much waits; false then.
    pub(crate) fn push(&mut self, parts: &[&[u8]]) -> bool {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if self.bytes.len() - self.sent + len > MAX_WAITING_BYTES {
            return false;
        }
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        true
    }

    /// Whether something waits.
    pub(crate) fn is_waiting(&self) -> bool {
        self.sent < self.bytes.len()
    }

    /// Writes until nothing waits or the socket takes no more.
    ///
    /// # Errors
    /// The socket is gone.
    pub(crate) fn write_to(&mut self, socket: &mut impl Write) -> io::Result<()> {
        while self.is_waiting() {
            match socket.write(&self.bytes[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => self.sent += len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if !self.is_waiting() {
            self.bytes.clear();
            self.sent = 0;
        } else if self.sent > MAX_WAITING_BYTES {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        Ok(())
    }
}
