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
mod tests {
    use sfu_core::room::message::Layer;

    use super::*;

    #[test]
    fn a_trickled_address_is_told_and_what_is_none_is_ignored() {
        let read = |candidate_init: &str| {
            let target = lk::SignalTarget::Subscriber as i32;
            trickle(&lk::TrickleRequest {
                candidate_init: candidate_init.to_owned(),
                target,
                ..lk::TrickleRequest::default()
            })
        };
        let usable = r#"{"candidate":"candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host generation 0",
            "sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"EsAw"}"#;
        let told = Trickle {
            target: Target::Subscriber,
            ufrag: Some("EsAw".to_owned()),
            addresses: vec!["192.0.2.1:61764".parse().unwrap()],
        };
        assert_eq!(read(usable), Incoming::Room(Request::Trickle(Box::new(told))));
        for useless in [
            "",
            "rubbish",
            "[]",
            r#"{"candidate":""}"#,
            r#"{"candidate":"candidate:1 1 udp 1 0a0b.local 9 typ host"}"#,
            r#"{"candidate":"candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active"}"#,
            r#"{"candidate":"candidate:1 1 udp 1 192.0.2.1 99999 typ host"}"#,
        ] {
            assert_eq!(read(useless), Incoming::Ignored, "{useless}");
        }
    }

    #[test]
    fn a_codec_that_declares_layers_of_its_own_keeps_them() {
        let layer = |rid: &str| lk::VideoLayer { rid: rid.to_owned(), ..lk::VideoLayer::default() };
        let codec = |codec: &str, layers| lk::SimulcastCodec {
            codec: codec.to_owned(),
            layers,
            ..lk::SimulcastCodec::default()
        };
        let wire = lk::AddTrackRequest {
            r#type: lk::TrackType::Video as i32,
            layers: vec![layer("f")],
            simulcast_codecs: vec![codec("av1", vec![]), codec("vp8", vec![layer("q"), layer("h")])],
            ..lk::AddTrackRequest::default()
        };
        let Incoming::Room(Request::AddTrack(wish)) = add_track(wire) else { panic!("it is a wish") };
        let rids = |layers: &[Layer]| layers.iter().map(|l| l.rid.clone()).collect::<Vec<_>>();
        assert_eq!(rids(&wish.layers), ["f"]);
        assert_eq!(rids(&wish.codecs[1].layers), ["q", "h"]);
        assert_eq!((&wish.codecs[0].name[..], wish.codecs[0].layers.len()), ("av1", 0));
    }

    #[test]
    fn a_message_with_every_field_missing_is_understood_or_ignored() {
        // One empty sub-message under each field number, known or not.
        for number in 1_u32..64 {
            let mut bytes = Vec::new();
            prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut bytes);
            bytes.push(0);
            let _ = read(&bytes);
        }
        assert_eq!(read(&[]), Ok(Incoming::Ignored));
        assert_eq!(read(&[0xff]), Err(Malformed));
    }

    #[test]
    fn what_this_server_does_not_do_is_refused_with_the_request_itself() {
        let publish = lk::PublishDataTrackRequest { pub_handle: 7, ..Default::default() };
        let unpublish = lk::UnpublishDataTrackRequest { pub_handle: 7 };
        let store = lk::StoreDataBlobRequest { request_id: 5, ..Default::default() };
        let get = lk::GetDataBlobRequest { request_id: 5, ..Default::default() };
        let named = lk::GetDataBlobRequest { key: Some(lk::DataBlobKey::default()), ..get.clone() };
        let strange = lk::AddTrackRequest { r#type: lk::TrackType::Data as i32, ..Default::default() };
        for (message, request_id, reason, wanted) in [
            (
                Message::PublishDataTrackRequest(publish.clone()),
                0,
                Reason::NotAllowed,
                Some(Asked::PublishDataTrack(publish)),
            ),
            (
                Message::UnpublishDataTrackRequest(unpublish),
                0,
                Reason::NotFound,
                Some(Asked::UnpublishDataTrack(unpublish)),
            ),
            (Message::StoreDataBlobRequest(store), 5, Reason::NotAllowed, None),
            (Message::GetDataBlobRequest(get), 5, Reason::InvalidRequest, None),
            (Message::GetDataBlobRequest(named), 5, Reason::NotFound, None),
            (Message::AddTrack(strange.clone()), 0, Reason::UnsupportedType, Some(Asked::AddTrack(strange))),
        ] {
            let Incoming::Refused(words) = convert(message) else { panic!("it is refused") };
            let Some(lk::signal_response::Message::RequestResponse(reply)) =
                lk::SignalResponse::decode(&*words).unwrap().message
            else {
                panic!("a request response")
            };
            assert_eq!((reply.request_id, reply.request.clone()), (request_id, wanted));
            assert_eq!(reply.reason(), reason);
        }
    }

    /// Every message of the protocol, by its number, beside what `docs/livekit.md` says of it.
    #[test]
    fn each_message_of_the_protocol_is_treated_as_documented() {
        let page = include_str!("../../../docs/livekit.md");
        let state = |name: &str| {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
            let row = row.unwrap_or_else(|| panic!("{name} has no row"));
            row.split('|').nth(2).unwrap().trim().to_owned()
        };
        for (number, name) in [
            (1, "offer"),
            (2, "answer"),
            (3, "trickle"),
            (4, "add_track"),
            (5, "mute"),
            (6, "subscription"),
            (7, "track_setting"),
            (8, "leave"),
            (10, "update_layers"),
            (11, "subscription_permission"),
            (12, "sync_state"),
            (13, "simulate"),
            (14, "ping"),
            (15, "update_metadata"),
            (16, "ping_req"),
            (17, "update_audio_track"),
            (18, "update_video_track"),
            (19, "publish_data_track_request"),
            (20, "unpublish_data_track_request"),
            (21, "update_data_subscription"),
            (22, "store_data_blob_request"),
            (23, "get_data_blob_request"),
        ] {
            let mut bytes = Vec::new();
            if name == "ping" {
                prost::encoding::int64::encode(number, &9, &mut bytes);
            } else {
                prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut bytes);
                bytes.push(0);
            }
            let treated = match read(&bytes).unwrap() {
                Incoming::Room(_) | Incoming::Ping(_) | Incoming::PingRequest(_) => "complete",
                Incoming::Refused(_) => "refused",
                // Which scenario or address it is, its content says.
                Incoming::Ignored if matches!(name, "simulate" | "trickle") => "complete",
                Incoming::Ignored => "ignored",
            };
            assert_eq!(treated, state(name), "{name}");
        }
        // The next number is free: a newer protocol needs a row.
        let known = lk::SignalRequest::decode(&[0xc2, 0x01, 0][..]).unwrap();
        assert_eq!(known.message, None);
    }

    #[test]
    fn a_client_says_why_it_goes_and_nothing_that_is_not_its_to_say() {
        use lk::DisconnectReason as Wire;
        for (wire, wanted) in [
            (Wire::ClientInitiated, LeaveReason::ClientInitiated),
            (Wire::UnknownReason, LeaveReason::ClientInitiated),
            (Wire::UserUnavailable, LeaveReason::UserUnavailable),
            (Wire::UserRejected, LeaveReason::UserRejected),
            (Wire::AgentError, LeaveReason::AgentError),
            (Wire::RoomDeleted, LeaveReason::ClientInitiated),
        ] {
            let leave = lk::LeaveRequest { reason: wire as i32, ..Default::default() };
            assert_eq!(convert(Message::Leave(leave)), Incoming::Room(Request::Leave(wanted)));
        }
    }

    #[test]
    fn features_of_sound_say_stereo_and_dtx_and_stand_once_each() {
        use lk::AudioTrackFeature::{TfNoDtx, TfStereo};
        for (features, wanted) in [
            (vec![], (false, false, 0)),
            (vec![TfStereo], (true, false, 1)),
            (vec![TfNoDtx, TfStereo, TfNoDtx], (true, true, 2)),
        ] {
            let features = features.into_iter().map(|feature| feature as i32).collect();
            let wire = lk::UpdateLocalAudioTrack { track_sid: "TR_x".to_owned(), features };
            let Request::AudioFeatures { features, stereo, disable_dtx, .. } = audio_features(&wire) else {
                panic!("features")
            };
            assert_eq!((stereo, disable_dtx, features.len()), wanted);
        }
    }

    #[test]
    fn a_frame_rate_and_a_rank_of_zero_mean_none() {
        for (fps, priority) in [(0, 0), (15, 1)] {
            let wire = lk::UpdateTrackSettings { fps, priority, ..Default::default() };
            let Request::TrackSettings { settings, .. } = track_settings(&wire) else { panic!("settings") };
            assert_eq!(settings.frame_rate.map_or(0, NonZeroU32::get), fps);
            assert_eq!(settings.rank.map_or(0, NonZeroU32::get), priority);
        }
    }

    #[test]
    fn quality_off_means_disabled() {
        let wire = lk::UpdateTrackSettings { quality: lk::VideoQuality::Off as i32, ..Default::default() };
        let Request::TrackSettings { settings, .. } = track_settings(&wire) else { panic!("settings") };
        assert!(settings.disabled);
    }
}
