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
    if is_hidden(path) || (method != Method::GET && method != Method::HEAD) {
        return serve::not_found().into_response();
    }
    if let Some(file) = Dist::get(path).filter(|_| path != INDEX) {
        return asset(path, file.metadata.mimetype(), file.data.into_owned());
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

/// Files and folders whose name starts with a dot are the build's own, such as `.vite/manifest.json`.
fn is_hidden(path: &str) -> bool {
    path.split('/').any(|name| name.starts_with('.'))
}

fn asset(path: &str, kind: &str, body: Vec<u8>) -> Response {
    let cache = if is_named_by_content(path) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response =
        ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)], with_nosniff(body)).into_response();
    if path.starts_with(EMBED) {
        // Modules and fonts are fetched with CORS; these are public files, the same for everybody.
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    }
    response
}

/// Vite puts a hash of the content into the names of these files.
fn is_named_by_content(path: &str) -> bool {
    path.starts_with("assets/") || path.starts_with("embed/assets/")
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

/// Custom elements for other sites' pages.
const EMBED: &str = "embed/";

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

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

    #[tokio::test]
    async fn what_the_build_left_for_itself_is_not_served() {
        for path in ["/.vite/manifest.json", "/embed/.vite/manifest.json", "//.vite/manifest.json"] {
            let answer = page(Method::GET, path.parse().unwrap()).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        }
        let dotted = page(Method::GET, Uri::from_static("/e/day.one")).await;
        assert_eq!(dotted.status(), StatusCode::OK, "a dot inside a name hides nothing");
    }

    fn script(path: &str) -> Response {
        asset(path, "text/javascript", b"export {};".to_vec())
    }

    #[test]
    fn embedded_parts_load_in_pages_of_any_origin_and_the_apps_do_not() {
        let element = script("embed/dais-stage.js");
        assert_eq!(element.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(element.headers()[header::CACHE_CONTROL], "no-cache");
        let chunk = script("embed/assets/player-abc.js");
        assert_eq!(chunk.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(chunk.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        let app = script("assets/index-abc.js");
        assert!(!app.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    }
}
