//! ⑥⑦⑧ The subscriber's side: which packets a subscriber gets, and with which header.
//!
//! A [`Forwarding`] belongs to one subscription. It selects from a publication's rings, rewrites header and
//! codec prefix, seals into the [`SendArena`], and answers NACKs from the same rings. Which encoding fits a
//! subscriber is decided in `bwe`; where datagrams go is the shard's matter.
//!
//! ```text
//! ring ─▶ Forwarding: select ▸ renumber ▸ retime ▸ rewrite ─▶ Seal ─▶ SendArena ─▶ (sendmmsg, GSO)
//! NACK ─▶ Outbound ─▶ Forwarding::retransmit ─▶ the same ring
//! burst ─▶ held back in the ring ─▶ Forwarding::forward_held in slots
//! ```

mod arena;
mod config;
mod forwarding;
mod holding;
mod layers;
mod outbound;
mod pacer;
mod pictures;
mod probing;
mod repair;
mod report;
mod seal;
mod sent;
mod sequence;
mod sound;
mod timeline;
mod writing;

pub use arena::{MAX_PACKET_BYTES, SendArena, SendRun};
pub use config::{ForwardingConfig, RtxConfig, Target};
pub use forwarding::Forwarding;
pub use outbound::{Congestion, Heard, Outbound};
pub use pacer::SLOT;
pub use seal::{Leg, Plain, Seal};

#[cfg(test)]
mod tests;
