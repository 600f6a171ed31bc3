//! Our answer to the offer of a publisher, or of a single peer connection (RFC 8829 §5.3).

use std::collections::{BTreeMap, BTreeSet};

use super::negotiated::accepted_codecs;
use super::write::Writer;
use super::{
    CodecLine, Direction, ExtMapLine, Feedback, LocalDescription, MediaKind, MediaSection, Negotiated,
    NegotiatedSection, SendTrack, SessionDescription,
};
use crate::dtls::Setup;
use crate::rtp::{ExtId, ExtKind, Mid};

/// An answer and what it means.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The text to send.
    pub sdp: String,
    /// What holds from now on.
    pub negotiated: Negotiated,
}

/// Why an offer cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// ICE or DTLS attributes are missing, or the fingerprint is not SHA-256.
    #[error("the offer lacks ICE or DTLS attributes")]
    NoTransport,
}

/// Answers `offer`: accepts every codec and extension that we know, with the offer's numbers.
///
/// Codecs keep the order that `offer` has: sort or remove [`MediaSection::codecs`] before to state a
/// preference. A section that the peer sends in becomes `recvonly`. A section that the peer receives in, and
/// for which `sends` names a track, becomes `sendonly` with its msid and SSRCs; without one it is
/// `inactive`, but its codecs and extensions are accepted all the same (a later simulcast offer needs them).
///
/// # Errors
///
/// See [`AnswerError`].
pub fn answer(
    offer: &SessionDescription,
    local: &LocalDescription<'_>,
    sends: &[(Mid, SendTrack)],
) -> Result<Answer, AnswerError> {
    let remote = offer.remote().ok_or(AnswerError::NoTransport)?;
    let setup = match remote.setup {
        Setup::Passive => Setup::Active,
        Setup::ActPass | Setup::Active => Setup::Passive,
    };
    let bundled = bundled(offer);
    let accepted = |media: &MediaSection| bundled.contains(&media.mid) && is_usable(media);
    let mids: Vec<Mid> = offer.media.iter().filter(|media| accepted(media)).map(|media| media.mid).collect();
    let sends: BTreeMap<Mid, &SendTrack> = sends.iter().map(|(mid, track)| (*mid, track)).collect();
    let mut writer = Writer::new(local, setup, &mids, offer.extmap_allow_mixed);
    let mut extensions = Extensions::default();
    let mut negotiated = Negotiated { extmap_allow_mixed: offer.extmap_allow_mixed, ..Negotiated::default() };
    for media in &offer.media {
        let words = (media.words.0.as_str(), media.words.1.as_str());
        let section = if !accepted(media) {
            writer.stopped(words, media.mid);
            NegotiatedSection::stopped(media)
        } else if media.kind == MediaKind::Application {
            writer.data(words.1, media.mid);
            NegotiatedSection::data(media)
        } else {
            let send = sends.get(&media.mid).filter(|_| media.direction.receives()).copied();
            let accepted_extensions = extensions.accept(media, send.is_some());
            write_media(&mut writer, media, send, &accepted_extensions)
        };
        negotiated.sections.push(section);
    }
    (negotiated.receive_extensions, negotiated.send_extensions) = (extensions.receive, extensions.send);
    Ok(Answer { sdp: writer.finish(), negotiated })
}

/// Mids that share our one transport: the offer's group, or without one its first usable section.
fn bundled(offer: &SessionDescription) -> BTreeSet<Mid> {
    if offer.bundle.is_empty() {
        return offer
            .media
            .iter()
            .find(|media| is_usable(media))
            .map(|media| media.mid)
            .into_iter()
            .collect();
    }
    offer.bundle.iter().copied().collect()
}

/// True if there is something in the section that we can carry.
fn is_usable(media: &MediaSection) -> bool {
    if media.is_stopped() {
        return false;
    }
    match media.kind {
        MediaKind::Application => media.words.1.ends_with("DTLS/SCTP"),
        MediaKind::Audio | MediaKind::Video => {
            media.words.1.ends_with("RTP/SAVPF") && media.codecs.iter().any(|line| line.codec.is_some())
        }
        MediaKind::Unknown => false,
    }
}

fn write_media(
    writer: &mut Writer<'_>,
    media: &MediaSection,
    send: Option<&SendTrack>,
    extensions: &[ExtMapLine],
) -> NegotiatedSection {
    let lines = kept_lines(media);
    let formats: Vec<_> = lines.iter().map(|line| line.pt).collect();
    let direction = Direction::from_halves(send.is_some(), media.direction.sends());
    writer.media((&media.words.0, &media.words.1), &formats, media.mid);
    for ExtMapLine { id, direction, uri } in extensions {
        match direction {
            Direction::SendRecv => writer.line(format_args!("a=extmap:{id} {uri}")),
            Direction::SendOnly | Direction::RecvOnly | Direction::Inactive => {
                writer.line(format_args!("a=extmap:{id}/{} {uri}", direction.as_str()));
            }
        }
    }
    writer.direction(direction);
    for line in &lines {
        writer.format(line.pt, &line.rtpmap, &line.fmtp, our_feedback(media.kind, line));
    }
    for rid in &media.send_rids {
        writer.line(format_args!("a=rid:{rid} recv"));
    }
    if media.simulcast && !media.send_rids.is_empty() {
        let rids: Vec<_> = media.send_rids.iter().map(|rid| rid.as_str()).collect();
        writer.line(format_args!("a=simulcast:recv {}", rids.join(";")));
    }
    if let Some(send) = send {
        writer.send(send);
    }
    NegotiatedSection {
        mid: media.mid,
        kind: media.kind,
        stopped: false,
        direction,
        codecs: accepted_codecs(&lines, |line| our_feedback(media.kind, line)),
        rids: media.send_rids.clone(),
        ssrcs: media.ssrcs.clone(),
        fid_groups: media.fid_groups.clone(),
        msid: media.msid.clone(),
        send: send.cloned(),
    }
}

/// Formats that we forward, and the RTX of those.
fn kept_lines(media: &MediaSection) -> Vec<CodecLine> {
    let forwarded: BTreeSet<_> =
        media.codecs.iter().filter(|line| line.codec.is_some()).map(|line| line.pt).collect();
    let kept =
        |line: &&CodecLine| line.codec.is_some() || line.apt.is_some_and(|apt| forwarded.contains(&apt));
    media.codecs.iter().filter(kept).cloned().collect()
}

/// What of the offered feedback we use: sound is not repeated, RTX needs no feedback of its own.
fn our_feedback(kind: MediaKind, line: &CodecLine) -> Feedback {
    let offered = line.feedback;
    match kind {
        _ if line.codec.is_none() => Feedback::default(),
        MediaKind::Video => offered,
        MediaKind::Audio | MediaKind::Application | MediaKind::Unknown => {
            Feedback { transport_cc: offered.transport_cc, ..Feedback::default() }
        }
    }
}

/// Header extensions of the BUNDLE group: one id per meaning and one meaning per id (RFC 9143 §9.2).
#[derive(Default)]
struct Extensions {
    receive: crate::rtp::ExtMap,
    send: crate::rtp::ExtMap,
    taken: Vec<(ExtId, ExtKind)>,
}

impl Extensions {
    /// The lines of our answer for one section, each with the mirrored direction.
    fn accept(&mut self, media: &MediaSection, sends: bool) -> Vec<ExtMapLine> {
        let mut lines: Vec<ExtMapLine> = Vec::new();
        for line in &media.extensions {
            let Some(kind) = ExtKind::from_uri(&line.uri) else { continue };
            // Only received by the peer, and we send nothing here: nobody would use it.
            if line.direction == Direction::Inactive || (line.direction == Direction::RecvOnly && !sends) {
                continue;
            }
            let clash = self.taken.iter().any(|&(id, known)| (id == line.id) != (known == kind));
            if clash || lines.iter().any(|taken| taken.id == line.id) {
                continue;
            }
            if !self.taken.contains(&(line.id, kind)) {
                self.taken.push((line.id, kind));
            }
            let direction = line.direction.mirrored();
            if direction.receives() {
                self.receive.set(kind, Some(line.id));
            }
            if direction.sends() {
                self.send.set(kind, Some(line.id));
            }
            lines.push(ExtMapLine { id: line.id, direction, uri: line.uri.clone() });
        }
        lines
    }
}
