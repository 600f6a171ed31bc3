//! The VP8 payload descriptor (RFC 7741 §4.2) and the rewrite of its picture ids.

use super::PictureId;

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
            let id = PictureId::read(payload.get(at..)?)?;
            at += id.size();
            descriptor.picture_id = Some(id);
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
        if let Some(id) = self.picture_id {
            id.write(picture_id, &mut payload[at..]);
            at += id.size();
        }
        if self.tl0_picture.is_some() {
            payload[at] = tl0_picture;
        }
    }
}
