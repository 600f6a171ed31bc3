//! Replays of an event: which there are is this service's to know, everything about their media is MAR's.

use axum::body::Bytes;
use futures::future::join_all;
use ids::{AssetId, EventId, JobId, TextTrackId};
use wire::media::{JobInfo, PlaybackPolicy};

use crate::caller::{EventCaller, OrganiserCaller};
use crate::db::replays::ReplayRow;
use crate::model::replay::{
    Caption, CaptionList, Job, NewCaption, Replay, ReplayList, ReplayState, ReplaySummary,
};
use crate::model::text;
use crate::problem::Problem;
use crate::state::App;
use crate::upstream::UpstreamError;
use crate::upstream::media::{Asset, JobChange, Playback, Track};

impl App {
    pub(crate) async fn replays(&self, caller: &EventCaller, event: &EventId) -> Result<ReplayList, Problem> {
        caller.enter(self, event).await?;
        Ok(ReplayList { items: self.replay_summaries(event).await? })
    }

    /// The event's replays, newest first.
    pub(crate) async fn replay_summaries(&self, event: &EventId) -> Result<Vec<ReplaySummary>, Problem> {
        let rows = self.store.replays(event, MOST_LISTED).await?;
        let summaries = join_all(rows.iter().map(|row| self.summary_of(row))).await;
        Ok(summaries.into_iter().flatten().collect())
    }

    /// One replay of any event, once its stage is off the air.
    pub(crate) async fn replay_summary(&self, id: &AssetId) -> Result<Option<ReplaySummary>, Problem> {
        match self.store.replay(id).await? {
            Some(row) => Ok(self.summary_of(&row).await),
            None => Ok(None),
        }
    }

    /// `None` if MAR does not know the asset. While MAR cannot be asked, the replay is shown as preparing.
    async fn summary_of(&self, row: &ReplayRow) -> Option<ReplaySummary> {
        match self.media.asset(&row.asset_id).await {
            Ok(asset) => {
                let asset = asset?;
                let files = self.files(row, &asset).await.unwrap_or(None);
                Some(summary(row, Some(&asset), files.as_ref()))
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a replay is listed without its media"
                );
                Some(summary(row, None, None))
            }
        }
    }

    pub(crate) async fn replay(&self, caller: &EventCaller, id: &AssetId) -> Result<Replay, Problem> {
        let row = self.seen_replay(caller, id).await?;
        // Before the asset, so that what a finished job has made is in it.
        let jobs = self.jobs(id).await;
        let asset = self.media.asset_now(id).await?.ok_or(Problem::NotFound)?;
        let files = self.files(&row, &asset).await?;
        let plays = asset.status == ReplayState::Ready;
        Ok(Replay {
            summary: summary(&row, Some(&asset), files.as_ref()),
            hls_url: files.as_ref().filter(|_| plays).map(|files| files.url("index.m3u8")),
            storyboard_url: files.as_ref().and_then(|files| files.made("storyboard.vtt")),
            mp4_url: files.as_ref().and_then(|files| files.made("video.mp4")),
            captions: asset.tracks.iter().map(caption).collect(),
            jobs,
            error: asset.error.map(|error| error.detail),
        })
    }

    /// A replay plays without knowing its jobs.
    async fn jobs(&self, id: &AssetId) -> Vec<Job> {
        match self.media.jobs(id).await {
            Ok(jobs) => jobs.into_iter().map(job).collect(),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a replay is shown without its jobs"
                );
                Vec::new()
            }
        }
    }

    pub(crate) async fn change_job(
        &self,
        caller: &OrganiserCaller,
        (replay, id): (&AssetId, &JobId),
        change: JobChange,
    ) -> Result<Job, Problem> {
        self.own_replay(caller, replay).await?;
        let jobs = self.media.jobs(replay).await?;
        if jobs.iter().all(|job| job.id != *id) {
            return Err(Problem::NotFound);
        }
        self.media.forget(replay);
        Ok(job(self.media.change_job(id, change).await?))
    }

    pub(crate) async fn delete_replay(&self, caller: &OrganiserCaller, id: &AssetId) -> Result<(), Problem> {
        let row = self.own_replay(caller, id).await?;
        if !row.ended {
            return Err(Problem::conflict("stage-on-air", "End the stage first."));
        }
        // MAR first: a replay that is still listed can be deleted again.
        self.media.delete_asset(id).await?;
        Ok(self.store.delete_replay(id).await?)
    }

    pub(crate) async fn captions(&self, caller: &EventCaller, id: &AssetId) -> Result<CaptionList, Problem> {
        self.seen_replay(caller, id).await?;
        let asset = self.media.asset_now(id).await?.ok_or(Problem::NotFound)?;
        Ok(CaptionList { items: asset.tracks.iter().map(caption).collect() })
    }

    pub(crate) async fn add_caption(
        &self,
        caller: &OrganiserCaller,
        id: &AssetId,
        new: &NewCaption,
        vtt: Bytes,
    ) -> Result<Caption, Problem> {
        self.own_replay(caller, id).await?;
        let language = text::required("language", &new.language, 35)?;
        let label = text::required("label", new.label.as_deref().unwrap_or(&language), text::MAX_NAME)?;
        let track = self.media.add_track(id, (&language, &label), vtt).await?;
        Ok(caption(&track))
    }

    pub(crate) async fn caption(
        &self,
        caller: &EventCaller,
        id: &AssetId,
        track: &TextTrackId,
    ) -> Result<String, Problem> {
        self.seen_replay(caller, id).await?;
        Ok(self.media.track(id, track).await?)
    }

    pub(crate) async fn delete_caption(
        &self,
        caller: &OrganiserCaller,
        id: &AssetId,
        track: &TextTrackId,
    ) -> Result<(), Problem> {
        self.own_replay(caller, id).await?;
        Ok(self.media.delete_track(id, track).await?)
    }

    /// What to append to an asset's addresses: `?token=…` if it is signed.
    pub(crate) async fn playback_query(
        &self,
        id: &AssetId,
        policy: PlaybackPolicy,
    ) -> Result<String, UpstreamError> {
        match policy {
            PlaybackPolicy::Public => Ok(String::new()),
            PlaybackPolicy::Signed => Ok(format!("?token={}", self.media.playback_token(id).await?.token)),
        }
    }

    async fn files(&self, row: &ReplayRow, asset: &Asset) -> Result<Option<Files<'_>>, UpstreamError> {
        let Some(playback) = asset.playback_ids.first().cloned() else { return Ok(None) };
        let query = self.playback_query(&row.asset_id, playback.policy).await?;
        let names = asset.static_renditions.iter().map(|file| file.name.clone()).collect();
        Ok(Some(Files { app: self, playback, query, names }))
    }

    async fn seen_replay(&self, caller: &EventCaller, id: &AssetId) -> Result<ReplayRow, Problem> {
        let row = self.store.replay(id).await?.ok_or(Problem::NotFound)?;
        caller.enter(self, &row.event_id).await?;
        Ok(row)
    }

    async fn own_replay(&self, caller: &OrganiserCaller, id: &AssetId) -> Result<ReplayRow, Problem> {
        let row = self.store.replay(id).await?.ok_or(Problem::NotFound)?;
        self.own_event(caller, &row.event_id).await?;
        Ok(row)
    }
}

/// Addresses of an asset's files.
struct Files<'a> {
    app: &'a App,
    playback: Playback,
    query: String,
    names: Vec<String>,
}

impl Files<'_> {
    fn url(&self, file: &str) -> String {
        self.app.addresses.hls(&self.playback.id, file, &self.query)
    }

    /// The address of a file that may not be made yet.
    fn made(&self, file: &str) -> Option<String> {
        self.names.iter().any(|name| name == file).then(|| self.url(file))
    }
}

fn summary(row: &ReplayRow, asset: Option<&Asset>, files: Option<&Files<'_>>) -> ReplaySummary {
    ReplaySummary {
        id: row.asset_id.clone(),
        event_id: row.event_id.clone(),
        stage_id: row.stage_id.clone(),
        title: row.title.clone(),
        state: asset.map_or(ReplayState::Preparing, |asset| asset.status),
        duration_ms: asset.and_then(|asset| asset.duration_ms),
        poster_url: files.and_then(|files| files.made("poster.jpg")),
        created_at: row.created_at,
    }
}

fn job(info: JobInfo) -> Job {
    let JobInfo { id, transform, state, percent, error } = info;
    Job { id, kind: transform, state, percent, error }
}

fn caption(track: &Track) -> Caption {
    Caption {
        id: track.id.clone(),
        language: track.language.clone(),
        label: track.name.clone(),
        state: ReplayState::Ready,
    }
}

/// An event has tens of replays; a list of more is cut.
const MOST_LISTED: i64 = 200;
