//! What an SFU and a mixer child say over their QUIC connection (`libs/link` carries it).
//!
//! One bidirectional stream, opened by the mixer, holds messages: four bytes of length (big endian, at most
//! [`MAX_MESSAGE_BYTES`]), then JSON. Media travels in datagrams: two bytes of track handle (big endian),
//! then one RTP packet without padding. A packet too large for a datagram goes alone on a short-lived
//! unidirectional stream in the same form.

use serde::{Deserialize, Serialize};

/// ALPN of the link.
pub const ALPN: &[u8] = b"dais-link/1";

/// Largest message on the stream.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// Names one forwarded track on one link connection; chosen by the SFU, never reused on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrackHandle(pub u16);

/// From the mixer to the SFU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum ToSfu {
    /// First message: the room to listen to. It is made if it does not exist.
    Hello {
        /// Room name.
        room: String,
        /// The hidden participant's identity.
        identity: String,
    },
    /// The whole list of wanted participants; replaces the one before.
    Watch {
        /// In tile order.
        participants: Vec<Watched>,
    },
    /// A decoder needs a keyframe.
    KeyframeRequest {
        /// The track.
        track: TrackHandle,
    },
}

/// One wanted participant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// Identity in the room; need not be there yet.
    pub identity: String,
    /// Size of the tile in pixels: the SFU sends the smallest layer that fills it. `None`: sound only.
    pub tile: Option<(u32, u32)>,
}

/// From the SFU to the mixer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum ToMixer {
    /// A track of a watched participant begins. Its last sender report follows at once if there is one.
    TrackStarted {
        /// Names it from here on.
        track: TrackHandle,
        /// Who publishes it.
        identity: String,
        /// What it shows or sounds.
        source: TrackSource,
        /// How its payload is coded.
        codec: Codec,
        /// Sent but muted.
        muted: bool,
    },
    /// The publisher muted or unmuted.
    TrackMuted {
        /// The track.
        track: TrackHandle,
        /// New state.
        muted: bool,
    },
    /// No more packets of it will come.
    TrackEnded {
        /// The track.
        track: TrackHandle,
    },
    /// The publisher's sender report, moved to the forwarded timestamps (RFC 3550 §6.4.1).
    SenderReport {
        /// The track.
        track: TrackHandle,
        /// 64-bit NTP time.
        ntp: u64,
        /// RTP time of the same moment.
        rtp_time: u32,
    },
    /// The room was closed; nothing more comes.
    RoomClosed,
}

/// What a track shows or sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackSource {
    /// Camera picture.
    Camera,
    /// Microphone sound.
    Microphone,
    /// Shared screen.
    ScreenShare,
    /// Sound of the shared screen.
    ScreenShareAudio,
}

/// How a payload is coded; the clock rate follows (Opus 48 kHz, video 90 kHz).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// RFC 7587, never RED.
    Opus,
    /// RFC 7741.
    Vp8,
    /// RFC 6184, packetization mode 1.
    H264,
}
