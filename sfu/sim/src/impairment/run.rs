//! Runs one row and measures what its viewers saw.

use std::time::Duration;

use super::profile::{EVENT, LOSS_ENDS, Profile, Row, STEP, STEPS_BPS};
use crate::{ClientConfig, ClientId, PictureStats, World};

/// Which path is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The speaker's.
    Up,
    /// The viewers'.
    Down,
}

/// What was measured; of several viewers the worst. Of row 12 only the others count.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Share of the time that the picture was frozen.
    pub frozen: f64,
    /// Freezes.
    pub freezes: u32,
    /// Frames per second.
    pub fps: f64,
    /// Share of sound that was made up.
    pub concealed: f64,
    /// Layer switches per minute, after the first ten seconds.
    pub switches: f64,
    /// Pauses for lack of bandwidth.
    pub pauses: u32,
    /// From the end of the blackout, or from the move, to the next frame; of row 14 from the join to the first
    /// one; of row 3 from the end of the loss to 90 % of the rate without loss. `None`: never, or no such thing in
    /// this row.
    pub back: Option<Duration>,
    /// Longest time from the start, or from a drop of the capacity, until nothing above the lowest layer is
    /// sent.
    pub settled: Option<Duration>,
    /// Of row 7: received rate as a share of the capacity (of what is sent at most, if that is less), in the
    /// second half of each step.
    pub use_of_capacity: Vec<f64>,
    /// The same as a share of the most that layers of fixed rates can fill of it.
    pub use_of_layers: Vec<f64>,
    /// 95th percentile of the wait at the bottleneck.
    pub queue: Duration,
    /// Longest time for which the wait stood above 150 ms after the capacity fell.
    pub overshoot: Duration,
    /// Most keyframe requests to the speaker within any second, of one encoding.
    pub keyframe_requests: usize,
    /// What the speaker's encodings sum up to at the end.
    pub sending_bps: u64,
    /// The layer of the last frame of each viewer.
    pub layers: Vec<Option<u8>>,
    /// Invariants that did not hold.
    pub violations: Vec<String>,
}

const LENGTH: Duration = Duration::from_secs(120);
/// Everybody has joined; measurements begin.
const WARM_UP: Duration = Duration::from_secs(10);
const VIEWERS: usize = 4;
/// Sound with redundancy on the wire.
const SOUND_BPS: f64 = 100_000.0;
/// Headers of RTP, SRTP, UDP and IP as a share of the picture.
const HEADERS: f64 = 1.06;
/// How long a rate must last to count as reached.
const RATE_OVER: Duration = Duration::from_secs(1);

/// Plays a row for two minutes.
#[must_use]
pub fn run(row: &Row, side: Side, seed: u64) -> Outcome {
    let profile = row.profile();
    let mut world = World::new(seed);
    let mut speaker = ClientConfig::speaker(1);
    if side == Side::Up {
        (speaker.up, speaker.down) = (profile.path, profile.path);
        speaker.is_tcp_only = profile.is_tcp_only;
    }
    let speaker = world.join(speaker);
    let viewers: Vec<_> = (0..VIEWERS)
        .map(|place| {
            let mut viewer = ClientConfig::listener(1);
            if side == Side::Down && (place == 0 || !profile.is_for_one) {
                (viewer.up, viewer.down) = (profile.path, profile.path);
                viewer.is_tcp_only = profile.is_tcp_only;
            }
            world.join(viewer)
        })
        .collect();
    let bad = match side {
        Side::Up => vec![speaker],
        Side::Down if profile.is_for_one => vec![viewers[0]],
        Side::Down => viewers.clone(),
    };
    for &client in &bad {
        world.follow(client, &profile.changes, &profile.changes);
    }
    let measured: Vec<_> = if profile.is_for_one { viewers[1..].to_vec() } else { viewers };
    let mut watch = Watch { speaker, bad: bad[0], side, ..Watch::default() };
    let mut again = None;
    while world.now() < LENGTH {
        world.run(Duration::from_millis(50));
        if profile.moves_at.is_some_and(|at| at == world.now()) {
            bad.iter().for_each(|&client| world.move_client(client));
        }
        if row.name == "10" && again.is_none() && world.now() >= EVENT + Duration::from_secs(45) {
            // The client's first attempt to connect that reaches the server.
            again = Some((world.join(ClientConfig::listener(1)), world.now()));
        }
        watch.look(&world);
    }
    world.finish();
    let mut outcome = watch.outcome(&world, row, &profile, &measured);
    if let Some((client, at)) = again {
        let shown = world.picture(client, speaker).and_then(|picture| picture.shown.first().copied());
        outcome.back = shown.map(|(shown, _)| shown - at);
    }
    outcome
}

/// Measurements on the way.
struct Watch {
    speaker: ClientId,
    bad: ClientId,
    side: Side,
    queues: Vec<Duration>,
    long_since: Option<Duration>,
    overshoot: Duration,
    /// Bytes that had arrived at the worst viewer, and what its queue's rate was, by time.
    arrived: Vec<(Duration, u64)>,
}

impl Default for Watch {
    fn default() -> Self {
        let nobody = ClientId(0);
        Self {
            speaker: nobody,
            bad: nobody,
            side: Side::Down,
            queues: Vec::new(),
            long_since: None,
            overshoot: Duration::ZERO,
            arrived: Vec::new(),
        }
    }
}

impl Watch {
    fn look(&mut self, world: &World) {
        let now = world.now();
        let (stats, queue) = match self.side {
            Side::Up => (world.up_stats(self.bad), world.up_queue(self.bad)),
            Side::Down => (world.down_stats(self.bad), world.down_queue(self.bad)),
        };
        self.arrived.push((now, stats.arrived_bytes + 28 * stats.arrived));
        if now < WARM_UP {
            return;
        }
        self.queues.push(queue);
        if queue > Duration::from_millis(150) {
            let since = *self.long_since.get_or_insert(now);
            self.overshoot = self.overshoot.max(now - since);
        } else {
            self.long_since = None;
        }
    }

    fn outcome(mut self, world: &World, row: &Row, profile: &Profile, measured: &[ClientId]) -> Outcome {
        let mut outcome = Outcome { overshoot: self.overshoot, fps: f64::INFINITY, ..Outcome::default() };
        for &viewer in measured {
            let seconds = (LENGTH - WARM_UP).as_secs_f64();
            match world.picture(viewer, self.speaker) {
                Some(picture) => {
                    let frozen = picture.frozen.as_secs_f64() / LENGTH.as_secs_f64();
                    outcome.frozen = outcome.frozen.max(frozen);
                    outcome.freezes = outcome.freezes.max(picture.freezes);
                    let frames = picture.shown.iter().filter(|(at, _)| *at >= WARM_UP).count();
                    outcome.fps = outcome.fps.min(frames as f64 / seconds);
                    let switches = picture.switches.iter().filter(|at| **at >= WARM_UP).count();
                    outcome.switches = outcome.switches.max(switches as f64 * 60.0 / seconds);
                    outcome.layers.push(picture.shown.last().map(|&(_, layer)| layer));
                    outcome.settled = outcome.settled.max(settled(picture));
                    outcome.back = outcome.back.max(back(row, profile, picture));
                }
                None => outcome.layers.push(None),
            }
            if let Some(sound) = world.sound(viewer, self.speaker) {
                let share = sound.concealed as f64 / sound.due.max(1) as f64;
                outcome.concealed = outcome.concealed.max(share);
            }
            outcome.pauses = outcome.pauses.max(world.pauses(viewer));
        }
        self.queues.sort_unstable();
        outcome.queue = self.queues.get(self.queues.len() * 95 / 100).copied().unwrap_or_default();
        if row.name == "3" {
            outcome.back = self.recovered();
        }
        if row.name == "7" {
            let steps = self.rates_of_steps().zip(STEPS_BPS);
            for (rate, capacity) in steps {
                let (capacity, full) = (capacity as f64, fill(self.side, f64::INFINITY));
                outcome.use_of_capacity.push(rate / capacity.min(full));
                outcome.use_of_layers.push(rate / fill(self.side, capacity));
            }
        }
        outcome.keyframe_requests = busiest_second(&world.keyframe_requests(self.speaker));
        outcome.sending_bps = world.sending(self.speaker);
        outcome.violations =
            world.violations().into_iter().map(|v| format!("{:?}: {}", v.at, v.what)).collect();
        outcome
    }

    /// Bits per second that arrived over the path between two times.
    fn rate(&self, from: Duration, to: Duration) -> f64 {
        let bytes_at = |time: Duration| {
            let place = self.arrived.partition_point(|(at, _)| *at < time);
            self.arrived.get(place).or(self.arrived.last()).map_or(0, |(_, bytes)| *bytes)
        };
        (bytes_at(to) - bytes_at(from)) as f64 * 8.0 / (to - from).as_secs_f64()
    }

    /// Of the second half of each step of row 7.
    fn rates_of_steps(&self) -> impl Iterator<Item = f64> {
        (0..4).map(|place| self.rate(STEP * place + STEP / 2, STEP * (place + 1)))
    }

    /// From the end of row 3's loss to 90 % of what a path without loss carries.
    fn recovered(&self) -> Option<Duration> {
        let full = fill(self.side, f64::INFINITY);
        let reached =
            |at: &Duration| *at >= LOSS_ENDS && self.rate(*at - RATE_OVER.min(*at), *at) >= 0.9 * full;
        let at = self.arrived.iter().map(|(at, _)| *at).find(reached)?;
        Some(at - LOSS_ENDS)
    }
}

/// The most that sound and layers of fixed rates fill of a path, in bits per second.
///
/// Down: one encoding, with all its frames or with those of the two lower temporal layers (60 %), for the frames
/// of the lowest alone are no picture. Up: encodings that grow from a least rate on, each if the ones below are full.
fn fill(side: Side, capacity: f64) -> f64 {
    let wire = |picture: f64| HEADERS * picture + SOUND_BPS;
    let fits = |picture: &f64| wire(*picture) <= capacity;
    let rates = [150_000.0, 450_000.0, 1_500_000.0];
    match side {
        Side::Down => {
            let steps = rates.iter().flat_map(|rate| [0.6 * rate, *rate]);
            steps.filter(fits).map(wire).fold(SOUND_BPS, f64::max)
        }
        Side::Up => {
            let below = rates[0] + rates[1];
            // As libwebrtc, the largest begins with 600 kb/s.
            let all = wire(below + rates[2]);
            if fits(&(below + 600_000.0)) { capacity.min(all) } else { capacity.min(wire(below)) }
        }
    }
}

/// When the last frame above the lowest layer was shown, if the lowest one came after it.
fn settled(picture: &PictureStats) -> Option<Duration> {
    picture.shown.iter().filter(|(_, layer)| *layer > 0).map(|(at, _)| *at).next_back()
}

fn back(row: &Row, profile: &Profile, picture: &PictureStats) -> Option<Duration> {
    let from = match (row.name, profile.moves_at) {
        ("9a" | "9b" | "9c", _) => profile.changes.last()?.0,
        ("14", _) => Duration::ZERO,
        (_, Some(at)) => at,
        _ => return None,
    };
    // The first frame that the viewer could not have had before.
    let next = picture.shown.iter().map(|(at, _)| *at).find(|at| *at > from)?;
    Some(next - from)
}

fn busiest_second(requests: &[(Duration, usize)]) -> usize {
    let within = |&(from, layer): &(Duration, usize)| {
        let near = |&&(at, other): &&(Duration, usize)| {
            other == layer && at >= from && at < from + Duration::from_secs(1)
        };
        requests.iter().filter(near).count()
    };
    requests.iter().filter(|(at, _)| *at >= WARM_UP).map(within).max().unwrap_or(0)
}
