//! Which publication a section of an offer brings, and what a shard must know to receive it.
//!
//! Home decides it, for the room is there; the shard of the transport receives what the section brings.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Shard;
use super::carrying::RelayFeed;
use super::media::Feed;
use super::peer::TransportKey;
use super::relay::{Carried, Order, Origin};
use crate::codec::Codec as MediaCodec;
use crate::names::{Mid, Rid};
use crate::receive::{PayloadKind, Payloads, Section, SectionStreams};
use crate::room::message::Kind;
use crate::room::participant::BoundTrack;
use crate::room::{ParticipantKey, PublicationKey};
use crate::sdp::{Codec, MediaKind, NegotiatedSection};

/// What a participant's last offer brings, and what became of it. It is kept where the room is.
#[derive(Debug, Default)]
pub(super) struct Offered {
    /// Sections that bring media.
    sections: Vec<NegotiatedSection>,
    /// Publications by their sections.
    bound: BTreeMap<Mid, PublicationKey>,
}

impl Offered {
    /// What a section brings already.
    pub(super) fn publication(&self, mid: Mid) -> Option<PublicationKey> {
        self.bound.get(&mid).copied()
    }

    fn section(&self, mid: Mid) -> Option<&NegotiatedSection> {
        self.sections.iter().find(|section| section.mid == mid)
    }
}

impl Shard {
    /// An offer was answered, here or on another shard.
    pub(super) fn on_sections(
        &mut self,
        key: ParticipantKey,
        sections: Vec<NegotiatedSection>,
        now: Instant,
    ) {
        let Some(seat) = self.seats.get_mut(&key) else { return };
        seat.offered.sections = sections;
        self.bind_sections(key, now);
    }

    /// Makes publications follow the sections of the last negotiation.
    pub(super) fn bind_sections(&mut self, key: ParticipantKey, now: Instant) {
        let Some(room_key) = self.seats.get(&key).map(|seat| seat.room) else { return };
        self.unbind_ended(key, now);
        let Some(seat) = self.seats.get(&key) else { return };
        for section in seat.offered.sections.clone() {
            self.bind_section(key, &section, now);
        }
        self.apply_effects(room_key, now);
    }

    /// The publication is gone from its room: its media and section go too.
    pub(super) fn unpublished(&mut self, publisher: ParticipantKey, publication: PublicationKey) {
        if let Some(seat) = self.seats.get_mut(&publisher) {
            seat.offered.bound.retain(|_, bound| *bound != publication);
        }
        self.remove_media(publication);
    }

    /// Nothing more of the owner's is taken from this section of its transport here.
    pub(super) fn stop_receiving(&mut self, (peer, mid): (TransportKey, Mid), owner: ParticipantKey) {
        let Some(peer) = self.peers.get_mut(peer).filter(|peer| peer.owner == owner) else { return };
        if let Some(publishing) = peer.publishing() {
            publishing.inbound.remove_section(mid);
        }
    }

    /// Ends publications whose section stopped, or now carries another announced track.
    fn unbind_ended(&mut self, key: ParticipantKey, now: Instant) {
        let at = self.now(now);
        let Some(seat) = self.seats.get(&key) else { return };
        let (room_key, offered) = (seat.room, &seat.offered);
        let Some(room) = self.rooms.get_mut(&room_key) else { return };
        let ended: Vec<_> = offered
            .bound
            .iter()
            .filter(|(mid, publication)| {
                let Some(section) = offered.section(**mid) else { return true };
                // The section was taken over by another sender.
                let cid = track_name(section);
                let own = room.publication(**publication).is_some_and(|p| p.cids.iter().any(|c| c == cid));
                let other = room.waiting(key, kind(section), cid);
                !own && other.is_some_and(|p| p.cids.iter().any(|c| c == cid))
            })
            .map(|(_, &publication)| publication)
            .collect();
        for publication in ended {
            room.unpublish(publication, at);
        }
        self.apply_effects(room_key, now);
    }

    fn bind_section(&mut self, key: ParticipantKey, section: &NegotiatedSection, now: Instant) {
        let at = self.now(now);
        let Some(seat) = self.seats.get(&key) else { return };
        let room_key = seat.room;
        let publication = match seat.offered.publication(section.mid) {
            Some(publication) => publication,
            None => {
                let bound = BoundTrack {
                    mid: section.mid.to_string(),
                    mime_type: mime_type(section).to_owned(),
                    rids: ordered_rids(&section.rids).iter().map(ToString::to_string).collect(),
                };
                let Some(room) = self.rooms.get_mut(&room_key) else { return };
                let bound = room.bind_track(key, kind(section), track_name(section), bound, at);
                let Some(publication) = bound else { return };
                if self.make_media(key, publication, section, now).is_none() {
                    return;
                }
                publication
            }
        };
        if let Some(seat) = self.seats.get_mut(&key) {
            seat.offered.bound.insert(section.mid, publication);
        }
        let Some(media) = self.media_of.get(&publication).and_then(|&media| self.media.get(media)) else {
            return;
        };
        match self.away(key) {
            Some(shard) => {
                let about = Box::new(media.about());
                self.order(shard, Order::Receive(about, Box::new(section.clone())));
            }
            None => self.set_section(publication, section),
        }
    }

    /// The transport of a publication, which is here, learns what its section brings.
    pub(super) fn set_section(&mut self, publication: PublicationKey, section: &NegotiatedSection) {
        let Some(&key) = self.media_of.get(&publication) else { return };
        let Feed::Publisher(peer, _) = self.media[key].feed else { return };
        let Some(publishing) = self.peers.get_mut(peer).and_then(super::Peer::publishing) else { return };
        publishing.inbound.set_section(Section {
            mid: section.mid,
            publication: key,
            payloads: payloads(section),
            streams: streams(section, ordered_rids(&section.rids)),
        });
    }

    fn make_media(
        &mut self,
        owner: ParticipantKey,
        publication: PublicationKey,
        section: &NegotiatedSection,
        now: Instant,
    ) -> Option<()> {
        let seat = self.seats.get(&owner)?;
        let about = self.describe(owner, publication, section)?;
        match self.away(owner) {
            Some(shard) => {
                let feed = Feed::Relay(Box::new(RelayFeed::new(shard)));
                let key = self.insert_media(about, feed, None);
                self.accompany(key, now);
            }
            None => {
                let feed = Feed::Publisher(seat.publisher?, section.mid);
                self.insert_media(about, feed, None);
            }
        }
        Some(())
    }

    fn describe(
        &self,
        owner: ParticipantKey,
        publication: PublicationKey,
        section: &NegotiatedSection,
    ) -> Option<Carried> {
        let room_key = self.seats.get(&owner)?.room;
        let room = self.rooms.get(&room_key)?;
        let info = &room.publication(publication)?.info;
        let first = section.codecs.first()?;
        let codec = media_codec(section);
        // RED carries Opus, whose parameters they are.
        let format = if codec == MediaCodec::Opus { section.by_codec(Codec::Opus) } else { Some(first) };
        Some(Carried {
            publication,
            room: room_key,
            owner,
            origin: Origin {
                participant: room.participant(owner)?.info.sid.clone(),
                track: info.sid.clone(),
                source: info.source,
                kind: info.kind,
            },
            codec,
            encodings: section.rids.len().max(1),
            red: first.codec == Codec::Red,
            fmtp: format.map_or(String::new(), |format| format.fmtp.clone()),
            speaks: false,
        })
    }
}

/// It brings sound or pictures in a codec that we forward.
pub(super) fn brings_media(section: &NegotiatedSection) -> bool {
    let is_media = matches!(section.kind, MediaKind::Audio | MediaKind::Video);
    is_media && section.direction.receives() && !section.stopped && !section.codecs.is_empty()
}

fn kind(section: &NegotiatedSection) -> Kind {
    if section.kind == MediaKind::Audio { Kind::Audio } else { Kind::Video }
}

/// As the client calls the track in its description.
fn track_name(section: &NegotiatedSection) -> &str {
    section.msid.as_ref().map_or("", |msid| msid.track.as_str())
}

/// From the smallest encoding to the largest: clients that use well-known names may offer any order.
fn ordered_rids(rids: &[Rid]) -> Vec<Rid> {
    let mut rids = rids.to_vec();
    for names in RID_NAMES {
        let place = |rid: &Rid| names.iter().position(|known| *known == rid.as_str());
        if rids.iter().all(|rid| place(rid).is_some()) {
            rids.sort_by_key(place);
            break;
        }
    }
    rids
}

/// Smallest first: LiveKit's clients, then OBS (which counts down from the largest), then WHIP encoders.
const RID_NAMES: [&[&str]; 4] =
    [&["q", "h", "f"], &["2", "1", "0"], &["l", "m", "h"], &["low", "mid", "high"]];

fn mime_type(section: &NegotiatedSection) -> &'static str {
    match section.codecs.first().map(|first| first.codec) {
        Some(Codec::Red) => "audio/red",
        Some(Codec::Vp8) => "video/VP8",
        Some(Codec::H264) => "video/H264",
        Some(Codec::Vp9) => "video/VP9",
        Some(Codec::Av1) => "video/AV1",
        Some(Codec::Opus) | None => "audio/opus",
    }
}

fn media_codec(section: &NegotiatedSection) -> MediaCodec {
    match section.codecs.first().map(|first| first.codec) {
        Some(Codec::Vp8) => MediaCodec::Vp8,
        Some(Codec::H264) => MediaCodec::H264,
        Some(Codec::Vp9) => MediaCodec::Vp9,
        Some(Codec::Av1) => MediaCodec::Av1,
        Some(Codec::Opus | Codec::Red) | None => MediaCodec::Opus,
    }
}

fn payloads(section: &NegotiatedSection) -> Payloads {
    let mut list = Vec::new();
    for accepted in &section.codecs {
        let kind = match accepted.codec {
            Codec::Opus => PayloadKind::Media(MediaCodec::Opus),
            Codec::Red => PayloadKind::Red,
            Codec::Vp8 => PayloadKind::Media(MediaCodec::Vp8),
            Codec::H264 => PayloadKind::Media(MediaCodec::H264),
            Codec::Vp9 => PayloadKind::Media(MediaCodec::Vp9),
            Codec::Av1 => PayloadKind::Media(MediaCodec::Av1),
        };
        list.push((accepted.pt, kind));
        if let Some(rtx) = accepted.rtx {
            list.push((rtx, PayloadKind::Rtx(accepted.pt)));
        }
    }
    Payloads(list)
}

fn streams(section: &NegotiatedSection, rids: Vec<Rid>) -> SectionStreams {
    if !rids.is_empty() {
        return SectionStreams::Simulcast { rids, fid: section.fid_groups.clone() };
    }
    let media =
        section.fid_groups.first().map(|&(media, _)| media).or_else(|| section.ssrcs.first().copied());
    let rtx = section.fid_groups.iter().find(|(m, _)| Some(*m) == media).map(|&(_, rtx)| rtx);
    SectionStreams::Single { media, rtx }
}
