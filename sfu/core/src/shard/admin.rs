//! What administrators ask of a shard (the server APIs), and its replies.

use crate::room::RoomOptions;
use crate::room::admin::ParticipantChange;
use crate::room::calls::Call;
use crate::room::message::{ParticipantInfo, RoomInfo, TrackInfo};
use crate::room::sid::TrackSid;

/// Names one question, so that its reply finds its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AdminId(pub u64);

/// One question.
#[derive(Debug, Clone)]
pub enum AdminRequest {
    /// Opens a room, or answers with the open one.
    CreateRoom {
        /// Its name.
        name: String,
        /// What it is opened with.
        options: RoomOptions,
    },
    /// Closes a room for everybody.
    DeleteRoom {
        /// Its name.
        name: String,
    },
    /// Lists open rooms.
    ListRooms {
        /// Only these; empty: all.
        names: Vec<String>,
    },
    /// Lists the participants of a room, hidden ones too.
    ListParticipants {
        /// The room.
        room: String,
    },
    /// Something about one participant.
    Participant {
        /// The room.
        room: String,
        /// Who.
        identity: String,
        /// What.
        what: ParticipantRequest,
    },
    /// Sends a message on data channels.
    SendMessage {
        /// The room.
        room: String,
        /// A LiveKit `DataPacket`.
        bytes: Vec<u8>,
        /// Without retransmission.
        lossy: bool,
        /// Only to these identities; with no sid either: to everybody.
        identities: Vec<String>,
        /// Only to these participant ids.
        sids: Vec<String>,
    },
    /// Calls a method of a participant; the reply is its answer.
    Call {
        /// The room.
        room: String,
        /// Whose method.
        identity: String,
        /// The method.
        call: Call,
    },
    /// Changes the room's text.
    SetRoomMetadata {
        /// The room.
        room: String,
        /// The new text.
        metadata: String,
    },
}

/// One question about a participant.
#[derive(Debug, Clone)]
pub enum ParticipantRequest {
    /// What is it.
    Get,
    /// Take it out.
    Remove,
    /// Mute or unmute its track.
    Mute {
        /// The track.
        track: TrackSid,
        /// New state.
        muted: bool,
    },
    /// Change it.
    Update(ParticipantChange),
    /// Subscribe it to tracks, or unsubscribe it.
    Subscribe {
        /// The tracks.
        tracks: Vec<TrackSid>,
        /// New state.
        subscribe: bool,
    },
}

/// One reply.
#[derive(Debug, Clone, PartialEq)]
pub enum AdminReply {
    /// It is done.
    Done,
    /// A room.
    Room(RoomInfo),
    /// Rooms.
    Rooms(Vec<RoomInfo>),
    /// A participant.
    Participant(Box<ParticipantInfo>),
    /// Participants.
    Participants(Vec<ParticipantInfo>),
    /// A track.
    Track(Box<TrackInfo>),
    /// What a participant's method returned.
    Called(String),
}
