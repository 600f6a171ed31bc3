//! Renders name plates, avatars and the holding picture, once each, and remembers them.
//!
//! It decides how they look; where and when they are seen is the composition's matter.

use std::collections::HashMap;
use std::sync::Arc;

use gst::prelude::*;
use gst_video::prelude::*;

use super::canvas::{Colour, Mask, Picture};
use super::error::MixError;
use super::scene::Overlay;
use crate::child_protocol::CANVAS;

/// A picture and where its top left corner lies on the canvas.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    /// Even pixels.
    pub(crate) at: (usize, usize),
    /// Shared with the cache.
    pub(crate) picture: Arc<Picture>,
}

/// All pictures of text of one run.
#[derive(Debug, Default)]
pub(crate) struct Plates {
    rendered: HashMap<Overlay, Placed>,
}

impl Plates {
    /// The pictures of these overlays; renders what is new and forgets what is no longer wanted when many
    /// have gathered. Rendering text takes some milliseconds.
    ///
    /// # Errors
    /// When GStreamer cannot draw text.
    pub(crate) fn of(&mut self, overlays: &[Overlay]) -> Result<Vec<Placed>, MixError> {
        if self.rendered.len() > MAX_RENDERED {
            self.rendered.retain(|overlay, _| overlays.contains(overlay));
        }
        let mut placed = Vec::with_capacity(overlays.len());
        for overlay in overlays {
            if !self.rendered.contains_key(overlay) {
                self.rendered.insert(overlay.clone(), render(overlay)?);
            }
            placed.extend(self.rendered.get(overlay).cloned());
        }
        Ok(placed)
    }
}

fn render(overlay: &Overlay) -> Result<Placed, MixError> {
    let white = Colour::rgb(0xf5, 0xf6, 0xf8);
    match overlay {
        Overlay::Holding { title } => {
            let (width, height) = (size(CANVAS.0), size(CANVAS.1));
            let mut picture = Picture::filled(width, height, Colour::rgb(0x11, 0x14, 0x1b));
            let text = text_mask(title, 44, width - 160)?;
            let top = (height - text.height) / 2;
            picture.paint(&text, ((width - text.width) / 2, top), white);
            let line = Mask::rounded(96, 4, 2);
            picture.paint(&line, ((width - 96) / 2, top + text.height + 28), accent(title));
            Ok(Placed { at: (0, 0), picture: Arc::new(picture) })
        }
        Overlay::Avatar { name, rect } => {
            let (x, y, width, height) = *rect;
            let (width, height) = (size(width), size(height));
            let mut picture = Picture::filled(width, height, Colour::rgb(0x1c, 0x21, 0x2b));
            let across = width.min(height) * 2 / 5;
            let left_top = ((width - across) / 2, (height - across) / 2);
            picture.paint(&Mask::rounded(across, across, across / 2), left_top, accent(name));
            let letters = text_mask(&initials(name), across * 2 / 5, across)?;
            picture.paint(&letters, ((width - letters.width) / 2, (height - letters.height) / 2), white);
            Ok(Placed { at: (size(x) & !1, size(y) & !1), picture: Arc::new(picture) })
        }
        Overlay::NamePlate { name, rect } => {
            let (x, y, width, height) = *rect;
            let (width, height) = (size(width), size(height));
            let font = (height / 18).clamp(12, 24);
            let text = text_mask(name, font, width.saturating_sub(4 * font))?;
            let plate = Picture::filled(text.width + 2 * font, 2 * font, Colour::rgb(0x0b, 0x0d, 0x12));
            let mut picture = plate;
            picture.set_coverage(&Mask::rounded(picture.width(), picture.height(), font / 2), 190);
            picture.paint(&text, (font, (2 * font).saturating_sub(text.height) / 2), white);
            let left = size(x) + font / 2;
            let top = size(y) + height.saturating_sub(picture.height() + font / 2);
            Ok(Placed { at: (left & !1, top & !1), picture: Arc::new(picture) })
        }
    }
}

/// Coverage of one line of text, cut to its ink; at most `max_width` wide. `font` is in pixels.
fn text_mask(text: &str, font: usize, max_width: usize) -> Result<Mask, MixError> {
    let (width, height) = (max_width.max(16).next_multiple_of(2), (font * 2).next_multiple_of(2));
    let line: String = text.chars().filter(|c| !c.is_control()).take(MAX_CHARACTERS).collect();
    let pipeline = gst::parse::launch(&format!(
        "videotestsrc num-buffers=1 pattern=black ! video/x-raw,format=I420,width={width},height={height},\
         framerate=1/1 ! textoverlay name=text auto-resize=false wrap-mode=none halignment=left \
         valignment=top xpad=2 ypad=2 draw-shadow=false draw-outline=false ! appsink name=ink sync=false"
    ))?;
    let pipeline = pipeline.downcast::<gst::Pipeline>().map_err(|_| MixError::NoElement("pipeline"))?;
    let overlay = pipeline.by_name("text").ok_or(MixError::NoElement("text"))?;
    overlay.set_property("font-desc", format!("Sans {font}px"));
    // The property is read as Pango markup.
    overlay.set_property("text", gst::glib::markup_escape_text(&line));
    let ink = pipeline.by_name("ink").and_then(|sink| sink.downcast::<gst_app::AppSink>().ok());
    let ink = ink.ok_or(MixError::NoElement("ink"))?;
    pipeline.set_state(gst::State::Playing)?;
    let sample = ink.try_pull_sample(gst::ClockTime::from_seconds(5));
    pipeline.set_state(gst::State::Null)?;
    let sample = sample.ok_or(MixError::Text("no picture came"))?;
    let caps = sample.caps().ok_or(MixError::Text("a picture without caps"))?;
    let info = gst_video::VideoInfo::from_caps(caps)?;
    let buffer = sample.buffer().ok_or(MixError::Text("an empty picture"))?;
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info)?;
    let stride = usize::try_from(frame.plane_stride()[0]).unwrap_or(width);
    let luma = frame.plane_data(0).map_err(|_| MixError::Text("a picture without luma"))?;
    Ok(ink_of(luma, stride, (width, height)))
}

/// White on black in limited range becomes coverage; empty rows and columns around it are cut off.
fn ink_of(luma: &[u8], stride: usize, (width, height): (usize, usize)) -> Mask {
    let at = |x: usize, y: usize| luma.get(y * stride + x).copied().unwrap_or(16);
    let inked = |x: usize, y: usize| at(x, y) > 40;
    let right = (0..width).rev().find(|&x| (0..height).any(|y| inked(x, y))).map_or(1, |x| x + 1);
    let left = (0..right).find(|&x| (0..height).any(|y| inked(x, y))).unwrap_or(0);
    let bottom = (0..height).rev().find(|&y| (0..width).any(|x| inked(x, y))).map_or(1, |y| y + 1);
    let top = (0..bottom).find(|&y| (0..width).any(|x| inked(x, y))).unwrap_or(0);
    let mut coverage = Vec::with_capacity((right - left) * (bottom - top));
    for y in top..bottom {
        // 16 to 235 becomes 0 to 255.
        let full = |x| (u32::from(at(x, y).clamp(16, 235)) - 16) * 255 / 219;
        coverage.extend((left..right).map(|x| u8::try_from(full(x)).unwrap_or(u8::MAX)));
    }
    Mask { width: right - left, height: bottom - top, coverage }
}

fn initials(name: &str) -> String {
    let firsts = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let letters: String = firsts.take(2).flat_map(char::to_uppercase).collect();
    if letters.is_empty() { "?".into() } else { letters }
}

/// The same name always has the same colour.
fn accent(name: &str) -> Colour {
    let sum = name.bytes().fold(7_usize, |sum, byte| (sum * 31 + usize::from(byte)) % 8_191);
    let (red, green, blue) = ACCENTS[sum % ACCENTS.len()];
    Colour::rgb(red, green, blue)
}

fn size(pixels: u32) -> usize {
    usize::try_from(pixels).unwrap_or(usize::MAX)
}

/// Calm enough for white letters: contrast with white is at least 4.5 to 1 (WCAG 2.2 §1.4.3).
const ACCENTS: [(u8, u8, u8); 6] = [
    (0x3b, 0x5b, 0xdb),
    (0x0b, 0x72, 0x85),
    (0x2b, 0x7a, 0x3b),
    (0x86, 0x2e, 0x9c),
    (0xa6, 0x1e, 0x4d),
    (0xb0, 0x3a, 0x0c),
];
/// Longest text that is drawn.
const MAX_CHARACTERS: usize = 80;
/// Rendered pictures kept; a full canvas is 1.4 MB.
const MAX_RENDERED: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_the_first_letters_of_two_words() {
        assert_eq!(initials("ada  king lovelace"), "AK");
        assert_eq!(initials("(ops) 7"), "O7");
        assert_eq!(initials("  "), "?");
    }

    #[test]
    fn a_name_plate_fits_its_tile_whatever_the_name() {
        gst::init().unwrap();
        for name in ["Ada", "W".repeat(300).as_str(), "<b>&amp;", "Łukasz Żółć", "\n\t"] {
            let overlay = Overlay::NamePlate { name: name.into(), rect: (640, 360, 320, 180) };
            let placed = &Plates::default().of(&[overlay]).unwrap()[0];
            assert!(placed.at.0 >= 640 && placed.at.0 + placed.picture.width() <= 960, "{name}");
            assert!(placed.at.1 >= 360 && placed.at.1 + placed.picture.height() <= 540, "{name}");
        }
    }

    #[test]
    fn markup_in_a_name_is_text() {
        gst::init().unwrap();
        let (bold, plain) = (text_mask("<b>x</b>", 20, 400).unwrap(), text_mask("x", 20, 400).unwrap());
        assert!(bold.width > plain.width * 4, "{} {}", bold.width, plain.width);
    }

    #[test]
    fn a_picture_is_rendered_once() {
        gst::init().unwrap();
        let (mut plates, overlay) = (Plates::default(), Overlay::Holding { title: "Soon".into() });
        let first = plates.of(std::slice::from_ref(&overlay)).unwrap();
        let second = plates.of(&[overlay]).unwrap();
        assert!(Arc::ptr_eq(&first[0].picture, &second[0].picture));
    }
}
