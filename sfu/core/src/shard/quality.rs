//! Layers by bandwidth, what publishers are told to send, and what people are told of connections.

use std::time::{Duration, Instant};

use super::downlink::{DownlinkKey, Towards};
use super::media::MediaKey;
use super::peer::TransportKey;
use super::timers::Timer;
use super::{Destination, Shard};
use crate::bwe::{Bitrate, Demand, Priority, ProbeRequest, allocate};
use crate::forward::{Forwarding, Leg, Target};
use crate::receive::{EncodingIndex, MAX_ENCODINGS, MAX_TEMPORAL};
use crate::room::PublicationKey;
use crate::room::message::{Response, Source};

/// Layers are chosen anew this often, and at every change of wishes.
const ALLOCATE: Duration = Duration::from_millis(250);

/// A publisher is told to stop a layer this long after the last wish for it: a viewer who scrolls back gets
/// its picture at once.
const LOWER_QUALITY: Duration = Duration::from_secs(10);

impl Shard {
    /// The estimate, the layers, probes and reports of one subscriber.
    pub(super) fn on_sending_timeout(&mut self, key: TransportKey, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let is_alive = peer.is_alive();
        let Some(subscribing) = peer.role.subscribing() else { return };
        if !is_alive || subscribing.by_publication.is_empty() {
            return;
        }
        let estimate = subscribing.outbound.congestion.poll(now);
        if subscribing.allocate_at.is_none_or(|at| at <= now) {
            subscribing.allocate_at = Some(now + ALLOCATE);
            self.allocate(key, estimate.bitrate, now);
        }
        if let Some(probe) = estimate.probe {
            self.probe(key, probe, now);
        }
        self.report(key, now);
        let Some(subscribing) = self.peers.get_mut(key).and_then(super::Peer::subscribing) else { return };
        let next = [subscribing.allocate_at, subscribing.outbound.congestion.poll_timeout()];
        let next = next.into_iter().flatten().min().map(|at| at.max(now + Duration::from_millis(1)));
        self.timers.schedule(Timer::Sending(key), next);
    }

    /// Wishes changed: layers are chosen at the next turn.
    pub(super) fn allocate_soon(&mut self, key: TransportKey, now: Instant) {
        let Some(subscribing) = self.peers.get_mut(key).and_then(super::Peer::subscribing) else { return };
        subscribing.allocate_at = Some(now);
        self.timers.schedule(Timer::Sending(key), Some(now));
    }

    /// Somebody's wish for a publication changed: its publisher may have to send more, or less.
    pub(super) fn schedule_wanted_qualities(&mut self, publication: PublicationKey, now: Instant) {
        let Some(&key) = self.media_of.get(&publication) else { return };
        let Some(wanted) = self.wanted_qualities(key) else { return };
        let Some(media) = self.media.get_mut(key) else { return };
        let raises = wanted.iter().zip(media.told_qualities).any(|(&wanted, told)| wanted && !told);
        if raises {
            media.lower_qualities_at = None;
            self.tell_qualities(key, wanted);
        } else if wanted == media.told_qualities {
            media.lower_qualities_at = None;
        } else if media.lower_qualities_at.is_none() {
            let at = now + LOWER_QUALITY;
            media.lower_qualities_at = Some(at);
            self.timers.schedule(Timer::Qualities(key), Some(at));
        }
    }

    pub(super) fn on_qualities_timeout(&mut self, key: MediaKey, now: Instant) {
        let Some(wanted) = self.wanted_qualities(key) else { return };
        let Some(media) = self.media.get_mut(key) else { return };
        match media.lower_qualities_at {
            Some(at) if at <= now => {
                media.lower_qualities_at = None;
                if wanted != media.told_qualities {
                    self.tell_qualities(key, wanted);
                }
            }
            at => self.timers.schedule(Timer::Qualities(key), at),
        }
    }

    fn wanted_qualities(&self, key: MediaKey) -> Option<[bool; 3]> {
        let media = self.media.get(key)?;
        if media.reception.codec().is_audio() {
            return None;
        }
        Some(self.rooms.get(&media.room)?.wanted_qualities(media.publication))
    }

    fn tell_qualities(&mut self, key: MediaKey, enabled: [bool; 3]) {
        let Some(media) = self.media.get_mut(key) else { return };
        media.told_qualities = enabled;
        let (owner, room, publication) = (media.owner, media.room, media.publication);
        let info =
            self.rooms.get(&room).and_then(|room| room.publication(publication)).map(|p| p.info.clone());
        let Some(info) = info else { return };
        let codec = info.mime_type.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        self.say(owner, Response::SubscribedQuality { track: info.sid, codec, enabled });
    }

    /// Chooses a layer for each downlink so that all together fit.
    fn allocate(&mut self, key: TransportKey, estimate: Bitrate, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let owner = peer.owner;
        let Some(subscribing) = peer.role.subscribing() else { return };
        let estimate = subscribing.pretended_bps.map_or(estimate, |bps| estimate.min(Bitrate(bps)));
        let is_guess = subscribing.outbound.congestion.bwe().is_guess(now);
        let downlinks: Vec<DownlinkKey> = subscribing.by_publication.values().map(|&(key, _)| key).collect();
        let demands: Vec<Demand> = downlinks.iter().map(|&key| self.demand(key, estimate, now)).collect();
        let mut chosen = Vec::new();
        // Where nothing can carry a probe, a paused picture would never come back.
        let probes =
            |key: &DownlinkKey| self.downlinks[*key].forwarding.as_ref().is_some_and(Forwarding::can_probe);
        let must_show = is_guess || !downlinks.iter().any(probes);
        let allocation = allocate(estimate, must_show, &demands, &mut chosen);
        if let Some(subscribing) = self.peers.get_mut(key).and_then(super::Peer::subscribing) {
            subscribing.outbound.congestion.bwe_mut().set_desired(allocation.desired);
        }
        let mut states = Vec::new();
        for ((&downlink, demand), choice) in downlinks.iter().zip(&demands).zip(chosen) {
            let before = self.downlinks[downlink].forwarding.as_ref().and_then(Forwarding::target);
            self.set_target(downlink, choice, now);
            let paused = demand.wanted.is_some() && choice.is_none();
            let Some(entry) = self.downlinks.get_mut(downlink) else { continue };
            let after = entry.forwarding.as_ref().and_then(Forwarding::target);
            let climb =
                if before.is_some() && after.is_some() { &mut entry.layers } else { &mut entry.pauses };
            if after > before {
                climb.on_step_up(now, estimate);
            } else if after < before && before.is_some_and(|before| demand.could_have(before)) {
                climb.on_step_down(now);
            }
            if std::mem::replace(&mut entry.paused, paused) != paused {
                tracing::debug!(paused, ?estimate, ?demand, "a picture is paused, or goes on");
                states.extend(self.stream_state(downlink, paused));
            }
        }
        if !states.is_empty() {
            self.say(owner, Response::StreamStates(states));
        }
    }

    fn stream_state(
        &self,
        key: DownlinkKey,
        paused: bool,
    ) -> Option<(crate::room::sid::ParticipantSid, crate::room::sid::TrackSid, bool)> {
        let downlink = self.downlinks.get(key)?;
        let origin = &self.media.get(downlink.media)?.origin;
        Some((origin.participant.clone(), origin.track.clone(), paused))
    }

    fn demand(&self, key: DownlinkKey, estimate: Bitrate, now: Instant) -> Demand {
        let downlink = &self.downlinks[key];
        let media = &self.media[downlink.media];
        let mut rates = [[Bitrate::ZERO; MAX_TEMPORAL]; MAX_ENCODINGS];
        let mut temporal = [Target::ALL_TEMPORAL; MAX_ENCODINGS];
        for (place, rate) in rates.iter_mut().enumerate().take(media.reception.encoding_count()) {
            let encoding = EncodingIndex(u8::try_from(place).unwrap_or(0));
            *rate = media.bitrates(now, encoding);
            if let Some(frame_rate) = downlink.wanted.and_then(|wish| wish.frame_rate) {
                temporal[place] = media.temporal_for(now, encoding, frame_rate);
            }
        }
        let room = self.rooms.get(&media.room);
        let speaks = room.map_or(media.speaks, |room| room.spoke_lately(media.owner, now));
        let rank = downlink.wanted.and_then(|wish| wish.rank);
        let priority = match (media.origin.source, rank) {
            _ if media.reception.codec().is_audio() => Priority::Audio,
            (_, Some(rank)) => Priority::Ranked(rank),
            (Source::ScreenShare, None) => Priority::Screen,
            _ if speaks => Priority::Speaker,
            (Source::Unknown | Source::Camera | Source::Microphone | Source::ScreenShareAudio, None) => {
                Priority::Camera
            }
        };
        let forwarding = downlink.forwarding.as_ref();
        // While a keyframe is awaited, what was chosen last counts as what is sent: the choice stands.
        let current = forwarding.and_then(|f| f.target().or(f.current().map(Target::encoding)));
        // A screen that stands still sends nothing for a while: that is no reason to change its layer.
        if let Some(current) = current
            && rates.iter().flatten().all(|&rate| rate == Bitrate::ZERO)
        {
            rates[current.encoding.index()] = [Bitrate(1); MAX_TEMPORAL];
        }
        let may_pause = self.seats.get(&downlink.subscriber).is_none_or(|seat| seat.may_pause);
        let climb = if current.is_some() { &downlink.layers } else { &downlink.pauses };
        let may_step_up = climb.may_step_up(now, estimate);
        let wanted = downlink.wanted.map(|wish| wish.encoding);
        Demand { priority, rates, wanted, temporal, current, may_pause, may_step_up }
    }

    /// Sends a probe on the first downlink that can carry one.
    fn probe(&mut self, key: TransportKey, request: ProbeRequest, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(path) = peer.transport.media_path() else { return };
        let Some(subscribing) = peer.role.subscribing() else { return };
        let Some(seal) = peer.transport.srtp() else { return };
        for &(downlink, _) in subscribing.by_publication.values() {
            let Some(downlink) = self.downlinks.get_mut(downlink) else { continue };
            let Some(forwarding) = &mut downlink.forwarding else { continue };
            let Some(media) = self.media.get(downlink.media) else { continue };
            let congestion = Some(&mut subscribing.outbound.congestion);
            let mut leg = Leg { to: Destination::Path(path), seal, congestion };
            let counters = &mut self.stats.media.forward;
            let sent = forwarding.probe(now, request, &media.reception, &mut leg, &mut self.arena, counters);
            if sent > 0 {
                return;
            }
        }
    }

    /// Sends the sender reports that are due, several in one compound packet.
    fn report(&mut self, key: TransportKey, now: Instant) {
        let Some(subscribing) = self.peers.get_mut(key).and_then(super::Peer::subscribing) else { return };
        let mut rtcp = std::mem::take(&mut self.rtcp);
        rtcp.clear();
        let downlinks: Vec<DownlinkKey> = subscribing.by_publication.values().map(|&(key, _)| key).collect();
        for downlink in downlinks {
            let Some(downlink) = self.downlinks.get_mut(downlink) else { continue };
            debug_assert!(
                matches!(downlink.to, Towards::Peer(peer) if peer == key),
                "it is this subscriber's"
            );
            let Some(forwarding) = &mut downlink.forwarding else { continue };
            let Some(media) = self.media.get(downlink.media) else { continue };
            forwarding.poll_rtcp(now, &media.reception, &mut rtcp);
            // Two reports more always fit a datagram.
            if rtcp.len() > MAX_COMPOUND_BYTES {
                self.send_rtcp(key, &rtcp);
                rtcp.clear();
            }
        }
        self.send_rtcp(key, &rtcp);
        self.rtcp = rtcp;
    }
}

/// A report with its CNAME takes about 70 bytes; a datagram 1,200.
const MAX_COMPOUND_BYTES: usize = 1000;
