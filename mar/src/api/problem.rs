//! What each error is over HTTP: the only place that knows status codes.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bucket::BucketError;
use serve::Problem;

use crate::error::MediaError;

/// No credentials, or wrong ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unauthorised;

impl IntoResponse for Unauthorised {
    fn into_response(self) -> Response {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorised", "Credentials are needed");
        let mut response = problem
            .detail("Bring a service token, or the API key pair as HTTP Basic credentials.")
            .into_response();
        let challenge = HeaderValue::from_static("Basic realm=\"media\", Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        response
    }
}

impl IntoResponse for MediaError {
    fn into_response(self) -> Response {
        let detail = self.to_string();
        let problem = match self {
            Self::Bucket(error) => bucket(&error),
            Self::Db(error) => {
                tracing::error!(%error, "the database fails");
                let kind = "database-unreachable";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, kind, "The registry cannot be used now")
                    .retry_after(2)
            }
            Self::DamagedIndex(what) => {
                tracing::error!(what, "a recording index is damaged");
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "damaged-index", "The recording is damaged")
            }
            refused @ (Self::NotFound(_)
            | Self::Invalid(_)
            | Self::IndexIncomplete(_)
            | Self::UploadClosed(_)
            | Self::PartsMissing { .. }
            | Self::NotWebVtt(_)
            | Self::NameTaken
            | Self::KeyReused
            | Self::NotReady
            | Self::PlaybackRefused
            | Self::Starting) => refusal(&refused).detail(detail),
        };
        problem.into_response()
    }
}

fn refusal(error: &MediaError) -> Problem {
    let of = Problem::new;
    match error {
        MediaError::NotFound(_) => of(StatusCode::NOT_FOUND, "not-found", "There is nothing here"),
        MediaError::Invalid(_) => of(StatusCode::BAD_REQUEST, "invalid-request", "The request is malformed"),
        MediaError::IndexIncomplete(_) => {
            of(StatusCode::CONFLICT, "index-incomplete", "The bucket does not hold the index").retry_after(2)
        }
        MediaError::UploadClosed(_) => of(StatusCode::CONFLICT, "upload-closed", "The upload is over"),
        MediaError::PartsMissing { missing, parts } => {
            let problem = of(StatusCode::CONFLICT, "parts-missing", "Parts of the file are missing");
            problem.member("missing", *missing).member("parts", *parts)
        }
        MediaError::NotWebVtt(_) => {
            of(StatusCode::UNPROCESSABLE_ENTITY, "not-webvtt", "The caption file is not WebVTT")
        }
        MediaError::NameTaken => of(StatusCode::CONFLICT, "name-taken", "The name is taken"),
        MediaError::KeyReused => {
            let kind = "idempotency-key-reused";
            of(StatusCode::UNPROCESSABLE_ENTITY, kind, "The key belongs to another request")
        }
        MediaError::NotReady => of(StatusCode::CONFLICT, "asset-not-ready", "The asset does not play"),
        MediaError::PlaybackRefused => {
            of(StatusCode::FORBIDDEN, "playback-refused", "A valid playback token is needed")
        }
        MediaError::Starting => {
            of(StatusCode::SERVICE_UNAVAILABLE, "no-segment-yet", "The stage is starting").retry_after(1)
        }
        MediaError::Bucket(_) | MediaError::Db(_) | MediaError::DamagedIndex(_) => {
            of(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The service failed")
        }
    }
}

fn bucket(error: &BucketError) -> Problem {
    match error {
        BucketError::NotFound { .. } => {
            Problem::new(StatusCode::NOT_FOUND, "not-found", "There is nothing here")
        }
        BucketError::InvalidRange { .. } => Problem::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "invalid-range",
            "The range lies outside the file",
        ),
        BucketError::Refused { code, .. } if code == "InsufficientStorage" => {
            tracing::error!(%error, "the store is full");
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "storage-full", "There is no room for this")
                .detail("Delete assets, or give the store more room.")
        }
        BucketError::PreconditionFailed { .. }
        | BucketError::TooLarge { .. }
        | BucketError::Refused { .. }
        | BucketError::Unreachable { .. }
        | BucketError::LocalFile(_) => {
            tracing::error!(%error, "the bucket fails");
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "bucket-unreachable",
                "The storage cannot be used now",
            )
            .retry_after(2)
        }
    }
}
