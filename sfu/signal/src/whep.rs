//! WHEP (draft-ietf-wish-whep): which tracks of a room a player gets, now and when they change.
//!
//! It decides the programme of one player: the first picture and the first sound of the room, or of what its
//! URL names. A track that ends is followed by the next one that the player's answer has a codec for.

use std::collections::BTreeMap;

use serde::Deserialize;
use sfu_core::room::message::{Kind, ParticipantInfo, ParticipantState, Response, TrackInfo};
use sfu_core::room::participant::{Join, Lifeline, Transports};
use sfu_core::room::sid::{ParticipantSid, TrackSid};
use sfu_core::sdp::{Codec, MediaKind, MediaSection, SessionDescription};

use crate::whip::OfferRefused;

/// What a player's URL names; unknown parameters are ignored.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PlayQuery {
    /// Only these tracks, by their ids, comma-separated.
    pub track: String,
    /// Only tracks of this identity.
    pub participant: String,
}

/// Makes a join that of a WHEP player: it only receives, what it is given, and stays as long as its media path.
pub fn as_player(join: &mut Join) {
    join.permission.can_publish = false;
    join.permission.can_publish_data = false;
    join.auto_subscribe = false;
    join.receives_red = false;
    // The client offers, and we send in its sections.
    join.transports = Transports::Single;
    join.lifeline = Lifeline::Media;
}

/// One player's programme.
#[derive(Debug)]
pub struct Programme {
    query: PlayQuery,
    /// What the player receives, sound first.
    slots: Vec<Slot>,
    /// Everybody, by id.
    participants: BTreeMap<ParticipantSid, ParticipantInfo>,
}

/// One picture or one sound of a player.
#[derive(Debug)]
struct Slot {
    kind: Kind,
    /// Media types that it takes; the answer leaves the first track's.
    mime_types: Vec<String>,
    playing: Option<TrackSid>,
}

/// What changes in a programme.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Tracks that the player gets from now on.
    pub added: Vec<TrackSid>,
    /// Tracks that it does not get any more.
    pub removed: Vec<TrackSid>,
}

impl Programme {
    /// What an offer can play.
    ///
    /// # Errors
    /// See [`OfferRefused`].
    pub fn new(offer: &SessionDescription, query: PlayQuery) -> Result<Self, OfferRefused> {
        offer.remote().ok_or(OfferRefused::NoTransport)?;
        let receives = |media: &&MediaSection| !media.is_stopped() && media.direction.receives();
        let slot = |wanted: MediaKind, kind: Kind| {
            let section = offer.media.iter().filter(receives).find(|media| media.kind == wanted)?;
            let offered = section.codecs.iter().filter_map(|line| line.codec);
            let mime_types: Vec<String> = offered.filter_map(mime_type).map(str::to_owned).collect();
            (!mime_types.is_empty()).then_some(Slot { kind, mime_types, playing: None })
        };
        let sound = slot(MediaKind::Audio, Kind::Audio);
        let slots: Vec<Slot> = sound.into_iter().chain(slot(MediaKind::Video, Kind::Video)).collect();
        if slots.is_empty() {
            return Err(OfferRefused::NoMedia("receives what is forwarded"));
        }
        Ok(Self { query, slots, participants: BTreeMap::new() })
    }

    /// Takes a word of the room; `None` if it changes nothing.
    pub fn handle_word(&mut self, word: &Response) -> Option<Change> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else names participants")]
        match word {
            Response::Joined(joined) => self.learn(&joined.others),
            Response::Update(participants) => self.learn(participants),
            _ => return None,
        }
        let change = self.choose();
        (change != Change::default()).then_some(change)
    }

    /// True if it has anything to show or to sound.
    #[must_use]
    pub fn plays(&self) -> bool {
        self.slots.iter().any(|slot| slot.playing.is_some())
    }

    fn learn(&mut self, participants: &[ParticipantInfo]) {
        for participant in participants {
            if participant.state == ParticipantState::Disconnected {
                self.participants.remove(&participant.sid);
            } else {
                self.participants.insert(participant.sid.clone(), participant.clone());
            }
        }
    }

    fn choose(&mut self) -> Change {
        let Self { query, slots, participants } = self;
        let mut order: Vec<_> = participants.values().collect();
        order.sort_by_key(|p| (p.joined_at_ms, p.sid.clone()));
        let named = |p: &&&ParticipantInfo| query.participant.is_empty() || p.identity == query.participant;
        let wanted = |track: &TrackInfo| {
            query.track.is_empty() || query.track.split(',').any(|sid| sid == track.sid.as_str())
        };
        let tracks: Vec<&TrackInfo> = order.iter().filter(named).flat_map(|p| &p.tracks).collect();
        let mut change = Change::default();
        for slot in slots {
            if let Some(gone) = slot.playing.take_if(|sid| tracks.iter().all(|track| track.sid != *sid)) {
                change.removed.push(gone);
            }
            if slot.playing.is_some() {
                continue;
            }
            let next =
                tracks.iter().find(|track| track.kind == slot.kind && wanted(track) && slot.takes(track));
            if let Some(track) = next {
                if slot.kind == Kind::Video {
                    slot.mime_types = vec![track.mime_type.clone()];
                }
                slot.playing = Some(track.sid.clone());
                change.added.push(track.sid.clone());
            }
        }
        change
    }
}

impl Slot {
    fn takes(&self, track: &TrackInfo) -> bool {
        // Sound is plain Opus to a player, however it was published.
        self.kind == Kind::Audio || self.mime_types.contains(&track.mime_type)
    }
}

/// The answer for a player: without the sources of the first tracks, because others may follow in their
/// sections; a receiver then takes whatever source the section's mid or payload types name (RFC 8843 §9.2).
#[must_use]
pub fn without_sources(answer: &str) -> String {
    let lines = answer.lines().filter(|line| !line.starts_with("a=ssrc"));
    lines.flat_map(|line| [line, "\r\n"]).collect()
}

/// The offer of a player that may also send (draft-ietf-wish-whep §4.2): it is answered as one that only receives.
#[must_use]
pub fn receiving(offer: &str) -> String {
    let lines = offer.lines().map(|line| if line == "a=sendrecv" { "a=recvonly" } else { line });
    lines.flat_map(|line| [line, "\r\n"]).collect()
}

fn mime_type(codec: Codec) -> Option<&'static str> {
    match codec {
        Codec::Opus => Some("audio/opus"),
        Codec::Red => None,
        Codec::Vp8 => Some("video/VP8"),
        Codec::H264 => Some("video/H264"),
        Codec::Vp9 => Some("video/VP9"),
        Codec::Av1 => Some("video/AV1"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sfu_core::room::message::{Carried, Source};
    use sfu_core::room::permission::Permission;

    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=setup:actpass\r\n\
        a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nFINGERPRINT\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\n\
        a=rtpmap:97 H264/90000\r\n";

    fn offer() -> SessionDescription {
        let fingerprint = format!("a=fingerprint:sha-256 {}", ["AB"; 32].join(":"));
        SessionDescription::parse(&OFFER.replace("FINGERPRINT", &fingerprint)).unwrap()
    }

    fn programme(track: &str, participant: &str) -> Programme {
        let query = PlayQuery { track: track.to_owned(), participant: participant.to_owned() };
        Programme::new(&offer(), query).unwrap()
    }

    fn track(sid: &str, mime_type: &str) -> TrackInfo {
        let kind = if mime_type.starts_with("audio") { Kind::Audio } else { Kind::Video };
        TrackInfo {
            mime_type: mime_type.to_owned(),
            ..TrackInfo::new(TrackSid::from_wire(sid), kind, Source::Unknown)
        }
    }

    fn somebody(identity: &str, joined_at_ms: i64, tracks: Vec<TrackInfo>) -> ParticipantInfo {
        ParticipantInfo {
            sid: ParticipantSid::from_wire(&format!("PA_{identity}")),
            identity: identity.to_owned(),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            state: ParticipantState::Active,
            tracks,
            permission: Permission::speaker(),
            joined_at_ms,
            version: 1,
            kind: Carried(0),
            kind_details: Vec::new(),
            client_protocol: Carried(0),
            capabilities: Vec::new(),
            left: None,
        }
    }

    fn change(added: &[&str], removed: &[&str]) -> Option<Change> {
        let sids = |names: &[&str]| names.iter().map(|name| TrackSid::from_wire(name)).collect();
        Some(Change { added: sids(added), removed: sids(removed) })
    }

    fn everybody() -> Response {
        let infos = [
            somebody("luis", 2, vec![track("TR_b1", "video/VP8"), track("TR_b2", "audio/red")]),
            somebody("ada", 1, vec![track("TR_a1", "audio/opus"), track("TR_a2", "video/H264")]),
        ];
        Response::Update(infos.into())
    }

    #[test]
    fn the_first_sound_and_the_first_picture_play() {
        assert_eq!(programme("", "").handle_word(&everybody()), change(&["TR_a1", "TR_a2"], &[]));
        assert_eq!(programme("", "luis").handle_word(&everybody()), change(&["TR_b2", "TR_b1"], &[]));
        assert_eq!(programme("TR_b1", "").handle_word(&everybody()), change(&["TR_b1"], &[]));
        assert_eq!(programme("TR_b1,TR_a1", "").handle_word(&everybody()), change(&["TR_a1", "TR_b1"], &[]));
        let mut nobody = programme("", "nobody");
        assert_eq!(nobody.handle_word(&everybody()), None);
        assert!(!nobody.plays());
    }

    #[test]
    fn a_track_that_ends_is_followed_by_the_next_with_its_codec() {
        let mut programme = programme("", "");
        programme.handle_word(&everybody());
        let gone =
            ParticipantInfo { state: ParticipantState::Disconnected, ..somebody("ada", 1, Vec::new()) };
        // The picture was H264, and the answer takes nothing else: Luis's VP8 is not shown.
        let word = Response::Update([gone].into());
        assert_eq!(programme.handle_word(&word), change(&["TR_b2"], &["TR_a1", "TR_a2"]));
        let third = somebody("mira", 3, vec![track("TR_c1", "video/VP8"), track("TR_c2", "video/H264")]);
        assert_eq!(programme.handle_word(&Response::Update([third].into())), change(&["TR_c2"], &[]));
    }

    #[test]
    fn an_offer_that_receives_nothing_is_refused() {
        let mut offer = offer();
        offer.media.iter_mut().for_each(|media| media.direction = sfu_core::sdp::Direction::SendOnly);
        let refused = Programme::new(&offer, PlayQuery::default()).map(|_| ());
        assert_eq!(refused, Err(OfferRefused::NoMedia("receives what is forwarded")));
    }

    #[test]
    fn descriptions_are_changed_in_nothing_but_sources_and_direction() {
        assert_eq!(
            without_sources("v=0\r\na=ssrc:1 cname:x\r\na=ssrc-group:FID 1 2\r\na=mid:0\r\n"),
            "v=0\r\na=mid:0\r\n"
        );
        assert_eq!(receiving("a=sendrecv\r\na=sendonly\r\n"), "a=recvonly\r\na=sendonly\r\n");
    }
}
