//! RTP packets as slices: headers are read and written here (RFC 3550 §5, RFC 8285).
//!
//! What the numbers mean for a publication or a subscription is decided elsewhere; nothing here keeps state
//! except [`SeqUnwrapper`].

mod extension;
mod header;
mod write;

pub use crate::names::{ExtId, Mid, Pt, Rid, Ssrc};
pub use extension::{ExtKind, ExtMap, Extensions, RawExtensions};
pub use header::{RtpError, RtpHeader};
pub use write::{ExtensionBlock, HeaderFields, MAX_HEADER_BYTES, write_header};

/// RTP sequence number; wraps at 65,536.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeqNo(pub u16);

impl SeqNo {
    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Steps from `earlier` to `self`, negative when `self` is the older one (RFC 1982 arithmetic).
    #[must_use]
    pub const fn since(self, earlier: Self) -> i16 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }
}

/// RTP timestamp in units of the codec's clock (video 90 kHz, Opus 48 kHz); wraps at 2³².
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RtpTime(pub u32);

impl RtpTime {
    /// This time moved by `ticks`, forwards or, in two's complement, backwards.
    #[must_use]
    pub const fn moved(self, ticks: u32) -> Self {
        Self(self.0.wrapping_add(ticks))
    }

    /// Ticks from `earlier` to `self`, negative when `self` is the older one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }
}

/// A sequence number with its roll-overs: `65536 × ROC + SEQ` (RFC 3711 §3.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SeqIndex(pub u64);

impl SeqIndex {
    /// The 16 bits that go into a header.
    #[must_use]
    pub const fn seq(self) -> SeqNo {
        let bytes = self.0.to_be_bytes();
        SeqNo(u16::from_be_bytes([bytes[6], bytes[7]]))
    }
}

/// Turns 16-bit sequence numbers into indices that never wrap.
///
/// The first number becomes `65536 + SEQ`, so that a packet from before it still has an index.
#[derive(Debug, Clone, Default)]
pub struct SeqUnwrapper {
    highest: Option<SeqIndex>,
}

impl SeqUnwrapper {
    /// Index of `seq`, taken as the one nearest to the highest seen so far; moves the highest forward.
    pub fn unwrap(&mut self, seq: SeqNo) -> SeqIndex {
        let Some(highest) = self.highest else {
            let first = SeqIndex(0x1_0000 + u64::from(seq.0));
            self.highest = Some(first);
            return first;
        };
        let index = nearest(highest, seq);
        if index > highest {
            self.highest = Some(index);
        }
        index
    }

    /// Highest index so far; `None` before the first packet.
    #[must_use]
    pub fn highest(&self) -> Option<SeqIndex> {
        self.highest
    }
}

/// The index with these low 16 bits that is nearest to `around`; never below zero.
#[must_use]
pub fn nearest(around: SeqIndex, seq: SeqNo) -> SeqIndex {
    let step = i64::from(seq.since(around.seq()));
    SeqIndex(around.0.checked_add_signed(step).unwrap_or(u64::from(seq.0)))
}

#[cfg(test)]
mod tests;
