//! What every simulated payload says about itself, so that whoever gets it can tell what it is.

/// Label of one packet of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) room: u16,
    /// The client that made it.
    pub(crate) owner: u16,
    /// Encoding of a picture; [`Mark::SOUND`] for sound.
    pub(crate) layer: u8,
    pub(crate) is_key: bool,
    pub(crate) temporal: u8,
    /// Number of the frame among those of its encoding.
    pub(crate) frame: u32,
    /// The frames of the same encoding without which it cannot be decoded: up to two numbers.
    pub(crate) needs: [Option<u32>; 2],
    /// Microseconds since the start of the run.
    pub(crate) captured_us: u64,
}

impl Mark {
    pub(crate) const SOUND: u8 = 0xff;
    pub(crate) const BYTES: usize = 28;

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.room.to_be_bytes());
        out.extend_from_slice(&self.owner.to_be_bytes());
        out.extend_from_slice(&[self.layer, u8::from(self.is_key), self.temporal, 0]);
        out.extend_from_slice(&self.frame.to_be_bytes());
        for need in self.needs {
            out.extend_from_slice(&need.unwrap_or(u32::MAX).to_be_bytes());
        }
        out.extend_from_slice(&self.captured_us.to_be_bytes());
    }

    /// Reads a label; `None` when the bytes are too few.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.first_chunk()?;
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let need = |at| Some(word(at)).filter(|&frame| frame != u32::MAX);
        Some(Self {
            room: u16::from_be_bytes([bytes[0], bytes[1]]),
            owner: u16::from_be_bytes([bytes[2], bytes[3]]),
            layer: bytes[4],
            is_key: bytes[5] == 1,
            temporal: bytes[6],
            frame: word(8),
            needs: [need(12), need(16)],
            captured_us: u64::from(word(20)) << 32 | u64::from(word(24)),
        })
    }
}
