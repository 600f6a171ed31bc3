//! What a participant says to its room.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;

use super::{Carried, Kind, Layer, LeaveReason, Quality, Source};
use crate::room::sid::{ParticipantSid, TrackSid};

/// From a participant.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Of its publisher transport.
    Offer(Description),
    /// To an offer of its subscriber transport.
    Answer(Description),
    /// Where it can be checked, if it is lite.
    Trickle(Box<Trickle>),
    /// It wants to publish.
    AddTrack(Box<AddTrack>),
    /// It mutes or unmutes its own track.
    Mute {
        /// The track.
        track: TrackSid,
        /// New state.
        muted: bool,
    },
    /// It wants, or no longer wants, tracks.
    Subscribe {
        /// The tracks.
        tracks: Vec<TrackSid>,
        /// Wants them.
        subscribe: bool,
    },
    /// How it shows tracks.
    TrackSettings {
        /// The tracks.
        tracks: Vec<TrackSid>,
        /// For all of them.
        settings: TrackSettings,
    },
    /// Who may subscribe to it.
    SubscriptionPermission {
        /// Everybody.
        all_participants: bool,
        /// Otherwise these.
        allowed: Vec<TrackPermission>,
    },
    /// Its memory, after a resume.
    SyncState(Box<SyncState>),
    /// Play a fault.
    Simulate(Scenario),
    /// It changes its own name, metadata or attributes.
    UpdateMetadata {
        /// Echoed in the reply.
        request_id: u32,
        /// Empty: unchanged.
        name: String,
        /// Empty: unchanged.
        metadata: String,
        /// An empty value removes its key.
        attributes: BTreeMap<String, String>,
    },
    /// Its sound's features changed.
    AudioFeatures {
        /// The track.
        track: TrackSid,
        /// The whole new list.
        features: Vec<Carried>,
        /// Two channels, by that list.
        stereo: bool,
        /// Opus discontinuous transmission is off, by that list.
        disable_dtx: bool,
    },
    /// Its picture's size changed.
    VideoSize {
        /// The track.
        track: TrackSid,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// It goes, for this reason.
    Leave(LeaveReason),
}

/// A session description with its negotiation number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Counts from 1 in the server's offers; an answer repeats its offer's.
    pub id: u32,
    /// RFC 8866 text.
    pub sdp: String,
    /// Media section → track, of an offer that carries tracks.
    pub mid_to_track: Vec<(String, TrackSid)>,
}

/// A codec in which a participant would publish a track.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodecWish {
    /// Short name, such as `vp8`; empty: any.
    pub name: String,
    /// The client's own name of the track in this codec; empty if it has none yet.
    pub cid: String,
    /// Declared layers; empty: those of the track.
    pub layers: Vec<Layer>,
}

/// One of a participant's transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// In which it publishes; its only one with a single peer connection.
    Publisher,
    /// In which it subscribes.
    Subscriber,
}

/// Candidates that a client tells after its description (RFC 8838).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trickle {
    /// Where they belong.
    pub target: Target,
    /// `a=ice-ufrag` of their ICE session; `None`: the current one.
    pub ufrag: Option<String>,
    /// Host candidates over UDP.
    pub addresses: Vec<SocketAddr>,
}

/// A wish to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddTrack {
    /// The client's own name of the track; the track id of its `a=msid`.
    pub cid: String,
    /// Display name.
    pub name: String,
    /// Sound or picture.
    pub kind: Kind,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Starts muted.
    pub muted: bool,
    /// Opus discontinuous transmission is off.
    pub disable_dtx: bool,
    /// What it is.
    pub source: Source,
    /// Declared layers.
    pub layers: Vec<Layer>,
    /// In order of preference; the second is its backup codec.
    pub codecs: Vec<CodecWish>,
    /// An existing track to which this adds a backup codec.
    pub existing: Option<TrackSid>,
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
}

impl AddTrack {
    /// A wish that says nothing else: unmuted, one plain encoding, all else empty.
    #[must_use]
    pub const fn new(cid: String, kind: Kind, source: Source) -> Self {
        Self {
            cid,
            name: String::new(),
            kind,
            width: 0,
            height: 0,
            muted: false,
            disable_dtx: false,
            source,
            layers: Vec::new(),
            codecs: Vec::new(),
            existing: None,
            stereo: false,
            disable_red: false,
            encryption: Carried(0),
            stream: String::new(),
            audio_features: Vec::new(),
            backup_codec_policy: Carried(0),
            packet_trailer_features: Vec::new(),
        }
    }
}

/// What a subscriber wants of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackSettings {
    /// Send nothing: the picture is not on screen.
    pub disabled: bool,
    /// Highest wanted layer, when no size is given.
    pub quality: Quality,
    /// Size of the tile in pixels; wins over the quality.
    pub size: Option<(u32, u32)>,
    /// Frames a second that are enough.
    pub frame_rate: Option<NonZeroU32>,
    /// Its place among the viewer's pictures when not all fit: 1 comes first; those without a place come last.
    pub rank: Option<NonZeroU32>,
}

impl TrackSettings {
    /// All of the largest layer: what holds until a client says otherwise.
    pub const DEFAULT: Self =
        Self { disabled: false, quality: Quality::High, size: None, frame_rate: None, rank: None };
}

/// Which tracks one participant may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackPermission {
    /// Named by id, when it has no identity.
    pub sid: Option<ParticipantSid>,
    /// Named by identity.
    pub identity: Option<String>,
    /// Every track.
    pub all_tracks: bool,
    /// These tracks.
    pub tracks: Vec<TrackSid>,
}

/// A client's memory of its session, told after a resume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncState {
    /// Tracks that differ from the automatic subscription.
    pub tracks: Vec<TrackSid>,
    /// Those tracks are subscribed (`true`) or unsubscribed (`false`).
    pub subscribed: bool,
    /// Tracks that it publishes.
    pub published: Vec<TrackSid>,
    /// Tracks that it does not show.
    pub disabled: Vec<TrackSid>,
    /// Last reliable message that it got from each sender.
    pub received: Vec<(ParticipantSid, u32)>,
}

/// A fault that a client asks the server to play, for its own tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Say that it speaks, for so many seconds.
    SpeakerUpdate(u32),
    /// Drop the session as if the node died.
    NodeFailure,
    /// Ask it to move.
    Migration,
    /// Make it leave.
    ServerLeave,
    /// From its next session on, let it use TCP alone (`true`), or anything.
    UseTcp(bool),
    /// Pretend a narrow path, in bits per second; 0 ends it.
    SubscriberBandwidth(u64),
    /// Drop the signal connection at the next resume: after its first words, or before any.
    DisconnectSignalOnResume(ResumeFault),
    /// Ask for a full reconnect.
    FullReconnect,
}

/// How a resume fails on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResumeFault {
    /// The session is taken up, and its connection closed.
    AfterWords,
    /// The connection is closed without a word.
    BeforeWords,
}
