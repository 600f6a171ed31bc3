//! ⑥ Picture ids and frame numbers across switches and left-out frames: the decoder sees one sequence.
//!
//! VP8's ids have no gaps (RFC 7741 §4.2). Those of VP9 and of the dependency descriptor are what later frames
//! refer to by difference (RFC 9628 §4.2, AV1 RTP specification §A.8.3), so that the ids of left-out frames stay
//! unused.

use crate::codec::{LayerFrame, PayloadForm, PictureId, Vp8Descriptor};

/// What a frame is known by, at the publisher; `None` for what it lacks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FrameIds {
    picture: Option<PictureId>,
    /// TL0PICIDX.
    tl0: Option<u8>,
    /// In the dependency descriptor.
    frame: Option<u16>,
}

/// The same towards the subscriber; zero for what it lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct OutgoingIds {
    pub(super) picture: u16,
    pub(super) tl0: u8,
    pub(super) frame: u16,
}

impl FrameIds {
    pub(super) fn of(form: &PayloadForm) -> Self {
        match form {
            PayloadForm::Plain | PayloadForm::Red => Self::default(),
            PayloadForm::Vp8(vp8) => Self { picture: vp8.picture_id, tl0: vp8.tl0_picture, frame: None },
            PayloadForm::Scalable { frame, vp9 } => Self {
                picture: vp9.and_then(|vp9| vp9.picture_id),
                tl0: vp9.and_then(|vp9| vp9.tl0_picture),
                frame: frame.as_ref().map(LayerFrame::number_on_wire),
            },
        }
    }
}

/// Ids of one subscription.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    /// Outgoing minus incoming picture id of the current source, before left-out frames.
    id_offset: u16,
    /// Outgoing minus incoming TL0PICIDX.
    tl0_offset: u8,
    /// Outgoing minus incoming frame number.
    frame_offset: u16,
    newest_id: Option<u16>,
    newest_tl0: Option<u8>,
    newest_frame: Option<u16>,
    /// Incoming ids of the last frames that were left out, and how many there were since the switch.
    left_out: [u16; LEFT_OUT],
    count: usize,
}

/// With every second frame left out these are those of the last second.
const LEFT_OUT: usize = 16;

impl Pictures {
    /// Changes to a source whose first packet has these ids.
    pub(super) fn switch(&mut self, first: FrameIds) {
        if let (Some(newest), Some(id)) = (self.newest_id, first.picture) {
            self.id_offset = newest.wrapping_add(1).wrapping_sub(id.number());
        }
        if let (Some(newest), Some(tl0)) = (self.newest_tl0, first.tl0) {
            self.tl0_offset = newest.wrapping_add(1).wrapping_sub(tl0);
        }
        if let (Some(newest), Some(frame)) = (self.newest_frame, first.frame) {
            self.frame_offset = newest.wrapping_add(1).wrapping_sub(frame);
        }
        self.count = 0;
    }

    /// Outgoing ids of a packet; `pictures_skipped` frames were left out without a gap since the switch.
    pub(super) fn place(&mut self, ids: FrameIds, pictures_skipped: u16) -> OutgoingIds {
        let tl0 = ids.tl0.map(|tl0| tl0.wrapping_add(self.tl0_offset));
        if let Some(tl0) = tl0
            && self.newest_tl0.is_none_or(|newest| tl0.wrapping_sub(newest) < 0x80)
        {
            self.newest_tl0 = Some(tl0);
        }
        let picture = ids.picture.map(|id| {
            let out = id.number().wrapping_add(self.id_offset).wrapping_sub(pictures_skipped) & id.mask();
            if self.newest_id.is_none_or(|newest| is_newer(out, newest, id)) {
                self.newest_id = Some(out);
            }
            out
        });
        let frame = ids.frame.map(|frame| frame.wrapping_add(self.frame_offset));
        if let Some(frame) = frame
            && self.newest_frame.is_none_or(|newest| frame.wrapping_sub(newest) < 0x8000)
        {
            self.newest_frame = Some(frame);
        }
        OutgoingIds { picture: picture.unwrap_or(0), tl0: tl0.unwrap_or(0), frame: frame.unwrap_or(0) }
    }

    /// Notes that a packet of this frame is left out; true at the first packet of the frame.
    pub(super) fn skip(&mut self, descriptor: &Vp8Descriptor) -> bool {
        let Some(id) = descriptor.picture_id else { return descriptor.starts_frame };
        let last = self.count.checked_sub(1).map(|last| self.left_out[last % LEFT_OUT]);
        let is_new = last != Some(id.number());
        if is_new {
            self.left_out[self.count % LEFT_OUT] = id.number();
            self.count += 1;
        }
        is_new
    }

    /// True for a frame of which packets were left out: its id went to the next one.
    pub(super) fn has_left_out(&self, id: u16) -> bool {
        self.left_out[..self.count.min(LEFT_OUT)].contains(&id)
    }
}

/// True when `out` follows `newest` within half the range of the id's width.
fn is_newer(out: u16, newest: u16, width: PictureId) -> bool {
    let step = out.wrapping_sub(newest) & width.mask();
    step != 0 && step <= width.mask() / 2
}
