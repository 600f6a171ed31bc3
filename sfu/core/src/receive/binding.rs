//! ④ Which encoding an SSRC belongs to, and unwrapping of retransmissions (RFC 8852, RFC 9143 §9.2, RFC 4588).

use std::ops::Range;
use std::time::Instant;

use super::EncodingIndex;
use super::arrivals::ArrivalRecorder;
use crate::codec::{AudioLevel, Codec};
use crate::rtcp::{self, NtpTime, RtcpPacket};
use crate::rtp::{ExtMap, Extensions, Mid, Pt, Rid, RtpHeader, RtpTime, SeqNo, Ssrc};
use crate::srtp::DEFAULT_MAX_SSRCS;
use crate::stats::ReceiveCounters;

/// What a payload type stands for in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadKind {
    /// Media of this codec.
    Media(Codec),
    /// RED around Opus (RFC 2198).
    Red,
    /// Retransmission of this payload type (`apt`, RFC 4588 §8.1).
    Rtx(Pt),
}

/// The payload types of a section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payloads(pub Vec<(Pt, PayloadKind)>);

impl Payloads {
    /// What `pt` stands for.
    #[must_use]
    pub fn kind(&self, pt: Pt) -> Option<PayloadKind> {
        self.0.iter().find(|(known, _)| *known == pt).map(|&(_, kind)| kind)
    }
}

/// The RTP streams that a section announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionStreams {
    /// The section has `a=simulcast`: SSRCs are bound by the RID extension alone, whatever `a=ssrc` says.
    Simulcast {
        /// The RIDs from the smallest encoding to the largest; the place is the [`EncodingIndex`].
        rids: Vec<Rid>,
        /// `a=ssrc-group:FID` pairs of media and retransmission.
        fid: Vec<(Ssrc, Ssrc)>,
    },
    /// One encoding.
    Single {
        /// Its `a=ssrc`, if any.
        media: Option<Ssrc>,
        /// Its retransmission's SSRC (`a=ssrc-group:FID`), if any.
        rtx: Option<Ssrc>,
    },
}

/// One media section of a publisher's session description that carries a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section<P> {
    /// Its name.
    pub mid: Mid,
    /// The caller's name for the publication.
    pub publication: P,
    /// Its payload types.
    pub payloads: Payloads,
    /// Its streams.
    pub streams: SectionStreams,
}

/// A packet that belongs to a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed<P> {
    /// The publication.
    pub publication: P,
    /// Its encoding.
    pub encoding: EncodingIndex,
    /// SSRC of the media stream; `None` when only its retransmission has been seen.
    pub ssrc: Option<Ssrc>,
    /// Sequence number on the media stream.
    pub seq: SeqNo,
    /// Timestamp.
    pub time: RtpTime,
    /// Marker bit.
    pub marker: bool,
    /// The payload is RED.
    pub red: bool,
    /// It came as a retransmission.
    pub retransmitted: bool,
    /// Audio level extension.
    pub audio_level: Option<AudioLevel>,
    /// Video orientation extension.
    pub orientation: Option<u8>,
    /// Place of the dependency descriptor in the packet; empty when there is none.
    pub dependency_descriptor: Range<usize>,
    /// Place of the payload in the packet, without padding; empty when there was only padding.
    pub payload: Range<usize>,
}

/// Why a packet belongs to no publication; each has its counter in [`ReceiveCounters`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiveDrop {
    /// Not RTP.
    Malformed,
    /// No section announces its source.
    UnknownSsrc,
    /// The transport has as many sources as it may have.
    TooManySsrcs,
    /// Its section does not have this payload type.
    UnknownPayloadType,
    /// A retransmission without content: the publisher probes. It counts for the feedback.
    Probe,
}

/// Wall clock and RTP clock of one encoding at the same moment (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderClock {
    /// Wall clock.
    pub ntp: NtpTime,
    /// RTP clock.
    pub rtp_time: RtpTime,
}

/// Sources of one transport: sections, bindings, and the arrival record for its feedback.
///
/// `P` is the caller's name for a publication.
#[derive(Debug)]
pub struct Inbound<P> {
    extensions: ExtMap,
    sections: Vec<Section<P>>,
    bindings: Vec<Binding>,
    arrivals: ArrivalRecorder,
    /// SSRC in our RTCP towards the publisher.
    sender: Ssrc,
    max_ssrcs: usize,
}

/// One SSRC.
#[derive(Debug, Clone, Copy)]
struct Binding {
    ssrc: Ssrc,
    mid: Mid,
    encoding: EncodingIndex,
    role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Media,
    Rtx,
}

impl<P: Copy> Inbound<P> {
    /// No sections yet. `sender` is the SSRC of our own reports on this transport.
    #[must_use]
    pub fn new(sender: Ssrc) -> Self {
        Self {
            extensions: ExtMap::default(),
            sections: Vec::new(),
            bindings: Vec::new(),
            arrivals: ArrivalRecorder::default(),
            sender,
            max_ssrcs: DEFAULT_MAX_SSRCS,
        }
    }

    /// With another bound on the SSRCs that are bound at a time.
    #[must_use]
    pub fn with_max_ssrcs(self, max_ssrcs: usize) -> Self {
        Self { max_ssrcs, ..self }
    }

    /// Sets the negotiated extension ids; call it with every description.
    pub fn set_extensions(&mut self, extensions: ExtMap) {
        self.extensions = extensions;
    }

    /// Adds a section, or changes the one of the same MID. Bindings made before stay.
    pub fn set_section(&mut self, section: Section<P>) {
        match self.sections.iter_mut().find(|known| known.mid == section.mid) {
            Some(known) => *known = section,
            None => self.sections.push(section),
        }
    }

    /// Removes a section and forgets its SSRCs.
    pub fn remove_section(&mut self, mid: Mid) {
        self.sections.retain(|section| section.mid != mid);
        self.bindings.retain(|binding| binding.mid != mid);
    }

    /// Finds the publication of one decrypted packet and records its arrival.
    ///
    /// # Errors
    /// [`ReceiveDrop`] when it belongs to none; it is counted already.
    pub fn route(
        &mut self,
        now: Instant,
        packet: &[u8],
        counters: &mut ReceiveCounters,
    ) -> Result<Routed<P>, ReceiveDrop> {
        let routed = self.find(now, packet);
        if let Err(drop) = &routed {
            match drop {
                ReceiveDrop::Malformed => counters.malformed += 1,
                ReceiveDrop::UnknownSsrc => counters.unknown_ssrc += 1,
                ReceiveDrop::TooManySsrcs => counters.too_many_ssrcs += 1,
                ReceiveDrop::UnknownPayloadType => counters.unknown_payload_type += 1,
                ReceiveDrop::Probe => counters.padding_only += 1,
            }
        }
        routed
    }

    fn find(&mut self, now: Instant, packet: &[u8]) -> Result<Routed<P>, ReceiveDrop> {
        let header = RtpHeader::parse(packet).map_err(|_| ReceiveDrop::Malformed)?;
        let extensions = Extensions::read(&header, packet, &self.extensions);
        if let Some(seq) = extensions.transport_cc {
            self.arrivals.record(now, SeqNo(seq), header.ssrc);
        }
        let binding = match self.bindings.iter().find(|binding| binding.ssrc == header.ssrc) {
            Some(&binding) => binding,
            None => self.bind(&header, &extensions)?,
        };
        let section = self
            .sections
            .iter()
            .find(|section| section.mid == binding.mid)
            .ok_or(ReceiveDrop::UnknownSsrc)?;
        let kind = section.payloads.kind(header.pt).ok_or(ReceiveDrop::UnknownPayloadType)?;
        let descriptor = extensions.dependency_descriptor.unwrap_or_default();
        let mut routed = Routed {
            publication: section.publication,
            encoding: binding.encoding,
            ssrc: Some(header.ssrc),
            seq: header.seq,
            time: header.time,
            marker: header.marker,
            red: kind == PayloadKind::Red,
            retransmitted: false,
            audio_level: extensions.audio_level,
            orientation: extensions.orientation,
            dependency_descriptor: place_in(packet, descriptor),
            payload: header.payload.clone(),
        };
        match (binding.role, kind) {
            (Role::Media, PayloadKind::Media(_) | PayloadKind::Red) => {}
            (Role::Rtx, PayloadKind::Rtx(apt)) => {
                // RFC 4588 §4: the original sequence number comes first.
                let content = &packet[header.payload.clone()];
                let (&osn, _) = content.split_first_chunk().ok_or(ReceiveDrop::Probe)?;
                let original = section.payloads.kind(apt).ok_or(ReceiveDrop::UnknownPayloadType)?;
                routed.seq = SeqNo(u16::from_be_bytes(osn));
                routed.payload.start += 2;
                routed.red = original == PayloadKind::Red;
                routed.retransmitted = true;
                routed.ssrc = self.media_of(binding);
            }
            (Role::Media, PayloadKind::Rtx(_)) | (Role::Rtx, PayloadKind::Media(_) | PayloadKind::Red) => {
                return Err(ReceiveDrop::UnknownPayloadType);
            }
        }
        Ok(routed)
    }

    /// Binds a new SSRC; the binding lasts, because MID and RID vanish after the first receiver report.
    fn bind(&mut self, header: &RtpHeader, extensions: &Extensions<'_>) -> Result<Binding, ReceiveDrop> {
        let (mid, encoding, role) = self.identify(header, extensions).ok_or(ReceiveDrop::UnknownSsrc)?;
        // A stream that restarts under another SSRC takes the place of its predecessor.
        self.bindings.retain(|known| (known.mid, known.encoding, known.role) != (mid, encoding, role));
        if self.bindings.len() >= self.max_ssrcs {
            return Err(ReceiveDrop::TooManySsrcs);
        }
        let binding = Binding { ssrc: header.ssrc, mid, encoding, role };
        self.bindings.push(binding);
        Ok(binding)
    }

    fn identify(
        &self,
        header: &RtpHeader,
        extensions: &Extensions<'_>,
    ) -> Option<(Mid, EncodingIndex, Role)> {
        let candidates =
            || self.sections.iter().filter(|section| extensions.mid.is_none_or(|mid| mid == section.mid));
        for section in candidates() {
            let found = match &section.streams {
                SectionStreams::Simulcast { rids, fid } => {
                    self.identify_simulcast(header.ssrc, extensions, rids, fid, section.mid)
                }
                SectionStreams::Single { media, .. } if *media == Some(header.ssrc) => {
                    Some((EncodingIndex(0), Role::Media))
                }
                SectionStreams::Single { rtx, .. } if *rtx == Some(header.ssrc) => {
                    Some((EncodingIndex(0), Role::Rtx))
                }
                SectionStreams::Single { .. } => None,
            };
            if let Some((encoding, role)) = found {
                return Some((section.mid, encoding, role));
            }
        }
        // Not announced: MID and the payload type say what it is.
        let mid = extensions.mid?;
        let section = self.sections.iter().find(|section| section.mid == mid)?;
        let SectionStreams::Single { .. } = section.streams else { return None };
        let role = match section.payloads.kind(header.pt)? {
            PayloadKind::Media(_) | PayloadKind::Red => Role::Media,
            PayloadKind::Rtx(_) => Role::Rtx,
        };
        Some((mid, EncodingIndex(0), role))
    }

    fn identify_simulcast(
        &self,
        ssrc: Ssrc,
        extensions: &Extensions<'_>,
        rids: &[Rid],
        fid: &[(Ssrc, Ssrc)],
        mid: Mid,
    ) -> Option<(EncodingIndex, Role)> {
        let place = |rid: Rid| {
            let place = rids.iter().position(|&known| known == rid)?;
            u8::try_from(place).ok().map(EncodingIndex)
        };
        if let Some(rid) = extensions.repaired_rid {
            return Some((place(rid)?, Role::Rtx));
        }
        if let Some(rid) = extensions.rid {
            return Some((place(rid)?, Role::Media));
        }
        let &(media, _) = fid.iter().find(|(_, rtx)| *rtx == ssrc)?;
        let binding =
            self.bindings.iter().find(|b| b.ssrc == media && b.mid == mid && b.role == Role::Media)?;
        Some((binding.encoding, Role::Rtx))
    }

    fn media_of(&self, rtx: Binding) -> Option<Ssrc> {
        self.bindings
            .iter()
            .find(|b| b.mid == rtx.mid && b.encoding == rtx.encoding && b.role == Role::Media)
            .map(|b| b.ssrc)
    }

    /// Takes the publisher's RTCP: calls `heard` for each sender report of a known encoding.
    pub fn handle_rtcp(
        &mut self,
        compound: &[u8],
        counters: &mut ReceiveCounters,
        mut heard: impl FnMut(P, EncodingIndex, SenderClock),
    ) {
        for packet in rtcp::packets(compound) {
            match packet {
                Ok(RtcpPacket::SenderReport(report)) => {
                    if let Some((publication, encoding)) = self.reporter(report.ssrc) {
                        let clock = SenderClock { ntp: report.ntp, rtp_time: report.rtp_time };
                        heard(publication, encoding, clock);
                    }
                }
                // Bindings outlive a BYE, as a browser sends one for a track that may come back.
                Ok(_) => {}
                Err(_) => counters.malformed_rtcp += 1,
            }
        }
    }

    /// Whose sender report this is. An announced source is known before its first packet.
    fn reporter(&self, ssrc: Ssrc) -> Option<(P, EncodingIndex)> {
        let binding = self.bindings.iter().find(|b| b.ssrc == ssrc && b.role == Role::Media);
        let section = self.sections.iter().find(|section| match binding {
            Some(binding) => section.mid == binding.mid,
            None => matches!(section.streams, SectionStreams::Single { media, .. } if media == Some(ssrc)),
        })?;
        Some((section.publication, binding.map_or(EncodingIndex(0), |binding| binding.encoding)))
    }

    /// Appends the transport-wide feedback when it is due. `out` is one compound packet to seal.
    pub fn poll_rtcp(&mut self, now: Instant, out: &mut Vec<u8>) {
        self.arrivals.poll(now, self.sender, out);
    }

    /// When [`Self::poll_rtcp`] has something to say.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.arrivals.poll_timeout()
    }
}

/// Where `part` stands in `whole`; empty when it is not part of it.
fn place_in(whole: &[u8], part: &[u8]) -> Range<usize> {
    if part.is_empty() {
        return 0..0;
    }
    let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    if start + part.len() <= whole.len() { start..start + part.len() } else { 0..0 }
}
