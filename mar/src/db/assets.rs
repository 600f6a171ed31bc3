//! Rows of assets and their playback ids.

use db::{Db, Tx};
use ids::{AssetId, PlaybackId, StageId};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use wire::media::PlaybackPolicy;

use super::{DbError, parsed, signed, unsigned};
use crate::asset::{Asset, AssetState, Failure, Playable, PlaybackName, Probed, Source};

type Result<T> = std::result::Result<T, DbError>;

/// The columns of an asset that its state fills.
struct StateColumns<'a> {
    index_chunks: i64,
    duration_ms: i64,
    error_kind: Option<&'a str>,
    error_detail: Option<&'a str>,
}

fn columns(state: &AssetState) -> StateColumns<'_> {
    let none = StateColumns { index_chunks: 0, duration_ms: 0, error_kind: None, error_detail: None };
    match state {
        AssetState::Waiting | AssetState::Preparing => none,
        AssetState::Ready(playable) => StateColumns {
            index_chunks: i64::from(playable.index_chunks),
            duration_ms: signed(playable.duration_ms),
            ..none
        },
        AssetState::Errored(failure) => {
            StateColumns { error_kind: Some(&failure.kind), error_detail: Some(&failure.detail), ..none }
        }
    }
}

/// Adds an asset.
///
/// # Errors
/// When the database fails.
pub async fn insert_asset(tx: &mut Tx, asset: &Asset) -> Result<()> {
    let (source, stage_id) = match &asset.source {
        Source::Recording { stage_id } => ("recording", Some(stage_id.as_str())),
        Source::Upload => ("upload", None),
    };
    let state = columns(&asset.state);
    sqlx::query(
        "INSERT INTO assets (id, state, source, title, stage_id, prefix, index_chunks, duration_ms,
                             error_kind, error_detail, created_at_us, changed_at_us)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(asset.id.as_str())
    .bind(asset.state.name())
    .bind(source)
    .bind(&asset.title)
    .bind(stage_id)
    .bind(&asset.prefix)
    .bind(state.index_chunks)
    .bind(state.duration_ms)
    .bind(state.error_kind)
    .bind(state.error_detail)
    .bind(asset.created_at_us)
    .bind(asset.changed_at_us)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// An asset.
///
/// # Errors
/// When the database fails.
pub async fn asset(db: &Db, id: &AssetId) -> Result<Option<Asset>> {
    let query = sqlx::query("SELECT * FROM assets WHERE id = $1").bind(id.as_str());
    query.fetch_optional(db.read()).await?.as_ref().map(read_asset).transpose()
}

/// An asset, held until the transaction ends: its events are written in their order.
///
/// # Errors
/// When the database fails.
pub async fn asset_for_update(db: &Db, tx: &mut Tx, id: &AssetId) -> Result<Option<Asset>> {
    let sql = db.sql("SELECT * FROM assets WHERE id = $1 {for_update}");
    let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(&mut **tx).await?;
    row.as_ref().map(read_asset).transpose()
}

/// Assets, newest first, behind the one with this creation time and id.
///
/// # Errors
/// When the database fails.
pub async fn assets_page(
    db: &Db,
    after: Option<(i64, String)>,
    stage_id: Option<&StageId>,
    limit: i64,
) -> Result<Vec<Asset>> {
    let (at_us, id) = after.unwrap_or((i64::MAX, String::new()));
    let rows = sqlx::query(
        "SELECT * FROM assets
          WHERE (created_at_us < $1 OR (created_at_us = $1 AND id < $2))
            AND ($3 = '' OR stage_id = $3)
          ORDER BY created_at_us DESC, id DESC LIMIT $4",
    )
    .bind(at_us)
    .bind(id)
    .bind(stage_id.map_or("", StageId::as_str))
    .bind(limit)
    .fetch_all(db.read())
    .await?;
    rows.iter().map(read_asset).collect()
}

/// Uploaded assets whose file waits for its transforms, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn assets_preparing(db: &Db, limit: i64) -> Result<Vec<Asset>> {
    let rows = sqlx::query(
        "SELECT * FROM assets WHERE state = 'preparing' AND source = 'upload'
          ORDER BY changed_at_us, id LIMIT $1",
    )
    .bind(limit)
    .fetch_all(db.read())
    .await?;
    rows.iter().map(read_asset).collect()
}

/// Changes an asset's state.
///
/// # Errors
/// When the database fails.
pub async fn set_state(db: &Db, tx: &mut Tx, id: &AssetId, state: &AssetState) -> Result<()> {
    let values = columns(state);
    let sql = db.sql(
        "UPDATE assets SET state = $1, index_chunks = $2, duration_ms = $3, error_kind = $4,
                           error_detail = $5, changed_at_us = {now}
          WHERE id = $6",
    );
    sqlx::query(sql)
        .bind(state.name())
        .bind(values.index_chunks)
        .bind(values.duration_ms)
        .bind(values.error_kind)
        .bind(values.error_detail)
        .bind(id.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Notes what an asset's uploaded file is.
///
/// # Errors
/// When the database fails.
pub async fn set_probed(tx: &mut Tx, id: &AssetId, probed: &Probed) -> Result<()> {
    let json = serde_json::to_string(probed).map_err(|error| DbError::Corrupt(error.to_string()))?;
    let query = sqlx::query("UPDATE assets SET probed = $1 WHERE id = $2");
    query.bind(json).bind(id.as_str()).execute(&mut **tx).await?;
    Ok(())
}

/// Changes where an asset's renditions lie.
///
/// # Errors
/// When the database fails.
pub async fn set_prefix(tx: &mut Tx, id: &AssetId, prefix: &str) -> Result<()> {
    let query = sqlx::query("UPDATE assets SET prefix = $1 WHERE id = $2");
    query.bind(prefix).bind(id.as_str()).execute(&mut **tx).await?;
    Ok(())
}

/// Removes an asset and everything that hangs on it; false when there is none.
///
/// # Errors
/// When the database fails.
pub async fn delete_asset(tx: &mut Tx, id: &AssetId) -> Result<bool> {
    let query = sqlx::query("DELETE FROM assets WHERE id = $1").bind(id.as_str());
    Ok(query.execute(&mut **tx).await?.rows_affected() > 0)
}

/// Notes that a bucket prefix is to be emptied.
///
/// # Errors
/// When the database fails.
pub async fn doom(db: &Db, tx: &mut Tx, prefix: &str) -> Result<()> {
    let sql = db
        .sql("INSERT INTO doomed_prefixes (prefix, created_at_us) VALUES ($1, {now}) ON CONFLICT DO NOTHING");
    sqlx::query(sql).bind(prefix).execute(&mut **tx).await?;
    Ok(())
}

/// Bucket prefixes to be emptied.
///
/// # Errors
/// When the database fails.
pub async fn doomed_prefixes(db: &Db, limit: i64) -> Result<Vec<String>> {
    let query = sqlx::query("SELECT prefix FROM doomed_prefixes ORDER BY created_at_us LIMIT $1");
    let rows = query.bind(limit).fetch_all(db.read()).await?;
    rows.iter().map(|row| Ok(row.try_get("prefix")?)).collect()
}

/// Notes that a bucket prefix is empty.
///
/// # Errors
/// When the database fails.
pub async fn forget_doomed(tx: &mut Tx, prefix: &str) -> Result<()> {
    let query = sqlx::query("DELETE FROM doomed_prefixes WHERE prefix = $1").bind(prefix);
    query.execute(&mut **tx).await?;
    Ok(())
}

/// Adds a playback id.
///
/// # Errors
/// When the database fails.
pub async fn insert_playback_name(db: &Db, tx: &mut Tx, name: &PlaybackName) -> Result<()> {
    let sql =
        db.sql("INSERT INTO playback_ids (id, asset_id, policy, created_at_us) VALUES ($1, $2, $3, {now})");
    sqlx::query(sql)
        .bind(name.id.as_str())
        .bind(name.asset_id.as_str())
        .bind(policy_name(name.policy))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A playback id.
///
/// # Errors
/// When the database fails.
pub async fn playback_name(db: &Db, id: &PlaybackId) -> Result<Option<PlaybackName>> {
    let query = sqlx::query("SELECT * FROM playback_ids WHERE id = $1").bind(id.as_str());
    query.fetch_optional(db.read()).await?.as_ref().map(read_playback_name).transpose()
}

/// Playback ids of an asset, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn playback_names(db: &Db, asset_id: &AssetId) -> Result<Vec<PlaybackName>> {
    let rows = sqlx::query("SELECT * FROM playback_ids WHERE asset_id = $1 ORDER BY created_at_us, id")
        .bind(asset_id.as_str())
        .fetch_all(db.read())
        .await?;
    rows.iter().map(read_playback_name).collect()
}

/// Removes a playback id of an asset; false when it is none of the asset's.
///
/// # Errors
/// When the database fails.
pub async fn remove_playback_name(tx: &mut Tx, asset_id: &AssetId, id: &PlaybackId) -> Result<bool> {
    let query = sqlx::query("DELETE FROM playback_ids WHERE id = $1 AND asset_id = $2");
    let done = query.bind(id.as_str()).bind(asset_id.as_str()).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

fn read_asset(row: &AnyRow) -> Result<Asset> {
    let source: String = row.try_get("source")?;
    let source = match source.as_str() {
        "recording" => Source::Recording { stage_id: parsed(row, "stage_id")? },
        "upload" => Source::Upload,
        other => return Err(DbError::Corrupt(format!("source {other}"))),
    };
    let state: String = row.try_get("state")?;
    let state = match state.as_str() {
        "waiting" => AssetState::Waiting,
        "preparing" => AssetState::Preparing,
        "ready" => AssetState::Ready(Playable {
            index_chunks: unsigned(row, "index_chunks")?,
            duration_ms: unsigned(row, "duration_ms")?,
        }),
        "errored" => AssetState::Errored(Failure {
            kind: row.try_get::<Option<String>, _>("error_kind")?.unwrap_or_default(),
            detail: row.try_get::<Option<String>, _>("error_detail")?.unwrap_or_default(),
        }),
        other => return Err(DbError::Corrupt(format!("state {other}"))),
    };
    Ok(Asset {
        id: parsed(row, "id")?,
        state,
        source,
        title: row.try_get("title")?,
        prefix: row.try_get("prefix")?,
        created_at_us: row.try_get("created_at_us")?,
        changed_at_us: row.try_get("changed_at_us")?,
        probed: match row.try_get::<Option<String>, _>("probed")? {
            Some(json) => {
                Some(serde_json::from_str(&json).map_err(|error| DbError::Corrupt(error.to_string()))?)
            }
            None => None,
        },
    })
}

fn read_playback_name(row: &AnyRow) -> Result<PlaybackName> {
    let policy: String = row.try_get("policy")?;
    let policy = match policy.as_str() {
        "public" => PlaybackPolicy::Public,
        "signed" => PlaybackPolicy::Signed,
        other => return Err(DbError::Corrupt(format!("policy {other}"))),
    };
    Ok(PlaybackName { id: parsed(row, "id")?, asset_id: parsed(row, "asset_id")?, policy })
}

fn policy_name(policy: PlaybackPolicy) -> &'static str {
    match policy {
        PlaybackPolicy::Public => "public",
        PlaybackPolicy::Signed => "signed",
    }
}
