//! One rendition: its encoder, its muxer, and where its segments end.

use std::sync::{Arc, Mutex};

use ffmpeg_next::codec::{self, Flags, threading};
use ffmpeg_next::format::context::{Output, StreamIo};
use ffmpeg_next::format::{self, Pixel, Sample, sample};
use ffmpeg_next::{ChannelLayout, Dictionary, Frame, Packet, Rational, encoder};

use super::TransformError;
use super::clock::rescale;
use super::flush;
use super::segments::{Splitter, Written};

/// Samples per second of every sound that we make.
pub(super) const SOUND_RATE: u32 = 48_000;

/// Samples of one AAC frame.
pub(super) const AAC_FRAME: u32 = 1_024;

/// One rendition of the picture, as wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rung {
    pub(super) name: String,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bitrate_bps: usize,
}

/// An encoder with its muxer; segments end at multiples of `segment` ticks.
pub(super) struct Rendition {
    encoder: encoder::Encoder,
    output: Output,
    time_base: Rational,
    segment_ticks: i64,
    next_border: i64,
    is_video: bool,
    pub(super) written: Arc<Mutex<Written>>,
}

impl Rendition {
    /// H264, closed groups of pictures as long as a segment.
    pub(super) fn video(
        rung: &Rung,
        frames_per_second: u32,
        segment_s: u32,
        threads: u32,
    ) -> Result<Self, TransformError> {
        let x264 = encoder::find_by_name("libx264").ok_or(missing("libx264"))?;
        let mut video = codec::Context::new_with_codec(x264).encoder().video().map_err(open)?;
        let time_base = Rational(1, i32::try_from(frames_per_second).unwrap_or(30));
        let gop = frames_per_second * segment_s;
        video.set_width(rung.width);
        video.set_height(rung.height);
        video.set_format(Pixel::YUV420P);
        video.set_time_base(time_base);
        video.set_frame_rate(Some(time_base.invert()));
        video.set_bit_rate(rung.bitrate_bps);
        video.set_max_bit_rate(rung.bitrate_bps * 107 / 100);
        video.set_gop(gop);
        // Without B frames decoding order is display order, and every segment begins at its border.
        video.set_max_b_frames(0);
        video.set_flags(Flags::GLOBAL_HEADER | Flags::CLOSED_GOP);
        let threads = usize::try_from(threads).unwrap_or(1);
        video.set_threading(threading::Config {
            count: threads,
            ..threading::Config::kind(threading::Type::Frame)
        });
        let mut options = Dictionary::new();
        options.set("preset", "veryfast");
        options.set("profile", "high");
        options.set("bufsize", &(rung.bitrate_bps * 3 / 2).to_string());
        options.set("keyint_min", &gop.to_string());
        options.set("sc_threshold", "0");
        options.set("bf", "0");
        let encoder = video.open_as_with(x264, options).map_err(open)?;
        Self::mux(encoder.0.0, &rung.name, time_base, segment_s, true)
    }

    /// AAC-LC, stereo.
    pub(super) fn sound(name: &str, segment_s: u32) -> Result<Self, TransformError> {
        let aac = encoder::find_by_name("aac").ok_or(missing("aac"))?;
        let mut audio = codec::Context::new_with_codec(aac).encoder().audio().map_err(open)?;
        let rate = i32::try_from(SOUND_RATE).unwrap_or(48_000);
        audio.set_rate(rate);
        audio.set_format(Sample::F32(sample::Type::Planar));
        audio.set_channel_layout(ChannelLayout::STEREO);
        audio.set_bit_rate(128_000);
        audio.set_time_base(Rational(1, rate));
        audio.set_flags(Flags::GLOBAL_HEADER);
        let encoder = audio.open_as(aac).map_err(open)?;
        Self::mux(encoder.0.0, name, Rational(1, rate), segment_s, false)
    }

    fn mux(
        encoder: encoder::Encoder,
        name: &str,
        time_base: Rational,
        segment_s: u32,
        is_video: bool,
    ) -> Result<Self, TransformError> {
        let muxer = TransformError::codec("the muxer");
        let (splitter, written) = Splitter::new(name)?;
        let io = StreamIo::from_write(splitter).map_err(TransformError::codec("the muxer's output"))?;
        let mut output = format::output_to_stream(io, None, Some("mp4")).map_err(muxer)?;
        {
            let mut stream =
                output.add_stream_with(&encoder).map_err(TransformError::codec("the muxer's stream"))?;
            stream.set_time_base(time_base);
        }
        let mut options = Dictionary::new();
        // One fragment per flush; the init segment at once; decode times from zero in every rendition.
        options.set("movflags", "frag_custom+empty_moov+default_base_moof+cmaf");
        options.set("use_editlist", "0");
        options.set("fflags", "+bitexact");
        output.write_header_with(options).map_err(TransformError::codec("the muxer's header"))?;
        let segment_ticks = rescale(i64::from(segment_s), Rational(1, 1), time_base);
        Ok(Self { encoder, output, time_base, segment_ticks, next_border: segment_ticks, is_video, written })
    }

    /// Encodes one frame, whose time is in the encoder's time base.
    pub(super) fn frame(&mut self, frame: &Frame) -> Result<(), TransformError> {
        self.encoder.send_frame(frame).map_err(TransformError::codec("the encoder"))?;
        self.packets()
    }

    /// Ends the stream and its last segment.
    pub(super) fn finish(&mut self) -> Result<(), TransformError> {
        self.encoder.send_eof().map_err(TransformError::codec("the encoder's end"))?;
        self.packets()?;
        flush::fragment(&mut self.output).map_err(TransformError::codec("the last segment"))?;
        self.output.write_trailer().map_err(TransformError::codec("the muxer's end"))
    }

    fn packets(&mut self) -> Result<(), TransformError> {
        let mut packet = Packet::empty();
        while self.encoder.receive_packet(&mut packet).is_ok() {
            let pts = packet.pts().unwrap_or(0);
            if pts < 0 {
                // AAC's priming: without it the first sample is the input's first, and no edit list is needed.
                continue;
            }
            if pts >= self.next_border && (packet.is_key() || !self.is_video) {
                flush::fragment(&mut self.output).map_err(TransformError::codec("a segment"))?;
                self.next_border = (pts / self.segment_ticks + 1) * self.segment_ticks;
            }
            if packet.duration() == 0 {
                packet.set_duration(if self.is_video { 1 } else { i64::from(AAC_FRAME) });
            }
            let stream_base = self.output.stream(0).map_or(self.time_base, |stream| stream.time_base());
            packet.rescale_ts(self.time_base, stream_base);
            packet.set_stream(0);
            packet.write(&mut self.output).map_err(TransformError::codec("a packet"))?;
        }
        Ok(())
    }
}

fn open(source: ffmpeg_next::Error) -> TransformError {
    TransformError::Codec { what: "an encoder", source }
}

fn missing(name: &'static str) -> TransformError {
    TransformError::Codec { what: name, source: ffmpeg_next::Error::EncoderNotFound }
}
