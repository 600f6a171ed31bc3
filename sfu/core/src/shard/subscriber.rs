//! What participants receive is negotiated: changes gathered, one negotiation in flight.
//!
//! With two peer connections we offer. With a single one the client does: it is asked to offer, with so many
//! more sections, and its next offer is answered with tracks in its sections (`publisher.rs`).

use std::time::{Duration, Instant};

use super::Shard;
use super::peer::{Negotiation, Publishing, Role, Sections, Subscribing, TransportKey};
use super::relay::Report;
use super::seat::ANSWER_TIMEOUT;
use crate::names::Ssrc;
use crate::room::ParticipantKey;
use crate::room::message::{Description, LeaveAction, LeaveReason, Response};
use crate::sdp::{Negotiated, Offerer, Placement, SessionDescription};
use crate::transport::RemoteError;

/// Changes within this time share an offer; LiveKit's value.
const DEBOUNCE: Duration = Duration::from_millis(150);

/// The first change after a quiet time waits only for its siblings: sound and picture of one publisher.
const FIRST_CHANGE: Duration = Duration::from_millis(10);

impl Shard {
    /// Makes a participant's subscriber transport.
    pub(super) fn make_subscriber(&mut self, key: ParticipantKey, now: Instant) -> TransportKey {
        let sections = Sections::Ours { offerer: Offerer::new(), offer_id: 0 };
        let subscribing = Subscribing::new(sections, Negotiation::Stable { since: None });
        let peer = self.make_peer(key, Role::Subscriber(Box::new(subscribing)), now);
        self.open_channels(peer, now);
        if let Some(seat) = self.seats.get_mut(&key) {
            seat.subscriber = Some(peer);
        }
        peer
    }

    /// Makes a participant's only transport (LiveKit's single peer connection). The client offers first.
    pub(super) fn make_single(&mut self, key: ParticipantKey, now: Instant) {
        let publishing = Publishing::new(Ssrc(self.fresh_ssrc()), self.config.transport.max_ssrcs);
        let sections = Sections::Theirs(Placement::default());
        let subscribing = Subscribing::new(sections, Negotiation::InFlight { since: now });
        let role = Role::Single(Box::new(publishing), Box::new(subscribing));
        let peer = self.make_peer(key, role, now);
        if let Some(seat) = self.seats.get_mut(&key) {
            (seat.publisher, seat.subscriber) = (Some(peer), Some(peer));
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
    ///
    /// Does nothing for a participant that offers itself.
    pub(super) fn offer_now(&mut self, key: ParticipantKey, now: Instant) {
        let Some(peer) = self.seats.get(&key).and_then(|seat| seat.subscriber) else { return };
        self.send_offer(key, peer, now);
    }

    /// Offers, or asks the client to offer, when it is time.
    pub(super) fn offer_if_due(&mut self, key: ParticipantKey, now: Instant) {
        let Some(subscribing) = self.subscribing(key) else { return };
        let due = match subscribing.negotiation {
            Negotiation::Due { at } => at <= now,
            // A client that never offered is asked again; our own offer without answer ends the session.
            Negotiation::InFlight { since } => {
                matches!(subscribing.sections, Sections::Theirs(_)) && now >= since + ANSWER_TIMEOUT
            }
            Negotiation::Stable { .. } => false,
        };
        if !due {
            return;
        }
        if !subscribing.sections.needs_offer() {
            subscribing.negotiation = Negotiation::Stable { since: Some(now) };
            return;
        }
        match &subscribing.sections {
            Sections::Ours { .. } => self.offer_now(key, now),
            Sections::Theirs(placement) => {
                let missing = placement.missing();
                subscribing.negotiation = Negotiation::InFlight { since: now };
                self.say(key, Response::SectionsRequired { audios: missing.audios, videos: missing.videos });
            }
        }
    }

    /// After an answer, ours or theirs: what was agreed on begins, and what is left is done in the next.
    pub(super) fn negotiated(&mut self, peer_key: TransportKey, negotiated: &Negotiated, now: Instant) {
        let Some(peer) = self.peers.get_mut(peer_key) else { return };
        let owner = peer.owner;
        let Some(subscribing) = peer.subscribing() else { return };
        subscribing.negotiation = if subscribing.sections.needs_offer() {
            Negotiation::Due { at: now + DEBOUNCE }
        } else {
            Negotiation::Stable { since: Some(now) }
        };
        self.renegotiate(peer_key, negotiated, now);
        self.schedule_seat(owner, now);
    }

    /// A resumed client may have moved to another network: restarts ICE with a fresh offer. A client that
    /// offers itself restarts it by its own next offer.
    pub(super) fn restart_subscriber(&mut self, key: ParticipantKey, now: Instant) {
        let Some(peer_key) = self.seats.get(&key).and_then(|seat| seat.subscriber) else { return };
        let Some(peer) = self.peers.get_mut(peer_key) else { return };
        let Some(subscribing) = peer.role.subscribing() else { return };
        if matches!(subscribing.sections, Sections::Theirs(_)) {
            subscribing.negotiation = Negotiation::InFlight { since: now };
            return;
        }
        peer.transport.restart_ice();
        self.learn_ufrag(peer_key);
        self.send_offer(key, peer_key, now);
    }

    /// Takes the answer to our offer.
    pub(super) fn on_answer(&mut self, key: ParticipantKey, answer: &Description, now: Instant) {
        let Some(peer_key) = self.seats.get(&key).and_then(|seat| seat.subscriber) else { return };
        let Some(peer) = self.peers.get_mut(peer_key) else { return };
        let Some(subscribing) = peer.role.subscribing() else { return };
        let Sections::Ours { offerer, offer_id } = &mut subscribing.sections else { return };
        // Clients before negotiation numbers send 0.
        let stale = answer.id != 0 && answer.id != *offer_id;
        if stale || !matches!(subscribing.negotiation, Negotiation::InFlight { .. }) {
            return;
        }
        let Ok(description) = SessionDescription::parse_within(&answer.sdp, &self.config.sdp) else {
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
        let Ok(negotiated) = offerer.handle_answer(&description) else {
            self.refuse_answer(key, now);
            return;
        };
        let rejected = negotiated.sections.iter().filter(|section| section.stopped);
        let rejected: Vec<Ssrc> = rejected.filter_map(|section| Some(section.send.as_ref()?.ssrc)).collect();
        self.negotiated(peer_key, &negotiated, now);
        self.refuse_tracks(peer_key, &rejected, now);
        self.drain_transport(peer_key, now);
    }

    /// Takes tracks from a participant that receives no codec of them.
    pub(super) fn refuse_tracks(&mut self, peer_key: TransportKey, refused: &[Ssrc], now: Instant) {
        let Some(peer) = self.peers.get(peer_key) else { return };
        let (owner, Some(subscribing)) = (peer.owner, peer.role.receives()) else { return };
        let of_refused = subscribing.by_publication.iter().filter(|(_, (_, ssrc))| refused.contains(ssrc));
        let publications: Vec<_> = of_refused.map(|(&publication, _)| publication).collect();
        if let Some(home) = self.home_of(owner) {
            for publication in publications {
                self.report_home(home, Report::Unplayable(owner, publication));
            }
            return;
        }
        let Some((room_key, room)) = self.room_of(owner) else { return };
        publications.into_iter().for_each(|publication| room.refuse_unplayable(owner, publication));
        self.apply_effects(room_key, now);
    }

    fn send_offer(&mut self, key: ParticipantKey, peer_key: TransportKey, now: Instant) {
        let offer = self.with_local(peer_key, |local, role| {
            let subscribing = role.subscribing()?;
            let Sections::Ours { offerer, offer_id } = &mut subscribing.sections else { return None };
            subscribing.negotiation = Negotiation::InFlight { since: now };
            *offer_id += 1;
            let (id, sdp) = (*offer_id, offerer.offer(local));
            Some(Description { id, sdp, mid_to_track: subscribing.sections.mid_to_track() })
        });
        let Some(Some(offer)) = offer else { return };
        self.say(key, Response::Offer(offer));
        self.drain_transport(peer_key, now);
        self.schedule_seat(key, now);
    }

    fn refuse_answer(&mut self, key: ParticipantKey, now: Instant) {
        self.dismiss(key, LeaveReason::JoinFailure, LeaveAction::Reconnect, now);
    }

    pub(super) fn subscribing(&mut self, key: ParticipantKey) -> Option<&mut Subscribing> {
        let peer = self.seats.get(&key)?.subscriber?;
        self.peers.get_mut(peer)?.subscribing()
    }
}
