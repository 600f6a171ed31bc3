//! Direct uploads.

use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use ids::UploadId;
use serde::Deserialize;

use super::App;
use super::caller::Caller;
use super::extract::{Ids, Json, request_key};
use super::view::{Data, UploadResource};
use crate::error::MediaError;
use crate::registry::{NewUpload, PartUrl};

type Answer<T> = Result<axum::Json<Data<T>>, MediaError>;

#[derive(Debug, Deserialize)]
pub(super) struct WantedParts {
    numbers: Vec<u64>,
}

pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Json(new): Json<NewUpload>,
) -> Result<(StatusCode, axum::Json<Data<UploadResource>>), MediaError> {
    let key = request_key(caller, &headers, uri.path(), &new)?;
    let upload = app.registry.create_upload(&new, key.as_ref()).await?;
    let status = app.registry.upload_status(&upload.id).await?;
    Ok((StatusCode::CREATED, axum::Json(Data { data: status.into() })))
}

pub(super) async fn show(
    State(app): State<App>,
    _: Caller,
    Ids(id): Ids<UploadId>,
) -> Answer<UploadResource> {
    let status = app.registry.upload_status(&id).await?;
    Ok(axum::Json(Data { data: status.into() }))
}

pub(super) async fn part_urls(
    State(app): State<App>,
    _: Caller,
    Ids(id): Ids<UploadId>,
    Json(wanted): Json<WantedParts>,
) -> Answer<Vec<PartUrl>> {
    if wanted.numbers.len() > MAX_URLS {
        return Err(MediaError::Invalid(format!("ask for at most {MAX_URLS} parts at a time")));
    }
    let data = app.registry.part_urls(&id, &wanted.numbers).await?;
    Ok(axum::Json(Data { data }))
}

pub(super) async fn complete(
    State(app): State<App>,
    _: Caller,
    Ids(id): Ids<UploadId>,
) -> Answer<UploadResource> {
    app.registry.complete_upload(&id).await?;
    let status = app.registry.upload_status(&id).await?;
    Ok(axum::Json(Data { data: status.into() }))
}

pub(super) async fn cancel(
    State(app): State<App>,
    _: Caller,
    Ids(id): Ids<UploadId>,
) -> Result<StatusCode, MediaError> {
    app.registry.cancel_upload(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A presigned URL has about 600 bytes.
const MAX_URLS: usize = 100;
