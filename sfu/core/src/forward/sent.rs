//! ⑦ What was sent under which number: enough to send it again from the ring, and never to use a number twice.

use super::pictures::OutgoingIds;
use crate::receive::EncodingIndex;
use crate::ring::PacketRef;
use crate::rtp::{RtpTime, SeqIndex, SeqNo, nearest};

/// One sent packet; its payload stays in the publication's ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) index: SeqIndex,
    pub(super) packet: PacketRef,
    pub(super) time: RtpTime,
    pub(super) ids: OutgoingIds,
    /// The stream of the publication.
    pub(super) encoding: EncodingIndex,
    pub(super) marker: bool,
    /// It had no media, so there is nothing to send again.
    pub(super) is_filler: bool,
}

/// [`Sent`] in 20 bytes: of the two large numbers the low half suffices, as the newest are known in full.
#[derive(Debug, Clone, Copy)]
struct Entry {
    index: u32,
    packet: u32,
    time: RtpTime,
    ids: OutgoingIds,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Nothing,
    Filler,
    Media { encoding: EncodingIndex, marker: bool },
}

const _: () = assert!(size_of::<Entry>() <= 20, "the cache is most of a subscription's memory");

/// The last packets of one subscription, by the low bits of their number.
#[derive(Debug)]
pub(super) struct SentCache {
    entries: Vec<Entry>,
    capacity: usize,
    highest: Option<SeqIndex>,
    newest_packet: PacketRef,
}

/// For video: a second of 2.5 Mb/s. A power of two.
const VIDEO_ENTRIES: usize = 256;
/// For sound: longer than any reordering. A power of two.
const AUDIO_ENTRIES: usize = 64;

impl SentCache {
    /// Allocates at the first packet.
    pub(super) fn new(is_audio: bool) -> Self {
        let capacity = if is_audio { AUDIO_ENTRIES } else { VIDEO_ENTRIES };
        Self { entries: Vec::new(), capacity, highest: None, newest_packet: PacketRef(0) }
    }

    /// The highest number sent.
    pub(super) fn highest(&self) -> Option<SeqIndex> {
        self.highest
    }

    /// True when this number may still be sent: it is new, or known not to have been used.
    pub(super) fn is_free(&self, index: SeqIndex) -> bool {
        let Some(highest) = self.highest else { return true };
        index > highest || (!self.is_too_old(index) && self.entry(index).is_none())
    }

    /// True when this number may have been used and overwritten.
    pub(super) fn is_too_old(&self, index: SeqIndex) -> bool {
        let behind = self.highest.map_or(0, |highest| highest.0.saturating_sub(index.0));
        behind >= self.capacity as u64
    }

    pub(super) fn insert(&mut self, sent: Sent) {
        if self.entries.is_empty() {
            let nothing = Entry {
                index: 0,
                packet: 0,
                time: RtpTime(0),
                ids: OutgoingIds::default(),
                what: What::Nothing,
            };
            self.entries.resize(self.capacity, nothing);
        }
        self.highest = self.highest.max(Some(sent.index));
        self.newest_packet = sent.packet;
        let slot = self.slot(sent.index);
        self.entries[slot] = Entry {
            index: low(sent.index.0),
            packet: low(sent.packet.0),
            time: sent.time,
            ids: sent.ids,
            what: if sent.is_filler {
                What::Filler
            } else {
                What::Media { encoding: sent.encoding, marker: sent.marker }
            },
        };
    }

    /// The media packet that was sent under this number, if it is remembered.
    pub(super) fn find(&self, seq: SeqNo) -> Option<Sent> {
        self.media(nearest(self.highest?, seq))
    }

    /// The newest media packets, newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = Sent> {
        let highest = self.highest.map_or(0, |highest| highest.0);
        (0..self.entries.len() as u64)
            .filter_map(move |back| self.media(SeqIndex(highest.checked_sub(back)?)))
    }

    /// Time of the packet with the highest number, if it ended a frame or is padding that followed such a one.
    pub(super) fn frame_end(&self) -> Option<RtpTime> {
        let entry = self.entry(self.highest?)?;
        // A filler is never the highest, unless it is padding: it fills what was promised before.
        let ends = matches!(entry.what, What::Filler | What::Media { marker: true, .. });
        ends.then_some(entry.time)
    }

    /// Time of the packet with the highest number.
    pub(super) fn newest_time(&self) -> Option<RtpTime> {
        Some(self.entry(self.highest?)?.time)
    }

    /// A packet of padding takes the number after the highest; returns it.
    pub(super) fn insert_padding(&mut self, time: RtpTime) -> Option<SeqIndex> {
        let index = SeqIndex(self.highest?.0 + 1);
        self.insert(Sent {
            index,
            packet: self.newest_packet,
            time,
            ids: OutgoingIds::default(),
            encoding: EncodingIndex::default(),
            marker: false,
            is_filler: true,
        });
        Some(index)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    fn media(&self, index: SeqIndex) -> Option<Sent> {
        let entry = self.entry(index)?;
        let What::Media { encoding, marker } = entry.what else { return None };
        Some(Sent {
            index,
            packet: PacketRef(widen(self.newest_packet.0, entry.packet)),
            time: entry.time,
            ids: entry.ids,
            encoding,
            marker,
            is_filler: false,
        })
    }

    fn entry(&self, index: SeqIndex) -> Option<&Entry> {
        let entry = self.entries.get(self.slot(index))?;
        (entry.what != What::Nothing && entry.index == low(index.0)).then_some(entry)
    }

    fn slot(&self, index: SeqIndex) -> usize {
        // The capacity is a power of two.
        usize::try_from(index.0 & (self.capacity as u64 - 1)).unwrap_or(0)
    }
}

/// The low 32 bits.
fn low(number: u64) -> u32 {
    let [_, _, _, _, a, b, c, d] = number.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// The number with these low bits that is nearest to `around`.
fn widen(around: u64, low_bits: u32) -> u64 {
    let step = low_bits.wrapping_sub(low(around)).cast_signed();
    around.wrapping_add_signed(i64::from(step))
}
