//! Rows of text tracks and static renditions.

use db::{Db, Tx};
use ids::{AssetId, TextTrackId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{DbError, parsed, signed, unsigned};
use crate::asset::{StaticRendition, TextTrack};

type Result<T> = std::result::Result<T, DbError>;

/// Adds a text track. A default one takes that from the others.
///
/// # Errors
/// When the database fails; a unique violation when the name is taken.
pub async fn insert_text_track(db: &Db, tx: &mut Tx, track: &TextTrack) -> Result<()> {
    if track.is_default {
        let query = sqlx::query("UPDATE text_tracks SET is_default = 0 WHERE asset_id = $1");
        query.bind(track.asset_id.as_str()).execute(&mut **tx).await?;
    }
    let sql = db.sql(
        "INSERT INTO text_tracks (id, asset_id, language, name, is_default, key, created_at_us)
         VALUES ($1, $2, $3, $4, $5, $6, {now})",
    );
    sqlx::query(sql)
        .bind(track.id.as_str())
        .bind(track.asset_id.as_str())
        .bind(&track.language)
        .bind(&track.name)
        .bind(i64::from(track.is_default))
        .bind(&track.key)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Text tracks of an asset, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn text_tracks(db: &Db, asset_id: &AssetId) -> Result<Vec<TextTrack>> {
    let rows = sqlx::query("SELECT * FROM text_tracks WHERE asset_id = $1 ORDER BY created_at_us, id")
        .bind(asset_id.as_str())
        .fetch_all(db.read())
        .await?;
    rows.iter().map(read_track).collect()
}

/// A text track of an asset.
///
/// # Errors
/// When the database fails.
pub async fn text_track(db: &Db, asset_id: &AssetId, id: &TextTrackId) -> Result<Option<TextTrack>> {
    let query = sqlx::query("SELECT * FROM text_tracks WHERE id = $1 AND asset_id = $2");
    let row = query.bind(id.as_str()).bind(asset_id.as_str()).fetch_optional(db.read()).await?;
    row.as_ref().map(read_track).transpose()
}

/// Removes a text track of an asset; returns the key of its file, `None` when there is no such track.
///
/// # Errors
/// When the database fails.
pub async fn delete_text_track(tx: &mut Tx, asset_id: &AssetId, id: &TextTrackId) -> Result<Option<String>> {
    let query = sqlx::query("DELETE FROM text_tracks WHERE id = $1 AND asset_id = $2 RETURNING key");
    let row = query.bind(id.as_str()).bind(asset_id.as_str()).fetch_optional(&mut **tx).await?;
    row.map(|row| Ok(row.try_get("key")?)).transpose()
}

/// Adds or replaces a static rendition.
///
/// # Errors
/// When the database fails.
pub async fn put_static(tx: &mut Tx, asset_id: &AssetId, rendition: &StaticRendition) -> Result<()> {
    sqlx::query(
        "INSERT INTO static_renditions (asset_id, name, key, content_type, size_bytes)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (asset_id, name) DO UPDATE
            SET key = excluded.key, content_type = excluded.content_type, size_bytes = excluded.size_bytes",
    )
    .bind(asset_id.as_str())
    .bind(&rendition.name)
    .bind(&rendition.key)
    .bind(&rendition.content_type)
    .bind(signed(rendition.size_bytes))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Static renditions of an asset by name.
///
/// # Errors
/// When the database fails.
pub async fn static_renditions(db: &Db, asset_id: &AssetId) -> Result<Vec<StaticRendition>> {
    let rows = sqlx::query("SELECT * FROM static_renditions WHERE asset_id = $1 ORDER BY name")
        .bind(asset_id.as_str())
        .fetch_all(db.read())
        .await?;
    rows.iter().map(read_static).collect()
}

/// One static rendition of an asset.
///
/// # Errors
/// When the database fails.
pub async fn static_rendition(db: &Db, asset_id: &AssetId, name: &str) -> Result<Option<StaticRendition>> {
    let query = sqlx::query("SELECT * FROM static_renditions WHERE asset_id = $1 AND name = $2");
    let row = query.bind(asset_id.as_str()).bind(name).fetch_optional(db.read()).await?;
    row.as_ref().map(read_static).transpose()
}

fn read_track(row: &AnyRow) -> Result<TextTrack> {
    Ok(TextTrack {
        id: parsed(row, "id")?,
        asset_id: parsed(row, "asset_id")?,
        language: row.try_get("language")?,
        name: row.try_get("name")?,
        is_default: row.try_get::<i64, _>("is_default")? != 0,
        key: row.try_get("key")?,
    })
}

fn read_static(row: &AnyRow) -> Result<StaticRendition> {
    Ok(StaticRendition {
        name: row.try_get("name")?,
        key: row.try_get("key")?,
        content_type: row.try_get("content_type")?,
        size_bytes: unsigned(row, "size_bytes")?,
    })
}
