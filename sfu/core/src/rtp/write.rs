//! Writing headers into a send buffer.

use super::{ExtId, Pt, RtpTime, SeqNo, Ssrc};

/// No header that [`write_header`] writes is longer: 12 fixed bytes, 4 of the block, and
/// [`ExtensionBlock::MAX_BYTES`] of elements.
pub const MAX_HEADER_BYTES: usize = 12 + 4 + ExtensionBlock::MAX_BYTES;

/// The fixed part of a header to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderFields {
    /// Marker bit.
    pub marker: bool,
    /// The P bit; the caller writes the padding itself.
    pub padding: bool,
    /// Payload type.
    pub pt: Pt,
    /// Sequence number.
    pub seq: SeqNo,
    /// Timestamp.
    pub time: RtpTime,
    /// Source.
    pub ssrc: Ssrc,
}

/// MID, TWCC, audio level, orientation, dependency descriptor, and some to spare.
const MAX_ELEMENTS: usize = 8;

/// Extension elements of one packet, collected before they are written in the form that fits all.
#[derive(Debug, Clone)]
pub struct ExtensionBlock<'a> {
    elements: [(u8, &'a [u8]); MAX_ELEMENTS],
    len: usize,
    two_byte: bool,
    bytes: usize,
}

impl<'a> ExtensionBlock<'a> {
    /// Bytes of all elements together, in two-byte form. A dependency descriptor with a template structure
    /// takes up to about 100 bytes; the rest fits beside it.
    pub const MAX_BYTES: usize = 256;

    /// A block without elements; it is not written at all.
    #[must_use]
    pub fn new() -> Self {
        Self { elements: [(0, &[]); MAX_ELEMENTS], len: 0, two_byte: false, bytes: 0 }
    }

    /// Adds one element. Returns false, and leaves the block as it was, when it does not fit.
    ///
    pub fn push(&mut self, id: ExtId, value: &'a [u8]) -> bool {
        let bytes = self.bytes + 2 + value.len();
        if self.len == MAX_ELEMENTS || value.len() > 255 || bytes > Self::MAX_BYTES - 3 {
            return false;
        }
        // RFC 8285 §4.2: one-byte elements hold 1 to 16 bytes under ids 1 to 14.
        self.two_byte |= value.is_empty() || value.len() > 16 || id.needs_two_byte_header();
        self.elements[self.len] = (id.get(), value);
        self.len += 1;
        self.bytes = bytes;
        true
    }

    /// Writes profile, length, elements and padding at the start of `buf`; returns the bytes written.
    fn write(&self, buf: &mut [u8]) -> Option<usize> {
        let mut at = 4;
        for &(id, value) in &self.elements[..self.len] {
            let len = u8::try_from(value.len()).ok()?;
            if self.two_byte {
                buf.get_mut(at..at + 2)?.copy_from_slice(&[id, len]);
                at += 2;
            } else {
                *buf.get_mut(at)? = id << 4 | (len - 1);
                at += 1;
            }
            buf.get_mut(at..at + value.len())?.copy_from_slice(value);
            at += value.len();
        }
        while at % 4 != 0 {
            *buf.get_mut(at)? = 0;
            at += 1;
        }
        let words = u16::try_from((at - 4) / 4).ok()?;
        let profile: u16 = if self.two_byte { 0x1000 } else { 0xbede };
        buf.get_mut(..2)?.copy_from_slice(&profile.to_be_bytes());
        buf.get_mut(2..4)?.copy_from_slice(&words.to_be_bytes());
        Some(at)
    }
}

impl Default for ExtensionBlock<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes a header with its extensions at the start of `buf`; returns its length.
///
/// `None` when `buf` is too short; [`MAX_HEADER_BYTES`] always suffice.
#[must_use]
pub fn write_header(buf: &mut [u8], fields: &HeaderFields, extensions: &ExtensionBlock<'_>) -> Option<usize> {
    let fixed: &mut [u8; 12] = buf.first_chunk_mut()?;
    let has_extensions = extensions.len > 0;
    fixed[0] = 0x80 | u8::from(fields.padding) << 5 | u8::from(has_extensions) << 4;
    fixed[1] = u8::from(fields.marker) << 7 | fields.pt.get();
    fixed[2..4].copy_from_slice(&fields.seq.0.to_be_bytes());
    fixed[4..8].copy_from_slice(&fields.time.0.to_be_bytes());
    fixed[8..12].copy_from_slice(&fields.ssrc.0.to_be_bytes());
    if !has_extensions {
        return Some(12);
    }
    Some(12 + extensions.write(&mut buf[12..])?)
}
