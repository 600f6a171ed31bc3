//! Stages and their recordings.

use ids::{AssetId, EventId, PersonId, PlaybackId, StageId};
use sqlx::any::AnyRow;
use wire::media::PlaybackPolicy;

use super::Store;
use super::events::known;
use super::idempotency::Attempt;
use super::row::{RowExt as _, Word as _, unknown, words};
use crate::model::stage::{Layout, Programme};
use crate::model::timestamp::Timestamp;
use crate::problem::Problem;
use crate::recording::{Medium, Recording, RecordingState};

words!(Layout { Solo => "solo", SideBySide => "side_by_side", Grid => "grid" });
words!(RecordingState { Starting => "starting", Live => "live", Ending => "ending", Ended => "ended" });
words!(PlaybackPolicy { Public => "public", Signed => "signed" });

/// A stage as stored.
#[derive(Debug, Clone)]
pub(crate) struct StageRow {
    pub(crate) id: StageId,
    pub(crate) event_id: EventId,
    pub(crate) title: String,
    pub(crate) programme: Programme,
    pub(crate) created_at: Timestamp,
}

/// What going live came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WentLive {
    /// A recording was begun.
    Now,
    /// One is already starting or live.
    Already,
    /// The last one is still ending.
    StillEnding,
}

impl Store {
    pub(crate) async fn stage(&self, id: &StageId) -> Result<Option<StageRow>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM stages WHERE id = $1").bind(id.to_string());
        row.fetch_optional(self.db.read()).await?.as_ref().map(stage).transpose()
    }

    pub(crate) async fn stages(&self, event: &EventId) -> Result<Vec<StageRow>, sqlx::Error> {
        let select = "SELECT * FROM stages WHERE event_id = $1 ORDER BY created_at_us, id LIMIT 1000";
        let rows = sqlx::query(select).bind(event.to_string()).fetch_all(self.db.read()).await?;
        rows.iter().map(stage).collect()
    }

    pub(crate) async fn insert_stage(&self, stage: &StageRow, attempt: &Attempt) -> Result<StageId, Problem> {
        let mut tx = self.begin().await?;
        if let Some(id) = self.claim_key(&mut tx, attempt, stage.id.as_str()).await? {
            return known(id);
        }
        sqlx::query("INSERT INTO stages (id, event_id, title, layout, on_stage, created_at_us) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(stage.id.to_string())
            .bind(stage.event_id.to_string())
            .bind(stage.title.clone())
            .bind(stage.programme.layout.word())
            .bind(json(&stage.programme.on_stage))
            .bind(stage.created_at.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(stage.id.clone())
    }

    pub(crate) async fn rename_stage(&self, id: &StageId, title: &str) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE stages SET title = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(title.to_owned())
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }

    pub(crate) async fn set_programme(&self, id: &StageId, programme: &Programme) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE stages SET layout = $2, on_stage = $3 WHERE id = $1")
            .bind(id.to_string())
            .bind(programme.layout.word())
            .bind(json(&programme.on_stage))
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }

    pub(crate) async fn delete_stage(&self, id: &StageId) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM stages WHERE id = $1").bind(id.to_string()).execute(&mut *tx).await?;
        tx.commit().await
    }

    /// The running recording of a stage, or its last one.
    pub(crate) async fn latest_recording(&self, stage: &StageId) -> Result<Option<Recording>, sqlx::Error> {
        let select = "SELECT * FROM recordings WHERE stage_id = $1 \
                      ORDER BY CASE WHEN state = 'ended' THEN 1 ELSE 0 END, started_at_us DESC LIMIT 1";
        let row = sqlx::query(select).bind(stage.to_string()).fetch_optional(self.db.read()).await?;
        row.as_ref().map(recording).transpose()
    }

    /// Every recording of the installation that is not ended.
    pub(crate) async fn active_recordings(&self) -> Result<Vec<Recording>, sqlx::Error> {
        let select = "SELECT * FROM recordings WHERE state <> 'ended' ORDER BY started_at_us LIMIT 1000";
        sqlx::query(select).fetch_all(self.db.read()).await?.iter().map(recording).collect()
    }

    pub(crate) async fn any_on_air(&self, event: &EventId) -> Result<bool, sqlx::Error> {
        let select = "SELECT 1 FROM recordings WHERE event_id = $1 AND state <> 'ended' LIMIT 1";
        Ok(sqlx::query(select).bind(event.to_string()).fetch_optional(self.db.read()).await?.is_some())
    }

    /// Begins a recording unless one is active.
    pub(crate) async fn begin_recording(&self, recording: &Recording) -> Result<WentLive, sqlx::Error> {
        let mut tx = self.begin().await?;
        let insert = "INSERT INTO recordings (id, stage_id, event_id, title, policy, state, started_at_us) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (stage_id) WHERE state <> 'ended' DO NOTHING";
        let inserted = sqlx::query(insert)
            .bind(recording.id.clone())
            .bind(recording.stage_id.to_string())
            .bind(recording.event_id.to_string())
            .bind(recording.title.clone())
            .bind(recording.policy.word())
            .bind(recording.state.word())
            .bind(recording.started_at.0)
            .execute(&mut *tx)
            .await?;
        let outcome = if inserted.rows_affected() == 1 {
            WentLive::Now
        } else {
            let select = "SELECT state FROM recordings WHERE stage_id = $1 AND state <> 'ended'";
            let row =
                sqlx::query(select).bind(recording.stage_id.to_string()).fetch_optional(&mut *tx).await?;
            match row.map(|row| RecordingState::from_row(&row, "state")).transpose()? {
                Some(RecordingState::Ending) => WentLive::StillEnding,
                Some(RecordingState::Starting | RecordingState::Live | RecordingState::Ended) | None => {
                    WentLive::Already
                }
            }
        };
        tx.commit().await?;
        Ok(outcome)
    }

    /// Asks for the end of the active recording of a stage.
    pub(crate) async fn end_recording(&self, stage: &StageId) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE recordings SET state = 'ending' WHERE stage_id = $1 AND state IN ('starting', 'live')",
        )
        .bind(stage.to_string())
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }

    /// Remembers the asset of a recording and lists it among the event's replays.
    pub(crate) async fn set_medium(&self, recording: &Recording, medium: &Medium) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE recordings SET asset_id = $2, playback_id = $3, policy = $4 WHERE id = $1 AND asset_id IS NULL")
            .bind(recording.id.clone())
            .bind(medium.asset_id.to_string())
            .bind(medium.playback_id.to_string())
            .bind(recording.policy.word())
            .execute(&mut *tx)
            .await?;
        let insert = "INSERT INTO replays (asset_id, event_id, stage_id, recording_id, title, created_at_us) \
                      VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (asset_id) DO NOTHING";
        sqlx::query(insert)
            .bind(medium.asset_id.to_string())
            .bind(recording.event_id.to_string())
            .bind(recording.stage_id.to_string())
            .bind(recording.id.clone())
            .bind(recording.title.clone())
            .bind(recording.started_at.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }

    /// The mixer has a picture.
    pub(crate) async fn mark_live(&self, id: &str) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE recordings SET state = 'live' WHERE id = $1 AND state = 'starting'")
            .bind(id.to_owned())
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }

    /// Storage has everything.
    pub(crate) async fn mark_ended(&self, id: &str) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        let update =
            "UPDATE recordings SET state = 'ended', ended_at_us = {now} WHERE id = $1 AND state <> 'ended'";
        sqlx::query(self.db.sql(update)).bind(id.to_owned()).execute(&mut *tx).await?;
        tx.commit().await
    }

    /// Display names of people and organisers, by identity. Those who are neither are left out.
    pub(crate) async fn names(&self, identities: &[String]) -> Result<Vec<(String, String)>, sqlx::Error> {
        let mut names = Vec::with_capacity(identities.len());
        for identity in identities {
            let select = if identity.parse::<PersonId>().is_ok() {
                "SELECT name FROM people WHERE id = $1"
            } else {
                "SELECT name FROM organisers WHERE id = $1"
            };
            let row = sqlx::query(select).bind(identity.clone()).fetch_optional(self.db.read()).await?;
            if let Some(row) = row {
                names.push((identity.clone(), row.text("name")?));
            }
        }
        Ok(names)
    }
}

fn stage(row: &AnyRow) -> Result<StageRow, sqlx::Error> {
    let on_stage = row.text("on_stage")?;
    Ok(StageRow {
        id: row.id("id")?,
        event_id: row.id("event_id")?,
        title: row.text("title")?,
        programme: Programme {
            layout: Layout::from_row(row, "layout")?,
            on_stage: serde_json::from_str(&on_stage).map_err(|error| unknown("on_stage", &error))?,
        },
        created_at: row.time("created_at_us")?,
    })
}

fn recording(row: &AnyRow) -> Result<Recording, sqlx::Error> {
    let asset_id: Option<AssetId> = row.maybe_id("asset_id")?;
    let playback_id: Option<PlaybackId> = row.maybe_id("playback_id")?;
    Ok(Recording {
        id: row.text("id")?,
        stage_id: row.id("stage_id")?,
        event_id: row.id("event_id")?,
        title: row.text("title")?,
        policy: PlaybackPolicy::from_row(row, "policy")?,
        state: RecordingState::from_row(row, "state")?,
        medium: asset_id.zip(playback_id).map(|(asset_id, playback_id)| Medium { asset_id, playback_id }),
        started_at: row.time("started_at_us")?,
        ended_at: row.maybe_time("ended_at_us")?,
    })
}

fn json(identities: &[String]) -> String {
    serde_json::to_string(identities).expect("a list of texts is JSON")
}
