//! Parts of requests, with our own words when they are malformed.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::caller::Caller;
use crate::error::MediaError;
use crate::registry::RequestKey;

/// Largest JSON body: the numbers of ten thousand parts fit.
const MAX_BODY_BYTES: usize = 128 << 10;

/// Longest `Idempotency-Key`.
const MAX_KEY_BYTES: usize = 255;

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = MediaError;

    async fn from_request(request: Request, _: &S) -> Result<Self, MediaError> {
        let bytes = to_bytes(request.into_body(), MAX_BODY_BYTES).await;
        let bytes = bytes.map_err(|_| MediaError::Invalid("the body is too large or was cut".to_owned()))?;
        // An empty body stands for an object without members.
        let bytes = if bytes.is_empty() { "{}".into() } else { bytes };
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| MediaError::Invalid(format!("body: {error}")))
    }
}

/// Ids in the path; a malformed one is as unknown as any other.
#[derive(Debug)]
pub(crate) struct Ids<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Ids<T> {
    type Rejection = MediaError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, MediaError> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        read.map(|Path(ids)| Self(ids)).map_err(|_| MediaError::NotFound("resource"))
    }
}

/// The query.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = MediaError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, MediaError> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        read.map(|Query(query)| Self(query)).map_err(|error| MediaError::Invalid(error.body_text()))
    }
}

/// The `Idempotency-Key` of a request that asks for `what`.
pub(crate) fn request_key<T: Serialize>(
    caller: Caller,
    headers: &HeaderMap,
    path: &str,
    what: &T,
) -> Result<Option<RequestKey>, MediaError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let malformed =
        || MediaError::Invalid(format!("`Idempotency-Key` has 1 to {MAX_KEY_BYTES} visible characters"));
    let key = value.to_str().map_err(|_| malformed())?;
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        return Err(malformed());
    }
    let body = serde_json::to_string(what).unwrap_or_default();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, format!("{path}\n{body}").as_bytes());
    Ok(Some(RequestKey {
        caller: caller.name().to_owned(),
        key: key.to_owned(),
        request: hex::encode(digest.as_ref()),
    }))
}
