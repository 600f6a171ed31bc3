//! What an upload is: read from its container, and proved by decoding one picture of it.

use std::fs::File;

use ffmpeg_next::format::context::Input;
use ffmpeg_next::{Packet, Rational, frame};
use mar::asset::Probed;

use super::TransformError;
use super::source::{self, Picture};
use crate::protocol::{Bounds, Output};

/// Describes the input.
pub(super) fn make(file: File, bounds: &Bounds) -> Result<Output, TransformError> {
    let mut input = source::open(file, bounds)?;
    let mut picture = source::picture(&input, bounds)?;
    let sound = source::sound(&input);
    let lengths = [Some(picture.index), sound.as_ref().map(|sound| sound.index)];
    let length =
        lengths.into_iter().flatten().map(|index| source::length(&input, index)).max().unwrap_or_default();
    let (width, height) = picture.shown_size();
    let rate = input.stream(picture.index).map_or(Rational(0, 1), |stream| stream.avg_frame_rate());
    let probed = Probed {
        duration_ms: u64::try_from(length.as_millis()).unwrap_or(u64::MAX),
        width,
        height,
        frame_rate_millihertz: millihertz(rate),
        video_codec: picture.decoder.id().name().to_owned(),
        audio_codec: sound.map(|sound| sound.decoder.id().name().to_owned()),
    };
    decode_one(&mut input, &mut picture)?;
    Ok(Output { probed: Some(probed), ..Output::default() })
}

fn millihertz(Rational(frames, seconds): Rational) -> u32 {
    let rate = i64::from(frames).saturating_mul(1_000).checked_div(i64::from(seconds));
    rate.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(0)
}

/// A container may be whole and its pictures not.
fn decode_one(input: &mut Input, picture: &mut Picture) -> Result<(), TransformError> {
    let mut packet = Packet::empty();
    let mut decoded = frame::Video::empty();
    for _ in 0..MOST_PACKETS {
        if packet.read(input).is_err() {
            // What a decoder holds back comes at the end; one that refuses it has nothing.
            let _ = picture.decoder.send_eof();
            return match picture.decoder.receive_frame(&mut decoded) {
                Ok(()) => Ok(()),
                Err(_) => {
                    let detail = "Not one picture of the video could be decoded.";
                    Err(TransformError::refused("damaged", detail))
                }
            };
        }
        let shown = packet.stream() == picture.index
            && picture.decoder.send_packet(&packet).is_ok()
            && picture.decoder.receive_frame(&mut decoded).is_ok();
        if shown {
            return Ok(());
        }
    }
    // Its first picture comes late: the ladder will see.
    Ok(())
}

/// Half a minute of picture and sound.
const MOST_PACKETS: usize = 4_000;
