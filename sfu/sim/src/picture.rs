//! What a viewer's decoder and screen make of the packets of one picture track.
//!
//! A frame is shown when it is complete, the frames that it needs were shown, and its time has come. The time
//! comes after a delay that follows the lateness of the last seconds, as a browser's jitter buffer does.
//! Freezes are counted as the W3C defines them (webrtc-stats, `freezeCount`).

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use sfu_core::codec::Vp8Descriptor;

use crate::mark::Mark;

/// What a viewer saw of one track.
#[derive(Debug, Clone, Default)]
pub struct PictureStats {
    /// Frames shown.
    pub frames: u64,
    /// Keyframes among them.
    pub keyframes: u64,
    /// Freezes: a frame came later than max(3δ, δ + 150 ms) after its predecessor, δ being the mean of the
    /// last 30 intervals.
    pub freezes: u32,
    /// Their intervals together.
    pub frozen: Duration,
    /// Times of the frames, and their layer.
    pub shown: Vec<(Duration, u8)>,
    /// Changes of the layer.
    pub switches: Vec<Duration>,
    /// Frames that were shown without a frame that they need: a wrong rewrite, and always a defect.
    pub broken: u64,
}

pub(crate) struct Picture {
    began: Instant,
    frames: BTreeMap<u64, Frame>,
    newest_id: Option<u64>,
    /// Picture id of the last frame shown.
    last_id: Option<u64>,
    tl0: Option<u8>,
    /// The middle layer of the current group was shown.
    middle: Option<u8>,
    last_shown: Option<Instant>,
    intervals: VecDeque<Duration>,
    timing: Timing,
    /// True frame numbers shown of the current encoding, for the check.
    truth: (u8, VecDeque<u32>),
    due: Option<Instant>,
    waiting_since: Instant,
    /// The track stands still on purpose since then: muted or paused.
    is_paused: bool,
    stats: PictureStats,
}

struct Frame {
    descriptor: Vp8Descriptor,
    mark: Mark,
    time: u32,
    packets: BTreeMap<u64, ()>,
    first: Option<u64>,
    last: Option<u64>,
    complete_at: Option<Instant>,
}

impl Frame {
    fn is_complete(&self) -> bool {
        match (self.first, self.last) {
            (Some(first), Some(last)) => last >= first && self.packets.len() as u64 == last - first + 1,
            _ => false,
        }
    }
}

/// A browser asks for a keyframe after so long without one at the start, and after so long without a frame.
const ASK_FIRST: Duration = Duration::from_millis(200);
const ASK_AGAIN: Duration = Duration::from_secs(3);
const MEAN_OF: usize = 30;

impl Picture {
    pub(crate) fn new(began: Instant, now: Instant) -> Self {
        Self {
            began,
            frames: BTreeMap::new(),
            newest_id: None,
            last_id: None,
            tl0: None,
            middle: None,
            last_shown: None,
            intervals: VecDeque::new(),
            timing: Timing::default(),
            truth: (0, VecDeque::new()),
            due: None,
            waiting_since: now,
            is_paused: false,
            stats: PictureStats::default(),
        }
    }

    pub(crate) fn stats(&self) -> &PictureStats {
        &self.stats
    }

    /// The server said that it pauses the track or goes on with it, or its publisher muted it.
    pub(crate) fn set_paused(&mut self, paused: bool, now: Instant) {
        if std::mem::replace(&mut self.is_paused, paused) && !paused {
            self.last_shown = None;
            self.waiting_since = now;
        }
    }

    /// Takes a packet; the payload without padding is not empty.
    pub(crate) fn handle(&mut self, now: Instant, index: u64, (time, marker): (u32, bool), payload: &[u8]) {
        let Some(descriptor) = Vp8Descriptor::parse(payload) else { return };
        let (Some(id), Some(mark)) =
            (descriptor.picture_id, Mark::read(&payload[usize::from(descriptor.len) + 1..]))
        else {
            return;
        };
        let id = self.unwrap_id(id.number());
        if self.last_id.is_some_and(|last| id <= last) {
            return;
        }
        let frame = self.frames.entry(id).or_insert_with(|| Frame {
            descriptor,
            mark,
            time,
            packets: BTreeMap::new(),
            first: None,
            last: None,
            complete_at: None,
        });
        frame.packets.insert(index, ());
        if descriptor.starts_frame {
            frame.first = Some(index);
            frame.descriptor = descriptor;
        }
        if marker {
            frame.last = Some(index);
        }
        if frame.complete_at.is_none() && frame.is_complete() {
            frame.complete_at = Some(now);
            let time = frame.time;
            self.timing.add(now - self.began, time);
        }
        while self.frames.len() > 600 {
            self.frames.pop_first();
        }
    }

    /// Shows what is due; true when the viewer asks for a keyframe.
    pub(crate) fn turn(&mut self, now: Instant) -> bool {
        self.due = None;
        while let Some((id, at)) = self.next_frame(now) {
            if at > now {
                self.due = Some(at);
                break;
            }
            self.show(id, now);
        }
        if self.is_paused {
            self.waiting_since = now;
            return false;
        }
        let patience = if self.last_id.is_none() { ASK_FIRST } else { ASK_AGAIN };
        if now.saturating_duration_since(self.waiting_since) < patience {
            return false;
        }
        self.waiting_since = now;
        true
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let patience = if self.last_id.is_none() { ASK_FIRST } else { ASK_AGAIN };
        [self.due, Some(self.waiting_since + patience)].into_iter().flatten().min()
    }

    /// Ends the count: a picture that stands still at the end is frozen, too.
    pub(crate) fn finish(&mut self, now: Instant) {
        if !self.is_paused {
            self.count_interval(now);
        }
    }

    fn next_frame(&self, now: Instant) -> Option<(u64, Instant)> {
        let (&id, frame) = self.frames.iter().find(|(_, frame)| self.can_be_shown(frame))?;
        let time = self.timing.time_of(frame.time).map_or(now, |at| self.began + at);
        Some((id, time))
    }

    /// What a decoder knows: TL0PICIDX and the layers' rules (RFC 7741 §4.2).
    fn can_be_shown(&self, frame: &Frame) -> bool {
        if frame.complete_at.is_none() {
            return false;
        }
        let Some(tl0) = frame.descriptor.tl0_picture else { return false };
        if frame.mark.is_key {
            return true;
        }
        let Some(last) = self.tl0 else { return false };
        match frame.descriptor.temporal {
            0 => tl0 == last.wrapping_add(1),
            _ if frame.descriptor.layer_sync => tl0 == last,
            _ => tl0 == last && self.middle == Some(tl0),
        }
    }

    fn show(&mut self, id: u64, now: Instant) {
        let Some(frame) = self.frames.remove(&id) else { return };
        self.frames = self.frames.split_off(&id);
        self.last_id = Some(id);
        let tl0 = frame.descriptor.tl0_picture;
        match frame.descriptor.temporal {
            0 => (self.tl0, self.middle) = (tl0, None),
            1 => self.middle = tl0,
            _ => {}
        }
        self.check(&frame.mark);
        self.count_interval(now);
        self.last_shown = Some(now);
        self.waiting_since = now;
        self.stats.frames += 1;
        self.stats.keyframes += u64::from(frame.mark.is_key);
        let at = now - self.began;
        if self.stats.shown.last().is_some_and(|&(_, layer)| layer != frame.mark.layer) {
            self.stats.switches.push(at);
        }
        self.stats.shown.push((at, frame.mark.layer));
    }

    /// Compares with what the encoder knows.
    fn check(&mut self, mark: &Mark) {
        let (layer, shown) = &mut self.truth;
        if mark.is_key {
            (*layer, *shown) = (mark.layer, VecDeque::new());
        }
        let has = |need: &u32| shown.contains(need);
        if *layer != mark.layer || !mark.needs.iter().flatten().all(has) {
            self.stats.broken += 1;
        }
        shown.push_back(mark.frame);
        if shown.len() > 64 {
            shown.pop_front();
        }
    }

    fn count_interval(&mut self, now: Instant) {
        let Some(last) = self.last_shown else { return };
        let interval = now - last;
        if !self.intervals.is_empty() {
            let mean = self.intervals.iter().sum::<Duration>() / u32::try_from(self.intervals.len()).unwrap();
            if interval > (3 * mean).max(mean + Duration::from_millis(150)) {
                self.stats.freezes += 1;
                self.stats.frozen += interval;
            }
        }
        self.intervals.push_back(interval);
        if self.intervals.len() > MEAN_OF {
            self.intervals.pop_front();
        }
    }

    fn unwrap_id(&mut self, id: u16) -> u64 {
        let Some(newest) = self.newest_id else {
            let first = u64::from(id) + (1 << 20);
            self.newest_id = Some(first);
            return first;
        };
        let step = i64::from((id.wrapping_sub((newest & 0x7fff) as u16) & 0x7fff) << 1) as i16 >> 1;
        let wide = newest.wrapping_add_signed(i64::from(step));
        self.newest_id = Some(newest.max(wide));
        wide
    }
}

/// When frames are shown: their own clock, moved by the shortest delay seen and by the recent lateness.
#[derive(Default)]
struct Timing {
    newest: Option<u64>,
    /// Arrival less media time, shortest of this and of the last period, in microseconds.
    base: [Option<i64>; 2],
    late: [i64; 2],
    since: Duration,
}

/// The lateness of one period counts for this one and the next.
const PERIOD: Duration = Duration::from_secs(5);
/// No browser waits longer in a conversation.
const LONGEST_MICROS: i64 = 500_000;

impl Timing {
    fn add(&mut self, now: Duration, time: u32) {
        let wide = self.unwrap_time(time);
        self.newest = Some(self.newest.map_or(wide, |newest| newest.max(wide)));
        if now - self.since > PERIOD {
            self.since = now;
            self.base = [None, self.base[0]];
            self.late = [0, self.late[0]];
        }
        let delay = i64::try_from(now.as_micros()).unwrap() - media_micros(wide);
        self.base[0] = Some(self.base[0].map_or(delay, |base| base.min(delay)));
        let late = (delay - self.shortest()).min(LONGEST_MICROS);
        self.late[0] = self.late[0].max(late);
    }

    fn time_of(&self, time: u32) -> Option<Duration> {
        self.newest?;
        let late = self.late[0].max(self.late[1]);
        let at = media_micros(self.unwrap_time(time)) + self.shortest() + late;
        Some(Duration::from_micros(u64::try_from(at).unwrap_or(0)))
    }

    fn shortest(&self) -> i64 {
        self.base.iter().flatten().min().copied().unwrap_or(0)
    }

    fn unwrap_time(&self, time: u32) -> u64 {
        let Some(newest) = self.newest else { return u64::from(time) + (1 << 32) };
        let low = u32::try_from(newest & 0xffff_ffff).unwrap();
        newest.wrapping_add_signed(i64::from(time.wrapping_sub(low).cast_signed()))
    }
}

fn media_micros(time: u64) -> i64 {
    i64::try_from(u128::from(time) * 1_000_000 / 90_000).unwrap()
}
