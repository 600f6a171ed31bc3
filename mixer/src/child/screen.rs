//! ⑥ Applies a composition between two output frames: moves the compositor's pads and draws the pictures of
//! text onto the finished frame. It decides nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gst_video::prelude::*;

use super::canvas::{Plane, draw};
use super::error::MixError;
use super::plates::Placed;
use crate::child_protocol::{CANVAS, Rect};

/// How every pad of the compositor lies, and what is drawn above.
#[derive(Debug, Default)]
pub(crate) struct Arrangement {
    /// Every video that has a pad.
    pub(crate) pads: Vec<(gst::Pad, PadState)>,
    /// In drawing order.
    pub(crate) pictures: Vec<Placed>,
}

/// One pad of the compositor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PadState {
    /// Decoded, but not seen.
    Hidden,
    /// Seen.
    Shown {
        /// The picture is fitted into it.
        rect: Rect,
        /// Above the black background, which is 0.
        z: u32,
    },
}

/// The compositor's output.
#[derive(Debug, Clone, Default)]
pub(crate) struct Screen {
    next: Arc<Mutex<Option<Arrangement>>>,
    frames: Arc<AtomicU64>,
}

impl Screen {
    /// Watches the compositor's source pad; its caps must be I420 at the canvas' size.
    ///
    /// # Errors
    /// When the pad takes no probe.
    pub(crate) fn attach(&self, pad: &gst::Pad) -> Result<(), MixError> {
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, CANVAS.0, CANVAS.1).build()?;
        let (next, frames) = (Arc::clone(&self.next), Arc::clone(&self.frames));
        let drawn = Mutex::new(Vec::<Placed>::new());
        pad.add_probe(gst::PadProbeType::BUFFER, move |_pad, probe| {
            frames.fetch_add(1, Ordering::Relaxed);
            let mut pictures = drawn.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(buffer) = probe.buffer_mut().filter(|_| !pictures.is_empty()) {
                draw_all(buffer, &info, &pictures);
            }
            // From the next frame on: pads and pictures change together.
            let taken = next.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(arrangement) = taken {
                arrangement.pads.iter().for_each(|(pad, state)| place(pad, *state));
                *pictures = arrangement.pictures;
            }
            gst::PadProbeReturn::Ok
        })
        .ok_or(MixError::NoElement("a probe on the picture"))?;
        Ok(())
    }

    /// Shows this from the next frame on.
    pub(crate) fn show(&self, arrangement: Arrangement) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(arrangement);
    }

    /// Output frames so far.
    pub(crate) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }
}

fn place(pad: &gst::Pad, state: PadState) {
    match state {
        PadState::Hidden => pad.set_property("alpha", 0.0_f64),
        PadState::Shown { rect, z } => {
            let pixels = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
            pad.set_property("xpos", pixels(rect.x));
            pad.set_property("ypos", pixels(rect.y));
            pad.set_property("width", pixels(rect.width));
            pad.set_property("height", pixels(rect.height));
            pad.set_property("zorder", z.saturating_add(1));
            pad.set_property("alpha", 1.0_f64);
        }
    }
}

fn draw_all(buffer: &mut gst::Buffer, info: &gst_video::VideoInfo, pictures: &[Placed]) {
    // Not shared at this place of the pipeline; a copy is made if it ever were.
    let buffer = buffer.make_mut();
    let Ok(mut frame) = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer, info) else { return };
    let canvas = [CANVAS.0, CANVAS.1].map(|pixels| usize::try_from(pixels).unwrap_or(0));
    for index in 0..3_u8 {
        let half = if index == 0 { 1 } else { 2 };
        let stride = usize::try_from(frame.plane_stride()[usize::from(index)]).unwrap_or(0);
        let Ok(bytes) = frame.plane_data_mut(u32::from(index)) else { return };
        let mut plane = Plane { bytes, stride, width: canvas[0] / half, height: canvas[1] / half };
        for Placed { at, picture } in pictures {
            draw(&mut plane, picture, usize::from(index), *at);
        }
    }
}
