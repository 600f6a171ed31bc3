//! Opens an input: by descriptor, as one of the container formats that people upload, within bounds.

use std::fs::File;
use std::time::Duration;

use ffmpeg_next::codec::threading;
use ffmpeg_next::format::context::{Input, StreamIo};
use ffmpeg_next::format::stream::Stream;
use ffmpeg_next::packet::side_data::Type as SideData;
use ffmpeg_next::{Dictionary, codec, decoder, format, media};

use super::TransformError;
use super::clock::{MICROS, rescale};
use crate::protocol::Bounds;

/// Containers that are opened; never a playlist, a list of files or an image pattern: those name other files.
const CONTAINERS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,ogg,mpegts,flv,avi,mpeg";

/// Opens the container. What it says of itself is not believed beyond the bounds.
pub(super) fn open(file: File, bounds: &Bounds) -> Result<Input, TransformError> {
    let mut options = Dictionary::new();
    options.set("format_whitelist", CONTAINERS);
    options.set("protocol_whitelist", "");
    options.set("probesize", "10000000");
    options.set("analyzeduration", "20000000");
    options.set("max_streams", "64");
    let io = StreamIo::from_read_seek(file).map_err(TransformError::codec("the input"))?;
    let input = format::input_from_stream(io, None, Some(options)).map_err(|error| {
        TransformError::refused(
            "not-a-video",
            format!(
                "The file is not a video that can be read ({error}). Upload MP4, MOV, MKV, WebM, MPEG-TS or AVI."
            ),
        )
    })?;
    if input.duration() > i64::try_from(bounds.duration_s).unwrap_or(i64::MAX).saturating_mul(1_000_000) {
        let hours = bounds.duration_s / 3600;
        return Err(TransformError::refused("too-long", format!("The video is longer than {hours} hours.")));
    }
    Ok(input)
}

/// A stream that will be decoded.
pub(super) struct Picture {
    pub(super) index: usize,
    pub(super) decoder: decoder::Video,
    pub(super) time_base: ffmpeg_next::Rational,
    /// Whole frames per second of the output: those of the input, rounded.
    pub(super) frames_per_second: u32,
    /// Clockwise quarter turns that the container asks for.
    pub(super) quarter_turns: u8,
}

impl Picture {
    /// Width and height after the turns.
    pub(super) fn shown_size(&self) -> (u32, u32) {
        match self.quarter_turns % 2 {
            0 => (self.decoder.width(), self.decoder.height()),
            _ => (self.decoder.height(), self.decoder.width()),
        }
    }
}

/// The input's best picture stream; never an attached cover.
pub(super) fn picture(input: &Input, bounds: &Bounds) -> Result<Picture, TransformError> {
    let stream = input
        .streams()
        .best(media::Type::Video)
        .filter(|s| !s.disposition().contains(format::stream::Disposition::ATTACHED_PIC))
        .ok_or_else(|| TransformError::refused("no-picture", "The file has no picture. Upload a video."))?;
    let mut context = codec::Context::from_parameters(stream.parameters()).map_err(unreadable)?;
    let threads = usize::try_from(bounds.threads).unwrap_or(1);
    context.set_threading(threading::Config {
        count: threads,
        ..threading::Config::kind(threading::Type::Frame)
    });
    let decoder = context.decoder().video().map_err(unreadable)?;
    let (width, height) = (decoder.width(), decoder.height());
    if width == 0 || height == 0 || width > bounds.side_px || height > bounds.side_px {
        return Err(TransformError::refused(
            "too-large",
            format!("The picture is {width} × {height}; at most {0} × {0} pixels are read.", bounds.side_px),
        ));
    }
    let rate = f64::from(stream.avg_frame_rate());
    if rate > f64::from(bounds.frames_per_second) {
        let detail =
            format!("The video has {rate:.0} frames per second; at most {}.", bounds.frames_per_second);
        return Err(TransformError::refused("too-large", detail));
    }
    Ok(Picture {
        index: stream.index(),
        decoder,
        time_base: stream.time_base(),
        frames_per_second: output_rate(rate),
        quarter_turns: quarter_turns(&stream),
    })
}

/// A stream of sound that will be decoded.
pub(super) struct Sound {
    pub(super) index: usize,
    pub(super) decoder: decoder::Audio,
    pub(super) time_base: ffmpeg_next::Rational,
}

/// The input's best sound stream; a stream that no decoder knows counts as none.
pub(super) fn sound(input: &Input) -> Option<Sound> {
    let stream = input.streams().best(media::Type::Audio)?;
    let decoder = codec::Context::from_parameters(stream.parameters()).ok()?.decoder().audio().ok()?;
    (decoder.rate() > 0).then(|| Sound { index: stream.index(), decoder, time_base: stream.time_base() })
}

/// How long a stream says it is, from the start of the file.
pub(super) fn length(input: &Input, index: usize) -> Duration {
    let whole = Duration::from_micros(u64::try_from(input.duration()).unwrap_or(0));
    let of_stream = input.stream(index).filter(|s| s.duration() > 0).map(|s| {
        let micros = rescale(s.duration(), s.time_base(), MICROS);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    });
    of_stream.unwrap_or(whole)
}

/// The first timestamp of the file, in microseconds.
pub(super) fn start_us(input: &Input) -> i64 {
    let starts = input.streams().filter(|s| s.start_time() != ffmpeg_next::ffi::AV_NOPTS_VALUE);
    starts.map(|s| rescale(s.start_time(), s.time_base(), MICROS)).min().unwrap_or(0)
}

/// A whole number of frames per second, so that a segment is a whole number of frames.
fn output_rate(rate: f64) -> u32 {
    const RATES: [u32; 6] = [24, 25, 30, 48, 50, 60];
    let distance = |candidate: u32| (f64::from(candidate) - rate).abs();
    if !rate.is_finite() || rate <= 0.0 {
        return 30;
    }
    RATES.into_iter().min_by(|&a, &b| distance(a).total_cmp(&distance(b))).unwrap_or(30)
}

/// The display matrix (ISO/IEC 14496-12 §8.5.2): its first row is (cos, sin) in 16.16 fixed point.
fn quarter_turns(stream: &Stream<'_>) -> u8 {
    let matrix = stream.side_data().find(|data| data.kind() == SideData::DisplayMatrix);
    let Some(matrix) = matrix else { return 0 };
    let entry = |index: usize| {
        let bytes = matrix.data().get(index * 4..index * 4 + 4).and_then(|b| b.first_chunk::<4>().copied());
        i32::from_ne_bytes(bytes.unwrap_or_default()).signum()
    };
    match (entry(0), entry(1)) {
        (0, 1) => 1,
        (-1, 0) => 2,
        (0, -1) => 3,
        _ => 0,
    }
}

fn unreadable(error: ffmpeg_next::Error) -> TransformError {
    TransformError::refused("not-a-video", format!("The video's coding is not known here ({error})."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_rate_is_the_nearest_usual_one() {
        let rates =
            [(29.97, 30), (23.976, 24), (25.0, 25), (15.0, 24), (120.0, 60), (0.0, 30), (f64::NAN, 30)];
        for (input, output) in rates {
            assert_eq!(output_rate(input), output, "{input}");
        }
    }
}
