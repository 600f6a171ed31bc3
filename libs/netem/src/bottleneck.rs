//! A token bucket behind a bounded first-in-first-out queue.

use std::collections::VecDeque;
use std::time::Duration;

use crate::{Bottleneck, QueueLimit};

/// IPv4 and UDP headers, which take their share of a link.
const OVERHEAD_BYTES: u64 = 28;

/// The queue and the packet that is being sent.
#[derive(Debug, Clone)]
pub(crate) struct Queue<P> {
    /// Bytes on the wire, and the packet.
    waiting: VecDeque<(u64, P)>,
    bytes: u64,
    /// When the first of `waiting` has been sent.
    head_done: Duration,
    /// Credit in bytes at `credit_at`.
    credit: f64,
    credit_at: Duration,
}

impl<P> Default for Queue<P> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            bytes: 0,
            head_done: Duration::ZERO,
            credit: 0.0,
            credit_at: Duration::ZERO,
        }
    }
}

impl<P> Queue<P> {
    /// Takes a packet of `payload` bytes; gives it back when the queue is full.
    pub(crate) fn push(&mut self, now: Duration, payload: usize, packet: P, to: Bottleneck) -> Result<(), P> {
        let size = payload as u64 + OVERHEAD_BYTES;
        let is_full = match to.queue {
            QueueLimit::Packets(most) => self.waiting.len() > most,
            QueueLimit::Time(longest) => time_for(self.bytes, to.rate_bps) > longest,
        };
        if is_full {
            return Err(packet);
        }
        self.bytes += size;
        self.waiting.push_back((size, packet));
        if self.waiting.len() == 1 {
            self.begin(now, to);
        }
        Ok(())
    }

    /// When the next packet leaves.
    pub(crate) fn next(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then_some(self.head_done)
    }

    /// Takes the packet that left at [`Self::next`].
    pub(crate) fn pop(&mut self, to: Bottleneck) -> Option<P> {
        let (size, packet) = self.waiting.pop_front()?;
        self.bytes -= size;
        let now = self.head_done;
        if !self.waiting.is_empty() {
            self.begin(now, to);
        }
        Some(packet)
    }

    /// How long a packet that comes now waits.
    pub(crate) fn delay(&self, rate_bps: u64) -> Duration {
        time_for(self.bytes, rate_bps)
    }

    /// The first packet starts to leave: at once as far as there is credit.
    #[expect(clippy::cast_precision_loss, reason = "bytes of a queue are far below 2^53")]
    fn begin(&mut self, now: Duration, to: Bottleneck) {
        let Some(&(size, _)) = self.waiting.front() else { return };
        let earned = now.saturating_sub(self.credit_at).as_secs_f64() * to.rate_bps as f64 / 8.0;
        self.credit = (self.credit + earned).min(to.burst_bytes as f64);
        self.credit_at = now;
        let missing = (size as f64 - self.credit).max(0.0);
        self.credit = (self.credit - size as f64).max(0.0);
        let wait = Duration::from_secs_f64(missing * 8.0 / (to.rate_bps.max(1)) as f64);
        // What is earned while it waits pays for this packet.
        self.credit_at = now + wait;
        self.head_done = now + wait;
    }
}

fn time_for(bytes: u64, rate_bps: u64) -> Duration {
    Duration::from_micros(bytes.saturating_mul(8_000_000) / rate_bps.max(1))
}
