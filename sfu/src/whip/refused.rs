//! Why a WHIP or WHEP request is refused, and the one place that knows its status.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serve::Problem;
use sfu_core::room::message::LeaveReason;
use sfu_core::sdp::ParseError;
use sfu_signal::join::NotAllowed;
use sfu_signal::whip::{OfferRefused, PatchRefused};

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the room token is missing, invalid or expired")]
    Token(#[from] auth::Refused),
    #[error(transparent)]
    Entry(#[from] NotAllowed),
    #[error("the body must be {0}")]
    ContentType(&'static str),
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not arrive in time")]
    Slow,
    #[error("the body is not UTF-8")]
    Text,
    #[error("the body is no session description or fragment: {0}")]
    Description(#[from] ParseError),
    #[error(transparent)]
    Offer(#[from] OfferRefused),
    #[error(transparent)]
    Patch(#[from] PatchRefused),
    #[error("the room refuses a track: {0}")]
    Track(String),
    #[error("the server or the room is full")]
    Full,
    #[error("the room let the participant go: {0:?}")]
    Left(LeaveReason),
    #[error("nothing that the URL asks for is published now in a codec that the offer receives")]
    NothingPlays,
    #[error("the server stops")]
    Stopping,
    #[error("there is no such session of this participant")]
    NoSession,
    #[error("this URL does not have this method")]
    Method,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let problem = |status, kind, title| Problem::new(status, kind, title).detail(self.to_string());
        let refusal = match &self {
            Self::Token(_) => problem(StatusCode::UNAUTHORIZED, "unauthorised", "A room token is needed")
                .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Self::Entry(NotAllowed::NoGrant | NotAllowed::NoRight)
            | Self::Offer(OfferRefused::NotAllowed)
            | Self::Track(_) => problem(StatusCode::FORBIDDEN, "forbidden", "The token does not allow this"),
            Self::Entry(
                NotAllowed::NoRoom
                | NotAllowed::NoIdentity
                | NotAllowed::NoJoinRequest
                | NotAllowed::JoinRequest(_)
                | NotAllowed::OutOfBounds,
            ) => problem(StatusCode::BAD_REQUEST, "token-out-of-bounds", "The token names no usable place"),
            Self::ContentType(_) => problem(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Another body is expected",
            ),
            Self::TooLarge(_) => problem(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::Slow => problem(StatusCode::REQUEST_TIMEOUT, "too-slow", "The body did not arrive"),
            Self::Text | Self::Description(_) => {
                problem(StatusCode::BAD_REQUEST, "malformed-description", "The body cannot be read")
            }
            Self::Offer(_) | Self::Left(_) => {
                problem(StatusCode::NOT_ACCEPTABLE, "unacceptable-offer", "The offer cannot be accepted")
            }
            Self::Patch(PatchRefused::PreconditionRequired) => {
                problem(StatusCode::PRECONDITION_REQUIRED, "precondition-required", "If-Match is needed")
            }
            Self::Patch(PatchRefused::PreconditionFailed) => problem(
                StatusCode::PRECONDITION_FAILED,
                "precondition-failed",
                "The ICE session is another one",
            ),
            Self::Full | Self::Stopping => {
                problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "No session can be opened now")
                    .retry_after(RETRY_AFTER_S)
            }
            Self::NothingPlays => problem(StatusCode::CONFLICT, "nothing-plays", "There is nothing to play")
                .retry_after(RETRY_AFTER_S),
            Self::NoSession => problem(StatusCode::NOT_FOUND, "no-such-session", "There is no such session"),
            Self::Method => {
                problem(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The method is reserved")
            }
        };
        refusal.into_response()
    }
}

/// A room or server that is full or stops looks different after some seconds.
const RETRY_AFTER_S: u32 = 5;
