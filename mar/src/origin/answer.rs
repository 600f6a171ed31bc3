//! Answers of the origin: what is cached how long, and how bytes of the bucket become a body.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bucket::OpenObject;
use tokio_util::io::ReaderStream;
use wire::media::PlaybackPolicy;

use super::Viewing;

/// Media type of playlists (RFC 8216 §4).
pub(super) const PLAYLIST: &str = "application/vnd.apple.mpegurl";

/// How long an answer may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// A live playlist: half a target duration, rounded down.
    Live,
    /// A replay's playlist: captions may be added any time, and who then reloads the page must see them. Shared
    /// caches hold it for ten seconds (RFC 9111 §5.2.2.10), which is what a crowd of viewers costs the origin.
    Replay,
    /// A segment of a finished or running recording: its name never means other bytes.
    Forever,
    /// A file that a transform may replace.
    Replaceable,
}

impl Lifetime {
    fn header(self, policy: PlaybackPolicy) -> HeaderValue {
        // Who has no token may not get it from a cache that does not check tokens.
        let scope = match policy {
            PlaybackPolicy::Public => "public",
            PlaybackPolicy::Signed => "private",
        };
        let text = match self {
            Self::Live => format!("{scope}, max-age=1"),
            Self::Replay => format!("{scope}, max-age=0, s-maxage=10"),
            Self::Forever => format!("{scope}, max-age=31536000, immutable"),
            Self::Replaceable => format!("{scope}, max-age=300"),
        };
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("no-store"))
    }
}

/// A playlist or caption file.
pub(super) fn text(
    viewing: &Viewing,
    content_type: &'static str,
    lifetime: Lifetime,
    body: String,
) -> Response {
    let mut response = ([(header::CONTENT_TYPE, content_type)], body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, lifetime.header(viewing.name().policy));
    response
}

/// An object of the bucket, or a range of it, as it comes in.
pub(super) fn object(
    viewing: &Viewing,
    content_type: &str,
    lifetime: Lifetime,
    object: OpenObject,
) -> Response {
    let OpenObject { size_bytes, range, etag, body, .. } = object;
    let mut response = Response::new(Body::from_stream(ReaderStream::new(body.into_async_read())));
    let headers = response.headers_mut();
    let value = |text: String| HeaderValue::try_from(text).ok();
    let known = [
        (header::CONTENT_TYPE, value(content_type.to_owned())),
        (header::ETAG, etag.and_then(value)),
        (header::CONTENT_LENGTH, value((range.end - range.start).to_string())),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, lifetime.header(viewing.name().policy));
    if range != (0..size_bytes) || viewing.range.is_some() {
        let text = format!("bytes {}-{}/{size_bytes}", range.start, range.end.saturating_sub(1));
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(header::CONTENT_RANGE, value);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
    }
    response
}
