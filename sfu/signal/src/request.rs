//! Signal messages from a client.
#![expect(deprecated, reason = "older clients write these fields")]

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use livekit_protocol as lk;
use lk::request_response::{Reason, Request as Asked};
use lk::signal_request::Message;
use lk::simulate_scenario::Scenario as WireScenario;
use prost::Message as _;
use sfu_core::room::message::{
    AddTrack, Carried, CodecWish, Description, Kind, LeaveReason, Quality, Request, ResumeFault, Scenario,
    SyncState, Target, TrackPermission, TrackSettings, Trickle,
};
use sfu_core::room::sid::{ParticipantSid, TrackSid};
use sfu_core::sdp::host_candidate;

use crate::info::{carried, layer_from, quality_from, source_from};
use crate::response;

/// What a client's message asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// Something for the room.
    Room(Request),
    /// The old ping: its time in milliseconds.
    Ping(i64),
    /// The new ping: its time in milliseconds.
    PingRequest(i64),
    /// This server does not do it: the words to say.
    Refused(Vec<u8>),
    /// Nothing to do: a candidate at which nothing can be checked, a message that no client sends any more.
    Ignored,
}

/// The bytes are not a signal message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed signal message")]
pub struct Malformed;

/// Reads one binary message.
///
/// # Errors
/// [`Malformed`] if it is not one.
pub fn read(bytes: &[u8]) -> Result<Incoming, Malformed> {
    let message = lk::SignalRequest::decode(bytes).map_err(|_| Malformed)?;
    Ok(message.message.map_or(Incoming::Ignored, convert))
}

pub(crate) fn convert(message: Message) -> Incoming {
    let request = match message {
        Message::Offer(wire) => Request::Offer(description(wire)),
        Message::Answer(wire) => Request::Answer(description(wire)),
        Message::Trickle(wire) => return trickle(&wire),
        Message::AddTrack(wire) => return add_track(wire),
        Message::Mute(wire) => Request::Mute { track: TrackSid::from_wire(&wire.sid), muted: wire.muted },
        Message::Subscription(wire) => Request::Subscribe {
            tracks: track_sids(&wire.track_sids, &wire.participant_tracks),
            subscribe: wire.subscribe,
        },
        Message::TrackSetting(wire) => track_settings(&wire),
        Message::Leave(wire) => Request::Leave(leave_reason(wire.reason())),
        Message::SubscriptionPermission(wire) => Request::SubscriptionPermission {
            all_participants: wire.all_participants,
            allowed: wire.track_permissions.into_iter().map(track_permission).collect(),
        },
        Message::SyncState(wire) => Request::SyncState(Box::new(sync_state(wire))),
        Message::Simulate(wire) => match wire.scenario.map(scenario) {
            Some(scenario) => Request::Simulate(scenario),
            None => return Incoming::Ignored,
        },
        Message::Ping(at) => return Incoming::Ping(at),
        Message::PingReq(ping) => return Incoming::PingRequest(ping.timestamp),
        Message::UpdateMetadata(wire) => Request::UpdateMetadata {
            request_id: wire.request_id,
            name: wire.name,
            metadata: wire.metadata,
            attributes: wire.attributes.into_iter().collect::<BTreeMap<_, _>>(),
        },
        Message::UpdateAudioTrack(wire) => audio_features(&wire),
        Message::UpdateVideoTrack(wire) => Request::VideoSize {
            track: TrackSid::from_wire(&wire.track_sid),
            width: wire.width,
            height: wire.height,
        },
        // Data tracks and blobs are not carried: said at once, because clients wait for an answer, and in the
        // words of LiveKit's server where they are switched off.
        Message::StoreDataBlobRequest(wire) => {
            return refused(wire.request_id, Reason::NotAllowed, "data blob not enabled", None);
        }
        Message::GetDataBlobRequest(wire) if wire.key.is_none() => {
            return refused(wire.request_id, Reason::InvalidRequest, "data blob key is required", None);
        }
        Message::GetDataBlobRequest(wire) => {
            return refused(wire.request_id, Reason::NotFound, "data blob not found", None);
        }
        Message::PublishDataTrackRequest(wire) => {
            let asked = Some(Asked::PublishDataTrack(wire));
            return refused(0, Reason::NotAllowed, "does not have permission to publish data", asked);
        }
        Message::UnpublishDataTrackRequest(wire) => {
            return refused(0, Reason::NotFound, "", Some(Asked::UnpublishDataTrack(wire)));
        }
        Message::UpdateLayers(_) | Message::UpdateDataSubscription(_) => {
            return Incoming::Ignored;
        }
    };
    Incoming::Room(request)
}

fn refused(request_id: u32, reason: Reason, message: &str, request: Option<Asked>) -> Incoming {
    let (reason, message) = (reason as i32, message.to_owned());
    let response = lk::RequestResponse { request_id, reason, message, request };
    Incoming::Refused(response::encode(lk::signal_response::Message::RequestResponse(response)))
}

/// A client's reason to go; any other one is its own wish.
fn leave_reason(wire: lk::DisconnectReason) -> LeaveReason {
    #[expect(clippy::wildcard_enum_match_arm, reason = "a client may name only these")]
    match wire {
        lk::DisconnectReason::UserUnavailable => LeaveReason::UserUnavailable,
        lk::DisconnectReason::UserRejected => LeaveReason::UserRejected,
        lk::DisconnectReason::AgentError => LeaveReason::AgentError,
        _ => LeaveReason::ClientInitiated,
    }
}

fn audio_features(wire: &lk::UpdateLocalAudioTrack) -> Request {
    let mut features: Vec<i32> = Vec::new();
    for &feature in &wire.features {
        if !features.contains(&feature) {
            features.push(feature);
        }
        if features.len() > MAX_AUDIO_FEATURES {
            break;
        }
    }
    let has = |feature: lk::AudioTrackFeature| features.contains(&(feature as i32));
    Request::AudioFeatures {
        track: TrackSid::from_wire(&wire.track_sid),
        stereo: has(lk::AudioTrackFeature::TfStereo),
        disable_dtx: has(lk::AudioTrackFeature::TfNoDtx),
        features: carried(&features),
    }
}

/// More than the protocol has; the room keeps fewer.
const MAX_AUDIO_FEATURES: usize = 32;

fn description(wire: lk::SessionDescription) -> Description {
    Description { id: wire.id, sdp: wire.sdp, mid_to_track: Vec::new() }
}

/// A candidate as browsers write it: `RTCIceCandidateInit` in JSON (W3C WebRTC §4.8.1).
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct CandidateInit {
    candidate: String,
    username_fragment: Option<String>,
}

fn trickle(wire: &lk::TrickleRequest) -> Incoming {
    let Ok(init) = serde_json::from_str::<CandidateInit>(&wire.candidate_init) else {
        return Incoming::Ignored;
    };
    let value = init.candidate.strip_prefix("candidate:").unwrap_or(&init.candidate);
    let Some(address) = host_candidate(value) else { return Incoming::Ignored };
    let target = match wire.target() {
        lk::SignalTarget::Publisher => Target::Publisher,
        lk::SignalTarget::Subscriber => Target::Subscriber,
    };
    let ufrag = init.username_fragment.filter(|ufrag| !ufrag.is_empty());
    Incoming::Room(Request::Trickle(Box::new(Trickle { target, ufrag, addresses: vec![address] })))
}

fn add_track(wire: lk::AddTrackRequest) -> Incoming {
    let kind = match lk::TrackType::try_from(wire.r#type) {
        Ok(lk::TrackType::Audio) => Kind::Audio,
        Ok(lk::TrackType::Video) => Kind::Video,
        Ok(lk::TrackType::Data) | Err(_) => {
            return refused(0, Reason::UnsupportedType, "", Some(Asked::AddTrack(wire)));
        }
    };
    // Older clients leave `layers` empty and put them into the first codec.
    let layers = if wire.layers.is_empty() {
        wire.simulcast_codecs.first().map(|codec| codec.layers.as_slice()).unwrap_or_default()
    } else {
        &wire.layers
    };
    Incoming::Room(Request::AddTrack(Box::new(AddTrack {
        kind,
        layers: layers.iter().filter_map(layer_from).collect(),
        codecs: wire.simulcast_codecs.iter().map(codec_wish).collect(),
        existing: (!wire.sid.is_empty()).then(|| TrackSid::from_wire(&wire.sid)),
        source: source_from(wire.source),
        cid: wire.cid,
        name: wire.name,
        width: wire.width,
        height: wire.height,
        muted: wire.muted,
        disable_dtx: wire.disable_dtx,
        stereo: wire.stereo,
        disable_red: wire.disable_red,
        encryption: Carried(wire.encryption),
        stream: wire.stream,
        audio_features: carried(&wire.audio_features),
        backup_codec_policy: Carried(wire.backup_codec_policy),
        packet_trailer_features: carried(&wire.packet_trailer_features),
    })))
}

fn codec_wish(wire: &lk::SimulcastCodec) -> CodecWish {
    CodecWish {
        name: wire.codec.clone(),
        cid: wire.cid.clone(),
        layers: wire.layers.iter().filter_map(layer_from).collect(),
    }
}

fn track_settings(wire: &lk::UpdateTrackSettings) -> Request {
    let quality = quality_from(wire.quality);
    let settings = TrackSettings {
        disabled: wire.disabled || quality.is_none(),
        quality: quality.unwrap_or(Quality::Low),
        size: (wire.width > 0 && wire.height > 0).then_some((wire.width, wire.height)),
        frame_rate: NonZeroU32::new(wire.fps),
        rank: NonZeroU32::new(wire.priority),
    };
    Request::TrackSettings { tracks: sids(&wire.track_sids), settings }
}

fn track_permission(wire: lk::TrackPermission) -> TrackPermission {
    TrackPermission {
        sid: (!wire.participant_sid.is_empty()).then(|| ParticipantSid::from_wire(&wire.participant_sid)),
        identity: (!wire.participant_identity.is_empty()).then_some(wire.participant_identity),
        all_tracks: wire.all_tracks,
        tracks: sids(&wire.track_sids),
    }
}

fn sync_state(wire: lk::SyncState) -> SyncState {
    let subscription = wire.subscription.unwrap_or_default();
    let published = wire.publish_tracks.into_iter().filter_map(|track| track.track);
    SyncState {
        tracks: track_sids(&subscription.track_sids, &subscription.participant_tracks),
        subscribed: subscription.subscribe,
        published: published.map(|track| TrackSid::from_wire(&track.sid)).collect(),
        disabled: sids(&wire.track_sids_disabled),
        received: wire
            .datachannel_receive_states
            .iter()
            .map(|state| (ParticipantSid::from_wire(&state.publisher_sid), state.last_seq))
            .collect(),
    }
}

fn scenario(wire: WireScenario) -> Scenario {
    match wire {
        WireScenario::SpeakerUpdate(seconds) => Scenario::SpeakerUpdate(u32::try_from(seconds).unwrap_or(0)),
        WireScenario::NodeFailure(_) => Scenario::NodeFailure,
        WireScenario::Migration(_) => Scenario::Migration,
        WireScenario::ServerLeave(_) => Scenario::ServerLeave,
        WireScenario::SwitchCandidateProtocol(wire) => {
            // TLS needs a relay, which this server has not: TCP is the nearest.
            Scenario::UseTcp(wire != lk::CandidateProtocol::Udp as i32)
        }
        WireScenario::SubscriberBandwidth(bps) => {
            Scenario::SubscriberBandwidth(u64::try_from(bps).unwrap_or(0))
        }
        WireScenario::DisconnectSignalOnResume(_) => {
            Scenario::DisconnectSignalOnResume(ResumeFault::AfterWords)
        }
        WireScenario::DisconnectSignalOnResumeNoMessages(_) => {
            Scenario::DisconnectSignalOnResume(ResumeFault::BeforeWords)
        }
        WireScenario::LeaveRequestFullReconnect(_) => Scenario::FullReconnect,
    }
}

fn sids(wire: &[String]) -> Vec<TrackSid> {
    wire.iter().map(|sid| TrackSid::from_wire(sid)).collect()
}

pub(crate) fn track_sids(wire: &[String], of_participants: &[lk::ParticipantTracks]) -> Vec<TrackSid> {
    let nested = of_participants.iter().flat_map(|p| &p.track_sids);
    wire.iter().chain(nested).map(|sid| TrackSid::from_wire(sid)).collect()
}

#[cfg(test)]
mod tests;
