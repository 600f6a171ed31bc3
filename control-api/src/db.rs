//! All SQL of this service. Decides how rows become values; who may see them is decided by the callers.

pub(crate) mod accounts;
pub(crate) mod events;
pub(crate) mod idempotency;
pub(crate) mod people;
pub(crate) mod replays;
pub(crate) mod row;
pub(crate) mod stages;

use ::db::{Db, Migration, Tx};

/// This service's tables.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn begin(&self) -> Result<Tx, sqlx::Error> {
        self.db.begin().await
    }

    pub(crate) async fn ping(&self) -> Result<(), sqlx::Error> {
        self.db.ping().await
    }

    pub(crate) async fn close(&self) {
        self.db.close().await;
    }
}

/// The schema's history.
pub(crate) const MIGRATIONS: &[Migration] =
    &[Migration { version: 1, name: "events", sql: include_str!("../migrations/0001_events.sql") }];
