//! Events and sessions of an organisation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ids::{EventId, SessionId};

use crate::api::body::IdempotencyKey;
use crate::caller::{EventCaller, OrganiserCaller};
use crate::db::events::After;
use crate::db::idempotency::Attempt;
use crate::model::event::{
    Event, EventChange, EventPage, EventPreview, NewEvent, NewSession, PageQuery, Session, SessionChange,
    SessionList,
};
use crate::model::text;
use crate::model::timestamp::Timestamp;
use crate::problem::Problem;
use crate::state::App;

impl App {
    pub(crate) async fn events(
        &self,
        caller: &OrganiserCaller,
        page: &PageQuery,
    ) -> Result<EventPage, Problem> {
        let limit = page.limit.unwrap_or(50);
        if !(1..=100).contains(&limit) {
            return Err(Problem::invalid("limit", "must be 1 to 100"));
        }
        let after = page.cursor.as_deref().map(read_cursor).transpose()?;
        // One more than wanted tells whether there is another page.
        let wanted = i64::from(limit) + 1;
        let mut items = self.store.events_page(&caller.organisation_id, after.as_ref(), wanted).await?;
        let more = i64::try_from(items.len()).is_ok_and(|found| found == wanted);
        if more {
            items.pop();
        }
        let next_cursor = items.last().filter(|_| more).map(write_cursor);
        Ok(EventPage { items, next_cursor })
    }

    pub(crate) async fn create_event(
        &self,
        caller: &OrganiserCaller,
        key: IdempotencyKey,
        body: &NewEvent,
    ) -> Result<Event, Problem> {
        let id = EventId::random();
        let title = text::required("title", &body.title, text::MAX_TITLE)?;
        let slug = match &body.slug {
            Some(slug) => text::slug("slug", slug)?,
            None => self.free_slug(&title, &id).await?,
        };
        let event = Event {
            id,
            title,
            slug,
            description: text::optional("description", &body.description, text::MAX_DESCRIPTION)?,
            starts_at: body.starts_at,
            ends_at: body.ends_at,
            time_zone: time_zone(body.time_zone.as_deref())?,
            access: body.access,
            created_at: Timestamp::now(),
        };
        check_span(Some(event.starts_at), Some(event.ends_at))?;
        let attempt = Attempt::new(format!("{}/events", caller.id), key, body);
        let id =
            self.store.insert_event(&caller.organisation_id, &event, &attempt).await.map_err(slug_taken)?;
        self.own_event(caller, &id).await
    }

    /// An event of the caller's organisation.
    pub(crate) async fn own_event(&self, caller: &OrganiserCaller, id: &EventId) -> Result<Event, Problem> {
        let facts = self.events.event(id).await?.ok_or(Problem::NotFound)?;
        if facts.organisation_id == caller.organisation_id { Ok(facts.event) } else { Err(Problem::NotFound) }
    }

    pub(crate) async fn change_event(
        &self,
        caller: &OrganiserCaller,
        id: &EventId,
        change: EventChange,
    ) -> Result<Event, Problem> {
        let old = self.own_event(caller, id).await?;
        let event = Event {
            title: match change.title {
                Some(title) => text::required("title", &title, text::MAX_TITLE)?,
                None => old.title,
            },
            slug: change.slug.map_or(Ok(old.slug), |slug| text::slug("slug", &slug))?,
            description: match change.description {
                Some(description) => text::optional("description", &description, text::MAX_DESCRIPTION)?,
                None => old.description,
            },
            starts_at: change.starts_at.unwrap_or(old.starts_at),
            ends_at: change.ends_at.unwrap_or(old.ends_at),
            time_zone: change.time_zone.map_or(Ok(old.time_zone), |zone| time_zone(Some(&zone)))?,
            access: change.access.unwrap_or(old.access),
            ..old
        };
        check_span(Some(event.starts_at), Some(event.ends_at))?;
        self.store.update_event(&event).await.map_err(Problem::from).map_err(slug_taken)?;
        Ok(event)
    }

    pub(crate) async fn delete_event(&self, caller: &OrganiserCaller, id: &EventId) -> Result<(), Problem> {
        self.own_event(caller, id).await?;
        if self.store.any_on_air(id).await? {
            return Err(Problem::conflict("stage-on-air", "End the event's stages first."));
        }
        if self.store.has_replays(id).await? {
            return Err(Problem::conflict("has-replays", "Delete the event's replays first."));
        }
        Ok(self.store.delete_event(id).await?)
    }

    /// What a visitor sees, by slug or id.
    pub(crate) async fn event_preview(&self, name: &str) -> Result<EventPreview, Problem> {
        let facts = match name.parse::<EventId>() {
            Ok(id) => self.events.event(&id).await?,
            Err(_) => self.store.event_by_slug(name).await?,
        };
        facts.map(|facts| preview(&facts.event)).ok_or(Problem::NotFound)
    }

    async fn free_slug(&self, title: &str, id: &EventId) -> Result<String, Problem> {
        let slug = text::slugified(title);
        if !slug.is_empty() && self.store.event_by_slug(&slug).await?.is_none() {
            return Ok(slug);
        }
        // Six characters of the id keep it short and, for one title, unique enough; a clash is a 409.
        let tail: String = id.as_str().chars().rev().take(6).collect::<String>().to_lowercase();
        let base: String = slug.chars().take(50).collect();
        Ok(text::slugified(&format!("{base} {tail}")))
    }

    pub(crate) async fn sessions(
        &self,
        caller: &EventCaller,
        event: &EventId,
    ) -> Result<SessionList, Problem> {
        caller.enter(self, event).await?;
        Ok(SessionList { items: self.store.sessions(event).await? })
    }

    pub(crate) async fn create_session(
        &self,
        caller: &OrganiserCaller,
        event: &EventId,
        key: IdempotencyKey,
        body: &NewSession,
    ) -> Result<Session, Problem> {
        self.own_event(caller, event).await?;
        check_span(body.starts_at, body.ends_at)?;
        let session = Session {
            id: SessionId::random(),
            event_id: event.clone(),
            title: text::required("title", &body.title, text::MAX_TITLE)?,
            description: text::optional("description", &body.description, text::MAX_DESCRIPTION)?,
            starts_at: body.starts_at,
            ends_at: body.ends_at,
            created_at: Timestamp::now(),
        };
        let attempt = Attempt::new(format!("{}/{event}/sessions", caller.id), key, body);
        let id = self.store.insert_session(&session, &attempt).await?;
        self.store.session(&id).await?.ok_or(Problem::NotFound)
    }

    pub(crate) async fn session(&self, caller: &EventCaller, id: &SessionId) -> Result<Session, Problem> {
        let session = self.store.session(id).await?.ok_or(Problem::NotFound)?;
        caller.enter(self, &session.event_id).await?;
        Ok(session)
    }

    pub(crate) async fn change_session(
        &self,
        caller: &OrganiserCaller,
        id: &SessionId,
        change: SessionChange,
    ) -> Result<Session, Problem> {
        let old = self.own_session(caller, id).await?;
        let session = Session {
            title: match change.title {
                Some(title) => text::required("title", &title, text::MAX_TITLE)?,
                None => old.title,
            },
            description: match change.description {
                Some(description) => text::optional("description", &description, text::MAX_DESCRIPTION)?,
                None => old.description,
            },
            starts_at: change.starts_at.or(old.starts_at),
            ends_at: change.ends_at.or(old.ends_at),
            ..old
        };
        check_span(session.starts_at, session.ends_at)?;
        self.store.update_session(&session).await?;
        Ok(session)
    }

    pub(crate) async fn delete_session(
        &self,
        caller: &OrganiserCaller,
        id: &SessionId,
    ) -> Result<(), Problem> {
        self.own_session(caller, id).await?;
        self.store.delete_session(id).await?;
        if let Err(error) = self.rooms.delete(id.as_str()).await {
            // Nobody can join it any more; it closes when the last one leaves.
            tracing::warn!(session = %id, error = &error as &dyn std::error::Error, "the room stays open");
        }
        Ok(())
    }

    async fn own_session(&self, caller: &OrganiserCaller, id: &SessionId) -> Result<Session, Problem> {
        let session = self.store.session(id).await?.ok_or(Problem::NotFound)?;
        self.own_event(caller, &session.event_id).await?;
        Ok(session)
    }
}

/// The public part of an event.
pub(crate) fn preview(event: &Event) -> EventPreview {
    EventPreview {
        id: event.id.clone(),
        title: event.title.clone(),
        slug: event.slug.clone(),
        description: event.description.clone(),
        starts_at: event.starts_at,
        ends_at: event.ends_at,
        time_zone: event.time_zone.clone(),
        access: event.access,
    }
}

fn check_span(starts_at: Option<Timestamp>, ends_at: Option<Timestamp>) -> Result<(), Problem> {
    match (starts_at, ends_at) {
        (Some(start), Some(end)) if end <= start => {
            Err(Problem::invalid("ends_at", "must be after starts_at"))
        }
        _ => Ok(()),
    }
}

/// The form of an IANA name; whether it exists is the browser's to know.
fn time_zone(name: Option<&str>) -> Result<String, Problem> {
    let name = name.unwrap_or("UTC");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
    if (1..=64).contains(&name.len()) && name.bytes().all(plain) {
        Ok(name.to_owned())
    } else {
        Err(Problem::invalid("time_zone", "must be an IANA name such as Europe/Paris"))
    }
}

fn slug_taken(problem: Problem) -> Problem {
    if matches!(&problem, Problem::Database(error) if ::db::is_unique_violation(error)) {
        return Problem::conflict("slug-taken", "Another event has this address. Choose another slug.");
    }
    problem
}

fn write_cursor(event: &Event) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {}", event.starts_at.0, event.id))
}

fn read_cursor(cursor: &str) -> Result<After, Problem> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (starts_at, id) = text.split_once(' ')?;
        let id: EventId = id.parse().ok()?;
        Some(After { starts_at: Timestamp(starts_at.parse().ok()?), id: id.to_string() })
    };
    read().ok_or_else(|| Problem::invalid("cursor", "must be the next_cursor of an earlier page"))
}
