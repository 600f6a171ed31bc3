//! Stand-ins for the SFU, the mixer and the media service, on one loopback listener.
//!
//! They answer this service's calls as the contracts say and remember them, so that a test can see what
//! was asked. What the real ones do with it is tested where all of them run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use auth::service::{ServiceKey, ServiceName};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ids::{AssetId, PlaybackId, StageId};
use serde_json::{Value, json};
use wire::media::{NewRecording, PlaybackToken, Recording};
use wire::mixer::{Saving, StageSpec, StageState, StageStatus};

/// What was asked, and how to answer.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) recordings: HashMap<String, Recording>,
    pub(crate) stages: HashMap<StageId, (StageSpec, StageState)>,
    pub(crate) shows: usize,
    pub(crate) twirp: Vec<(String, Value)>,
    pub(crate) participants: Vec<Value>,
    /// The mixer answers 503.
    pub(crate) mixer_down: bool,
    /// Stages stay `starting` or `draining` until this is false.
    pub(crate) hold: bool,
    pub(crate) tracks: Vec<(String, String)>,
    /// Idempotency keys of uploads: the position is the upload.
    pub(crate) uploads: Vec<Option<String>>,
    /// Parts that storage has, of every upload.
    pub(crate) stored_parts: Vec<u64>,
    pub(crate) completed: bool,
}

#[derive(Clone)]
pub(crate) struct Double {
    pub(crate) seen: Arc<Mutex<Seen>>,
    pub(crate) url: String,
    key: ServiceKey,
}

impl Double {
    pub(crate) async fn start(key: ServiceKey) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let double = Self { seen: Arc::default(), url, key };
        let router = Router::new()
            .route("/internal/media/v1/recordings", post(make_recording))
            .route("/internal/media/v1/assets/{id}/playback-token", post(playback_token))
            .route("/internal/media/v1/assets/{id}/jobs", get(jobs))
            .route("/internal/media/v1/jobs/{id}/{change}", post(change_job))
            .route("/media/v1/assets/{id}", get(asset).delete(delete_asset))
            .route("/media/v1/assets/{id}/tracks", post(add_track))
            .route("/media/v1/assets/{id}/tracks/{track}", get(track))
            .route("/media/v1/uploads", post(create_upload))
            .route("/media/v1/uploads/{id}", get(upload))
            .route("/media/v1/uploads/{id}/part-urls", post(part_urls))
            .route("/media/v1/uploads/{id}/complete", post(complete_upload))
            .route("/internal/mixer/v1/stages/{id}", get(stage).put(show))
            .route("/internal/mixer/v1/stages/{id}/end", post(end))
            .route("/twirp/livekit.RoomService/{method}", post(twirp))
            .with_state(double.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        double
    }

    fn check(&self, headers: &HeaderMap, me: ServiceName) {
        let header = headers.get("authorization").map(|value| value.to_str().unwrap());
        assert_eq!(self.key.verify(header, me), Ok(ServiceName::ControlApi));
    }
}

async fn make_recording(
    State(double): State<Double>,
    headers: HeaderMap,
    Json(new): Json<NewRecording>,
) -> Response {
    double.check(&headers, ServiceName::Media);
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let mut seen = double.seen.lock().unwrap();
    let bits = seen.recordings.len() as u128 + 1;
    let recording = seen.recordings.entry(key).or_insert_with(|| Recording {
        asset_id: AssetId::from_bits(bits),
        playback_id: PlaybackId::from_bits(bits),
        policy: new.policy,
    });
    (StatusCode::CREATED, Json(recording.clone())).into_response()
}

async fn playback_token(
    State(double): State<Double>,
    headers: HeaderMap,
    Path(_): Path<AssetId>,
) -> Json<PlaybackToken> {
    double.check(&headers, ServiceName::Media);
    Json(PlaybackToken { token: "signed".into(), expires_at_us: i64::MAX / 2 })
}

async fn asset(State(double): State<Double>, headers: HeaderMap, Path(id): Path<AssetId>) -> Response {
    double.check(&headers, ServiceName::Media);
    let seen = double.seen.lock().unwrap();
    let Some(recording) = seen.recordings.values().find(|recording| recording.asset_id == id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let live = seen.stages.values().any(|(spec, state)| spec.asset_id == id && *state != StageState::Ended);
    let tracks: Vec<Value> = seen.tracks.iter().enumerate().map(|(n, (language, name))| {
        json!({"id": ids::TextTrackId::from_bits(n as u128), "language": language, "name": name, "default": false})
    }).collect();
    Json(json!({"data": {
        "id": id, "status": if live { "preparing" } else { "ready" }, "title": "x", "source": "recording",
        "duration_ms": if live { Value::Null } else { json!(61_000) },
        "created_at_us": 0, "changed_at_us": 0, "tracks": tracks,
        "playback_ids": [{"id": recording.playback_id, "policy": recording.policy, "hls_url": "x"}],
        "static_renditions": [{"name": "poster.jpg", "content_type": "image/jpeg", "size_bytes": 9}],
    }}))
    .into_response()
}

async fn jobs(State(double): State<Double>, headers: HeaderMap, Path(_): Path<AssetId>) -> Json<Value> {
    double.check(&headers, ServiceName::Media);
    Json(json!([job("failed")]))
}

async fn change_job(Path((id, change)): Path<(ids::JobId, String)>) -> Json<Value> {
    assert_eq!(id, ids::JobId::from_bits(7));
    Json(job(if change == "retry" { "queued" } else { "cancelled" }))
}

fn job(state: &str) -> Value {
    json!({"id": ids::JobId::from_bits(7), "transform": "mp4", "state": state, "percent": 40, "error": "cut"})
}

async fn delete_asset(State(double): State<Double>, Path(id): Path<AssetId>) -> StatusCode {
    double.seen.lock().unwrap().recordings.retain(|_, recording| recording.asset_id != id);
    StatusCode::NO_CONTENT
}

async fn add_track(
    State(double): State<Double>,
    Path(_): Path<AssetId>,
    axum::extract::Query(query): axum::extract::Query<HashMap<String, String>>,
    body: String,
) -> Response {
    if !body.starts_with("WEBVTT") {
        let problem = json!({"type": "/problems/invalid", "detail": "The file does not start with WEBVTT."});
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(problem)).into_response();
    }
    let mut seen = double.seen.lock().unwrap();
    seen.tracks.push((query["language"].clone(), query["name"].clone()));
    let data = json!({"id": ids::TextTrackId::from_bits(seen.tracks.len() as u128 - 1), "language": query["language"], "name": query["name"]});
    (StatusCode::CREATED, Json(json!({ "data": data }))).into_response()
}

async fn track(Path(_): Path<(AssetId, String)>) -> &'static str {
    "WEBVTT\n"
}

async fn create_upload(State(double): State<Double>, headers: HeaderMap, Json(new): Json<Value>) -> Response {
    double.check(&headers, ServiceName::Media);
    assert_eq!((&new["size_bytes"], &new["policy"]), (&json!(250), &json!("public")));
    let key = headers.get("idempotency-key").map(|key| key.to_str().unwrap().to_owned());
    let mut seen = double.seen.lock().unwrap();
    let known = seen.uploads.iter().position(|before| key.is_some() && *before == key);
    let number = known.unwrap_or_else(|| {
        seen.uploads.push(key);
        seen.uploads.len() - 1
    });
    (StatusCode::CREATED, seen.upload(number as u128)).into_response()
}

async fn upload(
    State(double): State<Double>,
    headers: HeaderMap,
    Path(_): Path<ids::UploadId>,
) -> Json<Value> {
    double.check(&headers, ServiceName::Media);
    double.seen.lock().unwrap().upload(0)
}

async fn part_urls(Path(_): Path<ids::UploadId>, Json(wanted): Json<Value>) -> Json<Value> {
    let urls = wanted["numbers"].as_array().unwrap().iter().map(|number| {
        json!({"number": number, "offset_bytes": 0, "size_bytes": 100, "url": format!("http://bucket/{number}")})
    });
    Json(json!({ "data": urls.collect::<Vec<_>>() }))
}

async fn complete_upload(State(double): State<Double>, Path(_): Path<ids::UploadId>) -> Response {
    let mut seen = double.seen.lock().unwrap();
    if seen.stored_parts.len() < 3 {
        let problem = json!({"type": "/problems/parts-missing", "detail": "Parts 2 and 3 are missing."});
        return (StatusCode::CONFLICT, Json(problem)).into_response();
    }
    seen.completed = true;
    seen.upload(0).into_response()
}

async fn stage(State(double): State<Double>, headers: HeaderMap, Path(id): Path<StageId>) -> Response {
    double.check(&headers, ServiceName::Mixer);
    double.seen.lock().unwrap().answer(&id)
}

async fn show(
    State(double): State<Double>,
    Path(id): Path<StageId>,
    Json(spec): Json<StageSpec>,
) -> Response {
    let mut seen = double.seen.lock().unwrap();
    if seen.mixer_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    seen.shows += 1;
    let state = match seen.stages.get(&id) {
        Some((before, state)) if before.asset_id == spec.asset_id => *state,
        _ => StageState::Starting,
    };
    seen.stages.insert(id.clone(), (spec, state));
    seen.answer(&id)
}

async fn end(State(double): State<Double>, Path(id): Path<StageId>) -> Response {
    let mut seen = double.seen.lock().unwrap();
    if let Some((_, state)) = seen.stages.get_mut(&id) {
        *state = if *state == StageState::Ended { StageState::Ended } else { StageState::Draining };
    }
    seen.answer(&id)
}

async fn twirp(
    State(double): State<Double>,
    Path(method): Path<String>,
    Json(body): Json<Value>,
) -> Json<Value> {
    let mut seen = double.seen.lock().unwrap();
    seen.twirp.push((method.clone(), body.clone()));
    Json(match method.as_str() {
        "ListParticipants" => json!({ "participants": seen.participants }),
        "ListRooms" => {
            let rooms = body["names"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| json!({"name": name, "numParticipants": 2}));
            json!({ "rooms": rooms.collect::<Vec<_>>() })
        }
        _ => json!({}),
    })
}

impl Seen {
    fn upload(&self, number: u128) -> Json<Value> {
        Json(json!({"data": {
            "id": ids::UploadId::from_bits(number), "asset_id": AssetId::from_bits(100 + number),
            "status": if self.completed { "completed" } else { "waiting" }, "size_bytes": 250,
            "part_size_bytes": 100, "part_count": 3, "stored_parts": self.stored_parts,
            "created_at_us": 0, "expires_at_us": 0,
        }}))
    }

    /// Moves the stage on, one state per question.
    fn answer(&mut self, id: &StageId) -> Response {
        if self.mixer_down {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        let hold = self.hold;
        let Some((spec, state)) = self.stages.get_mut(id) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let told = *state;
        *state = match told {
            StageState::Starting if !hold => StageState::Live,
            StageState::Draining if !hold => StageState::Ended,
            StageState::Starting | StageState::Live | StageState::Draining | StageState::Ended => told,
        };
        Json(StageStatus {
            stage_id: id.clone(),
            asset_id: spec.asset_id.clone(),
            state: told,
            duration_ms: 4000,
            saved_up_to_us: Some(1_700_000_000_000_000),
            spool_files: 0,
            spool_bytes: 0,
            saving: Saving::Following,
            restarts: 0,
            health: Some(wire::mixer::Health {
                fps: 30.0,
                late_frames: 0,
                cpu_cores: 0.5,
                level_dbfs: -20.0,
                sources: 2,
            }),
        })
        .into_response()
    }
}
