//! What two shards of one process say to each other about a room that spans both.
//!
//! A room lives on its *home* shard, and with it all that is decided. Participants beyond
//! [`SeatingConfig::room_participants_per_shard`](super::SeatingConfig) have their transports on other shards.
//! Home sends orders, the other shard reports. Media is opened once, on the shard of its publisher's transport;
//! only encodings that somebody elsewhere wants cross, from there to home and from home to every other shard.
//!
//! ```text
//!            home                                      away
//! room ─▶ seat (Away) ──── orders ────────────▶ seat (Guest) ─▶ transports
//! room ◀─ seat (Away) ◀─── reports ──────────── seat (Guest) ◀─ transports
//! publication ─ fresh packets ─▶ PacketBatch ─▶ the same publication's ring ─▶ downlinks
//! downlinks ◀─ the same publication's ring ◀─ PacketBatch ◀─ fresh packets ─ publication
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
use crate::sdp::{NegotiatedSection, SessionDescription};

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
    Media(PublicationKey, MediaWord),
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
    /// Its offer, read, with the codecs that its publications are to have; and the offer's number.
    Offer(ParticipantKey, u32, Box<SessionDescription>),
    Answer(ParticipantKey, Box<Description>),
    /// It told candidates of a transport.
    Trickle(ParticipantKey, Box<Trickle>),
    /// For a client's own test: as if its path carried so much; `None`: no longer.
    Pretend(ParticipantKey, Option<u64>),
    /// A publication that comes in on a transport there, and its section; again when that changed.
    Receive(Box<Carried>, Box<NegotiatedSection>),
    /// A publication that somebody is to be attached to.
    Carry(Box<Carried>),
    /// It is over, or nobody is attached to it any more.
    Drop(PublicationKey),
    /// Whether its publisher speaks, or did so lately.
    Speaks(PublicationKey, bool),
    Attach(Link),
    Detach(ParticipantKey, PublicationKey),
    Tune(Link),
    Deliver(Box<Delivery>),
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
    /// Its last offer was answered; these sections bring media.
    Sections(ParticipantKey, Vec<NegotiatedSection>),
}

/// Between two shards that have a publication.
#[derive(Debug)]
pub(super) enum MediaWord {
    /// To where it goes: the publisher's sender report of an encoding.
    Clock(EncodingIndex, SenderClock),
    /// To where it goes: what its encodings take.
    Rates(Box<CarriedRates>),
    /// To where it comes from: encodings that cross from now on.
    Wants(Encodings),
    /// To where it comes from: encodings of which somebody needs a keyframe.
    Keyframes(Encodings),
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

/// What a shard must know of a publication to receive or forward it.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    pub(super) publication: PublicationKey,
    pub(super) room: RoomKey,
    pub(super) owner: ParticipantKey,
    pub(super) origin: Origin,
    pub(super) codec: Codec,
    pub(super) encodings: usize,
    /// Its sound comes as RED.
    pub(super) red: bool,
    /// Its codec's format parameters.
    pub(super) fmtp: String,
    /// Its publisher speaks, or did so lately.
    pub(super) speaks: bool,
}

/// Whose track it is, and what kind of: it never changes.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) participant: ParticipantSid,
    pub(super) track: TrackSid,
    pub(super) source: Source,
    pub(super) kind: Kind,
}

/// What a publication takes, as the shard of its publisher's transport measures it: encodings that do not cross
/// have rates, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CarriedRates {
    pub(super) rates: [[Bitrate; MAX_TEMPORAL]; MAX_ENCODINGS],
    /// Frames a second.
    pub(super) frame_rates: [[u64; MAX_TEMPORAL]; MAX_ENCODINGS],
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
