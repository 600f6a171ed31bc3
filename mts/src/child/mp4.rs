//! One MP4 for downloads from a ladder's own CMAF, without coding anything anew.

use std::fs::File;

use ffmpeg_next::format::context::{Input, StreamIo};
use ffmpeg_next::{Dictionary, Packet, Rational, format};

use super::{TransformError, clock};
use crate::protocol::Output;

/// Writes `video.mp4`.
pub(super) fn make(picture: File, sound: Option<File>) -> Result<Output, TransformError> {
    let mut inputs = vec![open(picture)?];
    if let Some(sound) = sound {
        inputs.push(open(sound)?);
    }
    let mut output = format::output_as(NAME, "mp4").map_err(TransformError::codec("the MP4 file"))?;
    for input in &inputs {
        let stream =
            input.stream(0).ok_or_else(|| TransformError::refused("damaged", "A rendition is empty."))?;
        let parameters = stream.parameters();
        let mut track = output
            .add_stream(ffmpeg_next::encoder::find(ffmpeg_next::codec::Id::None))
            .map_err(TransformError::codec("a track"))?;
        track.set_time_base(stream.time_base());
        track.set_parameters(parameters);
    }
    let mut options = Dictionary::new();
    // The index in front, so that a player can start before the end has come.
    options.set("movflags", "faststart");
    options.set("fflags", "+bitexact");
    output.write_header_with(options).map_err(TransformError::codec("the MP4 file's header"))?;
    interleave(&mut inputs, &mut output)?;
    output.write_trailer().map_err(TransformError::codec("the MP4 file's end"))?;
    Ok(Output { files: vec![NAME.to_owned()], ..Output::default() })
}

fn open(file: File) -> Result<Input, TransformError> {
    let mut options = Dictionary::new();
    options.set("format_whitelist", "mov,mp4");
    options.set("protocol_whitelist", "");
    let io = StreamIo::from_read_seek(file).map_err(TransformError::codec("a rendition"))?;
    format::input_from_stream(io, None, Some(options)).map_err(TransformError::codec("a rendition"))
}

/// Packets of all inputs in the order of their decoding times.
fn interleave(inputs: &mut [Input], output: &mut format::context::Output) -> Result<(), TransformError> {
    let mut waiting: Vec<Option<(i64, Packet)>> = inputs.iter_mut().map(next).collect();
    loop {
        let earliest = waiting
            .iter()
            .enumerate()
            .filter_map(|(index, packet)| packet.as_ref().map(|(at, _)| (*at, index)))
            .min();
        let Some((_, index)) = earliest else { return Ok(()) };
        let after = next(&mut inputs[index]);
        let Some((_, mut packet)) = std::mem::replace(&mut waiting[index], after) else { continue };
        let from = time_base(&inputs[index]);
        let to = output.stream(index).map_or(from, |stream| stream.time_base());
        packet.rescale_ts(from, to);
        packet.set_stream(index);
        packet.set_position(-1);
        packet.write_interleaved(output).map_err(TransformError::codec("a packet"))?;
    }
}

fn next(input: &mut Input) -> Option<(i64, Packet)> {
    let mut packet = Packet::empty();
    packet.read(input).ok()?;
    let at = packet.dts().or(packet.pts()).unwrap_or(0);
    Some((clock::rescale(at, time_base(input), clock::MICROS), packet))
}

fn time_base(input: &Input) -> Rational {
    input.stream(0).map_or(clock::MICROS, |stream| stream.time_base())
}

const NAME: &str = "video.mp4";
