//! ⑤⑥ Publications on their way between shards: packets and what belongs to them one way, wishes the other.
//!
//! Home stands in the middle: what comes in on another shard crosses to home, once, and from there to every other
//! shard that wants it. Whose seat is where, and who is attached to what, is not decided here.
//!
//! ```text
//! publisher's shard ── packets, clocks, rates ─▶ home ── packets, clocks, rates ─▶ subscribers' shards
//!                   ◀─ wants, keyframes ────────      ◀─ wants, keyframes ────────
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::guard::Work;
use super::media::{Feed, Media, MediaKey};
use super::relay::{
    Carried, CarriedRates, Encodings, MediaWord, Order, PacketBatch, ShardIndex, Word, WordKind,
};
use super::timers::Timer;
use super::{RoomKey, Shard};
use crate::names::Ssrc;
use crate::receive::{EncodingIndex, MAX_ENCODINGS};
use crate::room::PublicationKey;

/// A publication towards one other shard.
#[derive(Debug)]
pub(super) struct RelayLeg {
    pub(super) shard: ShardIndex,
    /// Of a leg from home: who is attached over there.
    pub(super) subscribers: usize,
    wants: Encodings,
}

impl RelayLeg {
    pub(super) fn new(shard: ShardIndex) -> Self {
        Self { shard, subscribers: 0, wants: Encodings::default() }
    }
}

/// What is known and told of a publication whose packets come from another shard.
#[derive(Debug)]
pub(super) struct RelayFeed {
    pub(super) from: ShardIndex,
    pub(super) rates: CarriedRates,
    /// Encodings that cross.
    told_wants: Encodings,
    /// Encodings of which somebody needs a keyframe since the last turn.
    keyframes: Encodings,
    /// It is in the list of those whose wants are looked at.
    is_unsettled: bool,
}

impl RelayFeed {
    pub(super) fn new(from: ShardIndex) -> Self {
        Self {
            from,
            rates: CarriedRates::default(),
            told_wants: Encodings::default(),
            keyframes: Encodings::default(),
            is_unsettled: false,
        }
    }
}

/// Layers are chosen each 250 ms, and at every change of wishes: by rates that are much older a viewer gets what
/// its publisher no longer sends.
const RATES_INTERVAL: Duration = Duration::from_millis(100);

impl Shard {
    /// Next packets for another shard. Call until `None` after every turn, after [`Self::poll_word`].
    pub fn poll_packets(&mut self) -> Option<(ShardIndex, Arc<PacketBatch>)> {
        self.relayed.pop_front()
    }

    /// Takes packets that another shard has opened; they are forwarded at the end of the turn.
    pub fn handle_packets(&mut self, now: Instant, batch: &PacketBatch) {
        let Some(&key) = self.media_of.get(&batch.publication()) else { return };
        let Some(media) = self.media.get(key) else { return };
        let work = Work::Room(media.room);
        self.guard(&work, now, |shard| shard.on_packets(key, batch, now));
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

    /// The room lives here.
    pub(super) fn is_home(&self, room: RoomKey) -> bool {
        room.home() == self.config.seating.index
    }

    /// Takes a publication in, which goes from here to these shards.
    pub(super) fn insert_media(
        &mut self,
        about: Carried,
        feed: Feed,
        goes_to: Option<ShardIndex>,
    ) -> MediaKey {
        let publication = about.publication;
        let is_carried = matches!(feed, Feed::Relay(_));
        let sender = if is_carried { 0 } else { self.fresh_ssrc() };
        let mut media = Media::new(about, feed, Ssrc(sender));
        media.legs.extend(goes_to.map(RelayLeg::new));
        let key = self.media.insert(media);
        self.media_of.insert(publication, key);
        self.look_at_wants(key);
        key
    }

    /// Begins to tell a shard what a publication takes, and which clocks its encodings have.
    pub(super) fn accompany(&mut self, key: MediaKey, now: Instant) {
        for encoding in encodings() {
            self.relay_clock(key, encoding);
        }
        self.relay_rates(key, now);
        self.timers.schedule(Timer::Relay(key), Some(now + RATES_INTERVAL));
    }

    /// Puts the fresh packets of a publication where the shards that want some find them.
    pub(super) fn relay_fresh(&mut self, key: MediaKey) {
        let Some(media) = self.media.get(key) else { return };
        let wants = legs_want(media);
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
    pub(super) fn relay_clock(&mut self, key: MediaKey, encoding: EncodingIndex) {
        let Some(media) = self.media.get(key) else { return };
        let Some(clock) = media.reception.sender_clock(encoding) else { return };
        for leg in &media.legs {
            let word = WordKind::Media(media.publication, MediaWord::Clock(encoding, clock));
            self.words.push_back((leg.shard, Word(word)));
        }
    }

    /// What a publication takes, for the layers that other shards choose; and, from home, whether its publisher
    /// speaks.
    pub(super) fn on_relay_timeout(&mut self, key: MediaKey, now: Instant) {
        let Some(media) = self.media.get_mut(key) else { return };
        let comes_from = if let Feed::Relay(feed) = &media.feed { Some(feed.from) } else { None };
        // Whose picture comes first, a shard asks of pictures alone.
        let is_asked = comes_from.is_some() && !media.reception.codec().is_audio();
        if media.legs.is_empty() && !is_asked {
            return;
        }
        let publication = media.publication;
        if let Some(room) = self.rooms.get(&media.room) {
            let speaks = room.spoke_lately(media.owner, now);
            if std::mem::replace(&mut media.speaks, speaks) != speaks {
                for shard in media.legs.iter().map(|leg| leg.shard).chain(comes_from) {
                    let order = Order::Speaks(publication, speaks);
                    self.words.push_back((shard, Word(WordKind::Order(order))));
                }
            }
        }
        if comes_from.is_none() {
            self.relay_rates(key, now);
        }
        self.timers.schedule(Timer::Relay(key), Some(now + RATES_INTERVAL));
    }

    fn relay_rates(&mut self, key: MediaKey, now: Instant) {
        let Some(media) = self.media.get(key).filter(|media| !media.legs.is_empty()) else { return };
        let mut rates = CarriedRates::default();
        for encoding in encodings() {
            rates.rates[encoding.index()] = media.bitrates(now, encoding);
            rates.frame_rates[encoding.index()] = media.frame_rates(now, encoding);
        }
        for leg in &media.legs {
            let word = WordKind::Media(media.publication, MediaWord::Rates(Box::new(rates.clone())));
            self.words.push_back((leg.shard, Word(word)));
        }
    }

    pub(super) fn on_media_word(
        &mut self,
        from: ShardIndex,
        (publication, word): (PublicationKey, MediaWord),
        now: Instant,
    ) {
        let Some(&key) = self.media_of.get(&publication) else { return };
        let Some(media) = self.media.get_mut(key) else { return };
        match word {
            MediaWord::Clock(encoding, clock) => {
                media.reception.handle_sender_clock(now, encoding, clock);
                self.relay_clock(key, encoding);
            }
            MediaWord::Rates(rates) => {
                if let Feed::Relay(feed) = &mut media.feed {
                    feed.rates = *rates;
                }
                self.relay_rates(key, now);
                // A paced switch ends between two turns.
                self.look_at_wants(key);
                // Layers come and go with the publisher's bandwidth.
                self.aim_mixers(key, now);
            }
            MediaWord::Wants(wants) => {
                if let Some(leg) = media.legs.iter_mut().find(|leg| leg.shard == from) {
                    leg.wants = wants;
                }
                self.look_at_wants(key);
            }
            MediaWord::Keyframes(encodings) => {
                encodings.iter().for_each(|encoding| self.request_keyframe(key, encoding, now));
            }
        }
    }

    /// Somebody here, or beyond, needs a keyframe of an encoding; false for what its publisher sends to this shard.
    pub(super) fn want_keyframe(&mut self, key: MediaKey, encoding: EncodingIndex) -> bool {
        let Some(media) = self.media.get_mut(key) else { return false };
        let Feed::Relay(feed) = &mut media.feed else { return false };
        if !media.reception.codec().is_audio() {
            let stream = if media.reception.is_scalable() { EncodingIndex(0) } else { encoding };
            feed.keyframes.insert(stream);
        }
        self.look_at_wants(key);
        true
    }

    /// What is wanted of a carried publication may have changed.
    pub(super) fn look_at_wants(&mut self, key: MediaKey) {
        let Some(Feed::Relay(feed)) = self.media.get_mut(key).map(|media| &mut media.feed) else { return };
        if !std::mem::replace(&mut feed.is_unsettled, true) {
            self.unsettled.push(key);
        }
    }

    /// Tells the shards from which publications come what is wanted of them now.
    pub(super) fn report_wants(&mut self) {
        let mut unsettled = std::mem::take(&mut self.unsettled);
        for key in unsettled.drain(..) {
            let Some(media) = self.media.get(key) else { continue };
            let wants = self.wants(media);
            let Some(media) = self.media.get_mut(key) else { continue };
            let Feed::Relay(feed) = &mut media.feed else { continue };
            feed.is_unsettled = false;
            let keyframes = std::mem::take(&mut feed.keyframes).common(wants);
            let before = std::mem::replace(&mut feed.told_wants, wants);
            let words = [
                (before != wants).then_some(MediaWord::Wants(wants)),
                (!keyframes.is_empty()).then_some(MediaWord::Keyframes(keyframes)),
            ];
            for word in words.into_iter().flatten() {
                self.words.push_back((feed.from, Word(WordKind::Media(media.publication, word))));
            }
        }
        self.unsettled = unsettled;
    }

    /// Encodings that somebody here, or beyond, receives.
    fn wants(&self, media: &Media) -> Encodings {
        let mut wants = legs_want(media);
        let forwarded =
            media.downlinks.iter().filter_map(|&key| self.downlinks.get(key)?.forwarding.as_ref());
        for forwarding in forwarded {
            // The current one goes on until the target's keyframe. Layers of one stream cross as that stream.
            if let Some(target) = forwarding.target() {
                let all = [Some(target.encoding), forwarding.current()].into_iter().flatten();
                all.for_each(|encoding| wants.insert(forwarding.config().stream(encoding)));
            }
        }
        // Home hears who speaks, whoever else does.
        if media.reception.codec().is_audio() && self.is_home(media.room) {
            wants.insert(EncodingIndex(0));
        }
        wants
    }

    fn on_packets(&mut self, key: MediaKey, batch: &PacketBatch, now: Instant) {
        let Some(media) = self.media.get_mut(key) else { return };
        let Feed::Relay(feed) = &media.feed else { return };
        let count = batch.write_to(&mut media.reception, feed.told_wants);
        if count == 0 {
            return;
        }
        let (room, owner) = (media.room, media.owner);
        self.stats.relay.packets += u64::try_from(count).unwrap_or(0);
        self.note_fresh(key);
        for level in batch.levels() {
            self.hear(room, owner, level, now);
        }
    }
}

fn legs_want(media: &Media) -> Encodings {
    media.legs.iter().fold(Encodings::default(), |all, leg| all.union(leg.wants))
}

fn encodings() -> impl Iterator<Item = EncodingIndex> {
    (0..MAX_ENCODINGS).filter_map(|place| u8::try_from(place).ok().map(EncodingIndex))
}
