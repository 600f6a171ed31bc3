//! Offers of publishers, read and answered.
//!
//! The room's shard reads an offer and chooses codecs, the shard of the transport answers. For those who sit at
//! home both are the same. What the sections bring is `binding.rs`'s business.

use std::time::Instant;

use super::Shard;
use super::binding::brings_media;
use super::peer::{Publishing, Role, Sections, TransportKey};
use super::relay::{Order, Report};
use crate::names::Ssrc;
use crate::room::ParticipantKey;
use crate::room::message::{Description, Kind, LeaveAction, LeaveReason, Response};
use crate::sdp::{Codec, MediaKind, Placing, SessionDescription, answer};
use crate::transport::{RemoteChange, RemoteError};

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
                named.or_else(|| room.publication(seat.offered.publication(media.mid)?)).or(waiting);
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
