//! ⑤ The plaintext packets of one encoding, kept once for all subscribers and for retransmission.
//!
//! It decides how long a packet stays; who gets it is decided in `forward`. A subscription stores
//! [`PacketRef`]s only.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::codec::{AudioLevel, PayloadFacts};
use crate::rtp::{RtpTime, SeqIndex};

/// What is known of a packet without looking at its payload again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketFacts {
    /// Sequence number at the publisher, with roll-overs.
    pub index: SeqIndex,
    /// Counts restarts of the publisher's stream: packets of two generations never belong together.
    pub generation: u8,
    /// Timestamp at the publisher.
    pub time: RtpTime,
    /// Marker bit.
    pub marker: bool,
    /// When it arrived.
    pub received_at: Instant,
    /// What the payload is.
    pub payload: PayloadFacts,
    /// Audio level extension.
    pub audio_level: Option<AudioLevel>,
    /// Video orientation extension, as on the wire.
    pub orientation: Option<u8>,
}

/// One packet in a ring. Its payload is empty when it was padding only: it then keeps a sequence number and
/// nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingPacket<'a> {
    /// What is known of it.
    pub facts: &'a PacketFacts,
    /// Dependency descriptor extension, as on the wire; empty when there was none.
    pub dependency_descriptor: &'a [u8],
    /// RTP payload without padding.
    pub payload: &'a [u8],
}

/// Names a packet of one ring for ever; the packet itself may be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketRef(pub u64);

/// How large a ring may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingLimits {
    /// Slots at the start; a power of two.
    pub first_slots: usize,
    /// Bytes at the start; a power of two.
    pub first_bytes: usize,
    /// Most slots; a power of two.
    pub max_slots: usize,
    /// Most bytes; a power of two.
    pub max_bytes: usize,
}

impl RingLimits {
    /// For a video encoding: a second of 5 Mb/s is 625 KB in about 550 packets.
    pub const VIDEO: Self =
        Self { first_slots: 64, first_bytes: 32 << 10, max_slots: 1024, max_bytes: 1 << 20 };
    /// For sound: a second of Opus in RED at 20 ms is 50 packets of about 250 bytes.
    pub const AUDIO: Self =
        Self { first_slots: 16, first_bytes: 4 << 10, max_slots: 64, max_bytes: 32 << 10 };
}

/// A packet's history is kept this long, within the limits: as long as a NACK can reasonably take.
const KEEP: Duration = Duration::from_secs(1);

/// No packet of a transport is longer (`demux::MAX_DATAGRAM_BYTES`).
const MAX_PACKET_BYTES: usize = 1500;

/// A circular slab of packets; it grows until it holds [`KEEP`], then never allocates again.
///
/// ```text
/// slots  │ 4 │ 5 │ 2 │ 3 │      slot = position mod slots
/// bytes  │..55555│222│3333│444│   one packet's bytes never wrap
/// ```
#[derive(Debug)]
pub struct Ring {
    limits: RingLimits,
    slots: Vec<Option<Slot>>,
    bytes: Vec<u8>,
    /// Position of the next packet.
    head: u64,
    /// Position of the oldest packet.
    tail: u64,
    /// Where the next packet's bytes go, counted without wrapping.
    write_at: usize,
}

#[derive(Debug, Clone)]
struct Slot {
    facts: PacketFacts,
    start: usize,
    descriptor_len: u16,
    payload_len: u16,
}

impl Slot {
    const fn len(&self) -> usize {
        self.descriptor_len as usize + self.payload_len as usize
    }
}

impl Ring {
    /// An empty ring. Allocates at the first packet.
    #[must_use]
    pub fn new(limits: RingLimits) -> Self {
        Self { limits, slots: Vec::new(), bytes: Vec::new(), head: 0, tail: 0, write_at: 0 }
    }

    /// Stores a packet; returns its name, or `None` when it is longer than any packet may be.
    ///
    /// The oldest packets give way when there is no room.
    pub fn push(&mut self, facts: PacketFacts, descriptor: &[u8], payload: &[u8]) -> Option<PacketRef> {
        let len = descriptor.len() + payload.len();
        if len > MAX_PACKET_BYTES {
            return None;
        }
        if self.slots.is_empty() {
            self.slots.resize(self.limits.first_slots, None);
            self.bytes.resize(self.limits.first_bytes, 0);
        }
        let start = self.make_room(facts.received_at, len);
        let place = self.place_of(start);
        self.bytes[place..place + descriptor.len()].copy_from_slice(descriptor);
        self.bytes[place + descriptor.len()..place + len].copy_from_slice(payload);
        let descriptor_len = u16::try_from(descriptor.len()).ok()?;
        let payload_len = u16::try_from(payload.len()).ok()?;
        let position = self.head;
        let slot = self.slot_of(position);
        self.slots[slot] = Some(Slot { facts, start, descriptor_len, payload_len });
        self.head += 1;
        self.write_at = start + len;
        Some(PacketRef(position))
    }

    /// The packet of this name; `None` when it has given way to newer ones.
    #[must_use]
    pub fn get(&self, packet: PacketRef) -> Option<RingPacket<'_>> {
        if packet.0 < self.tail || packet.0 >= self.head {
            return None;
        }
        let slot = self.slots[self.slot_of(packet.0)].as_ref()?;
        let place = self.place_of(slot.start);
        let (descriptor, payload) =
            self.bytes[place..place + slot.len()].split_at(usize::from(slot.descriptor_len));
        Some(RingPacket { facts: &slot.facts, dependency_descriptor: descriptor, payload })
    }

    /// What is known of a packet, to add to it; `None` when it has given way to newer ones.
    pub fn facts_mut(&mut self, packet: PacketRef) -> Option<&mut PacketFacts> {
        if packet.0 < self.tail || packet.0 >= self.head {
            return None;
        }
        let slot = self.slot_of(packet.0);
        self.slots[slot].as_mut().map(|slot| &mut slot.facts)
    }

    /// Name of the next packet that will be pushed.
    #[must_use]
    pub const fn head(&self) -> PacketRef {
        PacketRef(self.head)
    }

    /// The packets that are still here, oldest first.
    #[must_use]
    pub fn live(&self) -> Range<u64> {
        self.tail..self.head
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Option<Slot>>() + self.bytes.capacity()
    }

    fn slot_of(&self, position: u64) -> usize {
        // The number of slots is a power of two, so the low bits of the position suffice.
        let mask = self.slots.len() - 1;
        usize::try_from(position & (mask as u64)).unwrap_or(0)
    }

    /// Where a byte that is counted without wrapping stands; the number of bytes is a power of two.
    fn place_of(&self, start: usize) -> usize {
        start & (self.bytes.len() - 1)
    }

    /// Frees a slot and `len` bytes in a row, or grows; returns where the bytes start.
    fn make_room(&mut self, now: Instant, len: usize) -> usize {
        loop {
            let size = self.bytes.len();
            let place = self.place_of(self.write_at);
            let skip = if place + len > size { size - place } else { 0 };
            let start = self.write_at + skip;
            if self.tail == self.head {
                return start;
            }
            let slot = self.slot_of(self.tail);
            let Some(oldest) = &self.slots[slot] else { return start };
            let slots_full = usize::try_from(self.head - self.tail).unwrap_or(usize::MAX) == self.slots.len();
            let bytes_full = start + len > oldest.start + size;
            if !slots_full && !bytes_full {
                return start;
            }
            let young = now.saturating_duration_since(oldest.facts.received_at) < KEEP;
            let can_grow = (slots_full && self.slots.len() < self.limits.max_slots)
                || (bytes_full && size < self.limits.max_bytes);
            if young && can_grow {
                self.grow(slots_full, bytes_full);
            } else {
                self.slots[slot] = None;
                self.tail += 1;
            }
        }
    }

    /// Doubles what is full and lays all packets out anew; names stay valid.
    fn grow(&mut self, more_slots: bool, more_bytes: bool) {
        let slots = if more_slots { self.slots.len() * 2 } else { self.slots.len() };
        let size = if more_bytes { self.bytes.len() * 2 } else { self.bytes.len() };
        let mut larger = Self {
            limits: self.limits,
            slots: vec![None; slots.min(self.limits.max_slots)],
            bytes: vec![0; size.min(self.limits.max_bytes)],
            head: self.head,
            tail: self.tail,
            write_at: 0,
        };
        for position in self.live() {
            let from = self.slot_of(position);
            let Some(mut slot) = self.slots[from].take() else { continue };
            let place = self.place_of(slot.start);
            let len = slot.len();
            // Live packets overlap nowhere and the gap at the wrap is dropped, so they always fit.
            let start = larger.write_at;
            larger.bytes[start..start + len].copy_from_slice(&self.bytes[place..place + len]);
            slot.start = start;
            larger.write_at = start + len;
            let to = larger.slot_of(position);
            larger.slots[to] = Some(slot);
        }
        *self = larger;
    }
}

#[cfg(test)]
mod tests;
