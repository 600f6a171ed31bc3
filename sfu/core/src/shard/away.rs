//! The home side of a relay: seats on other shards, what they are told, and what they report.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::guard::Work;
use super::media::MediaKey;
use super::relay::{
    Carried, CarriedState, Delivery, Encodings, Guest, Link, Order, PacketBatch, Report, ShardIndex, Word,
    WordKind,
};
use super::seat::Place;
use super::timers::Timer;
use super::{RoomKey, Shard};
use crate::bwe::Bitrate;
use crate::receive::{EncodingIndex, MAX_ENCODINGS, MAX_TEMPORAL};
use crate::room::message::{ConnectionQuality, LeaveAction, LeaveReason};
use crate::room::participant::Transports;
use crate::room::{ConnectionId, ParticipantKey, PublicationKey, Routed};

/// What home keeps of a seat on another shard.
#[derive(Debug)]
pub(super) struct AwaySeat {
    pub(super) shard: ShardIndex,
    /// With two, only the one on which it receives is there.
    transports: Transports,
    /// Media can flow.
    pub(super) is_alive: bool,
    pub(super) quality: Option<ConnectionQuality>,
    /// What it is attached to.
    attached: BTreeSet<PublicationKey>,
}

impl AwaySeat {
    pub(super) const fn new(shard: ShardIndex, transports: Transports) -> Self {
        Self { shard, transports, is_alive: false, quality: None, attached: BTreeSet::new() }
    }
}

/// A publication towards one other shard.
#[derive(Debug)]
pub(super) struct RelayLeg {
    pub(super) shard: ShardIndex,
    subscribers: usize,
    wants: Encodings,
}

/// Layers are chosen each 250 ms, and at every change of wishes: by rates that are much older a viewer gets what
/// its publisher no longer sends.
const STATE_INTERVAL: Duration = Duration::from_millis(100);

impl Shard {
    /// Takes one word of another shard.
    pub fn handle_word(&mut self, now: Instant, from: ShardIndex, word: Word) {
        let work = self.work_of_word(&word);
        self.guard(&work, now, |shard| match word.0 {
            WordKind::Order(order) => shard.on_order(order, now),
            WordKind::Report(report) => shard.on_report(from, report, now),
        });
    }

    /// Next word for another shard. Call until `None` after every turn; words to one shard stay in order.
    pub fn poll_word(&mut self) -> Option<(ShardIndex, Word)> {
        self.words.pop_front()
    }

    /// Next packets for another shard. Call until `None` after every turn, after [`Self::poll_word`].
    pub fn poll_packets(&mut self) -> Option<(ShardIndex, Arc<PacketBatch>)> {
        self.relayed.pop_front()
    }

    /// A shard had no room for a batch: its viewers need new keyframes.
    pub fn handle_lost_packets(&mut self, now: Instant, batch: &PacketBatch) {
        self.stats.relay.dropped += u64::try_from(batch.len()).unwrap_or(0);
        let Some(&key) = self.media_of.get(&batch.publication()) else { return };
        let Some(media) = self.media.get(key) else { return };
        let work = Work::Room(media.room);
        self.guard(&work, now, |shard| {
            batch.encodings().iter().for_each(|encoding| shard.request_keyframe(key, encoding, now));
        });
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

    /// The shard of somebody's only transport, if it is not here.
    pub(super) fn single_away(&self, key: ParticipantKey) -> Option<ShardIndex> {
        match &self.seats.get(&key)?.place {
            Place::Away(away) if away.transports == Transports::Single => Some(away.shard),
            Place::Here | Place::Away(_) | Place::Guest(_) => None,
        }
    }

    /// Asks the shard of an away seat to take it in.
    pub(super) fn open_away(&mut self, key: ParticipantKey, connection: ConnectionId) {
        let Some(seat) = self.seats.get(&key) else { return };
        let Place::Away(away) = &seat.place else { return };
        let guest = Guest {
            key,
            room: seat.room,
            connection,
            lifeline: seat.lifeline,
            transports: away.transports,
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
        let known = self.media[key].legs.iter_mut().find(|leg| leg.shard == shard);
        if let Some(leg) = known {
            leg.subscribers += 1;
        } else {
            self.media[key].legs.push(RelayLeg { shard, subscribers: 1, wants: Encodings::default() });
            self.carry(key, shard, now);
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
        let Some(media) = self.media_of.get(&publication).and_then(|&key| self.media.get_mut(key)) else {
            return;
        };
        let Some(place) = media.legs.iter().position(|leg| leg.shard == shard) else { return };
        media.legs[place].subscribers -= 1;
        if media.legs[place].subscribers == 0 {
            media.legs.remove(place);
            self.order(shard, Order::Drop(publication));
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

    /// Whoever may publish only since now on its only transport is to have that at home: it joins again.
    pub(super) fn bring_home(&mut self, room_key: RoomKey, identity: &str, now: Instant) {
        let at = self.now(now);
        let Some(key) = self.rooms.get(&room_key).and_then(|room| room.key_of(identity)) else { return };
        if self.single_away(key).is_none() {
            return;
        }
        let Some(room) = self.rooms.get_mut(&room_key) else { return };
        if room.participant(key).is_some_and(|p| p.info.permission.can_publish) {
            room.leave_with(key, LeaveReason::Migration, LeaveAction::Reconnect, at);
        }
    }

    /// Hands the fresh packets of a publication to the shards that want some.
    pub(super) fn relay_fresh(&mut self, key: MediaKey) {
        let Some(media) = self.media.get(key) else { return };
        let wants = media.legs.iter().fold(Encodings::default(), |all, leg| all.union(leg.wants));
        if wants.is_empty() {
            return;
        }
        let Some(batch) = self.batches.take_fresh(media.publication, &media.reception, wants) else { return };
        let encodings = batch.encodings();
        for leg in media.legs.iter().filter(|leg| !leg.wants.common(encodings).is_empty()) {
            self.relayed.push_back((leg.shard, Arc::clone(&batch)));
        }
    }

    /// The publisher's clock of an encoding came.
    pub(super) fn relay_clocks(&mut self, key: MediaKey) {
        let Some(media) = self.media.get(key).filter(|media| !media.legs.is_empty()) else { return };
        let shards: Vec<_> = media.legs.iter().map(|leg| leg.shard).collect();
        let publication = media.publication;
        for encoding in encodings() {
            let Some(clock) = self.media[key].reception.sender_clock(encoding) else { continue };
            for &shard in &shards {
                self.order(shard, Order::Clock(publication, encoding, clock));
            }
        }
    }

    /// Rates and speaking of a publication, for the layers that other shards choose.
    pub(super) fn on_relay_timeout(&mut self, key: MediaKey, now: Instant) {
        let Some(state) = self.carried_state(key, now) else { return };
        let Some(media) = self.media.get(key).filter(|media| !media.legs.is_empty()) else { return };
        let shards: Vec<_> = media.legs.iter().map(|leg| leg.shard).collect();
        let publication = media.publication;
        for shard in shards {
            self.order(shard, Order::State(publication, Box::new(state.clone())));
        }
        self.timers.schedule(Timer::Relay(key), Some(now + STATE_INTERVAL));
    }

    /// Tells a shard of a publication that it is to carry.
    fn carry(&mut self, key: MediaKey, shard: ShardIndex, now: Instant) {
        let Some(state) = self.carried_state(key, now) else { return };
        let Some(media) = self.media.get(key) else { return };
        let carried = Carried {
            publication: media.publication,
            room: media.room,
            owner: media.owner,
            origin: media.origin.clone(),
            codec: media.reception.codec(),
            encodings: media.reception.stream_count(),
            red: media.red,
            fmtp: media.fmtp.clone(),
            state,
        };
        self.order(shard, Order::Carry(Box::new(carried)));
        self.relay_clocks(key);
        self.timers.schedule(Timer::Relay(key), Some(now + STATE_INTERVAL));
    }

    fn carried_state(&self, key: MediaKey, now: Instant) -> Option<CarriedState> {
        let media = self.media.get(key)?;
        let speaks = self.rooms.get(&media.room).is_some_and(|room| room.spoke_lately(media.owner, now));
        let mut rates = [[Bitrate::ZERO; MAX_TEMPORAL]; MAX_ENCODINGS];
        let mut frame_rates = [[0; MAX_TEMPORAL]; MAX_ENCODINGS];
        for encoding in encodings() {
            rates[encoding.index()] = media.reception.bitrates(now, encoding);
            frame_rates[encoding.index()] = media.reception.frame_rates(now, encoding);
        }
        Some(CarriedState { rates, frame_rates, speaks })
    }

    fn on_report(&mut self, from: ShardIndex, report: Report, now: Instant) {
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
            Report::Wants(publication, wants) => {
                let media = self.media_of.get(&publication).and_then(|&key| self.media.get_mut(key));
                let leg = media.and_then(|media| media.legs.iter_mut().find(|leg| leg.shard == from));
                if let Some(leg) = leg {
                    leg.wants = wants;
                }
            }
            Report::Keyframes(publication, encodings) => {
                let Some(&key) = self.media_of.get(&publication) else { return };
                encodings.iter().for_each(|encoding| self.request_keyframe(key, encoding, now));
            }
        }
    }
}

fn encodings() -> impl Iterator<Item = EncodingIndex> {
    (0..MAX_ENCODINGS).filter_map(|place| u8::try_from(place).ok().map(EncodingIndex))
}
