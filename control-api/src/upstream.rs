//! The other services, over HTTP.

use axum::http::StatusCode;

/// Why a call to another service brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// No answer in time, or no connection.
    #[error("{service} cannot be reached")]
    Unreachable {
        /// Which.
        service: &'static str,
        /// Why.
        source: reqwest::Error,
    },
    /// It does not have what was asked for.
    #[error("{service} does not have it")]
    Missing {
        /// Which.
        service: &'static str,
    },
    /// It says no.
    #[error("{service} answers {status}: {detail}")]
    Refused {
        /// Which.
        service: &'static str,
        /// Its status.
        status: StatusCode,
        /// Its reason.
        detail: String,
    },
    /// It answers something that is not understood.
    #[error("{service} answers with something that is not understood")]
    Answer {
        /// Which.
        service: &'static str,
        /// Why.
        source: serde_json::Error,
    },
}
