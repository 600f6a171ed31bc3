//! Commands from the edge: joins, requests, ended connections, administrators.

use std::time::{Duration, Instant};

use super::admin::{AdminId, AdminReply, AdminRequest, ParticipantRequest};
use super::away::AwaySeat;
use super::guard::Waiting;
use super::relay::Order;
use super::seat::{Place, Seat};
use super::seating::can_move;
use super::timers::Timer;
use super::{Command, Event, RoomKey, Shard, SignalEnd};
use crate::room::admin::{AdminError, ParticipantChange, Text};
use crate::room::calls::{Call, CallId};
use crate::room::message::{
    LeaveAction, LeaveReason, RefusalReason, Request, Response, ResumeFault, Scenario, SyncState,
};
use crate::room::participant::{Join, Transports};
use crate::room::sid::ParticipantSid;
use crate::room::{ConnectionId, JoinError, ParticipantKey, PublicationKey, Room, RoomOptions};

impl Shard {
    /// Takes one command.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        let (work, waiting) = (self.work_of(&command), Waiting::of(&command));
        if !self.guard(&work, now, |shard| shard.on_command(command, now)) {
            self.after_panic(&waiting);
        }
    }

    fn on_command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Join { connection, room, join, resume, options } => match resume {
                Some(sid) => self.resume(connection, &room, &join.identity, &sid, now),
                None => self.join(connection, (&room, options), *join, now),
            },
            Command::Request { connection, request } => {
                if let Some(&key) = self.connections.get(&connection) {
                    self.on_request(key, *request, now);
                }
            }
            Command::SignalEnded { connection, end } => self.on_signal_ended(connection, end, now),
            Command::Admin { id, request } => self.on_admin(id, request, now),
            Command::Mixer { link, command } => self.on_mixer(link, command, now),
            Command::Close => self.close_everything(now),
        }
    }

    /// The room of this name, opened if need be; `None` when there are too many, or the shard closes.
    pub(super) fn open_room(&mut self, name: &str, options: RoomOptions, now: Instant) -> Option<RoomKey> {
        if let Some(&key) = self.names.get(name) {
            return Some(key);
        }
        if self.closing || self.rooms.len() >= self.config.rooms {
            return None;
        }
        let key = RoomKey(self.next_key());
        let at = self.now(now);
        let options = RoomOptions { hide_audience: self.config.hide_audience, ..options };
        let room = Room::open(name, options, self.config.limits.clone(), &mut self.entropy, at);
        self.timers.schedule(Timer::Room(key), room.poll_timeout());
        self.names.insert(name.to_owned(), key);
        self.rooms.insert(key, room);
        self.apply_effects(key, now);
        Some(key)
    }

    pub(super) fn on_room_timeout(&mut self, key: RoomKey, now: Instant) {
        let at = self.now(now);
        if let Some(room) = self.rooms.get_mut(&key) {
            room.handle_timeout(at);
        }
        self.apply_effects(key, now);
    }

    fn join(
        &mut self,
        connection: ConnectionId,
        (room, options): (&str, RoomOptions),
        join: Join,
        now: Instant,
    ) {
        let Some(room_key) = self.open_room(room, options, now) else {
            // A stopping server's clients look for the next one; a full one has no room for them.
            let action = if self.closing { LeaveAction::Reconnect } else { LeaveAction::Disconnect };
            self.turn_away(connection, LeaveReason::ServerShutdown, action);
            return;
        };
        let key = ParticipantKey(self.next_key());
        let (transports, can_subscribe) = (join.transports, join.permission.can_subscribe);
        let mut seat = Seat::new(room_key, Some(connection), join.lifeline, now);
        (seat.may_pause, seat.receives_red) = (join.may_pause, join.receives_red);
        let shard = self.seating.seat(room_key, can_move(&join));
        if shard != self.config.seating.index {
            seat.place = Place::Away(AwaySeat::new(shard));
        }
        seat.tcp_only = self.rooms.get(&room_key).is_some_and(|room| room.is_tcp_only(&join.identity));
        self.seats.insert(key, seat);
        self.connections.insert(connection, key);
        let at = self.now(now);
        let Some(room) = self.rooms.get_mut(&room_key) else { return };
        match room.join(key, join, &mut self.entropy, at) {
            Ok(()) => {}
            Err(JoinError::Full) => {
                self.seats.remove(&key);
                self.seating.free(room_key, shard);
                self.connections.remove(&connection);
                self.turn_away(connection, LeaveReason::UserRejected, LeaveAction::Disconnect);
                return;
            }
        }
        self.stats.joins += 1;
        self.watch_connections(now);
        if shard != self.config.seating.index {
            self.open_away(key, (connection, transports));
            self.apply_effects(room_key, now);
            self.order(shard, Order::Begin(key));
            self.schedule_seat(key, now);
            return;
        }
        match transports {
            Transports::Single => self.make_single(key, now),
            Transports::Two if can_subscribe => drop(self.make_subscriber(key, now)),
            // Made when it is allowed to subscribe.
            Transports::Two => {}
        }
        self.apply_effects(room_key, now);
        self.offer_now(key, now);
        self.schedule_seat(key, now);
    }

    fn resume(
        &mut self,
        connection: ConnectionId,
        room: &str,
        identity: &str,
        sid: &ParticipantSid,
        now: Instant,
    ) {
        let at = self.now(now);
        let fault = self.take_resume_fault(room, identity);
        if fault == Some(ResumeFault::BeforeWords) {
            self.events.push_back(Event::CloseConnection(connection));
            return;
        }
        let found = self.names.get(room).copied().and_then(|room_key| {
            let room = self.rooms.get_mut(&room_key)?;
            Some((room_key, room.resume(identity, sid, connection, at).ok()?))
        });
        let Some((room_key, key)) = found else {
            self.turn_away(connection, LeaveReason::StateMismatch, LeaveAction::Reconnect);
            return;
        };
        self.stats.resumes += 1;
        let Some(seat) = self.seats.get_mut(&key) else { return };
        if let Some(before) = seat.connection.replace(connection) {
            self.connections.remove(&before);
        }
        seat.signal_lost = None;
        seat.told_qualities.clear();
        self.connections.insert(connection, key);
        self.apply_effects(room_key, now);
        if fault.is_some() {
            self.events.push_back(Event::CloseConnection(connection));
            self.on_signal_ended(connection, SignalEnd::Silent, now);
            return;
        }
        match self.away(key) {
            Some(shard) => self.order(shard, Order::Resumed(key, connection)),
            None => self.restart_subscriber(key, now),
        }
        self.schedule_seat(key, now);
    }

    fn take_resume_fault(&mut self, room: &str, identity: &str) -> Option<ResumeFault> {
        let key = self.names.get(room).and_then(|key| self.rooms.get(key)?.key_of(identity))?;
        self.seats.get_mut(&key)?.resume_fault.take()
    }

    /// Answers a connection that gets no seat.
    pub(super) fn turn_away(&mut self, connection: ConnectionId, reason: LeaveReason, action: LeaveAction) {
        let response = Box::new(Response::Leave { reason, action });
        self.events.push_back(Event::Say { connection, response });
        self.events.push_back(Event::CloseConnection(connection));
    }

    fn on_signal_ended(&mut self, connection: ConnectionId, end: SignalEnd, now: Instant) {
        let Some(key) = self.connections.remove(&connection) else { return };
        let at = self.now(now);
        let Some(seat) = self.seats.get_mut(&key) else { return };
        if seat.connection != Some(connection) {
            return;
        }
        seat.connection = None;
        seat.signal_lost = Some((now, end));
        if let Some((_, room)) = self.room_of(key) {
            room.signal_lost(key, connection, at);
        }
        if let Some(shard) = self.away(key) {
            self.order(shard, Order::SignalLost(key));
        }
        self.schedule_seat(key, now);
    }

    fn on_request(&mut self, key: ParticipantKey, request: Request, now: Instant) {
        let at = self.now(now);
        if !self.config.limits.allow(&request) {
            let message = "too many names in one request".to_owned();
            if let Some((room_key, room)) = self.room_of(key) {
                room.conclude(key, RefusalReason::LimitExceeded, message, request);
                self.apply_effects(room_key, now);
            }
            return;
        }
        match request {
            Request::Offer(offer) => self.on_offer(key, &offer, now),
            Request::Answer(answer) => match self.away(key) {
                Some(shard) => self.order(shard, Order::Answer(key, Box::new(answer))),
                None => self.on_answer(key, &answer, now),
            },
            Request::Trickle(trickle) => match self.away(key) {
                Some(shard) => self.order(shard, Order::Trickle(key, trickle)),
                None => self.on_trickle(key, &trickle, now),
            },
            Request::Simulate(scenario) => self.on_simulate(key, scenario, now),
            Request::SyncState(state) => self.on_sync_state(key, &state, now),
            Request::AddTrack(wish) => {
                let publication = PublicationKey(self.next_key());
                let Some(seat) = self.seats.get(&key) else { return };
                let Some(room) = self.rooms.get_mut(&seat.room) else { return };
                match room.add_track(key, publication, (*wish).clone(), &mut self.entropy, at) {
                    // The offer may have come first.
                    Ok(()) => self.bind_sections(key, now),
                    Err(error) => {
                        room.conclude(key, error.into(), error.to_string(), Request::AddTrack(wish));
                    }
                }
            }
            request @ (Request::Mute { .. }
            | Request::Subscribe { .. }
            | Request::TrackSettings { .. }
            | Request::SubscriptionPermission { .. }
            | Request::UpdateMetadata { .. }
            | Request::AudioFeatures { .. }
            | Request::VideoSize { .. }
            | Request::Leave(_)) => {
                if let Some((_, room)) = self.room_of(key) {
                    on_room_request(room, key, request, at);
                }
            }
        }
        if let Some(room_key) = self.seats.get(&key).map(|seat| seat.room) {
            self.apply_effects(room_key, now);
        }
    }

    fn on_sync_state(&mut self, key: ParticipantKey, state: &SyncState, now: Instant) {
        let at = self.now(now);
        let Some((_, room)) = self.room_of(key) else { return };
        let known = |sid| room.publication_of(sid).and_then(|p| room.publisher_of(p)) == Some(key);
        if state.published.iter().all(known) {
            room.restore_subscriptions(key, &state.tracks, state.subscribed, &state.disabled);
            room.replay_messages(key, &state.received, at);
        } else {
            room.leave_with(key, LeaveReason::StateMismatch, LeaveAction::Reconnect, at);
        }
    }

    /// Plays a fault that a client's own test asks for.
    fn on_simulate(&mut self, key: ParticipantKey, scenario: Scenario, now: Instant) {
        let at = self.now(now);
        let Some(seat) = self.seats.get_mut(&key) else { return };
        let connection = seat.connection;
        let leave = match scenario {
            Scenario::SpeakerUpdate(seconds) => {
                if let Some((_, room)) = self.room_of(key) {
                    room.pretend_to_speak(key, Duration::from_secs(u64::from(seconds)), at);
                }
                return;
            }
            Scenario::UseTcp(tcp_only) => {
                if let Some((_, room)) = self.room_of(key) {
                    room.prefer_tcp(key, tcp_only);
                }
                return;
            }
            Scenario::DisconnectSignalOnResume(fault) => {
                seat.resume_fault = Some(fault);
                return;
            }
            Scenario::SubscriberBandwidth(bps) => {
                let bps = (bps > 0).then_some(bps);
                match self.away(key) {
                    Some(shard) => self.order(shard, Order::Pretend(key, bps)),
                    None => self.pretend_bandwidth(key, bps, now),
                }
                return;
            }
            Scenario::ServerLeave => (LeaveReason::ServerShutdown, LeaveAction::Disconnect),
            Scenario::FullReconnect => (LeaveReason::Migration, LeaveAction::Reconnect),
            Scenario::NodeFailure | Scenario::Migration => {
                // As if the node had died: no word, and no session to resume.
                if let Some(connection) = connection {
                    self.events.push_back(Event::CloseConnection(connection));
                    self.connections.remove(&connection);
                    seat.connection = None;
                }
                (LeaveReason::Migration, LeaveAction::Reconnect)
            }
        };
        if let Some((_, room)) = self.room_of(key) {
            room.leave_with(key, leave.0, leave.1, at);
        }
    }

    /// As if the path to a participant carried so much; `None`: no longer.
    pub(super) fn pretend_bandwidth(&mut self, key: ParticipantKey, bps: Option<u64>, now: Instant) {
        let Some(peer) = self.seats.get(&key).and_then(|seat| seat.subscriber) else { return };
        if let Some(subscribing) = self.peers.get_mut(peer).and_then(super::Peer::subscribing) {
            subscribing.pretended_bps = bps;
        }
        self.allocate_soon(peer, now);
    }

    fn on_admin(&mut self, id: AdminId, request: AdminRequest, now: Instant) {
        let reply = if let AdminRequest::Call { room, identity, call } = &request {
            match self.call(id, room, (identity, call), now) {
                // The reply comes with the participant's answer.
                Ok(()) => return,
                Err(error) => Err(error),
            }
        } else {
            self.administer(request, now)
        };
        self.events.push_back(Event::Admin { id, reply });
    }

    fn call(
        &mut self,
        id: AdminId,
        room: &str,
        (identity, call): (&str, &Call),
        now: Instant,
    ) -> Result<(), AdminError> {
        let at = self.now(now);
        let key = *self.names.get(room).ok_or(AdminError::NotFound)?;
        let room = self.rooms.get_mut(&key).ok_or(AdminError::NotFound)?;
        room.call(CallId(id.0), identity, call, &mut self.entropy, at)?;
        self.apply_effects(key, now);
        Ok(())
    }

    fn administer(&mut self, request: AdminRequest, now: Instant) -> Result<AdminReply, AdminError> {
        let at = self.now(now);
        let (name, request) = match request {
            AdminRequest::CreateRoom { name, options } => {
                let limits = &self.config.limits;
                if name.chars().count() > limits.name_chars || options.metadata.len() > limits.metadata_bytes
                {
                    let is_name = name.chars().count() > limits.name_chars;
                    return Err(AdminError::TooLong(if is_name { Text::Name } else { Text::Metadata }));
                }
                let key = self.open_room(&name, options, now).ok_or(AdminError::TooMany)?;
                let room = self.rooms.get(&key).ok_or(AdminError::NotFound)?;
                return Ok(AdminReply::Room(room.info()));
            }
            AdminRequest::ListRooms { names } => {
                let wanted = |room: &&Room| names.is_empty() || names.iter().any(|name| name == room.name());
                return Ok(AdminReply::Rooms(self.rooms.values().filter(wanted).map(Room::info).collect()));
            }
            AdminRequest::DeleteRoom { ref name } => (name.clone(), request),
            AdminRequest::ListParticipants { ref room }
            | AdminRequest::Participant { ref room, .. }
            | AdminRequest::SendMessage { ref room, .. }
            | AdminRequest::Call { ref room, .. }
            | AdminRequest::SetRoomMetadata { ref room, .. } => (room.clone(), request),
        };
        let key = *self.names.get(&name).ok_or(AdminError::NotFound)?;
        let room = self.rooms.get_mut(&key).ok_or(AdminError::NotFound)?;
        let reply = match request {
            AdminRequest::CreateRoom { .. } | AdminRequest::ListRooms { .. } | AdminRequest::Call { .. } => {
                Ok(AdminReply::Done)
            }
            AdminRequest::DeleteRoom { .. } => {
                room.close(LeaveReason::RoomDeleted, at);
                Ok(AdminReply::Done)
            }
            AdminRequest::ListParticipants { .. } => {
                Ok(AdminReply::Participants(room.participants().map(|(_, p)| p.full_info()).collect()))
            }
            AdminRequest::Participant { identity, what, .. } => {
                administer_participant(room, &identity, what, at)
            }
            AdminRequest::SendMessage { bytes, lossy, identities, sids, .. } => {
                room.send_message(bytes, lossy, &identities, &sids);
                Ok(AdminReply::Done)
            }
            AdminRequest::SetRoomMetadata { metadata, .. } => {
                room.set_metadata(metadata).map(|()| AdminReply::Room(room.info()))
            }
        };
        self.apply_effects(key, now);
        reply
    }
}

fn administer_participant(
    room: &mut Room,
    identity: &str,
    what: ParticipantRequest,
    now: crate::room::Now,
) -> Result<AdminReply, AdminError> {
    let key = room.key_of(identity).ok_or(AdminError::NotFound)?;
    match what {
        ParticipantRequest::Get => {}
        ParticipantRequest::Remove => {
            room.leave(key, LeaveReason::ParticipantRemoved, now);
            return Ok(AdminReply::Done);
        }
        ParticipantRequest::Mute { track, muted } => {
            if !room.mute(key, &track, muted, true, now) {
                return Err(AdminError::NotFound);
            }
            let publication = room.publication_of(&track).and_then(|p| room.publication(p));
            let info = publication.ok_or(AdminError::NotFound)?.info.clone();
            return Ok(AdminReply::Track(Box::new(info)));
        }
        ParticipantRequest::Update(change) => room.update_participant(key, change, now)?,
        ParticipantRequest::Subscribe { tracks, subscribe } => {
            room.subscribe(key, &tracks, subscribe);
            return Ok(AdminReply::Done);
        }
    }
    let info = room.participant_info(key).ok_or(AdminError::NotFound)?;
    Ok(AdminReply::Participant(Box::new(info)))
}

/// Requests that concern the room alone.
fn on_room_request(room: &mut Room, key: ParticipantKey, request: Request, now: crate::room::Now) {
    let found = match &request {
        Request::Mute { track, muted } => room.mute(key, track, *muted, false, now),
        Request::AudioFeatures { track, features, stereo, disable_dtx } => {
            room.set_audio_features(key, track, features.clone(), (*stereo, *disable_dtx), now)
        }
        Request::VideoSize { track, width, height } => {
            room.set_video_size(key, track, (*width, *height), now)
        }
        Request::Subscribe { tracks, subscribe } => {
            room.subscribe(key, tracks, *subscribe);
            true
        }
        Request::TrackSettings { tracks, settings } => {
            room.set_track_settings(key, tracks, *settings);
            true
        }
        Request::SubscriptionPermission { all_participants, allowed } => {
            room.set_audience(key, (!all_participants).then(|| allowed.clone()));
            true
        }
        Request::UpdateMetadata { name, metadata, attributes, .. } => {
            let text = |text: &String| (!text.is_empty()).then(|| text.clone());
            let (name, metadata, attributes) = (text(name), text(metadata), attributes.clone());
            let change = ParticipantChange { name, metadata, attributes, permission: None };
            return room.update_own_metadata(key, change, request, now);
        }
        &Request::Leave(reason) => return room.leave(key, reason, now),
        // The shard has done these before.
        Request::Offer(_)
        | Request::Answer(_)
        | Request::Trickle(_)
        | Request::AddTrack(_)
        | Request::SyncState(_)
        | Request::Simulate(_) => true,
    };
    if !found {
        room.conclude(key, RefusalReason::NotFound, "no such track".to_owned(), request);
    }
}
