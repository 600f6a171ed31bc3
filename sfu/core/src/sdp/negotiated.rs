//! What both sides agreed on: the only place where media reads payload types and extension ids.

use super::{Codec, CodecLine, Direction, Feedback, MediaKind, MediaSection, Msid, SendTrack};
use crate::rtp::{ExtMap, Mid, Pt, Rid, Ssrc};

/// The outcome of one offer and answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Negotiated {
    /// Header extensions of the BUNDLE group, for packets from the peer.
    pub receive_extensions: ExtMap,
    /// Header extensions of the BUNDLE group, for packets to the peer.
    pub send_extensions: ExtMap,
    /// One- and two-byte extension headers may be mixed (RFC 8285 §6).
    pub extmap_allow_mixed: bool,
    /// By m-line index.
    pub sections: Vec<NegotiatedSection>,
}

impl Negotiated {
    /// The section with this mid.
    #[must_use]
    pub fn section(&self, mid: Mid) -> Option<&NegotiatedSection> {
        self.sections.iter().find(|section| section.mid == mid)
    }
}

/// One m-section after offer and answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NegotiatedSection {
    /// Its mid.
    pub mid: Mid,
    /// What it carries.
    pub kind: MediaKind,
    /// Port 0: rejected or stopped; everything below is empty then, but for [`Self::send`] if the peer
    /// rejected it.
    pub stopped: bool,
    /// As we see it: `RecvOnly` for a publisher's track.
    pub direction: Direction,
    /// Accepted codecs, most preferred first.
    pub codecs: Vec<NegotiatedCodec>,
    /// RIDs that the peer sends, in offered order; the n-th is its n-th encoding. Empty without simulcast.
    pub rids: Vec<Rid>,
    /// SSRCs that the peer announced. With RIDs, they do not tell which encoding is which.
    pub ssrcs: Vec<Ssrc>,
    /// The peer's pairs of media and RTX SSRC.
    pub fid_groups: Vec<(Ssrc, Ssrc)>,
    /// The peer's stream and track names.
    pub msid: Option<Msid>,
    /// What we send in this section.
    pub send: Option<SendTrack>,
}

impl NegotiatedSection {
    /// A section that carries nothing.
    pub(super) fn stopped(media: &MediaSection) -> Self {
        Self { stopped: true, ..Self::data(media) }
    }

    /// A section without media.
    pub(super) fn data(media: &MediaSection) -> Self {
        Self {
            mid: media.mid,
            kind: media.kind,
            stopped: false,
            direction: Direction::Inactive,
            codecs: Vec::new(),
            rids: Vec::new(),
            ssrcs: Vec::new(),
            fid_groups: Vec::new(),
            msid: None,
            send: None,
        }
    }

    /// The codec with this payload type; RTX types are found by [`Self::by_rtx`].
    #[must_use]
    pub fn by_pt(&self, pt: Pt) -> Option<&NegotiatedCodec> {
        self.codecs.iter().find(|codec| codec.pt == pt)
    }

    /// The codec that this RTX payload type repairs.
    #[must_use]
    pub fn by_rtx(&self, pt: Pt) -> Option<&NegotiatedCodec> {
        self.codecs.iter().find(|codec| codec.rtx == Some(pt))
    }

    /// The first accepted format of this codec.
    #[must_use]
    pub fn by_codec(&self, codec: Codec) -> Option<&NegotiatedCodec> {
        self.codecs.iter().find(|accepted| accepted.codec == codec)
    }
}

/// One accepted format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NegotiatedCodec {
    /// What it is.
    pub codec: Codec,
    /// Its payload type.
    pub pt: Pt,
    /// Payload type of its RTX (RFC 4588), if accepted.
    pub rtx: Option<Pt>,
    /// Format parameters, verbatim.
    pub fmtp: String,
    /// Clock of its timestamps in hertz.
    pub clock_rate: u32,
    /// Accepted feedback.
    pub feedback: Feedback,
}

/// The formats among `lines` that we forward, each with its RTX.
pub(super) fn accepted_codecs(
    lines: &[CodecLine],
    feedback: impl Fn(&CodecLine) -> Feedback,
) -> Vec<NegotiatedCodec> {
    let rtx = |pt: Pt| lines.iter().find(|line| line.apt == Some(pt)).map(|line| line.pt);
    let accepted = |line: &CodecLine| {
        let codec = line.codec?;
        Some(NegotiatedCodec {
            codec,
            pt: line.pt,
            rtx: rtx(line.pt),
            fmtp: line.fmtp.clone(),
            clock_rate: codec.clock_rate(),
            feedback: feedback(line),
        })
    };
    lines.iter().filter_map(accepted).collect()
}

impl Codec {
    /// Clock of its RTP timestamps in hertz.
    #[must_use]
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Opus | Self::Red => 48_000,
            Self::Vp8 | Self::H264 | Self::Vp9 | Self::Av1 => 90_000,
        }
    }

    /// `a=rtpmap` after the payload type.
    #[must_use]
    pub const fn rtpmap(self) -> &'static str {
        match self {
            Self::Opus => "opus/48000/2",
            Self::Red => "red/48000/2",
            Self::Vp8 => "VP8/90000",
            Self::H264 => "H264/90000",
            Self::Vp9 => "VP9/90000",
            Self::Av1 => "AV1/90000",
        }
    }

    /// True for sound.
    #[must_use]
    pub const fn is_audio(self) -> bool {
        matches!(self, Self::Opus | Self::Red)
    }
}
