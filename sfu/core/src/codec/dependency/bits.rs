//! Bits of a descriptor, most significant first; no read goes beyond the end.

use super::DescriptorError;

/// Reads from the front.
#[derive(Debug, Clone)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bits read so far.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// Bits that are left.
    pub(super) const fn left(&self) -> usize {
        8 * self.bytes.len() - self.at
    }

    /// The next `count` bits, at most 32.
    pub(super) fn take(&mut self, count: u32) -> Result<u32, DescriptorError> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8).ok_or(DescriptorError::Truncated)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    pub(super) fn flag(&mut self) -> Result<bool, DescriptorError> {
        Ok(self.take(1)? == 1)
    }

    /// At most 8 bits.
    pub(super) fn byte(&mut self, count: u32) -> Result<u8, DescriptorError> {
        u8::try_from(self.take(count)?).map_err(|_| DescriptorError::OutOfBounds)
    }

    /// At most 16 bits.
    pub(super) fn number(&mut self, count: u32) -> Result<u16, DescriptorError> {
        u16::try_from(self.take(count)?).map_err(|_| DescriptorError::OutOfBounds)
    }

    /// `ns(n)`: a number below `limit` in as few bits as it takes (AV1 specification §4.10.7).
    pub(super) fn below(&mut self, limit: u32) -> Result<u32, DescriptorError> {
        let Some(log) = limit.checked_ilog2() else { return Ok(0) };
        let short = (2 << log) - limit;
        let value = self.take(log)?;
        if value < short { Ok(value) } else { Ok((value << 1 | self.take(1)?) - short) }
    }

    pub(super) fn skip(&mut self, count: usize) -> Result<(), DescriptorError> {
        if count > self.left() {
            return Err(DescriptorError::Truncated);
        }
        self.at += count;
        Ok(())
    }
}
