//! Repeated requests: the same `Idempotency-Key` gets the same answer, and nothing is made twice.

use db::{Db, Tx};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::db as rows;
use crate::error::MediaError;

/// A request that may come again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// Who asks; keys of different callers never meet.
    pub caller: String,
    /// The header's value.
    pub key: String,
    /// Digest of what is asked.
    pub request: String,
}

/// The answer that this request got before.
pub(super) async fn remembered<T: DeserializeOwned>(
    tx: &mut Tx,
    request: Option<&RequestKey>,
) -> Result<Option<T>, MediaError> {
    let Some(request) = request else { return Ok(None) };
    let Some((before, answer)) = rows::idempotent_answer(tx, &request.caller, &request.key).await? else {
        return Ok(None);
    };
    if before != request.request {
        return Err(MediaError::KeyReused);
    }
    // An answer of an older version may have another shape; then the request counts as used up.
    serde_json::from_str(&answer).map(Some).map_err(|_| MediaError::KeyReused)
}

/// Remembers an answer in the transaction that it tells of.
pub(super) async fn remember<T: Serialize>(
    db: &Db,
    tx: &mut Tx,
    request: Option<&RequestKey>,
    answer: &T,
) -> Result<(), MediaError> {
    let Some(request) = request else { return Ok(()) };
    let answer = serde_json::to_string(answer).unwrap_or_default();
    let names = (request.caller.as_str(), request.key.as_str());
    Ok(rows::remember_answer(db, tx, names, &request.request, &answer).await?)
}

/// True when another request with the same key was faster: ask again and get its answer.
pub(super) fn lost_race(error: &MediaError) -> bool {
    if let MediaError::Db(rows::DbError::Database(error)) = error {
        return db::is_unique_violation(error);
    }
    false
}
