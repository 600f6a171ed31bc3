//! WHIP (RFC 9725): what an HTTP client's offer publishes, and what its fragments ask for.
//!
//! It decides which tracks an offer publishes and what a `PATCH` means; HTTP itself is the edge's business.

use livekit_protocol as lk;
use sfu_core::ice::Credentials;
use sfu_core::room::message::{AddTrack, Carried, CodecWish, Kind, Layer, Quality, Source};
use sfu_core::room::participant::{Join, Lifeline};
use sfu_core::room::permission::Permission;
use sfu_core::sdp::{Codec, Fragment, MediaKind, MediaSection, SessionDescription};

/// Why an offer is not accepted; nothing of it is then (RFC 9725 §4.4.3: no partial success).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferRefused {
    /// ICE or DTLS attributes are missing, or the fingerprint is not SHA-256.
    #[error("the offer lacks ICE or DTLS attributes, or its fingerprint is not SHA-256")]
    NoTransport,
    /// No audio or video section has the direction that this endpoint is for.
    #[error("no audio or video section of the offer {0}")]
    NoMedia(&'static str),
    /// A section is not in the BUNDLE group (RFC 9725 §4.4.1).
    #[error("section {0} is not in the offer's BUNDLE group")]
    NotBundled(String),
    /// A section has no codec that is forwarded.
    #[error("section {0} offers none of Opus, VP8, H264, VP9, AV1")]
    NoCodec(String),
    /// More encodings than layers exist.
    #[error("section {0} has more than three encodings")]
    TooManyEncodings(String),
    /// The token allows no such track.
    #[error("the token does not allow this")]
    NotAllowed,
}

/// Makes a join that of a WHIP client: it only publishes, and stays as long as its media path does.
pub fn as_ingress(join: &mut Join) {
    join.kind = Carried(lk::participant_info::Kind::Ingress as i32);
    join.permission.can_subscribe = false;
    join.auto_subscribe = false;
    join.lifeline = Lifeline::Media;
}

/// The tracks that an offer publishes, in its order.
///
/// # Errors
/// See [`OfferRefused`].
pub fn tracks(offer: &SessionDescription, permission: &Permission) -> Result<Vec<AddTrack>, OfferRefused> {
    offer.remote().ok_or(OfferRefused::NoTransport)?;
    let mut tracks: Vec<AddTrack> = Vec::new();
    for section in offer.media.iter().filter(|media| !media.is_stopped() && media.direction.sends()) {
        let kind = match section.kind {
            MediaKind::Audio => Kind::Audio,
            MediaKind::Video => Kind::Video,
            MediaKind::Application | MediaKind::Unknown => continue,
        };
        check(offer, section)?;
        let taken = |source: &Source| tracks.iter().any(|track| track.source == *source);
        let source = sources(kind).into_iter().find(|s| permission.may_publish(*s) && !taken(s));
        let source = source.or_else(|| permission.may_publish(Source::Unknown).then_some(Source::Unknown));
        let source = source.ok_or(OfferRefused::NotAllowed)?;
        let named = section.msid.as_ref().map(|msid| msid.track.clone());
        let named = named.filter(|name| !name.is_empty() && tracks.iter().all(|track| track.cid != *name));
        tracks.push(track(section, kind, source, named.unwrap_or_else(|| format!("mid-{}", section.mid))));
    }
    if tracks.is_empty() { Err(OfferRefused::NoMedia("sends")) } else { Ok(tracks) }
}

/// What a `PATCH` of a session asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patch {
    /// More candidates of the current ICE session.
    Trickle,
    /// An ICE restart with these credentials of the client.
    Restart(Credentials),
}

/// Why a `PATCH` is refused (RFC 9725 §4.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatchRefused {
    /// No `If-Match`.
    #[error("If-Match must name the ICE session, or be * for an ICE restart")]
    PreconditionRequired,
    /// `If-Match` names another ICE session.
    #[error("the ICE session that If-Match names is not the current one")]
    PreconditionFailed,
}

/// Compares a `PATCH` with the session: `tag` is its entity tag with quotes, `current` the client's credentials.
///
/// # Errors
/// See [`PatchRefused`].
pub fn patch(
    fragment: &Fragment,
    if_match: Option<&str>,
    tag: &str,
    current: &Credentials,
) -> Result<Patch, PatchRefused> {
    let wanted = if_match.ok_or(PatchRefused::PreconditionRequired)?;
    // The RFC's own examples put quotes around the asterisk. A weak tag never matches (RFC 9110 §13.1.1).
    let any = matches!(wanted.trim(), "*" | "\"*\"");
    if !any && !wanted.split(',').any(|named| named.trim() == tag) {
        return Err(PatchRefused::PreconditionFailed);
    }
    Ok(match &fragment.credentials {
        Some(credentials) if credentials != current => Patch::Restart(credentials.clone()),
        Some(_) | None => Patch::Trickle,
    })
}

fn check(offer: &SessionDescription, section: &MediaSection) -> Result<(), OfferRefused> {
    let mid = || section.mid.to_string();
    let alone = offer.bundle.is_empty() && offer.media.len() == 1;
    if !alone && !offer.bundle.contains(&section.mid) {
        return Err(OfferRefused::NotBundled(mid()));
    }
    let forwarded = |codec: Option<Codec>| codec.is_some_and(|codec| codec != Codec::Red);
    if !section.codecs.iter().any(|line| forwarded(line.codec)) {
        return Err(OfferRefused::NoCodec(mid()));
    }
    if section.send_rids.len() > LAYERS.len() {
        return Err(OfferRefused::TooManyEncodings(mid()));
    }
    Ok(())
}

fn sources(kind: Kind) -> [Source; 2] {
    match kind {
        Kind::Audio => [Source::Microphone, Source::ScreenShareAudio],
        Kind::Video => [Source::Camera, Source::ScreenShare],
    }
}

fn track(section: &MediaSection, kind: Kind, source: Source, cid: String) -> AddTrack {
    let layer = |quality| Layer { quality, width: 0, height: 0, bitrate_bps: 0, rid: String::new() };
    let encodings = section.send_rids.len();
    let layers = if encodings > 1 { LAYERS.into_iter().take(encodings).map(layer).collect() } else { vec![] };
    let stereo = section.codecs.iter().any(|line| line.fmtp.split(';').any(|p| p.trim() == "stereo=1"));
    AddTrack {
        // A programme is not silent on purpose: its encoder is not asked to stop.
        disable_dtx: true,
        layers,
        codecs: preferred_codec(section).into_iter().collect(),
        stereo,
        ..AddTrack::new(cid, kind, source)
    }
}

/// The client's first codec among those that every subscriber and the mix take, else its first.
fn preferred_codec(section: &MediaSection) -> Option<CodecWish> {
    let named = |codec| match codec {
        Codec::Vp8 => Some("vp8"),
        Codec::H264 => Some("h264"),
        Codec::Vp9 => Some("vp9"),
        Codec::Av1 => Some("av1"),
        Codec::Opus | Codec::Red => None,
    };
    let offered = || section.codecs.iter().filter_map(|line| line.codec);
    let common = offered().find(|codec| matches!(codec, Codec::Vp8 | Codec::H264));
    let name = common.or_else(|| offered().next()).and_then(named)?;
    Some(CodecWish { name: name.to_owned(), ..CodecWish::default() })
}

/// As LiveKit's clients call the layers of two or three encodings.
const LAYERS: [Quality; 3] = [Quality::Low, Quality::Medium, Quality::High];

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(sections: &[&str]) -> SessionDescription {
        let mut text = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE".to_owned();
        for place in 0..sections.len() {
            text.extend([" ", &place.to_string()]);
        }
        text.push_str("\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n");
        text.push_str(&format!("a=fingerprint:sha-256 {}\r\n", ["AB"; 32].join(":")));
        for (place, section) in sections.iter().enumerate() {
            text.push_str(&section.replace("MID", &place.to_string()));
        }
        SessionDescription::parse(&text).unwrap()
    }

    const SOUND: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:MID\r\na=sendonly\r\n\
        a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10; stereo=1\r\n";
    const PICTURE: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:MID\r\na=sendonly\r\na=msid:s pic\r\n\
        a=rtpmap:96 VP8/90000\r\n";
    const LAYERED: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:MID\r\na=sendrecv\r\n\
        a=rtpmap:96 VP8/90000\r\na=rid:0 send\r\na=rid:1 send\r\na=simulcast:send 0;1\r\n";

    #[test]
    fn sound_and_picture_become_microphone_and_camera() {
        let tracks = tracks(&offer(&[SOUND, PICTURE, LAYERED]), &Permission::speaker()).unwrap();
        let of = |t: &AddTrack| (t.cid.clone(), t.source, t.stereo, t.layers.len());
        assert_eq!(
            tracks.iter().map(of).collect::<Vec<_>>(),
            [
                ("mid-0".to_owned(), Source::Microphone, true, 0),
                ("pic".to_owned(), Source::Camera, false, 0),
                ("mid-2".to_owned(), Source::ScreenShare, false, 2),
            ]
        );
    }

    #[test]
    fn an_offer_is_accepted_whole_or_not_at_all() {
        let speaker = Permission::speaker();
        let refused = |sections: &[&str]| tracks(&offer(sections), &speaker).unwrap_err();
        let receiving = PICTURE.replace("sendonly", "recvonly");
        assert_eq!(refused(&[&receiving]), OfferRefused::NoMedia("sends"));
        let unknown = PICTURE.replace("VP8", "H266");
        assert_eq!(refused(&[SOUND, &unknown]), OfferRefused::NoCodec("1".to_owned()));
        let four = format!("{PICTURE}a=rid:a send\r\na=rid:b send\r\na=rid:c send\r\na=rid:d send\r\n");
        assert_eq!(refused(&[&four]), OfferRefused::TooManyEncodings("0".to_owned()));
        let mut apart = offer(&[SOUND, PICTURE]);
        apart.bundle.pop();
        assert_eq!(tracks(&apart, &speaker), Err(OfferRefused::NotBundled("1".to_owned())));
        let mut bare = offer(&[SOUND]);
        bare.transport = sfu_core::sdp::TransportLines::default();
        assert_eq!(tracks(&bare, &speaker), Err(OfferRefused::NoTransport));
    }

    #[test]
    fn a_token_for_the_screen_publishes_the_picture_as_the_screen_and_no_sound() {
        let permission = Permission { sources: vec![Source::ScreenShare], ..Permission::speaker() };
        assert_eq!(tracks(&offer(&[PICTURE]), &permission).unwrap()[0].source, Source::ScreenShare);
        assert_eq!(tracks(&offer(&[SOUND, PICTURE]), &permission), Err(OfferRefused::NotAllowed));
        let listener = Permission { can_publish: false, ..Permission::speaker() };
        assert_eq!(tracks(&offer(&[PICTURE]), &listener), Err(OfferRefused::NotAllowed));
    }

    #[test]
    fn a_patch_needs_the_tag_of_the_ice_session_or_an_asterisk() {
        let of = |ufrag: &str| Credentials { ufrag: ufrag.to_owned(), pwd: "p".to_owned() };
        let asks = |if_match: Option<&str>, ufrag: Option<&str>| {
            patch(
                &Fragment { credentials: ufrag.map(of), candidates: Vec::new() },
                if_match,
                "\"tag\"",
                &of("old"),
            )
        };
        assert_eq!(asks(None, None), Err(PatchRefused::PreconditionRequired));
        for other in ["\"gone\"", "tag", "W/\"tag\"", ""] {
            assert_eq!(asks(Some(other), None), Err(PatchRefused::PreconditionFailed), "{other}");
        }
        assert_eq!(asks(Some("\"tag\""), Some("old")), Ok(Patch::Trickle));
        assert_eq!(asks(Some("\"x\", \"tag\""), None), Ok(Patch::Trickle));
        for any in ["*", "\"*\"", "\"tag\""] {
            assert_eq!(asks(Some(any), Some("new")), Ok(Patch::Restart(of("new"))), "{any}");
        }
    }
}
