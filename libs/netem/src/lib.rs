//! One direction of a network path in virtual time: what it loses, delays, repeats and damages, from one seed.
//!
//! It decides when and whether a datagram arrives. It reads no clock, opens no socket and knows no protocol:
//! times are durations since the start of a run, and equal seeds give equal runs.
//!
//! ```text
//! send ─▶ blackout? ─▶ loss? ─▶ queue ─▶ token bucket ─▶ delay + jitter ─▶ duplicate? flip? ─▶ poll
//! ```

mod bottleneck;
mod config;
mod link;
mod loss;
mod rng;

pub use config::{Bottleneck, Jitter, LinkConfig, Loss, QueueLimit, Reorder};
pub use link::{Link, LinkStats, Packet};
pub use rng::Rng;

#[cfg(test)]
mod tests;
