//! What a room decided, done.

use std::time::Instant;

use super::admin::{AdminId, AdminReply};
use super::mixer::MixerMessage;
use super::relay::Order;
use super::seat::Place;
use super::timers::Timer;
use super::{Event, RoomKey, Shard};
use crate::room::admin::AdminError;
use crate::room::message::Response;
use crate::room::{ConnectionId, Effect, ParticipantKey};

impl Shard {
    /// Does everything that a room has decided; call it after every call of the room.
    pub(super) fn apply_effects(&mut self, room_key: RoomKey, now: Instant) {
        self.fail_if_broken(room_key);
        let mut published = false;
        while let Some(effect) = self.rooms.get_mut(&room_key).and_then(crate::room::Room::poll_effect) {
            match effect {
                Effect::Tell { to, what } => self.tell(to, what),
                Effect::Published { publication } => {
                    published = true;
                    self.schedule_wanted_qualities(publication, now);
                }
                Effect::Attach { subscriber, publication } => self.attach(subscriber, publication, now),
                Effect::Detach { subscriber, publication } => self.detach(subscriber, publication, now),
                Effect::Tune { subscriber, publication } => self.tune(subscriber, publication, now),
                Effect::Unpublished { publisher, publication } => self.unpublished(publisher, publication),
                Effect::Gone { participant, connection } => self.remove_seat(participant, connection, now),
                Effect::Replaced { connection } => {
                    self.connections.remove(&connection);
                    self.events.push_back(Event::CloseConnection(connection));
                }
                Effect::Deliver(message) => self.deliver_all(&message, now),
                Effect::CallEnded { id, result } => {
                    let reply = result.map(AdminReply::Called).map_err(AdminError::Call);
                    self.events.push_back(Event::Admin { id: AdminId(id.0), reply });
                }
                Effect::Notice(notice) => {
                    let unix_us = self.now(now).unix_us;
                    self.events.push_back(Event::Notice { notice, unix_us });
                }
                Effect::Closed => {
                    if let Some(room) = self.rooms.remove(&room_key) {
                        self.names.remove(room.name());
                    }
                    self.timers.remove(Timer::Room(room_key));
                    return;
                }
            }
        }
        if published {
            // A watched participant may have begun to publish.
            self.watch_again(room_key, now);
        }
        let deadline = self.rooms.get(&room_key).and_then(crate::room::Room::poll_timeout);
        self.timers.schedule(Timer::Room(room_key), deadline);
    }

    fn tell(&mut self, to: ParticipantKey, what: Response) {
        self.say(to, what);
    }

    pub(super) fn remove_seat(
        &mut self,
        key: ParticipantKey,
        connection: Option<ConnectionId>,
        now: Instant,
    ) {
        let Some(seat) = self.seats.remove(&key) else { return };
        for peer in [seat.publisher, seat.subscriber].into_iter().flatten() {
            self.remove_peer(peer, now);
        }
        if let Some(mixer) = seat.mixer {
            self.links.remove(&mixer.link);
            self.events.push_back(Event::Mixer { link: mixer.link, message: MixerMessage::RoomClosed });
        }
        if let Some(connection) = connection {
            self.connections.remove(&connection);
            self.events.push_back(Event::CloseConnection(connection));
        }
        self.timers.remove(Timer::Seat(key));
        match seat.place {
            Place::Here => self.seating.free(seat.room, self.config.seating.index),
            Place::Away(away) => {
                self.seating.free(seat.room, away.shard);
                self.order(away.shard, Order::Close(key));
            }
            Place::Guest(_) => {}
        }
    }
}
