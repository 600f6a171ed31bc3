//! The web apps, embedded in the binary: files by name, `index.html` for every other page address.
//!
//! The apps are built into `web/dist` by `make web`; without them a page says so.

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../web/dist/"]
#[allow_missing = true]
struct Dist;

/// Answers what no service's route took.
pub(crate) async fn page(method: Method, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if method != Method::GET && method != Method::HEAD {
        return serve::not_found().into_response();
    }
    if let Some(file) = Dist::get(path).filter(|_| path != INDEX) {
        return asset(path, file);
    }
    if is_api(path) {
        return serve::not_found().into_response();
    }
    match Dist::get(INDEX) {
        Some(file) => index(file),
        None => Html(NO_WEB).into_response(),
    }
}

/// Paths that belong to services: an unknown one is an error, not a page.
fn is_api(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    ["api", "internal", "media", "hls", "rtc", "twirp", "assets"].contains(&first)
}

fn asset(path: &str, file: EmbeddedFile) -> Response {
    // Vite names files under `assets/` by their content.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let kind = file.metadata.mimetype().to_owned();
    (
        [(header::CONTENT_TYPE, kind.as_str()), (header::CACHE_CONTROL, cache)],
        with_nosniff(file.data.into_owned()),
    )
        .into_response()
}

fn index(file: EmbeddedFile) -> Response {
    let headers: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")),
    ];
    (StatusCode::OK, headers, with_nosniff(file.data.into_owned())).into_response()
}

fn with_nosniff(body: Vec<u8>) -> impl IntoResponse {
    ([(header::X_CONTENT_TYPE_OPTIONS, "nosniff")], body)
}

const INDEX: &str = "index.html";

/// Scripts only from here; `connect-src` is open because an SFU or a bucket may have another host; `blob:`
/// media is hls.js feeding Media Source Extensions; inline styles are the component libraries'.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob: https: http:; media-src 'self' blob: https: http:; font-src 'self' data:; \
    connect-src 'self' ws: wss: https: http:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; \
    frame-ancestors 'self'; form-action 'self'";

const NO_WEB: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Dais</title>\
    <p>Dais runs, but this binary was built without its web apps: run <code>make web</code>, build again.</p>";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_api_path_is_a_problem_and_a_page_path_is_a_page() {
        let api = page(Method::GET, Uri::from_static("/api/v1/nothing")).await;
        assert_eq!(api.status(), StatusCode::NOT_FOUND);
        assert_eq!(api.headers()[header::CONTENT_TYPE], "application/problem+json");
        let page = page(Method::GET, Uri::from_static("/events/evt_1")).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert!(page.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
    }
}
