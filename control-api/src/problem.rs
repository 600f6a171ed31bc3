//! Every error of this service and the one place that turns errors into HTTP answers.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::upstream::UpstreamError;

/// Why a request is not answered with a result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// No credential, or one that is not accepted here. The reason is never told.
    #[error("unauthorised")]
    Unauthorised,
    /// Address or password is wrong.
    #[error("wrong address or password")]
    WrongPassword,
    /// The one-time link was used, has expired, or never existed.
    #[error("the sign-in link does not work any more")]
    DeadLink,
    /// The invitation was revoked, or never existed.
    #[error("the invitation does not work any more")]
    DeadInvitation,
    /// A cookie request without its CSRF token or from a foreign origin.
    #[error("cross-site request refused")]
    CrossSite,
    /// The caller is known and may not do this.
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// Missing, or somebody else's: the same answer for both.
    #[error("not found")]
    NotFound,
    /// The path exists, with other methods.
    #[error("wrong method")]
    WrongMethod,
    /// A member of the body or query is wrong.
    #[error("{field} {why}")]
    Invalid {
        /// Its name.
        field: &'static str,
        /// What is wrong; follows the name.
        why: String,
    },
    /// The body is not what the operation takes.
    #[error("{detail}")]
    Body {
        /// 400, 413, 415 or 422.
        status: StatusCode,
        /// For people.
        detail: String,
    },
    /// The request contradicts the present state.
    #[error("{detail}")]
    Conflict {
        /// Stable kind.
        kind: &'static str,
        /// For people.
        detail: String,
    },
    /// Too many attempts.
    #[error("too many attempts")]
    TooMany {
        /// When to try again.
        retry_after_s: u32,
    },
    /// Another service does not answer, or not as it should.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl Problem {
    pub(crate) fn invalid(field: &'static str, why: &str) -> Self {
        Self::Invalid { field, why: why.to_owned() }
    }

    pub(crate) fn conflict(kind: &'static str, detail: &str) -> Self {
        Self::Conflict { kind, detail: detail.to_owned() }
    }
}

impl ::db::Transient for Problem {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Database(error) if ::db::is_transient(error))
    }
}

/// Error body: RFC 9457.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Stable name of the kind of problem; switch on it.
    #[schema(rename = "type", example = "/problems/not-found")]
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// What happened and what to do, for people.
    pub detail: Option<String>,
    /// Which member of the request is wrong.
    pub field: Option<String>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.describe().into_response()
    }
}

impl Problem {
    fn describe(self) -> serve::Problem {
        match self {
            Self::Unauthorised => make(StatusCode::UNAUTHORIZED, "unauthorised", "Sign in first"),
            Self::WrongPassword => {
                make(StatusCode::UNAUTHORIZED, "wrong-password", "The address or the password is wrong")
            }
            Self::DeadLink => make(
                StatusCode::UNAUTHORIZED,
                "dead-link",
                "This sign-in link does not work any more",
            )
            .detail(
                "A link works once and for a limited time. Sign in with a password, or ask for a new link.",
            ),
            Self::DeadInvitation => {
                make(StatusCode::UNAUTHORIZED, "dead-invitation", "This invitation does not work any more")
                    .detail("Ask the organiser for a new one.")
            }
            Self::CrossSite => {
                make(StatusCode::FORBIDDEN, "cross-site", "The request did not come from this site")
                    .detail("Send the session's X-CSRF-Token from a page of this site.")
            }
            Self::Forbidden(detail) => {
                make(StatusCode::FORBIDDEN, "forbidden", "You may not do this").detail(detail)
            }
            Self::NotFound => serve::not_found(),
            Self::WrongMethod => {
                make(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "This is called with another method")
            }
            Self::Invalid { field, why } => {
                make(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Something in the request is not valid")
                    .detail(format!("{field} {why}"))
                    .member("field", field)
            }
            Self::Body { status, detail } => {
                make(status, "bad-body", "The request's body cannot be used").detail(detail)
            }
            Self::Conflict { kind, detail } => {
                make(StatusCode::CONFLICT, kind, "This does not fit the present state").detail(detail)
            }
            Self::TooMany { retry_after_s } => {
                make(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", "Too many attempts")
                    .detail("Wait a little, then try again.")
                    .retry_after(retry_after_s)
            }
            Self::Upstream(error) => upstream(&error),
            Self::Database(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the database failed");
                make(StatusCode::SERVICE_UNAVAILABLE, "database", "The database does not answer")
                    .retry_after(2)
            }
        }
    }
}

fn upstream(error: &UpstreamError) -> serve::Problem {
    match error {
        UpstreamError::Missing { .. } => serve::not_found(),
        UpstreamError::Refused { status, detail, .. } if status.is_client_error() => {
            make(*status, "refused", "The request was refused").detail(detail.clone())
        }
        UpstreamError::Refused { service, .. }
        | UpstreamError::Unreachable { service, .. }
        | UpstreamError::Answer { service, .. } => {
            tracing::warn!(service, error = error as &dyn std::error::Error, "another service failed");
            make(StatusCode::SERVICE_UNAVAILABLE, "upstream", "A part of the system does not answer")
                .detail(format!("The {service} service does not answer at the moment. Try again."))
                .retry_after(2)
        }
    }
}

fn make(status: StatusCode, kind: &'static str, title: &'static str) -> serve::Problem {
    serve::Problem::new(status, kind, title)
}
