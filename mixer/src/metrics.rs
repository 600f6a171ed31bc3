//! All metrics of the mixer service, by name.

use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// Counters and gauges; clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    /// Stages that have a child or wait for one.
    pub(crate) live_stages: Gauge<i64, AtomicI64>,
    /// Segment sets that became durable.
    pub(crate) sets: Counter<u64, AtomicU64>,
    /// Durable segments of sets that were never whole.
    pub(crate) dropped_segments: Counter<u64, AtomicU64>,
    /// Children started after the first of a stage.
    pub(crate) child_restarts: Counter<u64, AtomicU64>,
    /// Times that a running child made no segment set for two segment lengths.
    pub(crate) stalls: Counter<u64, AtomicU64>,
    /// Bytes that wait for the bucket.
    pub(crate) spool_bytes: Gauge<i64, AtomicI64>,
    /// Times that a segment or a journal line could not be written.
    pub(crate) spool_failures: Counter<u64, AtomicU64>,
    /// Stages refused because the spool is full.
    pub(crate) refused_stages: Counter<u64, AtomicU64>,
    /// Bytes that the bucket acknowledged.
    pub(crate) uploaded_bytes: Counter<u64, AtomicU64>,
    /// Uploads that failed and are tried again.
    pub(crate) upload_failures: Counter<u64, AtomicU64>,
}

impl Metrics {
    /// Makes and registers all.
    #[must_use]
    pub(crate) fn register(registry: &telemetry::Metrics) -> Self {
        let all = Self::default();
        registry.register(|r| {
            r.register("mixer_live_stages", "Stages that are live", all.live_stages.clone());
            r.register("mixer_segment_sets", "Segment sets made durable", all.sets.clone());
            r.register(
                "mixer_dropped_segments",
                "Segments of sets that were never whole",
                all.dropped_segments.clone(),
            );
            r.register("mixer_child_restarts", "Children started again", all.child_restarts.clone());
            r.register("mixer_stalls", "Times a child made no segment in time", all.stalls.clone());
            r.register("mixer_spool_bytes", "Bytes that wait for the bucket", all.spool_bytes.clone());
            r.register("mixer_spool_failures", "Writes that the disk refused", all.spool_failures.clone());
            r.register(
                "mixer_refused_stages",
                "Stages refused because the spool is full",
                all.refused_stages.clone(),
            );
            r.register("mixer_uploaded_bytes", "Bytes in the bucket", all.uploaded_bytes.clone());
            r.register("mixer_upload_failures", "Uploads tried again", all.upload_failures.clone());
        });
        all
    }
}
