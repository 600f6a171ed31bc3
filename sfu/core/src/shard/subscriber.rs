//! Offers to subscribers: gathered, one in flight, answered.

use std::time::{Duration, Instant};

use super::Shard;
use super::peer::{Negotiation, Role, Subscribing, TransportKey};
use crate::bwe::BweConfig;
use crate::forward::{Congestion, Outbound};
use crate::room::ParticipantKey;
use crate::room::message::{Description, LeaveAction, LeaveReason, Response};
use crate::rtp::SeqNo;
use crate::sdp::{Offerer, SessionDescription};
use crate::transport::RemoteError;

/// Changes within this time share an offer; LiveKit's value.
const DEBOUNCE: Duration = Duration::from_millis(150);

/// The first change after a quiet time waits only for its siblings: sound and picture of one publisher.
const FIRST_CHANGE: Duration = Duration::from_millis(10);

impl Shard {
    /// Makes a participant's subscriber transport.
    pub(super) fn make_subscriber(&mut self, key: ParticipantKey, now: Instant) {
        let subscribing = Subscribing {
            offerer: Offerer::new(),
            negotiation: Negotiation::Stable { since: None },
            offer_id: 0,
            outbound: Outbound::new(Congestion::new(BweConfig::default(), SeqNo(1))),
            by_publication: std::collections::BTreeMap::new(),
            allocate_at: None,
            pretended_bps: None,
        };
        let peer = self.make_peer(key, Role::Subscriber(Box::new(subscribing)), now);
        self.open_channels(peer, now);
        if let Some(seat) = self.seats.get_mut(&key) {
            seat.subscriber = Some(peer);
        }
    }

    /// Something changed that belongs into the next offer.
    pub(super) fn want_offer(&mut self, key: ParticipantKey, now: Instant) {
        let Some(subscribing) = self.subscribing(key) else { return };
        if let Negotiation::Stable { since } = subscribing.negotiation {
            let quiet = since.is_none_or(|since| now.saturating_duration_since(since) > DEBOUNCE);
            let at = now + if quiet { FIRST_CHANGE } else { DEBOUNCE };
            subscribing.negotiation = Negotiation::Due { at };
            self.schedule_seat(key, now);
        }
    }

    /// Offers at once, without gathering: the first offer of a session.
    pub(super) fn offer_now(&mut self, key: ParticipantKey, now: Instant) {
        let Some(peer) = self.seats.get(&key).and_then(|seat| seat.subscriber) else { return };
        self.send_offer(key, peer, now);
    }

    /// Offers when it is time.
    pub(super) fn offer_if_due(&mut self, key: ParticipantKey, now: Instant) {
        let Some(subscribing) = self.subscribing(key) else { return };
        match subscribing.negotiation {
            Negotiation::Due { at } if at <= now => {}
            Negotiation::Due { .. } | Negotiation::Stable { .. } | Negotiation::InFlight { .. } => return,
        }
        if !subscribing.offerer.needs_offer() {
            subscribing.negotiation = Negotiation::Stable { since: Some(now) };
            return;
        }
        self.offer_now(key, now);
    }

    /// A resumed client may have moved to another network: restarts ICE with a fresh offer.
    pub(super) fn restart_subscriber(&mut self, key: ParticipantKey, now: Instant) {
        let Some(peer_key) = self.seats.get(&key).and_then(|seat| seat.subscriber) else { return };
        let Some(peer) = self.peers.get_mut(peer_key) else { return };
        peer.transport.restart_ice();
        self.learn_ufrag(peer_key);
        self.send_offer(key, peer_key, now);
    }

    /// Takes the answer to our offer.
    pub(super) fn on_answer(&mut self, key: ParticipantKey, answer: &Description, now: Instant) {
        let Some(peer_key) = self.seats.get(&key).and_then(|seat| seat.subscriber) else { return };
        let Some(peer) = self.peers.get_mut(peer_key) else { return };
        let Role::Subscriber(subscribing) = &mut peer.role else { return };
        // Clients before negotiation numbers send 0.
        let stale = answer.id != 0 && answer.id != subscribing.offer_id;
        if stale || !matches!(subscribing.negotiation, Negotiation::InFlight { .. }) {
            return;
        }
        let Ok(description) = SessionDescription::parse(&answer.sdp) else {
            self.refuse_answer(key, now);
            return;
        };
        let Some(remote) = description.remote() else {
            self.refuse_answer(key, now);
            return;
        };
        match peer.transport.set_remote(remote, now) {
            Ok(_) => {}
            Err(RemoteError::FingerprintChanged | RemoteError::Closed) => {
                self.refuse_answer(key, now);
                return;
            }
        }
        let Ok(negotiated) = subscribing.offerer.handle_answer(&description) else {
            self.refuse_answer(key, now);
            return;
        };
        subscribing.negotiation = if subscribing.offerer.needs_offer() {
            Negotiation::Due { at: now + DEBOUNCE }
        } else {
            Negotiation::Stable { since: Some(now) }
        };
        self.renegotiate(peer_key, &negotiated, now);
        self.drain_transport(peer_key, now);
        self.schedule_seat(key, now);
    }

    fn send_offer(&mut self, key: ParticipantKey, peer_key: TransportKey, now: Instant) {
        let sdp = self.with_local(peer_key, |local, role| match role {
            Role::Subscriber(subscribing) => {
                subscribing.negotiation = Negotiation::InFlight { since: now };
                subscribing.offer_id += 1;
                Some((subscribing.offer_id, subscribing.offerer.offer(local)))
            }
            Role::Publisher(_) => None,
        });
        let Some(Some((id, sdp))) = sdp else { return };
        let mid_to_track = self.mids_of(peer_key);
        self.say(key, Response::Offer(Description { id, sdp, mid_to_track }));
        self.drain_transport(peer_key, now);
        self.schedule_seat(key, now);
    }

    fn mids_of(&mut self, peer_key: TransportKey) -> Vec<(String, crate::room::sid::TrackSid)> {
        let Some(peer) = self.peers.get_mut(peer_key) else { return Vec::new() };
        let owner = peer.owner;
        let Some(subscribing) = peer.subscribing() else { return Vec::new() };
        let Some(room) = self.seats.get(&owner).and_then(|seat| self.rooms.get(&seat.room)) else {
            return Vec::new();
        };
        let mids = subscribing.by_publication.iter().filter_map(|(&publication, (_, mid))| {
            Some((mid.to_string(), room.publication(publication)?.info.sid.clone()))
        });
        mids.collect()
    }

    fn refuse_answer(&mut self, key: ParticipantKey, now: Instant) {
        let at = self.now(now);
        if let Some((room_key, room)) = self.room_of(key) {
            room.leave_with(key, LeaveReason::JoinFailure, LeaveAction::Reconnect, at);
            self.apply_effects(room_key, now);
        }
    }

    pub(super) fn subscribing(&mut self, key: ParticipantKey) -> Option<&mut Subscribing> {
        let peer = self.seats.get(&key)?.subscriber?;
        self.peers.get_mut(peer)?.subscribing()
    }
}
