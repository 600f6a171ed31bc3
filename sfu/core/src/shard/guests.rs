//! The away side of a relay: participants whose transports are here, and whose room lives on another shard.
//!
//! A guest's transports, negotiation, publications and downlinks are those of anybody; what its room would be
//! asked or told goes to its home shard as a report.

use std::time::Instant;

use super::carrying::RelayFeed;
use super::media::Feed;
use super::relay::{Carried, Guest, Link, Order, Report, ShardIndex, Word, WordKind};
use super::seat::{GuestSeat, Place, Seat};
use super::{RoomKey, Shard};
use crate::room::message::{LeaveAction, LeaveReason};
use crate::room::participant::Transports;
use crate::room::{ParticipantKey, PublicationKey};
use crate::sdp::NegotiatedSection;

impl Shard {
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
            Order::Offer(key, id, offer) => self.answer_offer(key, (id, *offer), now),
            Order::Answer(key, answer) => self.on_answer(key, &answer, now),
            Order::Trickle(key, trickle) => self.on_trickle(key, &trickle, now),
            Order::Pretend(key, bps) => self.pretend_bandwidth(key, bps, now),
            Order::Receive(about, section) => self.receive_here(*about, &section, now),
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
            Order::Speaks(publication, speaks) => {
                let media = self.media_of.get(&publication).and_then(|&key| self.media.get_mut(key));
                if let Some(media) = media {
                    media.speaks = speaks;
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
        let own =
            self.media.iter().filter(|(_, media)| media.owner == key).map(|(_, media)| media.publication);
        let own: Vec<_> = own.collect();
        own.into_iter().for_each(|publication| self.drop_carried(publication, now));
        self.remove_seat(key, None, now);
    }

    /// A guest publishes: its media comes in here, and goes home.
    fn receive_here(&mut self, about: Carried, section: &NegotiatedSection, now: Instant) {
        let (publication, home) = (about.publication, about.room.home());
        let Some(seat) = self.seats.get(&about.owner).filter(|seat| seat.is_guest()) else { return };
        let Some(peer) = seat.publisher else { return };
        if !self.media_of.contains_key(&publication) {
            let key = self.insert_media(about, Feed::Publisher(peer, section.mid), Some(home));
            self.accompany(key, now);
        }
        self.set_section(publication, section);
    }

    fn carry_here(&mut self, carried: Carried) {
        if !self.media_of.contains_key(&carried.publication) {
            let feed = Feed::Relay(Box::new(RelayFeed::new(carried.room.home())));
            self.insert_media(carried, feed, None);
        }
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
