//! The bucket's routes on the listener: `s3s` behind headers that make a stored file harmless in a
//! browser.
//!
//! Objects are whatever people uploaded, and may be served from the web app's own origin. So every answer
//! says `nosniff`, downloads instead of showing, and would run in an empty sandbox.

use axum::Router;
use axum::error_handling::HandleError;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tower_http::cors::{Any, CorsLayer};

use super::Store;
use super::protocol::Protocol;

pub(super) fn router(store: &Store) -> Router {
    let config = &store.config;
    let mut builder = S3ServiceBuilder::new(Protocol(store.clone()));
    builder.set_auth(SimpleAuth::from_single(&config.access_key, config.secret_key.as_str()));
    let service = HandleError::new(builder.build(), |error: s3s::HttpError| async move {
        tracing::error!(?error, "the S3 protocol layer failed");
        StatusCode::INTERNAL_SERVER_ERROR
    });
    let bucket = &config.bucket;
    Router::new()
        .route_service(&format!("/{bucket}"), service.clone())
        .route_service(&format!("/{bucket}/"), service.clone())
        .route_service(&format!("/{bucket}/{{*key}}"), service)
        .layer(middleware::from_fn(harmless))
        .layer(cors())
}

/// Any page may use a presigned URL: the signature is the authority, and no cookie is ever read here.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE])
        .allow_headers(Any)
        .expose_headers([header::ETAG, header::CONTENT_LENGTH, header::CONTENT_RANGE, X_AMZ_REQUEST_ID])
        .max_age(std::time::Duration::from_secs(3600))
}

async fn harmless(request: Request, next: Next) -> Response {
    // A browser form would be read into memory before its signature is checked.
    let form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"multipart/form-data"));
    if form {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
    );
    let attached = headers
        .get(header::CONTENT_DISPOSITION)
        .is_some_and(|value| value.as_bytes().to_ascii_lowercase().starts_with(b"attachment"));
    if !attached {
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    response
}

const X_AMZ_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
