//! ④⑤⑥ Publications' packets: in from their publisher, on to every downlink, RTCP both ways.

use std::num::NonZeroU32;
use std::time::Instant;

use super::carrying::{RelayFeed, RelayLeg};
use super::downlink::DownlinkKey;
use super::guard::Work;
use super::peer::TransportKey;
use super::relay::{Carried, Order, Origin};
use super::timers::Timer;
use super::{Destination, RoomKey, Send, Shard};
use crate::bwe::Bitrate;
use crate::codec::AudioLevel;
use crate::forward::{Heard, Leg, Plain, SLOT, Target};
use crate::names::{Mid, Ssrc};
use crate::receive::{Accepted, EncodingIndex, MAX_TEMPORAL, Reception};
use crate::room::{ParticipantKey, PublicationKey};

/// Place of a publication's media in its shard; used again after it is gone.
pub(super) type MediaKey = usize;

/// The packets of one publication.
pub(super) struct Media {
    pub(super) publication: PublicationKey,
    pub(super) reception: Reception,
    pub(super) room: RoomKey,
    pub(super) feed: Feed,
    pub(super) owner: ParticipantKey,
    pub(super) origin: Origin,
    pub(super) downlinks: Vec<DownlinkKey>,
    /// Its sound comes as RED.
    pub(super) red: bool,
    /// Its codec's format parameters.
    pub(super) fmtp: String,
    /// Shards to which it goes.
    pub(super) legs: Vec<RelayLeg>,
    /// Its publisher speaks, or did so lately, as far as home has said so; home itself asks the room.
    pub(super) speaks: bool,
    /// Home knows that somebody here receives it.
    pub(super) told_received: bool,
    /// It is in the list of publications with fresh packets.
    is_fresh: bool,
    /// Which layers the publisher was told to send, and a smaller wish with its time.
    pub(super) told_qualities: [bool; 3],
    pub(super) lower_qualities_at: Option<Instant>,
}

impl Media {
    /// `sender` is the SSRC of our reports to its publisher.
    pub(super) fn new(about: Carried, feed: Feed, sender: Ssrc) -> Self {
        Self {
            publication: about.publication,
            reception: Reception::new(about.codec, about.encodings, sender),
            room: about.room,
            feed,
            owner: about.owner,
            origin: about.origin,
            downlinks: Vec::new(),
            legs: Vec::new(),
            red: about.red,
            fmtp: about.fmtp,
            speaks: about.speaks,
            told_received: false,
            is_fresh: false,
            told_qualities: [true; 3],
            lower_qualities_at: None,
        }
    }

    /// What another shard must know of it.
    pub(super) fn about(&self) -> Carried {
        Carried {
            publication: self.publication,
            room: self.room,
            owner: self.owner,
            origin: self.origin.clone(),
            codec: self.reception.codec(),
            encodings: self.reception.stream_count(),
            red: self.red,
            fmtp: self.fmtp.clone(),
            speaks: self.speaks,
        }
    }

    /// Its packets come from another shard.
    pub(super) const fn is_carried(&self) -> bool {
        matches!(self.feed, Feed::Relay(_))
    }

    /// Bits per second of an encoding up to each temporal layer, whether it crosses or not.
    pub(super) fn bitrates(&self, now: Instant, encoding: EncodingIndex) -> [Bitrate; MAX_TEMPORAL] {
        match &self.feed {
            Feed::Publisher(..) => self.reception.bitrates(now, encoding),
            Feed::Relay(feed) => feed.rates.rates.get(encoding.index()).copied().unwrap_or_default(),
        }
    }

    /// Frames a second of an encoding up to each temporal layer, whether it crosses or not.
    pub(super) fn frame_rates(&self, now: Instant, encoding: EncodingIndex) -> [u64; MAX_TEMPORAL] {
        match &self.feed {
            Feed::Publisher(..) => self.reception.frame_rates(now, encoding),
            Feed::Relay(feed) => feed.rates.frame_rates.get(encoding.index()).copied().unwrap_or_default(),
        }
    }

    /// The first temporal layer with which an encoding has so many frames a second.
    pub(super) fn temporal_for(&self, now: Instant, encoding: EncodingIndex, frame_rate: NonZeroU32) -> u8 {
        let rates = self.frame_rates(now, encoding);
        // A camera of 30 frames a second brings 29 in some seconds.
        let enough = |rate: &u64| rate * 10 >= u64::from(frame_rate.get()) * 9;
        let layer = rates.iter().position(enough).and_then(|layer| u8::try_from(layer).ok());
        layer.unwrap_or(Target::ALL_TEMPORAL)
    }
}

/// Where a publication's packets come from.
pub(super) enum Feed {
    /// From its publisher's transport, which is here, in this section.
    Publisher(TransportKey, Mid),
    /// From another shard.
    Relay(Box<RelayFeed>),
}

impl Shard {
    /// Takes one decrypted packet of a publisher.
    pub(super) fn handle_rtp(&mut self, key: TransportKey, now: Instant, packet: &[u8]) {
        let Some(publishing) = self.peers.get_mut(key).and_then(super::Peer::publishing) else { return };
        let counters = &mut self.stats.media.receive;
        let routed = publishing.inbound.route(now, packet, counters);
        self.timers.schedule(Timer::Feedback(key), publishing.inbound.poll_timeout());
        let Ok(routed) = routed else { return };
        let Some(media) = self.media.get_mut(routed.publication) else { return };
        if media.reception.handle_rtp(now, &routed, packet, counters) == Accepted::Dropped {
            return;
        }
        let (room, owner) = (media.room, media.owner);
        self.note_fresh(routed.publication);
        if let Some(level) = routed.audio_level {
            self.hear(room, owner, level, now);
        }
    }

    /// A publisher is so loud. Home alone keeps account of it: there its sound always comes.
    pub(super) fn hear(&mut self, room_key: RoomKey, owner: ParticipantKey, level: AudioLevel, now: Instant) {
        let at = self.now(now);
        let Some(room) = self.rooms.get_mut(&room_key) else { return };
        let before = room.poll_timeout();
        room.handle_audio_level(owner, level.below_full_scale, at);
        if before.is_none() || room.poll_timeout() < before {
            self.timers.schedule(Timer::Room(room_key), room.poll_timeout());
        }
    }

    /// Takes one decrypted RTCP compound packet.
    pub(super) fn handle_rtcp(&mut self, key: TransportKey, now: Instant, compound: &[u8]) {
        if let Some(publishing) = self.peers.get_mut(key).and_then(super::Peer::publishing) {
            let media = &mut self.media;
            let mut carried = Vec::new();
            publishing.inbound.handle_rtcp(
                compound,
                &mut self.stats.media.receive,
                |key, encoding, clock| {
                    if let Some(media) = media.get_mut(key) {
                        media.reception.handle_sender_clock(now, encoding, clock);
                        carried.extend((!media.legs.is_empty()).then_some((key, encoding)));
                    }
                },
            );
            carried.into_iter().for_each(|(key, encoding)| self.relay_clock(key, encoding));
        }
        self.handle_subscriber_rtcp(key, now, compound);
    }

    /// Hands what has arrived to the shards that want it ([`Self::poll_packets`]): they send it on while this one
    /// does so, too. Once a turn, before [`Self::end_turn`].
    pub fn relay(&mut self, now: Instant) {
        let fresh = std::mem::take(&mut self.fresh);
        for &key in &fresh {
            let Some(media) = self.media.get(key).filter(|media| !media.legs.is_empty()) else { continue };
            self.guard(&Work::Room(media.room), now, |shard| shard.relay_fresh(key));
        }
        self.fresh = fresh;
    }

    /// Ends a turn: forwards what has arrived, asks publishers for what is missing. `send` is called whenever the
    /// arena holds enough for a few calls of the kernel, so that the first subscriber of a large room does not wait
    /// for the last one, and what is sent is still in the processor's cache.
    pub fn end_turn(&mut self, now: Instant, send: Send<'_>) {
        let mut fresh = std::mem::take(&mut self.fresh);
        for &key in &fresh {
            let Some(media) = self.media.get(key) else { continue };
            let room = media.room;
            self.guard(&Work::Room(room), now, |shard| {
                shard.fail_if_broken(room);
                shard.forward_fresh(key, now, send);
            });
        }
        fresh.clear();
        self.fresh = fresh;
        self.report_wants();
    }

    /// A publication has packets to forward in this turn.
    pub(super) fn note_fresh(&mut self, key: MediaKey) {
        let Some(media) = self.media.get_mut(key) else { return };
        if !std::mem::replace(&mut media.is_fresh, true) {
            self.fresh.push(key);
        }
    }

    /// Reports, NACKs and keyframe requests of one publication, sealed towards its publisher.
    pub(super) fn on_reception_timeout(&mut self, key: MediaKey, now: Instant) {
        let Some(media) = self.media.get_mut(key) else { return };
        let Feed::Publisher(publisher, _) = media.feed else { return };
        let mut rtcp = std::mem::take(&mut self.rtcp);
        rtcp.clear();
        media.reception.poll_rtcp(now, &mut rtcp, &mut self.stats.media.receive);
        let deadline = media.reception.poll_timeout();
        self.send_rtcp(publisher, &rtcp);
        self.rtcp = rtcp;
        self.timers.schedule(Timer::Reception(key), deadline.map(|at| at.max(now + MIN_TIMER)));
        // Layers come and go with the publisher's bandwidth.
        self.aim_mixers(key, now);
    }

    pub(super) fn on_feedback_timeout(&mut self, key: TransportKey, now: Instant) {
        let Some(publishing) = self.peers.get_mut(key).and_then(super::Peer::publishing) else { return };
        let mut rtcp = std::mem::take(&mut self.rtcp);
        rtcp.clear();
        publishing.inbound.poll_rtcp(now, &mut rtcp);
        let deadline = publishing.inbound.poll_timeout();
        self.send_rtcp(key, &rtcp);
        self.rtcp = rtcp;
        self.timers.schedule(Timer::Feedback(key), deadline.map(|at| at.max(now + MIN_TIMER)));
    }

    /// Seals one compound packet into the arena.
    pub(super) fn send_rtcp(&mut self, key: TransportKey, compound: &[u8]) {
        if compound.is_empty() {
            return;
        }
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(path) = peer.transport.media_path() else { return };
        let Some(srtp) = peer.transport.srtp_mut() else { return };
        let Some(space) = self.arena.space() else { return };
        if let Ok(len) = srtp.seal_rtcp(compound, space) {
            self.arena.commit(Destination::Path(path), len);
        }
    }

    /// A downlink waits for a keyframe of this encoding.
    pub(super) fn request_keyframe(&mut self, key: MediaKey, encoding: EncodingIndex, now: Instant) {
        if self.want_keyframe(key, encoding) {
            return;
        }
        let Some(media) = self.media.get_mut(key) else { return };
        media.reception.request_keyframe(encoding);
        if media.reception.is_urgent(now) {
            self.on_reception_timeout(key, now);
        } else {
            let deadline = media.reception.poll_timeout();
            self.timers.schedule(Timer::Reception(key), deadline);
        }
    }

    pub(super) fn remove_media(&mut self, publication: PublicationKey) {
        let Some(key) = self.media_of.remove(&publication) else { return };
        let media = self.media.remove(key);
        let goes_to = media.legs.iter().map(|leg| leg.shard);
        let comes_from = match &media.feed {
            Feed::Relay(feed) => Some(feed.from),
            Feed::Publisher(peer, mid) => {
                self.stop_receiving((*peer, *mid), media.owner);
                None
            }
        };
        if self.is_home(media.room) {
            let shards: Vec<_> = goes_to.chain(comes_from).collect();
            shards.into_iter().for_each(|shard| self.order(shard, Order::Drop(publication)));
        }
        self.fresh.retain(|known| *known != key);
        self.timers.remove(Timer::Reception(key));
        self.timers.remove(Timer::Qualities(key));
        self.timers.remove(Timer::Relay(key));
    }

    /// Forwards the fresh packets of one publication to all its downlinks.
    fn forward_fresh(&mut self, key: MediaKey, now: Instant, send: Send<'_>) {
        let Some(media) = self.media.get_mut(key) else { return };
        media.is_fresh = false;
        let counters = &mut self.stats.media.forward;
        let reception = &media.reception;
        let (mut starved, mut switched) = (Vec::new(), false);
        for &downlink_key in &media.downlinks {
            let Some(downlink) = self.downlinks.get_mut(downlink_key) else { continue };
            let Some(forwarding) = &mut downlink.forwarding else { continue };
            let before = forwarding.current();
            match downlink.to {
                super::downlink::Towards::Peer(peer_key) => {
                    let Some(peer) = self.peers.get_mut(peer_key) else { continue };
                    let (Some(path), Some(subscribing)) =
                        (peer.transport.media_path(), peer.role.subscribing())
                    else {
                        continue;
                    };
                    let Some(seal) = peer.transport.srtp() else { continue };
                    let congestion = Some(&mut subscribing.outbound.congestion);
                    let mut leg = Leg { to: Destination::Path(path), seal, congestion };
                    forwarding.forward(now, reception, &mut leg, &mut self.arena, counters);
                    if before != forwarding.current() {
                        switched = true;
                        self.timers.schedule(Timer::Sending(peer_key), Some(now));
                    }
                    if forwarding.is_held() {
                        self.timers.schedule(Timer::Pacing(peer_key), Some(now + SLOT));
                    }
                    if let Some(encoding) = forwarding.take_starved() {
                        starved.push(encoding);
                        self.timers.schedule(Timer::Sending(peer_key), Some(now));
                    }
                }
                super::downlink::Towards::Mixer { link, track, .. } => {
                    let to = Destination::Mixer(link, track);
                    let mut leg = Leg { to, seal: &Plain, congestion: None };
                    forwarding.forward(now, reception, &mut leg, &mut self.arena, counters);
                    downlink.sender_report_due |= before != forwarding.current();
                }
            }
            if self.arena.is_ripe() {
                send(&mut self.arena);
            }
        }
        self.tell_mixer_clocks(key);
        let Some(media) = self.media.get_mut(key) else { return };
        media.reception.clear_fresh();
        if media.is_carried() {
            for encoding in starved {
                self.want_keyframe(key, encoding);
            }
            if switched {
                self.look_at_wants(key);
            }
            return;
        }
        for encoding in starved {
            media.reception.request_keyframe(encoding);
        }
        let urgent = media.reception.is_urgent(now);
        let deadline = media.reception.poll_timeout();
        if urgent {
            self.on_reception_timeout(key, now);
        } else {
            self.timers.schedule(Timer::Reception(key), deadline);
        }
    }

    fn handle_subscriber_rtcp(&mut self, key: TransportKey, now: Instant, compound: &[u8]) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(subscribing) = peer.role.subscribing() else { return };
        let (path, seal) = (peer.transport.media_path(), peer.transport.srtp());
        let (downlinks, media, arena) = (&mut self.downlinks, &mut self.media, &mut self.arena);
        let counters = &mut self.stats.media.forward;
        let mut nacked = crate::stats::ForwardCounters::default();
        let mut keyframes = Vec::new();
        subscribing.outbound.handle_rtcp(now, compound, counters, |heard, congestion| match heard {
            Heard::Nack { key, nack } => {
                let Some(downlink) = downlinks.get_mut(key) else { return };
                let Some(forwarding) = &mut downlink.forwarding else { return };
                let (Some(path), Some(seal)) = (path, seal) else { return };
                let Some(media) = media.get(downlink.media) else { return };
                let to = Destination::Path(path);
                let mut leg = Leg { to, seal, congestion: Some(congestion) };
                forwarding.retransmit(now, nack.missing(), &media.reception, &mut leg, arena, &mut nacked);
            }
            Heard::KeyframeRequest { key } => {
                let Some(downlink) = downlinks.get_mut(key) else { return };
                let Some(forwarding) = &mut downlink.forwarding else { return };
                if let Some(encoding) = forwarding.handle_keyframe_request(&mut nacked) {
                    keyframes.push((downlink.media, encoding));
                }
            }
            Heard::Returned { key } => {
                let Some(downlink) = downlinks.get_mut(key) else { return };
                let Some(forwarding) = &mut downlink.forwarding else { return };
                forwarding.start_anew();
                keyframes.extend(forwarding.waits_for().map(|encoding| (downlink.media, encoding)));
            }
            Heard::Report { key, block } => {
                let forwarding = downlinks.get_mut(key).and_then(|d| d.forwarding.as_mut());
                if let Some(forwarding) = forwarding {
                    forwarding.handle_report(now, &block);
                }
            }
        });
        counters.add(&nacked);
        for (media, encoding) in keyframes {
            self.request_keyframe(media, encoding, now);
        }
        self.timers.schedule(Timer::Sending(key), Some(now));
    }
}

/// A deadline in the past means "now"; the next turn is soon enough.
const MIN_TIMER: std::time::Duration = std::time::Duration::from_millis(5);
