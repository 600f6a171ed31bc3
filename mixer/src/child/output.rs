//! ⑧ Takes CMAF from a muxer and hands whole init and media segments to the service, numbered and dated.
//! Numbers come from the running clock, not from counting, so renditions cannot drift apart.

use std::time::Duration;

use bytes::Bytes;
use hls::fmp4;

use super::cut::Borders;
use super::error::MixError;
use super::upstream::Upstream;
use crate::child_protocol::{FromChild, Init, Segment, Start};

/// What one run's renditions have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunTime {
    /// The run.
    pub(crate) run: u32,
    /// Number of the run's first segment.
    pub(crate) first_segment: u64,
    /// Where segments begin.
    pub(crate) borders: Borders,
    /// UTC microseconds of running time zero, read once.
    pub(crate) wall_zero_us: i64,
    /// Media time of running time zero; whole milliseconds, so that no timescale rounds it.
    pub(crate) media_zero: Duration,
}

impl RunTime {
    /// Places a run that begins at the wall clock `wall_zero_us` on the stage's media time.
    pub(crate) fn new(start: &Start, wall_zero_us: i64) -> Self {
        let timeline = start.timeline;
        let by_clock = timeline.epoch_us.map_or(0, |epoch| u64::try_from(wall_zero_us - epoch).unwrap_or(0));
        let media_zero_ms = by_clock.max(timeline.resume_at_us).div_ceil(1_000);
        Self {
            run: start.run,
            first_segment: start.next_segment,
            borders: Borders::new(Duration::from_millis(start.segment_ms.into())),
            wall_zero_us,
            media_zero: Duration::from_millis(media_zero_ms),
        }
    }
}

/// One rendition's way to the service.
#[derive(Debug)]
pub(crate) struct Output {
    rendition: String,
    time: RunTime,
    upstream: Upstream,
    timescale: Option<u32>,
    next: u64,
}

impl Output {
    /// At the beginning of a run.
    pub(crate) fn new(rendition: String, time: RunTime, upstream: Upstream) -> Self {
        Self { rendition, time, upstream, timescale: None, next: 0 }
    }

    /// Takes the init segment (`ftyp moov`).
    ///
    /// # Errors
    /// When it cannot be read or the service does not take it.
    pub(crate) fn handle_init(&mut self, bytes: Bytes) -> Result<(), MixError> {
        let track = fmp4::read_init(&bytes).map_err(|error| self.problem(error))?;
        self.timescale = Some(track.timescale);
        let init = Init { rendition: self.rendition.clone(), run: self.time.run, codecs: track.codecs };
        self.upstream.send(FromChild::Init(init), bytes)
    }

    /// Takes one whole segment.
    ///
    /// # Errors
    /// When it cannot be read, is not the next in sequence, or the service does not take it.
    pub(crate) fn handle_segment(&mut self, bytes: Bytes, keyframe: bool) -> Result<(), MixError> {
        let timescale = self.timescale.ok_or_else(|| self.problem("media before the init segment"))?;
        let time = fmp4::read_segment(&bytes).map_err(|error| self.problem(error))?;
        let offset = ticks(time.decode_time, timescale);
        let running = offset.saturating_sub(self.time.media_zero);
        let index = self.time.borders.index(running);
        if index != self.next {
            return Err(self.problem(format!("segment {index} of the run came instead of {}", self.next)));
        }
        if !keyframe {
            return Err(self.problem(format!("segment {index} of the run begins without a keyframe")));
        }
        self.next += 1;
        let segment = Segment {
            rendition: self.rendition.clone(),
            run: self.time.run,
            number: self.time.first_segment + index,
            pdt_us: self
                .time
                .wall_zero_us
                .saturating_add(i64::try_from(running.as_micros()).unwrap_or(i64::MAX)),
            offset_us: micros(offset),
            duration_us: micros(time.length(timescale)),
            keyframe,
        };
        self.upstream.send(FromChild::Segment(segment), bytes)
    }

    fn problem(&self, problem: impl ToString) -> MixError {
        MixError::Output { rendition: self.rendition.clone(), problem: problem.to_string() }
    }
}

fn ticks(ticks: u64, timescale: u32) -> Duration {
    let ns = u128::from(ticks) * 1_000_000_000 / u128::from(timescale.max(1));
    Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child_protocol::{AudioRendition, Timeline};

    fn start(timeline: Timeline) -> Start {
        Start {
            link_addr: ([127, 0, 0, 1], 1).into(),
            link_identity: auth::link::LinkIdentity {
                ca_der: vec![],
                cert_chain_der: vec![],
                key_der: vec![],
            },
            room: String::new(),
            participant: String::new(),
            next_segment: 5,
            run: 2,
            timeline,
            video: vec![],
            audio: AudioRendition { name: "audio".into(), bitrate_bps: 96_000 },
            segment_ms: 2_000,
        }
    }

    #[test]
    fn the_first_run_begins_at_media_time_zero() {
        let time = RunTime::new(&start(Timeline::default()), 1_700_000_000_000_000);
        assert_eq!(time.media_zero, Duration::ZERO);
    }

    #[test]
    fn a_later_run_goes_on_where_the_wall_clock_is() {
        let timeline = Timeline { epoch_us: Some(1_000_000), resume_at_us: 4_000_000 };
        let time = RunTime::new(&start(timeline), 11_000_400);
        assert_eq!(time.media_zero, Duration::from_millis(10_001));
    }

    #[test]
    fn a_clock_that_stepped_back_does_not_make_runs_overlap() {
        let timeline = Timeline { epoch_us: Some(9_000_000), resume_at_us: 4_000_000 };
        let time = RunTime::new(&start(timeline), 8_000_000);
        assert_eq!(time.media_zero, Duration::from_secs(4));
    }
}
