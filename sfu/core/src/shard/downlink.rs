//! ⑥ One publication towards one participant: negotiated, started, tuned, ended.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Instant;

use super::media::{Media, MediaKey};
use super::mixer::{LinkId, MixerMessage, TrackHandle};
use super::peer::TransportKey;
use super::relay::Report;
use super::seat::Place;
use super::timers::Timer;
use super::{Event, Shard};
use crate::bwe::{Bitrate, Climb};
use crate::forward::{Forwarding, ForwardingConfig, RtxConfig, Target};
use crate::names::Ssrc;
use crate::receive::{EncodingIndex, MAX_TEMPORAL, Reception};
use crate::room::message::Kind;
use crate::room::{ParticipantKey, PublicationKey};
use crate::rtp::{ExtMap, Pt, RtpTime, SeqNo};
use crate::sdp::{
    Codec, MediaKind, Msid, Negotiated, NegotiatedSection, OfferedCodec, OfferedTrack, SendTrack,
};

/// Place of a downlink in its shard; used again after it is gone.
pub(super) type DownlinkKey = usize;

/// One forwarded track towards one participant (LiveKit's down-track).
pub(super) struct Downlink {
    pub(super) media: MediaKey,
    pub(super) subscriber: ParticipantKey,
    pub(super) to: Towards,
    /// `None` until it is negotiated.
    pub(super) forwarding: Option<Forwarding>,
    /// What its viewer has use for; `None`: nothing.
    pub(super) wanted: Option<Wish>,
    /// The subscriber was told that it is paused for lack of bandwidth.
    pub(super) paused: bool,
    /// Its steps between layers, and between nothing and something.
    pub(super) layers: Climb,
    pub(super) pauses: Climb,
    /// A mixer has not got the sender report of what it receives now.
    pub(super) sender_report_due: bool,
    /// The publisher's last report that a mixer was told.
    pub(super) told_clock: Option<crate::receive::SenderClock>,
}

/// What a viewer has use for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    /// The largest encoding.
    pub(super) encoding: EncodingIndex,
    /// Frames a second that are enough.
    pub(super) frame_rate: Option<NonZeroU32>,
    /// Its place among the viewer's pictures; 1 comes first.
    pub(super) rank: Option<NonZeroU32>,
}

/// Where a downlink leads.
#[derive(Debug, Clone, Copy)]
pub(super) enum Towards {
    /// To a subscriber transport.
    Peer(TransportKey),
    /// To a mixer.
    Mixer {
        /// Its link.
        link: LinkId,
        /// The track's name there.
        track: TrackHandle,
    },
}

impl Shard {
    /// Begins to forward a publication to a participant.
    pub(super) fn attach(&mut self, subscriber: ParticipantKey, publication: PublicationKey, now: Instant) {
        let Some(seat) = self.seats.get(&subscriber) else { return };
        if matches!(seat.place, Place::Away(_)) {
            self.attach_away(subscriber, publication, now);
        } else if seat.mixer.is_some() {
            self.attach_mixer(subscriber, publication, now);
        } else {
            // Somebody who may subscribe only since now has no transport for it yet.
            let peer = seat.subscriber.unwrap_or_else(|| self.make_subscriber(subscriber, now));
            self.attach_peer(subscriber, peer, publication, now);
        }
        self.schedule_wanted_qualities(publication, now);
    }

    /// Stops forwarding a publication to a participant.
    pub(super) fn detach(&mut self, subscriber: ParticipantKey, publication: PublicationKey, now: Instant) {
        if self.away(subscriber).is_some() {
            self.detach_away(subscriber, publication);
            self.schedule_wanted_qualities(publication, now);
            return;
        }
        let Some(key) = self.find_downlink(subscriber, publication) else { return };
        let downlink = self.downlinks.remove(key);
        if let Some(media) = self.media.get_mut(downlink.media) {
            media.downlinks.retain(|known| *known != key);
        }
        self.look_at_wants(downlink.media);
        match downlink.to {
            Towards::Peer(peer) => {
                let Some(subscribing) = self.peers.get_mut(peer).and_then(super::Peer::subscribing) else {
                    return;
                };
                subscribing.outbound.detach(key);
                if let Some((_, ssrc)) = subscribing.by_publication.remove(&publication) {
                    subscribing.sections.remove(ssrc);
                }
                self.want_offer(subscriber, now);
            }
            Towards::Mixer { link, track } => {
                let message = MixerMessage::TrackEnded { track };
                self.events.push_back(Event::Mixer { link, message });
            }
        }
        self.schedule_wanted_qualities(publication, now);
    }

    /// The wishes of a downlink, or the mute of its publication, changed.
    pub(super) fn tune(&mut self, subscriber: ParticipantKey, publication: PublicationKey, now: Instant) {
        if self.away(subscriber).is_some() {
            self.tune_away(subscriber, publication);
            self.schedule_wanted_qualities(publication, now);
            return;
        }
        let Some(key) = self.find_downlink(subscriber, publication) else { return };
        self.read_wish(key);
        let Some(downlink) = self.downlinks.get(key) else { return };
        match downlink.to {
            Towards::Peer(peer) => self.allocate_soon(peer, now),
            Towards::Mixer { link, track } => {
                let muted = self.is_muted(downlink.media);
                let message = MixerMessage::TrackMuted { track, muted };
                self.events.push_back(Event::Mixer { link, message });
                self.aim(key, now);
            }
        }
        self.schedule_wanted_qualities(publication, now);
    }

    /// After an answer: every downlink gets its negotiated numbers, and new ones start.
    pub(super) fn renegotiate(&mut self, peer_key: TransportKey, negotiated: &Negotiated, now: Instant) {
        let Some(subscribing) = self.peers.get_mut(peer_key).and_then(super::Peer::subscribing) else {
            return;
        };
        let carries = negotiated.sections.iter().filter(|s| !s.stopped && s.direction.sends());
        let sections: HashMap<Ssrc, &NegotiatedSection> =
            carries.filter_map(|section| Some((section.send.as_ref()?.ssrc, section))).collect();
        let all: Vec<_> = subscribing.by_publication.values().copied().collect();
        for (key, ssrc) in all {
            let Some(section) = sections.get(&ssrc) else { continue };
            self.negotiate_downlink(key, section, negotiated);
        }
        self.start_downlinks(peer_key, now);
    }

    /// The transport is up or came back: everything waits for a keyframe.
    pub(super) fn start_downlinks(&mut self, peer_key: TransportKey, now: Instant) {
        self.allocate_soon(peer_key, now);
        let Some(subscribing) = self.peers.get_mut(peer_key).and_then(super::Peer::subscribing) else {
            return;
        };
        let publications: Vec<_> = subscribing.by_publication.keys().copied().collect();
        for publication in publications {
            self.on_received(publication);
        }
    }

    /// A path for the publication stands: its publisher is told once.
    pub(super) fn on_received(&mut self, publication: PublicationKey) {
        let Some(media) = self.media_of.get(&publication).and_then(|&key| self.media.get_mut(key)) else {
            return;
        };
        if let Some(room) = self.rooms.get_mut(&media.room) {
            room.received(publication);
        } else if !std::mem::replace(&mut media.told_received, true) {
            let home = media.room.home();
            self.report_home(home, Report::Received(publication));
        }
    }

    /// Points a downlink at what its viewer wants, and asks for the keyframe that it then needs.
    pub(super) fn aim(&mut self, key: DownlinkKey, now: Instant) {
        let Some(downlink) = self.downlinks.get(key) else { return };
        let wanted = downlink.wanted.map(|wish| Target::encoding(wish.encoding));
        self.set_target(key, wanted, now);
    }

    /// As [`Self::aim`], at a chosen layer.
    pub(super) fn set_target(&mut self, key: DownlinkKey, target: Option<Target>, now: Instant) {
        let Some(downlink) = self.downlinks.get_mut(key) else { return };
        let media = downlink.media;
        // A layer that its publisher does not send would never bring its keyframe.
        let Some(forwarding) = &mut downlink.forwarding else { return };
        let current = forwarding.current();
        let target = target.map(|wish| {
            let encoding = sent_encoding(&self.media[media], wish.encoding, current, now);
            if encoding == wish.encoding { wish } else { Target::encoding(encoding) }
        });
        if forwarding.target() == target {
            return;
        }
        forwarding.set_target(target);
        let waits_for = forwarding.waits_for();
        self.look_at_wants(media);
        if let Some(encoding) = waits_for {
            self.request_keyframe(media, encoding, now);
        }
    }

    /// A subscriber's path was gone and is back: all its pictures begin anew.
    pub(super) fn restart_downlinks(&mut self, peer_key: TransportKey, now: Instant) {
        let Some(subscribing) = self.peers.get_mut(peer_key).and_then(super::Peer::subscribing) else {
            return;
        };
        let keys: Vec<_> = subscribing.by_publication.values().map(|&(key, _)| key).collect();
        for key in keys {
            let Some(downlink) = self.downlinks.get_mut(key) else { continue };
            let media = downlink.media;
            let Some(forwarding) = &mut downlink.forwarding else { continue };
            forwarding.start_anew();
            if let Some(encoding) = forwarding.waits_for() {
                self.request_keyframe(media, encoding, now);
            }
        }
    }

    /// Reads what the room says that the viewer wants.
    pub(super) fn read_wish(&mut self, key: DownlinkKey) {
        let Some(downlink) = self.downlinks.get(key) else { return };
        // Home says what its guests want.
        if self.media.get(downlink.media).is_none_or(|media| !self.is_home(media.room)) {
            return;
        }
        let wanted = self.wish(downlink.subscriber, downlink.media);
        self.downlinks[key].wanted = wanted;
    }

    /// What the room says that a viewer has use for; `None`: nothing.
    pub(super) fn wish(&self, subscriber: ParticipantKey, media: MediaKey) -> Option<Wish> {
        let media = self.media.get(media)?;
        let room = self.rooms.get(&media.room)?;
        let quality = room.wish(subscriber, media.publication)?;
        let place = room.publication(media.publication).map_or(0, |p| p.encoding_of(quality));
        let settings = room.settings(subscriber, media.publication)?;
        Some(Wish {
            encoding: EncodingIndex(u8::try_from(place).unwrap_or(0)),
            frame_rate: settings.frame_rate,
            rank: settings.rank,
        })
    }

    pub(super) fn find_downlink(
        &self,
        subscriber: ParticipantKey,
        publication: PublicationKey,
    ) -> Option<DownlinkKey> {
        let media = self.media.get(*self.media_of.get(&publication)?)?;
        media.downlinks.iter().copied().find(|&key| self.downlinks[key].subscriber == subscriber)
    }

    pub(super) fn is_muted(&self, media: MediaKey) -> bool {
        let Some(media) = self.media.get(media) else { return false };
        let room = self.rooms.get(&media.room);
        room.and_then(|room| room.publication(media.publication)).is_some_and(|p| p.info.muted)
    }

    fn attach_peer(
        &mut self,
        subscriber: ParticipantKey,
        peer_key: TransportKey,
        publication: PublicationKey,
        now: Instant,
    ) {
        if self.find_downlink(subscriber, publication).is_some() {
            return;
        }
        let Some(&media_key) = self.media_of.get(&publication) else { return };
        let (ssrc, rtx) = (Ssrc(self.fresh_ssrc()), Ssrc(self.fresh_ssrc()));
        let Some(media) = self.media.get(media_key) else { return };
        let takes_red = self.seats.get(&subscriber).is_some_and(|seat| seat.receives_red);
        let (pa, tr) = (&media.origin.participant, &media.origin.track);
        let send = SendTrack {
            msid: Msid { stream: format!("{pa}|{tr}"), track: tr.to_string() },
            ssrc,
            rtx: (media.origin.kind == Kind::Video).then_some(rtx),
            cname: pa.to_string(),
        };
        let kind = match media.origin.kind {
            Kind::Audio => MediaKind::Audio,
            Kind::Video => MediaKind::Video,
        };
        let codecs = offered_codecs(media, takes_red);
        let Some(subscribing) = self.peers.get_mut(peer_key).and_then(super::Peer::subscribing) else {
            return;
        };
        let rtx = send.rtx;
        subscribing.sections.add(OfferedTrack { kind, codecs, send });
        let key = self.downlinks.insert(Downlink {
            media: media_key,
            subscriber,
            to: Towards::Peer(peer_key),
            forwarding: None,
            wanted: None,
            paused: false,
            layers: Climb::new(Climb::LAYERS),
            pauses: Climb::new(Climb::PAUSES),
            sender_report_due: false,
            told_clock: None,
        });
        subscribing.by_publication.insert(publication, (key, ssrc));
        subscribing.outbound.attach(ssrc, rtx, key);
        self.media[media_key].downlinks.push(key);
        self.read_wish(key);
        self.want_offer(subscriber, now);
    }

    fn attach_mixer(&mut self, subscriber: ParticipantKey, publication: PublicationKey, now: Instant) {
        if self.find_downlink(subscriber, publication).is_some() {
            return;
        }
        let Some(&media_key) = self.media_of.get(&publication) else { return };
        let Some(mixer) = self.seats.get_mut(&subscriber).and_then(|seat| seat.mixer.as_mut()) else {
            return;
        };
        let (link, track) = (mixer.link, mixer.next_handle());
        let ssrc = Ssrc(u32::from(track.0) + 1);
        let Some(media) = self.media.get_mut(media_key) else { return };
        let Some(room) = self.rooms.get(&media.room) else { return };
        let Some(source) = room.publication(publication) else { return };
        let Some(owner) = room.participant(media.owner) else { return };
        let codec = media.reception.codec();
        if matches!(codec, crate::codec::Codec::Vp9 | crate::codec::Codec::Av1) {
            // The link does not carry them; a publisher may have another codec.
            let room_key = media.room;
            if let Some(room) = self.rooms.get_mut(&room_key) {
                room.refuse_unplayable(subscriber, publication);
            }
            return;
        }
        let config = ForwardingConfig {
            codec,
            scalable: false,
            ssrc,
            pt: MIXER_PT,
            red: None,
            rtx: None,
            mid: None,
            extensions: ExtMap::default(),
            first_seq: SeqNo(0),
            first_time: RtpTime(0),
            cname: owner.info.sid.as_str().into(),
        };
        let message = MixerMessage::TrackStarted {
            track,
            identity: owner.info.identity.clone(),
            source: source.info.source,
            codec,
            muted: source.info.muted,
        };
        let key = self.downlinks.insert(Downlink {
            media: media_key,
            subscriber,
            to: Towards::Mixer { link, track },
            forwarding: Some(Forwarding::new(config)),
            wanted: None,
            paused: false,
            layers: Climb::new(Climb::LAYERS),
            pauses: Climb::new(Climb::PAUSES),
            sender_report_due: true,
            told_clock: None,
        });
        media.downlinks.push(key);
        self.events.push_back(Event::Mixer { link, message });
        self.read_wish(key);
        self.aim(key, now);
    }

    fn negotiate_downlink(&mut self, key: DownlinkKey, section: &NegotiatedSection, all: &Negotiated) {
        let Some(downlink) = self.downlinks.get_mut(key) else { return };
        let Some(media) = self.media.get(downlink.media) else { return };
        let Some(config) = forwarding_config(section, all, &media.reception) else { return };
        match &mut downlink.forwarding {
            Some(forwarding) => forwarding.renegotiate(&config),
            None => downlink.forwarding = Some(Forwarding::new(config)),
        }
        if let Towards::Peer(peer) = downlink.to {
            self.timers.schedule(Timer::Sending(peer), None);
            self.read_wish(key);
        }
    }
}

/// The wished encoding, or the nearest one that is sent now (smaller first, then larger), or the current one
/// while nothing is sent: a screen that stands still, a muted camera.
fn sent_encoding(
    media: &Media,
    wish: EncodingIndex,
    current: Option<EncodingIndex>,
    now: Instant,
) -> EncodingIndex {
    let is_sent = |place: &u8| media.bitrates(now, EncodingIndex(*place))[MAX_TEMPORAL - 1] > Bitrate::ZERO;
    let last = u8::try_from(media.reception.encoding_count().saturating_sub(1)).unwrap_or(0);
    let wish = wish.0.min(last);
    let found = (0..=wish).rev().find(is_sent).or_else(|| (wish..=last).find(is_sent));
    found.map(EncodingIndex).or(current).unwrap_or(EncodingIndex(wish))
}

fn offered_codecs(media: &super::Media, takes_red: bool) -> Vec<OfferedCodec> {
    let fmtp = media.fmtp.clone();
    let codec = match media.reception.codec() {
        crate::codec::Codec::Opus => Codec::Opus,
        crate::codec::Codec::Vp8 => Codec::Vp8,
        crate::codec::Codec::H264 => Codec::H264,
        crate::codec::Codec::Vp9 => Codec::Vp9,
        crate::codec::Codec::Av1 => Codec::Av1,
    };
    let plain = OfferedCodec { codec, fmtp };
    if media.red && takes_red {
        return vec![OfferedCodec { codec: Codec::Red, fmtp: String::new() }, plain];
    }
    vec![plain]
}

fn forwarding_config(
    section: &NegotiatedSection,
    all: &Negotiated,
    reception: &Reception,
) -> Option<ForwardingConfig> {
    let codec = reception.codec();
    let wanted = match codec {
        crate::codec::Codec::Opus => Codec::Opus,
        crate::codec::Codec::Vp8 => Codec::Vp8,
        crate::codec::Codec::H264 => Codec::H264,
        crate::codec::Codec::Vp9 => Codec::Vp9,
        crate::codec::Codec::Av1 => Codec::Av1,
    };
    let accepted = section.by_codec(wanted)?;
    let send = section.send.as_ref()?;
    let rtx = send.rtx.zip(accepted.rtx).map(|(ssrc, pt)| RtxConfig { ssrc, pt, first_seq: FIRST_SEQ });
    Some(ForwardingConfig {
        codec,
        scalable: reception.is_scalable(),
        ssrc: send.ssrc,
        pt: accepted.pt,
        red: section.by_codec(Codec::Red).map(|red| red.pt),
        rtx,
        mid: Some(section.mid),
        extensions: all.send_extensions,
        first_seq: FIRST_SEQ,
        first_time: RtpTime(0),
        cname: send.cname.as_str().into(),
    })
}

/// Low, so that the receiver's roll-over counter is sure to be 0.
const FIRST_SEQ: SeqNo = SeqNo(1);

/// Any number: the mixer knows the codec by the track's handle.
const MIXER_PT: Pt = Pt::new(96).expect("96 is a dynamic payload type");

/// A downlink, and the SSRC under which it sends.
pub(super) type ByPublication = (DownlinkKey, Ssrc);
