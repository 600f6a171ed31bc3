//! Session descriptions (RFC 8866, RFC 8829): reads the peer's, writes our answers and offers.
//!
//! It decides what is accepted and how m-lines are recycled; every number that media needs afterwards comes
//! out as a typed [`Negotiated`] table. It starts nothing: transports and tracks are others' work.
//!
//! ```text
//! publisher:   offer ─parse─▶ SessionDescription ─answer─▶ Answer { sdp, negotiated }
//! single:      the same, after Placement has put our tracks into its sections
//! subscriber:  Offerer ─offer─▶ text … answer ─parse─▶ SessionDescription ─handle_answer─▶ Negotiated
//! ```

mod answer;
mod fragment;
mod model;
mod negotiated;
mod numbers;
mod offer;
mod parse;
mod placement;
mod section;
mod write;

pub use answer::{Answer, AnswerError, answer};
pub use fragment::Fragment;
pub use model::{
    Candidate, CandidateProtocol, Codec, CodecLine, Direction, ExtMapLine, Feedback, LocalDescription,
    MediaKind, MediaSection, Msid, SendTrack, SessionDescription, TransportLines,
};
pub use negotiated::{Negotiated, NegotiatedCodec, NegotiatedSection};
pub use offer::{OfferError, OfferedCodec, OfferedTrack, Offerer};
pub use parse::{ParseError, SdpLimits, host_candidate};
pub use placement::{Missing, Placement, Placing};

#[cfg(test)]
mod tests;
