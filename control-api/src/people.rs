//! People enter an event; organisers invite them and take invitations back.

use std::time::Duration;

use ids::{EventId, InvitationId, PersonId};

use crate::api::body::IdempotencyKey;
use crate::caller::{ClientAddress, OrganiserCaller, PersonCaller};
use crate::db::idempotency::Attempt;
use crate::db::people::InvitationRow;
use crate::events::preview;
use crate::model::event::{Access, Event};
use crate::model::person::{
    Entry, Experience, Invitation, InvitationList, Me, NewInvitation, Person, PersonRole,
};
use crate::model::text;
use crate::model::timestamp::Timestamp;
use crate::problem::Problem;
use crate::state::App;

impl App {
    pub(crate) async fn enter(&self, entry: Entry, address: ClientAddress) -> Result<Experience, Problem> {
        self.limits.entries.check(address.0)?;
        let person = match entry {
            Entry::Invited(entry) => {
                let id =
                    self.invitation_key.verify(&entry.invitation).map_err(|_| Problem::DeadInvitation)?;
                self.store.accept(&id).await?.ok_or(Problem::DeadInvitation)?
            }
            Entry::Open(entry) => self.enter_open(&entry.event_id, &entry.name).await?,
        };
        let event = self.events.event(&person.event_id).await?.ok_or(Problem::NotFound)?.event;
        Ok(self.experience(person, &event))
    }

    async fn enter_open(&self, event: &EventId, name: &str) -> Result<Person, Problem> {
        let facts = self.events.event(event).await?.ok_or(Problem::NotFound)?;
        match facts.event.access {
            Access::Open => {}
            Access::Invited => return Err(Problem::Forbidden("This event is for invited people.")),
        }
        let person = Person {
            id: PersonId::random(),
            event_id: event.clone(),
            name: text::required("name", name, text::MAX_NAME)?,
            role: PersonRole::Attendee,
            stage_id: None,
        };
        self.store.insert_person(&person).await?;
        Ok(person)
    }

    fn experience(&self, person: Person, event: &Event) -> Experience {
        let lifetime = event.ends_at.remaining().clamp(SHORTEST_STAY, auth::experience::MAX_LIFETIME);
        let bearer = auth::experience::Experience {
            event_id: event.id.clone(),
            person_id: person.id.clone(),
            role: person.role.into(),
        };
        Experience {
            token: self.experience_key.mint(&bearer, lifetime),
            expires_at: Timestamp::now().plus(lifetime),
            person,
            event: preview(event),
        }
    }

    pub(crate) async fn me(&self, PersonCaller(person): PersonCaller) -> Result<Me, Problem> {
        let facts = self.events.event(&person.event_id).await?.ok_or(Problem::NotFound)?;
        Ok(Me { person, event: preview(&facts.event) })
    }

    pub(crate) async fn invitations(
        &self,
        caller: &OrganiserCaller,
        event: &EventId,
    ) -> Result<InvitationList, Problem> {
        self.own_event(caller, event).await?;
        let rows = self.store.invitations(event).await?;
        Ok(InvitationList { items: rows.into_iter().map(|row| self.shown(row)).collect() })
    }

    pub(crate) async fn invite(
        &self,
        caller: &OrganiserCaller,
        event: &EventId,
        key: IdempotencyKey,
        body: &NewInvitation,
    ) -> Result<Invitation, Problem> {
        self.own_event(caller, event).await?;
        if let Some(stage) = &body.stage_id {
            let stage = self.store.stage(stage).await?;
            if stage.is_none_or(|stage| stage.event_id != *event) {
                return Err(Problem::invalid("stage_id", "must be a stage of this event"));
            }
        }
        let row = InvitationRow {
            id: InvitationId::random(),
            event_id: event.clone(),
            role: body.role,
            name: text::required("name", &body.name, text::MAX_NAME)?,
            email: body.email.as_deref().map(|email| text::email("email", email)).transpose()?,
            stage_id: body.stage_id.clone(),
            accepted_at: None,
            revoked_at: None,
            created_at: Timestamp::now(),
        };
        let attempt = Attempt::new(format!("{}/{event}/invitations", caller.id), key, body);
        let id = self.store.insert_invitation(&row, &attempt).await?;
        let row = self.store.invitation(&id).await?.ok_or(Problem::NotFound)?;
        Ok(self.shown(row))
    }

    pub(crate) async fn revoke_invitation(
        &self,
        caller: &OrganiserCaller,
        event: &EventId,
        id: &InvitationId,
    ) -> Result<(), Problem> {
        self.own_event(caller, event).await?;
        let invitation = self.store.invitation(id).await?.ok_or(Problem::NotFound)?;
        if invitation.event_id != *event {
            return Err(Problem::NotFound);
        }
        if let Some(person) = self.store.revoke_invitation(id).await? {
            self.send_away(event, &person).await?;
        }
        Ok(())
    }

    /// Removes a person from every room of the event: a room token outlives the invitation.
    async fn send_away(&self, event: &EventId, person: &PersonId) -> Result<(), Problem> {
        let stages = self.store.stages(event).await?.into_iter().map(|stage| stage.id.to_string());
        let sessions = self.store.sessions(event).await?.into_iter().map(|session| session.id.to_string());
        for room in stages.chain(sessions) {
            if let Err(error) = self.rooms.remove(&room, person.as_str()).await {
                tracing::warn!(
                    room,
                    error = &error as &dyn std::error::Error,
                    "a revoked person may still be in"
                );
            }
        }
        Ok(())
    }

    fn shown(&self, row: InvitationRow) -> Invitation {
        let secret = self.invitation_key.secret(&row.id);
        Invitation {
            link: self.page(&format!("/join#invitation={secret}")),
            id: row.id,
            event_id: row.event_id,
            role: row.role,
            name: row.name,
            email: row.email,
            stage_id: row.stage_id,
            accepted_at: row.accepted_at,
            revoked_at: row.revoked_at,
            created_at: row.created_at,
        }
    }
}

/// Replays are watched after the event's end.
const SHORTEST_STAY: Duration = Duration::from_secs(2 * 3600);
