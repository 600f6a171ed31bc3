//! Media transform service (MTS): makes more of an asset. The other half of the service `media` is `mar`.
//!
//! Jobs stand in the registry's database ([`db`]). Workers claim them with a lease and a fencing number
//! (`job`, `worker`), and run each in a sandboxed child (`run`, `child`). What a job made is published in the
//! transaction that ends it, once, whoever else tried.

mod api;
mod child;
pub mod db;
mod job;
mod protocol;
mod run;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use auth::service::ServiceKey;
use axum::Router;
use mar::registry::Registry;
use serve::CancellationToken;
use tokio::task::JoinHandle;

pub use child::child_main;
pub use protocol::Bounds;
pub use run::ChildCommand;

use crate::job::Lane;
use crate::worker::Shop;

/// Settings of the transforms.
#[derive(Debug, Clone)]
pub struct Config {
    /// Inputs and outputs of running jobs lie in `transforms/` of it; emptied at start.
    pub data_dir: PathBuf,
    /// Checks service tokens.
    pub service_key: ServiceKey,
    /// Jobs at a time, and one more for probes.
    pub workers: usize,
    /// How much of the machine one transform may use.
    pub bounds: Bounds,
    /// A worker that is silent for so long has lost its job.
    pub lease: Duration,
    /// How a transform's child is started.
    pub child: ChildCommand,
}

/// Running workers.
#[derive(Debug)]
pub struct Service {
    router: Router,
    stop: CancellationToken,
    workers: Vec<JoinHandle<()>>,
}

/// Starts the workers on a registry whose database has [`db::MIGRATIONS`].
///
/// # Errors
/// When the work folder cannot be made.
pub async fn start(config: Config, registry: Registry) -> anyhow::Result<Service> {
    let work_dir = config.data_dir.join("transforms");
    // What an earlier process left is input and output of jobs that begin anew.
    let _ = tokio::fs::remove_dir_all(&work_dir).await;
    tokio::fs::create_dir_all(&work_dir)
        .await
        .with_context(|| format!("cannot make {}", work_dir.display()))?;
    let router = api::router(api::App { db: registry.db().clone(), service_key: config.service_key });
    let Config { child, bounds, lease, .. } = config;
    let shop = Arc::new(Shop { registry, work_dir, child, bounds, lease });
    let stop = CancellationToken::new();
    let lanes = std::iter::repeat_n(Lane::Any, config.workers.max(1)).chain([Lane::Probes]);
    let workers =
        lanes.map(|lane| tokio::spawn(worker::work(Arc::clone(&shop), lane, stop.clone()))).collect();
    Ok(Service { router, stop, workers })
}

impl Service {
    /// `/internal/media/v1/…/jobs`.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Stops the workers and kills their children; their jobs are taken over when their leases end.
    pub async fn shutdown(self) {
        self.stop.cancel();
        for worker in self.workers {
            // A worker that panicked was reported; its job's lease runs out.
            let _ = worker.await;
        }
    }
}
