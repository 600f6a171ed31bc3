//! Packets on their way to other shards: copied once, read by all of them, and used again.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::codec::AudioLevel;
use crate::receive::{EncodingIndex, MAX_ENCODINGS, Reception};
use crate::ring::{PacketFacts, PacketRef};
use crate::room::PublicationKey;

/// A set of encodings of one publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Encodings(u8);

impl Encodings {
    /// Adds one.
    pub const fn insert(&mut self, encoding: EncodingIndex) {
        self.0 |= 1 << encoding.0;
    }

    /// Whether it is one of them.
    #[must_use]
    pub const fn contains(self, encoding: EncodingIndex) -> bool {
        self.0 & (1 << encoding.0) != 0
    }

    /// True for none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of both.
    #[must_use]
    pub const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Each of them, the smallest first.
    pub fn iter(self) -> impl Iterator<Item = EncodingIndex> {
        (0..MAX_ENCODINGS)
            .filter_map(|place| u8::try_from(place).ok().map(EncodingIndex))
            .filter(move |e| self.contains(*e))
    }
}

/// Plaintext packets of one publication that arrived in one turn; every shard that wants some reads the same.
#[derive(Debug)]
pub struct PacketBatch {
    publication: PublicationKey,
    packets: Vec<BatchPacket>,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct BatchPacket {
    encoding: EncodingIndex,
    facts: PacketFacts,
    descriptor: Range<usize>,
    payload: Range<usize>,
}

impl PacketBatch {
    const fn new(publication: PublicationKey) -> Self {
        Self { publication, packets: Vec::new(), bytes: Vec::new() }
    }

    /// How many packets it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// True when nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Of this publication.
    #[must_use]
    pub const fn publication(&self) -> PublicationKey {
        self.publication
    }

    /// Encodings of its packets.
    #[must_use]
    pub fn encodings(&self) -> Encodings {
        let mut all = Encodings::default();
        self.packets.iter().for_each(|packet| all.insert(packet.encoding));
        all
    }

    /// What the publisher's client says about the loudness of each packet; empty for pictures.
    pub(in crate::shard) fn levels(&self) -> impl Iterator<Item = AudioLevel> {
        self.packets.iter().filter_map(|packet| packet.facts.audio_level)
    }

    /// Takes the fresh packets of these encodings.
    fn fill(&mut self, publication: PublicationKey, reception: &Reception, encodings: Encodings) {
        self.publication = publication;
        self.packets.clear();
        self.bytes.clear();
        for encoding in encodings.iter() {
            for position in reception.fresh(encoding) {
                let Some(packet) = reception.packet(encoding, PacketRef(position)) else { continue };
                let start = self.bytes.len();
                self.bytes.extend_from_slice(packet.dependency_descriptor);
                let middle = self.bytes.len();
                self.bytes.extend_from_slice(packet.payload);
                let (descriptor, payload) = (start..middle, middle..self.bytes.len());
                self.packets.push(BatchPacket { encoding, facts: packet.facts.clone(), descriptor, payload });
            }
        }
    }

    /// Puts the packets of these encodings into the rings of the other shard; returns how many.
    pub fn write_to(&self, reception: &mut Reception, encodings: Encodings) -> usize {
        let wanted = self.packets.iter().filter(|packet| encodings.contains(packet.encoding));
        let mut count = 0;
        for packet in wanted {
            let (descriptor, payload) =
                (&self.bytes[packet.descriptor.clone()], &self.bytes[packet.payload.clone()]);
            reception.handle_relayed(packet.encoding, packet.facts.clone(), descriptor, payload);
            count += 1;
        }
        count
    }
}

/// Batches that were sent, to be used again when nobody reads them any more.
#[derive(Debug, Default)]
pub struct Batches {
    /// The oldest first.
    sent: VecDeque<Arc<PacketBatch>>,
}

/// Turns that the slowest shard may be behind before batches are made anew.
const KEPT_BATCHES: usize = 64;

/// A batch that a burst has grown beyond this is not kept: 64 of them would be 16 MiB.
const KEPT_BYTES: usize = 256 << 10;

impl Batches {
    /// The fresh packets of these encodings; `None` when there are none. Allocates only while the batches of
    /// the first turns grow, or all are still being read.
    pub fn take_fresh(
        &mut self,
        publication: PublicationKey,
        reception: &Reception,
        encodings: Encodings,
    ) -> Option<Arc<PacketBatch>> {
        if encodings.iter().all(|encoding| reception.fresh(encoding).is_empty()) {
            return None;
        }
        let is_free = self.sent.front_mut().is_some_and(|batch| Arc::get_mut(batch).is_some());
        let reused = if is_free { self.sent.pop_front() } else { None };
        let mut batch = reused.unwrap_or_else(|| Arc::new(PacketBatch::new(publication)));
        Arc::get_mut(&mut batch)?.fill(publication, reception, encodings);
        if self.sent.len() < KEPT_BATCHES && batch.bytes.capacity() <= KEPT_BYTES {
            self.sent.push_back(Arc::clone(&batch));
        }
        Some(batch)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "virtual time may begin anywhere")]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::codec::{Codec, PayloadFacts};
    use crate::names::Ssrc;
    use crate::rtp::{RtpTime, SeqIndex};

    const PUBLICATION: PublicationKey = PublicationKey(1);

    fn facts(index: u64) -> PacketFacts {
        PacketFacts {
            index: SeqIndex(index),
            generation: 0,
            time: RtpTime(0),
            marker: false,
            received_at: Instant::now(),
            payload: PayloadFacts::default(),
            audio_level: None,
            orientation: None,
        }
    }

    fn of(encodings: &[u8]) -> Encodings {
        let mut set = Encodings::default();
        encodings.iter().for_each(|&encoding| set.insert(EncodingIndex(encoding)));
        set
    }

    /// One fresh packet of each of two encodings.
    fn home() -> Reception {
        let mut home = Reception::new(Codec::Vp8, 2, Ssrc(1));
        home.handle_relayed(EncodingIndex(0), facts(7), b"descriptor", b"small");
        home.handle_relayed(EncodingIndex(1), facts(8), b"", b"large");
        home
    }

    #[test]
    fn wanted_encodings_cross_whole_and_others_stay() {
        let batch = Batches::default().take_fresh(PUBLICATION, &home(), of(&[0])).unwrap();
        assert_eq!((batch.len(), batch.encodings()), (1, of(&[0])));
        let mut away = Reception::new(Codec::Vp8, 2, Ssrc(0));
        assert_eq!(batch.write_to(&mut away, of(&[0, 1])), 1);
        let packet = away.packet(EncodingIndex(0), PacketRef(0)).unwrap();
        assert_eq!((packet.facts.index, packet.dependency_descriptor), (SeqIndex(7), &b"descriptor"[..]));
        assert_eq!(packet.payload, b"small");
        assert!(away.packet(EncodingIndex(1), PacketRef(0)).is_none());
    }

    #[test]
    fn a_shard_takes_only_what_it_wants_of_a_batch_for_several() {
        let batch = Batches::default().take_fresh(PUBLICATION, &home(), of(&[0, 1])).unwrap();
        let mut away = Reception::new(Codec::Vp8, 2, Ssrc(0));
        assert_eq!(batch.write_to(&mut away, of(&[1])), 1);
        assert_eq!(away.fresh(EncodingIndex(0)), 0..0);
        assert_eq!(away.fresh(EncodingIndex(1)), 0..1);
    }

    #[test]
    fn without_fresh_packets_there_is_no_batch() {
        let mut home = home();
        home.clear_fresh();
        assert!(Batches::default().take_fresh(PUBLICATION, &home, of(&[0, 1])).is_none());
        assert!(Batches::default().take_fresh(PUBLICATION, &self::home(), of(&[])).is_none());
    }

    #[test]
    fn a_batch_is_used_again_only_when_nobody_reads_it() {
        let mut batches = Batches::default();
        let read = batches.take_fresh(PUBLICATION, &home(), of(&[0])).unwrap();
        let second = batches.take_fresh(PUBLICATION, &home(), of(&[1])).unwrap();
        assert!(!Arc::ptr_eq(&read, &second));
        assert_eq!(read.encodings(), of(&[0]), "what is still read does not change");
        let first = Arc::as_ptr(&read);
        drop(read);
        let third = batches.take_fresh(PUBLICATION, &home(), of(&[1])).unwrap();
        assert_eq!(Arc::as_ptr(&third), first);
    }
}
