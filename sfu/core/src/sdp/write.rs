//! The lines that our offers and answers share.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::{Candidate, CandidateProtocol, Direction, Feedback, LocalDescription, SendTrack};
use crate::dtls::Setup;
use crate::rtp::{Mid, Pt};
use crate::sctp::MAX_MESSAGE_BYTES;

/// Text of a description under construction.
pub(super) struct Writer<'a> {
    text: String,
    local: &'a LocalDescription<'a>,
    setup: Setup,
    /// Candidates stand once, in the first section that is not rejected: the BUNDLE's tag.
    has_candidates: bool,
}

impl<'a> Writer<'a> {
    /// Starts with the session's lines; `bundle` are the mids of all sections that are not rejected.
    pub(super) fn new(
        local: &'a LocalDescription<'a>,
        setup: Setup,
        bundle: &[Mid],
        extmap_allow_mixed: bool,
    ) -> Self {
        let mut writer = Self { text: String::with_capacity(2048), local, setup, has_candidates: false };
        writer.line("v=0");
        let (id, version) = (local.session_id, local.version);
        writer.line(format_args!("o=- {id} {version} IN IP4 127.0.0.1"));
        writer.line("s=-");
        writer.line("t=0 0");
        if local.lite {
            writer.line("a=ice-lite");
        }
        if !bundle.is_empty() {
            writer.text.push_str("a=group:BUNDLE");
            for mid in bundle {
                writer.part(format_args!(" {mid}"));
            }
            writer.line("");
        }
        if extmap_allow_mixed {
            writer.line("a=extmap-allow-mixed");
        }
        writer.line("a=msid-semantic: WMS *");
        writer
    }

    /// Writes one line with its end.
    pub(super) fn line(&mut self, line: impl std::fmt::Display) {
        self.part(format_args!("{line}\r\n"));
    }

    /// A section that is rejected or stopped (RFC 8829 §5.3.1): port 0, no transport.
    pub(super) fn stopped(&mut self, (media, protocol): (&str, &str), mid: Mid) {
        let format = if media == "application" { "webrtc-datachannel" } else { "0" };
        self.line(format_args!("m={media} 0 {protocol} {format}"));
        self.line("c=IN IP4 0.0.0.0");
        self.line("a=inactive");
        self.line(format_args!("a=mid:{mid}"));
    }

    /// The data section (RFC 8841).
    pub(super) fn data(&mut self, protocol: &str, mid: Mid) {
        self.line(format_args!("m=application 9 {protocol} webrtc-datachannel"));
        self.transport();
        self.line(format_args!("a=mid:{mid}"));
        self.line("a=sctp-port:5000");
        self.line(format_args!("a=max-message-size:{MAX_MESSAGE_BYTES}"));
    }

    /// The head of a media section: m-line, transport, mid.
    pub(super) fn media(&mut self, (media, protocol): (&str, &str), formats: &[Pt], mid: Mid) {
        self.part(format_args!("m={media} 9 {protocol}"));
        for format in formats {
            self.part(format_args!(" {format}"));
        }
        self.line("");
        self.transport();
        self.line(format_args!("a=mid:{mid}"));
    }

    /// Direction and the two lines that every media section of ours has.
    pub(super) fn direction(&mut self, direction: Direction) {
        self.line(format_args!("a={}", direction.as_str()));
        self.line("a=rtcp-mux");
        self.line("a=rtcp-rsize");
    }

    /// One format.
    pub(super) fn format(&mut self, pt: Pt, rtpmap: &str, fmtp: &str, feedback: Feedback) {
        self.line(format_args!("a=rtpmap:{pt} {rtpmap}"));
        if !fmtp.is_empty() {
            self.line(format_args!("a=fmtp:{pt} {fmtp}"));
        }
        let lines = [
            (feedback.transport_cc, "transport-cc"),
            (feedback.fir, "ccm fir"),
            (feedback.nack, "nack"),
            (feedback.pli, "nack pli"),
        ];
        for (_, name) in lines.iter().filter(|(has, _)| *has) {
            self.line(format_args!("a=rtcp-fb:{pt} {name}"));
        }
    }

    /// The names and sources of what we send.
    pub(super) fn send(&mut self, send: &SendTrack) {
        let SendTrack { msid, ssrc, rtx, cname } = send;
        self.line(format_args!("a=msid:{} {}", msid.stream, msid.track));
        if let Some(rtx) = rtx {
            self.line(format_args!("a=ssrc-group:FID {ssrc} {rtx}"));
        }
        for source in [Some(ssrc), rtx.as_ref()].into_iter().flatten() {
            self.line(format_args!("a=ssrc:{source} cname:{cname}"));
        }
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.text
    }

    fn part(&mut self, part: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(part);
    }

    fn transport(&mut self) {
        let local = self.local;
        self.line("c=IN IP4 0.0.0.0");
        self.line(format_args!("a=ice-ufrag:{}", local.credentials.ufrag));
        self.line(format_args!("a=ice-pwd:{}", local.credentials.pwd));
        self.line(format_args!("a=fingerprint:{}", local.fingerprint));
        self.line(format_args!("a=setup:{}", self.setup.as_str()));
        if std::mem::replace(&mut self.has_candidates, true) {
            return;
        }
        for (place, candidate) in (0_u16..).zip(local.candidates) {
            self.candidate(place, candidate);
        }
        self.line("a=end-of-candidates");
    }

    /// RFC 8839 §5.1; the foundation differs for each address and protocol.
    fn candidate(&mut self, place: u16, candidate: &Candidate) {
        let (ip, port): (IpAddr, u16) = (candidate.address.ip(), candidate.address.port());
        let (protocol, tail) = match candidate.protocol {
            CandidateProtocol::Udp => ("udp", ""),
            CandidateProtocol::TcpPassive => ("tcp", " tcptype passive"),
        };
        let (foundation, priority) = (place + 1, priority(place, candidate.protocol));
        self.line(format_args!(
            "a=candidate:{foundation} 1 {protocol} {priority} {ip} {port} typ host{tail}"
        ));
    }
}

/// RFC 8445 §5.1.2.1: earlier addresses first, and TCP (as in libwebrtc, type preference 90) after all UDP.
fn priority(place: u16, protocol: CandidateProtocol) -> u32 {
    let type_preference: u32 = match protocol {
        CandidateProtocol::Udp => 126,
        CandidateProtocol::TcpPassive => 90,
    };
    type_preference << 24 | u32::from(u16::MAX - place) << 8 | 255
}
