//! How well people are connected, and who is told.
//!
//! Never worse than "poor": a client that is told it is lost starts over, and a participant that is really
//! lost cannot be told anything.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::guard::Work;
use super::peer::TransportKey;
use super::seat::Place;
use super::timers::Timer;
use super::{RoomKey, Shard};
use crate::room::ParticipantKey;
use crate::room::message::{ConnectionQuality, ParticipantState, Response};

/// LiveKit's interval.
const INTERVAL: Duration = Duration::from_secs(5);

/// Loss in 1/256 from which a picture freezes now and then despite retransmission: 10 %.
const POOR_LOSS: u8 = 26;

/// Loss in 1/256 that retransmission repairs at the cost of delay: 3 %.
const GOOD_LOSS: u8 = 8;

impl Shard {
    /// Looks at everybody's connections and tells whom it concerns of what changed.
    pub(super) fn on_connections_timeout(&mut self, now: Instant) {
        let mut rooms: BTreeMap<RoomKey, Vec<ParticipantKey>> = BTreeMap::new();
        for (&key, seat) in &self.seats {
            rooms.entry(seat.room).or_default().push(key);
        }
        for (room, keys) in rooms {
            self.guard(&Work::Room(room), now, |shard| shard.tell_connections(&keys));
        }
        if !self.seats.is_empty() {
            self.timers.schedule(Timer::Connections, Some(now + INTERVAL));
        }
    }

    /// The same in one room.
    fn tell_connections(&mut self, keys: &[ParticipantKey]) {
        let qualities: BTreeMap<_, _> =
            keys.iter().filter_map(|&key| Some((key, self.connection_quality(key)?))).collect();
        for &key in keys {
            self.report_quality(key);
            let Some(updates) = self.quality_updates(key, &qualities) else { continue };
            if !updates.is_empty() {
                self.say(key, Response::Quality(updates));
            }
        }
    }

    /// Sees to it that connections are looked at while anybody is here.
    pub(super) fn watch_connections(&mut self, now: Instant) {
        self.timers.schedule(Timer::Connections, Some(now + INTERVAL));
    }

    /// What has changed for a participant: its own quality, and that of everybody it receives.
    fn quality_updates(
        &mut self,
        key: ParticipantKey,
        qualities: &BTreeMap<ParticipantKey, ConnectionQuality>,
    ) -> Option<Vec<(crate::room::sid::ParticipantSid, ConnectionQuality)>> {
        let seat = self.seats.get_mut(&key)?;
        seat.connection?;
        let room = self.rooms.get(&seat.room)?;
        let me = room.participant(key)?;
        let heard = me.subscriptions.iter().filter(|(_, s)| s.attached);
        let publishers = heard.filter_map(|(&publication, _)| room.publisher_of(publication));
        let mut updates = Vec::new();
        for other in std::iter::once(key).chain(publishers) {
            let Some(&quality) = qualities.get(&other) else { continue };
            if seat.told_qualities.insert(other, quality) != Some(quality)
                && let Some(participant) = room.participant(other)
            {
                updates.push((participant.info.sid.clone(), quality));
            }
        }
        seat.told_qualities.retain(|other, _| qualities.contains_key(other));
        Some(updates)
    }

    /// `None` for somebody who is not connected yet, or is a mixer.
    pub(super) fn connection_quality(&self, key: ParticipantKey) -> Option<ConnectionQuality> {
        let seat = self.seats.get(&key)?;
        let is_active = |key| {
            let participant = self.rooms.get(&seat.room).and_then(|room| room.participant(key));
            participant.is_some_and(|p| p.info.state == ParticipantState::Active)
        };
        match &seat.place {
            Place::Here if seat.mixer.is_none() && is_active(key) => {}
            Place::Away(away) if away.quality.is_some() && is_active(key) => {}
            Place::Guest(guest) if guest.told_alive || guest.told_quality.is_some() => {}
            Place::Here | Place::Away(_) | Place::Guest(_) => return None,
        }
        let peers = [seat.publisher, seat.subscriber];
        if peers.into_iter().flatten().any(|peer| self.peers.get(peer).is_some_and(|p| p.stalled)) {
            return Some(ConnectionQuality::Poor);
        }
        if let Place::Away(away) = &seat.place {
            return away.quality;
        }
        let lost = seat.subscriber.map_or(0, |peer| self.worst_loss(peer));
        Some(match lost {
            POOR_LOSS.. => ConnectionQuality::Poor,
            GOOD_LOSS.. => ConnectionQuality::Good,
            _ => ConnectionQuality::Excellent,
        })
    }

    /// The largest share of packets that a subscriber missed of one track, in 1/256.
    fn worst_loss(&self, peer: TransportKey) -> u8 {
        let Some(subscribing) = self.peers.get(peer).and_then(|peer| peer.role.receives()) else { return 0 };
        let downlinks = subscribing.by_publication.values();
        let lost = downlinks.filter_map(|(key, _)| self.downlinks.get(*key)?.forwarding.as_ref());
        lost.map(crate::forward::Forwarding::fraction_lost).max().unwrap_or(0)
    }
}
