//! All metrics of this service, by name.

use std::sync::atomic::AtomicI64;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::state::App;

/// Counters and gauges; clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    /// Answered requests.
    requests: Family<Answered, Counter>,
    /// Time from the request's head to the answer's head.
    request_seconds: Family<Route, Histogram>,
    /// Recordings that are not ended.
    pub(crate) active_recordings: Gauge<i64, AtomicI64>,
    /// Steps of the reconciler that failed and are repeated.
    pub(crate) reconcile_failures: Counter,
    /// Wrong passwords and dead links.
    pub(crate) refused_sign_ins: Counter,
}

/// A route, as registered: ids stay placeholders.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: String,
    route: String,
}

/// A route and how it answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u16,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            active_recordings: Gauge::default(),
            reconcile_failures: Counter::default(),
            refused_sign_ins: Counter::default(),
        }
    }
}

impl Metrics {
    /// Shows them at `/metrics`.
    pub(crate) fn register(&self, registry: &telemetry::Metrics) {
        registry.register(|r| {
            r.register("control_requests", "Requests answered", self.requests.clone());
            r.register(
                "control_request_seconds",
                "From a request's head to its answer's head",
                self.request_seconds.clone(),
            );
            r.register("control_active_recordings", "Stages on air", self.active_recordings.clone());
            r.register(
                "control_reconcile_failures",
                "Steps towards a stage's wanted state that failed",
                self.reconcile_failures.clone(),
            );
            r.register(
                "control_refused_sign_ins",
                "Wrong passwords and dead sign-in links",
                self.refused_sign_ins.clone(),
            );
        });
    }
}

/// Counts and times every request.
pub(crate) async fn measure(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let route = path.map_or("unknown", MatchedPath::as_str).to_owned();
    let method = request.method().as_str().to_owned();
    let began = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    app.metrics
        .request_seconds
        .get_or_create(&Route { method: method.clone(), route: route.clone() })
        .observe(began.elapsed().as_secs_f64());
    app.metrics.requests.get_or_create(&Answered { method, route, status }).inc();
    response
}

/// Around the goal of 20 ms at the 99th percentile.
const BUCKETS: [f64; 9] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0];
