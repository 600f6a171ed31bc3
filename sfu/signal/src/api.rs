//! LiveKit's `RoomService`: bodies in protobuf or proto3 JSON, and the right that each method needs.

use livekit_protocol as lk;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sfu_core::room::RoomOptions;
use sfu_core::room::admin::ParticipantChange;
use sfu_core::room::calls::Call as MethodCall;
use sfu_core::room::packet::server_message;
use sfu_core::room::sid::TrackSid;
use sfu_core::shard::admin::{AdminReply, AdminRequest, ParticipantRequest};
use std::time::Duration;

use crate::{info, request};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/protobuf`.
    Protobuf,
    /// `application/json`, proto3 JSON.
    Json,
}

/// The right that a method needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Right {
    /// `roomCreate`.
    Create,
    /// `roomList`.
    List,
    /// `roomAdmin` for this room.
    Admin(String),
}

/// A method's question and the right to ask it.
#[derive(Debug, Clone)]
pub struct Call {
    /// The right.
    pub right: Right,
    /// The question.
    pub request: AdminRequest,
}

/// Why a call is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCall {
    /// No such method.
    #[error("no handler for path")]
    BadRoute,
    /// LiveKit's open-source server does not do it either.
    #[error("not implemented")]
    Unimplemented,
    /// Only its publisher unmutes a track.
    #[error("remote unmute not enabled")]
    RemoteUnmute,
    /// The body is not the method's message.
    #[error("the body could not be decoded")]
    Malformed,
    /// A needed field is empty.
    #[error("{0} is required")]
    Missing(&'static str),
}

/// Reads the body of `RoomService/<method>`.
///
/// # Errors
/// See [`BadCall`].
pub fn read(method: &str, format: Format, body: &[u8]) -> Result<Call, BadCall> {
    let call = match method {
        "CreateRoom" => create_room(decode(format, body)?),
        "ListRooms" => {
            let wire: lk::ListRoomsRequest = decode(format, body)?;
            Call { right: Right::List, request: AdminRequest::ListRooms { names: wire.names } }
        }
        "DeleteRoom" => {
            let wire: lk::DeleteRoomRequest = decode(format, body)?;
            Call { right: Right::Create, request: AdminRequest::DeleteRoom { name: wire.room } }
        }
        "ListParticipants" => {
            let wire: lk::ListParticipantsRequest = decode(format, body)?;
            admin(wire.room.clone(), AdminRequest::ListParticipants { room: wire.room })
        }
        "GetParticipant" | "RemoveParticipant" => {
            let wire: lk::RoomParticipantIdentity = decode(format, body)?;
            let what =
                if method == "GetParticipant" { ParticipantRequest::Get } else { ParticipantRequest::Remove };
            participant(wire.room, wire.identity, what)
        }
        "MutePublishedTrack" => {
            let wire: lk::MuteRoomTrackRequest = decode(format, body)?;
            if !wire.muted {
                // Nobody's microphone is opened from afar; LiveKit's default, too.
                return Err(BadCall::RemoteUnmute);
            }
            let what =
                ParticipantRequest::Mute { track: TrackSid::from_wire(&wire.track_sid), muted: wire.muted };
            participant(wire.room, wire.identity, what)
        }
        "UpdateParticipant" => update_participant(decode(format, body)?),
        "UpdateSubscriptions" => {
            let wire: lk::UpdateSubscriptionsRequest = decode(format, body)?;
            let tracks = request::track_sids(&wire.track_sids, &wire.participant_tracks);
            let what = ParticipantRequest::Subscribe { tracks, subscribe: wire.subscribe };
            participant(wire.room, wire.identity, what)
        }
        "SendData" => send_data(decode(format, body)?),
        "UpdateRoomMetadata" => {
            let wire: lk::UpdateRoomMetadataRequest = decode(format, body)?;
            let request = AdminRequest::SetRoomMetadata { room: wire.room.clone(), metadata: wire.metadata };
            admin(wire.room, request)
        }
        "PerformRpc" => {
            let wire: lk::PerformRpcRequest = decode(format, body)?;
            let timeout = u64::from(wire.response_timeout_ms);
            let timeout = (timeout > 0).then(|| Duration::from_millis(timeout));
            let call = MethodCall { method: wire.method, payload: wire.payload, timeout };
            let (room, identity) = (wire.room, wire.destination_identity);
            admin(room.clone(), AdminRequest::Call { room, identity, call })
        }
        "ForwardParticipant" | "MoveParticipant" => return Err(BadCall::Unimplemented),
        _ => return Err(BadCall::BadRoute),
    };
    check(&call)?;
    Ok(call)
}

/// Writes the reply of `RoomService/<method>`.
#[must_use]
pub fn write(method: &str, format: Format, reply: AdminReply) -> Vec<u8> {
    match (reply, method) {
        (AdminReply::Room(room), _) => encode(format, &info::room(&room)),
        (AdminReply::Rooms(rooms), _) => {
            encode(format, &lk::ListRoomsResponse { rooms: rooms.iter().map(info::room).collect() })
        }
        (AdminReply::Participant(p), _) => encode(format, &info::participant(&p)),
        (AdminReply::Participants(all), _) => {
            let participants = all.iter().map(info::participant).collect();
            encode(format, &lk::ListParticipantsResponse { participants })
        }
        (AdminReply::Track(track), _) => {
            encode(format, &lk::MuteRoomTrackResponse { track: Some(info::track(&track)) })
        }
        (AdminReply::Called(payload), _) => encode(format, &lk::PerformRpcResponse { payload }),
        // Empty messages of different names are the same bytes.
        (AdminReply::Done, _) => encode(format, &lk::DeleteRoomResponse {}),
    }
}

fn create_room(wire: lk::CreateRoomRequest) -> Call {
    let seconds = |s: u32| (s > 0).then(|| Duration::from_secs(u64::from(s)));
    let options = RoomOptions {
        metadata: wire.metadata,
        empty_timeout: seconds(wire.empty_timeout),
        departure_timeout: seconds(wire.departure_timeout),
        max_participants: wire.max_participants,
        ..RoomOptions::default()
    };
    Call { right: Right::Create, request: AdminRequest::CreateRoom { name: wire.name, options } }
}

fn update_participant(wire: lk::UpdateParticipantRequest) -> Call {
    let text = |text: String| (!text.is_empty()).then_some(text);
    let change = ParticipantChange {
        name: text(wire.name),
        metadata: text(wire.metadata),
        attributes: wire.attributes.into_iter().collect(),
        permission: wire.permission.as_ref().map(info::permission_from),
    };
    participant(wire.room, wire.identity, ParticipantRequest::Update(change))
}

fn send_data(wire: lk::SendDataRequest) -> Call {
    let lossy = wire.kind == lk::data_packet::Kind::Lossy as i32;
    #[expect(deprecated, reason = "clients before identities name receivers by sid")]
    let sids = wire.destination_sids;
    let request = AdminRequest::SendMessage {
        room: wire.room.clone(),
        bytes: server_message(&wire.data, wire.topic.as_deref(), &wire.nonce, lossy),
        lossy,
        identities: wire.destination_identities,
        sids,
    };
    admin(wire.room, request)
}

fn admin(room: String, request: AdminRequest) -> Call {
    Call { right: Right::Admin(room), request }
}

fn participant(room: String, identity: String, what: ParticipantRequest) -> Call {
    admin(room.clone(), AdminRequest::Participant { room, identity, what })
}

fn check(call: &Call) -> Result<(), BadCall> {
    let (room, identity) = match &call.request {
        AdminRequest::CreateRoom { name, .. } | AdminRequest::DeleteRoom { name } => (name, None),
        AdminRequest::ListRooms { .. } => return Ok(()),
        AdminRequest::ListParticipants { room }
        | AdminRequest::SendMessage { room, .. }
        | AdminRequest::SetRoomMetadata { room, .. } => (room, None),
        AdminRequest::Participant { room, identity, .. } | AdminRequest::Call { room, identity, .. } => {
            (room, Some(identity))
        }
    };
    if room.is_empty() {
        return Err(BadCall::Missing("room"));
    }
    if identity.is_some_and(String::is_empty) {
        return Err(BadCall::Missing("identity"));
    }
    Ok(())
}

fn decode<M: Message + Default + DeserializeOwned>(format: Format, body: &[u8]) -> Result<M, BadCall> {
    match format {
        Format::Protobuf => M::decode(body).map_err(|_| BadCall::Malformed),
        Format::Json => serde_json::from_slice(body).map_err(|_| BadCall::Malformed),
    }
}

fn encode<M: Message + Serialize>(format: Format, message: &M) -> Vec<u8> {
    match format {
        Format::Protobuf => message.encode_to_vec(),
        Format::Json => serde_json::to_vec(message).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_made_by_protobuf_and_by_json() {
        let wire = lk::CreateRoomRequest { name: "hall".to_owned(), empty_timeout: 7, ..Default::default() };
        let json = br#"{"name":"hall","emptyTimeout":7}"#;
        for (format, body) in [(Format::Protobuf, wire.encode_to_vec()), (Format::Json, json.to_vec())] {
            let call = read("CreateRoom", format, &body).unwrap();
            let AdminRequest::CreateRoom { name, options } = call.request else { panic!("a room") };
            assert_eq!((name.as_str(), options.empty_timeout), ("hall", Some(Duration::from_secs(7))));
        }
    }

    #[test]
    fn a_call_and_its_answer_are_understood_in_both_formats() {
        let wire = lk::PerformRpcRequest {
            room: "hall".to_owned(),
            destination_identity: "ada".to_owned(),
            method: "greet".to_owned(),
            payload: "hi".to_owned(),
            response_timeout_ms: 1500,
        };
        let json = br#"{"room":"hall","destinationIdentity":"ada","method":"greet","payload":"hi","responseTimeoutMs":1500}"#;
        for (format, body) in [(Format::Protobuf, wire.encode_to_vec()), (Format::Json, json.to_vec())] {
            let Call { right, request } = read("PerformRpc", format, &body).unwrap();
            let AdminRequest::Call { room, identity, call } = request else { panic!("a call") };
            assert_eq!(
                (right, room.as_str(), identity.as_str()),
                (Right::Admin("hall".to_owned()), "hall", "ada")
            );
            assert_eq!(call.timeout, Some(Duration::from_millis(1500)));
        }
        let answer = || AdminReply::Called("hello".to_owned());
        assert_eq!(write("PerformRpc", Format::Json, answer()), br#"{"payload":"hello"}"#);
        let answer =
            lk::PerformRpcResponse::decode(&*write("PerformRpc", Format::Protobuf, answer())).unwrap();
        assert_eq!(answer.payload, "hello");
    }

    #[test]
    fn unknown_methods_and_missing_names_are_refused() {
        assert_eq!(read("Nothing", Format::Json, b"{}").unwrap_err(), BadCall::BadRoute);
        assert_eq!(read("MoveParticipant", Format::Json, b"{}").unwrap_err(), BadCall::Unimplemented);
        assert_eq!(read("DeleteRoom", Format::Json, b"{}").unwrap_err(), BadCall::Missing("room"));
        assert_eq!(read("DeleteRoom", Format::Json, b"{").unwrap_err(), BadCall::Malformed);
    }
}
