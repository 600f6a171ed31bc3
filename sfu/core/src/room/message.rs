//! What a participant and its room tell each other, free of any wire format.
//!
//! It decides the vocabulary of the room; `sfu-signal` decides how each word looks on LiveKit's wire.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::permission::Permission;
use super::sid::{ParticipantSid, RoomSid, TrackSid};

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

/// Why a participant leaves (LiveKit's `DisconnectReason`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeaveReason {
    /// It said so.
    ClientInitiated,
    /// The same identity joined again.
    DuplicateIdentity,
    /// The server stops.
    ServerShutdown,
    /// An administrator removed it.
    ParticipantRemoved,
    /// An administrator closed the room.
    RoomDeleted,
    /// The client believes in a session that is gone.
    StateMismatch,
    /// It never connected its media path.
    JoinFailure,
    /// Its signal connection and its media path died.
    ConnectionTimeout,
    /// The room is full; or the client says that its person does not want to be here.
    UserRejected,
    /// The client says that its person does not answer.
    UserUnavailable,
    /// The client is an agent, and says that it failed.
    AgentError,
    /// Its messages broke the protocol or a limit.
    SignalClose,
    /// It must come back with a new session.
    Migration,
    /// Its media path failed.
    MediaFailure,
}

/// What a client does after a `leave`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeaveAction {
    /// Stay away.
    Disconnect,
    /// Open the signal connection again and go on.
    Resume,
    /// Join again from the start.
    Reconnect,
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

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// It was done.
    Ok,
    /// There is no such thing.
    NotFound,
    /// It may not.
    NotAllowed,
    /// A limit.
    LimitExceeded,
    /// A field is out of bounds.
    Invalid,
}

/// Why a track cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionRefusal {
    /// There is no such track.
    NotFound,
    /// The client does not receive its codec.
    CodecUnsupported,
}

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

/// What a joining participant is told first.
#[derive(Debug, Clone, PartialEq)]
pub struct Joined {
    /// The room.
    pub room: RoomInfo,
    /// Itself.
    pub participant: ParticipantInfo,
    /// Everybody else it may know of.
    pub others: Vec<ParticipantInfo>,
    /// Its subscriber transport decides when it is connected.
    pub subscriber_primary: bool,
    /// It may negotiate before its track is announced.
    pub fast_publish: bool,
}

/// One participant's loudness.
#[derive(Debug, Clone, PartialEq)]
pub struct Speaker {
    /// Who.
    pub sid: ParticipantSid,
    /// 0 (silent) to 1.
    pub level: f32,
    /// Speaks.
    pub active: bool,
}

/// How well a participant is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectionQuality {
    /// It stalls or loses much.
    Poor,
    /// It loses some.
    Good,
    /// Nothing to complain about.
    Excellent,
}

/// To a participant.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// First word to a new session.
    Joined(Box<Joined>),
    /// First word to a resumed session.
    Resumed {
        /// Last reliable message that the server got from it.
        last_message: u32,
    },
    /// To an offer of its publisher transport.
    Answer(Description),
    /// Of its subscriber transport.
    Offer(Description),
    /// It shall offer, with so many more sections in which it receives (single peer connection); 0: as many
    /// as before.
    SectionsRequired {
        /// For sound.
        audios: u32,
        /// For pictures.
        videos: u32,
    },
    /// Participants that changed, itself included.
    Update(Arc<[ParticipantInfo]>),
    /// Its wish to publish is granted.
    TrackPublished {
        /// Its own name of the track.
        cid: String,
        /// The track.
        track: Box<TrackInfo>,
    },
    /// Its track is no longer published.
    TrackUnpublished(TrackSid),
    /// The server mutes its track.
    Mute {
        /// The track.
        track: TrackSid,
        /// New state.
        muted: bool,
    },
    /// Those whose loudness changed.
    Speakers(Vec<Speaker>),
    /// The room changed.
    RoomUpdate(RoomInfo),
    /// Connections whose quality changed.
    Quality(Vec<(ParticipantSid, ConnectionQuality)>),
    /// Tracks that the server pauses or goes on with for lack of bandwidth.
    StreamStates(Vec<(ParticipantSid, TrackSid, bool)>),
    /// Which layers of its track anybody wants: `codec` in lower case, each quality with its state.
    SubscribedQuality {
        /// The track.
        track: TrackSid,
        /// `vp8`, `h264`…
        codec: String,
        /// Low, medium, high.
        enabled: [bool; 3],
    },
    /// It may or may no longer see a track.
    SubscriptionPermission {
        /// Whose track.
        participant: ParticipantSid,
        /// The track.
        track: TrackSid,
        /// New state.
        allowed: bool,
    },
    /// A track that it wants cannot be had.
    SubscriptionRefused {
        /// The track.
        track: TrackSid,
        /// Why not.
        reason: SubscriptionRefusal,
    },
    /// Somebody receives its track for the first time.
    TrackSubscribed(TrackSid),
    /// How a request ended.
    Outcome {
        /// Of the request.
        request_id: u32,
        /// How it ended.
        reason: RefusalReason,
        /// In words.
        message: String,
        /// The request itself: clients that do not number their requests tell by it which one ended.
        about: Box<Request>,
    },
    /// It gets a fresh token that says what it may do now.
    RefreshToken(Box<ParticipantInfo>),
    /// It must go; the connection closes after this.
    Leave {
        /// Why.
        reason: LeaveReason,
        /// What to do then.
        action: LeaveAction,
    },
}
