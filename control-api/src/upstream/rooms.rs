//! The SFU's server API: LiveKit's `RoomService` over Twirp, in proto3 JSON.
//!
//! The messages are written down here by hand, four fields each, instead of pulling the whole generated
//! protocol into this service. Field names are accepted in both of proto3 JSON's spellings.

use std::collections::HashMap;
use std::time::Duration;

use auth::room::{ApiKeys, RoomToken, VideoGrant};
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{Upstream, UpstreamError};

/// A client of `/twirp/livekit.RoomService`.
#[derive(Debug, Clone)]
pub(crate) struct RoomClient {
    upstream: Upstream,
    keys: ApiKeys,
}

/// A participant of a room.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Participant {
    pub(crate) identity: String,
    pub(crate) name: String,
    /// Seconds since 1970. proto3 JSON writes 64-bit integers as text.
    #[serde(alias = "joinedAt", deserialize_with = "integer")]
    pub(crate) joined_at: i64,
    pub(crate) permission: Permission,
    pub(crate) tracks: Vec<Track>,
}

/// The part of a participant's permission that matters here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Permission {
    pub(crate) hidden: bool,
}

/// A published track.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Track {
    pub(crate) source: Source,
    pub(crate) muted: bool,
}

/// What a track shows or sounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Source {
    Camera,
    Microphone,
    ScreenShare,
    #[default]
    Other,
}

impl<'de> Deserialize<'de> for Source {
    /// proto3 JSON accepts an enum's name and its number.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(match (value.as_str(), value.as_u64()) {
            (Some("CAMERA"), _) | (_, Some(1)) => Self::Camera,
            (Some("MICROPHONE"), _) | (_, Some(2)) => Self::Microphone,
            (Some("SCREEN_SHARE"), _) | (_, Some(3)) => Self::ScreenShare,
            _ => Self::Other,
        })
    }
}

impl RoomClient {
    pub(crate) fn new(http: reqwest::Client, base_url: &str, keys: ApiKeys) -> Self {
        Self { upstream: Upstream::new(http, "sfu", base_url), keys }
    }

    /// Makes a room, or finds it made.
    pub(crate) async fn create(&self, room: &str) -> Result<(), UpstreamError> {
        let grant = VideoGrant { room_create: true, ..VideoGrant::default() };
        let body = json!({ "name": room, "emptyTimeout": EMPTY_TIMEOUT.as_secs() });
        self.call::<Value>("CreateRoom", grant, &body).await.map(|_| ())
    }

    /// Ends a room; whoever is in it is sent away.
    pub(crate) async fn delete(&self, room: &str) -> Result<(), UpstreamError> {
        let grant = VideoGrant { room_create: true, ..VideoGrant::default() };
        missing_is_fine(self.call::<Value>("DeleteRoom", grant, &json!({ "room": room })).await.map(|_| ()))
    }

    /// Everybody in the room who is not hidden. A room that does not exist has nobody.
    pub(crate) async fn participants(&self, room: &str) -> Result<Vec<Participant>, UpstreamError> {
        #[derive(Deserialize)]
        #[serde(default)]
        #[derive(Default)]
        struct List {
            participants: Vec<Participant>,
        }
        let list: List = match self.call("ListParticipants", admin(room), &json!({ "room": room })).await {
            Err(UpstreamError::Missing { .. }) => List::default(),
            answered => answered?,
        };
        Ok(list.participants.into_iter().filter(|participant| !participant.permission.hidden).collect())
    }

    /// Sends one participant away.
    pub(crate) async fn remove(&self, room: &str, identity: &str) -> Result<(), UpstreamError> {
        let body = json!({ "room": room, "identity": identity });
        missing_is_fine(self.call::<Value>("RemoveParticipant", admin(room), &body).await.map(|_| ()))
    }

    /// Participants of each of these rooms that exists.
    pub(crate) async fn counts(&self, rooms: &[String]) -> Result<HashMap<String, u32>, UpstreamError> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Room {
            name: String,
            #[serde(alias = "numParticipants")]
            num_participants: u32,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct List {
            rooms: Vec<Room>,
        }
        let grant = VideoGrant { room_list: true, ..VideoGrant::default() };
        let list: List = self.call("ListRooms", grant, &json!({ "names": rooms })).await?;
        Ok(list.rooms.into_iter().map(|room| (room.name, room.num_participants)).collect())
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        grant: VideoGrant,
        body: &Value,
    ) -> Result<T, UpstreamError> {
        let token = RoomToken { identity: "control-api".into(), video: Some(grant), ..RoomToken::default() };
        let token = self.keys.mint(token, TOKEN_LIFETIME);
        let request = self.upstream.request(Method::POST, &format!("/twirp/livekit.RoomService/{method}"));
        self.upstream.json(request.bearer_auth(token).json(body)).await
    }
}

fn admin(room: &str) -> VideoGrant {
    VideoGrant { room_admin: true, room: room.to_owned(), ..VideoGrant::default() }
}

fn missing_is_fine(result: Result<(), UpstreamError>) -> Result<(), UpstreamError> {
    match result {
        Err(UpstreamError::Missing { .. }) => Ok(()),
        other => other,
    }
}

fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0))
}

/// How long a room without anybody lives.
const EMPTY_TIMEOUT: Duration = Duration::from_secs(300);

const TOKEN_LIFETIME: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_participant_are_read() {
        let camel = r#"{"identity":"per_1","joinedAt":"1700000000","permission":{"hidden":true},
                        "tracks":[{"source":"CAMERA","muted":true},{"source":2},{"sid":"TR_x"}]}"#;
        let camel: Participant = serde_json::from_str(camel).unwrap();
        assert_eq!(camel.joined_at, 1_700_000_000);
        assert!(camel.permission.hidden && camel.tracks[0].muted);
        let sources: Vec<_> = camel.tracks.iter().map(|track| track.source).collect();
        assert_eq!(sources, [Source::Camera, Source::Microphone, Source::Other]);
        let snake: Participant = serde_json::from_str(r#"{"joined_at":17}"#).unwrap();
        assert_eq!(snake.joined_at, 17);
    }
}
