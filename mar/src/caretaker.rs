//! What the service does on its own: finishes recordings whose mixer is gone, closes uploads that nobody
//! finished, and empties the folders of deleted assets.
//!
//! Every step is safe to repeat and to do in several processes at once.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::asset::LiveRecording;
use crate::db as rows;
use crate::error::MediaError;
use crate::metrics::Metrics;
use crate::origin::{MixerClient, Pulse};
use crate::registry::Registry;

/// How often mixers are asked.
const PULSE_INTERVAL: Duration = Duration::from_secs(5);

/// How often the rest is done.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Mixers that are asked at the same time.
const LOOKS_AT_ONCE: usize = 16;

/// A recording that no mixer has ever claimed is given up after this many times the patience with one
/// that was: going live starts a mixer first.
const UNCLAIMED_FACTOR: u32 = 5;

/// Works until the task is dropped.
///
/// `patience` is how long a mixer may be silent. It starts anew with this process: after a restart of the
/// whole installation the mixer needs time to claim its recordings again.
pub(crate) async fn work_forever(
    registry: Registry,
    mixers: MixerClient,
    metrics: Metrics,
    patience: Duration,
) {
    let watcher = Watcher { registry: registry.clone(), mixers, metrics, patience };
    let started = Instant::now();
    let mut swept: Option<Instant> = None;
    let mut ticks = tokio::time::interval(PULSE_INTERVAL.min(patience / 4));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = watcher.watch(started.elapsed()).await {
            tracing::warn!(%error, "live recordings could not be looked after");
        }
        if swept.is_none_or(|at| at.elapsed() >= SWEEP_INTERVAL) {
            swept = Some(Instant::now());
            if let Err(error) = sweep(&registry).await {
                tracing::warn!(%error, "the registry could not be swept");
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Watcher {
    registry: Registry,
    mixers: MixerClient,
    metrics: Metrics,
    patience: Duration,
}

impl Watcher {
    async fn watch(&self, running: Duration) -> Result<(), MediaError> {
        let recordings = self.registry.live_recordings().await?;
        self.metrics.live_recordings.set(i64::try_from(recordings.len()).unwrap_or(i64::MAX));
        for some in recordings.chunks(LOOKS_AT_ONCE) {
            let mut looks = JoinSet::new();
            for recording in some {
                let (watcher, recording) = (self.clone(), recording.clone());
                looks.spawn(async move { watcher.look(&recording, running).await });
            }
            looks.join_all().await;
        }
        Ok(())
    }

    /// One that cannot be read does not keep the others from being finished.
    async fn look(&self, recording: &LiveRecording, running: Duration) {
        if let Err(error) = self.look_after(recording, running).await {
            tracing::warn!(asset = %recording.asset_id, %error, "a recording could not be looked after");
        }
    }

    async fn look_after(&self, recording: &LiveRecording, running: Duration) -> Result<(), MediaError> {
        let asset_id = &recording.asset_id;
        if let Some(url) = &recording.mixer_url
            && self.mixers.pulse(url, asset_id).await == Pulse::Alive
        {
            return self.registry.recording_seen(asset_id).await;
        }
        if self.silent_for(recording, running).await? >= patience_with(recording, self.patience) {
            let asset = self.registry.finish_orphan(asset_id).await?;
            self.metrics.orphans_finished.inc();
            let state = asset.state.name();
            tracing::warn!(asset = %asset_id, state, "finished a recording whose mixer is gone");
        }
        Ok(())
    }

    async fn silent_for(&self, recording: &LiveRecording, running: Duration) -> Result<Duration, MediaError> {
        let silent_us = self.registry.db().clock_us().await?.saturating_sub(recording.seen_at_us);
        Ok(Duration::from_micros(u64::try_from(silent_us).unwrap_or(0)).min(running))
    }
}

fn patience_with(recording: &LiveRecording, patience: Duration) -> Duration {
    if recording.mixer_url.is_some() { patience } else { patience * UNCLAIMED_FACTOR }
}

async fn sweep(registry: &Registry) -> Result<(), MediaError> {
    let expired = registry.expire_uploads().await?;
    if expired > 0 {
        tracing::info!(expired, "closed uploads that nobody finished");
    }
    for prefix in rows::doomed_prefixes(registry.db(), 100).await? {
        let removed = registry.bucket().delete_below(&format!("{prefix}/")).await?;
        let mut tx = registry.db().begin().await?;
        rows::forget_doomed(&mut tx, &prefix).await?;
        tx.commit().await?;
        tracing::info!(prefix, removed, "removed the files of a deleted asset");
    }
    Ok(())
}
