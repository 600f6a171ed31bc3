//! What is on in an event.

use std::sync::Arc;
use std::time::Duration;

use ids::EventId;

use crate::caller::EventCaller;
use crate::events::preview;
use crate::model::event::{Reception, ReceptionSession, ReceptionStage};
use crate::model::replay::ReplaySummary;
use crate::model::timestamp::Timestamp;
use crate::on_air::{on_air_since, state_of};
use crate::problem::Problem;
use crate::state::App;

/// The part of a reception that is the same for everybody.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    stages: Vec<ReceptionStage>,
    sessions: Vec<ReceptionSession>,
    replays: Vec<ReplaySummary>,
}

impl App {
    pub(crate) async fn reception(
        &self,
        caller: &EventCaller,
        event: &EventId,
    ) -> Result<Reception, Problem> {
        let facts = caller.enter(self, event).await?;
        let scene = self.scene(event).await?;
        let Scene { stages, sessions, replays } = (*scene).clone();
        Ok(Reception {
            event: preview(&facts.event),
            stages,
            sessions,
            replays,
            people_online: self.presence.online(event),
            server_time: Timestamp::now(),
        })
    }

    async fn scene(&self, event: &EventId) -> Result<Arc<Scene>, Problem> {
        if let Some(scene) = self.scenes.get(event) {
            return Ok(scene);
        }
        let (stages, sessions, replays) =
            tokio::try_join!(self.stages_on(event), self.sessions_on(event), self.replay_summaries(event))?;
        let scene = Arc::new(Scene { stages, sessions, replays });
        self.scenes.put(event, Arc::clone(&scene), SCENE_GOOD_FOR);
        Ok(scene)
    }

    async fn stages_on(&self, event: &EventId) -> Result<Vec<ReceptionStage>, Problem> {
        let mut stages = Vec::new();
        for stage in self.store.stages(event).await? {
            let recording = self.store.latest_recording(&stage.id).await?;
            let names = self.store.names(&stage.programme.on_stage).await?;
            stages.push(ReceptionStage {
                state: state_of(recording.as_ref()),
                live_since: on_air_since(recording.as_ref()),
                viewers: self.presence.viewers(&stage.id),
                on_stage: names.into_iter().map(|(_, name)| name).collect(),
                id: stage.id,
                title: stage.title,
            });
        }
        Ok(stages)
    }

    async fn sessions_on(&self, event: &EventId) -> Result<Vec<ReceptionSession>, Problem> {
        let sessions = self.store.sessions(event).await?;
        let rooms: Vec<String> = sessions.iter().map(|session| session.id.to_string()).collect();
        let counts = if rooms.is_empty() { Ok(Default::default()) } else { self.rooms.counts(&rooms).await };
        // The programme is worth showing while the SFU cannot be asked.
        let counts = counts.unwrap_or_else(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "nobody can be counted");
            Default::default()
        });
        let shown = sessions.into_iter().map(|session| ReceptionSession {
            participants: counts.get(session.id.as_str()).copied().unwrap_or(0),
            id: session.id,
            title: session.title,
            description: session.description,
            starts_at: session.starts_at,
            ends_at: session.ends_at,
        });
        Ok(shown.collect())
    }
}

/// Thousands ask every few seconds; nobody sees that an answer is half a second old.
const SCENE_GOOD_FOR: Duration = Duration::from_millis(500);
