//! ④⑤ The publisher's side: which encoding a packet belongs to, what is missing, and what to report.
//!
//! [`Inbound`] belongs to a publisher's transport and knows SSRCs; a [`Reception`] belongs to one publication
//! and holds its encodings with their rings. Whom the packets go to is decided in `forward`.
//!
//! ```text
//! datagram ─open─▶ Inbound::route ─▶ Reception::handle_rtp ─▶ ring ─▶ (forward)
//!                  └ RTCP: TWCC feedback     └ RTCP: NACK, RR, PLI
//! ```

pub(crate) mod arrivals;
mod backlog;
mod binding;
mod encoding;
mod keyframe;
mod nack;
mod path;
mod reception;
mod report;
mod scalable;

pub use binding::{
    Inbound, PayloadKind, Payloads, ReceiveDrop, Routed, Section, SectionStreams, SenderClock,
};
pub use keyframe::KeyframeRequests;
pub use reception::{Accepted, Reception};

/// Index of an encoding in its publication: 0 is the smallest.
///
/// The spatial layers of a scalable stream (SVC) count as encodings that depend on the smaller ones; they share
/// a stream, its numbers and its ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct EncodingIndex(pub u8);

impl EncodingIndex {
    /// As an index into a slice.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// More encodings than any client sends.
pub const MAX_ENCODINGS: usize = 3;

/// VP8 has up to four; the highest two count as one.
pub const MAX_TEMPORAL: usize = crate::codec::layer::MAX_TEMPORAL;

#[cfg(test)]
mod tests;
