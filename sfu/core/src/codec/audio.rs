//! Loudness from the header extension (RFC 6464). Silence (DTX, RFC 7587 §3.1.3) needs nothing of the SFU: its
//! few packets are forwarded as they come.

/// The audio level extension's byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioLevel {
    /// The sender's detector hears a voice.
    pub voice: bool,
    /// Level below full scale, 0 (loudest) to 127 (silence), in dBov with the sign left out.
    pub below_full_scale: u8,
}

impl AudioLevel {
    /// Reads the byte as it stands on the wire.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        Self { voice: byte & 0x80 != 0, below_full_scale: byte & 0x7f }
    }

    /// The byte as it stands on the wire.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        (self.voice as u8) << 7 | self.below_full_scale
    }
}
