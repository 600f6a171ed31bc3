//! The media asset registry (MAR): one half of the service `media`, the other is `mts`.
//!
//! Holds the bucket (embedded store or external) and what is in it: assets, uploads, text tracks,
//! playback ids, and the HLS origin. It encodes nothing.
//!
//! - [`store`]: the embedded S3 store. All files go through the client in `libs/bucket`, wherever they are.
//! - [`registry`]: which changes are allowed; [`db`]: the SQL; [`outbox`]: the events.
//! - `api`, `origin`: HTTP. `caretaker`: what is done without being asked.
//!
//! `mts` builds on [`Service::registry`]: it finds work with [`registry::Registry::preparing_uploads`] and
//! ends it, in a transaction with its own tables, with [`registry::describe_asset`],
//! [`registry::publish_asset`], [`registry::put_static_rendition`] or [`registry::fail_asset`].

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, SystemTime};

use ::db::{Db, Location, Migration};
use anyhow::Context as _;
use auth::playback::PlaybackKey;
use auth::service::ServiceKey;
use bucket::{Bucket, BucketConfig};
use prometheus_client::metrics::gauge::Gauge;
use tokio::task::JoinHandle;

mod api;
pub mod asset;
mod caretaker;
pub mod db;
mod error;
pub mod index;
mod metrics;
mod origin;
pub mod outbox;
pub mod registry;
pub mod store;

pub use api::ApiPair;
pub use error::MediaError;

use metrics::Metrics;
use outbox::EventBus;
use registry::{Registry, UploadLimits};
use store::Store;

/// Settings of the service.
#[derive(Clone)]
pub struct Config {
    /// Folder of the embedded store (`s3/`) and the SQLite file (`media.db`).
    pub data_dir: PathBuf,
    /// PostgreSQL URL; `None` for SQLite in the data folder.
    pub database_url: Option<String>,
    /// Tables: [`db::MIGRATIONS`], or a longer list that starts with them.
    pub migrations: &'static [Migration],
    /// The bucket. With an embedded store its endpoint is the listener that serves [`Service::router`].
    pub bucket: BucketConfig,
    /// Bounds of the embedded store; `None` when the bucket is somewhere else.
    pub embedded: Option<store::Limits>,
    /// Base of the URLs in answers.
    pub public_url: String,
    /// Key pair of server programs.
    pub api_pair: ApiPair,
    /// Key of service tokens.
    pub service_key: ServiceKey,
    /// Key of playback tokens.
    pub playback_key: PlaybackKey,
    /// Bounds of uploads.
    pub uploads: UploadLimits,
    /// How long a mixer may be silent before its recordings are finished without it.
    pub mixer_patience: Duration,
    /// Where events go.
    pub bus: Arc<dyn EventBus>,
}

impl Config {
    /// Patience with a mixer that fits a restart of its process and of its machine's network.
    pub const MIXER_PATIENCE: Duration = Duration::from_secs(60);
}

/// The running service.
#[derive(Debug)]
pub struct Service {
    registry: Registry,
    store: Option<Store>,
    router: axum::Router,
    tasks: Vec<JoinHandle<()>>,
    metrics: Metrics,
}

/// Starts the service: opens the store and the database, and begins to look after recordings.
///
/// # Errors
/// When a folder, the store or the database cannot be opened.
pub async fn start(config: Config) -> anyhow::Result<Service> {
    let public_url: Arc<str> = config.public_url.trim_end_matches('/').into();
    let store = open_store(&config).await?;
    let database = open_database(&config).await?;
    let bucket = Bucket::new(&config.bucket);
    let registry = Registry::new(database, bucket, config.playback_key.clone(), config.uploads.clone());
    let mixers = origin::MixerClient::new(config.service_key.clone()).context("make an HTTP client")?;
    let app = api::App {
        registry: registry.clone(),
        service_key: config.service_key.clone(),
        api_pair: Arc::new(config.api_pair.clone()),
        public_url,
    };
    let metrics = Metrics::default();
    let origin = origin::Origin::new(registry.clone(), mixers.clone(), metrics.clone());
    let mut router = api::router(app).merge(origin::router(origin));
    let mut tasks = vec![
        tokio::spawn(caretaker::work_forever(
            registry.clone(),
            mixers,
            metrics.clone(),
            config.mixer_patience,
        )),
        tokio::spawn(outbox::deliver_forever(
            registry.db().clone(),
            Arc::clone(&config.bus),
            Arc::clone(registry.changed()),
            metrics.events_delivered.clone(),
        )),
    ];
    if let Some(store) = &store {
        router = router.merge(store.router());
        tasks.push(store.spawn_expiry());
        tasks.push(tokio::spawn(measure_forever(store.clone(), metrics.stored_bytes.clone())));
    }
    Ok(Service { registry, store, router, tasks, metrics })
}

impl Service {
    /// Routes: `/media/v1`, `/internal/media/v1`, `/hls`, and the bucket's when it is embedded.
    pub fn router(&self) -> axum::Router {
        self.router.clone()
    }

    /// The registry, for the other half of the service.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Shows the service's metrics there.
    pub fn register_metrics(&self, metrics: &telemetry::Metrics) {
        self.metrics.register(metrics);
    }

    /// Whether database and bucket answer.
    ///
    /// # Errors
    /// Says in words what is missing.
    pub async fn ready(&self) -> Result<(), String> {
        let database = self.registry.db().ping().await;
        database.map_err(|error| format!("the media database does not answer: {error}"))?;
        match &self.store {
            // Asked directly: the listener may wait for this very answer before it opens.
            Some(store) => store.ready().await.map_err(|error| error.to_string()),
            None => self.registry.bucket().ping().await.map_err(|error| error.to_string()),
        }
    }

    /// Bytes in the embedded store, `None` when the bucket is somewhere else.
    #[must_use]
    pub fn stored_bytes(&self) -> Option<u64> {
        self.store.as_ref().map(Store::used_bytes)
    }

    /// Ends the background work and closes the databases. Every acknowledged write is durable already.
    pub async fn shutdown(self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            // Aborted is what it should be.
            let _ = task.await;
        }
        self.registry.db().close().await;
        if let Some(store) = &self.store {
            store.close().await;
        }
    }
}

async fn measure_forever(store: Store, stored_bytes: Gauge<i64, AtomicI64>) {
    let mut ticks = tokio::time::interval(MEASURE_INTERVAL);
    loop {
        ticks.tick().await;
        stored_bytes.set(i64::try_from(store.used_bytes()).unwrap_or(i64::MAX));
    }
}

async fn open_store(config: &Config) -> anyhow::Result<Option<Store>> {
    let Some(limits) = &config.embedded else { return Ok(None) };
    let bucket = &config.bucket;
    let settings = store::Config {
        folder: config.data_dir.join("s3"),
        bucket: bucket.bucket.clone(),
        access_key: bucket.access_key.clone(),
        secret_key: bucket.secret_key.clone(),
        limits: limits.clone(),
        upload_lifetime: STORE_UPLOAD_LIFETIME,
    };
    Store::open(settings).await.map(Some).context("open the embedded S3 store")
}

async fn open_database(config: &Config) -> anyhow::Result<Db> {
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("make {}", config.data_dir.display()))?;
    let location = Location::choose(config.database_url.as_deref(), &config.data_dir, "media")?;
    Db::open(&location, "media", config.migrations).await.context("open the media database")
}

/// UTC microseconds by this machine's clock, for texts only: decisions use the database's.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// As often as metrics are usually collected.
const MEASURE_INTERVAL: Duration = Duration::from_secs(10);

/// Twice the life of our own uploads, which end theirs properly.
const STORE_UPLOAD_LIFETIME: Duration = Duration::from_secs(48 * 3600);
