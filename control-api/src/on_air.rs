//! Going live, ending, and what the control room and the viewers are told about it.
//!
//! Requests only write what is wanted; [`crate::reconcile`] makes it true.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ids::StageId;
use wire::media::PlaybackPolicy;
use wire::mixer::{StageSpec, StageStatus as MixerStatus};

use crate::caller::{EventCaller, OrganiserCaller};
use crate::db::stages::{StageRow, WentLive};
use crate::model::event::Access;
use crate::model::stage::{BackstageKind, BackstageParticipant, StageHealth, StageState, StageStatus, Watch};
use crate::model::timestamp::Timestamp;
use crate::problem::Problem;
use crate::recording::{Recording, RecordingState, trouble_of};
use crate::stages::may_go_backstage;
use crate::state::App;
use crate::upstream::rooms::{Participant, Source};

/// What the reconciler last heard, per stage. Lost on restart, and whole again one round later.
#[derive(Debug, Default)]
pub(crate) struct Air(Mutex<HashMap<StageId, Heard>>);

/// The state of one stage's dealings with the mixer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    /// The wanted state that the mixer accepted.
    pub(crate) told: Option<StageSpec>,
    /// What it said.
    pub(crate) says: Option<MixerStatus>,
    /// Why the last step failed, for people.
    pub(crate) trouble: Option<String>,
}

impl Air {
    pub(crate) fn heard(&self, stage: &StageId) -> Heard {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(stage).cloned().unwrap_or_default()
    }

    pub(crate) fn note(&self, stage: &StageId, note: impl FnOnce(&mut Heard)) {
        note(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(stage.clone()).or_default());
    }

    pub(crate) fn forget(&self, stage: &StageId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(stage);
    }
}

impl App {
    pub(crate) async fn go_live(
        &self,
        caller: &OrganiserCaller,
        id: &StageId,
    ) -> Result<StageStatus, Problem> {
        let stage = self.own_stage(caller, id).await?;
        let event = self.own_event(caller, &stage.event_id).await?;
        let recording = Recording {
            id: crate::secret::random(),
            stage_id: id.clone(),
            event_id: stage.event_id.clone(),
            title: stage.title.clone(),
            policy: match event.access {
                Access::Open => PlaybackPolicy::Public,
                Access::Invited => PlaybackPolicy::Signed,
            },
            state: RecordingState::Starting,
            medium: None,
            started_at: Timestamp::now(),
            ended_at: None,
        };
        match self.store.begin_recording(&recording).await? {
            WentLive::Now | WentLive::Already => {}
            WentLive::StillEnding => {
                return Err(Problem::conflict(
                    "stage-ending",
                    "The stage is still ending. Try again in a moment.",
                ));
            }
        }
        self.changed.notify_one();
        self.status(&stage).await
    }

    pub(crate) async fn end_stage(
        &self,
        caller: &OrganiserCaller,
        id: &StageId,
    ) -> Result<StageStatus, Problem> {
        let stage = self.own_stage(caller, id).await?;
        self.store.end_recording(id).await?;
        self.changed.notify_one();
        self.status(&stage).await
    }

    pub(crate) async fn stage_status(
        &self,
        caller: &EventCaller,
        id: &StageId,
    ) -> Result<StageStatus, Problem> {
        let stage = self.seen_stage(caller, id).await?;
        if may_go_backstage(caller, id) {
            self.status(&stage).await
        } else {
            Err(Problem::Forbidden("The control room is for organisers and this stage's speakers."))
        }
    }

    async fn status(&self, stage: &StageRow) -> Result<StageStatus, Problem> {
        let recording = self.store.latest_recording(&stage.id).await?;
        let state = state_of(recording.as_ref());
        let heard = self.air.heard(&stage.id);
        let medium = recording.as_ref().and_then(|recording| recording.medium.as_ref());
        // What the mixer said about an earlier recording is not this one's health.
        let says = heard.says.filter(|says| medium.is_some_and(|medium| medium.asset_id == says.asset_id));
        let saving = says.as_ref().and_then(|says| trouble_of(says.saving));
        let mut trouble = heard.trouble.or_else(|| saving.map(str::to_owned));
        let backstage = match self.rooms.participants(stage.id.as_str()).await {
            Ok(participants) => participants.into_iter().map(|one| backstage(stage, one)).collect(),
            Err(error) => {
                trouble.get_or_insert_with(|| error.to_string());
                Vec::new()
            }
        };
        let replay = match (&recording, medium) {
            (Some(recording), Some(medium)) if recording.state == RecordingState::Ended => {
                self.replay_summary(&medium.asset_id).await?
            }
            _ => None,
        };
        let active = recording.as_ref().filter(|recording| recording.state != RecordingState::Ended);
        Ok(StageStatus {
            stage_id: stage.id.clone(),
            state,
            programme: stage.programme.clone(),
            live_since: active.map(|recording| recording.started_at),
            ended_at: recording.as_ref().and_then(|recording| recording.ended_at),
            replay_id: medium.map(|medium| medium.asset_id.clone()),
            hls_url: self.hls_url(recording.as_ref()).await,
            recorded_ms: says.as_ref().map(|says| says.duration_ms),
            saved_up_to: says.as_ref().and_then(|says| says.saved_up_to_us).map(Timestamp),
            viewers: self.presence.viewers(&stage.id),
            health: says.as_ref().and_then(health),
            backstage,
            replay,
            trouble,
        })
    }

    /// What a viewer plays.
    pub(crate) async fn watch(&self, stage: &StageRow) -> Result<Watch, Problem> {
        let recording = self.store.latest_recording(&stage.id).await?;
        let state = state_of(recording.as_ref());
        let playable = recording.as_ref().filter(|recording| recording.state != RecordingState::Starting);
        Ok(Watch {
            state,
            hls_url: self.hls_url(playable).await,
            live_since: on_air_since(recording.as_ref()),
            viewers: self.presence.viewers(&stage.id),
        })
    }

    /// Where a recording plays, with a token if it needs one. `None` before there is an asset, and while
    /// MAR cannot be asked for a token.
    async fn hls_url(&self, recording: Option<&Recording>) -> Option<String> {
        let recording = recording?;
        let medium = recording.medium.as_ref()?;
        match self.playback_query(&medium.asset_id, recording.policy).await {
            Ok(query) => Some(self.addresses.hls(&medium.playback_id, "index.m3u8", &query)),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no playback token");
                None
            }
        }
    }
}

/// The state that people see.
pub(crate) fn state_of(recording: Option<&Recording>) -> StageState {
    match recording.map(|recording| recording.state) {
        None => StageState::OffAir,
        Some(RecordingState::Starting) => StageState::Starting,
        Some(RecordingState::Live) => StageState::Live,
        Some(RecordingState::Ending) => StageState::Ending,
        Some(RecordingState::Ended) => StageState::Ended,
    }
}

/// Since when a stage is live, if it is.
pub(crate) fn on_air_since(recording: Option<&Recording>) -> Option<Timestamp> {
    recording
        .filter(|recording| recording.state == RecordingState::Live)
        .map(|recording| recording.started_at)
}

fn backstage(stage: &StageRow, participant: Participant) -> BackstageParticipant {
    let publishes =
        |source: Source| participant.tracks.iter().any(|track| track.source == source && !track.muted);
    let kind = if participant.identity.parse::<ids::OrganiserId>().is_ok() {
        BackstageKind::Producer
    } else if participant.identity.parse::<ids::PersonId>().is_ok() {
        BackstageKind::Speaker
    } else {
        BackstageKind::Other
    };
    BackstageParticipant {
        on_stage: stage.programme.on_stage.contains(&participant.identity),
        camera: publishes(Source::Camera),
        microphone: publishes(Source::Microphone),
        screen: publishes(Source::ScreenShare),
        joined_at: Timestamp(participant.joined_at.saturating_mul(1_000_000)),
        identity: participant.identity,
        name: participant.name,
        kind,
    }
}

fn health(says: &MixerStatus) -> Option<StageHealth> {
    let health = says.health.as_ref()?;
    Some(StageHealth {
        fps: health.fps,
        late_frames: health.late_frames,
        cpu_cores: health.cpu_cores,
        level_dbfs: health.level_dbfs,
        sources: health.sources,
        restarts: says.restarts,
        waiting_files: says.spool_files,
        waiting_bytes: says.spool_bytes,
    })
}
