//! Invitations and people.

use ids::{EventId, InvitationId, PersonId, StageId};
use sqlx::any::AnyRow;

use super::Store;
use super::events::known;
use super::idempotency::Attempt;
use super::row::{RowExt as _, Word as _, words};
use crate::model::person::{Person, PersonRole};
use crate::model::timestamp::Timestamp;
use crate::problem::Problem;

words!(PersonRole { Speaker => "speaker", Attendee => "attendee" });

/// An invitation as stored: without its link, which is made from its id.
#[derive(Debug, Clone)]
pub(crate) struct InvitationRow {
    pub(crate) id: InvitationId,
    pub(crate) event_id: EventId,
    pub(crate) role: PersonRole,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) stage_id: Option<StageId>,
    pub(crate) accepted_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
}

impl Store {
    pub(crate) async fn invitations(&self, event: &EventId) -> Result<Vec<InvitationRow>, sqlx::Error> {
        let select =
            "SELECT * FROM invitations WHERE event_id = $1 ORDER BY created_at_us DESC, id LIMIT 5000";
        let rows = sqlx::query(select).bind(event.to_string()).fetch_all(self.db.read()).await?;
        rows.iter().map(invitation).collect()
    }

    pub(crate) async fn invitation(&self, id: &InvitationId) -> Result<Option<InvitationRow>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM invitations WHERE id = $1").bind(id.to_string());
        row.fetch_optional(self.db.read()).await?.as_ref().map(invitation).transpose()
    }

    pub(crate) async fn insert_invitation(
        &self,
        row: &InvitationRow,
        attempt: &Attempt,
    ) -> Result<InvitationId, Problem> {
        let mut tx = self.begin().await?;
        if let Some(id) = self.claim_key(&mut tx, attempt, row.id.as_str()).await? {
            return known(id);
        }
        sqlx::query(
            "INSERT INTO invitations (id, event_id, role, name, email, stage_id, created_at_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(row.id.to_string())
        .bind(row.event_id.to_string())
        .bind(row.role.word())
        .bind(row.name.clone())
        .bind(row.email.clone())
        .bind(row.stage_id.as_ref().map(ToString::to_string))
        .bind(row.created_at.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(row.id.clone())
    }

    /// Revokes an invitation and the person made from it, who is returned.
    pub(crate) async fn revoke_invitation(&self, id: &InvitationId) -> Result<Option<PersonId>, sqlx::Error> {
        let mut tx = self.begin().await?;
        let update = "UPDATE invitations SET revoked_at_us = COALESCE(revoked_at_us, {now}) WHERE id = $1";
        sqlx::query(self.db.sql(update)).bind(id.to_string()).execute(&mut *tx).await?;
        let update = "UPDATE people SET revoked_at_us = COALESCE(revoked_at_us, {now}) \
                      WHERE invitation_id = $1 RETURNING id";
        let row = sqlx::query(self.db.sql(update)).bind(id.to_string()).fetch_optional(&mut *tx).await?;
        let person = row.map(|row| row.id("id")).transpose()?;
        tx.commit().await?;
        Ok(person)
    }

    /// The person of an invitation; made at its first use. `None` if it is revoked.
    pub(crate) async fn accept(&self, id: &InvitationId) -> Result<Option<Person>, sqlx::Error> {
        let mut tx = self.begin().await?;
        let select = "SELECT * FROM invitations WHERE id = $1 AND revoked_at_us IS NULL {for_update}";
        let row = sqlx::query(self.db.sql(select)).bind(id.to_string()).fetch_optional(&mut *tx).await?;
        let Some(invitation) = row.as_ref().map(invitation).transpose()? else { return Ok(None) };
        let insert = "INSERT INTO people (id, event_id, invitation_id, name, role, stage_id, created_at_us) \
                      VALUES ($1, $2, $3, $4, $5, $6, {now}) ON CONFLICT (invitation_id) DO NOTHING";
        sqlx::query(self.db.sql(insert))
            .bind(PersonId::random().to_string())
            .bind(invitation.event_id.to_string())
            .bind(id.to_string())
            .bind(invitation.name.clone())
            .bind(invitation.role.word())
            .bind(invitation.stage_id.as_ref().map(ToString::to_string))
            .execute(&mut *tx)
            .await?;
        let update = "UPDATE invitations SET accepted_at_us = COALESCE(accepted_at_us, {now}) WHERE id = $1";
        sqlx::query(self.db.sql(update)).bind(id.to_string()).execute(&mut *tx).await?;
        let select = "SELECT * FROM people WHERE invitation_id = $1 AND revoked_at_us IS NULL";
        let row = sqlx::query(select).bind(id.to_string()).fetch_optional(&mut *tx).await?;
        let person = row.as_ref().map(person).transpose()?;
        tx.commit().await?;
        Ok(person)
    }

    /// A person who came into an open event with a name.
    pub(crate) async fn insert_person(&self, person: &Person) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        let insert =
            "INSERT INTO people (id, event_id, name, role, created_at_us) VALUES ($1, $2, $3, $4, {now})";
        sqlx::query(self.db.sql(insert))
            .bind(person.id.to_string())
            .bind(person.event_id.to_string())
            .bind(person.name.clone())
            .bind(person.role.word())
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }

    pub(crate) async fn person(&self, event: &EventId, id: &PersonId) -> Result<Option<Person>, sqlx::Error> {
        let select = "SELECT * FROM people WHERE id = $1 AND event_id = $2 AND revoked_at_us IS NULL";
        let row = sqlx::query(select).bind(id.to_string()).bind(event.to_string());
        row.fetch_optional(self.db.read()).await?.as_ref().map(person).transpose()
    }
}

fn invitation(row: &AnyRow) -> Result<InvitationRow, sqlx::Error> {
    Ok(InvitationRow {
        id: row.id("id")?,
        event_id: row.id("event_id")?,
        role: PersonRole::from_row(row, "role")?,
        name: row.text("name")?,
        email: row.maybe_text("email")?,
        stage_id: row.maybe_id("stage_id")?,
        accepted_at: row.maybe_time("accepted_at_us")?,
        revoked_at: row.maybe_time("revoked_at_us")?,
        created_at: row.time("created_at_us")?,
    })
}

fn person(row: &AnyRow) -> Result<Person, sqlx::Error> {
    Ok(Person {
        id: row.id("id")?,
        event_id: row.id("event_id")?,
        name: row.text("name")?,
        role: PersonRole::from_row(row, "role")?,
        stage_id: row.maybe_id("stage_id")?,
    })
}
