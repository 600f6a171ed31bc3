//! The home side of a relay: seats on other shards, what they are told, and what they report.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::Shard;
use super::carrying::RelayLeg;
use super::media::{Feed, MediaKey};
use super::relay::{Delivery, Guest, Link, Order, Report, ShardIndex, Word, WordKind};
use super::seat::Place;
use crate::room::message::ConnectionQuality;
use crate::room::participant::Transports;
use crate::room::{ConnectionId, ParticipantKey, PublicationKey, Routed};

/// What home keeps of a seat on another shard.
#[derive(Debug)]
pub(super) struct AwaySeat {
    pub(super) shard: ShardIndex,
    /// Media can flow.
    pub(super) is_alive: bool,
    pub(super) quality: Option<ConnectionQuality>,
    /// What it is attached to.
    attached: BTreeSet<PublicationKey>,
}

impl AwaySeat {
    pub(super) const fn new(shard: ShardIndex) -> Self {
        Self { shard, is_alive: false, quality: None, attached: BTreeSet::new() }
    }
}

impl Shard {
    /// Takes one word of another shard.
    pub fn handle_word(&mut self, now: Instant, from: ShardIndex, word: Word) {
        let work = self.work_of_word(&word);
        self.guard(&work, now, |shard| match word.0 {
            WordKind::Order(order) => shard.on_order(order, now),
            WordKind::Report(report) => shard.on_report(report, now),
            WordKind::Media(publication, word) => shard.on_media_word(from, (publication, word), now),
        });
    }

    /// Next word for another shard. Call until `None` after every turn; words to one shard stay in order.
    pub fn poll_word(&mut self) -> Option<(ShardIndex, Word)> {
        self.words.pop_front()
    }

    /// How many participants with transports each shard serves, by [`ShardIndex`]; newcomers go by it.
    pub fn set_loads(&mut self, loads: &[usize]) {
        self.seating.set_loads(loads);
    }

    pub(super) fn order(&mut self, shard: ShardIndex, order: Order) {
        self.words.push_back((shard, Word(WordKind::Order(order))));
    }

    /// The shard of a seat that is not here.
    pub(super) fn away(&self, key: ParticipantKey) -> Option<ShardIndex> {
        match &self.seats.get(&key)?.place {
            Place::Away(away) => Some(away.shard),
            Place::Here | Place::Guest(_) => None,
        }
    }

    /// Asks the shard of an away seat to take it in.
    pub(super) fn open_away(
        &mut self,
        key: ParticipantKey,
        (connection, transports): (ConnectionId, Transports),
    ) {
        let Some(seat) = self.seats.get(&key) else { return };
        let Place::Away(away) = &seat.place else { return };
        let guest = Guest {
            key,
            room: seat.room,
            connection,
            lifeline: seat.lifeline,
            transports,
            tcp_only: seat.tcp_only,
            may_pause: seat.may_pause,
            receives_red: seat.receives_red,
        };
        self.order(away.shard, Order::Open(Box::new(guest)));
    }

    pub(super) fn attach_away(
        &mut self,
        subscriber: ParticipantKey,
        publication: PublicationKey,
        now: Instant,
    ) {
        let Some(&key) = self.media_of.get(&publication) else { return };
        let Some(Place::Away(away)) = self.seats.get_mut(&subscriber).map(|seat| &mut seat.place) else {
            return;
        };
        if !away.attached.insert(publication) {
            return;
        }
        let shard = away.shard;
        if !self.comes_from(key, shard) {
            if self.media[key].legs.iter().all(|leg| leg.shard != shard) {
                self.carry(key, shard, now);
            }
            let legs = self.media[key].legs.iter_mut().filter(|leg| leg.shard == shard);
            legs.for_each(|leg| leg.subscribers += 1);
        }
        let wanted = self.wish(subscriber, key);
        self.order(shard, Order::Attach(Link { subscriber, publication, wanted }));
    }

    pub(super) fn detach_away(&mut self, subscriber: ParticipantKey, publication: PublicationKey) {
        let Some(Place::Away(away)) = self.seats.get_mut(&subscriber).map(|seat| &mut seat.place) else {
            return;
        };
        if !away.attached.remove(&publication) {
            return;
        }
        let shard = away.shard;
        self.order(shard, Order::Detach(subscriber, publication));
        let Some(&key) = self.media_of.get(&publication) else { return };
        let legs = &mut self.media[key].legs;
        let Some(place) = legs.iter().position(|leg| leg.shard == shard) else { return };
        legs[place].subscribers -= 1;
        if legs[place].subscribers == 0 {
            legs.remove(place);
            self.order(shard, Order::Drop(publication));
            self.look_at_wants(key);
        }
    }

    pub(super) fn tune_away(&mut self, subscriber: ParticipantKey, publication: PublicationKey) {
        let (Some(shard), Some(&key)) = (self.away(subscriber), self.media_of.get(&publication)) else {
            return;
        };
        let wanted = self.wish(subscriber, key);
        self.order(shard, Order::Tune(Link { subscriber, publication, wanted }));
    }

    /// Sends a message to its receivers, once to each other shard.
    pub(super) fn deliver_all(&mut self, message: &Routed, now: Instant) {
        let mut away: BTreeMap<ShardIndex, Vec<ParticipantKey>> = BTreeMap::new();
        for &to in &message.to {
            match self.away(to) {
                Some(shard) => away.entry(shard).or_default().push(to),
                None => self.deliver(to, message.lossy, &message.bytes, now),
            }
        }
        for (shard, to) in away {
            let delivery = Delivery { to, lossy: message.lossy, bytes: Arc::clone(&message.bytes) };
            self.order(shard, Order::Deliver(Box::new(delivery)));
        }
    }

    /// Tells a shard of a publication that it is to carry.
    fn carry(&mut self, key: MediaKey, shard: ShardIndex, now: Instant) {
        let media = &mut self.media[key];
        media.legs.push(RelayLeg::new(shard));
        let carried = Box::new(media.about());
        self.order(shard, Order::Carry(carried));
        self.accompany(key, now);
    }

    /// The publisher's transport is on this shard: what it carries needs no leg there.
    fn comes_from(&self, key: MediaKey, shard: ShardIndex) -> bool {
        matches!(&self.media[key].feed, Feed::Relay(feed) if feed.from == shard)
    }

    fn on_report(&mut self, report: Report, now: Instant) {
        let at = self.now(now);
        match report {
            Report::Say(key, response) => self.say(key, *response),
            Report::Connected(key) => {
                if let Some((room_key, room)) = self.room_of(key) {
                    room.activate(key, at);
                    self.apply_effects(room_key, now);
                }
            }
            Report::Alive(key, is_alive) => {
                if let Some(Place::Away(away)) = self.seats.get_mut(&key).map(|seat| &mut seat.place) {
                    away.is_alive = is_alive;
                }
                self.schedule_seat(key, now);
            }
            Report::Quality(key, quality) => {
                if let Some(Place::Away(away)) = self.seats.get_mut(&key).map(|seat| &mut seat.place) {
                    away.quality = Some(quality);
                }
            }
            Report::Dismiss(key, reason, action) => self.dismiss(key, reason, action, now),
            Report::Message { from, lossy, bytes } => self.on_message(from, lossy, &bytes, now),
            Report::Received(publication) => {
                self.on_received(publication);
                if let Some(room) = self.media_of.get(&publication).map(|&key| self.media[key].room) {
                    self.apply_effects(room, now);
                }
            }
            Report::Unplayable(key, publication) => {
                if let Some((room_key, room)) = self.room_of(key) {
                    room.refuse_unplayable(key, publication);
                    self.apply_effects(room_key, now);
                }
            }
            Report::Sections(key, sections) => self.on_sections(key, sections, now),
        }
    }
}
