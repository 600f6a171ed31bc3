//! The Twirp edge of LiveKit's `RoomService`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sfu_core::room::admin::AdminError;
use sfu_core::room::calls::CallFailure;
use sfu_core::shard::admin::{AdminReply, AdminRequest};
use sfu_signal::api::{BadCall, Call, Format, Right, read, write};

use crate::service::Shared;
use crate::shard::ShardGone;

/// A Twirp error: JSON with a code, whatever the request's format.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TwirpError {
    #[error("invalid authorization token")]
    Unauthenticated,
    #[error("permissions denied")]
    PermissionDenied,
    #[error("unsupported content type")]
    ContentType,
    #[error("no handler for path")]
    NoService,
    #[error(transparent)]
    BadCall(#[from] BadCall),
    #[error(transparent)]
    Refused(#[from] AdminError),
    #[error(transparent)]
    Gone(#[from] ShardGone),
}

impl IntoResponse for TwirpError {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::PermissionDenied => (StatusCode::FORBIDDEN, "permission_denied"),
            Self::ContentType | Self::NoService | Self::BadCall(BadCall::BadRoute) => {
                (StatusCode::NOT_FOUND, "bad_route")
            }
            Self::BadCall(BadCall::Unimplemented) => (StatusCode::NOT_IMPLEMENTED, "unimplemented"),
            Self::BadCall(BadCall::RemoteUnmute) => (StatusCode::PRECONDITION_FAILED, "failed_precondition"),
            Self::BadCall(BadCall::Malformed) => (StatusCode::BAD_REQUEST, "malformed"),
            Self::BadCall(BadCall::Missing(_)) | Self::Refused(AdminError::TooLong(_)) => {
                (StatusCode::BAD_REQUEST, "invalid_argument")
            }
            Self::Refused(AdminError::TooMany) => (StatusCode::TOO_MANY_REQUESTS, "resource_exhausted"),
            Self::Refused(AdminError::NotFound) => (StatusCode::NOT_FOUND, "not_found"),
            Self::Refused(AdminError::Call(failure)) => match failure {
                CallFailure::Refused { .. } => (StatusCode::CONFLICT, "aborted"),
                CallFailure::TooLarge => (StatusCode::BAD_REQUEST, "invalid_argument"),
                CallFailure::NotReached | CallFailure::NotAnswered => {
                    (StatusCode::REQUEST_TIMEOUT, "deadline_exceeded")
                }
                CallFailure::Left => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            },
            Self::Gone(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        let mut body = serde_json::json!({ "code": code, "msg": self.to_string() });
        if let Self::Refused(AdminError::Call(CallFailure::Refused { code, data, .. })) = &self {
            // Twirp's meta holds texts only.
            body["meta"] = serde_json::json!({ "rpc_error_code": code.to_string(), "rpc_error_data": data });
        }
        (status, axum::Json(body)).into_response()
    }
}

/// `POST /twirp/livekit.RoomService/{method}`.
pub(crate) async fn call(
    State(shared): State<Arc<Shared>>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, TwirpError> {
    let format = format_of(&headers)?;
    let grant = grant_of(&shared, &headers)?;
    let Call { right, request } = read(&method, format, &body)?;
    allow(&grant, &right)?;
    let reply = ask(&shared, request).await?;
    let content_type = match format {
        Format::Protobuf => "application/protobuf",
        Format::Json => "application/json",
    };
    Ok(([(header::CONTENT_TYPE, content_type)], write(&method, format, reply)).into_response())
}

/// Any other Twirp service.
pub(crate) async fn unknown_service() -> TwirpError {
    TwirpError::NoService
}

fn format_of(headers: &HeaderMap) -> Result<Format, TwirpError> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    match content_type.split(';').next().map(str::trim) {
        Some("application/protobuf") => Ok(Format::Protobuf),
        Some("application/json") => Ok(Format::Json),
        Some(_) | None => Err(TwirpError::ContentType),
    }
}

fn grant_of(shared: &Shared, headers: &HeaderMap) -> Result<auth::room::VideoGrant, TwirpError> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = auth::bearer(header).map_err(|_| TwirpError::Unauthenticated)?;
    let claims = shared.api_keys.verify(token).map_err(|_| TwirpError::Unauthenticated)?;
    claims.token.video.ok_or(TwirpError::PermissionDenied)
}

fn allow(grant: &auth::room::VideoGrant, right: &Right) -> Result<(), TwirpError> {
    let allowed = match right {
        Right::Create => grant.room_create,
        Right::List => grant.room_list,
        Right::Admin(room) => grant.room_admin && grant.room == *room,
    };
    if allowed { Ok(()) } else { Err(TwirpError::PermissionDenied) }
}

/// Asks the room's shard, or all of them for a list.
async fn ask(shared: &Shared, request: AdminRequest) -> Result<AdminReply, TwirpError> {
    let room = match &request {
        AdminRequest::ListRooms { .. } => return list_rooms(shared, request).await,
        AdminRequest::CreateRoom { name, .. } | AdminRequest::DeleteRoom { name } => name,
        AdminRequest::ListParticipants { room }
        | AdminRequest::Participant { room, .. }
        | AdminRequest::SendMessage { room, .. }
        | AdminRequest::Call { room, .. }
        | AdminRequest::SetRoomMetadata { room, .. } => room,
    };
    let shard = shared.shard_of(room).clone();
    Ok(shard.ask(request).await??)
}

async fn list_rooms(shared: &Shared, request: AdminRequest) -> Result<AdminReply, TwirpError> {
    let mut all = Vec::new();
    for shard in &shared.shards {
        if let AdminReply::Rooms(rooms) = shard.ask(request.clone()).await?? {
            all.extend(rooms);
        }
    }
    Ok(AdminReply::Rooms(all))
}
