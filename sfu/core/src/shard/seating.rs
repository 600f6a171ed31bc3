//! On which shard a participant gets its seat.
//!
//! It decides by counts alone: a room fills its home until that serves as many as one shard is to serve; then
//! each newcomer gets its transports on the shard with the least work.

use std::collections::HashMap;

use super::RoomKey;
use super::relay::ShardIndex;
use crate::room::participant::Join;

/// How a shard stands among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatingConfig {
    /// Which one it is.
    pub index: ShardIndex,
    /// How many there are; with one, everybody sits at home.
    pub shards: u16,
    /// Participants of one room on one shard before others of it sit on another.
    pub room_participants_per_shard: usize,
}

/// A shard of one core sends about a million packets a second, and the delay stays low up to about 60 % of
/// that. Six speakers with picture and sound are about 1,000 packets a second for each viewer.
pub const ROOM_PARTICIPANTS_PER_SHARD: usize = 600;

impl SeatingConfig {
    /// One shard alone.
    pub const ALONE: Self =
        Self { index: ShardIndex(0), shards: 1, room_participants_per_shard: ROOM_PARTICIPANTS_PER_SHARD };
}

/// Whether somebody can sit on another shard than its room's. Whoever only publishes is little work for its home.
pub(super) const fn can_move(join: &Join) -> bool {
    join.permission.can_subscribe
}

/// Who sits where, in numbers.
#[derive(Debug)]
pub(super) struct Seating {
    config: SeatingConfig,
    /// Transports on each shard, as last heard, and who was sent there since.
    loads: Vec<usize>,
    /// Participants of each room of this shard, by the shard of their seat.
    rooms: HashMap<RoomKey, Vec<usize>>,
}

impl Seating {
    pub(super) fn new(config: SeatingConfig) -> Self {
        let shards = usize::from(config.shards).max(config.index.index() + 1);
        Self { config, loads: vec![0; shards], rooms: HashMap::new() }
    }

    /// What the shards serve now; fewer numbers than shards leave the rest as it was.
    pub(super) fn set_loads(&mut self, loads: &[usize]) {
        for (known, &load) in self.loads.iter_mut().zip(loads) {
            *known = load;
        }
    }

    /// Seats somebody who can sit on any shard, or one who stays at home.
    pub(super) fn seat(&mut self, room: RoomKey, can_move: bool) -> ShardIndex {
        let home = self.config.index.index();
        let counts = self.rooms.entry(room).or_insert_with(|| vec![0; self.loads.len()]);
        let is_full = |shard: usize| counts[shard] >= self.config.room_participants_per_shard;
        let chosen = if !can_move || !is_full(home) {
            home
        } else {
            // With every shard full, the least loaded of all: the number is a threshold, not a limit.
            let least = |all: &mut dyn Iterator<Item = usize>| all.min_by_key(|&shard| self.loads[shard]);
            let free = least(&mut (0..self.loads.len()).filter(|&shard| shard != home && !is_full(shard)));
            free.or_else(|| least(&mut (0..self.loads.len()))).unwrap_or(home)
        };
        counts[chosen] += 1;
        self.loads[chosen] += 1;
        ShardIndex(u16::try_from(chosen).unwrap_or(self.config.index.0))
    }

    /// Somebody's seat is free again.
    pub(super) fn free(&mut self, room: RoomKey, shard: ShardIndex) {
        let Some(counts) = self.rooms.get_mut(&room) else { return };
        for count in [counts.get_mut(shard.index()), self.loads.get_mut(shard.index())].into_iter().flatten()
        {
            *count = count.saturating_sub(1);
        }
        if counts.iter().all(|&count| count == 0) {
            self.rooms.remove(&room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomKey = RoomKey(1);

    fn seating(shards: u16) -> Seating {
        Seating::new(SeatingConfig { index: ShardIndex(0), shards, room_participants_per_shard: 2 })
    }

    fn seats(seating: &mut Seating, count: usize) -> Vec<u16> {
        (0..count).map(|_| seating.seat(ROOM, true).0).collect()
    }

    #[test]
    fn a_room_fills_its_home_and_then_the_least_loaded_shards() {
        let mut seating = seating(3);
        seating.set_loads(&[90, 10, 11]);
        assert_eq!(seats(&mut seating, 6), [0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn when_every_shard_is_full_the_least_loaded_of_all_takes_more() {
        let mut seating = seating(2);
        seating.set_loads(&[0, 50]);
        assert_eq!(seats(&mut seating, 6), [0, 0, 1, 1, 0, 0]);
    }

    #[test]
    fn whoever_cannot_move_sits_at_home_however_full_it_is() {
        let mut seating = seating(2);
        seats(&mut seating, 3);
        assert_eq!(seating.seat(ROOM, false), ShardIndex(0));
    }

    #[test]
    fn a_shard_alone_seats_everybody() {
        assert_eq!(seats(&mut seating(1), 5), [0; 5]);
    }

    #[test]
    fn a_free_seat_is_taken_again_and_an_empty_room_is_forgotten() {
        let mut seating = seating(2);
        seats(&mut seating, 2);
        seating.free(ROOM, ShardIndex(0));
        assert_eq!(seats(&mut seating, 2), [0, 1]);
        for shard in [0, 0, 1] {
            seating.free(ROOM, ShardIndex(shard));
        }
        assert!(seating.rooms.is_empty());
    }
}
