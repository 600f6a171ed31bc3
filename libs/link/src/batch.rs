//! Collects RTP for a few milliseconds, so that one wake-up carries many packets. It sends nothing.

use std::sync::{Mutex, PoisonError};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::Notify;
use wire::link::TrackHandle;

/// Packets that wait at most: a keyframe of 50 packets from ten speakers within the same 5 ms.
const MAX_PACKETS: usize = 512;
/// Arena of one batch; a new one is allocated when it is used up.
const ARENA_BYTES: usize = 64 * 1024;

/// Bounded collection of framed packets. Any thread may push; one task takes.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    packets: Vec<Bytes>,
    arena: BytesMut,
}

impl Batch {
    /// Adds one packet behind its handle. `false` when the batch is full.
    pub(crate) fn push(&self, track: TrackHandle, rtp: &[u8]) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.packets.len() >= MAX_PACKETS {
            return false;
        }
        let size = 2 + rtp.len();
        if waiting.arena.capacity() < size {
            waiting.arena = BytesMut::with_capacity(ARENA_BYTES.max(size));
        }
        waiting.arena.put_u16(track.0);
        waiting.arena.put_slice(rtp);
        let packet = waiting.arena.split().freeze();
        waiting.packets.push(packet);
        let first = waiting.packets.len() == 1;
        drop(waiting);
        if first {
            self.filled.notify_one();
        }
        true
    }

    /// Waits until a packet is there. Cancel safe.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes everything that waits.
    pub(crate) fn take(&self) -> Vec<Bytes> {
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner).packets)
    }
}
