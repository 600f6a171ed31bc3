//! A path with a bottleneck, a queue, loss and jitter, and a viewer of one simulcast camera behind it.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::bwe::{Bitrate, Bwe, BweConfig, Demand, Priority, SendKind, allocate};
use crate::receive::EncodingIndex;
use crate::receive::arrivals::ArrivalRecorder;
use crate::rtcp::{self, RtcpPacket};
use crate::rtp::{SeqNo, Ssrc};

/// One direction; the other is only delayed.
pub(in crate::bwe) struct Link {
    rate: u64,
    loss_per_mille: u64,
    jitter_us: u64,
    /// Longest time in each second in which the viewer's processor does other things.
    stall_us: u64,
    stall: (u64, u64),
    rng: u64,
    /// When the bottleneck has sent what it holds.
    busy_until_us: u64,
    last_arrival_us: u64,
}

/// One way.
const DELAY_US: u64 = 25_000;
/// What the bottleneck's buffer holds.
const QUEUE_US: u64 = 300_000;
/// IP and UDP headers.
const OVERHEAD: u64 = 28;

impl Link {
    pub(in crate::bwe) fn new(rate: u64, seed: u64) -> Self {
        let rng = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self {
            rate,
            loss_per_mille: 0,
            jitter_us: 0,
            stall_us: 0,
            stall: (0, 0),
            rng,
            busy_until_us: 0,
            last_arrival_us: 0,
        }
    }

    pub(in crate::bwe) fn with_loss(mut self, per_mille: u64) -> Self {
        self.loss_per_mille = per_mille;
        self
    }

    pub(in crate::bwe) fn with_jitter(mut self, micros: u64) -> Self {
        self.jitter_us = micros;
        self
    }

    pub(in crate::bwe) fn with_stalls(mut self, micros: u64) -> Self {
        self.stall_us = micros;
        self
    }

    /// When something that arrives now is looked at: at once, or after a stall.
    fn looked_at(&mut self, at_us: u64) -> u64 {
        if self.stall_us == 0 {
            return at_us;
        }
        if at_us >= self.stall.1 {
            let start = self.stall.1 + self.below(1_000_000);
            self.stall = (start, start + self.stall_us / 4 + self.below(self.stall_us * 3 / 4));
        }
        if at_us >= self.stall.0 { self.stall.1.max(at_us) } else { at_us }
    }

    pub(in crate::bwe) fn set_rate(&mut self, rate: u64) {
        self.rate = rate;
    }

    pub(in crate::bwe) fn set_loss(&mut self, per_mille: u64) {
        self.loss_per_mille = per_mille;
    }

    pub(in crate::bwe) fn below(&mut self, limit: u64) -> u64 {
        self.rng ^= self.rng << 13;
        self.rng ^= self.rng >> 7;
        self.rng ^= self.rng << 17;
        self.rng % limit.max(1)
    }

    /// When a packet that is sent now arrives; `None`: never.
    fn send(&mut self, now_us: u64, bytes: u64) -> Option<u64> {
        let start = self.busy_until_us.max(now_us);
        if start - now_us > QUEUE_US {
            return None;
        }
        self.busy_until_us = start + (bytes + OVERHEAD) * 8_000_000 / self.rate;
        if self.below(1_000) < self.loss_per_mille {
            return None;
        }
        let arrival = self.busy_until_us + DELAY_US + self.below(self.jitter_us + 1);
        // Jitter delays; it does not reorder.
        let arrival = self.looked_at(arrival);
        self.last_arrival_us = self.last_arrival_us.max(arrival);
        Some(self.last_arrival_us)
    }
}

/// What happened since [`Viewer::start_count`].
#[derive(Debug, Clone, Default)]
pub(in crate::bwe) struct Count {
    /// Longest time with an estimate of more than 1.2 times the path's rate.
    pub(in crate::bwe) longest_above: Duration,
    pub(in crate::bwe) switches: u32,
    /// Time with the high layer.
    pub(in crate::bwe) high: Duration,
    above: Duration,
}

/// Sends the layers that the estimate allows, with sound, and reads the feedback.
pub(in crate::bwe) struct Viewer {
    start: Instant,
    now_us: u64,
    pub(in crate::bwe) link: Link,
    bwe: Bwe,
    next_seq: u16,
    recorder: ArrivalRecorder,
    arriving: BTreeMap<(u64, u16), ()>,
    feedback: VecDeque<(u64, Vec<u8>)>,
    layer: Option<u8>,
    /// A layer that waits for its keyframe, and when it comes.
    pending: Option<(u8, u64)>,
    reached: [Option<Duration>; 3],
    since: u64,
    count: Count,
}

const RATES: [Bitrate; 3] = [Bitrate::from_kbps(150), Bitrate::from_kbps(450), Bitrate::from_kbps(1_500)];
const SOUND: Bitrate = Bitrate::from_kbps(40);
const FRAME_US: u64 = 33_000;
const STEP_US: u64 = 1_000;
/// From the request to the keyframe.
const KEYFRAME_US: u64 = 100_000;
const PACKET: usize = 1_150;

impl Viewer {
    pub(in crate::bwe) fn new(start: Instant, link: Link) -> Self {
        Self {
            start,
            now_us: 0,
            link,
            bwe: Bwe::new(BweConfig::default()),
            next_seq: 65_000,
            recorder: ArrivalRecorder::default(),
            arriving: BTreeMap::new(),
            feedback: VecDeque::new(),
            layer: None,
            pending: None,
            reached: [None; 3],
            since: 0,
            count: Count::default(),
        }
    }

    pub(in crate::bwe) fn layer(&self) -> Option<u8> {
        self.layer
    }

    pub(in crate::bwe) fn bitrate(&self) -> Bitrate {
        self.bwe.bitrate()
    }

    /// Time until the estimator wants to be called without feedback, after it was called now.
    pub(in crate::bwe) fn time_to_timeout(&mut self) -> Option<Duration> {
        let now = self.at(self.now_us);
        self.bwe.poll(now);
        self.bwe.poll_timeout().map(|at| at.saturating_duration_since(now))
    }

    /// When a layer was first sent, since the start or [`Self::forget`].
    pub(in crate::bwe) fn reached(&self, layer: usize) -> Option<Duration> {
        self.reached[layer]
    }

    pub(in crate::bwe) fn forget(&mut self) {
        self.reached = [None; 3];
        self.since = self.now_us;
    }

    pub(in crate::bwe) fn start_count(&mut self) {
        self.count = Count::default();
    }

    pub(in crate::bwe) fn count(&self) -> Count {
        self.count.clone()
    }

    pub(in crate::bwe) fn run(&mut self, time: Duration) {
        let end = self.now_us + u64::try_from(time.as_micros()).unwrap();
        while self.now_us < end {
            self.now_us += STEP_US;
            self.step();
        }
    }

    fn at(&self, micros: u64) -> Instant {
        self.start + Duration::from_micros(micros)
    }

    fn step(&mut self) {
        let now = self.at(self.now_us);
        self.arrive();
        while self.feedback.front().is_some_and(|(at, _)| *at <= self.now_us) {
            let (_, bytes) = self.feedback.pop_front().unwrap();
            for packet in rtcp::packets(&bytes) {
                let RtcpPacket::TransportFeedback(feedback) = packet.unwrap() else { panic!() };
                self.bwe.on_feedback(now, &feedback);
            }
        }
        if self.now_us.is_multiple_of(5_000) {
            self.allocate(now);
        }
        if self.now_us.is_multiple_of(20_000) {
            self.send(SOUND.bytes_in(Duration::from_millis(20)), SendKind::Media);
        }
        if self.now_us.is_multiple_of(FRAME_US)
            && let Some(layer) = self.layer
        {
            self.send_frame(layer, 1);
        }
        self.measure();
    }

    /// Packets reach the viewer, which tells about them each 50 ms.
    fn arrive(&mut self) {
        while let Some((&(at, seq), ())) = self.arriving.first_key_value() {
            if at > self.now_us {
                break;
            }
            self.arriving.pop_first();
            self.recorder.record(self.at(at), SeqNo(seq), Ssrc(1));
        }
        let mut out = Vec::new();
        self.recorder.poll(self.at(self.now_us), Ssrc(2), &mut out);
        // Feedback is lost as often as media is.
        if !out.is_empty() && self.link.below(1_000) >= self.link.loss_per_mille {
            self.feedback.push_back((self.now_us + DELAY_US, out));
        }
    }

    fn allocate(&mut self, now: Instant) {
        let estimate = self.bwe.poll(now);
        let sound = [SOUND, Bitrate::ZERO, Bitrate::ZERO];
        let demands = [
            Demand {
                priority: Priority::Audio,
                rates: sound,
                wanted: Some(EncodingIndex(0)),
                current: Some(EncodingIndex(0)),
                may_pause: true,
            },
            Demand {
                priority: Priority::Camera,
                rates: RATES,
                wanted: Some(EncodingIndex(2)),
                current: self.layer.map(EncodingIndex),
                may_pause: true,
            },
        ];
        let mut chosen = Vec::new();
        let allocation = allocate(estimate.bitrate, &demands, &mut chosen);
        self.bwe.set_desired(allocation.desired);
        let target = chosen[1].map(|encoding| encoding.0);
        match target {
            Some(target) if self.layer != Some(target) => {
                if self.pending.is_none_or(|(layer, _)| layer != target) {
                    self.pending = Some((target, self.now_us + KEYFRAME_US));
                }
            }
            Some(_) | None => self.pending = None,
        }
        if let Some((layer, at)) = self.pending
            && at <= self.now_us
        {
            self.pending = None;
            self.layer = Some(layer);
            self.count.switches += 1;
            let since = Duration::from_micros(self.now_us - self.since);
            self.reached[usize::from(layer)].get_or_insert(since);
            // A keyframe is several times a usual frame.
            self.send_frame(layer, 4);
        }
        if let Some(probe) = estimate.probe {
            let mut left = probe.bytes;
            while left > 0 {
                let bytes = left.clamp(255, PACKET);
                self.send(bytes, SendKind::Probe);
                left = left.saturating_sub(bytes);
            }
        }
    }

    fn send_frame(&mut self, layer: u8, times: usize) {
        let frame = RATES[usize::from(layer)].bytes_in(Duration::from_micros(FRAME_US)) * times;
        // Pictures differ: 60 to 140 % of the mean.
        let share = 60 + usize::try_from(self.link.below(81)).unwrap();
        let mut left = frame * share / 100;
        while left > 0 {
            let bytes = left.min(PACKET);
            self.send(bytes, SendKind::Media);
            left -= bytes;
        }
    }

    fn send(&mut self, bytes: usize, kind: SendKind) {
        let seq = self.next_seq;
        self.next_seq = seq.wrapping_add(1);
        self.bwe.on_send(self.at(self.now_us), SeqNo(seq), bytes, kind);
        if let Some(arrival) = self.link.send(self.now_us, bytes as u64) {
            self.arriving.insert((arrival, seq), ());
        }
    }

    fn measure(&mut self) {
        if self.layer == Some(2) {
            self.count.high += Duration::from_micros(STEP_US);
        }
        if self.bitrate().0 * 10 > self.link.rate * 12 {
            self.count.above += Duration::from_micros(STEP_US);
            self.count.longest_above = self.count.longest_above.max(self.count.above);
        } else {
            self.count.above = Duration::ZERO;
        }
    }
}
