//! The mixer service: stage → picture and sound → live HLS and recording.
//!
//! One child process per live stage decodes, composes and encodes ([`child_protocol`] is what it says); the
//! service owns names, files, uploads, playlists and the recording index. Pure decisions are in
//! `mixer-core` and `hls`.
//!
//! # When S3 is unreachable
//! Segments wait in the spool (`Config::data_dir`) and follow, in order, when the bucket answers again; live
//! playlists go on, and `StageStatus::saving` says since when something waits. Nothing unsaved is ever
//! deleted. When half of `Config::spool_limit_bytes` is used, no further stage may go live (503,
//! `spool-full`). When all of it is, live stages pause: their children end in order, nothing is made that
//! could not be kept, an error is logged every minute, and they go on by themselves, with a discontinuity,
//! when the bucket has taken a quarter. A disk that refuses a write earlier ends a stage's run too, which is
//! tried again with growing pauses: what the disk never took was never named in a playlist.
//!
//! # Restart
//! After any end of the process the spool's journals say what exists. Unsaved files go to the bucket at
//! once; a stage goes on, with a discontinuity, when it is asked for again (`PUT /stages/{stage_id}` with the
//! same asset). Until then its playlists are served as they are.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use bucket::Bucket;
use tokio::task::JoinHandle;

pub mod child_protocol;
pub mod config;

mod child;
mod content;
mod http;
mod ledger;
mod media_client;
mod metrics;
mod paths;
mod range;
mod spool;
mod stage;
mod stages;
mod supervisor;

pub use child::child_main;
pub use config::{ChildCommand, Config, Ladder};

use crate::media_client::MediaClient;
use crate::metrics::Metrics;
use crate::stage::Context;
use crate::stages::Stages;

/// A running mixer service.
#[derive(Debug)]
pub struct Service {
    context: Arc<Context>,
    stages: Arc<Stages>,
    housekeeping: JoinHandle<()>,
}

/// Starts the service: finds what an earlier process left in the spool and goes on with its uploads.
///
/// # Errors
/// When the data folder cannot be used.
pub async fn start(config: Config, metrics: &telemetry::Metrics) -> anyhow::Result<Service> {
    let media = MediaClient::new(&config.media_url, config.service_key.clone())
        .context("the media service's client cannot be made")?;
    let bucket = Bucket::with_one_try(&config.bucket, BUCKET_TIMEOUT);
    let context = Arc::new(Context::new(config, bucket, media, Metrics::register(metrics)));
    let stages = Arc::new(Stages::new(Arc::clone(&context)));
    stages.resume().await.context("the spool cannot be read")?;
    let housekeeping = tokio::spawn({
        let stages = Arc::clone(&stages);
        async move { stages.keep_house().await }
    });
    Ok(Service { context, stages, housekeeping })
}

impl Service {
    /// `/internal/mixer/v1`.
    pub fn router(&self) -> Router {
        http::router(Arc::clone(&self.context), Arc::clone(&self.stages))
    }

    /// Whether a stage could go live now.
    ///
    /// # Errors
    /// Says in words what is missing.
    pub async fn ready(&self) -> Result<(), String> {
        let dir = self.context.config.data_dir.join("spool");
        match tokio::fs::metadata(&dir).await {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(_) => Err(format!("{} is not a folder", dir.display())),
            Err(error) => Err(format!("{}: {error}", dir.display())),
        }
    }

    /// Stops all children in order, and waits up to `Config::shutdown_drain` until the bucket has
    /// everything and every live recording plays as a replay. The recordings may go on after a restart.
    pub async fn shutdown(self) {
        self.stages.suspend(self.context.config.shutdown_drain).await;
        self.housekeeping.abort();
    }
}

/// A segment of 1 MB in this time needs 1 Mb/s; slower, the live stage outruns the upload for good.
const BUCKET_TIMEOUT: Duration = Duration::from_secs(10);

/// A uniformly random number, for the spread of pauses.
fn chance() -> u32 {
    // Without randomness pauses are merely less spread.
    getrandom::u32().unwrap_or(u32::MAX / 2)
}
