//! Stages: set up, join, put people on stage.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use auth::room::{RoomToken, VideoGrant};
use ids::{EventId, SessionId, StageId};

use crate::api::body::IdempotencyKey;
use crate::caller::{EventCaller, OrganiserCaller, PersonCaller};
use crate::db::idempotency::Attempt;
use crate::db::stages::StageRow;
use crate::model::person::{Person, PersonRole};
use crate::model::stage::{
    Layout, NewStage, Programme, RoomJoin, Stage, StageChange, StageJoin, StageList, StageRole, Viewers,
};
use crate::model::text;
use crate::model::timestamp::Timestamp;
use crate::on_air::state_of;
use crate::problem::Problem;
use crate::state::App;

impl App {
    pub(crate) async fn stages(&self, caller: &EventCaller, event: &EventId) -> Result<StageList, Problem> {
        caller.enter(self, event).await?;
        let mut items = Vec::new();
        for row in self.store.stages(event).await? {
            items.push(self.shown_stage(row).await?);
        }
        Ok(StageList { items })
    }

    pub(crate) async fn create_stage(
        &self,
        caller: &OrganiserCaller,
        event: &EventId,
        key: IdempotencyKey,
        body: &NewStage,
    ) -> Result<Stage, Problem> {
        self.own_event(caller, event).await?;
        let row = StageRow {
            id: StageId::random(),
            event_id: event.clone(),
            title: text::required("title", &body.title, text::MAX_TITLE)?,
            programme: Programme { layout: Layout::Grid, on_stage: Vec::new() },
            created_at: Timestamp::now(),
        };
        let attempt = Attempt::new(format!("{}/{event}/stages", caller.id), key, body);
        let id = self.store.insert_stage(&row, &attempt).await?;
        let row = self.store.stage(&id).await?.ok_or(Problem::NotFound)?;
        self.shown_stage(row).await
    }

    pub(crate) async fn stage(&self, caller: &EventCaller, id: &StageId) -> Result<Stage, Problem> {
        let row = self.seen_stage(caller, id).await?;
        self.shown_stage(row).await
    }

    pub(crate) async fn change_stage(
        &self,
        caller: &OrganiserCaller,
        id: &StageId,
        change: &StageChange,
    ) -> Result<Stage, Problem> {
        let mut row = self.own_stage(caller, id).await?;
        if let Some(title) = &change.title {
            row.title = text::required("title", title, text::MAX_TITLE)?;
            self.store.rename_stage(id, &row.title).await?;
        }
        self.shown_stage(row).await
    }

    pub(crate) async fn delete_stage(&self, caller: &OrganiserCaller, id: &StageId) -> Result<(), Problem> {
        self.own_stage(caller, id).await?;
        let recording = self.store.latest_recording(id).await?;
        if recording.is_some_and(|recording| recording.ended_at.is_none()) {
            return Err(Problem::conflict("stage-on-air", "End the stage first."));
        }
        self.store.delete_stage(id).await?;
        if let Err(error) = self.rooms.delete(id.as_str()).await {
            tracing::warn!(stage = %id, error = &error as &dyn std::error::Error, "the backstage room stays open");
        }
        Ok(())
    }

    pub(crate) async fn join_stage(
        &self,
        caller: &EventCaller,
        id: &StageId,
        role: StageRole,
    ) -> Result<StageJoin, Problem> {
        let stage = self.seen_stage(caller, id).await?;
        match role {
            StageRole::Viewer => self.watch(&stage).await.map(StageJoin::Viewer),
            StageRole::Backstage if may_go_backstage(caller, id) => {
                self.prepare_room(id.as_str()).await;
                Ok(StageJoin::Backstage(self.room_join(caller, id.as_str(), Voice::Speaks)))
            }
            StageRole::Backstage => {
                Err(Problem::Forbidden("Backstage is for organisers and this stage's invited speakers."))
            }
        }
    }

    pub(crate) async fn join_session(
        &self,
        caller: &EventCaller,
        id: &SessionId,
        on_screen: bool,
    ) -> Result<RoomJoin, Problem> {
        self.session(caller, id).await?;
        self.prepare_room(id.as_str()).await;
        let voice = if on_screen { Voice::Speaks } else { Voice::Listens };
        Ok(self.room_join(caller, id.as_str(), voice))
    }

    /// Joining makes the room too; asking first gives it this service's settings.
    async fn prepare_room(&self, room: &str) {
        if let Err(error) = self.rooms.create(room).await {
            tracing::warn!(
                room,
                error = &error as &dyn std::error::Error,
                "the room could not be made in advance"
            );
        }
    }

    fn room_join(&self, caller: &EventCaller, room: &str, voice: Voice) -> RoomJoin {
        let (identity, name, kind) = match caller {
            EventCaller::Organiser(organiser) => {
                (organiser.id.to_string(), organiser.name.clone(), "organiser")
            }
            EventCaller::Person(PersonCaller(person)) => {
                (person.id.to_string(), person.name.clone(), kind(person))
            }
        };
        let speaks = voice == Voice::Speaks;
        let grant = VideoGrant {
            can_publish: Some(speaks),
            can_publish_data: Some(true),
            can_subscribe: Some(true),
            ..VideoGrant::join(room)
        };
        let token = RoomToken {
            identity: identity.clone(),
            name,
            attributes: BTreeMap::from([("dais.role".to_owned(), kind.to_owned())]),
            video: Some(grant),
            ..RoomToken::default()
        };
        RoomJoin {
            room_url: self.addresses.room_url.clone(),
            room_token: self.api_keys.mint(token, JOIN_WITHIN),
            room: room.to_owned(),
            identity,
        }
    }

    pub(crate) async fn set_programme(
        &self,
        caller: &OrganiserCaller,
        id: &StageId,
        programme: Programme,
    ) -> Result<Programme, Problem> {
        self.own_stage(caller, id).await?;
        let identities: HashSet<&String> = programme.on_stage.iter().collect();
        if identities.len() != programme.on_stage.len() {
            return Err(Problem::invalid("on_stage", "must not name anybody twice"));
        }
        if programme.on_stage.len() > MOST_ON_STAGE {
            return Err(Problem::invalid("on_stage", "must name at most 16 people"));
        }
        if identities.iter().any(|identity| identity.is_empty() || identity.len() > 256) {
            return Err(Problem::invalid("on_stage", "must hold identities of 1 to 256 bytes"));
        }
        self.store.set_programme(id, &programme).await?;
        self.changed.notify_one();
        Ok(programme)
    }

    pub(crate) async fn watching(&self, caller: &PersonCaller, id: &StageId) -> Result<Viewers, Problem> {
        let stage = self.store.stage(id).await?.ok_or(Problem::NotFound)?;
        if stage.event_id != caller.0.event_id {
            return Err(Problem::NotFound);
        }
        self.presence.watches(id, &caller.0.id);
        Ok(Viewers { viewers: self.presence.viewers(id) })
    }

    /// A stage of the caller's organisation.
    pub(crate) async fn own_stage(
        &self,
        caller: &OrganiserCaller,
        id: &StageId,
    ) -> Result<StageRow, Problem> {
        let stage = self.store.stage(id).await?.ok_or(Problem::NotFound)?;
        self.own_event(caller, &stage.event_id).await?;
        Ok(stage)
    }

    /// A stage of an event that the caller is in.
    pub(crate) async fn seen_stage(&self, caller: &EventCaller, id: &StageId) -> Result<StageRow, Problem> {
        let stage = self.store.stage(id).await?.ok_or(Problem::NotFound)?;
        caller.enter(self, &stage.event_id).await?;
        Ok(stage)
    }

    async fn shown_stage(&self, row: StageRow) -> Result<Stage, Problem> {
        let recording = self.store.latest_recording(&row.id).await?;
        Ok(Stage {
            state: state_of(recording.as_ref()),
            id: row.id,
            event_id: row.event_id,
            title: row.title,
            programme: row.programme,
            created_at: row.created_at,
        })
    }
}

/// Whether a participant may publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Speaks,
    Listens,
}

/// Organisers of the event, and speakers who are invited to this stage or to every stage.
pub(crate) fn may_go_backstage(caller: &EventCaller, stage: &StageId) -> bool {
    match caller {
        EventCaller::Organiser(_) => true,
        EventCaller::Person(PersonCaller(person)) => {
            person.role == PersonRole::Speaker && person.stage_id.as_ref().is_none_or(|own| own == stage)
        }
    }
}

fn kind(person: &Person) -> &'static str {
    match person.role {
        PersonRole::Speaker => "speaker",
        PersonRole::Attendee => "attendee",
    }
}

/// The token is for the join; connected participants' tokens are refreshed by the SFU.
const JOIN_WITHIN: Duration = Duration::from_secs(600);

/// A grid of 4 × 4 is the most that a 720p picture shows recognisably.
const MOST_ON_STAGE: usize = 16;
