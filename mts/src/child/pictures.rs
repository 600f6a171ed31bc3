//! A poster and a storyboard from one video rendition of our own: only its keyframes are decoded.

use std::fmt::Write as _;
use std::fs::{self, File};

use ffmpeg_next::codec::{self, discard::Discard};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::software::scaling;
use ffmpeg_next::{Packet, Rational, encoder, frame};

use super::clock::{MICROS, rescale};
use super::{TransformError, source, tell};
use crate::protocol::{Bounds, Output, Report};

/// Writes `poster.jpg`, the sheets `storyboard-<n>.jpg`, and `storyboard.vtt` that points into them.
pub(super) fn make(file: File, bounds: &Bounds) -> Result<Output, TransformError> {
    let mut input = source::open(file, bounds)?;
    let mut picture = source::picture(&input, bounds)?;
    picture.decoder.skip_frame(Discard::NonKey);
    let end_us = input.duration().max(0);
    let mut storyboard = Storyboard::new(picture.decoder.width(), picture.decoder.height());
    let mut poster: Option<frame::Video> = None;
    let mut take = |decoded: &frame::Video| -> Result<(), TransformError> {
        let at = rescale(decoded.timestamp().or(decoded.pts()).unwrap_or(0), picture.time_base, MICROS);
        // The first seconds are often a black or a waiting picture.
        if poster.is_none() || at <= (end_us / 10).min(POSTER_AT_US) {
            poster = Some(decoded.clone());
        }
        storyboard.take(at, decoded)?;
        let percent =
            if end_us == 0 { 0 } else { (at.clamp(0, end_us) * 99 / end_us).try_into().unwrap_or(0) };
        tell(&Report::Progress { percent });
        Ok(())
    };
    let mut packet = Packet::empty();
    let mut decoded = frame::Video::empty();
    while packet.read(&mut input).is_ok() {
        if packet.stream() == picture.index && picture.decoder.send_packet(&packet).is_ok() {
            while picture.decoder.receive_frame(&mut decoded).is_ok() {
                take(&decoded)?;
            }
        }
    }
    let _ = picture.decoder.send_eof();
    while picture.decoder.receive_frame(&mut decoded).is_ok() {
        take(&decoded)?;
    }
    let poster =
        poster.ok_or_else(|| TransformError::refused("damaged", "Not one picture could be decoded."))?;
    let mut files = storyboard.finish(end_us)?;
    let size = fit(poster.width(), poster.height(), POSTER_WIDTH);
    fs::write("poster.jpg", jpeg(&scaled(&poster, size)?)?).map_err(TransformError::file("the poster"))?;
    files.push("poster.jpg".to_owned());
    Ok(Output { files, ..Output::default() })
}

/// Small pictures on sheets, with the time at which each was seen.
struct Storyboard {
    tile: (u32, u32),
    sheet: frame::Video,
    tiles: usize,
    sheets: usize,
    vtt_cues: Vec<(i64, String)>,
    next_us: i64,
    files: Vec<String>,
}

impl Storyboard {
    fn new(width: u32, height: u32) -> Self {
        let tile = fit(width, height, TILE_WIDTH);
        Self {
            tile,
            sheet: empty_sheet(tile),
            tiles: 0,
            sheets: 0,
            vtt_cues: Vec::new(),
            next_us: 0,
            files: Vec::new(),
        }
    }

    fn take(&mut self, at_us: i64, picture: &frame::Video) -> Result<(), TransformError> {
        if at_us < self.next_us {
            return Ok(());
        }
        self.next_us = at_us - at_us.rem_euclid(EVERY_US) + EVERY_US;
        if self.tiles == ACROSS * DOWN {
            self.end_sheet()?;
        }
        let (width, height) = self.tile;
        let (column, row) = (self.tiles % ACROSS, self.tiles / ACROSS);
        let small = scaled(picture, self.tile)?;
        place(&small, &mut self.sheet, (column, row), self.tile);
        let (x, y) = (column * width as usize, row * height as usize);
        self.vtt_cues.push((at_us, format!("{}#xywh={x},{y},{width},{height}", sheet_name(self.sheets))));
        self.tiles += 1;
        Ok(())
    }

    fn end_sheet(&mut self) -> Result<(), TransformError> {
        let name = sheet_name(self.sheets);
        fs::write(&name, jpeg(&self.sheet)?).map_err(TransformError::file("a storyboard sheet"))?;
        self.files.push(name);
        self.sheet = empty_sheet(self.tile);
        self.sheets += 1;
        self.tiles = 0;
        Ok(())
    }

    fn finish(mut self, end_us: i64) -> Result<Vec<String>, TransformError> {
        if self.tiles > 0 {
            self.end_sheet()?;
        }
        let mut vtt = "WEBVTT\n".to_owned();
        for (index, (from, place)) in self.vtt_cues.iter().enumerate() {
            let to = self.vtt_cues.get(index + 1).map_or(end_us.max(from + 1_000), |(next, _)| *next);
            // Writing to a `String` does not fail.
            let _ = write!(vtt, "\n{} --> {}\n{place}\n", clock_time(*from), clock_time(to));
        }
        fs::write("storyboard.vtt", vtt).map_err(TransformError::file("the storyboard"))?;
        self.files.push("storyboard.vtt".to_owned());
        Ok(self.files)
    }
}

fn scaled(picture: &frame::Video, (width, height): (u32, u32)) -> Result<frame::Video, TransformError> {
    let failed = || TransformError::codec("a scaler");
    let mut scaler = scaling::Context::get(
        picture.format(),
        picture.width(),
        picture.height(),
        Pixel::YUVJ420P,
        width,
        height,
        scaling::Flags::AREA,
    )
    .map_err(failed())?;
    let mut small = frame::Video::empty();
    scaler.run(picture, &mut small).map_err(failed())?;
    Ok(small)
}

fn empty_sheet((width, height): (u32, u32)) -> frame::Video {
    let across = u32::try_from(ACROSS).unwrap_or(1);
    let down = u32::try_from(DOWN).unwrap_or(1);
    let mut sheet = frame::Video::new(Pixel::YUVJ420P, width * across, height * down);
    sheet.data_mut(0).fill(0);
    sheet.data_mut(1).fill(128);
    sheet.data_mut(2).fill(128);
    sheet
}

/// Copies a tile's three planes; chroma planes are half as wide and high.
fn place(tile: &frame::Video, sheet: &mut frame::Video, (column, row): (usize, usize), size: (u32, u32)) {
    for plane in 0..3 {
        let half = usize::from(plane > 0);
        let (width, height) = ((size.0 >> half) as usize, (size.1 >> half) as usize);
        let (from_stride, to_stride) = (tile.stride(plane), sheet.stride(plane));
        let source = tile.data(plane);
        let target = sheet.data_mut(plane);
        for line in 0..height {
            let from = line * from_stride;
            let to = (row * height + line) * to_stride + column * width;
            target[to..to + width].copy_from_slice(&source[from..from + width]);
        }
    }
}

fn jpeg(picture: &frame::Video) -> Result<Vec<u8>, TransformError> {
    let failed = || TransformError::codec("a JPEG");
    let mjpeg = encoder::find(codec::Id::MJPEG)
        .ok_or(TransformError::Codec { what: "mjpeg", source: ffmpeg_next::Error::EncoderNotFound })?;
    let mut video = codec::Context::new_with_codec(mjpeg).encoder().video().map_err(failed())?;
    video.set_width(picture.width());
    video.set_height(picture.height());
    video.set_format(Pixel::YUVJ420P);
    video.set_time_base(Rational(1, 1));
    video.set_flags(codec::Flags::QSCALE);
    video.set_global_quality(JPEG_QUALITY);
    let mut encoder = video.open_as(mjpeg).map_err(failed())?;
    let mut picture = picture.clone();
    picture.set_pts(Some(0));
    encoder.send_frame(&picture).map_err(failed())?;
    encoder.send_eof().map_err(failed())?;
    let mut packet = Packet::empty();
    encoder.receive_packet(&mut packet).map_err(failed())?;
    Ok(packet.data().unwrap_or_default().to_vec())
}

/// The size with the wanted width and the picture's proportions; both even.
fn fit(width: u32, height: u32, wanted: u32) -> (u32, u32) {
    let wanted = wanted.min(width.max(2)) & !1;
    let high = u64::from(height) * u64::from(wanted) / u64::from(width.max(1));
    (wanted, u32::try_from(high.max(2) & !1).unwrap_or(2))
}

fn sheet_name(number: usize) -> String {
    format!("storyboard-{number}.jpg")
}

/// WebVTT's `hh:mm:ss.ttt`.
fn clock_time(at_us: i64) -> String {
    let ms = at_us.max(0) / 1_000;
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000)
}

const TILE_WIDTH: u32 = 160;
const POSTER_WIDTH: u32 = 1_280;
const POSTER_AT_US: i64 = 5_000_000;
const ACROSS: usize = 10;
const DOWN: usize = 10;

/// One tile for so much time.
const EVERY_US: i64 = 5_000_000;

/// Factor 4 of 1 (best) to 31, in the library's units of 118.
const JPEG_QUALITY: i32 = 4 * 118;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_keeps_the_proportions() {
        assert_eq!(fit(1280, 720, 160), (160, 90));
        assert_eq!(fit(360, 640, 160), (160, 284));
        assert_eq!(fit(100, 50, 160), (100, 50));
    }

    #[test]
    fn times_are_written_as_webvtt_wants_them() {
        assert_eq!(clock_time(3_725_004_000), "01:02:05.004");
    }
}
