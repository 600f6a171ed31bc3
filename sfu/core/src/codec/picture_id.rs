//! The picture ids of VP8 (RFC 7741 §4.2) and VP9 (RFC 9628 §4.2), which look alike.

/// Picture id: 7 or 15 bits, as the sender chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureId {
    /// 7 bits.
    Short(u8),
    /// 15 bits.
    Long(u16),
}

impl PictureId {
    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Short(id) => id as u16,
            Self::Long(id) => id,
        }
    }

    /// All bits of its width.
    #[must_use]
    pub const fn mask(self) -> u16 {
        match self {
            Self::Short(_) => 0x7f,
            Self::Long(_) => 0x7fff,
        }
    }

    /// Bytes that it takes.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Short(_) => 1,
            Self::Long(_) => 2,
        }
    }

    /// Reads the id at the start of `bytes`; `None` when it is cut.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let &high = bytes.first()?;
        if high & 0x80 == 0 {
            return Some(Self::Short(high));
        }
        Some(Self::Long(u16::from_be_bytes([high & 0x7f, *bytes.get(1)?])))
    }

    /// Writes another number in the same width over the id at the start of `bytes`.
    pub(super) fn write(self, number: u16, bytes: &mut [u8]) {
        match self {
            Self::Short(_) => bytes[0] = number.to_be_bytes()[1] & 0x7f,
            Self::Long(_) => bytes[..2].copy_from_slice(&(0x8000 | number).to_be_bytes()),
        }
    }
}
