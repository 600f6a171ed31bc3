//! ⑥ VP8 picture ids across switches and left-out frames: the decoder sees one sequence (RFC 7741 §4.2).

use crate::codec::Vp8Descriptor;
use crate::codec::vp8::PictureId;

/// Ids of one subscription.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    /// Outgoing minus incoming picture id of the current source, before left-out frames.
    id_offset: u16,
    /// Outgoing minus incoming TL0PICIDX.
    tl0_offset: u8,
    newest_id: Option<u16>,
    newest_tl0: Option<u8>,
    /// Incoming id of the frame that is being left out.
    skipping: Option<u16>,
}

impl Pictures {
    /// Changes to a source whose first packet has this descriptor.
    pub(super) fn switch(&mut self, first: &Vp8Descriptor) {
        if let (Some(newest), Some(id)) = (self.newest_id, first.picture_id) {
            self.id_offset = newest.wrapping_add(1).wrapping_sub(id.number());
        }
        if let (Some(newest), Some(tl0)) = (self.newest_tl0, first.tl0_picture) {
            self.tl0_offset = newest.wrapping_add(1).wrapping_sub(tl0);
        }
        self.skipping = None;
    }

    /// Outgoing picture id and TL0PICIDX of a packet; zero for those that it lacks.
    pub(super) fn place(&mut self, descriptor: &Vp8Descriptor, pictures_skipped: u16) -> (u16, u8) {
        let tl0 = descriptor.tl0_picture.map(|tl0| tl0.wrapping_add(self.tl0_offset));
        if let Some(tl0) = tl0
            && self.newest_tl0.is_none_or(|newest| tl0.wrapping_sub(newest) < 0x80)
        {
            self.newest_tl0 = Some(tl0);
        }
        let id = descriptor.picture_id.map(|id| {
            let out = id.number().wrapping_add(self.id_offset).wrapping_sub(pictures_skipped) & id.mask();
            if self.newest_id.is_none_or(|newest| is_newer(out, newest, id)) {
                self.newest_id = Some(out);
            }
            out
        });
        (id.unwrap_or(0), tl0.unwrap_or(0))
    }

    /// Notes that a packet of this frame is left out; true at the first packet of the frame.
    pub(super) fn skip(&mut self, descriptor: &Vp8Descriptor) -> bool {
        let Some(id) = descriptor.picture_id else { return descriptor.starts_frame };
        let is_new = self.skipping != Some(id.number());
        self.skipping = Some(id.number());
        is_new
    }
}

/// True when `out` follows `newest` within half the range of the id's width.
fn is_newer(out: u16, newest: u16, width: PictureId) -> bool {
    let step = out.wrapping_sub(newest) & width.mask();
    step != 0 && step <= width.mask() / 2
}
