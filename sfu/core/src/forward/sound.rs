//! ⑦ RED towards a subscriber: passed with its own payload types, or opened (RFC 2198).

use super::forwarding::Turn;
use super::pictures::OutgoingIds;
use super::sent::Sent;
use super::sequence::Place;
use super::writing::{MAX_PREFIX_BYTES, Outgoing};
use super::{Forwarding, Seal};
use crate::bwe::SendKind;
use crate::codec::red;
use crate::ring::{PacketRef, RingPacket};
use crate::rtp::{Pt, RtpTime, SeqIndex};

/// Lost packets that one RED packet may bring back: browsers send one or two redundant blocks.
const MAX_RECOVERED: usize = 4;

/// A packet found in a redundant block.
#[derive(Clone, Copy)]
struct Found<'a> {
    incoming: SeqIndex,
    time: RtpTime,
    payload: &'a [u8],
}

impl Forwarding {
    /// RED for a subscriber that takes it, with its payload types in each block header; else the primary
    /// block as Opus.
    pub(super) fn rewrite_red<'a>(
        &self,
        payload: &'a [u8],
        scratch: &'a mut [u8; MAX_PREFIX_BYTES],
    ) -> (&'a [u8], &'a [u8], Pt) {
        let Some(primary) = red::primary(payload) else { return (&[], payload, self.config.pt) };
        let headers = red::redundant_blocks(payload).map_or(0, |blocks| blocks.header_len());
        match self.config.red {
            Some(pt) if headers <= MAX_PREFIX_BYTES => {
                let (head, rest) = payload.split_at(headers);
                scratch[..headers].copy_from_slice(head);
                red::rewrite_payload_types(&mut scratch[..headers], self.config.pt);
                (&scratch[..headers], rest, pt)
            }
            Some(_) | None => (&[], &payload[primary], self.config.pt),
        }
    }

    /// Sends packets that were lost just before this one and stand in its redundant blocks.
    pub(super) fn recover_sound<S: Seal, T: Copy + PartialEq>(
        &mut self,
        turn: &mut Turn<'_, '_, S, T>,
        name: PacketRef,
        packet: RingPacket<'_>,
    ) {
        let facts = packet.facts;
        let Some(source) = self.source_mut() else { return };
        let highest = source.map.highest();
        if facts.index.0 <= highest.0 + 1 {
            return;
        }
        let Some(blocks) = red::redundant_blocks(packet.payload) else { return };
        let mut found = [None; MAX_RECOVERED];
        let count = blocks.clone().count();
        for (place, block) in blocks.enumerate() {
            // The last redundant block is the packet before this one, and so on backwards.
            let back = count - place;
            let incoming = SeqIndex(facts.index.0.saturating_sub(back as u64));
            let time = facts.time.moved(0u32.wrapping_sub(u32::from(block.ticks_before)));
            let is_lost = incoming > highest && time.since(source.newest_time) > 0;
            if is_lost && !block.place.is_empty() && back <= MAX_RECOVERED {
                found[MAX_RECOVERED - back] =
                    Some(Found { incoming, time, payload: &packet.payload[block.place] });
            }
        }
        for found in found.into_iter().flatten() {
            self.send_recovered(turn, name, found);
        }
    }

    fn send_recovered<S: Seal, T: Copy + PartialEq>(
        &mut self,
        turn: &mut Turn<'_, '_, S, T>,
        name: PacketRef,
        found: Found<'_>,
    ) {
        let Some(source) = self.source_mut() else { return };
        let Place::At { index, .. } = source.map.place(found.incoming) else { return };
        source.newest_time = found.time;
        let encoding = source.encoding;
        if !self.sent.is_free(index) {
            return;
        }
        let time = self.timeline.time(turn.now, found.time);
        let out = Outgoing {
            ssrc: self.config.ssrc,
            pt: self.config.pt,
            index,
            time,
            marker: false,
            padding: false,
            extensions_of: None,
            descriptor: &[],
            prefix: &[],
            payload: found.payload,
            kind: SendKind::Media,
        };
        if let Some(bytes) = self.write(turn, &out) {
            turn.counters.red_recovered += 1;
            turn.counters.packets += 1;
            turn.counters.bytes += bytes as u64;
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(u32::try_from(found.payload.len()).unwrap_or(0));
        }
        // The ring holds it only inside this RED packet, so it is never sent again.
        self.sent.insert(Sent {
            index,
            packet: name,
            time,
            ids: OutgoingIds::default(),
            encoding,
            marker: false,
            is_filler: true,
        });
    }
}
