//! All SQL of the registry, on SQLite and PostgreSQL alike.
//!
//! Functions take a transaction when they write, so that a caller writes its effect and its outbox row
//! together. They decide nothing: transitions are allowed or refused by `registry`.

mod assets;
mod outbox;
mod recordings;
mod tracks;
mod uploads;

pub use self::assets::{
    asset, asset_for_update, assets_page, assets_preparing, delete_asset, doom, doomed_prefixes,
    forget_doomed, insert_asset, insert_playback_name, playback_name, playback_names, remove_playback_name,
    set_prefix, set_probed, set_state,
};
pub use self::outbox::{
    append_event, idempotent_answer, mark_delivered, remember_answer, undelivered, vacuum,
};
pub use self::recordings::{insert_live, live, live_all, remove_live, seen, set_mixer};
pub use self::tracks::{
    delete_text_track, insert_text_track, put_static, static_rendition, static_renditions, text_track,
    text_tracks,
};
pub use self::uploads::{insert_upload, overdue_uploads, set_upload_state, upload};

use db::Migration;

/// The registry's tables. A service with more tables in the same database puts its own migrations between
/// them, by version.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "assets", sql: include_str!("../migrations/0001_assets.sql") },
    Migration { version: 3, name: "probed", sql: include_str!("../migrations/0003_probed.sql") },
];

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The database answers with an error.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A row holds something that is never written.
    #[error("a row of the database is damaged: {0}")]
    Corrupt(String),
}

impl db::Transient for DbError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => db::is_transient(error),
            Self::Corrupt(_) => false,
        }
    }
}

/// Reads a text column as an id or a name.
fn parsed<T: std::str::FromStr>(row: &sqlx::any::AnyRow, column: &'static str) -> Result<T, DbError>
where
    T::Err: std::fmt::Display,
{
    use sqlx::Row as _;
    let text: String = row.try_get(column)?;
    text.parse().map_err(|error| DbError::Corrupt(format!("{column}: {error}")))
}

/// Reads a number that is never negative.
fn unsigned<T: TryFrom<i64>>(row: &sqlx::any::AnyRow, column: &'static str) -> Result<T, DbError> {
    use sqlx::Row as _;
    let value: i64 = row.try_get(column)?;
    T::try_from(value).map_err(|_| DbError::Corrupt(format!("{column} is out of range")))
}

/// A number as the database holds it. Sizes and counts stay far below the bound.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
