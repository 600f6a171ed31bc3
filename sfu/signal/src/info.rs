//! Rooms, participants, tracks and rights on the wire.
#![expect(deprecated, reason = "older clients read these fields")]

use livekit_protocol as lk;
use sfu_core::room::message::{
    BackupCodec, Carried, Kind, Layer, LeaveReason, ParticipantInfo, ParticipantState, Quality, RoomInfo,
    Source, TrackInfo,
};
use sfu_core::room::permission::Permission;

/// A room.
#[must_use]
pub fn room(room: &RoomInfo) -> lk::Room {
    lk::Room {
        sid: room.sid.to_string(),
        name: room.name.clone(),
        empty_timeout: room.empty_timeout_s,
        departure_timeout: room.departure_timeout_s,
        max_participants: room.max_participants,
        creation_time: room.created_at_ms / 1000,
        creation_time_ms: room.created_at_ms,
        enabled_codecs: enabled_codecs(),
        metadata: room.metadata.clone(),
        num_participants: room.participants,
        num_publishers: room.publishers,
        active_recording: room.recorded,
        ..lk::Room::default()
    }
}

/// Codecs that participants may publish.
#[must_use]
pub fn enabled_codecs() -> Vec<lk::Codec> {
    ["video/VP8", "video/H264", "video/VP9", "video/AV1", "audio/opus", "audio/red"]
        .map(|mime| lk::Codec { mime: mime.to_owned(), fmtp_line: String::new() })
        .to_vec()
}

/// A participant.
#[must_use]
pub fn participant(info: &ParticipantInfo) -> lk::ParticipantInfo {
    lk::ParticipantInfo {
        sid: info.sid.to_string(),
        identity: info.identity.clone(),
        state: state(info.state),
        tracks: info.tracks.iter().map(track).collect(),
        metadata: info.metadata.clone(),
        joined_at: info.joined_at_ms / 1000,
        joined_at_ms: info.joined_at_ms,
        name: info.name.clone(),
        version: info.version,
        permission: Some(permission(&info.permission)),
        is_publisher: !info.tracks.is_empty(),
        kind: info.kind.0,
        attributes: info.attributes.clone().into_iter().collect(),
        disconnect_reason: info.left.map_or(0, leave_reason),
        kind_details: numbers(&info.kind_details),
        client_protocol: info.client_protocol.0,
        capabilities: numbers(&info.capabilities),
        ..lk::ParticipantInfo::default()
    }
}

/// A track.
#[must_use]
pub fn track(info: &TrackInfo) -> lk::TrackInfo {
    let first = lk::SimulcastCodecInfo {
        mime_type: info.mime_type.clone(),
        mid: info.mid.clone(),
        cid: info.cid.clone(),
        layers: layers(&info.layers),
        ..lk::SimulcastCodecInfo::default()
    };
    let codecs = std::iter::once(first).chain(info.backup.as_ref().map(backup_codec)).collect();
    lk::TrackInfo {
        sid: info.sid.to_string(),
        r#type: kind(info.kind),
        name: info.name.clone(),
        muted: info.muted,
        width: info.width,
        height: info.height,
        simulcast: info.simulcast,
        disable_dtx: info.disable_dtx,
        source: source(info.source),
        layers: layers(&info.layers),
        mime_type: info.mime_type.clone(),
        mid: info.mid.clone(),
        codecs,
        stereo: info.stereo,
        disable_red: info.disable_red,
        encryption: info.encryption.0,
        stream: info.stream.clone(),
        version: Some(lk::TimedVersion { unix_micro: info.version_unix_us, ticks: 0 }),
        audio_features: numbers(&info.audio_features),
        backup_codec_policy: info.backup_codec_policy.0,
        packet_trailer_features: numbers(&info.packet_trailer_features),
    }
}

/// Rights.
#[must_use]
pub fn permission(permission: &Permission) -> lk::ParticipantPermission {
    lk::ParticipantPermission {
        can_subscribe: permission.can_subscribe,
        can_publish: permission.can_publish,
        can_publish_data: permission.can_publish_data,
        can_publish_sources: permission.sources.iter().map(|&s| source(s)).collect(),
        hidden: permission.hidden,
        recorder: permission.recorder,
        can_update_metadata: permission.can_update_metadata,
        agent: permission.agent,
        can_subscribe_metrics: permission.can_subscribe_metrics,
        ..lk::ParticipantPermission::default()
    }
}

/// Rights from the wire.
#[must_use]
pub fn permission_from(wire: &lk::ParticipantPermission) -> Permission {
    Permission {
        can_subscribe: wire.can_subscribe,
        can_publish: wire.can_publish,
        can_publish_data: wire.can_publish_data,
        sources: wire.can_publish_sources.iter().map(|&s| source_from(s)).collect(),
        hidden: wire.hidden,
        recorder: wire.recorder,
        agent: wire.agent,
        can_update_metadata: wire.can_update_metadata,
        can_subscribe_metrics: wire.can_subscribe_metrics,
    }
}

/// `DisconnectReason`.
#[must_use]
pub fn leave_reason(reason: LeaveReason) -> i32 {
    use lk::DisconnectReason as Wire;
    let wire = match reason {
        LeaveReason::ClientInitiated => Wire::ClientInitiated,
        LeaveReason::DuplicateIdentity => Wire::DuplicateIdentity,
        LeaveReason::ServerShutdown => Wire::ServerShutdown,
        LeaveReason::ParticipantRemoved => Wire::ParticipantRemoved,
        LeaveReason::RoomDeleted => Wire::RoomDeleted,
        LeaveReason::StateMismatch => Wire::StateMismatch,
        LeaveReason::JoinFailure => Wire::JoinFailure,
        LeaveReason::ConnectionTimeout => Wire::ConnectionTimeout,
        LeaveReason::UserRejected => Wire::UserRejected,
        LeaveReason::UserUnavailable => Wire::UserUnavailable,
        LeaveReason::AgentError => Wire::AgentError,
        LeaveReason::SignalClose => Wire::SignalClose,
        LeaveReason::Migration => Wire::Migration,
        LeaveReason::MediaFailure => Wire::MediaFailure,
    };
    wire as i32
}

pub(crate) fn kind(kind: Kind) -> i32 {
    match kind {
        Kind::Audio => lk::TrackType::Audio as i32,
        Kind::Video => lk::TrackType::Video as i32,
    }
}

pub(crate) fn source(source: Source) -> i32 {
    let wire = match source {
        Source::Unknown => lk::TrackSource::Unknown,
        Source::Camera => lk::TrackSource::Camera,
        Source::Microphone => lk::TrackSource::Microphone,
        Source::ScreenShare => lk::TrackSource::ScreenShare,
        Source::ScreenShareAudio => lk::TrackSource::ScreenShareAudio,
    };
    wire as i32
}

pub(crate) fn source_from(wire: i32) -> Source {
    match lk::TrackSource::try_from(wire) {
        Ok(lk::TrackSource::Camera) => Source::Camera,
        Ok(lk::TrackSource::Microphone) => Source::Microphone,
        Ok(lk::TrackSource::ScreenShare) => Source::ScreenShare,
        Ok(lk::TrackSource::ScreenShareAudio) => Source::ScreenShareAudio,
        Ok(lk::TrackSource::Unknown) | Err(_) => Source::Unknown,
    }
}

pub(crate) fn quality(quality: Quality) -> i32 {
    let wire = match quality {
        Quality::Low => lk::VideoQuality::Low,
        Quality::Medium => lk::VideoQuality::Medium,
        Quality::High => lk::VideoQuality::High,
    };
    wire as i32
}

/// `None` for `OFF`.
pub(crate) fn quality_from(wire: i32) -> Option<Quality> {
    match lk::VideoQuality::try_from(wire) {
        Ok(lk::VideoQuality::Low) => Some(Quality::Low),
        Ok(lk::VideoQuality::Medium) => Some(Quality::Medium),
        Ok(lk::VideoQuality::High) | Err(_) => Some(Quality::High),
        Ok(lk::VideoQuality::Off) => None,
    }
}

pub(crate) fn layer_from(wire: &lk::VideoLayer) -> Option<Layer> {
    Some(Layer {
        quality: quality_from(wire.quality)?,
        width: wire.width,
        height: wire.height,
        bitrate_bps: wire.bitrate,
        rid: wire.rid.clone(),
    })
}

pub(crate) fn numbers(carried: &[Carried]) -> Vec<i32> {
    carried.iter().map(|c| c.0).collect()
}

pub(crate) fn carried(numbers: &[i32]) -> Vec<Carried> {
    numbers.iter().copied().map(Carried).collect()
}

fn backup_codec(codec: &BackupCodec) -> lk::SimulcastCodecInfo {
    lk::SimulcastCodecInfo {
        mime_type: codec.mime_type.clone(),
        mid: codec.mid.clone(),
        cid: codec.cid.clone(),
        layers: layers(&codec.layers),
        ..lk::SimulcastCodecInfo::default()
    }
}

fn layers(layers: &[Layer]) -> Vec<lk::VideoLayer> {
    layers.iter().enumerate().map(|(index, declared)| layer(index, declared)).collect()
}

fn layer(index: usize, layer: &Layer) -> lk::VideoLayer {
    lk::VideoLayer {
        quality: quality(layer.quality),
        width: layer.width,
        height: layer.height,
        bitrate: layer.bitrate_bps,
        spatial_layer: i32::try_from(index).unwrap_or(0),
        rid: layer.rid.clone(),
        ..lk::VideoLayer::default()
    }
}

fn state(state: ParticipantState) -> i32 {
    use lk::participant_info::State as Wire;
    let wire = match state {
        ParticipantState::Joined => Wire::Joined,
        ParticipantState::Active => Wire::Active,
        ParticipantState::Disconnected => Wire::Disconnected,
    };
    wire as i32
}

#[cfg(test)]
mod tests {
    use sfu_core::room::sid::TrackSid;

    use super::*;

    #[test]
    fn a_track_names_each_codec_with_its_layers() {
        let layer = |quality, rid: &str| Layer {
            quality,
            width: 640,
            height: 360,
            bitrate_bps: 0,
            rid: rid.to_owned(),
        };
        let backup = BackupCodec {
            mime_type: "video/VP8".to_owned(),
            mid: "2".to_owned(),
            cid: "b".to_owned(),
            layers: vec![layer(Quality::Low, "q"), layer(Quality::Medium, "h")],
        };
        let info = TrackInfo {
            layers: vec![layer(Quality::High, "f")],
            backup: Some(backup),
            mime_type: "video/AV1".to_owned(),
            mid: "1".to_owned(),
            cid: "a".to_owned(),
            ..TrackInfo::new(TrackSid::from_wire("TR_1"), Kind::Video, Source::Camera)
        };
        let wire = track(&info);
        let named = |codec: &lk::SimulcastCodecInfo| {
            let rids: Vec<_> = codec.layers.iter().map(|l| (l.spatial_layer, l.rid.clone())).collect();
            (codec.mime_type.clone(), codec.mid.clone(), codec.cid.clone(), rids)
        };
        let text = str::to_owned;
        assert_eq!(
            wire.codecs.iter().map(named).collect::<Vec<_>>(),
            [
                (text("video/AV1"), text("1"), text("a"), vec![(0, text("f"))]),
                (text("video/VP8"), text("2"), text("b"), vec![(0, text("q")), (1, text("h"))]),
            ]
        );
        // The older fields are of the first codec.
        assert_eq!((&wire.mime_type[..], &wire.mid[..], wire.layers.len()), ("video/AV1", "1", 1));
    }
}
