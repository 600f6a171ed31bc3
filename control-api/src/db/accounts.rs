//! Organisers, their sessions and sign-in links.

use std::time::Duration;

use ids::{OrganisationId, OrganiserId};
use sqlx::any::AnyRow;

use super::Store;
use super::row::RowExt as _;
use crate::caller::OrganiserCaller;
use crate::model::organiser::{Organisation, Organiser};
use crate::model::timestamp::Timestamp;

/// An account as stored.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) organiser: Organiser,
    pub(crate) organisation: Organisation,
    pub(crate) password_hash: Option<String>,
}

/// What a profile becomes.
#[derive(Debug)]
pub(crate) struct AccountChange {
    pub(crate) name: String,
    pub(crate) email: String,
    /// `None` leaves the password.
    pub(crate) password_hash: Option<String>,
}

impl Store {
    /// Makes the first organisation and organiser if there is none, and a fresh one-time link while nobody
    /// has a password. Returns whether the link now works; older links of that organiser stop working.
    pub(crate) async fn ensure_first_organiser(
        &self,
        token_hash: &str,
        lifetime: Duration,
    ) -> Result<bool, sqlx::Error> {
        let mut tx = self.begin().await?;
        let oldest =
            "SELECT id, password_hash FROM organisers ORDER BY created_at_us, id LIMIT 1 {for_update}";
        let organiser = match sqlx::query(self.db.sql(oldest)).fetch_optional(&mut *tx).await? {
            Some(row) if row.maybe_text("password_hash")?.is_some() => return Ok(false),
            Some(row) => row.id("id")?,
            None => {
                let (organisation, organiser) = (OrganisationId::random(), OrganiserId::random());
                let insert = "INSERT INTO organisations (id, name, created_at_us) VALUES ($1, $2, {now})";
                sqlx::query(self.db.sql(insert))
                    .bind(organisation.to_string())
                    .bind("My organisation")
                    .execute(&mut *tx)
                    .await?;
                let insert = "INSERT INTO organisers (id, organisation_id, name, created_at_us) \
                              VALUES ($1, $2, $3, {now})";
                sqlx::query(self.db.sql(insert))
                    .bind(organiser.to_string())
                    .bind(organisation.to_string())
                    .bind("Organiser")
                    .execute(&mut *tx)
                    .await?;
                organiser
            }
        };
        let delete = "DELETE FROM sign_in_links WHERE organiser_id = $1";
        sqlx::query(delete).bind(organiser.to_string()).execute(&mut *tx).await?;
        let insert =
            "INSERT INTO sign_in_links (token_hash, organiser_id, expires_at_us) VALUES ($1, $2, {now} + $3)";
        sqlx::query(self.db.sql(insert))
            .bind(token_hash.to_owned())
            .bind(organiser.to_string())
            .bind(micros(lifetime))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Uses up a one-time link.
    pub(crate) async fn take_sign_in_link(
        &self,
        token_hash: &str,
    ) -> Result<Option<OrganiserId>, sqlx::Error> {
        let mut tx = self.begin().await?;
        let delete = "DELETE FROM sign_in_links WHERE token_hash = $1 AND expires_at_us > {now} RETURNING organiser_id";
        let row =
            sqlx::query(self.db.sql(delete)).bind(token_hash.to_owned()).fetch_optional(&mut *tx).await?;
        let organiser = row.map(|row| row.id("organiser_id")).transpose()?;
        tx.commit().await?;
        Ok(organiser)
    }

    pub(crate) async fn account(&self, id: &OrganiserId) -> Result<Option<Account>, sqlx::Error> {
        let row = sqlx::query(ACCOUNT_BY_ID).bind(id.to_string()).fetch_optional(self.db.read()).await?;
        row.as_ref().map(account).transpose()
    }

    pub(crate) async fn account_by_email(&self, email: &str) -> Result<Option<Account>, sqlx::Error> {
        let row = sqlx::query(ACCOUNT_BY_EMAIL).bind(email.to_owned()).fetch_optional(self.db.read()).await?;
        row.as_ref().map(account).transpose()
    }

    /// Changes a profile. Setting a password ends the organiser's other sessions.
    pub(crate) async fn change_account(
        &self,
        caller: &OrganiserCaller,
        change: &AccountChange,
    ) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE organisers SET name = $2, email = $3, password_hash = COALESCE($4, password_hash) WHERE id = $1")
            .bind(caller.id.to_string())
            .bind(change.name.clone())
            .bind(change.email.clone())
            .bind(change.password_hash.clone())
            .execute(&mut *tx)
            .await?;
        if change.password_hash.is_some() {
            sqlx::query("DELETE FROM organiser_sessions WHERE organiser_id = $1 AND secret_hash <> $2")
                .bind(caller.id.to_string())
                .bind(caller.session_hash.clone())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await
    }

    pub(crate) async fn open_session(
        &self,
        organiser: &OrganiserId,
        secret_hash: &str,
        csrf_token: &str,
        lifetime: Duration,
    ) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        let insert = "INSERT INTO organiser_sessions (secret_hash, organiser_id, csrf_token, created_at_us, expires_at_us) \
                      VALUES ($1, $2, $3, {now}, {now} + $4)";
        sqlx::query(self.db.sql(insert))
            .bind(secret_hash.to_owned())
            .bind(organiser.to_string())
            .bind(csrf_token.to_owned())
            .bind(micros(lifetime))
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }

    pub(crate) async fn session_caller(
        &self,
        secret_hash: &str,
    ) -> Result<Option<OrganiserCaller>, sqlx::Error> {
        let select = "SELECT o.id, o.name, o.organisation_id, s.secret_hash, s.csrf_token \
                      FROM organiser_sessions s JOIN organisers o ON o.id = s.organiser_id \
                      WHERE s.secret_hash = $1 AND s.expires_at_us > {now}";
        let row = sqlx::query(self.db.sql(select))
            .bind(secret_hash.to_owned())
            .fetch_optional(self.db.read())
            .await?;
        row.map(|row| {
            Ok(OrganiserCaller {
                id: row.id("id")?,
                name: row.text("name")?,
                organisation_id: row.id("organisation_id")?,
                session_hash: row.text("secret_hash")?,
                csrf_token: row.text("csrf_token")?,
            })
        })
        .transpose()
    }

    pub(crate) async fn close_session(&self, secret_hash: &str) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM organiser_sessions WHERE secret_hash = $1")
            .bind(secret_hash.to_owned())
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }
}

fn account(row: &AnyRow) -> Result<Account, sqlx::Error> {
    let password_hash = row.maybe_text("password_hash")?;
    Ok(Account {
        organiser: Organiser {
            id: row.id("id")?,
            name: row.text("name")?,
            email: row.maybe_text("email")?,
            has_password: password_hash.is_some(),
        },
        organisation: Organisation { id: row.id("organisation_id")?, name: row.text("organisation_name")? },
        password_hash,
    })
}

/// Lifetimes are hours and days: far below the range of the column.
fn micros(lifetime: Duration) -> i64 {
    Timestamp(0).plus(lifetime).0
}

const ACCOUNT_BY_ID: &str = "SELECT o.id, o.name, o.email, o.password_hash, o.organisation_id, g.name AS organisation_name \
     FROM organisers o JOIN organisations g ON g.id = o.organisation_id WHERE o.id = $1";

const ACCOUNT_BY_EMAIL: &str = "SELECT o.id, o.name, o.email, o.password_hash, o.organisation_id, g.name AS organisation_name \
     FROM organisers o JOIN organisations g ON g.id = o.organisation_id WHERE o.email = $1";
