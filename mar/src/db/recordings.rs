//! Rows of recordings that are not finished.

use db::{Db, Tx};
use ids::AssetId;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{DbError, parsed};
use crate::asset::LiveRecording;

type Result<T> = std::result::Result<T, DbError>;

/// Adds a recording that no mixer has claimed.
///
/// # Errors
/// When the database fails.
pub async fn insert_live(db: &Db, tx: &mut Tx, asset_id: &AssetId) -> Result<()> {
    let sql = db.sql("INSERT INTO live_recordings (asset_id, seen_at_us) VALUES ($1, {now})");
    sqlx::query(sql).bind(asset_id.as_str()).execute(&mut **tx).await?;
    Ok(())
}

/// Notes who owns a recording; false when it is finished or unknown.
///
/// # Errors
/// When the database fails.
pub async fn set_mixer(db: &Db, tx: &mut Tx, asset_id: &AssetId, mixer_url: &str) -> Result<bool> {
    let sql = db.sql("UPDATE live_recordings SET mixer_url = $1, seen_at_us = {now} WHERE asset_id = $2");
    let done = sqlx::query(sql).bind(mixer_url).bind(asset_id.as_str()).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that the owner of a recording answered for it.
///
/// # Errors
/// When the database fails.
pub async fn seen(db: &Db, tx: &mut Tx, asset_id: &AssetId) -> Result<()> {
    let sql = db.sql("UPDATE live_recordings SET seen_at_us = {now} WHERE asset_id = $1");
    sqlx::query(sql).bind(asset_id.as_str()).execute(&mut **tx).await?;
    Ok(())
}

/// A recording that is not finished.
///
/// # Errors
/// When the database fails.
pub async fn live(db: &Db, asset_id: &AssetId) -> Result<Option<LiveRecording>> {
    let query = sqlx::query("SELECT * FROM live_recordings WHERE asset_id = $1").bind(asset_id.as_str());
    query.fetch_optional(db.read()).await?.as_ref().map(read).transpose()
}

/// All recordings that are not finished.
///
/// # Errors
/// When the database fails.
pub async fn live_all(db: &Db) -> Result<Vec<LiveRecording>> {
    let rows = sqlx::query("SELECT * FROM live_recordings ORDER BY asset_id").fetch_all(db.read()).await?;
    rows.iter().map(read).collect()
}

/// Notes that a recording is finished.
///
/// # Errors
/// When the database fails.
pub async fn remove_live(tx: &mut Tx, asset_id: &AssetId) -> Result<()> {
    let query = sqlx::query("DELETE FROM live_recordings WHERE asset_id = $1").bind(asset_id.as_str());
    query.execute(&mut **tx).await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<LiveRecording> {
    Ok(LiveRecording {
        asset_id: parsed(row, "asset_id")?,
        mixer_url: row.try_get("mixer_url")?,
        seen_at_us: row.try_get("seen_at_us")?,
    })
}
