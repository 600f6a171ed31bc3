//! Writing transactions, and repeating them when the database asks for it.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::{Any, AnyConnection, Transaction};

/// A transaction that may write. Pass `&mut *tx` to a query; dropping it rolls back.
#[derive(Debug)]
pub struct Tx(Transaction<'static, Any>);

impl Tx {
    pub(crate) fn new(inner: Transaction<'static, Any>) -> Self {
        Self(inner)
    }

    /// Makes the writes durable.
    ///
    /// # Errors
    /// When the database refuses; nothing is written then. If the connection breaks, it may have been.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.0.commit().await
    }
}

impl Deref for Tx {
    type Target = AnyConnection;
    fn deref(&self) -> &AnyConnection {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.0
    }
}

/// An error that may say "try again".
pub trait Transient {
    /// True when the same transaction may succeed if it is repeated from its start.
    fn is_transient(&self) -> bool;
}

impl Transient for sqlx::Error {
    fn is_transient(&self) -> bool {
        is_transient(self)
    }
}

/// Runs a whole transaction, from `begin` to `commit`, again while it fails with a transient error.
///
/// ```ignore
/// db::retry(async || {
///     let mut tx = db.begin().await?;
///     sqlx::query("…").execute(&mut *tx).await?;
///     tx.commit().await
/// })
/// .await?;
/// ```
///
/// # Errors
/// The last error, when it is not transient or [`ATTEMPTS`] have failed.
pub async fn retry<T, E, F>(mut attempt: impl FnMut() -> F) -> Result<T, E>
where
    E: Transient,
    F: Future<Output = Result<T, E>>,
{
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(error) if error.is_transient() => tokio::time::sleep(wait).await,
            done => return done,
        }
        wait *= 2;
    }
    attempt().await
}

/// True for a busy SQLite database and for PostgreSQL's serialisation failures and deadlocks.
#[must_use]
pub fn is_transient(error: &sqlx::Error) -> bool {
    // SQLite: BUSY 5, LOCKED 6 in the low byte of the code. PostgreSQL: class 40, transaction rollback.
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| {
        matches!(&*code, "40001" | "40P01")
            || code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6) && code < 40_000)
    })
}

/// True when a unique index or primary key refused a row.
#[must_use]
pub fn is_unique_violation(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// 10 + 20 + 40 + 80 ms of waiting, on top of the databases' own lock waits.
pub const ATTEMPTS: u32 = 5;

const FIRST_WAIT: Duration = Duration::from_millis(10);
