//! ⑧ How one packet looks to its subscriber: header, extensions, the codec's prefix.

use super::forwarding::Turn;
use super::sent::Sent;
use super::{Congestion, Forwarding, Seal};
use crate::bwe::SendKind;
use crate::codec::PayloadForm;
use crate::ring::RingPacket;
use crate::rtp::{
    ExtKind, ExtMap, ExtensionBlock, HeaderFields, MAX_HEADER_BYTES, Pt, RtpTime, SeqIndex, Ssrc,
    write_header,
};

/// A packet ready for its header.
pub(super) struct Outgoing<'a> {
    pub(super) ssrc: Ssrc,
    pub(super) pt: Pt,
    pub(super) index: SeqIndex,
    pub(super) time: RtpTime,
    pub(super) marker: bool,
    pub(super) padding: bool,
    /// The packet whose extensions it repeats.
    pub(super) extensions_of: Option<RingPacket<'a>>,
    /// Dependency descriptor; empty for none.
    pub(super) descriptor: &'a [u8],
    pub(super) prefix: &'a [u8],
    pub(super) payload: &'a [u8],
    pub(super) kind: SendKind,
}

impl Forwarding {
    pub(super) fn send_media<S: Seal, T: Copy + PartialEq>(
        &self,
        turn: &mut Turn<'_, '_, S, T>,
        sent: &Sent,
        packet: RingPacket<'_>,
    ) -> bool {
        let mut scratch = [0; MAX_PREFIX_BYTES];
        let (prefix, payload, pt) = self.rewrite(sent, packet, &mut scratch);
        let mut descriptor = None;
        let descriptor = self.rewrite_descriptor(turn.reception, sent, packet, &mut descriptor);
        let out = Outgoing {
            ssrc: self.config.ssrc,
            pt,
            index: sent.index,
            time: sent.time,
            marker: sent.marker,
            padding: false,
            extensions_of: Some(packet),
            descriptor,
            prefix,
            payload,
            kind: SendKind::Media,
        };
        self.write(turn, &out).is_some_and(|bytes| {
            turn.counters.packets += 1;
            turn.counters.bytes += bytes as u64;
            true
        })
    }

    /// Keeps a promised number whose packet turned out to be padding only.
    pub(super) fn send_filler<S: Seal, T: Copy + PartialEq>(
        &self,
        turn: &mut Turn<'_, '_, S, T>,
        sent: &Sent,
    ) -> bool {
        let out = Outgoing {
            ssrc: self.config.ssrc,
            pt: self.config.pt,
            index: sent.index,
            time: sent.time,
            marker: false,
            padding: true,
            extensions_of: None,
            descriptor: &[],
            prefix: &[],
            // One byte of padding that says so (RFC 3550 §5.1).
            payload: &[1],
            kind: SendKind::Media,
        };
        turn.counters.fillers += 1;
        self.write(turn, &out).is_some()
    }

    /// Replaces the codec's prefix: what is written new, the rest of the payload, and the payload type.
    pub(super) fn rewrite<'a>(
        &self,
        sent: &Sent,
        packet: RingPacket<'a>,
        scratch: &'a mut [u8; MAX_PREFIX_BYTES],
    ) -> (&'a [u8], &'a [u8], Pt) {
        match &packet.facts.payload.form {
            PayloadForm::Plain => (&[], packet.payload, self.config.pt),
            PayloadForm::Vp8(vp8) => {
                let (prefix, rest) = packet.payload.split_at(usize::from(vp8.len));
                let scratch = &mut scratch[..prefix.len()];
                scratch.copy_from_slice(prefix);
                vp8.rewrite(scratch, sent.ids.picture, sent.ids.tl0);
                (scratch, rest, self.config.pt)
            }
            PayloadForm::Scalable { vp9: Some(vp9), .. } => {
                let (prefix, rest) = packet.payload.split_at(vp9.rewritten_len());
                let scratch = &mut scratch[..prefix.len()];
                scratch.copy_from_slice(prefix);
                vp9.rewrite(scratch, sent.ids.picture, sent.ids.tl0);
                (scratch, rest, self.config.pt)
            }
            PayloadForm::Scalable { vp9: None, .. } => (&[], packet.payload, self.config.pt),
            PayloadForm::Red => self.rewrite_red(packet.payload, scratch),
        }
    }

    /// Writes one packet into the arena; returns the datagram's length.
    pub(super) fn write<S: Seal, T: Copy + PartialEq>(
        &self,
        turn: &mut Turn<'_, '_, S, T>,
        out: &Outgoing<'_>,
    ) -> Option<usize> {
        let Some(space) = turn.arena.space() else {
            turn.counters.arena_full += 1;
            return None;
        };
        let map = &self.config.extensions;
        let transport_seq = turn.leg.congestion.as_deref().map(|c| c.next_seq().0.to_be_bytes());
        let numbered = transport_seq.filter(|_| map.id(ExtKind::TransportCc).is_some());
        let mut small = [0; 2];
        let mut block = ExtensionBlock::new();
        if let (Some(id), Some(mid)) = (map.id(ExtKind::Mid), self.mid_for(out.ssrc)) {
            block.push(id, mid.as_bytes());
        }
        if let (Some(id), Some(seq)) = (map.id(ExtKind::TransportCc), &numbered) {
            block.push(id, seq);
        }
        if let Some(source) = &out.extensions_of {
            copy_extensions(map, source, &mut small, &mut block);
        }
        if let (Some(id), false) = (map.id(ExtKind::DependencyDescriptor), out.descriptor.is_empty()) {
            block.push(id, out.descriptor);
        }
        let fields = HeaderFields {
            marker: out.marker,
            padding: out.padding,
            pt: out.pt,
            seq: out.index.seq(),
            time: out.time,
            ssrc: out.ssrc,
        };
        let mut header = [0; MAX_HEADER_BYTES];
        let sealed = write_header(&mut header, &fields, &block).and_then(|len| {
            turn.leg.seal.seal_rtp(&header[..len], out.prefix, out.payload, out.index, space).ok()
        });
        let Some(len) = sealed else {
            turn.counters.unsealed += 1;
            return None;
        };
        turn.arena.commit(turn.leg.to, len);
        if let Some(congestion) = turn.leg.congestion.as_deref_mut() {
            Congestion::on_send(congestion, turn.now, len, out.kind, numbered.is_some());
        }
        Some(len)
    }
}

/// The longest rewritten beginning: RED headers of seven redundant blocks. VP8 takes 6.
pub(super) const MAX_PREFIX_BYTES: usize = 32;

/// Repeats the publisher's extensions that the leg negotiated.
fn copy_extensions<'a>(
    map: &ExtMap,
    packet: &RingPacket<'_>,
    small: &'a mut [u8; 2],
    block: &mut ExtensionBlock<'a>,
) {
    let facts = packet.facts;
    *small = [facts.audio_level.map_or(0, |level| level.to_byte()), facts.orientation.unwrap_or(0)];
    let small: &'a [u8; 2] = small;
    if let (Some(id), Some(_)) = (map.id(ExtKind::AudioLevel), facts.audio_level) {
        block.push(id, &small[..1]);
    }
    if let (Some(id), Some(_)) = (map.id(ExtKind::VideoOrientation), facts.orientation) {
        block.push(id, &small[1..]);
    }
}
