//! All SQL of the jobs, on SQLite and PostgreSQL alike.

use std::time::Duration;

use db::{Db, Migration, Tx};
use ids::{AssetId, JobId};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use wire::media::JobInfo;

use crate::job::{Claim, Lane, MAX_ATTEMPTS, Making};

/// The registry's tables and the jobs'.
pub const MIGRATIONS: &[Migration] = &[
    mar::db::MIGRATIONS[0],
    Migration { version: 2, name: "jobs", sql: include_str!("../migrations/0002_jobs.sql") },
    mar::db::MIGRATIONS[1],
];

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DbError {
    /// The database answers with an error.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A row holds something that is never written.
    #[error("a row of the jobs is damaged: {0}")]
    Row(String),
}

type Result<T> = std::result::Result<T, DbError>;

/// Queues what is missing: a probe for each upload that is there, a ladder for each that passed it, pictures
/// and an MP4 for each asset that plays. Returns how many were queued.
pub(crate) async fn queue_missing(db: &Db) -> Result<usize> {
    let wanted = [
        (Making::Probe, "a.state = 'preparing' AND a.source = 'upload'"),
        (Making::Ladder, "a.state = 'preparing' AND a.source = 'upload' AND a.probed IS NOT NULL"),
        (Making::Pictures, "a.state = 'ready'"),
        (Making::Mp4, "a.state = 'ready'"),
    ];
    let mut queued = 0;
    for (making, condition) in wanted {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT a.id FROM assets a LEFT JOIN jobs j ON j.asset_id = a.id AND j.transform = $1 \
             WHERE j.id IS NULL AND {condition} ORDER BY a.created_at_us LIMIT 50"
        ));
        let rows = sqlx::query(sql).bind(making.name()).fetch_all(db.read()).await?;
        for row in rows {
            let asset_id: String = row.try_get("id")?;
            queued += insert(db, &asset_id, making).await?;
        }
    }
    Ok(queued)
}

async fn insert(db: &Db, asset_id: &str, making: Making) -> Result<usize> {
    let sql = db.sql(
        "INSERT INTO jobs (id, asset_id, transform, state, attempts, fence, lease_until_us, run_after_us, \
         percent, created_at_us, changed_at_us) VALUES ($1, $2, $3, 'queued', 0, 0, 0, 0, 0, {now}, {now})",
    );
    let mut tx = db.begin().await?;
    let query = sqlx::query(sql).bind(JobId::random().to_string()).bind(asset_id).bind(making.name());
    match query.execute(&mut *tx).await {
        Ok(_) => tx.commit().await.map(|()| 1).map_err(DbError::from),
        // Another process queued it, or the asset is gone.
        Err(error) if error.as_database_error().is_some() && !db::is_transient(&error) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Claims the oldest job of a lane that is to be run, or whose holder has let its lease run out.
pub(crate) async fn claim(db: &Db, lane: Lane, lease: Duration) -> Result<Option<Claim>> {
    let mut tx = db.begin().await?;
    let (any_lane, probe) = (i64::from(lane == Lane::Any), Making::Probe.name());
    let sql = db.sql(
        "SELECT id, asset_id, transform, fence, attempts FROM jobs \
         WHERE ($1 = 1 OR transform = $2) AND ((state = 'queued' AND run_after_us <= {now}) \
               OR (state = 'running' AND lease_until_us < {now})) \
         ORDER BY CASE transform WHEN $2 THEN 0 ELSE 1 END, created_at_us, id LIMIT 1 {skip_locked}",
    );
    let Some(row) = sqlx::query(sql).bind(any_lane).bind(probe).fetch_optional(&mut *tx).await? else {
        return Ok(None);
    };
    let mut claim = read_claim(&row)?;
    claim.fence += 1;
    claim.attempts += 1;
    let sql = db.sql(
        "UPDATE jobs SET state = 'running', fence = $1, attempts = $2, lease_until_us = {now} + $3, \
         percent = 0, changed_at_us = {now} WHERE id = $4",
    );
    sqlx::query(sql)
        .bind(claim.fence)
        .bind(claim.attempts)
        .bind(micros(lease))
        .bind(claim.id.as_str())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(Some(claim))
}

/// Renews the lease and notes the progress; false when the job is no longer ours.
pub(crate) async fn renew(db: &Db, claim: &Claim, percent: u8, lease: Duration) -> Result<bool> {
    let sql = db.sql(
        "UPDATE jobs SET lease_until_us = {now} + $1, percent = $2 \
         WHERE id = $3 AND fence = $4 AND state = 'running'",
    );
    let mut tx = db.begin().await?;
    let done = sqlx::query(sql)
        .bind(micros(lease))
        .bind(i64::from(percent))
        .bind(claim.id.as_str())
        .bind(claim.fence)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}

/// Ends a job as done in the caller's transaction; false when it is no longer ours, and nothing may be
/// published then.
pub(crate) async fn finish(db: &Db, tx: &mut Tx, claim: &Claim) -> Result<bool> {
    let sql = db.sql(
        "UPDATE jobs SET state = 'done', percent = 100, error_kind = NULL, error_detail = NULL, \
         changed_at_us = {now} WHERE id = $1 AND fence = $2 AND state = 'running'",
    );
    let done = sqlx::query(sql).bind(claim.id.as_str()).bind(claim.fence).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

/// Ends a job as failed in the caller's transaction; false when it is no longer ours.
pub(crate) async fn fail(db: &Db, tx: &mut Tx, claim: &Claim, (kind, detail): (&str, &str)) -> Result<bool> {
    let sql = db.sql(
        "UPDATE jobs SET state = 'failed', error_kind = $1, error_detail = $2, changed_at_us = {now} \
         WHERE id = $3 AND fence = $4 AND state = 'running'",
    );
    let query = sqlx::query(sql).bind(kind).bind(detail).bind(claim.id.as_str()).bind(claim.fence);
    Ok(query.execute(&mut **tx).await?.rows_affected() > 0)
}

/// Gives a job back to be tried again after a pause.
pub(crate) async fn give_back(db: &Db, claim: &Claim, pause: Duration, detail: &str) -> Result<()> {
    let sql = db.sql(
        "UPDATE jobs SET state = 'queued', run_after_us = {now} + $1, error_kind = 'worker-failed', \
         error_detail = $2, changed_at_us = {now} WHERE id = $3 AND fence = $4 AND state = 'running'",
    );
    let mut tx = db.begin().await?;
    sqlx::query(sql)
        .bind(micros(pause))
        .bind(detail)
        .bind(claim.id.as_str())
        .bind(claim.fence)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// Cancels a job that has not ended; whoever runs it stops at its next renewal.
pub(crate) async fn cancel(db: &Db, id: &JobId) -> Result<Option<JobInfo>> {
    let sql = db.sql(
        "UPDATE jobs SET state = 'cancelled', changed_at_us = {now} \
         WHERE id = $1 AND state IN ('queued', 'running')",
    );
    let mut tx = db.begin().await?;
    sqlx::query(sql).bind(id.as_str()).execute(&mut *tx).await?;
    tx.commit().await?;
    job(db, id).await
}

/// Queues a job again that failed or was cancelled.
pub(crate) async fn retry(db: &Db, id: &JobId) -> Result<Option<JobInfo>> {
    let sql = db.sql(
        "UPDATE jobs SET state = 'queued', attempts = 0, run_after_us = 0, percent = 0, error_kind = NULL, \
         error_detail = NULL, changed_at_us = {now} WHERE id = $1 AND state IN ('failed', 'cancelled')",
    );
    let mut tx = db.begin().await?;
    sqlx::query(sql).bind(id.as_str()).execute(&mut *tx).await?;
    tx.commit().await?;
    job(db, id).await
}

/// One job.
pub(crate) async fn job(db: &Db, id: &JobId) -> Result<Option<JobInfo>> {
    let query = sqlx::query("SELECT * FROM jobs WHERE id = $1").bind(id.as_str());
    query.fetch_optional(db.read()).await?.as_ref().map(read_info).transpose()
}

/// All jobs of an asset, oldest first.
pub(crate) async fn jobs(db: &Db, asset_id: &AssetId) -> Result<Vec<JobInfo>> {
    let query = sqlx::query("SELECT * FROM jobs WHERE asset_id = $1 ORDER BY created_at_us, id");
    let rows = query.bind(asset_id.as_str()).fetch_all(db.read()).await?;
    rows.iter().map(read_info).collect()
}

fn read_claim(row: &AnyRow) -> Result<Claim> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let damaged = |what: String| DbError::Row(what);
    Ok(Claim {
        id: text("id")?.parse().map_err(|e: ids::InvalidId| damaged(e.to_string()))?,
        asset_id: text("asset_id")?.parse().map_err(|e: ids::InvalidId| damaged(e.to_string()))?,
        making: Making::parse(&text("transform")?).ok_or_else(|| damaged("transform".to_owned()))?,
        fence: row.try_get("fence")?,
        attempts: row.try_get("attempts")?,
    })
}

fn read_info(row: &AnyRow) -> Result<JobInfo> {
    let percent: i64 = row.try_get("percent")?;
    Ok(JobInfo {
        id: row
            .try_get::<String, _>("id")?
            .parse()
            .map_err(|e: ids::InvalidId| DbError::Row(e.to_string()))?,
        transform: row.try_get("transform")?,
        state: row.try_get("state")?,
        percent: u8::try_from(percent.clamp(0, 100)).unwrap_or(100),
        error: row.try_get("error_detail")?,
    })
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// Claims of jobs that were tried too often: only a crash of their workers can bring them here.
pub(crate) fn is_exhausted(claim: &Claim) -> bool {
    claim.attempts > MAX_ATTEMPTS
}
