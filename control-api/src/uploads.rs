//! Uploads: MAR keeps the parts, this service knows whose they are.

use ids::{EventId, UploadId};
use wire::media::PlaybackPolicy;

use crate::api::body::IdempotencyKey;
use crate::caller::OrganiserCaller;
use crate::db::replays::UploadRow;
use crate::model::event::Access;
use crate::model::text;
use crate::model::upload::{NewUpload, Upload, UploadPart};
use crate::problem::Problem;
use crate::state::App;
use crate::upstream::media::{self, UploadStatus};

impl App {
    pub(crate) async fn create_upload(
        &self,
        caller: &OrganiserCaller,
        event: &EventId,
        key: IdempotencyKey,
        body: &NewUpload,
    ) -> Result<Upload, Problem> {
        let event = self.own_event(caller, event).await?;
        let file_name = text::required("file_name", &body.file_name, text::MAX_TITLE)?;
        let title = text::required("title", body.title.as_deref().unwrap_or(&file_name), text::MAX_TITLE)?;
        if !body.content_type.starts_with("video/") && !body.content_type.starts_with("audio/") {
            return Err(Problem::invalid("content_type", "must be video/… or audio/…"));
        }
        let policy = match event.access {
            Access::Open => PlaybackPolicy::Public,
            Access::Invited => PlaybackPolicy::Signed,
        };
        // A key is one organiser's and one event's; MAR sees them all from one caller.
        let key = key.0.map(|key| crate::secret::hash(&format!("{} {} {key}", caller.id, event.id)));
        let made = self.media.create_upload(key, &title, body.size_bytes, policy).await?;
        let row =
            UploadRow { id: made.id.clone(), asset_id: made.asset_id.clone(), event_id: event.id, file_name };
        match self.store.insert_upload(&row, &title).await {
            // The same key again: the row is there.
            Err(error) if ::db::is_unique_violation(&error) => {}
            other => other?,
        }
        self.shown_upload(row, made).await
    }

    pub(crate) async fn upload(&self, caller: &OrganiserCaller, id: &UploadId) -> Result<Upload, Problem> {
        let row = self.own_upload(caller, id).await?;
        let upload = self.media.upload(id).await?;
        self.shown_upload(row, upload).await
    }

    pub(crate) async fn complete_upload(
        &self,
        caller: &OrganiserCaller,
        id: &UploadId,
    ) -> Result<Upload, Problem> {
        let row = self.own_upload(caller, id).await?;
        let upload = self.media.complete_upload(id).await?;
        self.media.forget(&row.asset_id);
        self.shown_upload(row, upload).await
    }

    async fn own_upload(&self, caller: &OrganiserCaller, id: &UploadId) -> Result<UploadRow, Problem> {
        let row = self.store.upload(id).await?.ok_or(Problem::NotFound)?;
        self.own_event(caller, &row.event_id).await?;
        Ok(row)
    }

    async fn shown_upload(&self, row: UploadRow, upload: media::Upload) -> Result<Upload, Problem> {
        let done = |number: &u64| upload.stored_parts.contains(number);
        let wanted: Vec<u64> =
            (1..=upload.part_count).filter(|number| !done(number)).take(URLS_AT_ONCE).collect();
        let urls = match upload.status {
            UploadStatus::Waiting if !wanted.is_empty() => self.media.part_urls(&upload.id, &wanted).await?,
            UploadStatus::Waiting
            | UploadStatus::Completed
            | UploadStatus::Cancelled
            | UploadStatus::Expired => Vec::new(),
        };
        let url_of =
            |number: u64| urls.iter().find(|part| part.number == number).map(|part| part.url.clone());
        let parts = (1..=upload.part_count).map(|number| UploadPart {
            number: u32::try_from(number).unwrap_or(u32::MAX),
            done: done(&number),
            url: url_of(number),
        });
        Ok(Upload {
            id: row.id,
            event_id: row.event_id,
            replay_id: row.asset_id,
            state: upload.status.into(),
            file_name: row.file_name,
            size_bytes: upload.size_bytes,
            part_size_bytes: upload.part_size_bytes,
            parts: parts.collect(),
        })
    }
}

/// MAR gives this many at a time; ask again when they are done.
const URLS_AT_ONCE: usize = 100;
