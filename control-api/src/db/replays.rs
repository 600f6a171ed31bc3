//! Which assets are replays of which event, and the uploads that become some.

use ids::{AssetId, EventId, StageId, UploadId};
use sqlx::any::AnyRow;

use super::Store;
use super::row::RowExt as _;
use crate::model::timestamp::Timestamp;

/// A replay as stored; everything about its media is MAR's.
#[derive(Debug, Clone)]
pub(crate) struct ReplayRow {
    pub(crate) asset_id: AssetId,
    pub(crate) event_id: EventId,
    pub(crate) stage_id: Option<StageId>,
    pub(crate) title: String,
    /// False while its stage is on air.
    pub(crate) ended: bool,
    pub(crate) created_at: Timestamp,
}

/// An upload as stored.
#[derive(Debug, Clone)]
pub(crate) struct UploadRow {
    pub(crate) id: UploadId,
    pub(crate) asset_id: AssetId,
    pub(crate) event_id: EventId,
    pub(crate) file_name: String,
}

impl Store {
    /// Ended recordings and uploads of an event, newest first.
    pub(crate) async fn replays(&self, event: &EventId, limit: i64) -> Result<Vec<ReplayRow>, sqlx::Error> {
        let select = "SELECT p.*, r.state AS recording_state FROM replays p LEFT JOIN recordings r ON r.id = p.recording_id \
                      WHERE p.event_id = $1 AND (r.id IS NULL OR r.state = 'ended') \
                      ORDER BY p.created_at_us DESC, p.asset_id LIMIT $2";
        let rows = sqlx::query(select).bind(event.to_string()).bind(limit).fetch_all(self.db.read()).await?;
        rows.iter().map(replay).collect()
    }

    pub(crate) async fn replay(&self, id: &AssetId) -> Result<Option<ReplayRow>, sqlx::Error> {
        let select = "SELECT p.*, r.state AS recording_state FROM replays p LEFT JOIN recordings r ON r.id = p.recording_id \
                      WHERE p.asset_id = $1";
        let row = sqlx::query(select).bind(id.to_string()).fetch_optional(self.db.read()).await?;
        row.as_ref().map(replay).transpose()
    }

    pub(crate) async fn has_replays(&self, event: &EventId) -> Result<bool, sqlx::Error> {
        let select = "SELECT 1 FROM replays WHERE event_id = $1 LIMIT 1";
        Ok(sqlx::query(select).bind(event.to_string()).fetch_optional(self.db.read()).await?.is_some())
    }

    pub(crate) async fn delete_replay(&self, id: &AssetId) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        for change in [
            "DELETE FROM replays WHERE asset_id = $1",
            "DELETE FROM uploads WHERE asset_id = $1",
            // The stage no longer offers it to viewers.
            "UPDATE recordings SET asset_id = NULL, playback_id = NULL WHERE asset_id = $1 AND state = 'ended'",
        ] {
            sqlx::query(change).bind(id.to_string()).execute(&mut *tx).await?;
        }
        tx.commit().await
    }

    /// Lists an upload and the replay that it becomes.
    pub(crate) async fn insert_upload(&self, upload: &UploadRow, title: &str) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        let insert =
            "INSERT INTO replays (asset_id, event_id, title, created_at_us) VALUES ($1, $2, $3, {now})";
        sqlx::query(self.db.sql(insert))
            .bind(upload.asset_id.to_string())
            .bind(upload.event_id.to_string())
            .bind(title.to_owned())
            .execute(&mut *tx)
            .await?;
        let insert = "INSERT INTO uploads (upload_id, asset_id, event_id, file_name, created_at_us) \
                      VALUES ($1, $2, $3, $4, {now})";
        sqlx::query(self.db.sql(insert))
            .bind(upload.id.to_string())
            .bind(upload.asset_id.to_string())
            .bind(upload.event_id.to_string())
            .bind(upload.file_name.clone())
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }

    pub(crate) async fn upload(&self, id: &UploadId) -> Result<Option<UploadRow>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM uploads WHERE upload_id = $1").bind(id.to_string());
        let row = row.fetch_optional(self.db.read()).await?;
        row.map(|row| {
            Ok(UploadRow {
                id: row.id("upload_id")?,
                asset_id: row.id("asset_id")?,
                event_id: row.id("event_id")?,
                file_name: row.text("file_name")?,
            })
        })
        .transpose()
    }
}

fn replay(row: &AnyRow) -> Result<ReplayRow, sqlx::Error> {
    Ok(ReplayRow {
        asset_id: row.id("asset_id")?,
        event_id: row.id("event_id")?,
        stage_id: row.maybe_id("stage_id")?,
        title: row.text("title")?,
        ended: row.maybe_text("recording_state")?.is_none_or(|state| state == "ended"),
        created_at: row.time("created_at_us")?,
    })
}
