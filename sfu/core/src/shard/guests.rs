//! The away side of a relay: participants who receive here, and whose room lives on another shard.
//!
//! A guest's transport, negotiation and downlinks are those of anybody; what its room would be asked or told
//! goes to its home shard as a report.

use std::time::Instant;

use super::guard::Work;
use super::media::{Feed, HomeFeed, Media, MediaKey};
use super::relay::{Carried, Encodings, Guest, Link, Order, PacketBatch, Report, ShardIndex, Word, WordKind};
use super::seat::{GuestSeat, Place, Seat};
use super::{RoomKey, Shard};
use crate::names::Ssrc;
use crate::receive::{EncodingIndex, Reception};
use crate::room::message::{LeaveAction, LeaveReason};
use crate::room::participant::Transports;
use crate::room::{ParticipantKey, PublicationKey};

impl Shard {
    /// Takes packets that another shard has opened; they are forwarded at the end of the turn.
    pub fn handle_packets(&mut self, now: Instant, batch: &PacketBatch) {
        let Some(&key) = self.media_of.get(&batch.publication()) else { return };
        let Some(media) = self.media.get(key) else { return };
        let work = Work::Room(media.room);
        self.guard(&work, now, |shard| shard.on_packets(key, batch));
    }

    fn on_packets(&mut self, key: MediaKey, batch: &PacketBatch) {
        let Some(media) = self.media.get_mut(key) else { return };
        let Feed::Home(home) = &media.feed else { return };
        let count = batch.write_to(&mut media.reception, home.told_wants);
        if count > 0 {
            self.stats.relay.packets += u64::try_from(count).unwrap_or(0);
            self.note_fresh(key);
        }
    }

    pub(super) fn report_home(&mut self, home: ShardIndex, report: Report) {
        self.words.push_back((home, Word(WordKind::Report(report))));
    }

    /// The home shard of a guest; `None` for those who are at home here.
    pub(super) fn home_of(&self, key: ParticipantKey) -> Option<ShardIndex> {
        let seat = self.seats.get(&key)?;
        matches!(seat.place, Place::Guest(_)).then(|| seat.room.home())
    }

    pub(super) fn on_order(&mut self, order: Order, now: Instant) {
        match order {
            Order::Open(guest) => self.open_guest(*guest, now),
            Order::Begin(key) => {
                self.offer_now(key, now);
                self.schedule_seat(key, now);
            }
            Order::Close(key) => self.close_guest(key, now),
            Order::Resumed(key, connection) => {
                if let Some(seat) = self.seats.get_mut(&key) {
                    seat.connection = Some(connection);
                }
                self.restart_subscriber(key, now);
                self.schedule_seat(key, now);
            }
            Order::SignalLost(key) => {
                if let Some(seat) = self.seats.get_mut(&key) {
                    seat.connection = None;
                }
            }
            Order::Offer(key, offer) => self.on_offer(key, &offer, now),
            Order::Answer(key, answer) => self.on_answer(key, &answer, now),
            Order::Trickle(key, trickle) => self.on_trickle(key, &trickle, now),
            Order::Pretend(key, bps) => self.pretend_bandwidth(key, bps, now),
            Order::Carry(carried) => self.carry_here(*carried),
            Order::Drop(publication) => self.drop_carried(publication, now),
            // A panic here has taken it, and home does not know yet.
            Order::Attach(link) if !self.media_of.contains_key(&link.publication) => {
                self.dismiss(link.subscriber, LeaveReason::MediaFailure, LeaveAction::Reconnect, now);
            }
            Order::Attach(link) => {
                self.attach(link.subscriber, link.publication, now);
                self.tune_guest(link, now);
            }
            Order::Detach(subscriber, publication) => self.detach(subscriber, publication, now),
            Order::Tune(link) => self.tune_guest(link, now),
            Order::Deliver(delivery) => {
                for &to in &delivery.to {
                    self.deliver(to, delivery.lossy, &delivery.bytes, now);
                }
            }
            Order::Clock(publication, encoding, clock) => {
                let media = self.media_of.get(&publication).and_then(|&key| self.media.get_mut(key));
                if let Some(media) = media {
                    media.reception.handle_sender_clock(now, encoding, clock);
                }
            }
            Order::State(publication, state) => {
                let media = self.media_of.get(&publication).and_then(|&key| self.media.get_mut(key));
                if let Some(Feed::Home(home)) = media.map(|media| &mut media.feed) {
                    home.state = *state;
                }
                // A paced switch ends between two turns.
                if let Some(&key) = self.media_of.get(&publication) {
                    self.look_at_wants(key);
                }
            }
        }
    }

    /// Ends the guests of a room whose media panicked here; their home tells them to come again.
    pub(super) fn abandon_guests(&mut self, room: RoomKey, now: Instant) {
        let keys: Vec<_> = self.seats.iter().filter(|(_, s)| s.room == room).map(|(&key, _)| key).collect();
        for key in keys {
            // Its downlinks go with the media.
            self.remove_seat(key, None, now);
            self.report_home(
                room.home(),
                Report::Dismiss(key, LeaveReason::MediaFailure, LeaveAction::Reconnect),
            );
        }
    }

    /// Tells home whether a guest's media can flow, when that changed.
    pub(super) fn report_alive(&mut self, key: ParticipantKey) {
        let is_alive = self.is_alive(key);
        let Some(seat) = self.seats.get_mut(&key) else { return };
        let Place::Guest(guest) = &mut seat.place else { return };
        if std::mem::replace(&mut guest.told_alive, is_alive) != is_alive {
            let home = seat.room.home();
            self.report_home(home, Report::Alive(key, is_alive));
        }
    }

    /// Tells home how well a guest is connected, when that changed.
    pub(super) fn report_quality(&mut self, key: ParticipantKey) {
        let quality = self.connection_quality(key);
        let Some(seat) = self.seats.get_mut(&key) else { return };
        let Place::Guest(guest) = &mut seat.place else { return };
        if let Some(quality) = quality
            && guest.told_quality.replace(quality) != Some(quality)
        {
            let home = seat.room.home();
            self.report_home(home, Report::Quality(key, quality));
        }
    }

    /// Somebody here needs a keyframe of a carried encoding; false for a publication of this shard.
    pub(super) fn want_keyframe(&mut self, key: MediaKey, encoding: EncodingIndex) -> bool {
        let Some(media) = self.media.get_mut(key) else { return false };
        let Feed::Home(home) = &mut media.feed else { return false };
        if !media.reception.codec().is_audio() {
            let stream = if media.reception.is_scalable() { EncodingIndex(0) } else { encoding };
            home.keyframes.insert(stream);
        }
        self.look_at_wants(key);
        true
    }

    /// What is wanted of a carried publication may have changed.
    pub(super) fn look_at_wants(&mut self, key: MediaKey) {
        let Some(Feed::Home(home)) = self.media.get_mut(key).map(|media| &mut media.feed) else { return };
        if !std::mem::replace(&mut home.is_unsettled, true) {
            self.unsettled.push(key);
        }
    }

    /// Tells homes what is wanted of their publications now.
    pub(super) fn report_wants(&mut self) {
        let mut unsettled = std::mem::take(&mut self.unsettled);
        for key in unsettled.drain(..) {
            let Some(media) = self.media.get_mut(key) else { continue };
            let Feed::Home(home) = &mut media.feed else { continue };
            home.is_unsettled = false;
            let mut wants = Encodings::default();
            for &downlink in &media.downlinks {
                let Some(forwarding) = self.downlinks.get(downlink).and_then(|d| d.forwarding.as_ref())
                else {
                    continue;
                };
                // The current one goes on until the target's keyframe. Layers of one stream cross as that stream.
                if let Some(target) = forwarding.target() {
                    let all = [Some(target.encoding), forwarding.current()].into_iter().flatten();
                    all.for_each(|encoding| wants.insert(forwarding.config().stream(encoding)));
                }
            }
            let keyframes = std::mem::take(&mut home.keyframes).common(wants);
            let before = std::mem::replace(&mut home.told_wants, wants);
            let (publication, shard) = (media.publication, media.room.home());
            if before != wants {
                self.report_home(shard, Report::Wants(publication, wants));
            }
            if !keyframes.is_empty() {
                self.report_home(shard, Report::Keyframes(publication, keyframes));
            }
        }
        self.unsettled = unsettled;
    }

    fn open_guest(&mut self, guest: Guest, now: Instant) {
        let key = guest.key;
        let mut seat = Seat::new(guest.room, Some(guest.connection), guest.lifeline, now);
        seat.tcp_only = guest.tcp_only;
        seat.may_pause = guest.may_pause;
        seat.receives_red = guest.receives_red;
        seat.place = Place::Guest(GuestSeat::default());
        self.seats.insert(key, seat);
        self.watch_connections(now);
        match guest.transports {
            Transports::Single => self.make_single(key, now),
            Transports::Two => drop(self.make_subscriber(key, now)),
        }
    }

    fn close_guest(&mut self, key: ParticipantKey, now: Instant) {
        let Some(seat) = self.seats.get(&key) else { return };
        let receives = seat.subscriber.and_then(|peer| self.peers.get(peer)?.role.receives());
        let attached: Vec<_> = receives.map_or(Vec::new(), |r| r.by_publication.keys().copied().collect());
        attached.into_iter().for_each(|publication| self.detach(key, publication, now));
        self.remove_seat(key, None, now);
    }

    fn carry_here(&mut self, carried: Carried) {
        if self.media_of.contains_key(&carried.publication) {
            return;
        }
        let reception = Reception::new(carried.codec, carried.encodings, Ssrc(0));
        let feed = Feed::Home(Box::new(HomeFeed::new(carried.state)));
        let mut media =
            Media::new(carried.publication, reception, carried.room, (feed, carried.owner), carried.origin);
        media.red = carried.red;
        media.fmtp = carried.fmtp;
        let key = self.media.insert(media);
        self.media_of.insert(carried.publication, key);
    }

    fn drop_carried(&mut self, publication: PublicationKey, now: Instant) {
        let Some(media) = self.media_of.get(&publication).and_then(|&key| self.media.get(key)) else {
            return;
        };
        let downlinks = media.downlinks.iter().filter_map(|&key| self.downlinks.get(key));
        let subscribers: Vec<_> = downlinks.map(|downlink| downlink.subscriber).collect();
        subscribers.into_iter().for_each(|subscriber| self.detach(subscriber, publication, now));
        self.remove_media(publication);
    }

    fn tune_guest(&mut self, link: Link, now: Instant) {
        let Some(key) = self.find_downlink(link.subscriber, link.publication) else { return };
        if let Some(downlink) = self.downlinks.get_mut(key) {
            downlink.wanted = link.wanted;
        }
        self.tune(link.subscriber, link.publication, now);
    }
}
