//! ⑦ What was sent under which number: enough to send it again from the ring, and never to use a number twice.

use crate::receive::EncodingIndex;
use crate::ring::PacketRef;
use crate::rtp::{RtpTime, SeqIndex, SeqNo, nearest};

/// One sent packet. 32 bytes; the payload stays in the publication's ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) index: SeqIndex,
    pub(super) packet: PacketRef,
    pub(super) time: RtpTime,
    pub(super) picture_id: u16,
    pub(super) tl0_picture: u8,
    pub(super) encoding: EncodingIndex,
    /// It had no media, so there is nothing to send again.
    pub(super) is_filler: bool,
}

/// The last packets of one subscription, by the low bits of their number.
#[derive(Debug)]
pub(super) struct SentCache {
    entries: Vec<Option<Sent>>,
    capacity: usize,
    highest: Option<SeqIndex>,
}

/// For video: two seconds of 2 Mb/s. A power of two.
const VIDEO_ENTRIES: usize = 256;
/// For sound: longer than any reordering. A power of two.
const AUDIO_ENTRIES: usize = 64;

impl SentCache {
    /// Allocates at the first packet.
    pub(super) fn new(is_audio: bool) -> Self {
        let capacity = if is_audio { AUDIO_ENTRIES } else { VIDEO_ENTRIES };
        Self { entries: Vec::new(), capacity, highest: None }
    }

    /// The highest number sent.
    pub(super) fn highest(&self) -> Option<SeqIndex> {
        self.highest
    }

    /// True when this number may still be sent: it is new, or known not to have been used.
    pub(super) fn is_free(&self, index: SeqIndex) -> bool {
        let Some(highest) = self.highest else { return true };
        if index > highest {
            return true;
        }
        // A number as old as the cache may have been used and overwritten.
        let is_known = highest.0 - index.0 < self.capacity as u64;
        is_known && self.entries[self.slot(index)].is_none_or(|sent| sent.index != index)
    }

    pub(super) fn insert(&mut self, sent: Sent) {
        if self.entries.is_empty() {
            self.entries.resize(self.capacity, None);
        }
        self.highest = self.highest.max(Some(sent.index));
        let slot = self.slot(sent.index);
        self.entries[slot] = Some(sent);
    }

    /// The packet that was sent under this number, if it is remembered.
    pub(super) fn find(&self, seq: SeqNo) -> Option<Sent> {
        let index = nearest(self.highest?, seq);
        self.entries.get(self.slot(index)).copied().flatten().filter(|sent| sent.index == index)
    }

    /// The newest packets, newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = Sent> {
        let highest = self.highest.map_or(0, |highest| highest.0);
        let entries = self.entries.len() as u64;
        (0..entries).filter_map(move |back| {
            let index = SeqIndex(highest.checked_sub(back)?);
            self.entries[self.slot(index)].filter(|sent| sent.index == index)
        })
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Option<Sent>>()
    }

    fn slot(&self, index: SeqIndex) -> usize {
        usize::try_from(index.0 % self.capacity as u64).unwrap_or(0)
    }
}
