//! ②③ Datagrams to their transports, and what transports say.

use std::time::Instant;

use super::guard::Work;
use super::peer::{Channels, Peer, Role, TransportKey};
use super::relay::Report;
use super::timers::Timer;
use super::{Event, Shard};
use crate::demux::{stun_answer_ufrag, stun_username};
use crate::room::ParticipantKey;
use crate::room::message::{LeaveAction, LeaveReason, Target, Trickle};
use crate::room::participant::Lifeline;
use crate::sdp::{Candidate, CandidateProtocol, LocalDescription};
use crate::transport::{CloseReason, Event as TransportEvent, Path, Received, Transport};

impl Shard {
    /// Takes one datagram of the media port, or one frame of an ICE-TCP connection.
    pub fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        let known = self.paths.get(&path).copied();
        // A check names its transport by our ufrag: a path may change hands after an ICE restart.
        let is_stun = datagram.first().is_some_and(|&byte| byte < 4);
        let named = if is_stun { self.named(datagram) } else { None };
        let Some(key) = named.or(known) else {
            self.stats.dropped_datagrams += 1;
            return;
        };
        let Some(peer) = self.peers.get(key) else { return };
        let work = Work::Room(peer.room);
        self.guard(&work, now, |shard| shard.on_datagram((key, path), datagram, now));
    }

    fn on_datagram(&mut self, (key, path): (TransportKey, Path), datagram: &mut [u8], now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        match peer.transport.handle_datagram(now, path, datagram) {
            Received::Rtp(rtp) => {
                let len = rtp.payload.end;
                self.handle_rtp(key, now, &datagram[..len]);
                return self.drain_if_loud(key, now);
            }
            Received::Rtcp(place) => {
                self.handle_rtcp(key, now, &datagram[place]);
                return self.drain_if_loud(key, now);
            }
            Received::PathChecked => {
                self.paths.insert(path, key);
                self.events.push_back(Event::PathClaimed(path));
            }
            Received::Dropped(_) => self.stats.dropped_datagrams += 1,
            Received::Consumed => {}
        }
        self.drain_transport(key, now);
    }

    /// Media needs no other work of the transport than its timers, which run anyway, unless it came from a new
    /// address or after a long silence.
    fn drain_if_loud(&mut self, key: TransportKey, now: Instant) {
        if self.peers.get_mut(key).is_some_and(|peer| peer.transport.has_output()) {
            self.drain_transport(key, now);
        }
    }

    /// The transport that a check names, or whose own check this answers.
    fn named(&self, stun: &[u8]) -> Option<TransportKey> {
        let ufrag = match stun_answer_ufrag(stun) {
            Some(ufrag) => ufrag,
            None => stun_username(stun)?.local,
        };
        self.ufrags.get(ufrag).copied()
    }

    /// An ICE-TCP connection is gone.
    pub fn handle_path_gone(&mut self, now: Instant, path: Path) {
        let Some(key) = self.paths.remove(&path) else { return };
        let Some(peer) = self.peers.get(key) else { return };
        let work = Work::Room(peer.room);
        self.guard(&work, now, |shard| {
            if let Some(peer) = shard.peers.get_mut(key) {
                peer.transport.handle_path_gone(now, path);
            }
            shard.drain_transport(key, now);
        });
    }

    /// A client told where it can be checked; before its description it cannot be.
    pub(super) fn on_trickle(&mut self, key: ParticipantKey, trickle: &Trickle, now: Instant) {
        let Some(seat) = self.seats.get(&key) else { return };
        let peer_key = match trickle.target {
            Target::Publisher => seat.publisher,
            Target::Subscriber => seat.subscriber,
        };
        let Some(peer_key) = peer_key else { return };
        let Some(peer) = self.peers.get_mut(peer_key) else { return };
        peer.transport.handle_candidates(now, trickle.ufrag.as_deref(), &trickle.addresses);
        self.drain_transport(peer_key, now);
    }

    pub(super) fn on_transport_timeout(&mut self, key: TransportKey, now: Instant) {
        if let Some(peer) = self.peers.get_mut(key) {
            peer.transport.handle_timeout(now);
        }
        self.drain_transport(key, now);
    }

    /// Makes a transport of somebody who has a seat; its ufrag is known from now on.
    pub(super) fn make_peer(&mut self, owner: ParticipantKey, role: Role, now: Instant) -> TransportKey {
        let seed = self.entropy.seed();
        let room = self.seats[&owner].room;
        let transport = Transport::new(self.config.transport.clone(), &seed, now);
        let ufrag = transport.local().ufrag.clone();
        // RFC 8829 §5.2.1: 62 bits, so that it fits a signed number.
        let session_id = u64::try_from(self.entropy.bits() >> 66).unwrap_or(1);
        let key = self.peers.insert(Peer {
            transport,
            owner,
            room,
            role,
            session_id,
            version: 0,
            ufrags: vec![ufrag.clone()],
            connected: false,
            stalled: false,
            channels: Channels::default(),
        });
        self.ufrags.insert(ufrag, key);
        key
    }

    /// Ends a transport, tells its peer, and forgets it.
    pub(super) fn remove_peer(&mut self, key: TransportKey, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        peer.transport.close(now);
        while let Some(transmit) = peer.transport.poll_transmit() {
            self.transmits.push_back(transmit);
        }
        let peer = self.peers.remove(key);
        for ufrag in &peer.ufrags {
            if self.ufrags.get(ufrag) == Some(&key) {
                self.ufrags.remove(ufrag);
            }
        }
        self.paths.retain(|_, known| *known != key);
        for timer in [Timer::Transport(key), Timer::Feedback(key), Timer::Sending(key), Timer::Pacing(key)] {
            self.timers.remove(timer);
        }
    }

    /// After an ICE restart: the new ufrag names the transport too.
    pub(super) fn learn_ufrag(&mut self, key: TransportKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let ufrag = peer.transport.local().ufrag.clone();
        if !peer.ufrags.contains(&ufrag) {
            peer.ufrags.push(ufrag.clone());
            self.ufrags.insert(ufrag, key);
        }
    }

    /// What our next description on this transport says about ourselves.
    pub(super) fn with_local<R>(
        &mut self,
        key: TransportKey,
        write: impl FnOnce(&LocalDescription<'_>, &mut Role) -> R,
    ) -> Option<R> {
        let peer = self.peers.get_mut(key)?;
        peer.version += 1;
        let credentials = peer.transport.local().clone();
        let tcp_only = self.seats.get(&peer.owner).is_some_and(|seat| seat.tcp_only);
        let may_use =
            |candidate: &&Candidate| !tcp_only || candidate.protocol == CandidateProtocol::TcpPassive;
        let candidates: Vec<Candidate> = self.config.candidates.iter().filter(may_use).copied().collect();
        let local = LocalDescription {
            session_id: peer.session_id,
            version: peer.version,
            credentials: &credentials,
            fingerprint: peer.transport.fingerprint(),
            candidates: &candidates,
            lite: !peer.transport.is_controlling(),
        };
        Some(write(&local, &mut peer.role))
    }

    /// Takes out what a transport has to send and to say, and sets its next deadline.
    pub(super) fn drain_transport(&mut self, key: TransportKey, now: Instant) {
        loop {
            let Some(peer) = self.peers.get_mut(key) else { return };
            while let Some(transmit) = peer.transport.poll_transmit() {
                self.transmits.push_back(transmit);
            }
            let Some(event) = peer.transport.poll_event() else { break };
            self.on_transport_event(key, event, now);
        }
        let Some(peer) = self.peers.get(key) else { return };
        self.timers.schedule(Timer::Transport(key), peer.transport.poll_timeout());
    }

    fn on_transport_event(&mut self, key: TransportKey, event: TransportEvent, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let owner = peer.owner;
        match event {
            TransportEvent::Connected => {
                peer.connected = true;
                self.on_connected(key, now);
            }
            TransportEvent::PathChanged(_) => {}
            TransportEvent::PathForgotten(path) => {
                if self.paths.get(&path) == Some(&key) {
                    self.paths.remove(&path);
                }
            }
            TransportEvent::UfragRetired(ufrag) => {
                peer.ufrags.retain(|known| *known != ufrag);
                self.ufrags.remove(&ufrag);
            }
            TransportEvent::Stalled => peer.stalled = true,
            TransportEvent::Recovered => {
                peer.stalled = false;
                self.on_recovered(key, now);
            }
            TransportEvent::ChannelOpened(opened) => self.on_channel_opened(key, &opened),
            TransportEvent::ChannelData { id, bytes, .. } => self.on_channel_message(key, id, &bytes, now),
            TransportEvent::ChannelClosed(id) => self.on_channel_closed(key, id),
            TransportEvent::Closed(reason) => self.on_transport_closed(key, reason, now),
        }
        self.report_alive(owner);
    }

    fn on_connected(&mut self, key: TransportKey, now: Instant) {
        let Some(peer) = self.peers.get(key) else { return };
        let (owner, is_subscriber) = (peer.owner, peer.role.receives().is_some());
        let at = self.now(now);
        let Some(seat) = self.seats.get(&owner) else { return };
        // The primary transport: the subscriber's where there is one.
        if is_subscriber || !seat.receives() {
            let room_key = seat.room;
            if let Some(home) = self.home_of(owner) {
                self.report_home(home, Report::Connected(owner));
            }
            if let Some(room) = self.rooms.get_mut(&room_key) {
                room.activate(owner, at);
            }
            self.apply_effects(room_key, now);
        }
        if is_subscriber {
            self.start_downlinks(key, now);
        }
    }

    fn on_recovered(&mut self, key: TransportKey, now: Instant) {
        let Some(peer) = self.peers.get(key) else { return };
        if peer.role.receives().is_some() {
            self.restart_downlinks(key, now);
            self.start_downlinks(key, now);
        }
    }

    fn on_transport_closed(&mut self, key: TransportKey, reason: CloseReason, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        peer.connected = false;
        let owner = peer.owner;
        if reason == CloseReason::Panicked {
            self.stats.panics += 1;
        }
        if reason == CloseReason::ClosedByUs {
            return;
        }
        let Some(seat) = self.seats.get(&owner) else { return };
        let by_peer = reason == CloseReason::ClosedByPeer;
        if seat.lifeline == Lifeline::Media {
            let reason = if by_peer { LeaveReason::ClientInitiated } else { LeaveReason::MediaFailure };
            self.dismiss(owner, reason, LeaveAction::Disconnect, now);
            return;
        }
        if seat.connection.is_none() {
            // Nobody to tell: the session ends when its resume window does.
            self.schedule_seat(owner, now);
            return;
        }
        if by_peer {
            // The client ended it on purpose: its `leave` follows, or its socket closes.
            return;
        }
        self.dismiss(owner, LeaveReason::MediaFailure, LeaveAction::Reconnect, now);
    }
}
