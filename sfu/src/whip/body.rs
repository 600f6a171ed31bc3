//! Reads the text of a request within its type, size and time.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use futures::StreamExt as _;

use super::refused::Refused;

/// The whole body as text.
///
/// # Errors
/// [`Refused::ContentType`], [`Refused::TooLarge`], [`Refused::Slow`], or [`Refused::Text`].
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    media_type: &'static str,
    limit: usize,
) -> Result<String, Refused> {
    let named = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let named = named.split(';').next().unwrap_or_default().trim();
    if !named.eq_ignore_ascii_case(media_type) {
        return Err(Refused::ContentType(media_type));
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > limit as u64) {
        return Err(Refused::TooLarge(limit));
    }
    let collected = tokio::time::timeout(BODY_TIMEOUT, collect(body, limit));
    let bytes = collected.await.map_err(|_| Refused::Slow)??;
    String::from_utf8(bytes).map_err(|_| Refused::Text)
}

async fn collect(body: Body, limit: usize) -> Result<Vec<u8>, Refused> {
    let (mut bytes, mut stream) = (Vec::new(), body.into_data_stream());
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Refused::Slow)?;
        if bytes.len() + chunk.len() > limit {
            return Err(Refused::TooLarge(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A session description fits into one round trip; a body that takes longer holds its socket on purpose.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
