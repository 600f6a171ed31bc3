//! Recordings: begun before the first frame, owned by a mixer, finished from what the bucket holds.

use db::Tx;
use ids::{AssetId, PlaybackId};
use wire::media::{NewRecording, PlaybackPolicy, Recording};

use super::idempotency::{lost_race, remember, remembered};
use super::{Registry, RequestKey, check_title, fail_asset, held, new_asset, publish_asset};
use crate::asset::{Asset, AssetState, Failure, LiveRecording, Playable, PlaybackName, Source};
use crate::db as rows;
use crate::error::MediaError;
use crate::index::Index;
use crate::outbox::{self, Kind};

impl Registry {
    /// Makes the asset of a stage that goes live.
    ///
    /// # Errors
    /// When the title is too long or the database fails.
    pub async fn create_recording(
        &self,
        new: &NewRecording,
        request: Option<&RequestKey>,
    ) -> Result<Recording, MediaError> {
        check_title(&new.title)?;
        match self.try_create_recording(new, request).await {
            Err(error) if lost_race(&error) => self.try_create_recording(new, request).await,
            done => done,
        }
    }

    async fn try_create_recording(
        &self,
        new: &NewRecording,
        request: Option<&RequestKey>,
    ) -> Result<Recording, MediaError> {
        let now_us = self.db.clock_us().await?;
        let mut tx = self.db.begin().await?;
        if let Some(before) = remembered(&mut tx, request).await? {
            return Ok(before);
        }
        let source = Source::Recording { stage_id: new.stage_id.clone() };
        let asset = new_asset(AssetId::random(), source, &new.title, now_us);
        rows::insert_asset(&mut tx, &asset).await?;
        rows::insert_live(&self.db, &mut tx, &asset.id).await?;
        let name = PlaybackName { id: PlaybackId::random(), asset_id: asset.id.clone(), policy: new.policy };
        rows::insert_playback_name(&self.db, &mut tx, &name).await?;
        let extra = serde_json::json!({ "stage_id": new.stage_id });
        outbox::append(&mut tx, Kind::Created, &asset, extra).await?;
        let made = Recording { asset_id: asset.id, playback_id: name.id, policy: new.policy };
        remember(&self.db, &mut tx, request, &made).await?;
        self.commit(tx).await?;
        Ok(made)
    }

    /// Notes which mixer owns a recording; the last claim counts.
    ///
    /// A claim of a finished recording opens it again: its mixer was away (a restart, an outage), the
    /// recording was finished from what the bucket held, and now the stage goes on.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] when there is no such recording.
    pub async fn claim_recording(&self, asset_id: &AssetId, mixer_url: &str) -> Result<(), MediaError> {
        let mixer_url = mixer_url.trim_end_matches('/');
        if !(mixer_url.starts_with("http://") || mixer_url.starts_with("https://")) {
            return Err(MediaError::Invalid("`mixer_url` is not an HTTP URL".to_owned()));
        }
        let mut tx = self.db.begin().await?;
        let mut asset = held(&self.db, &mut tx, asset_id).await?;
        match &asset.source {
            Source::Recording { .. } => {}
            Source::Upload => return Err(MediaError::NotFound("recording")),
        }
        if is_over(&asset.state) {
            asset.state = AssetState::Preparing;
            rows::set_state(&self.db, &mut tx, asset_id, &asset.state).await?;
            rows::insert_live(&self.db, &mut tx, asset_id).await?;
            let extra = serde_json::json!({ "reopened": true });
            outbox::append(&mut tx, Kind::Preparing, &asset, extra).await?;
        }
        rows::set_mixer(&self.db, &mut tx, asset_id, mixer_url).await?;
        self.commit(tx).await
    }

    /// The recording of an asset while it is not finished.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn live_recording(&self, asset_id: &AssetId) -> Result<Option<LiveRecording>, MediaError> {
        Ok(rows::live(&self.db, asset_id).await?)
    }

    /// All recordings that are not finished.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn live_recordings(&self) -> Result<Vec<LiveRecording>, MediaError> {
        Ok(rows::live_all(&self.db).await?)
    }

    /// Notes that the owner of a recording answered for it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recording_seen(&self, asset_id: &AssetId) -> Result<(), MediaError> {
        let mut tx = self.db.begin().await?;
        rows::seen(&self.db, &mut tx, asset_id).await?;
        // Nobody needs to be told: it is not a change.
        Ok(tx.commit().await?)
    }

    /// Finishes a recording of which the bucket holds `index_chunks` chunks; again is fine.
    ///
    /// # Errors
    /// [`MediaError::IndexIncomplete`] when the bucket does not hold them.
    pub async fn finish_recording(&self, asset_id: &AssetId, index_chunks: u32) -> Result<Asset, MediaError> {
        let asset = self.asset(asset_id).await?;
        let index = self.indexes.read(&asset.prefix, index_chunks).await?;
        self.seal(&asset, &index).await
    }

    /// Finishes a recording whose mixer is gone from what the bucket holds, also of what the index does not
    /// name yet.
    ///
    /// # Errors
    /// When the bucket or the database fails.
    pub async fn finish_orphan(&self, asset_id: &AssetId) -> Result<Asset, MediaError> {
        let asset = self.asset(asset_id).await?;
        let index = self.indexes.recover(&asset.prefix, asset.created_at_us).await?;
        self.seal(&asset, &index).await
    }

    async fn seal(&self, asset: &Asset, index: &Index) -> Result<Asset, MediaError> {
        let mut tx = self.db.begin().await?;
        let now = held(&self.db, &mut tx, &asset.id).await?;
        if is_over(&now.state) && is_over_with(&now.state, index) {
            return Ok(now);
        }
        self.write_end(&mut tx, asset, index).await?;
        rows::remove_live(&mut tx, &asset.id).await?;
        self.commit(tx).await?;
        self.asset(&asset.id).await
    }

    async fn write_end(&self, tx: &mut Tx, asset: &Asset, index: &Index) -> Result<(), MediaError> {
        if index.sets.is_empty() {
            let failure = Failure {
                kind: "nothing-recorded".to_owned(),
                detail: "The stage ended before its first two seconds were stored.".to_owned(),
            };
            return fail_asset(&self.db, tx, &asset.id, failure).await;
        }
        let playable = playable(index);
        publish_asset(&self.db, tx, &asset.id, (&asset.prefix, playable)).await
    }

    /// The public name of an asset that a service may use, with the token it needs.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] when the asset has none.
    pub async fn signed_name(&self, asset_id: &AssetId) -> Result<PlaybackName, MediaError> {
        let names = rows::playback_names(&self.db, asset_id).await?;
        let signed = names.iter().find(|name| name.policy == PlaybackPolicy::Signed).cloned();
        signed.or_else(|| names.into_iter().next()).ok_or(MediaError::NotFound("playback id"))
    }
}

fn is_over(state: &AssetState) -> bool {
    match state {
        AssetState::Waiting | AssetState::Preparing => false,
        AssetState::Ready(_) | AssetState::Errored(_) => true,
    }
}

/// Whether a finished recording already says what this index says.
fn is_over_with(state: &AssetState, index: &Index) -> bool {
    match state {
        AssetState::Ready(before) => *before == playable(index),
        AssetState::Errored(_) => index.sets.is_empty(),
        AssetState::Waiting | AssetState::Preparing => false,
    }
}

fn playable(index: &Index) -> Playable {
    Playable { index_chunks: index.chunks, duration_ms: index.duration_ms() }
}
