//! Signal messages to a client.

use livekit_protocol as lk;
use lk::request_response::Request as Asked;
use lk::signal_response::Message;
use prost::Message as _;
use sfu_core::room::message::{
    ConnectionQuality, Description, Joined, LeaveAction, Quality, RefusalReason, Request, Response, Speaker,
    SubscriptionRefusal,
};
use sfu_core::room::sid::{ParticipantSid, TrackSid};
use sfu_core::turn::Credentials;

use crate::{PING, PROTOCOL, SERVER_VERSION, info};

/// What every join response says of this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `ND_…`, one life of the process.
    pub id: String,
}

/// STUN and TURN URLs that a client may use with these credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:`, `turn:` and `turns:` (RFC 7064, RFC 7065).
    pub urls: Vec<String>,
    /// `None`: STUN needs none.
    pub credentials: Option<Credentials>,
}

/// Writes a response; `None` for [`Response::RefreshToken`], which the edge signs itself. `ice_servers` is
/// asked when the response names them.
#[must_use]
pub fn write(response: Response, node: &Node, ice_servers: &dyn Fn() -> Vec<IceServer>) -> Option<Vec<u8>> {
    Some(encode(convert(response, node, ice_servers)?))
}

/// The reply to both pings.
#[must_use]
pub fn pong(last_ping: i64, now_ms: i64) -> Vec<u8> {
    encode(Message::PongResp(lk::Pong { last_ping_timestamp: last_ping, timestamp: now_ms }))
}

/// The reply to the old ping.
#[must_use]
pub fn old_pong(now_ms: i64) -> Vec<u8> {
    encode(Message::Pong(now_ms))
}

/// A fresh token.
#[must_use]
pub fn refresh_token(token: String) -> Vec<u8> {
    encode(Message::RefreshToken(token))
}

pub(crate) fn encode(message: Message) -> Vec<u8> {
    lk::SignalResponse { message: Some(message) }.encode_to_vec()
}

fn convert(response: Response, node: &Node, ice_servers: &dyn Fn() -> Vec<IceServer>) -> Option<Message> {
    Some(match response {
        Response::Joined(joined) => Message::Join(join(&joined, node, ice_servers())),
        Response::Resumed { last_message } => Message::Reconnect(lk::ReconnectResponse {
            ice_servers: written(ice_servers()),
            client_configuration: Some(client_configuration()),
            server_info: Some(server_info(node)),
            last_message_seq: last_message,
        }),
        Response::Answer(d) => Message::Answer(description(d, "answer")),
        Response::Offer(d) => Message::Offer(description(d, "offer")),
        Response::SectionsRequired { audios, videos } => {
            Message::MediaSectionsRequirement(lk::MediaSectionsRequirement {
                num_audios: audios,
                num_videos: videos,
            })
        }
        Response::Update(participants) => Message::Update(lk::ParticipantUpdate {
            participants: participants.iter().map(info::participant).collect(),
        }),
        Response::TrackPublished { cid, track } => {
            Message::TrackPublished(lk::TrackPublishedResponse { cid, track: Some(info::track(&track)) })
        }
        Response::TrackUnpublished(track) => {
            Message::TrackUnpublished(lk::TrackUnpublishedResponse { track_sid: track.to_string() })
        }
        Response::Mute { track, muted } => {
            Message::Mute(lk::MuteTrackRequest { sid: track.to_string(), muted })
        }
        Response::Speakers(speakers) => {
            Message::SpeakersChanged(lk::SpeakersChanged { speakers: speakers.iter().map(speaker).collect() })
        }
        Response::RoomUpdate(room) => Message::RoomUpdate(lk::RoomUpdate { room: Some(info::room(&room)) }),
        Response::Quality(updates) => Message::ConnectionQuality(lk::ConnectionQualityUpdate {
            updates: updates.iter().map(connection_quality).collect(),
        }),
        Response::StreamStates(states) => Message::StreamStateUpdate(lk::StreamStateUpdate {
            stream_states: states.iter().map(stream_state).collect(),
        }),
        Response::SubscribedQuality { track, codec, enabled } => {
            Message::SubscribedQualityUpdate(subscribed_quality(&track, codec, enabled))
        }
        Response::SubscriptionPermission { participant, track, allowed } => {
            Message::SubscriptionPermissionUpdate(lk::SubscriptionPermissionUpdate {
                participant_sid: participant.to_string(),
                track_sid: track.to_string(),
                allowed,
            })
        }
        Response::SubscriptionRefused { track, reason } => {
            Message::SubscriptionResponse(lk::SubscriptionResponse {
                track_sid: track.to_string(),
                err: subscription_error(reason),
            })
        }
        Response::TrackSubscribed(track) => {
            Message::TrackSubscribed(lk::TrackSubscribed { track_sid: track.to_string() })
        }
        Response::Outcome { request_id, reason, message, about } => {
            let (reason, request) = (outcome(reason), asked(*about));
            Message::RequestResponse(lk::RequestResponse { request_id, reason, message, request })
        }
        Response::RefreshToken(_) => return None,
        Response::Leave { reason, action } => Message::Leave(lk::LeaveRequest {
            can_reconnect: action != LeaveAction::Disconnect,
            reason: info::leave_reason(reason),
            action: leave_action(action),
            regions: None,
        }),
    })
}

fn join(joined: &Joined, node: &Node, ice_servers: Vec<IceServer>) -> lk::JoinResponse {
    lk::JoinResponse {
        room: Some(info::room(&joined.room)),
        participant: Some(info::participant(&joined.participant)),
        other_participants: joined.others.iter().map(info::participant).collect(),
        server_version: SERVER_VERSION.to_owned(),
        ice_servers: written(ice_servers),
        subscriber_primary: joined.subscriber_primary,
        client_configuration: Some(client_configuration()),
        ping_interval: PING.0,
        ping_timeout: PING.1,
        server_info: Some(server_info(node)),
        enabled_publish_codecs: info::enabled_codecs(),
        fast_publish: joined.fast_publish,
        ..lk::JoinResponse::default()
    }
}

fn server_info(node: &Node) -> lk::ServerInfo {
    lk::ServerInfo {
        version: SERVER_VERSION.to_owned(),
        protocol: PROTOCOL,
        node_id: node.id.clone(),
        ..lk::ServerInfo::default()
    }
}

fn client_configuration() -> lk::ClientConfiguration {
    lk::ClientConfiguration {
        resume_connection: lk::ClientConfigSetting::Enabled as i32,
        ..lk::ClientConfiguration::default()
    }
}

fn written(ice_servers: Vec<IceServer>) -> Vec<lk::IceServer> {
    let each = |IceServer { urls, credentials }| {
        let (username, credential) = credentials.map(|c| (c.username, c.password)).unwrap_or_default();
        lk::IceServer { urls, username, credential }
    };
    ice_servers.into_iter().map(each).collect()
}

fn description(d: Description, kind: &str) -> lk::SessionDescription {
    lk::SessionDescription {
        r#type: kind.to_owned(),
        sdp: d.sdp,
        id: d.id,
        mid_to_track_id: d.mid_to_track.into_iter().map(|(mid, track)| (mid, track.to_string())).collect(),
    }
}

fn speaker(speaker: &Speaker) -> lk::SpeakerInfo {
    lk::SpeakerInfo { sid: speaker.sid.to_string(), level: speaker.level, active: speaker.active }
}

fn connection_quality((sid, quality): &(ParticipantSid, ConnectionQuality)) -> lk::ConnectionQualityInfo {
    // Scores in the middle of LiveKit's bands (rtc/connectionquality: excellent above 80, good above 40).
    let (wire, score) = match quality {
        ConnectionQuality::Excellent => (lk::ConnectionQuality::Excellent, 95.0),
        ConnectionQuality::Good => (lk::ConnectionQuality::Good, 60.0),
        ConnectionQuality::Poor => (lk::ConnectionQuality::Poor, 30.0),
    };
    lk::ConnectionQualityInfo { participant_sid: sid.to_string(), quality: wire as i32, score }
}

fn stream_state((sid, track, paused): &(ParticipantSid, TrackSid, bool)) -> lk::StreamStateInfo {
    let state = if *paused { lk::StreamState::Paused } else { lk::StreamState::Active };
    lk::StreamStateInfo {
        participant_sid: sid.to_string(),
        track_sid: track.to_string(),
        state: state as i32,
    }
}

fn subscribed_quality(track: &TrackSid, codec: String, enabled: [bool; 3]) -> lk::SubscribedQualityUpdate {
    let qualities: Vec<_> = [Quality::Low, Quality::Medium, Quality::High]
        .into_iter()
        .zip(enabled)
        .map(|(quality, enabled)| lk::SubscribedQuality { quality: info::quality(quality), enabled })
        .collect();
    #[expect(deprecated, reason = "clients before per-codec updates read only this list")]
    lk::SubscribedQualityUpdate {
        track_sid: track.to_string(),
        subscribed_qualities: qualities.clone(),
        subscribed_codecs: vec![lk::SubscribedCodec { codec, qualities }],
    }
}

fn outcome(reason: RefusalReason) -> i32 {
    use lk::request_response::Reason as Wire;
    let wire = match reason {
        RefusalReason::Ok => Wire::Ok,
        RefusalReason::NotFound => Wire::NotFound,
        RefusalReason::NotAllowed => Wire::NotAllowed,
        RefusalReason::LimitExceeded => Wire::LimitExceeded,
        RefusalReason::Invalid => Wire::InvalidRequest,
    };
    wire as i32
}

/// A request as clients recognise it; `None` for those that nobody refuses.
fn asked(request: Request) -> Option<Asked> {
    match request {
        Request::AddTrack(wish) => Some(Asked::AddTrack(lk::AddTrackRequest {
            cid: wish.cid,
            name: wish.name,
            r#type: info::kind(wish.kind),
            source: info::source(wish.source),
            sid: wish.existing.map(|sid| sid.to_string()).unwrap_or_default(),
            ..lk::AddTrackRequest::default()
        })),
        Request::Mute { track, muted } => {
            Some(Asked::Mute(lk::MuteTrackRequest { sid: track.to_string(), muted }))
        }
        Request::UpdateMetadata { request_id, name, metadata, attributes } => {
            Some(Asked::UpdateMetadata(lk::UpdateParticipantMetadata {
                metadata,
                name,
                attributes: attributes.into_iter().collect(),
                request_id,
            }))
        }
        Request::AudioFeatures { track, features, .. } => {
            Some(Asked::UpdateAudioTrack(lk::UpdateLocalAudioTrack {
                track_sid: track.to_string(),
                features: info::numbers(&features),
            }))
        }
        Request::VideoSize { track, width, height } => {
            Some(Asked::UpdateVideoTrack(lk::UpdateLocalVideoTrack {
                track_sid: track.to_string(),
                width,
                height,
            }))
        }
        Request::Offer(_)
        | Request::Answer(_)
        | Request::Trickle(_)
        | Request::Subscribe { .. }
        | Request::TrackSettings { .. }
        | Request::SubscriptionPermission { .. }
        | Request::SyncState(_)
        | Request::Simulate(_)
        | Request::Leave(_) => None,
    }
}

fn subscription_error(reason: SubscriptionRefusal) -> i32 {
    let wire = match reason {
        SubscriptionRefusal::NotFound => lk::SubscriptionError::SeTrackNotfound,
        SubscriptionRefusal::CodecUnsupported => lk::SubscriptionError::SeCodecUnsupported,
    };
    wire as i32
}

fn leave_action(action: LeaveAction) -> i32 {
    use lk::leave_request::Action as Wire;
    let wire = match action {
        LeaveAction::Disconnect => Wire::Disconnect,
        LeaveAction::Resume => Wire::Resume,
        LeaveAction::Reconnect => Wire::Reconnect,
    };
    wire as i32
}

#[cfg(test)]
mod tests;
