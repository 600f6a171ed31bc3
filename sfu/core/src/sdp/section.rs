//! Reads the lines of one m-section.

use super::parse::read_direction;
use super::{
    Codec, CodecLine, Direction, ExtMapLine, Feedback, MediaKind, MediaSection, Msid, TransportLines,
};
use crate::rtp::{ExtId, Mid, Pt, Rid, Ssrc};

/// Collects one m-section; its lines may come in any order.
pub(super) struct SectionReader {
    section: MediaSection,
    mid: Option<Mid>,
    /// Place in `section.codecs` by payload type.
    places: [Option<u8>; 128],
    /// `a=rtcp-fb:*`.
    wildcard: Feedback,
    /// `a=rid`: id and whether its sender sends it.
    rids: Vec<(Rid, bool)>,
    /// `a=simulcast` in order, likewise.
    simulcast: Vec<(Rid, bool)>,
    /// `a=ssrc:… msid:…`, for peers without `a=msid`.
    ssrc_msid: Option<Msid>,
}

impl SectionReader {
    /// Starts with the value of the m-line; `None` if a field is missing or no number.
    pub(super) fn new(line: &str, direction: Direction) -> Option<Self> {
        let mut fields = line.split(' ').filter(|field| !field.is_empty());
        let (media, port, protocol) = (fields.next()?, fields.next()?, fields.next()?);
        let port = port.split('/').next()?.parse().ok()?;
        let kind = match media {
            "audio" => MediaKind::Audio,
            "video" => MediaKind::Video,
            "application" => MediaKind::Application,
            _ => MediaKind::Unknown,
        };
        let mut reader = Self {
            section: MediaSection {
                kind,
                mid: Mid::new(b"-").expect("a dash is a token"),
                port,
                bundle_only: false,
                direction,
                transport: TransportLines::default(),
                codecs: Vec::new(),
                extensions: Vec::new(),
                send_rids: Vec::new(),
                recv_rids: Vec::new(),
                simulcast: false,
                msid: None,
                ssrcs: Vec::new(),
                fid_groups: Vec::new(),
                rtcp_mux: false,
                max_message_size: None,
                words: (media.to_owned(), protocol.to_owned()),
            },
            mid: None,
            places: [None; 128],
            wildcard: Feedback::default(),
            rids: Vec::new(),
            simulcast: Vec::new(),
            ssrc_msid: None,
        };
        fields.filter_map(read_pt).for_each(|pt| reader.add_format(pt));
        Some(reader)
    }

    pub(super) fn transport(&mut self) -> &mut TransportLines {
        &mut self.section.transport
    }

    /// Takes one attribute; unknown and malformed ones are skipped.
    pub(super) fn attribute(&mut self, name: &str, value: &str) {
        match name {
            "mid" => self.mid = Mid::new(value.as_bytes()),
            "rtpmap" => self.on_format(value, |line, map| map.clone_into(&mut line.rtpmap)),
            "fmtp" if value.len() > MAX_FMTP_BYTES => {}
            "fmtp" => self.on_format(value, |line, fmtp| fmtp.clone_into(&mut line.fmtp)),
            "rtcp-fb" => self.read_feedback(value),
            "extmap" => self.read_extension(value),
            "rid" => self.read_rid(value),
            "simulcast" => self.read_simulcast(value),
            "msid" => self.section.msid = self.section.msid.take().or_else(|| read_msid(value)),
            "ssrc" => self.read_ssrc(value),
            "ssrc-group" => self.read_ssrc_group(value),
            "rtcp-mux" => self.section.rtcp_mux = true,
            "bundle-only" => self.section.bundle_only = true,
            "max-message-size" => self.section.max_message_size = value.parse().ok(),
            _ => {
                if let Some(direction) = read_direction(name) {
                    self.section.direction = direction;
                }
            }
        }
    }

    /// Puts the lines together; `None` without a mid.
    pub(super) fn finish(mut self) -> Option<MediaSection> {
        let mut section = self.section;
        section.mid = self.mid?;
        section.codecs.retain(|line| !line.rtpmap.is_empty());
        for line in &mut section.codecs {
            line.codec = read_codec(&line.rtpmap);
            line.apt =
                line.rtpmap.to_ascii_lowercase().starts_with("rtx/").then(|| read_apt(&line.fmtp)).flatten();
            merge(&mut line.feedback, self.wildcard);
        }
        section.simulcast = !self.simulcast.is_empty();
        if section.simulcast {
            // The order of the simulcast line counts; a RID without a line of its own does not exist.
            let known = std::mem::take(&mut self.rids);
            self.rids = self.simulcast.into_iter().filter(|rid| known.contains(rid)).collect();
        }
        let side = |sends: bool| {
            let of_side = self.rids.iter().filter(move |(_, sender)| *sender == sends);
            of_side.map(|(rid, _)| *rid).collect::<Vec<_>>()
        };
        (section.send_rids, section.recv_rids) = (side(true), side(false));
        section.msid = section.msid.or(self.ssrc_msid);
        Some(section)
    }

    fn add_format(&mut self, pt: Pt) {
        let place = &mut self.places[usize::from(pt.get())];
        // At most 128 formats, so the place fits a byte; a repeated format counts once.
        if let (None, Ok(next)) = (*place, u8::try_from(self.section.codecs.len())) {
            *place = Some(next);
            self.section.codecs.push(CodecLine {
                pt,
                codec: None,
                apt: None,
                rtpmap: String::new(),
                fmtp: String::new(),
                feedback: Feedback::default(),
            });
        }
    }

    /// Hands the rest of a line that starts with a payload type to its format.
    fn on_format(&mut self, value: &str, act: impl FnOnce(&mut CodecLine, &str)) {
        let Some((pt, rest)) = value.split_once(' ') else { return };
        let place = read_pt(pt).and_then(|pt| self.places[usize::from(pt.get())]);
        if let Some(line) = place.and_then(|place| self.section.codecs.get_mut(usize::from(place))) {
            act(line, rest.trim());
        }
    }

    fn read_feedback(&mut self, value: &str) {
        if let Some(rest) = value.strip_prefix("* ") {
            merge(&mut self.wildcard, read_feedback(rest.trim()));
        } else {
            self.on_format(value, |line, rest| merge(&mut line.feedback, read_feedback(rest)));
        }
    }

    fn read_extension(&mut self, value: &str) {
        let mut fields = value.split(' ').filter(|field| !field.is_empty());
        let (Some(id), Some(uri)) = (fields.next(), fields.next()) else { return };
        let (id, direction) = match id.split_once('/') {
            Some((id, direction)) => (id, read_direction(direction)),
            None => (id, Some(Direction::SendRecv)),
        };
        let id = id.parse().ok().and_then(ExtId::new);
        if let (Some(id), Some(direction)) = (id, direction)
            && self.section.extensions.len() < MAX_EXTENSIONS
        {
            self.section.extensions.push(ExtMapLine { id, direction, uri: uri.to_owned() });
        }
    }

    fn read_rid(&mut self, value: &str) {
        let mut fields = value.split(' ');
        let (Some(rid), Some(direction)) = (fields.next(), fields.next()) else { return };
        let sends = match direction {
            "send" => true,
            "recv" => false,
            _ => return,
        };
        if let Some(rid) = Rid::new(rid.as_bytes())
            && self.rids.len() < MAX_RIDS
            && !self.rids.contains(&(rid, sends))
        {
            self.rids.push((rid, sends));
        }
    }

    /// `send q;h;f recv …` (RFC 8853 §5.1): of alternatives the first counts, `~` means "starts paused".
    fn read_simulcast(&mut self, value: &str) {
        let mut fields = value.split(' ').filter(|field| !field.is_empty());
        while let (Some(direction), Some(list)) = (fields.next(), fields.next()) {
            let sends = direction == "send";
            let names = list.split(';').filter_map(|names| names.split(',').next());
            for rid in names.filter_map(|name| Rid::new(name.trim_start_matches('~').as_bytes())) {
                if self.simulcast.len() < MAX_RIDS && !self.simulcast.contains(&(rid, sends)) {
                    self.simulcast.push((rid, sends));
                }
            }
        }
    }

    fn read_ssrc(&mut self, value: &str) {
        let (number, attribute) = value.split_once(' ').unwrap_or((value, ""));
        let Ok(ssrc) = number.parse().map(Ssrc) else { return };
        if self.section.ssrcs.len() < MAX_SSRC_LINES && !self.section.ssrcs.contains(&ssrc) {
            self.section.ssrcs.push(ssrc);
        }
        if self.ssrc_msid.is_none() {
            self.ssrc_msid = attribute.strip_prefix("msid:").and_then(read_msid);
        }
    }

    fn read_ssrc_group(&mut self, value: &str) {
        let mut fields = value.split(' ');
        if fields.next() != Some("FID") {
            return;
        }
        let mut ssrc = || fields.next()?.parse().ok().map(Ssrc);
        if let (Some(media), Some(rtx)) = (ssrc(), ssrc())
            && self.section.fid_groups.len() < MAX_SSRC_LINES
        {
            self.section.fid_groups.push((media, rtx));
        }
    }
}

fn read_pt(text: &str) -> Option<Pt> {
    text.parse().ok().and_then(Pt::new)
}

/// Name, clock and channels decide; names are not case sensitive (RFC 8866 §6.6).
fn read_codec(rtpmap: &str) -> Option<Codec> {
    match rtpmap.to_ascii_lowercase().as_str() {
        "opus/48000/2" => Some(Codec::Opus),
        // Video RED has a clock of 90,000 and carries FEC, which we do not forward.
        "red/48000/2" => Some(Codec::Red),
        "vp8/90000" => Some(Codec::Vp8),
        "h264/90000" => Some(Codec::H264),
        "vp9/90000" => Some(Codec::Vp9),
        "av1/90000" => Some(Codec::Av1),
        _ => None,
    }
}

/// `apt=` of an RTX format (RFC 4588 §8.1).
fn read_apt(fmtp: &str) -> Option<Pt> {
    fmtp.split(';').find_map(|parameter| parameter.trim().strip_prefix("apt=")).and_then(read_pt)
}

fn read_feedback(text: &str) -> Feedback {
    let mut feedback = Feedback::default();
    match text {
        "transport-cc" => feedback.transport_cc = true,
        "nack" => feedback.nack = true,
        "nack pli" => feedback.pli = true,
        "ccm fir" => feedback.fir = true,
        _ => {}
    }
    feedback
}

fn merge(into: &mut Feedback, more: Feedback) {
    into.transport_cc |= more.transport_cc;
    into.nack |= more.nack;
    into.pli |= more.pli;
    into.fir |= more.fir;
}

fn read_msid(value: &str) -> Option<Msid> {
    let mut fields = value.split(' ').filter(|field| !field.is_empty());
    let stream = fields.next()?.to_owned();
    Some(Msid { stream, track: fields.next().unwrap_or_default().to_owned() })
}

/// Bounds of lists that are searched line by line. Browsers use 16 extensions, 3 RIDs and 12 SSRCs.
const MAX_EXTENSIONS: usize = 64;
const MAX_RIDS: usize = 16;
const MAX_SSRC_LINES: usize = 128;
/// Longer format parameters count as absent: they are kept for every subscriber. Browsers' have 100 bytes.
const MAX_FMTP_BYTES: usize = 1024;
