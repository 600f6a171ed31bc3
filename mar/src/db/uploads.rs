//! Rows of direct uploads.

use db::{Db, Tx};
use ids::UploadId;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{DbError, parsed, signed, unsigned};
use crate::asset::{Upload, UploadState};

type Result<T> = std::result::Result<T, DbError>;

/// Adds an upload.
///
/// # Errors
/// When the database fails.
pub async fn insert_upload(tx: &mut Tx, upload: &Upload) -> Result<()> {
    sqlx::query(
        "INSERT INTO uploads (id, asset_id, state, key, store_upload_id, size_bytes, part_size_bytes,
                              created_at_us, expires_at_us)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(upload.id.as_str())
    .bind(upload.asset_id.as_str())
    .bind(upload.state.name())
    .bind(&upload.key)
    .bind(&upload.store_upload_id)
    .bind(signed(upload.size_bytes))
    .bind(signed(upload.part_size_bytes))
    .bind(upload.created_at_us)
    .bind(upload.expires_at_us)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// An upload.
///
/// # Errors
/// When the database fails.
pub async fn upload(db: &Db, id: &UploadId) -> Result<Option<Upload>> {
    let query = sqlx::query("SELECT * FROM uploads WHERE id = $1").bind(id.as_str());
    query.fetch_optional(db.read()).await?.as_ref().map(read).transpose()
}

/// Moves an upload from one state to another; false when it was not in the first.
///
/// # Errors
/// When the database fails.
pub async fn set_upload_state(
    tx: &mut Tx,
    id: &UploadId,
    from: UploadState,
    to: UploadState,
) -> Result<bool> {
    let query = sqlx::query("UPDATE uploads SET state = $1 WHERE id = $2 AND state = $3");
    let done = query.bind(to.name()).bind(id.as_str()).bind(from.name()).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

/// Uploads that nobody finished in time.
///
/// # Errors
/// When the database fails.
pub async fn overdue_uploads(db: &Db, limit: i64) -> Result<Vec<Upload>> {
    let sql = db.sql(
        "SELECT * FROM uploads WHERE state = 'waiting' AND expires_at_us < {now}
          ORDER BY expires_at_us LIMIT $1",
    );
    let rows = sqlx::query(sql).bind(limit).fetch_all(db.read()).await?;
    rows.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<Upload> {
    let state: String = row.try_get("state")?;
    let state = [UploadState::Waiting, UploadState::Completed, UploadState::Cancelled, UploadState::Expired]
        .into_iter()
        .find(|known| known.name() == state)
        .ok_or_else(|| DbError::Corrupt(format!("upload state {state}")))?;
    Ok(Upload {
        id: parsed(row, "id")?,
        asset_id: parsed(row, "asset_id")?,
        state,
        key: row.try_get("key")?,
        store_upload_id: row.try_get("store_upload_id")?,
        size_bytes: unsigned(row, "size_bytes")?,
        part_size_bytes: unsigned(row, "part_size_bytes")?,
        created_at_us: row.try_get("created_at_us")?,
        expires_at_us: row.try_get("expires_at_us")?,
    })
}
