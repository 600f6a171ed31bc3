//! ⑤ One track's decoder, added to and removed from the running mix. Called by the control thread only:
//! stopping an element joins its streaming thread, which would wait for itself inside a callback.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use bytes::Bytes;
use gst::prelude::*;
use wire::link::{Codec, TrackHandle};

use super::Event;
use super::error::MixError;
use super::pipeline::{ALLOWANCE, Mix, running_time};

/// Encoded frames that wait for the decoder at most: two seconds of video. The queue itself never drops,
/// because it might drop the keyframe.
const MAX_WAITING: u64 = 60;
/// Under this many it takes the next keyframe again.
const LOW_WAITING: u64 = 10;
/// For how long a frame stays on the picture when no other follows.
const LAST_FRAME: Duration = Duration::from_secs(2);

/// A decoder in the mix.
#[derive(Debug)]
pub(crate) struct Branch {
    bin: gst::Bin,
    input: gst_app::AppSrc,
    mixer: gst::Element,
    pad: gst::Pad,
    decoded: Arc<Decoded>,
    /// The decoder is behind: drop up to the next keyframe.
    skipping: bool,
}

/// What came out of the decoder.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// Running time of the last frame's decoding in nanoseconds; `u64::MAX` before the first.
    last_ns: AtomicU64,
    late: AtomicU64,
}

impl Decoded {
    /// When the last frame was decoded.
    pub(crate) fn last(&self) -> Option<Duration> {
        let ns = self.last_ns.load(Ordering::Relaxed);
        (ns != u64::MAX).then(|| Duration::from_nanos(ns))
    }

    /// Frames that were too late for the picture.
    pub(crate) fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The decoder has it.
    Taken,
    /// The decoder is too far behind; a keyframe must be asked for.
    Dropped,
}

impl Branch {
    /// Adds a decoder for `codec` to the running mix; its picture is hidden, its sound muted.
    ///
    /// # Errors
    /// When an element is missing or refuses; then nothing is added.
    pub(crate) fn add(
        mix: &Mix,
        track: TrackHandle,
        codec: Codec,
        events: &SyncSender<Event>,
    ) -> Result<Self, MixError> {
        let bin = gst::parse::bin_from_description(&description(codec), true)?;
        let input = bin.by_name("input").and_then(|input| input.downcast::<gst_app::AppSrc>().ok());
        let input = input.ok_or(MixError::NoElement("input"))?;
        let ghost = bin.static_pad("src").ok_or(MixError::NoElement("src"))?;
        let mixer = match codec {
            Codec::Opus => &mix.audiomixer,
            Codec::Vp8 | Codec::H264 => &mix.compositor,
        };
        let decoded = Arc::new(Decoded { last_ns: AtomicU64::new(u64::MAX), late: AtomicU64::new(0) });
        watch_decoded(&ghost, mix, Arc::clone(&decoded))?;
        watch_complaints(&input, track, events.clone())?;
        mix.pipeline.add(&bin)?;
        let Some(pad) = mixer.request_pad_simple("sink_%u") else {
            mix.pipeline.remove(&bin)?;
            return Err(MixError::NoElement("a free pad on the mixer"));
        };
        if codec == Codec::Opus {
            pad.set_property("mute", true);
        } else {
            pad.set_property("alpha", 0.0_f64);
            pad.set_property_from_str("sizing-policy", "keep-aspect-ratio");
            pad.set_property("max-last-buffer-repeat", nanos(LAST_FRAME));
        }
        let branch = Self { bin, input, mixer: mixer.clone(), pad, decoded, skipping: false };
        let linked = ghost.link(&branch.pad).map_err(|_| MixError::NoElement("a link to the mixer"));
        if let Err(error) = linked.and_then(|_| Ok(branch.bin.sync_state_with_parent()?)) {
            branch.remove(mix);
            return Err(error);
        }
        Ok(branch)
    }

    /// Hands a frame to the decoder.
    pub(crate) fn push(&mut self, pts: Duration, data: Bytes, keyframe: bool) -> Pushed {
        let waiting = self.input.current_level_buffers();
        if self.skipping && (!keyframe || waiting > LOW_WAITING) || waiting > MAX_WAITING {
            self.skipping = true;
            return Pushed::Dropped;
        }
        self.skipping = false;
        let mut buffer = gst::Buffer::from_slice(data);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::try_from(pts).unwrap_or_default());
            if !keyframe {
                buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
        }
        match self.input.push_buffer(buffer) {
            Ok(_) => Pushed::Taken,
            // It is being removed, or its decoder failed and the bus says so.
            Err(_) => Pushed::Dropped,
        }
    }

    /// The mixer's pad.
    pub(crate) fn pad(&self) -> &gst::Pad {
        &self.pad
    }

    /// What came out of the decoder.
    pub(crate) fn decoded(&self) -> &Decoded {
        &self.decoded
    }

    /// A message of the pipeline comes from inside this branch.
    pub(crate) fn owns(&self, source: &gst::Object) -> bool {
        source == self.bin.upcast_ref::<gst::Object>() || source.has_as_ancestor(&self.bin)
    }

    /// Takes it out of the running mix.
    pub(crate) fn remove(self, mix: &Mix) {
        if let Some(ghost) = self.bin.static_pad("src") {
            // It is not linked when adding failed half-way.
            ghost.unlink(&self.pad).unwrap_or_default();
        }
        // Releasing flushes the pad, which frees a streaming thread that waits in the mixer.
        self.mixer.release_request_pad(&self.pad);
        if let Err(error) = self.bin.set_state(gst::State::Null) {
            tracing::warn!(%error, "a decoder does not stop");
        }
        if let Err(error) = mix.pipeline.remove(&self.bin) {
            tracing::warn!(%error, "a decoder cannot be removed");
        }
    }
}

fn description(codec: Codec) -> String {
    let input = format!(
        "appsrc name=input is-live=true format=time do-timestamp=false min-latency={} max-time=0 max-bytes=0 \
         max-buffers=0",
        ALLOWANCE.as_nanos()
    );
    let raw = "queue max-size-buffers=3 max-size-bytes=0 max-size-time=0";
    match codec {
        Codec::Opus => format!(
            "{input} caps=audio/x-opus,channel-mapping-family=0,channels=2,rate=48000 ! opusdec plc=true ! \
             audioconvert ! audioresample ! audio/x-raw,format=F32LE,rate=48000,channels=2,layout=interleaved \
             ! queue"
        ),
        Codec::Vp8 => format!("{input} caps=video/x-vp8 ! vp8dec threads=1 ! {raw}"),
        Codec::H264 => format!(
            "{input} caps=video/x-h264,stream-format=byte-stream,alignment=au ! avdec_h264 max-threads=1 ! {raw}"
        ),
    }
}

fn watch_decoded(ghost: &gst::Pad, mix: &Mix, decoded: Arc<Decoded>) -> Result<(), MixError> {
    let clock = mix.clock.clone();
    let probe = move |pad: &gst::Pad, info: &mut gst::PadProbeInfo<'_>| {
        let now = clock.now();
        decoded.last_ns.store(nanos(now), Ordering::Relaxed);
        let due = info.buffer().and_then(|buffer| running_time(pad, buffer));
        if due.is_some_and(|due| now > due + ALLOWANCE) {
            decoded.late.fetch_add(1, Ordering::Relaxed);
        }
        gst::PadProbeReturn::Ok
    };
    ghost.add_probe(gst::PadProbeType::BUFFER, probe).ok_or(MixError::NoElement("a probe on a decoder"))?;
    Ok(())
}

/// A decoder that cannot go on asks upstream for a keyframe.
fn watch_complaints(
    input: &gst_app::AppSrc,
    track: TrackHandle,
    events: SyncSender<Event>,
) -> Result<(), MixError> {
    let pad = input.static_pad("src").ok_or(MixError::NoElement("src"))?;
    let probe = move |_pad: &gst::Pad, info: &mut gst::PadProbeInfo<'_>| {
        if info.event().is_some_and(|event| gst_video::UpstreamForceKeyUnitEvent::parse(event).is_ok()) {
            // A full queue of events has worse troubles; the decoder will complain again.
            events.try_send(Event::DecoderLost(track)).unwrap_or_default();
        }
        gst::PadProbeReturn::Ok
    };
    pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, probe)
        .ok_or(MixError::NoElement("a probe on an input"))?;
    Ok(())
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
