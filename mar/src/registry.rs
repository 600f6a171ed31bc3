//! The registry: which changes are allowed, each with its event in one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use auth::playback::PlaybackKey;
use bucket::Bucket;
use db::{Db, Tx};
use ids::{AssetId, PlaybackId, StageId};
use tokio::sync::Notify;
use wire::media::{PlaybackPolicy, PlaybackToken};

use crate::asset::{
    Asset, AssetState, Failure, Playable, PlaybackName, Probed, Source, StaticRendition, asset_prefix,
    recording_prefix,
};
use crate::db as rows;
use crate::error::MediaError;
use crate::index::Indexes;
use crate::outbox::{self, Kind};

mod idempotency;
mod recordings;
mod tracks;
mod uploads;

pub use self::idempotency::RequestKey;
pub(crate) use self::tracks::MAX_VTT_BYTES;
pub use self::uploads::{NewUpload, PartUrl, UploadLimits, UploadStatus};

/// The registry. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Registry {
    db: Db,
    bucket: Bucket,
    indexes: Indexes,
    playback_key: PlaybackKey,
    limits: UploadLimits,
    changed: Arc<Notify>,
    changes: Arc<AtomicU64>,
}

/// An asset with everything that hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetView {
    /// The asset.
    pub asset: Asset,
    /// Its public names.
    pub playback_names: Vec<PlaybackName>,
    /// Its captions.
    pub text_tracks: Vec<crate::asset::TextTrack>,
    /// Its files beside the ladder.
    pub static_renditions: Vec<StaticRendition>,
}

/// A page of assets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetsPage {
    /// Newest first.
    pub assets: Vec<Asset>,
    /// Where the next page starts, when there is one.
    pub next: Option<(i64, String)>,
}

impl Registry {
    /// Puts the registry on its database and bucket.
    #[must_use]
    pub fn new(db: Db, bucket: Bucket, playback_key: PlaybackKey, limits: UploadLimits) -> Self {
        let indexes = Indexes::new(bucket.clone());
        Self { db, bucket, indexes, playback_key, limits, changed: Arc::default(), changes: Arc::default() }
    }

    /// Its database, for services that write in the same transactions.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Its bucket.
    #[must_use]
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// The indexes in its bucket.
    #[must_use]
    pub fn indexes(&self) -> &Indexes {
        &self.indexes
    }

    /// Told after every change by this process.
    #[must_use]
    pub fn changed(&self) -> &Arc<Notify> {
        &self.changed
    }

    /// An asset.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] when there is none.
    pub async fn asset(&self, id: &AssetId) -> Result<Asset, MediaError> {
        rows::asset(&self.db, id).await?.ok_or(MediaError::NotFound("asset"))
    }

    /// An asset with everything that hangs on it.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] when there is none.
    pub async fn view(&self, id: &AssetId) -> Result<AssetView, MediaError> {
        Ok(AssetView {
            asset: self.asset(id).await?,
            playback_names: rows::playback_names(&self.db, id).await?,
            text_tracks: rows::text_tracks(&self.db, id).await?,
            static_renditions: rows::static_renditions(&self.db, id).await?,
        })
    }

    /// A page of assets, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn assets(
        &self,
        after: Option<(i64, String)>,
        stage_id: Option<&StageId>,
        limit: usize,
    ) -> Result<AssetsPage, MediaError> {
        let wanted = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let mut assets = rows::assets_page(&self.db, after, stage_id, wanted).await?;
        let more = assets.len() > limit;
        assets.truncate(limit);
        let next = assets.last().filter(|_| more).map(|last| (last.created_at_us, last.id.to_string()));
        Ok(AssetsPage { assets, next })
    }

    /// Uploaded assets whose file is there and whose transforms are to be made, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn preparing_uploads(&self, limit: i64) -> Result<Vec<Asset>, MediaError> {
        Ok(rows::assets_preparing(&self.db, limit).await?)
    }

    /// Removes an asset; its files follow in the background.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] when there is none.
    pub async fn delete_asset(&self, id: &AssetId) -> Result<(), MediaError> {
        let mut tx = self.db.begin().await?;
        let asset = held(&self.db, &mut tx, id).await?;
        rows::delete_asset(&mut tx, id).await?;
        for prefix in [asset_prefix(id), recording_prefix(id)] {
            rows::doom(&self.db, &mut tx, &prefix).await?;
        }
        outbox::append(&mut tx, Kind::Deleted, &asset, serde_json::Value::Null).await?;
        self.commit(tx).await
    }

    /// Gives an asset one more public name.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] when there is no such asset.
    pub async fn add_playback_id(
        &self,
        asset_id: &AssetId,
        policy: PlaybackPolicy,
    ) -> Result<PlaybackName, MediaError> {
        let mut tx = self.db.begin().await?;
        held(&self.db, &mut tx, asset_id).await?;
        let name = PlaybackName { id: PlaybackId::random(), asset_id: asset_id.clone(), policy };
        rows::insert_playback_name(&self.db, &mut tx, &name).await?;
        self.commit(tx).await?;
        Ok(name)
    }

    /// Takes a public name from an asset; whoever plays it stops at the next request.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] when it is none of the asset's.
    pub async fn remove_playback_id(&self, asset_id: &AssetId, id: &PlaybackId) -> Result<(), MediaError> {
        let mut tx = self.db.begin().await?;
        if !rows::remove_playback_name(&mut tx, asset_id, id).await? {
            return Err(MediaError::NotFound("playback id"));
        }
        self.commit(tx).await
    }

    /// What a public name plays.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] when it plays nothing.
    pub async fn playback_name(&self, id: &PlaybackId) -> Result<PlaybackName, MediaError> {
        rows::playback_name(&self.db, id).await?.ok_or(MediaError::NotFound("playback id"))
    }

    /// A token that plays one public name for a while.
    #[must_use]
    pub fn playback_token(&self, id: &PlaybackId, lifetime: Duration) -> PlaybackToken {
        let minted = self.playback_key.mint(id, lifetime);
        let expires_at_us = i64::try_from(minted.expires_at.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
        PlaybackToken { token: minted.token, expires_at_us }
    }

    /// Checks that the bearer may play a public name.
    ///
    /// # Errors
    /// [`MediaError::PlaybackRefused`] when it is signed and the token is not for it.
    pub fn check_playback(&self, name: &PlaybackName, token: Option<&str>) -> Result<(), MediaError> {
        match name.policy {
            PlaybackPolicy::Public => Ok(()),
            PlaybackPolicy::Signed => {
                let token = token.ok_or(MediaError::PlaybackRefused)?;
                self.playback_key.verify(token, &name.id).map_err(|_| MediaError::PlaybackRefused)
            }
        }
    }

    /// Counts changes by this process: what was read before one may be out of date after it.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Commits a transaction that changed something, and tells those who wait for changes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn commit(&self, tx: Tx) -> Result<(), MediaError> {
        tx.commit().await?;
        self.changes.fetch_add(1, Ordering::Release);
        self.changed.notify_one();
        Ok(())
    }
}

/// Makes an asset playable in the caller's transaction: its ladder and index lie below `prefix`.
///
/// # Errors
/// [`MediaError::NotFound`] when the asset has been deleted meanwhile.
pub async fn publish_asset(
    db: &Db,
    tx: &mut Tx,
    id: &AssetId,
    (prefix, playable): (&str, Playable),
) -> Result<(), MediaError> {
    let mut asset = held(db, tx, id).await?;
    asset.state = AssetState::Ready(playable);
    rows::set_prefix(tx, id, prefix).await?;
    rows::set_state(db, tx, id, &asset.state).await?;
    let extra = serde_json::json!({ "duration_ms": playable.duration_ms });
    Ok(outbox::append(tx, Kind::Ready, &asset, extra).await?)
}

/// Notes in the caller's transaction what an asset's uploaded file is. One that was given up is prepared
/// again: somebody had it looked at once more.
///
/// # Errors
/// [`MediaError::NotFound`] when the asset has been deleted meanwhile.
pub async fn describe_asset(db: &Db, tx: &mut Tx, id: &AssetId, probed: &Probed) -> Result<(), MediaError> {
    let mut asset = held(db, tx, id).await?;
    rows::set_probed(tx, id, probed).await?;
    match asset.state {
        AssetState::Errored(_) => {
            asset.state = AssetState::Preparing;
            rows::set_state(db, tx, id, &asset.state).await?;
            Ok(outbox::append(tx, Kind::Preparing, &asset, serde_json::json!({ "reopened": true })).await?)
        }
        AssetState::Waiting | AssetState::Preparing | AssetState::Ready(_) => {
            let extra = serde_json::json!({ "probed": probed });
            Ok(outbox::append(tx, Kind::Updated, &asset, extra).await?)
        }
    }
}

/// Gives an asset up in the caller's transaction.
///
/// # Errors
/// [`MediaError::NotFound`] when the asset has been deleted meanwhile.
pub async fn fail_asset(db: &Db, tx: &mut Tx, id: &AssetId, failure: Failure) -> Result<(), MediaError> {
    let mut asset = held(db, tx, id).await?;
    let extra = serde_json::json!({ "kind": failure.kind, "detail": failure.detail });
    asset.state = AssetState::Errored(failure);
    rows::set_state(db, tx, id, &asset.state).await?;
    Ok(outbox::append(tx, Kind::Errored, &asset, extra).await?)
}

/// Adds or replaces a file beside the ladder in the caller's transaction.
///
/// # Errors
/// [`MediaError::NotFound`] when the asset has been deleted meanwhile.
pub async fn put_static_rendition(
    db: &Db,
    tx: &mut Tx,
    id: &AssetId,
    rendition: &StaticRendition,
) -> Result<(), MediaError> {
    let asset = held(db, tx, id).await?;
    rows::put_static(tx, id, rendition).await?;
    let extra = serde_json::json!({ "static_rendition": rendition.name });
    Ok(outbox::append(tx, Kind::Updated, &asset, extra).await?)
}

/// The asset, locked until the transaction ends.
async fn held(db: &Db, tx: &mut Tx, id: &AssetId) -> Result<Asset, MediaError> {
    rows::asset_for_update(db, tx, id).await?.ok_or(MediaError::NotFound("asset"))
}

/// A new asset in memory.
fn new_asset(id: AssetId, source: Source, title: &str, now_us: i64) -> Asset {
    let (state, prefix) = match &source {
        Source::Recording { .. } => (AssetState::Preparing, recording_prefix(&id)),
        Source::Upload => (AssetState::Waiting, asset_prefix(&id)),
    };
    Asset {
        id,
        state,
        source,
        title: title.to_owned(),
        prefix,
        created_at_us: now_us,
        changed_at_us: now_us,
        probed: None,
    }
}

/// Longest title in bytes.
pub(crate) const MAX_TITLE_BYTES: usize = 500;

fn check_title(title: &str) -> Result<(), MediaError> {
    if title.len() > MAX_TITLE_BYTES {
        return Err(MediaError::Invalid(format!("a title has at most {MAX_TITLE_BYTES} bytes")));
    }
    Ok(())
}
