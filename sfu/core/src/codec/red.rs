//! RED around Opus (RFC 2198 §3): its blocks, the primary one, and the payload types in its headers.

use std::ops::Range;

use crate::rtp::Pt;

/// A redundant block: an earlier packet's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedundantBlock {
    /// How many ticks before the packet's own timestamp it belongs; 14 bits.
    pub ticks_before: u16,
    /// Place in the payload.
    pub place: Range<usize>,
}

/// Walks the redundant blocks, oldest first, as they stand in the payload.
///
/// Ends early when the payload is cut.
#[must_use]
pub fn redundant_blocks(payload: &[u8]) -> Option<RedundantBlocks<'_>> {
    let headers = header_bytes(payload)?;
    Some(RedundantBlocks { headers: &payload[..headers - 1], at: headers, len: payload.len() })
}

/// Iterator of [`redundant_blocks`].
#[derive(Debug, Clone)]
pub struct RedundantBlocks<'a> {
    headers: &'a [u8],
    at: usize,
    len: usize,
}

impl RedundantBlocks<'_> {
    /// Bytes of all block headers, the primary's included. Ask before the first block is taken.
    #[must_use]
    pub fn header_len(&self) -> usize {
        self.headers.len() + 1
    }
}

impl Iterator for RedundantBlocks<'_> {
    type Item = RedundantBlock;

    fn next(&mut self) -> Option<RedundantBlock> {
        let (&[_, high, middle, low], rest) = self.headers.split_first_chunk()?;
        self.headers = rest;
        // 14 bits of timestamp offset, then 10 bits of length.
        let ticks_before = u16::from_be_bytes([high, middle]) >> 2;
        let len = usize::from(u16::from_be_bytes([middle & 0x03, low]));
        let place = self.at..self.at + len;
        if place.end > self.len {
            return None;
        }
        self.at = place.end;
        Some(RedundantBlock { ticks_before, place })
    }
}

/// Place of the primary block; `None` when the payload is cut.
#[must_use]
pub fn primary(payload: &[u8]) -> Option<Range<usize>> {
    let headers = header_bytes(payload)?;
    let redundant: usize = payload[..headers - 1]
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&[_, _, middle, low]| usize::from(u16::from_be_bytes([middle & 0x03, low])))
        .sum();
    let start = headers + redundant;
    (start <= payload.len()).then_some(start..payload.len())
}

/// Sets the payload type of every block in a copy of the payload.
///
/// Returns false, having changed some blocks or none, when the payload is cut.
pub fn rewrite_payload_types(payload: &mut [u8], pt: Pt) -> bool {
    let mut at = 0;
    while let Some(head) = payload.get_mut(at) {
        let follows = *head & 0x80;
        *head = follows | pt.get();
        if follows == 0 {
            return true;
        }
        at += 4;
    }
    false
}

/// Bytes of all block headers: four for each redundant block (F is 1), one for the primary.
fn header_bytes(payload: &[u8]) -> Option<usize> {
    let mut at = 0;
    while payload.get(at)? & 0x80 != 0 {
        at += 4;
    }
    Some(at + 1)
}
