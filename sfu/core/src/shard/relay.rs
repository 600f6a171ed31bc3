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

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::RoomKey;
use crate::bwe::Bitrate;
use crate::codec::Codec;
use crate::receive::{EncodingIndex, MAX_ENCODINGS, MAX_TEMPORAL, Reception, SenderClock};
use crate::ring::{PacketFacts, PacketRef};
use crate::room::message::{
    ConnectionQuality, Description, Kind, LeaveAction, LeaveReason, Response, Source,
};
use crate::room::participant::{Lifeline, Transports};
use crate::room::sid::{ParticipantSid, TrackSid};
use crate::room::{ConnectionId, ParticipantKey, PublicationKey};

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
    /// Its publisher speaks, or did so lately.
    pub(super) speaks: bool,
}

/// One subscription and what its viewer has use for; `None`: nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) subscriber: ParticipantKey,
    pub(super) publication: PublicationKey,
    pub(super) wanted: Option<EncodingIndex>,
}

/// A message for several participants of one shard.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) to: Vec<ParticipantKey>,
    pub(super) lossy: bool,
    pub(super) bytes: Arc<[u8]>,
}

/// A set of encodings of one publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Encodings(u8);

impl Encodings {
    pub(super) const fn insert(&mut self, encoding: EncodingIndex) {
        self.0 |= 1 << encoding.0;
    }

    pub(super) const fn contains(self, encoding: EncodingIndex) -> bool {
        self.0 & (1 << encoding.0) != 0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = EncodingIndex> {
        (0..MAX_ENCODINGS)
            .filter_map(|place| u8::try_from(place).ok().map(EncodingIndex))
            .filter(move |e| self.contains(*e))
    }
}

/// Plaintext packets of one publication that arrived in one turn; every shard that wants some reads the same.
#[derive(Debug)]
pub struct PacketBatch {
    pub(super) publication: PublicationKey,
    packets: Vec<BatchPacket>,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct BatchPacket {
    encoding: EncodingIndex,
    facts: PacketFacts,
    descriptor: Range<usize>,
    payload: Range<usize>,
}

impl PacketBatch {
    const fn new(publication: PublicationKey) -> Self {
        Self { publication, packets: Vec::new(), bytes: Vec::new() }
    }

    /// How many packets it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// True when nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Encodings of its packets.
    pub(super) fn encodings(&self) -> Encodings {
        let mut all = Encodings::default();
        self.packets.iter().for_each(|packet| all.insert(packet.encoding));
        all
    }

    /// Takes the fresh packets of these encodings.
    fn fill(&mut self, publication: PublicationKey, reception: &Reception, encodings: Encodings) {
        self.publication = publication;
        self.packets.clear();
        self.bytes.clear();
        for encoding in encodings.iter() {
            for position in reception.fresh(encoding) {
                let Some(packet) = reception.packet(encoding, PacketRef(position)) else { continue };
                let start = self.bytes.len();
                self.bytes.extend_from_slice(packet.dependency_descriptor);
                let middle = self.bytes.len();
                self.bytes.extend_from_slice(packet.payload);
                let (descriptor, payload) = (start..middle, middle..self.bytes.len());
                self.packets.push(BatchPacket { encoding, facts: packet.facts.clone(), descriptor, payload });
            }
        }
    }

    /// Puts the packets of these encodings into the rings of the other shard; returns how many.
    pub(super) fn write_to(&self, reception: &mut Reception, encodings: Encodings) -> usize {
        let wanted = self.packets.iter().filter(|packet| encodings.contains(packet.encoding));
        let mut count = 0;
        for packet in wanted {
            let (descriptor, payload) =
                (&self.bytes[packet.descriptor.clone()], &self.bytes[packet.payload.clone()]);
            reception.handle_relayed(packet.encoding, packet.facts.clone(), descriptor, payload);
            count += 1;
        }
        count
    }
}

/// Batches that were sent, to be used again when nobody reads them any more.
#[derive(Debug, Default)]
pub(super) struct Batches {
    /// The oldest first.
    sent: VecDeque<Arc<PacketBatch>>,
}

/// Turns that the slowest shard may be behind before batches are made anew.
const KEPT_BATCHES: usize = 64;

/// A batch that a burst has grown beyond this is not kept: 64 of them would be 16 MiB.
const KEPT_BYTES: usize = 256 << 10;

impl Batches {
    /// The fresh packets of these encodings; `None` when there are none. Allocates only while the batches of
    /// the first turns grow, or all are still being read.
    pub(super) fn take_fresh(
        &mut self,
        publication: PublicationKey,
        reception: &Reception,
        encodings: Encodings,
    ) -> Option<Arc<PacketBatch>> {
        if encodings.iter().all(|encoding| reception.fresh(encoding).is_empty()) {
            return None;
        }
        let is_free = self.sent.front_mut().is_some_and(|batch| Arc::get_mut(batch).is_some());
        let reused = if is_free { self.sent.pop_front() } else { None };
        let mut batch = reused.unwrap_or_else(|| Arc::new(PacketBatch::new(publication)));
        Arc::get_mut(&mut batch)?.fill(publication, reception, encodings);
        if self.sent.len() < KEPT_BATCHES && batch.bytes.capacity() <= KEPT_BYTES {
            self.sent.push_back(Arc::clone(&batch));
        }
        Some(batch)
    }
}
