//! What other services ask about jobs, under `/internal/media/v1` (service tokens only).

use ::db::Db;
use auth::service::{ServiceKey, ServiceName};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use ids::{AssetId, JobId};
use serve::Problem;
use wire::media::JobInfo;

use crate::db;

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) db: Db,
    pub(crate) service_key: ServiceKey,
}

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/internal/media/v1/assets/{asset_id}/jobs", get(jobs))
        .route("/internal/media/v1/jobs/{job_id}/cancel", post(cancel))
        .route("/internal/media/v1/jobs/{job_id}/retry", post(retry))
        .with_state(app)
}

async fn jobs(
    State(app): State<App>,
    headers: HeaderMap,
    Path(asset_id): Path<AssetId>,
) -> Result<Json<Vec<JobInfo>>, Problem> {
    app.check(&headers)?;
    Ok(Json(db::jobs(&app.db, &asset_id).await.map_err(failed)?))
}

async fn cancel(
    State(app): State<App>,
    headers: HeaderMap,
    Path(job_id): Path<JobId>,
) -> Result<Json<JobInfo>, Problem> {
    app.check(&headers)?;
    found(db::cancel(&app.db, &job_id).await)
}

async fn retry(
    State(app): State<App>,
    headers: HeaderMap,
    Path(job_id): Path<JobId>,
) -> Result<Json<JobInfo>, Problem> {
    app.check(&headers)?;
    found(db::retry(&app.db, &job_id).await)
}

impl App {
    fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let checked = self.service_key.verify(authorization, ServiceName::Media);
        checked.map(drop).map_err(|refused| {
            Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "A service token is needed")
                .detail(refused.to_string())
        })
    }
}

fn found(job: Result<Option<JobInfo>, db::DbError>) -> Result<Json<JobInfo>, Problem> {
    job.map_err(failed)?.map(Json).ok_or_else(serve::not_found)
}

fn failed(error: db::DbError) -> Problem {
    tracing::error!(%error, "a question about jobs failed");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "storage-unavailable", "The database does not answer")
        .retry_after(2)
}
