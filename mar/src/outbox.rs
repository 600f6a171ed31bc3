//! Events: written with the change that they tell of, delivered afterwards at least once.
//!
//! Decides what an event of the registry looks like and in which order events leave. Where they go is the
//! [`EventBus`]'s matter.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use db::{Db, Tx};
use ids::{AssetId, DomainEventId};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::Notify;

use crate::asset::Asset;
use crate::db::{self as rows, DbError};

/// What happened to an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It exists.
    Created,
    /// Its bytes are there.
    Preparing,
    /// It plays.
    Ready,
    /// It will never play.
    Errored,
    /// Text tracks or static renditions changed, or its file was looked at.
    Updated,
    /// It is gone.
    Deleted,
}

impl Kind {
    /// CloudEvents `type`.
    #[must_use]
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Created => "dais.media.asset.created.v1",
            Self::Preparing => "dais.media.asset.preparing.v1",
            Self::Ready => "dais.media.asset.ready.v1",
            Self::Errored => "dais.media.asset.errored.v1",
            Self::Updated => "dais.media.asset.updated.v1",
            Self::Deleted => "dais.media.asset.deleted.v1",
        }
    }
}

/// An event that waits for delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Order of writing.
    pub position: i64,
    /// Events of one key are delivered in order.
    pub key: String,
    /// CloudEvents 1.0 in JSON.
    pub event: String,
}

/// Why an event was not taken.
#[derive(Debug, thiserror::Error)]
#[error("the event bus did not take an event: {0}")]
pub struct BusError(pub String);

/// Where events go.
#[async_trait::async_trait]
pub trait EventBus: Send + Sync + 'static {
    /// Takes one event; it is durable, or in every subscriber's hands, when this returns.
    ///
    /// # Errors
    /// When it may not have been taken; it will come again.
    async fn publish(&self, event: &Pending) -> Result<(), BusError>;
}

/// Subscribers in the same process. One that falls behind by more than the queue loses the oldest.
#[derive(Debug, Clone)]
pub struct LocalBus(tokio::sync::broadcast::Sender<Pending>);

impl Default for LocalBus {
    fn default() -> Self {
        Self(tokio::sync::broadcast::Sender::new(QUEUE))
    }
}

impl LocalBus {
    /// Every event from now on.
    #[must_use]
    pub fn subscribe(&self) -> tokio::sync::broadcast::Receiver<Pending> {
        self.0.subscribe()
    }
}

#[async_trait::async_trait]
impl EventBus for LocalBus {
    async fn publish(&self, event: &Pending) -> Result<(), BusError> {
        // Nobody listening is fine.
        let _ = self.0.send(event.clone());
        Ok(())
    }
}

/// Writes the event of a change in the change's own transaction.
pub(crate) async fn append(
    tx: &mut Tx,
    kind: Kind,
    asset: &Asset,
    extra: serde_json::Value,
) -> Result<(), DbError> {
    let event = serde_json::json!({
        "specversion": "1.0",
        "id": DomainEventId::random(),
        "source": "/media",
        "type": kind.event_type(),
        "subject": asset.id,
        "time": hls::time::iso8601(crate::now_us()),
        "datacontenttype": "application/json",
        "data": {
            "asset_id": asset.id,
            "status": asset.state.name(),
            "title": asset.title,
            "detail": extra,
        },
    });
    rows::append_event(tx, asset.id.as_str(), &event.to_string()).await
}

/// The key under which an asset's events are ordered.
#[must_use]
pub fn key(asset_id: &AssetId) -> &str {
    asset_id.as_str()
}

/// Delivers events until the task is dropped: at once when `changed` says so, else every second.
pub(crate) async fn deliver_forever(
    db: Db,
    bus: Arc<dyn EventBus>,
    changed: Arc<Notify>,
    delivered: Counter<u64, AtomicU64>,
) {
    let mut since_vacuum = 0_u32;
    loop {
        match deliver(&db, bus.as_ref()).await {
            Ok(0) => {
                let _ = tokio::time::timeout(POLL_INTERVAL, changed.notified()).await;
                since_vacuum += 1;
            }
            Ok(count) => {
                delivered.inc_by(count);
            }
            Err(error) => {
                tracing::warn!(%error, "events wait in the outbox");
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
        if since_vacuum >= VACUUM_ROUNDS {
            since_vacuum = 0;
            if let Err(error) = vacuum(&db).await {
                tracing::warn!(%error, "delivered events stay in the outbox");
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Bus(#[from] BusError),
}

async fn deliver(db: &Db, bus: &dyn EventBus) -> Result<u64, DeliveryError> {
    let events = rows::undelivered(db, BATCH).await?;
    for event in &events {
        // In order: one that is refused holds back those behind it.
        bus.publish(event).await?;
        let mut tx = db.begin().await.map_err(DbError::from)?;
        rows::mark_delivered(db, &mut tx, event.position).await?;
        tx.commit().await.map_err(DbError::from)?;
    }
    Ok(events.len() as u64)
}

async fn vacuum(db: &Db) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    rows::vacuum(db, &mut tx, KEPT_US).await?;
    Ok(tx.commit().await?)
}

/// Events that a slow subscriber may be behind.
const QUEUE: usize = 1024;

/// Events per look into the outbox.
const BATCH: i64 = 100;

/// Another process may have written without our noticing.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Quiet rounds between two clean-ups: ten minutes.
const VACUUM_ROUNDS: u32 = 600;

/// How long delivered events and answers are kept: a day.
const KEPT_US: i64 = 24 * 3600 * 1_000_000;
