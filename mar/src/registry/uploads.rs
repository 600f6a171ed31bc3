//! Direct uploads: the browser sends parts to the bucket, the registry says where and checks the end.

use std::collections::BTreeMap;
use std::time::Duration;

use bucket::{Kind as MediaType, MultipartUpload, StoredPart};
use ids::{AssetId, PlaybackId, UploadId};
use serde::{Deserialize, Serialize};
use wire::media::PlaybackPolicy;

use super::idempotency::{lost_race, remember, remembered};
use super::{Registry, RequestKey, check_title, fail_asset, held, new_asset};
use crate::asset::{AssetState, Failure, PlaybackName, Source, Upload, UploadState, source_key};
use crate::db as rows;
use crate::error::MediaError;
use crate::outbox::{self, Kind};

/// A file that has not been looked at is nothing in particular.
const UNKNOWN: MediaType = MediaType::of("application/octet-stream");

/// Smallest part that S3 takes (but for the last).
const MIN_PART_BYTES: u64 = 5 << 20;

/// Most parts that S3 takes.
const MAX_PARTS: u64 = 10_000;

/// Bounds of uploads.
#[derive(Debug, Clone)]
pub struct UploadLimits {
    /// Largest file.
    pub max_bytes: u64,
    /// Bytes per part, larger for files that would have too many.
    pub part_bytes: u64,
    /// How long parts are accepted.
    pub lifetime: Duration,
    /// How long a URL for a part lives; fresh ones can be had.
    pub url_lifetime: Duration,
}

impl Default for UploadLimits {
    /// 50 GiB in parts of 16 MiB within a day: a part takes 13 s at 10 Mbit/s and is repeated as a whole.
    fn default() -> Self {
        Self {
            max_bytes: 50 << 30,
            part_bytes: 16 << 20,
            lifetime: Duration::from_secs(24 * 3600),
            url_lifetime: Duration::from_secs(3600),
        }
    }
}

/// Asks for an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewUpload {
    /// Title of the asset.
    pub title: String,
    /// Bytes of the whole file.
    pub size_bytes: u64,
    /// Who may play it.
    pub policy: PlaybackPolicy,
}

/// An upload and the parts that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadStatus {
    /// The upload.
    pub upload: Upload,
    /// By number, only those with the right size.
    pub stored: Vec<StoredPart>,
}

/// Where to PUT one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartUrl {
    /// From 1.
    pub number: u64,
    /// First byte of the file in this part.
    pub offset_bytes: u64,
    /// Bytes of this part.
    pub size_bytes: u64,
    /// Presigned.
    pub url: String,
}

impl Registry {
    /// Begins an upload and its asset.
    ///
    /// # Errors
    /// When the file is empty or too large, or the title too long.
    pub async fn create_upload(
        &self,
        new: &NewUpload,
        request: Option<&RequestKey>,
    ) -> Result<Upload, MediaError> {
        check_title(&new.title)?;
        if new.size_bytes == 0 || new.size_bytes > self.limits.max_bytes {
            let most = self.limits.max_bytes;
            return Err(MediaError::Invalid(format!("`size_bytes` is not within 1 to {most}")));
        }
        match self.try_create_upload(new, request).await {
            Err(error) if lost_race(&error) => self.try_create_upload(new, request).await,
            done => done,
        }
    }

    async fn try_create_upload(
        &self,
        new: &NewUpload,
        request: Option<&RequestKey>,
    ) -> Result<Upload, MediaError> {
        if let Some(before) = self.remembered_upload(request).await? {
            return Ok(before);
        }
        let asset_id = AssetId::random();
        let key = source_key(&asset_id);
        let started = self.bucket.start_upload(&key, UNKNOWN).await?;
        let written = self.write_upload(new, request, (asset_id, &started)).await;
        if written.is_err() {
            // What stays expires in the store.
            let _ = self.bucket.abort_upload(&started).await;
        }
        written
    }

    async fn remembered_upload(&self, request: Option<&RequestKey>) -> Result<Option<Upload>, MediaError> {
        let mut tx = self.db.begin().await?;
        let Some(id) = remembered::<UploadId>(&mut tx, request).await? else { return Ok(None) };
        drop(tx);
        self.upload(&id).await.map(Some)
    }

    async fn write_upload(
        &self,
        new: &NewUpload,
        request: Option<&RequestKey>,
        (asset_id, started): (AssetId, &MultipartUpload),
    ) -> Result<Upload, MediaError> {
        let now_us = self.db.clock_us().await?;
        let lifetime_us = i64::try_from(self.limits.lifetime.as_micros()).unwrap_or(i64::MAX);
        let asset = new_asset(asset_id, Source::Upload, &new.title, now_us);
        let upload = Upload {
            id: UploadId::random(),
            asset_id: asset.id.clone(),
            state: UploadState::Waiting,
            key: started.key.clone(),
            store_upload_id: started.upload_id.clone(),
            size_bytes: new.size_bytes,
            part_size_bytes: part_size(new.size_bytes, self.limits.part_bytes),
            created_at_us: now_us,
            expires_at_us: now_us.saturating_add(lifetime_us),
        };
        let name = PlaybackName { id: PlaybackId::random(), asset_id: asset.id.clone(), policy: new.policy };
        let mut tx = self.db.begin().await?;
        rows::insert_asset(&mut tx, &asset).await?;
        rows::insert_playback_name(&self.db, &mut tx, &name).await?;
        rows::insert_upload(&mut tx, &upload).await?;
        outbox::append(&mut tx, Kind::Created, &asset, serde_json::json!({ "upload": upload.id })).await?;
        remember(&self.db, &mut tx, request, &upload.id).await?;
        self.commit(tx).await?;
        Ok(upload)
    }

    /// An upload.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] when there is none.
    pub async fn upload(&self, id: &UploadId) -> Result<Upload, MediaError> {
        rows::upload(&self.db, id).await?.ok_or(MediaError::NotFound("upload"))
    }

    /// An upload and which of its parts are there: what a browser asks after a reload.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] when there is none.
    pub async fn upload_status(&self, id: &UploadId) -> Result<UploadStatus, MediaError> {
        let upload = self.upload(id).await?;
        let stored = match upload.state {
            UploadState::Waiting => self.bucket.stored_parts(&store_upload(&upload)).await?,
            UploadState::Completed | UploadState::Cancelled | UploadState::Expired => Vec::new(),
        };
        let right = |part: &StoredPart| {
            u64::try_from(part.number)
                .ok()
                .and_then(|number| part_range(&upload, number))
                .map(|(_, size)| size)
                == Some(part.size_bytes)
        };
        let stored = stored.into_iter().filter(right).collect();
        Ok(UploadStatus { upload, stored })
    }

    /// URLs to which the browser may PUT these parts.
    ///
    /// # Errors
    /// [`MediaError::UploadClosed`] when it is over, [`MediaError::Invalid`] for numbers out of range.
    pub async fn part_urls(&self, id: &UploadId, numbers: &[u64]) -> Result<Vec<PartUrl>, MediaError> {
        let upload = self.open_upload(id).await?;
        let mut urls = Vec::with_capacity(numbers.len());
        for &number in numbers {
            let (offset_bytes, size_bytes) = part_range(&upload, number).ok_or_else(|| {
                MediaError::Invalid(format!("part numbers go from 1 to {}", upload.part_count()))
            })?;
            let signed = i32::try_from(number).unwrap_or(i32::MAX);
            let lifetime = self.limits.url_lifetime;
            let url = self.bucket.presign_part(&store_upload(&upload), signed, lifetime).await?;
            urls.push(PartUrl { number, offset_bytes, size_bytes, url });
        }
        Ok(urls)
    }

    /// Ends an upload whose parts are all there; its asset is `preparing` afterwards. Again is fine.
    ///
    /// # Errors
    /// [`MediaError::PartsMissing`] while parts are missing.
    pub async fn complete_upload(&self, id: &UploadId) -> Result<Upload, MediaError> {
        let upload = self.upload(id).await?;
        if upload.state == UploadState::Completed {
            return Ok(upload);
        }
        let upload = self.open_upload(id).await?;
        self.assemble(&upload).await?;
        let mut tx = self.db.begin().await?;
        let mut asset = held(&self.db, &mut tx, &upload.asset_id).await?;
        if rows::set_upload_state(&mut tx, id, UploadState::Waiting, UploadState::Completed).await? {
            asset.state = AssetState::Preparing;
            rows::set_state(&self.db, &mut tx, &asset.id, &asset.state).await?;
            let extra = serde_json::json!({ "upload": id, "size_bytes": upload.size_bytes });
            outbox::append(&mut tx, Kind::Preparing, &asset, extra).await?;
            self.commit(tx).await?;
        }
        self.upload(id).await
    }

    /// Makes the object, unless an earlier attempt got that far before it was interrupted.
    async fn assemble(&self, upload: &Upload) -> Result<(), MediaError> {
        if self.bucket.size(&upload.key).await.is_ok_and(|size| size == upload.size_bytes) {
            return Ok(());
        }
        let status = self.upload_status(&upload.id).await?;
        let by_number: BTreeMap<i32, StoredPart> =
            status.stored.into_iter().map(|part| (part.number, part)).collect();
        let (there, parts) = (by_number.len() as u64, upload.part_count());
        if there != parts {
            return Err(MediaError::PartsMissing { missing: parts.saturating_sub(there), parts });
        }
        let parts: Vec<StoredPart> = by_number.into_values().collect();
        Ok(self.bucket.complete_upload(&store_upload(upload), &parts).await?)
    }

    /// Gives an upload up; its asset is gone afterwards. Again is fine.
    ///
    /// # Errors
    /// [`MediaError::UploadClosed`] when the file is whole.
    pub async fn cancel_upload(&self, id: &UploadId) -> Result<(), MediaError> {
        let upload = self.upload(id).await?;
        match upload.state {
            UploadState::Waiting => self.close_upload(&upload, UploadState::Cancelled).await,
            UploadState::Cancelled | UploadState::Expired => Ok(()),
            UploadState::Completed => Err(MediaError::UploadClosed("completed")),
        }
    }

    /// Closes uploads that nobody finished in time; returns how many.
    ///
    /// # Errors
    /// When the bucket or the database fails.
    pub async fn expire_uploads(&self) -> Result<usize, MediaError> {
        let overdue = rows::overdue_uploads(&self.db, 100).await?;
        for upload in &overdue {
            self.close_upload(upload, UploadState::Expired).await?;
        }
        Ok(overdue.len())
    }

    async fn close_upload(&self, upload: &Upload, to: UploadState) -> Result<(), MediaError> {
        let mut tx = self.db.begin().await?;
        held(&self.db, &mut tx, &upload.asset_id).await?;
        if rows::set_upload_state(&mut tx, &upload.id, UploadState::Waiting, to).await? {
            let failure = Failure {
                kind: format!("upload-{}", to.name()),
                detail: "The file was never whole.".to_owned(),
            };
            fail_asset(&self.db, &mut tx, &upload.asset_id, failure).await?;
            self.commit(tx).await?;
        }
        Ok(self.bucket.abort_upload(&store_upload(upload)).await?)
    }

    async fn open_upload(&self, id: &UploadId) -> Result<Upload, MediaError> {
        let upload = self.upload(id).await?;
        match upload.state {
            UploadState::Waiting if self.db.clock_us().await? < upload.expires_at_us => Ok(upload),
            UploadState::Waiting => Err(MediaError::UploadClosed("expired")),
            UploadState::Completed | UploadState::Cancelled | UploadState::Expired => {
                Err(MediaError::UploadClosed(upload.state.name()))
            }
        }
    }
}

fn store_upload(upload: &Upload) -> MultipartUpload {
    MultipartUpload { key: upload.key.clone(), upload_id: upload.store_upload_id.clone() }
}

/// A part size with which the file has at most 10,000 parts.
fn part_size(size_bytes: u64, wanted: u64) -> u64 {
    let least = size_bytes.div_ceil(MAX_PARTS).next_multiple_of(1 << 20);
    wanted.max(least).max(MIN_PART_BYTES)
}

/// First byte and size of a part.
fn part_range(upload: &Upload, number: u64) -> Option<(u64, u64)> {
    if !(1..=upload.part_count()).contains(&number) {
        return None;
    }
    let offset = (number - 1) * upload.part_size_bytes;
    Some((offset, upload.part_size_bytes.min(upload.size_bytes - offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_gets_larger_parts_instead_of_more_than_s3_takes() {
        assert_eq!(part_size(1, 16 << 20), 16 << 20);
        let size: u64 = 1 << 40;
        assert!(size.div_ceil(part_size(size, 16 << 20)) <= MAX_PARTS);
    }
}
