//! One direction of a path: datagrams in, datagrams out later, or never.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::bottleneck::Queue;
use crate::loss::LossProcess;
use crate::{Jitter, LinkConfig, Rng};

/// What a link carries.
pub trait Packet: Clone {
    /// Bytes of the UDP payload.
    fn size(&self) -> usize;

    /// Changes the bit with this number, counted from the start.
    fn flip(&mut self, bit: usize);
}

impl Packet for Vec<u8> {
    fn size(&self) -> usize {
        self.len()
    }

    fn flip(&mut self, bit: usize) {
        if let Some(byte) = self.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
    }
}

/// What became of the datagrams so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkStats {
    /// Given to the link.
    pub sent: u64,
    /// UDP payload bytes of them.
    pub sent_bytes: u64,
    /// Lost at random or in a blackout.
    pub lost: u64,
    /// Lost because the queue was full.
    pub overflowed: u64,
    /// Came out, the second copies too.
    pub arrived: u64,
    /// UDP payload bytes of them.
    pub arrived_bytes: u64,
    /// Second copies.
    pub duplicated: u64,
    /// Damaged.
    pub flipped: u64,
}

/// One direction of a path.
#[derive(Debug, Clone)]
pub struct Link<P> {
    config: LinkConfig,
    /// Later configurations, in order.
    trace: VecDeque<(Duration, LinkConfig)>,
    rng: Rng,
    loss: LossProcess,
    queue: Queue<P>,
    /// By arrival, and in the order of sending for those of one moment.
    flying: BTreeMap<(Duration, u64), P>,
    order: u64,
    last_arrival: Duration,
    stats: LinkStats,
}

impl<P: Packet> Link<P> {
    /// A link without anything in it.
    #[must_use]
    pub fn new(config: LinkConfig, seed: u64) -> Self {
        Self {
            config,
            trace: VecDeque::new(),
            rng: Rng::new(seed),
            loss: LossProcess::default(),
            queue: Queue::default(),
            flying: BTreeMap::new(),
            order: 0,
            last_arrival: Duration::ZERO,
            stats: LinkStats::default(),
        }
    }

    /// The path changes now. What is in flight goes on as it was sent; what waits in the queue leaves at the
    /// new rate.
    pub fn set(&mut self, config: LinkConfig) {
        self.config = config;
    }

    /// The path will change at these times, which ascend; replaces an earlier trace.
    pub fn follow(&mut self, trace: impl IntoIterator<Item = (Duration, LinkConfig)>) {
        self.trace = trace.into_iter().collect();
    }

    /// What the path does now.
    #[must_use]
    pub const fn config(&self) -> &LinkConfig {
        &self.config
    }

    /// Counts so far.
    #[must_use]
    pub const fn stats(&self) -> LinkStats {
        self.stats
    }

    /// How long a datagram that is sent now waits in the queue.
    #[must_use]
    pub fn queue_delay(&self) -> Duration {
        self.config.bottleneck.map_or(Duration::ZERO, |to| self.queue.delay(to.rate_bps))
    }

    /// A datagram is sent now. Times never go back.
    pub fn send(&mut self, now: Duration, packet: P) {
        self.advance(now);
        self.stats.sent += 1;
        self.stats.sent_bytes += packet.size() as u64;
        if self.config.is_down || self.loss.loses(self.config.loss, &mut self.rng) {
            self.stats.lost += 1;
            return;
        }
        let size = packet.size();
        match self.config.bottleneck {
            Some(to) => {
                if self.queue.push(now, size, packet, to).is_err() {
                    self.stats.overflowed += 1;
                }
            }
            None => self.fly(now, packet),
        }
    }

    /// The next datagram that has arrived by now.
    pub fn poll(&mut self, now: Duration) -> Option<P> {
        self.advance(now);
        let (&key, _) = self.flying.first_key_value().filter(|((at, _), _)| *at <= now)?;
        let packet = self.flying.remove(&key)?;
        self.stats.arrived += 1;
        self.stats.arrived_bytes += packet.size() as u64;
        Some(packet)
    }

    /// When [`Self::poll`] has something, or has to move its queue; `None`: nothing is under way.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let arrival = self.flying.first_key_value().map(|((at, _), _)| *at);
        [arrival, self.queue.next()].into_iter().flatten().min()
    }

    /// Lets changes happen and the queue drain up to now, in the order of time.
    fn advance(&mut self, now: Duration) {
        loop {
            let change = self.trace.front().map(|(at, _)| *at).filter(|at| *at <= now);
            let leaves = self.queue.next().filter(|at| *at <= now);
            match (change, leaves) {
                (Some(change), leaves) if leaves.is_none_or(|leaves| change <= leaves) => {
                    if let Some((_, config)) = self.trace.pop_front() {
                        self.config = config;
                    }
                }
                (_, Some(leaves)) => self.leave(leaves),
                (_, None) => return,
            }
        }
    }

    fn leave(&mut self, now: Duration) {
        // A bottleneck that was taken away lets everything go.
        let open = crate::Bottleneck::new(u64::MAX, crate::QueueLimit::Packets(usize::MAX));
        let to = self.config.bottleneck.unwrap_or(open);
        if let Some(packet) = self.queue.pop(to) {
            self.fly(now, packet);
        }
    }

    fn fly(&mut self, now: Duration, mut packet: P) {
        let mut delay = self.config.delay;
        let (deviation, keeps_order) = match self.config.jitter {
            Jitter::None => (Duration::ZERO, true),
            Jitter::InOrder(deviation) => (deviation, true),
            Jitter::Reordering(deviation) => (deviation, false),
        };
        if !deviation.is_zero() {
            let moved = delay.as_secs_f64() + self.rng.normal() * deviation.as_secs_f64();
            delay = Duration::from_secs_f64(moved.max(0.0));
        }
        let mut arrival = now + delay;
        if let Some(reorder) = self.config.reorder
            && self.rng.happens(reorder.share)
        {
            arrival += reorder.by;
        } else if keeps_order {
            arrival = arrival.max(self.last_arrival);
            self.last_arrival = arrival;
        }
        if self.rng.happens(self.config.flip) {
            self.stats.flipped += 1;
            let bits = packet.size() as u64 * 8;
            packet.flip(usize::try_from(self.rng.below(bits)).unwrap_or(0));
        }
        if self.rng.happens(self.config.duplicate) {
            self.stats.duplicated += 1;
            self.land(arrival, packet.clone());
        }
        self.land(arrival, packet);
    }

    fn land(&mut self, at: Duration, packet: P) {
        self.order += 1;
        self.flying.insert((at, self.order), packet);
    }
}
