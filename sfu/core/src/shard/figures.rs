//! What a shard counts, for the metrics.

use super::Shard;
use super::seat::Place;
use crate::stats::MediaCounters;

/// Figures for the metrics; counters only grow, the others are now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShardStats {
    /// Packets.
    pub media: MediaCounters,
    /// Datagrams that no transport claimed or whose transport refused them.
    pub dropped_datagrams: u64,
    /// Messages on data channels: received, sent, refused or dropped.
    pub messages: [u64; 3],
    /// Transports that ended because a library panicked on their input.
    pub panics: u64,
    /// Rooms that ended because their logic panicked.
    pub room_panics: u64,
    /// Packets of other shards.
    pub relay: RelayCounters,
    /// Participants that joined.
    pub joins: u64,
    /// Sessions that were resumed.
    pub resumes: u64,
    /// Open rooms.
    pub rooms: usize,
    /// Participants of its rooms now, hidden ones too.
    pub participants: usize,
    /// Of them, those who sit on another shard.
    pub away_participants: usize,
    /// Transports now.
    pub transports: usize,
    /// Published tracks now.
    pub publications: usize,
    /// Forwarded tracks now.
    pub subscriptions: usize,
}

/// Packets that cross from shard to shard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RelayCounters {
    /// Taken from other shards.
    pub packets: u64,
    /// Not taken by another shard, because it was too far behind.
    pub dropped: u64,
}

impl Shard {
    /// Figures now.
    #[must_use]
    pub fn stats(&self) -> ShardStats {
        ShardStats {
            rooms: self.rooms.len(),
            participants: self.seats.values().filter(|seat| !seat.is_guest()).count(),
            away_participants: self
                .seats
                .values()
                .filter(|seat| matches!(seat.place, Place::Away(_)))
                .count(),
            transports: self.peers.len(),
            publications: self.media.iter().filter(|(_, media)| !media.is_carried()).count(),
            subscriptions: self.downlinks.len(),
            ..self.stats.clone()
        }
    }
}
