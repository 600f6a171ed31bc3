//! An upload becomes a CMAF ladder: decoded once, scaled in a cascade, cut at the same moments everywhere.

use std::fs::File;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use ffmpeg_next::filter::{self, Graph};
use ffmpeg_next::format::context::Input;
use ffmpeg_next::{ChannelLayout, Frame, Packet, Rational, frame};
use hls::fmp4::TrackKind;
use hls::recording::{NOMINAL_SEGMENT_S, init_path, segment_path};
use wire::media::{IndexChunk, RenditionInfo, RenditionKind, SETS_PER_CHUNK, SegmentSet};

use super::clock::{MICROS, rescale};
use super::encoder::{AAC_FRAME, Rendition, Rung, SOUND_RATE};
use super::segments::Written;
use super::source::{self, Picture, Sound};
use super::{TransformError, tell};
use crate::protocol::{Bounds, Output, Report};

/// Makes the ladder in the working directory.
pub(super) fn make(file: File, bounds: &Bounds, started_at_us: i64) -> Result<Output, TransformError> {
    let mut input = source::open(file, bounds)?;
    let picture = source::picture(&input, bounds)?;
    let sound = source::sound(&input);
    let mut ladder = Ladder::new(&input, picture, sound, bounds)?;
    let mut packet = Packet::empty();
    loop {
        match packet.read(&mut input) {
            Ok(()) => ladder.packet(&packet)?,
            Err(ffmpeg_next::Error::Eof) => break,
            // A file that is cut short or damaged in the middle keeps what came before.
            Err(_) if ladder.frames > 0 => break,
            Err(error) => return Err(damaged(error)),
        }
    }
    ladder.finish()?;
    ladder.output(started_at_us)
}

struct Ladder {
    picture: Picture,
    pictures: Graph,
    rungs: Vec<Rung>,
    renditions: Vec<Rendition>,
    sound: Option<SoundPath>,
    start_us: i64,
    length: Duration,
    /// Output frames so far.
    frames: u64,
    percent: u8,
}

struct SoundPath {
    sound: Sound,
    graph: Graph,
    rendition: Rendition,
    /// Samples encoded so far.
    samples: i64,
}

impl Ladder {
    fn new(
        input: &Input,
        picture: Picture,
        sound: Option<Sound>,
        bounds: &Bounds,
    ) -> Result<Self, TransformError> {
        let picture_length = source::length(input, picture.index);
        let sound_length = sound.as_ref().map_or(Duration::ZERO, |s| source::length(input, s.index));
        let (width, height) = picture.shown_size();
        let rungs = rungs(width, height);
        let hold = sound_length.saturating_sub(picture_length);
        let pictures = picture_graph(&picture, &rungs, hold)?;
        let segment_s = u32::try_from(NOMINAL_SEGMENT_S).unwrap_or(2);
        let renditions = rungs
            .iter()
            .map(|rung| Rendition::video(rung, picture.frames_per_second, segment_s, bounds.threads))
            .collect::<Result<Vec<_>, _>>()?;
        let sound = match sound {
            Some(sound) => {
                let graph = sound_graph(&sound)?;
                Some(SoundPath { sound, graph, rendition: Rendition::sound(SOUND, segment_s)?, samples: 0 })
            }
            None => None,
        };
        let length = picture_length.max(sound_length);
        let start_us = source::start_us(input);
        Ok(Self { picture, pictures, rungs, renditions, sound, start_us, length, frames: 0, percent: 0 })
    }

    fn packet(&mut self, packet: &Packet) -> Result<(), TransformError> {
        if packet.stream() == self.picture.index {
            // A damaged packet costs its picture, not the video.
            if self.picture.decoder.send_packet(packet).is_ok() {
                self.decoded_pictures()?;
            }
        } else if let Some(path) = &mut self.sound
            && packet.stream() == path.sound.index
            && path.sound.decoder.send_packet(packet).is_ok()
        {
            path.decoded(self.start_us)?;
        }
        Ok(())
    }

    fn decoded_pictures(&mut self) -> Result<(), TransformError> {
        let mut decoded = frame::Video::empty();
        while self.picture.decoder.receive_frame(&mut decoded).is_ok() {
            let offset = rescale(self.start_us, MICROS, self.picture.time_base);
            let pts = decoded.timestamp().or(decoded.pts()).map(|pts| pts - offset);
            decoded.set_pts(pts);
            // A picture that the filters refuse, such as one of another size, is left out.
            if filter_input(&mut self.pictures)?.source().add(&decoded).is_ok() {
                self.scaled_pictures()?;
            }
        }
        Ok(())
    }

    fn scaled_pictures(&mut self) -> Result<(), TransformError> {
        let mut scaled = frame::Video::empty();
        for (index, rendition) in self.renditions.iter_mut().enumerate() {
            loop {
                let mut sink = self.pictures.get(&sink_name(index)).ok_or(no_filter())?;
                if sink.sink().frame(&mut scaled).is_err() {
                    break;
                }
                // Else the input's picture types would force keyframes.
                scaled.set_kind(ffmpeg_next::picture::Type::None);
                rendition.frame(&scaled)?;
                if index == 0 {
                    self.frames += 1;
                }
            }
        }
        self.progress();
        Ok(())
    }

    fn progress(&mut self) {
        let done = self.frames as f64 / f64::from(self.picture.frames_per_second);
        let share = (done / self.length.as_secs_f64().max(0.001)).clamp(0.0, 0.99);
        let percent = (0..100).rev().find(|&p| f64::from(p) <= share * 100.0).unwrap_or(0);
        if percent > self.percent {
            self.percent = percent;
            tell(&Report::Progress { percent });
        }
    }

    fn finish(&mut self) -> Result<(), TransformError> {
        // A decoder that refuses its end has nothing left to give.
        let _ = self.picture.decoder.send_eof();
        self.decoded_pictures()?;
        filter_input(&mut self.pictures)?
            .source()
            .flush()
            .map_err(TransformError::codec("the filters' end"))?;
        self.scaled_pictures()?;
        if self.frames == 0 {
            return Err(TransformError::refused("damaged", "Not one picture of the video could be decoded."));
        }
        for rendition in &mut self.renditions {
            rendition.finish()?;
        }
        let rate = u64::from(self.picture.frames_per_second);
        let (frames, start_us) = (self.frames, self.start_us);
        if let Some(path) = &mut self.sound {
            let _ = path.sound.decoder.send_eof();
            path.decoded(start_us)?;
            path.graph
                .get(INPUT)
                .ok_or(no_filter())?
                .source()
                .flush()
                .map_err(TransformError::codec("the sound's end"))?;
            path.filtered()?;
            path.end_with_picture(frames, rate)?;
        }
        Ok(())
    }

    fn output(self, started_at_us: i64) -> Result<Output, TransformError> {
        let mut parts: Vec<(String, RenditionKind, Rendition)> = Vec::new();
        let frame_rate = f64::from(self.picture.frames_per_second);
        for (rung, rendition) in self.rungs.into_iter().zip(self.renditions) {
            let kind = RenditionKind::Video { width: rung.width, height: rung.height, frame_rate };
            parts.push((rung.name, kind, rendition));
        }
        if let Some(path) = self.sound {
            parts.push((SOUND.to_owned(), RenditionKind::Audio { channels: 2 }, path.rendition));
        }
        let written: Vec<MutexGuard<'_, Written>> =
            parts.iter().map(|(_, _, r)| r.written.lock().unwrap_or_else(PoisonError::into_inner)).collect();
        let count = written.iter().map(|w| w.segments.len()).min().unwrap_or(0);
        let mut renditions = Vec::new();
        let mut files = Vec::new();
        for ((name, kind, _), written) in parts.iter().zip(&written) {
            let track = written.track.as_ref().ok_or(hls::fmp4::Fmp4Error::Missing("moov"))?;
            debug_assert!(
                matches!(track.kind, TrackKind::Video { .. }) == matches!(kind, RenditionKind::Video { .. })
            );
            let peak = written.segments.iter().map(|s| s.size_bytes * 8_000_000 / s.duration_us.max(1)).max();
            renditions.push(RenditionInfo {
                name: name.clone(),
                kind: *kind,
                codecs: track.codecs.clone(),
                bandwidth_bps: peak.unwrap_or(0),
            });
            files.push(init_path(name, 0));
            files.extend((0..count as u64).map(|number| segment_path(name, number)));
        }
        let mut sets = Vec::with_capacity(count);
        let mut offset_us = 0;
        for index in 0..count {
            let segments: Vec<_> = written.iter().map(|w| w.segments[index].clone()).collect();
            let duration_us = segments.first().map_or(0, |s| s.duration_us);
            sets.push(SegmentSet {
                number: index as u64,
                started_at_us: started_at_us + i64::try_from(offset_us).unwrap_or(0),
                run: 0,
                offset_ms: offset_us / 1_000,
                segments,
            });
            offset_us += duration_us;
        }
        drop(written);
        let index = (0_u32..)
            .zip(sets.chunks(SETS_PER_CHUNK))
            .map(|(number, sets)| IndexChunk { number, renditions: renditions.clone(), sets: sets.to_vec() })
            .collect();
        Ok(Output { files, index, probed: None })
    }
}

impl SoundPath {
    fn decoded(&mut self, start_us: i64) -> Result<(), TransformError> {
        let mut decoded = frame::Audio::empty();
        while self.sound.decoder.receive_frame(&mut decoded).is_ok() {
            let offset = rescale(start_us, MICROS, self.sound.time_base);
            let pts = decoded.timestamp().or(decoded.pts()).map(|pts| pts - offset);
            decoded.set_pts(pts);
            if self.graph.get(INPUT).ok_or(no_filter())?.source().add(&decoded).is_ok() {
                self.filtered()?;
            }
        }
        Ok(())
    }

    fn filtered(&mut self) -> Result<(), TransformError> {
        let mut samples = frame::Audio::empty();
        loop {
            let mut sink = self.graph.get(&sink_name(0)).ok_or(no_filter())?;
            if sink.sink().frame(&mut samples).is_err() {
                return Ok(());
            }
            self.encode(&mut samples)?;
        }
    }

    fn encode(&mut self, samples: &mut Frame) -> Result<(), TransformError> {
        samples.set_pts(Some(self.samples));
        self.samples += i64::from(AAC_FRAME);
        self.rendition.frame(samples)
    }

    /// Silence until the sound is as long as the picture and reaches into the picture's last segment, so
    /// that both have the same number of segments.
    fn end_with_picture(&mut self, frames: u64, frames_per_second: u64) -> Result<(), TransformError> {
        let rate = u64::from(SOUND_RATE);
        let picture = frames * rate / frames_per_second;
        let segment = NOMINAL_SEGMENT_S * frames_per_second;
        let last_border = (frames - 1) / segment * NOMINAL_SEGMENT_S * rate;
        // The encoder's delay of one frame is dropped at the start, and one more frame must begin behind the border.
        let wanted = picture.max(last_border + 2 * u64::from(AAC_FRAME));
        let wanted = i64::try_from(wanted).unwrap_or(i64::MAX);
        let format = ffmpeg_next::format::Sample::F32(ffmpeg_next::format::sample::Type::Planar);
        let frame_samples = usize::try_from(AAC_FRAME).unwrap_or(0);
        while self.samples < wanted {
            let mut silence = frame::Audio::new(format, frame_samples, ChannelLayout::STEREO);
            silence.set_rate(SOUND_RATE);
            for plane in 0..silence.planes() {
                silence.data_mut(plane).fill(0);
            }
            self.encode(&mut silence)?;
        }
        self.rendition.finish()
    }
}

/// The ladder for a picture: no rung is larger than the source; the short side names it.
fn rungs(width: u32, height: u32) -> Vec<Rung> {
    let short = width.min(height);
    let mut rungs: Vec<Rung> = RUNGS
        .iter()
        .filter(|(side, _)| *side <= short)
        .map(|&(side, bitrate_bps)| {
            let scale = |px: u32| even(u64::from(px) * u64::from(side) / u64::from(short.max(1)));
            Rung { name: format!("v{side}"), width: scale(width), height: scale(height), bitrate_bps }
        })
        .collect();
    if rungs.is_empty() {
        let (width, height) = (even(width.into()), even(height.into()));
        rungs.push(Rung { name: format!("v{}", width.min(height)), width, height, bitrate_bps: 500_000 });
    }
    rungs
}

/// 4:2:0 needs even sides.
fn even(px: u64) -> u32 {
    u32::try_from(px.max(2) & !1).unwrap_or(2)
}

fn picture_graph(picture: &Picture, rungs: &[Rung], hold: Duration) -> Result<Graph, TransformError> {
    let mut graph = Graph::new();
    let decoder = &picture.decoder;
    let format = decoder.format().descriptor().map(ffmpeg_next::format::pixel::Descriptor::name);
    let format =
        format.ok_or_else(|| TransformError::refused("not-a-video", "The picture's format is unknown."))?;
    let Rational(numerator, denominator) = picture.time_base;
    let args = format!(
        "video_size={}x{}:pix_fmt={format}:time_base={numerator}/{denominator}:pixel_aspect=1/1",
        decoder.width(),
        decoder.height(),
    );
    add(&mut graph, "buffer", INPUT, &args)?;
    for index in 0..rungs.len() {
        add(&mut graph, "buffersink", &sink_name(index), "")?;
    }
    let turn = match picture.quarter_turns {
        1 => "transpose=clock,",
        2 => "hflip,vflip,",
        3 => "transpose=cclock,",
        _ => "",
    };
    let hold = if hold > Duration::from_millis(500) {
        format!(",tpad=stop_mode=clone:stop_duration={}", hold.as_secs_f64())
    } else {
        String::new()
    };
    let mut spec =
        format!("[{INPUT}]{turn}fps={}:start_time=0{hold},format=yuv420p", picture.frames_per_second);
    // A cascade: each rung is scaled from the one above it.
    for (index, rung) in rungs.iter().enumerate() {
        let scale = format!(",scale={}:{},setsar=1", rung.width, rung.height);
        let name = sink_name(index);
        if index + 1 == rungs.len() {
            spec.push_str(&format!("{scale}[{name}]"));
        } else {
            spec.push_str(&format!("{scale},split=2[{name}][below{index}];[below{index}]null"));
        }
    }
    parse(&mut graph, rungs.len(), &spec)?;
    Ok(graph)
}

fn sound_graph(sound: &Sound) -> Result<Graph, TransformError> {
    let mut graph = Graph::new();
    let decoder = &sound.decoder;
    let layout = if decoder.channel_layout().is_empty() {
        ChannelLayout::default(i32::from(decoder.channels()))
    } else {
        decoder.channel_layout()
    };
    let Rational(numerator, denominator) = sound.time_base;
    let args = format!(
        "time_base={numerator}/{denominator}:sample_rate={}:sample_fmt={}:channel_layout=0x{:x}",
        decoder.rate(),
        decoder.format().name(),
        layout.bits()
    );
    add(&mut graph, "abuffer", INPUT, &args)?;
    add(&mut graph, "abuffersink", &sink_name(0), "")?;
    let spec = format!(
        "[{INPUT}]aresample={SOUND_RATE}:async=1000:first_pts=0,aformat=sample_fmts=fltp:channel_layouts=stereo,\
         asetnsamples=n={AAC_FRAME}:p=1[{}]",
        sink_name(0)
    );
    parse(&mut graph, 1, &spec)?;
    Ok(graph)
}

fn add(graph: &mut Graph, kind: &'static str, name: &str, args: &str) -> Result<(), TransformError> {
    let filter = filter::find(kind).ok_or(no_filter())?;
    graph.add(&filter, name, args).map(drop).map_err(TransformError::codec(kind))
}

fn parse(graph: &mut Graph, sinks: usize, spec: &str) -> Result<(), TransformError> {
    let failed = || TransformError::codec("the filters");
    let mut parser = graph.output(INPUT, 0).map_err(failed())?;
    for index in 0..sinks {
        parser = parser.input(&sink_name(index), 0).map_err(failed())?;
    }
    parser.parse(spec).map_err(failed())?;
    graph.validate().map_err(failed())
}

fn filter_input(graph: &mut Graph) -> Result<filter::Context, TransformError> {
    graph.get(INPUT).ok_or(no_filter())
}

fn sink_name(index: usize) -> String {
    format!("out{index}")
}

fn no_filter() -> TransformError {
    TransformError::Codec { what: "a filter", source: ffmpeg_next::Error::FilterNotFound }
}

fn damaged(error: ffmpeg_next::Error) -> TransformError {
    TransformError::refused("damaged", format!("The file is damaged and cannot be read ({error})."))
}

const INPUT: &str = "in";

/// Name of the rendition with the sound.
const SOUND: &str = "audio";

/// Short side and bits per second, the largest first.
const RUNGS: &[(u32, usize)] = &[(1080, 5_000_000), (720, 2_800_000), (360, 700_000)];

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(width: u32, height: u32) -> Vec<(u32, u32)> {
        rungs(width, height).iter().map(|r| (r.width, r.height)).collect()
    }

    #[test]
    fn no_rung_is_larger_than_the_source() {
        assert_eq!(sizes(1920, 1080), [(1920, 1080), (1280, 720), (640, 360)]);
        assert_eq!(sizes(1000, 500), [(720, 360)]);
        assert_eq!(sizes(320, 180), [(320, 180)]);
    }

    #[test]
    fn an_upright_picture_stays_upright_and_even() {
        assert_eq!(sizes(1080, 1920), [(1080, 1920), (720, 1280), (360, 640)]);
        assert_eq!(sizes(33, 33), [(32, 32)]);
    }
}
