use sfu_core::room::message::{Kind, LeaveReason, RoomInfo, Source, TrackInfo};
use sfu_core::room::sid::RoomSid;

use super::*;

fn track_info() -> TrackInfo {
    TrackInfo {
        name: "cam".to_owned(),
        muted: true,
        width: 1280,
        height: 720,
        mime_type: "video/VP8".to_owned(),
        mid: "1".to_owned(),
        cid: "c".to_owned(),
        version_unix_us: 7,
        ..TrackInfo::new(TrackSid::from_wire("TR_1"), Kind::Video, Source::Camera)
    }
}

fn room_info() -> RoomInfo {
    let mut entropy = sfu_core::room::sid::Entropy::new(sfu_core::seed::Seed::new([1; 32]));
    RoomInfo {
        sid: RoomSid::fresh(&mut entropy),
        name: "hall".to_owned(),
        metadata: "m".to_owned(),
        empty_timeout_s: 300,
        departure_timeout_s: 20,
        max_participants: 9,
        created_at_ms: 1_700_000_000_000,
        participants: 3,
        publishers: 2,
        recorded: true,
    }
}

/// Each word of the room beside the message that LiveKit's clients read, as their protocol spells it.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_word_is_written_as_livekit_writes_it() {
    let node = Node { id: "ND_1".to_owned() };
    let (track, participant) = (|| TrackSid::from_wire("TR_1"), || ParticipantSid::from_wire("PA_1"));
    let mid_to_track = vec![("0".to_owned(), track())];
    let described = Description { id: 4, sdp: "v=0".to_owned(), mid_to_track };
    let description = |kind: &str| lk::SessionDescription {
        r#type: kind.to_owned(),
        sdp: "v=0".to_owned(),
        id: 4,
        mid_to_track_id: [("0".to_owned(), "TR_1".to_owned())].into(),
    };
    let mute = || lk::MuteTrackRequest { sid: "TR_1".to_owned(), muted: true };
    let levels = |enabled: [bool; 3]| {
        let levels = [lk::VideoQuality::Low, lk::VideoQuality::Medium, lk::VideoQuality::High].into_iter();
        let level = |(quality, enabled)| lk::SubscribedQuality { quality: quality as i32, enabled };
        levels.zip(enabled).map(level).collect::<Vec<_>>()
    };
    #[expect(deprecated, reason = "older clients read the list without codecs")]
    let qualities = lk::SubscribedQualityUpdate {
        track_sid: "TR_1".to_owned(),
        subscribed_qualities: levels([true, true, false]),
        subscribed_codecs: vec![lk::SubscribedCodec {
            codec: "vp8".to_owned(),
            qualities: levels([true, true, false]),
        }],
    };
    let quality = |quality: lk::ConnectionQuality, score| lk::ConnectionQualityInfo {
        participant_sid: "PA_1".to_owned(),
        quality: quality as i32,
        score,
    };
    let leave = |reason: lk::DisconnectReason, action: lk::leave_request::Action, can_reconnect| {
        Message::Leave(lk::LeaveRequest {
            can_reconnect,
            reason: reason as i32,
            action: action as i32,
            regions: None,
        })
    };
    use lk::leave_request::Action;
    for (word, message) in [
        (Response::Answer(described.clone()), Message::Answer(description("answer"))),
        (Response::Offer(described), Message::Offer(description("offer"))),
        (
            Response::SectionsRequired { audios: 1, videos: 2 },
            Message::MediaSectionsRequirement(lk::MediaSectionsRequirement { num_audios: 1, num_videos: 2 }),
        ),
        (
            Response::TrackPublished { cid: "c".to_owned(), track: Box::new(track_info()) },
            Message::TrackPublished(lk::TrackPublishedResponse {
                cid: "c".to_owned(),
                track: Some(info::track(&track_info())),
            }),
        ),
        (
            Response::TrackUnpublished(track()),
            Message::TrackUnpublished(lk::TrackUnpublishedResponse { track_sid: "TR_1".to_owned() }),
        ),
        (Response::Mute { track: track(), muted: true }, Message::Mute(mute())),
        (
            Response::Speakers(vec![Speaker { sid: participant(), level: 0.5, active: true }]),
            Message::SpeakersChanged(lk::SpeakersChanged {
                speakers: vec![lk::SpeakerInfo { sid: "PA_1".to_owned(), level: 0.5, active: true }],
            }),
        ),
        (
            Response::RoomUpdate(room_info()),
            Message::RoomUpdate(lk::RoomUpdate { room: Some(info::room(&room_info())) }),
        ),
        (
            Response::Quality(vec![
                (participant(), ConnectionQuality::Excellent),
                (participant(), ConnectionQuality::Good),
                (participant(), ConnectionQuality::Poor),
            ]),
            Message::ConnectionQuality(lk::ConnectionQualityUpdate {
                updates: vec![
                    quality(lk::ConnectionQuality::Excellent, 95.0),
                    quality(lk::ConnectionQuality::Good, 60.0),
                    quality(lk::ConnectionQuality::Poor, 30.0),
                ],
            }),
        ),
        (
            Response::StreamStates(vec![(participant(), track(), true), (participant(), track(), false)]),
            Message::StreamStateUpdate(lk::StreamStateUpdate {
                stream_states: [lk::StreamState::Paused, lk::StreamState::Active]
                    .map(|state| lk::StreamStateInfo {
                        participant_sid: "PA_1".to_owned(),
                        track_sid: "TR_1".to_owned(),
                        state: state as i32,
                    })
                    .to_vec(),
            }),
        ),
        (
            Response::SubscribedQuality {
                track: track(),
                codec: "vp8".to_owned(),
                enabled: [true, true, false],
            },
            Message::SubscribedQualityUpdate(qualities),
        ),
        (
            Response::SubscriptionPermission { participant: participant(), track: track(), allowed: false },
            Message::SubscriptionPermissionUpdate(lk::SubscriptionPermissionUpdate {
                participant_sid: "PA_1".to_owned(),
                track_sid: "TR_1".to_owned(),
                allowed: false,
            }),
        ),
        (
            Response::SubscriptionRefused { track: track(), reason: SubscriptionRefusal::CodecUnsupported },
            Message::SubscriptionResponse(lk::SubscriptionResponse {
                track_sid: "TR_1".to_owned(),
                err: lk::SubscriptionError::SeCodecUnsupported as i32,
            }),
        ),
        (
            Response::TrackSubscribed(track()),
            Message::TrackSubscribed(lk::TrackSubscribed { track_sid: "TR_1".to_owned() }),
        ),
        (
            Response::Outcome {
                request_id: 8,
                reason: RefusalReason::LimitExceeded,
                message: "no".to_owned(),
                about: Box::new(Request::Mute { track: track(), muted: true }),
            },
            Message::RequestResponse(lk::RequestResponse {
                request_id: 8,
                reason: lk::request_response::Reason::LimitExceeded as i32,
                message: "no".to_owned(),
                request: Some(Asked::Mute(mute())),
            }),
        ),
        (
            Response::Leave { reason: LeaveReason::DuplicateIdentity, action: LeaveAction::Disconnect },
            leave(lk::DisconnectReason::DuplicateIdentity, Action::Disconnect, false),
        ),
        (
            Response::Leave { reason: LeaveReason::StateMismatch, action: LeaveAction::Reconnect },
            leave(lk::DisconnectReason::StateMismatch, Action::Reconnect, true),
        ),
        (
            Response::Leave { reason: LeaveReason::ServerShutdown, action: LeaveAction::Resume },
            leave(lk::DisconnectReason::ServerShutdown, Action::Resume, true),
        ),
    ] {
        assert_eq!(convert(word, &node, &Vec::new), Some(message));
    }
}
