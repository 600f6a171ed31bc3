//! Offers of publishers: read and answered, and their sections bound to publications.
//!
//! The room's shard reads an offer, chooses codecs and binds sections; the shard of the transport answers, and
//! receives what the sections bring. For those who sit at home both are the same.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Shard;
use super::carrying::RelayFeed;
use super::media::Feed;
use super::peer::{Publishing, Role, Sections, TransportKey};
use super::relay::{Carried, Order, Origin, Report};
use crate::codec::Codec as MediaCodec;
use crate::names::{Mid, Rid, Ssrc};
use crate::receive::{PayloadKind, Payloads, Section, SectionStreams};
use crate::room::message::{Description, Kind, LeaveAction, LeaveReason, Response};
use crate::room::participant::BoundTrack;
use crate::room::{ParticipantKey, PublicationKey};
use crate::sdp::{Codec, MediaKind, NegotiatedSection, Placing, SessionDescription, answer};
use crate::transport::{RemoteChange, RemoteError};

/// What a participant's last offer brings, and what became of it. It is kept where the room is.
#[derive(Debug, Default)]
pub(super) struct Offered {
    /// Sections that bring media.
    sections: Vec<NegotiatedSection>,
    /// Publications by their sections.
    bound: BTreeMap<Mid, PublicationKey>,
}

impl Offered {
    fn section(&self, mid: Mid) -> Option<&NegotiatedSection> {
        self.sections.iter().find(|section| section.mid == mid)
    }
}

impl Shard {
    /// Takes an offer of the publisher transport.
    pub(super) fn on_offer(&mut self, key: ParticipantKey, offer: &Description, now: Instant) {
        let Ok(mut description) = SessionDescription::parse_within(&offer.sdp, &self.config.sdp) else {
            self.dismiss(key, LeaveReason::SignalClose, LeaveAction::Disconnect, now);
            return;
        };
        self.choose_codecs(key, &mut description);
        match self.away(key) {
            Some(shard) => self.order(shard, Order::Offer(key, offer.id, Box::new(description))),
            None => self.answer_offer(key, (offer.id, description), now),
        }
    }

    /// Answers an offer, of which the codecs are chosen, on the participant's transport.
    pub(super) fn answer_offer(
        &mut self,
        key: ParticipantKey,
        (id, mut description): (u32, SessionDescription),
        now: Instant,
    ) {
        let Some(remote) = description.remote() else {
            self.dismiss(key, LeaveReason::SignalClose, LeaveAction::Disconnect, now);
            return;
        };
        let Some(peer_key) = self.publisher_peer(key, now) else { return };
        let Some(peer) = self.peers.get_mut(peer_key) else { return };
        match peer.transport.set_remote(remote, now) {
            Ok(RemoteChange::RestartedByPeer | RemoteChange::RestartedByUs) => self.learn_ufrag(peer_key),
            Ok(RemoteChange::First | RemoteChange::Unchanged) => {}
            Err(RemoteError::FingerprintChanged | RemoteError::Closed) => {
                self.dismiss(key, LeaveReason::StateMismatch, LeaveAction::Reconnect, now);
                return;
            }
        }
        let placing = self.place_tracks(peer_key, &mut description);
        let answered = self.with_local(peer_key, |local, _| answer(&description, local, &placing.sends));
        let Some(Ok(answered)) = answered else {
            self.dismiss(key, LeaveReason::SignalClose, LeaveAction::Disconnect, now);
            return;
        };
        let Some(peer) = self.peers.get_mut(peer_key) else { return };
        if let Some(publishing) = peer.publishing() {
            publishing.inbound.set_extensions(answered.negotiated.receive_extensions);
        }
        let mid_to_track = peer.role.receives().map_or(Vec::new(), |s| s.sections.mid_to_track());
        let reply = Description { id, sdp: answered.sdp, mid_to_track };
        self.say(key, Response::Answer(reply));
        self.negotiated(peer_key, &answered.negotiated, now);
        self.refuse_tracks(peer_key, &placing.refused, now);
        let sections = answered.negotiated.sections.into_iter().filter(brings_media).collect();
        match self.home_of(key) {
            Some(home) => self.report_home(home, Report::Sections(key, sections)),
            None => self.on_sections(key, sections, now),
        }
        self.drain_transport(peer_key, now);
    }

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

    /// A publication that comes in here came in this section.
    pub(super) fn stop_receiving(&mut self, (peer, mid): (TransportKey, Mid), owner: ParticipantKey) {
        let Some(peer) = self.peers.get_mut(peer).filter(|peer| peer.owner == owner) else { return };
        if let Some(publishing) = peer.publishing() {
            publishing.inbound.remove_section(mid);
        }
    }

    /// Takes a participant out for what it sent, or because its transport ended.
    pub(super) fn dismiss(
        &mut self,
        key: ParticipantKey,
        reason: LeaveReason,
        action: LeaveAction,
        now: Instant,
    ) {
        if let Some(home) = self.home_of(key) {
            self.report_home(home, Report::Dismiss(key, reason, action));
            return;
        }
        let at = self.now(now);
        if let Some((room_key, room)) = self.room_of(key) {
            room.leave_with(key, reason, action, at);
            self.apply_effects(room_key, now);
        }
    }

    /// Puts our tracks into the sections that the client offered for them: single peer connection.
    fn place_tracks(&mut self, peer_key: TransportKey, offer: &mut SessionDescription) -> Placing {
        let subscribing = self.peers.get_mut(peer_key).and_then(super::Peer::subscribing);
        match subscribing.map(|subscribing| &mut subscribing.sections) {
            Some(Sections::Theirs(placement)) => placement.place(offer),
            Some(Sections::Ours { .. }) | None => Placing::default(),
        }
    }

    fn publisher_peer(&mut self, key: ParticipantKey, now: Instant) -> Option<TransportKey> {
        if let Some(peer) = self.seats.get(&key)?.publisher {
            return Some(peer);
        }
        let publishing = Publishing::new(Ssrc(self.fresh_ssrc()), self.config.transport.max_ssrcs);
        let peer = self.make_peer(key, Role::Publisher(Box::new(publishing)), now);
        self.seats.get_mut(&key)?.publisher = Some(peer);
        Some(peer)
    }

    /// An SSRC for our own reports or streams; 0 is left to those that have none.
    pub(super) fn fresh_ssrc(&mut self) -> u32 {
        u32::try_from(self.entropy.bits() & 0xffff_ffff).unwrap_or(1).max(1)
    }

    /// Leaves one video codec in each section, the one that the publisher announced, and RED before Opus.
    ///
    /// A publication has one codec, so that every subscriber can be told it.
    fn choose_codecs(&self, key: ParticipantKey, offer: &mut SessionDescription) {
        let Some(seat) = self.seats.get(&key) else { return };
        let Some(room) = self.rooms.get(&seat.room) else { return };
        for media in offer.media.iter_mut().filter(|media| media.direction.sends()) {
            let kind = match media.kind {
                MediaKind::Audio => Kind::Audio,
                MediaKind::Video => Kind::Video,
                MediaKind::Application | MediaKind::Unknown => continue,
            };
            let cid = media.msid.as_ref().map_or("", |msid| msid.track.as_str());
            let waiting = room.waiting(key, kind, cid);
            let named = waiting.filter(|p| p.cids.iter().any(|known| known == cid));
            let publication =
                named.or_else(|| room.publication(*seat.offered.bound.get(&media.mid)?)).or(waiting);
            let wish = publication.map_or("", |p| p.codec.as_str());
            let red = publication.is_none_or(|p| !p.info.disable_red);
            match kind {
                Kind::Audio => {
                    media.codecs.sort_by_key(|line| match line.codec {
                        Some(Codec::Red) => u8::from(!red) * 2,
                        _ => 1,
                    });
                    if publication.is_some_and(|p| !p.info.disable_dtx) {
                        allow_dtx(media);
                    }
                }
                Kind::Video => keep_one_codec(media, wish),
            }
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
        let publication = match seat.offered.bound.get(&section.mid) {
            Some(&publication) => publication,
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
fn brings_media(section: &NegotiatedSection) -> bool {
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

/// Keeps the formats of the wished codec, or of the first one that we forward, with their RTX.
fn keep_one_codec(media: &mut crate::sdp::MediaSection, wish: &str) {
    let wished = match wish {
        "vp8" => Some(Codec::Vp8),
        "h264" => Some(Codec::H264),
        "vp9" => Some(Codec::Vp9),
        "av1" => Some(Codec::Av1),
        _ => None,
    };
    let offered = |codec: Codec| media.codecs.iter().any(|line| line.codec == Some(codec));
    // RFC 3264 §5.1: the order is the offerer's preference; a native client sends its first one without a word.
    let forwarded = |codec: &Codec| matches!(codec, Codec::Vp8 | Codec::H264);
    let first = media.codecs.iter().filter_map(|line| line.codec).find(forwarded);
    let Some(keep) = wished.filter(|&codec| offered(codec)).or(first) else { return };
    let kept: Vec<_> =
        media.codecs.iter().filter(|line| line.codec == Some(keep)).map(|line| line.pt).collect();
    media.codecs.retain(|line| kept.contains(&line.pt) || line.apt.is_some_and(|apt| kept.contains(&apt)));
}

/// Lets the encoder be silent (RFC 7587 §6.1 `usedtx`): it asks for it by what it announced, not in its offer.
fn allow_dtx(media: &mut crate::sdp::MediaSection) {
    for line in media.codecs.iter_mut().filter(|line| line.codec == Some(Codec::Opus)) {
        if !line.fmtp.contains("usedtx") {
            let separator = if line.fmtp.is_empty() { "" } else { ";" };
            line.fmtp = format!("{}{separator}usedtx=1", line.fmtp);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(wish: &str, formats: &str) -> Option<Codec> {
        let numbers: Vec<_> =
            formats.lines().filter_map(|line| line.split(':').nth(1)?.split(' ').next()).collect();
        let offer = format!("v=0\nm=video 9 UDP/TLS/RTP/SAVPF {}\na=mid:0\n{formats}\n", numbers.join(" "));
        let mut description = SessionDescription::parse(&offer).unwrap();
        keep_one_codec(&mut description.media[0], wish);
        description.media[0].codecs.first().and_then(|line| line.codec)
    }

    #[test]
    fn without_a_word_the_first_codec_of_the_offer_is_kept() {
        let (h264, vp8, vp9) = ("a=rtpmap:102 H264/90000", "a=rtpmap:96 VP8/90000", "a=rtpmap:98 VP9/90000");
        assert_eq!(kept("", &format!("{vp9}\n{h264}\n{vp8}")), Some(Codec::H264));
        assert_eq!(kept("", &format!("{vp8}\n{h264}")), Some(Codec::Vp8));
        assert_eq!(kept("vp8", &format!("{h264}\n{vp8}")), Some(Codec::Vp8));
    }
}
