//! The VP8 payload descriptor (RFC 7741 §4.2) and the rewrite of its picture ids.

/// The descriptor of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vp8Descriptor {
    /// The packet starts the first partition of a frame: S is set and PID is 0.
    pub starts_frame: bool,
    /// Picture id and its width.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX: running number of base-layer frames.
    pub tl0_picture: Option<u8>,
    /// Temporal layer; 0 is the base.
    pub temporal: u8,
    /// The frame depends only on the base layer (Y bit), so a switch up may start here.
    pub layer_sync: bool,
    /// Length of the descriptor: where the VP8 payload header starts.
    pub len: u8,
}

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
}

/// Place of the picture id: after the first byte and the X byte.
const PICTURE_ID_AT: usize = 2;

impl Vp8Descriptor {
    /// Reads the descriptor; `None` when it is cut.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let &first = payload.first()?;
        let mut descriptor = Self {
            starts_frame: first & 0x10 != 0 && first & 0x07 == 0,
            picture_id: None,
            tl0_picture: None,
            temporal: 0,
            layer_sync: false,
            len: 1,
        };
        if first & 0x80 == 0 {
            return Some(descriptor);
        }
        let &flags = payload.get(1)?;
        let mut at = PICTURE_ID_AT;
        if flags & 0x80 != 0 {
            let &high = payload.get(at)?;
            at += 1;
            descriptor.picture_id = Some(if high & 0x80 == 0 {
                PictureId::Short(high)
            } else {
                let &low = payload.get(at)?;
                at += 1;
                PictureId::Long(u16::from_be_bytes([high & 0x7f, low]))
            });
        }
        if flags & 0x40 != 0 {
            descriptor.tl0_picture = Some(*payload.get(at)?);
            at += 1;
        }
        if flags & 0x30 != 0 {
            let &byte = payload.get(at)?;
            at += 1;
            if flags & 0x20 != 0 {
                descriptor.temporal = byte >> 6;
                descriptor.layer_sync = byte & 0x20 != 0;
            }
        }
        // At most 6: 1 + 1 + 2 + 1 + 1.
        descriptor.len = u8::try_from(at).ok()?;
        Some(descriptor)
    }

    /// True when this packet is the first of a key frame: the P bit of the payload header is 0
    /// (RFC 7741 §4.3).
    #[must_use]
    pub fn starts_keyframe(&self, payload: &[u8]) -> bool {
        self.starts_frame && payload.get(usize::from(self.len)).is_some_and(|byte| byte & 0x01 == 0)
    }

    /// Overwrites the ids in a copy of the payload that this descriptor was read from.
    ///
    /// The widths stay; a field that the descriptor lacks is left out.
    pub fn rewrite(&self, payload: &mut [u8], picture_id: u16, tl0_picture: u8) {
        let mut at = PICTURE_ID_AT;
        match self.picture_id {
            None => {}
            Some(PictureId::Short(_)) => {
                payload[at] = picture_id.to_be_bytes()[1] & 0x7f;
                at += 1;
            }
            Some(PictureId::Long(_)) => {
                payload[at..at + 2].copy_from_slice(&(0x8000 | picture_id).to_be_bytes());
                at += 2;
            }
        }
        if self.tl0_picture.is_some() {
            payload[at] = tl0_picture;
        }
    }
}
