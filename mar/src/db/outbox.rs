//! Rows of events that wait for delivery, and of answers to repeated requests.

use db::{Db, Tx};
use sqlx::Row as _;

use super::DbError;
use crate::outbox::Pending;

type Result<T> = std::result::Result<T, DbError>;

/// Adds an event behind all others. Writers take turns from here to the end of their transactions.
///
/// # Errors
/// When the database fails.
pub async fn append_event(tx: &mut Tx, key: &str, event: &str) -> Result<()> {
    let count = "UPDATE outbox_counter SET last_position = last_position + 1 WHERE id = 0
                 RETURNING last_position";
    let position: i64 = sqlx::query(count).fetch_one(&mut **tx).await?.try_get("last_position")?;
    let query = sqlx::query("INSERT INTO outbox (position, key, event) VALUES ($1, $2, $3)");
    query.bind(position).bind(key).bind(event).execute(&mut **tx).await?;
    Ok(())
}

/// Events that were not delivered, in order.
///
/// # Errors
/// When the database fails.
pub async fn undelivered(db: &Db, limit: i64) -> Result<Vec<Pending>> {
    let rows = sqlx::query(
        "SELECT position, key, event FROM outbox WHERE delivered_at_us IS NULL ORDER BY position LIMIT $1",
    )
    .bind(limit)
    .fetch_all(db.read())
    .await?;
    let read = |row: &sqlx::any::AnyRow| {
        Ok(Pending {
            position: row.try_get("position")?,
            key: row.try_get("key")?,
            event: row.try_get("event")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Notes that an event was delivered.
///
/// # Errors
/// When the database fails.
pub async fn mark_delivered(db: &Db, tx: &mut Tx, position: i64) -> Result<()> {
    let sql = db.sql("UPDATE outbox SET delivered_at_us = {now} WHERE position = $1");
    sqlx::query(sql).bind(position).execute(&mut **tx).await?;
    Ok(())
}

/// Removes delivered events and remembered answers that are older than `age_us`.
///
/// # Errors
/// When the database fails.
pub async fn vacuum(db: &Db, tx: &mut Tx, age_us: i64) -> Result<()> {
    let sql = db.sql("DELETE FROM outbox WHERE delivered_at_us < {now} - $1");
    sqlx::query(sql).bind(age_us).execute(&mut **tx).await?;
    let sql = db.sql("DELETE FROM idempotency_keys WHERE created_at_us < {now} - $1");
    sqlx::query(sql).bind(age_us).execute(&mut **tx).await?;
    Ok(())
}

/// What was answered to a request with this key: the digest of that request, and the answer.
///
/// # Errors
/// When the database fails.
pub async fn idempotent_answer(tx: &mut Tx, caller: &str, key: &str) -> Result<Option<(String, String)>> {
    let query = sqlx::query("SELECT request, answer FROM idempotency_keys WHERE caller = $1 AND key = $2");
    let row = query.bind(caller).bind(key).fetch_optional(&mut **tx).await?;
    row.map(|row| Ok((row.try_get("request")?, row.try_get("answer")?))).transpose()
}

/// Remembers an answer.
///
/// # Errors
/// When the database fails; a unique violation when another request with this key was first.
pub async fn remember_answer(
    db: &Db,
    tx: &mut Tx,
    (caller, key): (&str, &str),
    request: &str,
    answer: &str,
) -> Result<()> {
    let sql = db.sql(
        "INSERT INTO idempotency_keys (caller, key, request, answer, created_at_us)
         VALUES ($1, $2, $3, $4, {now})",
    );
    sqlx::query(sql).bind(caller).bind(key).bind(request).bind(answer).execute(&mut **tx).await?;
    Ok(())
}
