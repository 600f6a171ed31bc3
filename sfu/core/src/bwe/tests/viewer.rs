//! A viewer of one simulcast camera behind a path of `netem`.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use netem::{Link, LinkConfig, Packet, Rng};

use crate::bwe::{Bitrate, Bwe, BweConfig, Demand, Priority, SendKind, allocate};
use crate::forward::Target;
use crate::receive::EncodingIndex;
use crate::receive::arrivals::ArrivalRecorder;
use crate::rtcp::{self, RtcpPacket};
use crate::rtp::{SeqNo, Ssrc};

/// A numbered packet without content.
#[derive(Debug, Clone)]
struct Numbered {
    seq: u16,
    bytes: usize,
}

impl Packet for Numbered {
    fn size(&self) -> usize {
        self.bytes
    }

    fn flip(&mut self, _: usize) {}
}

/// A processor that does other things now and then, so that arrivals are looked at late.
#[derive(Debug, Default)]
struct Stalls {
    /// Longest time in each second.
    longest_us: u64,
    now: (u64, u64),
}

impl Stalls {
    /// When something that arrives now is looked at: at once, or after a stall.
    fn looked_at(&mut self, at_us: u64, rng: &mut Rng) -> u64 {
        if self.longest_us == 0 {
            return at_us;
        }
        if at_us >= self.now.1 {
            let start = self.now.1 + rng.below(1_000_000);
            self.now = (start, start + self.longest_us / 4 + rng.below(self.longest_us * 3 / 4));
        }
        if at_us >= self.now.0 { self.now.1.max(at_us) } else { at_us }
    }
}

/// One way of the feedback.
const DELAY_US: u64 = 25_000;

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
    link: Link<Numbered>,
    stalls: Stalls,
    rng: Rng,
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
    is_paused: bool,
}

const RATES: [Bitrate; 3] = [Bitrate::from_kbps(150), Bitrate::from_kbps(450), Bitrate::from_kbps(1_500)];
const SOUND: Bitrate = Bitrate::from_kbps(40);
const FRAME_US: u64 = 33_000;
const STEP_US: u64 = 1_000;
/// From the request to the keyframe.
const KEYFRAME_US: u64 = 100_000;
const PACKET: usize = 1_150;

impl Viewer {
    pub(in crate::bwe) fn new(start: Instant, path: LinkConfig, seed: u64) -> Self {
        Self {
            start,
            now_us: 0,
            link: Link::new(path, seed),
            stalls: Stalls::default(),
            rng: Rng::new(seed + 1_000),
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
            is_paused: false,
        }
    }

    pub(in crate::bwe) fn with_stalls(mut self, longest_us: u64) -> Self {
        self.stalls.longest_us = longest_us;
        self
    }

    pub(in crate::bwe) fn set_path(&mut self, path: LinkConfig) {
        self.link.set(path);
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

    /// Nothing is sent for a while, while what is on its way arrives.
    pub(in crate::bwe) fn pause(&mut self, time: Duration) {
        self.is_paused = true;
        self.run(time);
        self.is_paused = false;
    }

    pub(in crate::bwe) fn is_guess(&self) -> bool {
        self.bwe.is_guess(self.at(self.now_us))
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
        if self.is_paused {
            return;
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
        while let Some(packet) = self.link.poll(Duration::from_micros(self.now_us)) {
            let at = self.stalls.looked_at(self.now_us, &mut self.rng);
            self.arriving.insert((at, packet.seq), ());
        }
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
        let loses = match self.link.config().loss {
            netem::Loss::Uniform(share) => self.rng.happens(share),
            netem::Loss::None | netem::Loss::Bursts { .. } => self.link.config().is_down,
        };
        if !out.is_empty() && !loses {
            self.feedback.push_back((self.now_us + DELAY_US, out));
        }
    }

    fn allocate(&mut self, now: Instant) {
        let estimate = self.bwe.poll(now);
        let sound = [[SOUND; 3], [Bitrate::ZERO; 3], [Bitrate::ZERO; 3]];
        let demands = [
            Demand {
                priority: Priority::Audio,
                rates: sound,
                wanted: Some(EncodingIndex(0)),
                temporal: [Target::ALL_TEMPORAL; 3],
                current: Some(Target::encoding(EncodingIndex(0))),
                may_pause: true,
                may_step_up: true,
            },
            Demand {
                priority: Priority::Camera,
                rates: RATES.map(|rate| [rate; 3]),
                wanted: Some(EncodingIndex(2)),
                temporal: [Target::ALL_TEMPORAL; 3],
                current: self.layer.map(|layer| Target::encoding(EncodingIndex(layer))),
                may_pause: true,
                may_step_up: true,
            },
        ];
        let mut chosen = Vec::new();
        let allocation = allocate(estimate.bitrate, false, &demands, &mut chosen);
        self.bwe.set_desired(allocation.desired);
        let target = chosen[1].map(|target| target.encoding.0);
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
        let share = 60 + usize::try_from(self.rng.below(81)).unwrap();
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
        self.link.send(Duration::from_micros(self.now_us), Numbered { seq, bytes });
    }

    fn measure(&mut self) {
        if self.layer == Some(2) {
            self.count.high += Duration::from_micros(STEP_US);
        }
        let rate = self.link.config().bottleneck.map_or(u64::MAX / 12, |to| to.rate_bps);
        if self.bitrate().0 * 10 > rate * 12 {
            self.count.above += Duration::from_micros(STEP_US);
            self.count.longest_above = self.count.longest_above.max(self.count.above);
        } else {
            self.count.above = Duration::ZERO;
        }
    }
}
