//! `Idempotency-Key`: a create that is repeated finds the object that it made.

use ::db::Tx;

use super::Store;
use super::row::RowExt as _;
use crate::api::body::IdempotencyKey;
use crate::problem::Problem;

/// A create with its key.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// Whose keys these are, and what is made.
    pub(crate) scope: String,
    /// What the client sent; without it every create makes a new object.
    pub(crate) key: Option<String>,
    /// Hash of the body: a key must not be used for two different bodies.
    pub(crate) digest: String,
}

impl Attempt {
    pub(crate) fn new<B: serde::Serialize>(scope: String, key: IdempotencyKey, body: &B) -> Self {
        let body = serde_json::to_string(body).expect("bodies are plain structs");
        Self { scope, key: key.0, digest: crate::secret::hash(&body) }
    }
}

impl Store {
    /// Takes the key for `object_id` inside the transaction that makes the object.
    ///
    /// Returns the id of the object that was made before with this key, if there is one. On PostgreSQL a
    /// concurrent attempt with the same key waits here for the first one's commit.
    pub(crate) async fn claim_key(
        &self,
        tx: &mut Tx,
        attempt: &Attempt,
        object_id: &str,
    ) -> Result<Option<String>, Problem> {
        let Some(key) = &attempt.key else { return Ok(None) };
        let insert = "INSERT INTO idempotency (scope, idempotency_key, digest, object_id, created_at_us) \
                      VALUES ($1, $2, $3, $4, {now}) ON CONFLICT (scope, idempotency_key) DO NOTHING";
        let inserted = sqlx::query(self.db.sql(insert))
            .bind(attempt.scope.clone())
            .bind(key.clone())
            .bind(attempt.digest.clone())
            .bind(object_id.to_owned())
            .execute(&mut **tx)
            .await?;
        if inserted.rows_affected() == 1 {
            return Ok(None);
        }
        let select = "SELECT digest, object_id FROM idempotency WHERE scope = $1 AND idempotency_key = $2";
        let row =
            sqlx::query(select).bind(attempt.scope.clone()).bind(key.clone()).fetch_one(&mut **tx).await?;
        if row.text("digest")? == attempt.digest {
            row.text("object_id").map(Some).map_err(Problem::from)
        } else {
            Err(Problem::conflict("key-reused", "This Idempotency-Key was used with another body."))
        }
    }

    /// Forgets keys older than a day.
    pub(crate) async fn forget_old_keys(&self) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        let delete = "DELETE FROM idempotency WHERE created_at_us < {now} - $1";
        sqlx::query(self.db.sql(delete)).bind(DAY_US).execute(&mut *tx).await?;
        let delete = "DELETE FROM organiser_sessions WHERE expires_at_us < {now}";
        sqlx::query(self.db.sql(delete)).execute(&mut *tx).await?;
        tx.commit().await
    }
}

const DAY_US: i64 = 24 * 3600 * 1_000_000;
