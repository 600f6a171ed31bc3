//! Events and sessions.

use ids::{EventId, OrganisationId, SessionId};
use sqlx::any::AnyRow;

use super::Store;
use super::idempotency::Attempt;
use super::row::{RowExt as _, Word as _, words};
use crate::model::event::{Access, Event, Session};
use crate::model::timestamp::Timestamp;
use crate::platform::EventFacts;
use crate::problem::Problem;

words!(Access { Open => "open", Invited => "invited" });

/// Where a page of events begins: after this start and id.
#[derive(Debug, Clone)]
pub(crate) struct After {
    pub(crate) starts_at: Timestamp,
    pub(crate) id: String,
}

impl Store {
    pub(crate) async fn event(&self, id: &EventId) -> Result<Option<EventFacts>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM events WHERE id = $1").bind(id.to_string());
        row.fetch_optional(self.db.read()).await?.as_ref().map(facts).transpose()
    }

    pub(crate) async fn event_by_slug(&self, slug: &str) -> Result<Option<EventFacts>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM events WHERE slug = $1").bind(slug.to_owned());
        row.fetch_optional(self.db.read()).await?.as_ref().map(facts).transpose()
    }

    /// Latest start first; `limit` rows after the given place.
    pub(crate) async fn events_page(
        &self,
        organisation: &OrganisationId,
        after: Option<&After>,
        limit: i64,
    ) -> Result<Vec<Event>, sqlx::Error> {
        let select = "SELECT * FROM events WHERE organisation_id = $1 \
                      AND (starts_at_us < $2 OR (starts_at_us = $2 AND id > $3)) \
                      ORDER BY starts_at_us DESC, id LIMIT $4";
        let rows = sqlx::query(select)
            .bind(organisation.to_string())
            .bind(after.map_or(i64::MAX, |after| after.starts_at.0))
            .bind(after.map_or_else(String::new, |after| after.id.clone()))
            .bind(limit)
            .fetch_all(self.db.read())
            .await?;
        rows.iter().map(|row| facts(row).map(|facts| facts.event)).collect()
    }

    /// Makes the event, or returns the id of the one that this attempt made before.
    pub(crate) async fn insert_event(
        &self,
        organisation: &OrganisationId,
        event: &Event,
        attempt: &Attempt,
    ) -> Result<EventId, Problem> {
        let mut tx = self.begin().await?;
        if let Some(id) = self.claim_key(&mut tx, attempt, event.id.as_str()).await? {
            return known(id);
        }
        sqlx::query(
            "INSERT INTO events (id, organisation_id, title, slug, description, starts_at_us, ends_at_us, \
             time_zone, access, created_at_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(event.id.to_string())
        .bind(organisation.to_string())
        .bind(event.title.clone())
        .bind(event.slug.clone())
        .bind(event.description.clone())
        .bind(event.starts_at.0)
        .bind(event.ends_at.0)
        .bind(event.time_zone.clone())
        .bind(event.access.word())
        .bind(event.created_at.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(event.id.clone())
    }

    pub(crate) async fn update_event(&self, event: &Event) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE events SET title = $2, slug = $3, description = $4, starts_at_us = $5, ends_at_us = $6, \
             time_zone = $7, access = $8 WHERE id = $1",
        )
        .bind(event.id.to_string())
        .bind(event.title.clone())
        .bind(event.slug.clone())
        .bind(event.description.clone())
        .bind(event.starts_at.0)
        .bind(event.ends_at.0)
        .bind(event.time_zone.clone())
        .bind(event.access.word())
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }

    /// Deletes an event with what hangs on it. The caller made sure that nothing is on air and no replay
    /// is left; a replay that appears meanwhile makes the database refuse.
    pub(crate) async fn delete_event(&self, id: &EventId) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM events WHERE id = $1").bind(id.to_string()).execute(&mut *tx).await?;
        tx.commit().await
    }

    pub(crate) async fn session(&self, id: &SessionId) -> Result<Option<Session>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM event_sessions WHERE id = $1").bind(id.to_string());
        row.fetch_optional(self.db.read()).await?.as_ref().map(session).transpose()
    }

    pub(crate) async fn sessions(&self, event: &EventId) -> Result<Vec<Session>, sqlx::Error> {
        let select = "SELECT * FROM event_sessions WHERE event_id = $1 \
                      ORDER BY COALESCE(starts_at_us, created_at_us), id LIMIT 1000";
        let rows = sqlx::query(select).bind(event.to_string()).fetch_all(self.db.read()).await?;
        rows.iter().map(session).collect()
    }

    pub(crate) async fn insert_session(
        &self,
        session: &Session,
        attempt: &Attempt,
    ) -> Result<SessionId, Problem> {
        let mut tx = self.begin().await?;
        if let Some(id) = self.claim_key(&mut tx, attempt, session.id.as_str()).await? {
            return known(id);
        }
        sqlx::query(
            "INSERT INTO event_sessions (id, event_id, title, description, starts_at_us, ends_at_us, created_at_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(session.id.to_string())
        .bind(session.event_id.to_string())
        .bind(session.title.clone())
        .bind(session.description.clone())
        .bind(session.starts_at.map(|time| time.0))
        .bind(session.ends_at.map(|time| time.0))
        .bind(session.created_at.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(session.id.clone())
    }

    pub(crate) async fn update_session(&self, session: &Session) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE event_sessions SET title = $2, description = $3, starts_at_us = $4, ends_at_us = $5 WHERE id = $1")
            .bind(session.id.to_string())
            .bind(session.title.clone())
            .bind(session.description.clone())
            .bind(session.starts_at.map(|time| time.0))
            .bind(session.ends_at.map(|time| time.0))
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }

    pub(crate) async fn delete_session(&self, id: &SessionId) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM event_sessions WHERE id = $1")
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }
}

/// The id that an earlier attempt stored.
pub(crate) fn known<T: TryFrom<String, Error: std::fmt::Display>>(id: String) -> Result<T, Problem> {
    T::try_from(id).map_err(|error| Problem::Database(super::row::unknown("object_id", &error)))
}

fn facts(row: &AnyRow) -> Result<EventFacts, sqlx::Error> {
    let event = Event {
        id: row.id("id")?,
        title: row.text("title")?,
        slug: row.text("slug")?,
        description: row.text("description")?,
        starts_at: row.time("starts_at_us")?,
        ends_at: row.time("ends_at_us")?,
        time_zone: row.text("time_zone")?,
        access: Access::from_row(row, "access")?,
        created_at: row.time("created_at_us")?,
    };
    Ok(EventFacts { organisation_id: row.id("organisation_id")?, event })
}

fn session(row: &AnyRow) -> Result<Session, sqlx::Error> {
    Ok(Session {
        id: row.id("id")?,
        event_id: row.id("event_id")?,
        title: row.text("title")?,
        description: row.text("description")?,
        starts_at: row.maybe_time("starts_at_us")?,
        ends_at: row.maybe_time("ends_at_us")?,
        created_at: row.time("created_at_us")?,
    })
}
