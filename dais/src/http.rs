//! The HTTP surface of one process: what the services bring, health, metrics and the web apps.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serve::Problem;
use telemetry::Metrics;

use tokio::sync::RwLock;

use crate::start::Parts;
use crate::web;

/// Everything, as other services see it.
pub(crate) fn internal(services: Router, metrics: Metrics, parts: Arc<RwLock<Parts>>) -> Router {
    let scraped = Arc::clone(&parts);
    services
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move || readiness(Arc::clone(&parts))))
        .route("/metrics", get(move || scrape(metrics.clone(), Arc::clone(&scraped))))
        .fallback(web::page)
}

/// The same without what only services may reach.
pub(crate) fn public(internal: Router) -> Router {
    internal.layer(middleware::from_fn(hide_internal))
}

async fn hide_internal(request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/internal/") {
        return serve::not_found().into_response();
    }
    next.run(request).await
}

async fn readiness(parts: Arc<RwLock<Parts>>) -> Response {
    let missing = parts.read().await.missing().await;
    if missing.is_empty() {
        return "ready\n".into_response();
    }
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "A part of this process is not ready")
        .detail(missing.join("; "))
        .retry_after(2)
        .into_response()
}

/// The SFU counts in its shards and writes its own text, which comes first: the other one ends with `# EOF`.
async fn scrape(metrics: Metrics, parts: Arc<RwLock<Parts>>) -> impl IntoResponse {
    let sfu = parts.read().await.sfu.as_ref().map(sfu::Service::metrics).unwrap_or_default();
    let sfu = sfu.trim_end().trim_end_matches("# EOF");
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], format!("{sfu}{}", metrics.render()))
}
