//! The running service.

use std::time::Duration;

use ::db::Db;
use anyhow::Context as _;
use axum::Router;
use axum::http::{HeaderValue, header};
use serve::CancellationToken;
use tokio::task::JoinHandle;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::api::routes;
use crate::config::Config;
use crate::db::{MIGRATIONS, Store};
use crate::metrics::Metrics;
use crate::reconcile;
use crate::state::App;
use crate::{secret, upstream};

/// A running control-api.
#[derive(Debug)]
pub struct Service {
    router: Router,
    store: Store,
    metrics: Metrics,
    first_sign_in_link: Option<String>,
    stop: CancellationToken,
    reconciler: JoinHandle<()>,
}

/// Opens the database, makes the first organiser if there is none, and begins to reconcile.
///
/// The other services need not be there yet.
///
/// # Errors
/// When the database cannot be opened.
pub async fn start(config: Config) -> anyhow::Result<Service> {
    let db =
        Db::open(&config.database, "control", MIGRATIONS).await.context("opening control-api's database")?;
    let store = Store::new(db);
    let http = upstream::http_client().context("setting up the HTTP client")?;
    let app = App::new(&config, store.clone(), http);
    let token = secret::random();
    let made = store
        .ensure_first_organiser(&secret::hash(&token), LINK_LIFETIME)
        .await
        .context("making the first organiser")?;
    let stop = CancellationToken::new();
    let reconciler = tokio::spawn(reconcile::run(app.clone(), stop.clone()));
    let no_store = HeaderValue::from_static("no-store");
    Ok(Service {
        first_sign_in_link: made.then(|| app.page(&format!("/sign-in#token={token}"))),
        metrics: app.metrics.clone(),
        router: routes::router(app)
            .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, no_store)),
        store,
        stop,
        reconciler,
    })
}

impl Service {
    /// Everything under `/api/v1`.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// A link that signs the first organiser in, once and within a day. `None` as soon as an organiser has
    /// a password. Print it at start; each start makes a new one.
    #[must_use]
    pub fn first_sign_in_link(&self) -> Option<&str> {
        self.first_sign_in_link.as_deref()
    }

    /// Shows this service's metrics in the process's registry.
    pub fn register_metrics(&self, registry: &telemetry::Metrics) {
        self.metrics.register(registry);
    }

    /// Whether requests can be answered.
    ///
    /// # Errors
    /// Says what is missing.
    pub async fn ready(&self) -> Result<(), String> {
        self.store.ping().await.map_err(|error| format!("control-api's database does not answer: {error}"))
    }

    /// Stops reconciling and closes the database. Stages stay on air: the next start goes on with them.
    pub async fn shutdown(self) {
        self.stop.cancel();
        let mut reconciler = self.reconciler;
        if tokio::time::timeout(STOP_WITHIN, &mut reconciler).await.is_err() {
            reconciler.abort();
        }
        self.store.close().await;
    }
}

/// Long enough to clone, build and open a browser.
const LINK_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// A step in progress may wait for another service; it is repeated at the next start.
const STOP_WITHIN: Duration = Duration::from_secs(3);
