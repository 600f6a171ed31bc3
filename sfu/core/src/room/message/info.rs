//! What everybody of a room is told of its tracks, its people and itself.

use std::collections::BTreeMap;

use super::LeaveReason;
use crate::room::permission::Permission;
use crate::room::sid::{ParticipantSid, RoomSid, TrackSid};

/// A number of LiveKit's protocol that the room carries from one participant to the others unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carried(pub i32);

/// Sound or picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// What a track shows or sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The publisher did not say.
    Unknown,
    /// Camera picture.
    Camera,
    /// Microphone sound.
    Microphone,
    /// Shared screen.
    ScreenShare,
    /// Sound of the shared screen.
    ScreenShareAudio,
}

/// Layer of a simulcast publication, by size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quality {
    /// Smallest.
    Low,
    /// Middle.
    Medium,
    /// Largest; a publication with one encoding has only this one.
    High,
}

/// One declared layer of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its place by size.
    pub quality: Quality,
    /// Pixels; 0 when unknown.
    pub width: u32,
    /// Pixels; 0 when unknown.
    pub height: u32,
    /// Declared bits per second; 0 when unknown.
    pub bitrate_bps: u32,
    /// RID in the publisher's offer; empty until known or when there is none.
    pub rid: String,
}

/// The second codec of a track, which its publisher sends while somebody cannot receive the first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BackupCodec {
    /// `video/vp8` as declared, `video/VP8` once negotiated; empty if nobody said.
    pub mime_type: String,
    /// Media section of the publisher that carries it; empty while none does.
    pub mid: String,
    /// The publisher's own name of the track that it sends; empty until it has one.
    pub cid: String,
    /// In order of size, smallest first.
    pub layers: Vec<Layer>,
}

/// A published track as every participant sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackInfo {
    /// Its id.
    pub sid: TrackSid,
    /// Sound or picture.
    pub kind: Kind,
    /// Given by the publisher.
    pub name: String,
    /// Sent but muted.
    pub muted: bool,
    /// Pixels of the largest layer.
    pub width: u32,
    /// Pixels of the largest layer.
    pub height: u32,
    /// More than one encoding.
    pub simulcast: bool,
    /// Opus discontinuous transmission is off.
    pub disable_dtx: bool,
    /// What it is.
    pub source: Source,
    /// In order of size, smallest first.
    pub layers: Vec<Layer>,
    /// Its second codec, if it has one; all else here is of the first.
    pub backup: Option<BackupCodec>,
    /// `video/VP8`, `audio/opus`, `audio/red`…; empty until negotiated.
    pub mime_type: String,
    /// Media section of the publisher; empty until negotiated.
    pub mid: String,
    /// The publisher's own name of the track.
    pub cid: String,
    /// Two channels.
    pub stereo: bool,
    /// RFC 2198 redundancy is off.
    pub disable_red: bool,
    /// End-to-end encryption, carried.
    pub encryption: Carried,
    /// Stream that groups tracks.
    pub stream: String,
    /// Features of sound, carried.
    pub audio_features: Vec<Carried>,
    /// What to do about a backup codec, carried.
    pub backup_codec_policy: Carried,
    /// Trailer features, carried.
    pub packet_trailer_features: Vec<Carried>,
    /// Unix time in microseconds of the last change.
    pub version_unix_us: i64,
}

impl TrackInfo {
    /// A track of which nothing else is known: unmuted, all else empty.
    #[must_use]
    pub const fn new(sid: TrackSid, kind: Kind, source: Source) -> Self {
        Self {
            sid,
            kind,
            name: String::new(),
            muted: false,
            width: 0,
            height: 0,
            simulcast: false,
            disable_dtx: false,
            source,
            layers: Vec::new(),
            backup: None,
            mime_type: String::new(),
            mid: String::new(),
            cid: String::new(),
            stereo: false,
            disable_red: false,
            encryption: Carried(0),
            stream: String::new(),
            audio_features: Vec::new(),
            backup_codec_policy: Carried(0),
            packet_trailer_features: Vec::new(),
            version_unix_us: 0,
        }
    }
}

/// Where a participant is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParticipantState {
    /// It has a signal connection and no media path yet.
    Joined,
    /// Its first transport is connected.
    Active,
    /// It left.
    Disconnected,
}

/// A participant as every other sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ParticipantInfo {
    /// Its id.
    pub sid: ParticipantSid,
    /// Unique in the room.
    pub identity: String,
    /// Display name.
    pub name: String,
    /// Application's text.
    pub metadata: String,
    /// Application's pairs.
    pub attributes: BTreeMap<String, String>,
    /// Where it is in its life.
    pub state: ParticipantState,
    /// What it publishes.
    pub tracks: Vec<TrackInfo>,
    /// What it may do.
    pub permission: Permission,
    /// Unix time in milliseconds.
    pub joined_at_ms: i64,
    /// Grows with every change.
    pub version: u32,
    /// Ordinary participant, agent, …, carried.
    pub kind: Carried,
    /// Details of the kind, carried.
    pub kind_details: Vec<Carried>,
    /// Client protocol, carried.
    pub client_protocol: Carried,
    /// Client capabilities, carried.
    pub capabilities: Vec<Carried>,
    /// Why it left; `None` while it is here.
    pub left: Option<LeaveReason>,
}

/// A room as its participants see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomInfo {
    /// Its id; another one each time the name is opened again.
    pub sid: RoomSid,
    /// Its name.
    pub name: String,
    /// Application's text.
    pub metadata: String,
    /// Seconds until a room that nobody entered closes.
    pub empty_timeout_s: u32,
    /// Seconds until a room that everybody left closes.
    pub departure_timeout_s: u32,
    /// 0: no limit.
    pub max_participants: u32,
    /// Unix time in milliseconds.
    pub created_at_ms: i64,
    /// Visible participants.
    pub participants: u32,
    /// Visible participants with at least one track.
    pub publishers: u32,
    /// A recorder is in the room.
    pub recorded: bool,
}
