//! ⑤⑦ The GStreamer graph behind the decoders: compositor and audio mixer, encoders, muxers. It is built
//! once and never changes; sources come and go as branches (`branch`).
//!
//! ```text
//! branches, backdrop ─▶ compositor ─▶ screen ─▶ tee ─▶ queue ─▶ scale ─▶ x264 ─▶ cmafmux ─▶ Output   per rung
//! branches, silence ─▶ audiomixer ─▶ limiter ─▶ level ─▶ queue ─▶ AAC ─▶ cmafmux ─▶ Output
//! ```

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use gst::prelude::*;

use super::Event;
use super::cut::{Borders, Crossing};
use super::error::MixError;
use super::output::{Output, RunTime};
use super::screen::Screen;
use super::upstream::Upstream;
use crate::child_protocol::{CANVAS, Start};

/// How long after its capture clock a frame may come and still be shown: reordering (60 ms), the
/// participant's other track being slower, decoding on a busy machine.
pub(crate) const ALLOWANCE: Duration = Duration::from_millis(300);
/// Latency that the mixers assume from the start, decoder included, so that the first speaker who joins
/// does not change it.
const MIXER_LATENCY: Duration = Duration::from_millis(350);
/// `avenc_aac` writes its first packet at 0 although 1,024 samples of it are priming, and `cmafmux` writes
/// no edit list: shift sound by 1,024 / 48,000 s and leave the first packet out.
const AAC_PRIMING_NS: i64 = -21_333_333;
/// Colour around and behind the tiles, ARGB. It also is the input that never leaves: an aggregator that
/// loses its last pad starts anew at zero. At full size it costs a copy, smaller it would cost a scaler.
const BACKDROP: &str = "0xff11141b";
/// Output frames per second.
const FRAME_RATE: u32 = 30;

/// The running mix.
#[derive(Debug)]
pub(crate) struct Mix {
    pub(crate) pipeline: gst::Pipeline,
    pub(crate) compositor: gst::Element,
    pub(crate) audiomixer: gst::Element,
    pub(crate) screen: Screen,
    pub(crate) clock: RunningClock,
    end: End,
    /// Per output, microseconds of running time up to which it is encoded.
    encoded: Vec<Arc<AtomicU64>>,
}

/// Running time of the mix; cheap to clone, readable from any thread.
#[derive(Debug, Clone)]
pub(crate) struct RunningClock {
    clock: gst::Clock,
    base: gst::ClockTime,
}

impl RunningClock {
    /// Since the mix began.
    pub(crate) fn now(&self) -> Duration {
        Duration::from_nanos(self.clock.time().saturating_sub(self.base).nseconds())
    }
}

/// Where the mix is to end: running time in nanoseconds, `u64::MAX` while it is to go on.
#[derive(Debug, Clone)]
struct End(Arc<AtomicU64>);

impl End {
    fn reached(&self, running: Duration) -> bool {
        running.as_nanos() >= u128::from(self.0.load(Ordering::Relaxed))
    }
}

impl Mix {
    /// Builds the graph and starts it. Events of its outputs go to `events`.
    ///
    /// # Errors
    /// When an element is missing or refuses.
    pub(crate) fn start(
        start: &Start,
        upstream: &Upstream,
        events: &SyncSender<Event>,
    ) -> Result<Self, MixError> {
        let pipeline = gst::parse::launch(&description(start))?;
        let pipeline = pipeline.downcast::<gst::Pipeline>().map_err(|_| MixError::NoElement("pipeline"))?;
        let gst_clock = gst::SystemClock::obtain();
        pipeline.use_clock(Some(&gst_clock));
        // We choose running time zero, and read the wall clock at the same moment, once; as late as possible,
        // because on a busy machine it takes long to bring up every element.
        pipeline.set_start_time(gst::ClockTime::NONE);
        pipeline.set_state(gst::State::Paused)?;
        let base = gst_clock.time();
        let wall_zero_us = wall_us();
        pipeline.set_base_time(base);
        let time = RunTime::new(start, wall_zero_us);
        let element = |name| pipeline.by_name(name).ok_or(MixError::NoElement(name));
        let mut mix = Self {
            compositor: element("compositor")?,
            audiomixer: element("audiomixer")?,
            screen: Screen::default(),
            clock: RunningClock { clock: gst_clock.upcast(), base },
            end: End(Arc::new(AtomicU64::new(u64::MAX))),
            encoded: Vec::with_capacity(start.video.len() + 1),
            pipeline: pipeline.clone(),
        };
        mix.screen.attach(&pad(&element("canvas")?, "src")?)?;
        cut_pictures(&pad(&element("pictures")?, "sink")?, time.borders, mix.end.clone())?;
        end_sound(&pad(&element("sounds")?, "sink")?, mix.end.clone())?;
        pad(&element("aac")?, "src")?.set_offset(AAC_PRIMING_NS);
        drop_first(&pad(&element("aac")?, "src")?)?;
        let videos = start.video.iter().enumerate().map(|(rung, video)| (format!("{rung}"), &video.name));
        for (suffix, rendition) in videos.chain([("audio".to_owned(), &start.audio.name)]) {
            let output = Output::new(rendition.clone(), time, upstream.clone());
            mix.connect(&suffix, output, time, events)?;
        }
        mix.pipeline.set_state(gst::State::Playing)?;
        Ok(mix)
    }

    /// Ends picture and sound with what belongs before `now`; every output then reports its end.
    pub(crate) fn finish(&self) {
        let now = u64::try_from(self.clock.now().as_nanos()).unwrap_or(u64::MAX - 1);
        self.end.0.store(now, Ordering::Relaxed);
    }

    /// Renditions that will report their end.
    pub(crate) fn outputs(&self) -> usize {
        self.encoded.len()
    }

    /// Up to where each rendition is encoded, pictures first, in microseconds of running time.
    pub(crate) fn encoded_us(&self) -> Vec<u64> {
        self.encoded.iter().map(|up_to| up_to.load(Ordering::Relaxed)).collect()
    }

    fn connect(
        &mut self,
        suffix: &str,
        output: Output,
        time: RunTime,
        events: &SyncSender<Event>,
    ) -> Result<(), MixError> {
        let muxer = self.pipeline.by_name(&format!("mux-{suffix}")).ok_or(MixError::NoElement("mux"))?;
        let offset = i64::try_from(time.media_zero.as_nanos()).unwrap_or(i64::MAX);
        muxer.set_property("decode-time-offset", offset);
        let fragment = u32::try_from(time.first_segment.saturating_add(1)).unwrap_or(1);
        muxer.set_property("start-fragment-sequence-number", fragment);
        wait_for_data(&pad(&muxer, "sink")?)?;
        let encoded = Arc::new(AtomicU64::new(0));
        split_at_borders(&pad(&muxer, "sink")?, time.borders, Arc::clone(&encoded))?;
        self.encoded.push(encoded);
        let sink = self.pipeline.by_name(&format!("out-{suffix}"));
        let sink = sink.and_then(|sink| sink.downcast::<gst_app::AppSink>().ok());
        take_samples(&sink.ok_or(MixError::NoElement("out"))?, output, events.clone());
        Ok(())
    }
}

impl Drop for Mix {
    fn drop(&mut self) {
        // Elements must not be dropped while they run; a pipeline that does not stop ends with the process.
        self.pipeline.set_state(gst::State::Null).map(drop).unwrap_or_default();
    }
}

fn description(start: &Start) -> String {
    let (width, height) = CANVAS;
    let latency = MIXER_LATENCY.as_nanos();
    let fragment = u64::from(start.segment_ms) * 1_000_000;
    let mux = |name: &str| {
        format!(
            "cmafmux name=mux-{name} manual-split=true fragment-duration={fragment} ! \
             appsink name=out-{name} sync=false buffer-list=true"
        )
    };
    // No `ignore-inactive-pads` on the mixers: when their first input is later than their deadline, as on a
    // starved machine, they would see no active pad and end their stream. A pad without data costs no more
    // than that frames are made at their deadline. `force-live` would show time zero twice at every start.
    let mut text = format!(
        "compositor name=compositor background=black min-upstream-latency={latency} ! \
         video/x-raw,format=I420,width={width},height={height},framerate={FRAME_RATE}/1,\
           pixel-aspect-ratio=1/1,colorimetry=bt709 ! identity name=canvas silent=true ! \
         tee name=pictures \
         videotestsrc is-live=true pattern=solid-color foreground-color={BACKDROP} ! \
         video/x-raw,format=I420,width={width},height={height},framerate=5/1,colorimetry=bt709 ! \
         compositor. \
         audiomixer name=audiomixer min-upstream-latency={latency} ! \
         audio/x-raw,format=F32LE,rate=48000,channels=2,layout=interleaved ! \
         audiodynamic mode=compressor characteristics=soft-knee threshold=0.8 ratio=0.2 ! \
         level name=level interval=1000000000 ! queue name=sounds ! audioconvert ! \
         avenc_aac bitrate={} ! aacparse name=aac ! {} \
         audiotestsrc is-live=true wave=silence samplesperbuffer=960 ! \
         audio/x-raw,format=F32LE,rate=48000,channels=2,layout=interleaved ! audiomixer. ",
        start.audio.bitrate_bps,
        mux("audio"),
    );
    for (rung, video) in start.video.iter().enumerate() {
        let (width, height, kbps) = (video.width, video.height, video.bitrate_bps / 1_000);
        // Keyframes come from the borders alone. 30 frames of 720p are 41 MB, and a second to catch up.
        write!(
            text,
            "pictures. ! queue max-size-buffers=30 max-size-bytes=0 max-size-time=0 ! videoscale ! \
             video/x-raw,width={width},height={height} ! \
             x264enc speed-preset=superfast tune=zerolatency threads=1 bitrate={kbps} key-int-max=30000 \
               option-string=scenecut=0 ! \
             video/x-h264,profile=main ! h264parse ! {} ",
            mux(&rung.to_string()),
        )
        .expect("writing to a String does not fail");
    }
    text
}

fn pad(element: &gst::Element, name: &'static str) -> Result<gst::Pad, MixError> {
    element.static_pad(name).ok_or(MixError::NoElement(name))
}

/// Running time of a buffer that passes `pad`. Before zero counts as zero.
pub(crate) fn running_time(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<Duration> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    let running = event.segment().downcast_ref::<gst::ClockTime>()?.to_running_time(buffer.pts()?);
    Some(Duration::from_nanos(running.map_or(0, gst::ClockTime::nseconds)))
}

/// Before the first frame at or behind each border: one order for a keyframe into the tee, so that every
/// rung has its IDR on the same frame. At the end: end of stream, in every rung after the same frame.
fn cut_pictures(tee: &gst::Pad, borders: Borders, end: End) -> Result<(), MixError> {
    let crossing = Mutex::new(Crossing::new(borders));
    let ended = AtomicU64::new(0);
    let newest = Mutex::new(None);
    let probe = move |pad: &gst::Pad, info: &mut gst::PadProbeInfo<'_>| {
        let Some(running) = info.buffer().and_then(|buffer| running_time(pad, buffer)) else {
            return gst::PadProbeReturn::Ok;
        };
        // A live compositor that starts very late shows time zero twice; `h264parse` takes the time off the
        // second frame, and a muxer ends at a frame without time.
        let mut newest = newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.is_some_and(|newest| running <= newest) {
            return gst::PadProbeReturn::Drop;
        }
        *newest = Some(running);
        drop(newest);
        if end.reached(running) {
            return finish_stream(pad, &ended);
        }
        let crossed = crossing.lock().unwrap_or_else(PoisonError::into_inner).pass(running);
        if let Some(index) = crossed {
            pad.send_event(
                gst_video::DownstreamForceKeyUnitEvent::builder()
                    .running_time(gst::ClockTime::try_from(running).unwrap_or_default())
                    .all_headers(true)
                    .count(u32::try_from(index).unwrap_or(u32::MAX))
                    .build(),
            );
        }
        gst::PadProbeReturn::Ok
    };
    tee.add_probe(gst::PadProbeType::BUFFER, probe).ok_or(MixError::NoElement("a probe on the tee"))?;
    Ok(())
}

fn end_sound(sounds: &gst::Pad, end: End) -> Result<(), MixError> {
    let ended = AtomicU64::new(0);
    let probe = move |pad: &gst::Pad, info: &mut gst::PadProbeInfo<'_>| match info
        .buffer()
        .and_then(|buffer| running_time(pad, buffer))
    {
        Some(running) if end.reached(running) => finish_stream(pad, &ended),
        Some(_) | None => gst::PadProbeReturn::Ok,
    };
    sounds.add_probe(gst::PadProbeType::BUFFER, probe).ok_or(MixError::NoElement("a probe on the sound"))?;
    Ok(())
}

fn finish_stream(pad: &gst::Pad, ended: &AtomicU64) -> gst::PadProbeReturn {
    if ended.fetch_add(1, Ordering::Relaxed) == 0 {
        pad.send_event(gst::event::Eos::new());
    }
    // What follows an end of stream is refused by the next element.
    gst::PadProbeReturn::Ok
}

fn drop_first(pad: &gst::Pad) -> Result<(), MixError> {
    let dropped = AtomicU64::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_pad, _info| {
        if dropped.fetch_add(1, Ordering::Relaxed) == 0 {
            gst::PadProbeReturn::Drop
        } else {
            gst::PadProbeReturn::Remove
        }
    })
    .ok_or(MixError::NoElement("a probe on the AAC"))?;
    Ok(())
}

/// Tells a muxer that its input is not live. A live one has a deadline, and when not even the encoder's caps
/// are there by then, as on a starved machine, it ends its stream. With one input there is nothing to gain
/// from a deadline.
fn wait_for_data(muxer: &gst::Pad) -> Result<(), MixError> {
    let probe = |_pad: &gst::Pad, info: &mut gst::PadProbeInfo<'_>| {
        if let Some(gst::QueryViewMut::Latency(latency)) = info.query_mut().map(gst::QueryRef::view_mut) {
            latency.set(false, gst::ClockTime::ZERO, gst::ClockTime::NONE);
            return gst::PadProbeReturn::Handled;
        }
        gst::PadProbeReturn::Ok
    };
    muxer
        .add_probe(gst::PadProbeType::QUERY_UPSTREAM, probe)
        .ok_or(MixError::NoElement("a probe on a muxer"))?;
    Ok(())
}

/// Tells a muxer to begin a segment with the first independent buffer at or behind each border, and notes how
/// far its rendition is encoded.
fn split_at_borders(muxer: &gst::Pad, borders: Borders, encoded: Arc<AtomicU64>) -> Result<(), MixError> {
    let crossing = Mutex::new(Crossing::new(borders));
    let probe = move |pad: &gst::Pad, info: &mut gst::PadProbeInfo<'_>| {
        let Some(buffer) = info.buffer() else { return gst::PadProbeReturn::Ok };
        let Some(running) = running_time(pad, buffer) else { return gst::PadProbeReturn::Ok };
        encoded.fetch_max(u64::try_from(running.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        // Sound has no such flag: every packet is independent.
        if buffer.flags().contains(gst::BufferFlags::DELTA_UNIT) {
            return gst::PadProbeReturn::Ok;
        }
        let crossed = crossing.lock().unwrap_or_else(PoisonError::into_inner).pass(running);
        if crossed.is_some() {
            let split = gst::Structure::builder("FMP4MuxSplitNow").field("chunk", false).build();
            pad.send_event(gst::event::CustomDownstream::new(split));
        }
        gst::PadProbeReturn::Ok
    };
    muxer.add_probe(gst::PadProbeType::BUFFER, probe).ok_or(MixError::NoElement("a probe on a muxer"))?;
    Ok(())
}

fn take_samples(sink: &gst_app::AppSink, mut output: Output, events: SyncSender<Event>) {
    let at_end = events.clone();
    let failed = move |error: MixError| {
        // The loop that would take it has ended: so does the pipeline.
        events.send(Event::Failed(error)).unwrap_or_default();
        gst::FlowError::Error
    };
    let callbacks = gst_app::AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            take_sample(&sample, &mut output).map_err(&failed)?;
            Ok(gst::FlowSuccess::Ok)
        })
        .eos(move |_sink| at_end.send(Event::OutputEnded).unwrap_or_default())
        .build();
    sink.set_callbacks(callbacks);
}

/// A sample is a list of buffers: `ftyp moov` alone in front once, then the boxes of one segment.
fn take_sample(sample: &gst::Sample, output: &mut Output) -> Result<(), MixError> {
    let Some(list) = sample.buffer_list_owned() else { return Ok(()) };
    let mut buffers = list.iter_owned().peekable();
    let header = gst::BufferFlags::HEADER | gst::BufferFlags::DISCONT;
    if let Some(init) = buffers.next_if(|buffer| buffer.flags().contains(header)) {
        let bytes = init.map_readable()?;
        output.handle_init(Bytes::copy_from_slice(&bytes))?;
    }
    let Some(first) = buffers.peek() else { return Ok(()) };
    let keyframe = !first.flags().contains(gst::BufferFlags::DELTA_UNIT);
    let mut segment = Vec::new();
    for buffer in buffers {
        segment.extend_from_slice(&buffer.map_readable()?);
    }
    output.handle_segment(segment.into(), keyframe)
}

fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
