//! What two shards of one process say to each other about a room that spans both.
//!
//! A room lives on its *home* shard, and so do the transports on which its participants publish. Those beyond
//! [`SeatingConfig::room_participants_per_shard`](super::SeatingConfig) receive from other shards: the
//! transport on which they receive is there, everything else of them is at home. Home sends orders and media,
//! the other shard reports. Media is opened once, at home; only encodings that somebody over there wants cross.
//!
//! ```text
//!            home                                      away
//! room ─▶ seat (Away) ──── orders ────────────▶ seat (Guest) ─▶ transport
//! room ◀─ seat (Away) ◀─── reports ──────────── seat (Guest) ◀─ transport
//! publication ─ fresh packets ─▶ PacketBatch ─▶ the same publication's ring ─▶ downlinks
//! ```
//!
//! The edge carries both as they are: words in order and without loss, batches with loss if it must.

mod batch;

use std::sync::Arc;

use super::RoomKey;
use super::downlink::Wish;
use crate::bwe::Bitrate;
use crate::codec::Codec;
use crate::receive::{EncodingIndex, MAX_ENCODINGS, MAX_TEMPORAL, SenderClock};
use crate::room::message::{
    ConnectionQuality, Description, Kind, LeaveAction, LeaveReason, Response, Source, Trickle,
};
use crate::room::participant::{Lifeline, Transports};
use crate::room::sid::{ParticipantSid, TrackSid};
use crate::room::{ConnectionId, ParticipantKey, PublicationKey};

pub use self::batch::{Batches, Encodings, PacketBatch};

/// Place of a shard among the shards of its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ShardIndex(pub u16);

impl ShardIndex {
    /// As an index into a slice.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Where its keys begin: keys of all shards are different.
    pub(super) const fn first_key(self) -> u64 {
        (self.0 as u64) << KEY_BITS
    }

    /// The shard that gave out a room's, participant's or publication's key.
    pub(super) fn of_key(key: u64) -> Self {
        Self(u16::try_from(key >> KEY_BITS).unwrap_or(u16::MAX))
    }
}

/// Keys that one shard gives out: a million each second for nine years.
const KEY_BITS: u32 = 48;

/// One word between shards.
#[derive(Debug)]
pub struct Word(pub(super) WordKind);

#[derive(Debug)]
pub(super) enum WordKind {
    Order(Order),
    Report(Report),
}

/// From a room's home shard.
#[derive(Debug)]
pub(super) enum Order {
    /// Takes a participant in.
    Open(Box<Guest>),
    /// Everything that it is to have at once is attached: it is offered.
    Begin(ParticipantKey),
    /// Its transports end.
    Close(ParticipantKey),
    /// Its signal connection came back after a break.
    Resumed(ParticipantKey, ConnectionId),
    /// Its signal connection is gone.
    SignalLost(ParticipantKey),
    Offer(ParticipantKey, Box<Description>),
    Answer(ParticipantKey, Box<Description>),
    /// It told candidates of the transport there.
    Trickle(ParticipantKey, Box<Trickle>),
    /// For a client's own test: as if its path carried so much; `None`: no longer.
    Pretend(ParticipantKey, Option<u64>),
    /// A publication that somebody is to be attached to.
    Carry(Box<Carried>),
    /// Nobody is attached to it any more.
    Drop(PublicationKey),
    Attach(Link),
    Detach(ParticipantKey, PublicationKey),
    Tune(Link),
    Deliver(Box<Delivery>),
    /// The publisher's sender report of an encoding.
    Clock(PublicationKey, EncodingIndex, SenderClock),
    State(PublicationKey, Box<CarriedState>),
}

/// To a room's home shard.
#[derive(Debug)]
pub(super) enum Report {
    /// Say this to the participant.
    Say(ParticipantKey, Box<Response>),
    /// Its primary transport is connected.
    Connected(ParticipantKey),
    /// Whether media can flow on any of its transports.
    Alive(ParticipantKey, bool),
    Quality(ParticipantKey, ConnectionQuality),
    /// It must go.
    Dismiss(ParticipantKey, LeaveReason, LeaveAction),
    /// It said this on a data channel.
    Message {
        from: ParticipantKey,
        lossy: bool,
        bytes: Box<[u8]>,
    },
    /// A subscriber's path for the publication stands.
    Received(PublicationKey),
    /// It receives no codec of the publication.
    Unplayable(ParticipantKey, PublicationKey),
    /// Encodings of the publication that cross from now on.
    Wants(PublicationKey, Encodings),
    /// Encodings of which somebody needs a keyframe.
    Keyframes(PublicationKey, Encodings),
}

/// A participant on a shard that is not its room's.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) key: ParticipantKey,
    pub(super) room: RoomKey,
    pub(super) connection: ConnectionId,
    pub(super) lifeline: Lifeline,
    pub(super) transports: Transports,
    pub(super) tcp_only: bool,
    pub(super) may_pause: bool,
    pub(super) receives_red: bool,
}

/// What a shard must know of a publication to forward it.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) publication: PublicationKey,
    pub(super) room: RoomKey,
    pub(super) owner: ParticipantKey,
    pub(super) origin: Origin,
    pub(super) codec: Codec,
    pub(super) encodings: usize,
    pub(super) red: bool,
    pub(super) fmtp: String,
    pub(super) state: CarriedState,
}

/// Whose track it is, and what kind of: it never changes.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) participant: ParticipantSid,
    pub(super) track: TrackSid,
    pub(super) source: Source,
    pub(super) kind: Kind,
}

/// What changes of a publication, as home measures it: encodings that do not cross have rates, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CarriedState {
    pub(super) rates: [[Bitrate; MAX_TEMPORAL]; MAX_ENCODINGS],
    /// Frames a second.
    pub(super) frame_rates: [[u64; MAX_TEMPORAL]; MAX_ENCODINGS],
    /// Its publisher speaks, or did so lately.
    pub(super) speaks: bool,
}

/// One subscription and what its viewer has use for; `None`: nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) subscriber: ParticipantKey,
    pub(super) publication: PublicationKey,
    pub(super) wanted: Option<Wish>,
}

/// A message for several participants of one shard.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) to: Vec<ParticipantKey>,
    pub(super) lossy: bool,
    pub(super) bytes: Arc<[u8]>,
}
