//! What a room says to a participant.

use std::sync::Arc;

use super::{Description, ParticipantInfo, Request, RoomInfo, TrackInfo};
use crate::room::sid::{ParticipantSid, TrackSid};

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
