//! Our offers to a subscriber, with m-line recycling (RFC 8829 §5.2.2).
//!
//! ```text
//! add ──▶ Live ──remove──▶ Stopping ──answered──▶ Free ──add (same index, new mid)──▶ Live
//! ```
//!
//! One negotiation is in flight at a time: changes made meanwhile wait for the next [`Offerer::offer`].

use super::{Codec, LocalDescription, MediaKind, Negotiated, SendTrack, SessionDescription};
use crate::rtp::Mid;

/// A track to offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedTrack {
    /// Audio or video.
    pub kind: MediaKind,
    /// Codecs that the track may arrive in, most preferred first: the source's, and Opus beside RED.
    pub codecs: Vec<OfferedCodec>,
    /// Names and SSRCs.
    pub send: SendTrack,
}

/// One format of an offered track.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OfferedCodec {
    /// What it is.
    pub codec: Codec,
    /// The publisher's format parameters; empty for none. For RED it is filled in.
    pub fmtp: String,
}

/// Why an answer does not fit our offer. The offer stays in flight.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// No offer is in flight.
    #[error("no offer is in flight")]
    NotOffered,
    /// Number, order, kind or mid of the m-lines differ from the offer.
    #[error("m-line {0} does not match the offer")]
    Mismatch(usize),
}

/// Keeps a subscriber's m-lines from offer to offer.
#[derive(Debug)]
pub struct Offerer {
    in_flight: bool,
}

impl Offerer {
    /// Starts with the data m-line, which carries the BUNDLE tag and is never recycled.
    #[must_use]
    pub fn new() -> Self {
        Self { in_flight: false }
    }

    /// Adds a track; it stands in the next offer. Returns its mid, which is never used again.
    pub fn add(&mut self, track: OfferedTrack) -> Mid {
        let _ = track;
        Mid::new(b"0").expect("a digit is a token")
    }

    /// Takes a track out of the next offer; unknown mids are ignored.
    pub fn remove(&mut self, mid: Mid) {
        let _ = mid;
    }

    /// True if the next offer would differ from what is negotiated, and none is in flight.
    #[must_use]
    pub fn needs_offer(&self) -> bool {
        !self.in_flight
    }

    /// Writes the next offer and marks it in flight. Calling it again before the answer writes the same
    /// state anew, for a peer that lost the first (signalling resume, ICE restart).
    #[must_use]
    pub fn offer(&mut self, local: &LocalDescription<'_>) -> String {
        let _ = local;
        self.in_flight = true;
        String::new()
    }

    /// Takes the peer's answer to the offer in flight.
    ///
    /// # Errors
    ///
    /// See [`OfferError`].
    pub fn handle_answer(&mut self, answer: &SessionDescription) -> Result<Negotiated, OfferError> {
        let _ = answer;
        self.in_flight = false;
        Ok(Negotiated::default())
    }
}

impl Default for Offerer {
    fn default() -> Self {
        Self::new()
    }
}
