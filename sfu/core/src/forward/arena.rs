//! ⑧ Sealed datagrams of one turn, in runs that the kernel can segment.

/// Room that one packet may need: a datagram of 1,500 bytes, and what sealing adds.
pub const MAX_PACKET_BYTES: usize = 1600;

/// Datagrams to one destination, side by side: all of `segment` bytes but the last, which may be shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendRun<T> {
    /// Where they go.
    pub to: T,
    /// Where the first one starts in the arena.
    pub start: usize,
    /// Bytes of all together.
    pub len: usize,
    /// Bytes of each but the last.
    pub segment: usize,
    /// How many there are.
    pub count: usize,
}

/// A buffer that the fan-out fills and the shard sends and clears.
#[derive(Debug)]
pub struct SendArena<T> {
    bytes: Box<[u8]>,
    used: usize,
    runs: Vec<SendRun<T>>,
}

/// The kernel takes this many segments in one call (`UDP_MAX_SEGMENTS`).
const MAX_SEGMENTS: usize = 64;
/// The largest UDP payload over IPv4.
const MAX_RUN_BYTES: usize = 65_507;

/// From this many runs a call of the kernel no longer shows in the price of each (docs/decisions/001).
const RIPE_RUNS: usize = 64;
/// So much stays in a core's second-level cache until it is sent.
const RIPE_BYTES: usize = 128 << 10;

impl<T: Copy + PartialEq> SendArena<T> {
    /// An arena of `capacity` bytes; it never grows.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        // One run for each packet of typical size, so that the list does not grow either.
        let runs = Vec::with_capacity(capacity / 512);
        Self { bytes: vec![0; capacity].into_boxed_slice(), used: 0, runs }
    }

    /// True when `packets` more packets of any size fit.
    #[must_use]
    pub fn has_room_for(&self, packets: usize) -> bool {
        self.bytes.len() - self.used >= packets * MAX_PACKET_BYTES
    }

    /// True when it holds so much that waiting for more would not make sending cheaper.
    #[must_use]
    pub fn is_ripe(&self) -> bool {
        self.used >= RIPE_BYTES || self.runs.len() >= RIPE_RUNS
    }

    /// Room for one packet; `None` when the arena is full.
    #[must_use]
    pub fn space(&mut self) -> Option<&mut [u8]> {
        self.bytes.get_mut(self.used..self.used + MAX_PACKET_BYTES)
    }

    /// The first `len` bytes of [`Self::space`] are a datagram to `to`.
    pub fn commit(&mut self, to: T, len: usize) {
        let start = self.used;
        self.used += len;
        if let Some(run) = self.runs.last_mut() {
            // Only the last segment may be shorter, so a short one closes its run.
            let is_open = run.len == run.segment * run.count && run.count < MAX_SEGMENTS;
            if run.to == to && is_open && len <= run.segment && run.len + len <= MAX_RUN_BYTES {
                run.len += len;
                run.count += 1;
                return;
            }
        }
        self.runs.push(SendRun { to, start, len, segment: len, count: 1 });
    }

    /// The runs, in the order in which they were written.
    #[must_use]
    pub fn runs(&self) -> &[SendRun<T>] {
        &self.runs
    }

    /// The bytes of a run.
    #[must_use]
    pub fn bytes(&self, run: &SendRun<T>) -> &[u8] {
        &self.bytes[run.start..run.start + run.len]
    }

    /// The datagrams of a run.
    pub fn datagrams(&self, run: &SendRun<T>) -> impl Iterator<Item = &[u8]> {
        self.bytes(run).chunks(run.segment.max(1))
    }

    /// True when nothing waits to be sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Forgets everything that was sent.
    pub fn clear(&mut self) {
        self.used = 0;
        self.runs.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ripe_with_a_batch_of_runs_or_with_what_stays_in_the_cache() {
        let mut arena = SendArena::new(1 << 20);
        for to in 0..RIPE_RUNS {
            assert!(!arena.is_ripe(), "{to} runs");
            arena.commit(to, 100);
        }
        assert!(arena.is_ripe());
        arena.clear();
        let packets = RIPE_BYTES.div_ceil(1200);
        for packet in 0..packets {
            assert!(!arena.is_ripe(), "{packet} packets");
            arena.commit(0, 1200);
        }
        assert!(arena.is_ripe());
        assert!(arena.runs().len() < 4, "in few runs");
    }
}
