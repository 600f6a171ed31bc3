//! What a path does to datagrams.

use std::time::Duration;

/// One direction of a path. The default is perfect and takes no time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LinkConfig {
    /// Propagation, one way.
    pub delay: Duration,
    /// Variation of it.
    pub jitter: Jitter,
    /// Datagrams that never arrive.
    pub loss: Loss,
    /// Share of datagrams that are held back, so that later ones overtake them.
    pub reorder: Option<Reorder>,
    /// Share of datagrams that arrive twice.
    pub duplicate: f64,
    /// Share of datagrams that arrive with one wrong bit.
    pub flip: f64,
    /// The narrowest place; `None`: none.
    pub bottleneck: Option<Bottleneck>,
    /// Blackout: nothing gets through that is sent now.
    pub is_down: bool,
}

/// Variation of the delay.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Jitter {
    /// None.
    #[default]
    None,
    /// Normal with this deviation, cut at zero delay; datagrams keep their order, as in a real queue.
    InOrder(Duration),
    /// The same, each datagram for itself.
    Reordering(Duration),
}

/// Which datagrams are lost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Loss {
    /// None.
    #[default]
    None,
    /// Each with this probability.
    Uniform(f64),
    /// Gilbert–Elliott: in the bad state everything is lost.
    Bursts {
        /// Share lost in the long run.
        share: f64,
        /// Mean length of a burst in datagrams, at least 1.
        mean: f64,
    },
}

/// Holding back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reorder {
    /// Share of datagrams.
    pub share: f64,
    /// By how much more than the others.
    pub by: Duration,
}

/// A token bucket behind a bounded queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bottleneck {
    /// Bits per second, IP and UDP headers included.
    pub rate_bps: u64,
    /// Bytes that an idle link may send at once.
    pub burst_bytes: u64,
    /// What the queue holds; what comes when it is full is lost.
    pub queue: QueueLimit,
}

impl Bottleneck {
    /// Without burst, and with a queue of so much time.
    #[must_use]
    pub const fn new(rate_bps: u64, queue: QueueLimit) -> Self {
        Self { rate_bps, burst_bytes: 0, queue }
    }
}

/// Size of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueLimit {
    /// As long as the link needs to send it at its present rate.
    Time(Duration),
    /// Datagrams.
    Packets(usize),
}
