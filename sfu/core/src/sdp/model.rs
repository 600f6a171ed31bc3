//! The parts of a session description that an SFU reads or writes, each with its type.

use std::net::SocketAddr;

use crate::dtls::{Fingerprint, Setup};
use crate::ice::Credentials;
use crate::rtp::{ExtId, Mid, Pt, Rid, Ssrc};
use crate::transport::{RemoteDescription, RemoteIce};

/// A parsed offer or answer.
#[derive(Debug, Clone, Default)]
pub struct SessionDescription {
    /// Mids of `a=group:BUNDLE`, first is the tag.
    pub bundle: Vec<Mid>,
    /// Two-byte header extensions may be mixed with one-byte ones (RFC 8285 §6).
    pub extmap_allow_mixed: bool,
    /// `a=ice-lite`: whoever wrote this checks no paths.
    pub lite: bool,
    /// Transport attributes at session level; a section's own win.
    pub transport: TransportLines,
    /// m-sections in order; the index is the m-line index.
    pub media: Vec<MediaSection>,
}

/// ICE and DTLS attributes of the session or of one section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransportLines {
    /// `a=ice-ufrag`.
    pub ufrag: Option<String>,
    /// `a=ice-pwd`.
    pub pwd: Option<String>,
    /// `a=fingerprint` with SHA-256.
    pub fingerprint: Option<Fingerprint>,
    /// `a=setup`.
    pub setup: Option<Setup>,
    /// Addresses of `a=candidate`: the first few host candidates over UDP.
    pub candidates: Vec<SocketAddr>,
}

impl SessionDescription {
    /// What the transport must know about the peer: the lines of the BUNDLE's tag section, or else the first
    /// complete ones, falling back to session level line by line. `None` if something is missing.
    #[must_use]
    pub fn remote(&self) -> Option<RemoteDescription> {
        let tag = self.bundle.first().and_then(|tag| self.media.iter().find(|media| media.mid == *tag));
        let sections = tag.into_iter().chain(self.media.iter().filter(|media| media.port != 0));
        sections.map(|media| &media.transport).chain([&self.transport]).find_map(|lines| self.complete(lines))
    }

    /// The section with this mid.
    #[must_use]
    pub fn section(&self, mid: Mid) -> Option<&MediaSection> {
        self.media.iter().find(|media| media.mid == mid)
    }

    fn complete(&self, lines: &TransportLines) -> Option<RemoteDescription> {
        let session = &self.transport;
        Some(RemoteDescription {
            credentials: Credentials {
                ufrag: lines.ufrag.clone().or_else(|| session.ufrag.clone())?,
                pwd: lines.pwd.clone().or_else(|| session.pwd.clone())?,
            },
            fingerprint: lines.fingerprint.or(session.fingerprint)?,
            setup: lines.setup.or(session.setup)?,
            ice: if self.lite { RemoteIce::Lite(lines.candidates.clone()) } else { RemoteIce::Full },
        })
    }
}

/// One m-section.
#[derive(Debug, Clone)]
pub struct MediaSection {
    /// What it carries.
    pub kind: MediaKind,
    /// `a=mid`.
    pub mid: Mid,
    /// Port of the m-line; 0 with no `a=bundle-only`: rejected or stopped.
    pub port: u16,
    /// `a=bundle-only` (RFC 9143 §6): port 0 means nothing then.
    pub bundle_only: bool,
    /// Direction as its sender sees it.
    pub direction: Direction,
    /// The section's own transport attributes.
    pub transport: TransportLines,
    /// Formats in the order of the m-line, the first preferred; formats without `a=rtpmap` are left out.
    pub codecs: Vec<CodecLine>,
    /// `a=extmap` in order.
    pub extensions: Vec<ExtMapLine>,
    /// `a=rid:… send` in the order of `a=simulcast`, or of their own lines without one.
    pub send_rids: Vec<Rid>,
    /// `a=rid:… recv`, likewise.
    pub recv_rids: Vec<Rid>,
    /// `a=simulcast` is there.
    pub simulcast: bool,
    /// `a=msid`; the first if there are several.
    pub msid: Option<Msid>,
    /// SSRCs of `a=ssrc`, each once, in order.
    pub ssrcs: Vec<Ssrc>,
    /// `a=ssrc-group:FID`: media SSRC and its RTX SSRC (RFC 5576 §4.2, RFC 4588 §8).
    pub fid_groups: Vec<(Ssrc, Ssrc)>,
    /// `a=rtcp-mux`.
    pub rtcp_mux: bool,
    /// `a=max-message-size` of a data section (RFC 8841 §6).
    pub max_message_size: Option<u64>,
    /// The m-line's media and protocol fields, as they came: an answer repeats them.
    pub words: (String, String),
}

impl MediaSection {
    /// True if the sender stopped or rejected the section.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        self.port == 0 && !self.bundle_only
    }
}

/// What an m-section carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// `m=audio`.
    Audio,
    /// `m=video`.
    Video,
    /// `m=application … webrtc-datachannel`.
    Application,
    /// Anything else; always rejected.
    Unknown,
}

/// `a=sendrecv` and so on, as its sender sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both ways; the default (RFC 8866 §6.7).
    #[default]
    SendRecv,
    /// Only from its sender.
    SendOnly,
    /// Only to its sender.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The attribute's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Builds a direction from its two halves.
    #[must_use]
    pub const fn from_halves(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// True if the one who wrote it sends.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// True if the one who wrote it receives.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same fact from the other side.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        Self::from_halves(self.receives(), self.sends())
    }
}

/// Codecs that the SFU forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// Redundant audio around Opus (RFC 2198).
    Red,
    /// RFC 7741.
    Vp8,
    /// RFC 6184.
    H264,
    /// RFC 9628.
    Vp9,
    /// AV1 RTP payload format.
    Av1,
}

/// One format of an m-line with its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecLine {
    /// Payload type.
    pub pt: Pt,
    /// What it is; `None` for `rtx` and for codecs that we do not forward.
    pub codec: Option<Codec>,
    /// For `rtx`: the payload type that it repairs (`apt=`).
    pub apt: Option<Pt>,
    /// `a=rtpmap` after the payload type, for instance `opus/48000/2`.
    pub rtpmap: String,
    /// `a=fmtp` after the payload type, verbatim; empty if there is none.
    pub fmtp: String,
    /// `a=rtcp-fb` of this format and of `*`.
    pub feedback: Feedback,
}

/// RTCP feedback that we know (RFC 4585, RFC 5104).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Feedback {
    /// `transport-cc`.
    pub transport_cc: bool,
    /// `nack`.
    pub nack: bool,
    /// `nack pli`.
    pub pli: bool,
    /// `ccm fir`.
    pub fir: bool,
}

/// One `a=extmap` line (RFC 8285 §8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtMapLine {
    /// Id in the BUNDLE group.
    pub id: ExtId,
    /// `/sendonly` and so on; [`Direction::SendRecv`] without one.
    pub direction: Direction,
    /// What it means.
    pub uri: String,
}

/// `a=msid` (RFC 8830).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Msid {
    /// MediaStream id; `-` means none.
    pub stream: String,
    /// MediaStreamTrack id; empty if the line has none (Firefox may leave it out).
    pub track: String,
}

/// What we send in a section of an offer or an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendTrack {
    /// Shown to the peer as stream and track.
    pub msid: Msid,
    /// SSRC of the media packets.
    pub ssrc: Ssrc,
    /// SSRC of the RTX packets; video only.
    pub rtx: Option<Ssrc>,
    /// RTCP CNAME (RFC 3550 §6.5.1): tracks with one name share a clock.
    pub cname: String,
}

/// A host candidate of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// Where the peer sends its checks.
    pub address: SocketAddr,
    /// Over what.
    pub protocol: CandidateProtocol,
}

/// What a candidate is reached over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CandidateProtocol {
    /// UDP.
    Udp,
    /// TCP, we accept (RFC 6544 §4.5, `tcptype passive`).
    TcpPassive,
}

/// What our descriptions say about ourselves.
#[derive(Debug, Clone)]
pub struct LocalDescription<'a> {
    /// `o=`: number of the session, constant for a peer connection.
    pub session_id: u64,
    /// `o=`: grows with every description that we write.
    pub version: u64,
    /// From [`crate::transport::Transport::local`].
    pub credentials: &'a Credentials,
    /// From the certificate.
    pub fingerprint: Fingerprint,
    /// At least one.
    pub candidates: &'a [Candidate],
    /// `a=ice-lite`; not towards a peer that says it itself, because one of two has to check.
    pub lite: bool,
}
