//! All metrics of the registry, the store and the origin, by name.

use std::sync::atomic::{AtomicI64, AtomicU64};

use axum::http::StatusCode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// Counters and gauges; clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    /// Answers of the origin below 400.
    pub(crate) origin_served: Counter<u64, AtomicU64>,
    /// Answers of the origin that refuse (4xx).
    pub(crate) origin_refused: Counter<u64, AtomicU64>,
    /// Answers of the origin that failed (5xx), a starting stage included.
    pub(crate) origin_failed: Counter<u64, AtomicU64>,
    /// Requests that went on to a mixer.
    pub(crate) mixer_requests: Counter<u64, AtomicU64>,
    /// Recordings that were finished without their mixer.
    pub(crate) orphans_finished: Counter<u64, AtomicU64>,
    /// Events that left the outbox.
    pub(crate) events_delivered: Counter<u64, AtomicU64>,
    /// Recordings that are not finished.
    pub(crate) live_recordings: Gauge<i64, AtomicI64>,
    /// Bytes in the embedded store, as of the last look.
    pub(crate) stored_bytes: Gauge<i64, AtomicI64>,
}

impl Metrics {
    /// Shows all.
    pub(crate) fn register(&self, registry: &telemetry::Metrics) {
        let all = self;
        registry.register(|r| {
            r.register("media_origin_served", "HLS answers below 400", all.origin_served.clone());
            r.register("media_origin_refused", "HLS answers 4xx", all.origin_refused.clone());
            r.register("media_origin_failed", "HLS answers 5xx", all.origin_failed.clone());
            r.register(
                "media_mixer_requests",
                "HLS requests that went to a mixer",
                all.mixer_requests.clone(),
            );
            r.register(
                "media_orphans_finished",
                "Recordings finished without their mixer",
                all.orphans_finished.clone(),
            );
            r.register("media_events_delivered", "Events that left the outbox", all.events_delivered.clone());
            r.register("media_live_recordings", "Recordings in progress", all.live_recordings.clone());
            r.register("media_stored_bytes", "Bytes in the embedded store", all.stored_bytes.clone());
        });
    }

    /// Counts an answer of the origin.
    pub(crate) fn count_answer(&self, status: StatusCode) {
        let counter = match status.as_u16() {
            0..400 => &self.origin_served,
            400..500 => &self.origin_refused,
            500.. => &self.origin_failed,
        };
        counter.inc();
    }
}
