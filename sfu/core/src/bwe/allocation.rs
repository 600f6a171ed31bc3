//! Which layer each subscription of one subscriber gets, so that all together stay below the estimate.

use std::num::NonZeroU32;

use super::Bitrate;
use crate::forward::Target;
use crate::receive::{EncodingIndex, MAX_ENCODINGS, MAX_TEMPORAL};

/// Who is served first when there is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Sound: always sent.
    Audio,
    /// A picture that the viewer's client has ranked itself; 1 comes first.
    Ranked(NonZeroU32),
    /// A shared screen.
    Screen,
    /// The camera of somebody who speaks, or spoke just now.
    Speaker,
    /// Another camera.
    Camera,
}

/// What one subscription would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// Order of service.
    pub priority: Priority,
    /// Rate of each encoding now up to each of its temporal layers, smallest first; zero for an encoding that
    /// is not sent, equal where a layer adds nothing.
    pub rates: [[Bitrate; MAX_TEMPORAL]; MAX_ENCODINGS],
    /// The largest encoding that the viewer has use for; `None`: nothing is wanted (hidden, paused).
    pub wanted: Option<EncodingIndex>,
    /// The highest temporal layer of each encoding that the viewer has use for; [`Target::ALL_TEMPORAL`] for all.
    pub temporal: [u8; MAX_ENCODINGS],
    /// What is sent now, for the hysteresis.
    pub current: Option<Target>,
    /// It may get nothing when there is not enough; otherwise its smallest layer goes whatever it costs.
    pub may_pause: bool,
    /// It may step up; see [`super::Climb`].
    pub may_step_up: bool,
}

/// The decision for one estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocation {
    /// Rate of everything that was chosen.
    pub used: Bitrate,
    /// What everything would take if each subscription had what it wants; probes aim at it.
    pub desired: Bitrate,
}

/// A step up must leave this much room, so that the next second does not take it back.
const STEP_UP_ROOM: f64 = 1.15;

/// What is sent already may fill the whole estimate: rates vary from second to second.
const STAY_ROOM: f64 = 0.95;

/// Share of the estimate that media may use; the rest is for retransmissions, RTCP and probes.
const MEDIA_SHARE: f64 = 0.95;

/// Chooses a layer for each demand; `chosen` is cleared and gets one entry for each, in their order.
///
/// Sound always goes. Then each screen and camera gets its smallest layer, in order of priority; then each is
/// raised step by step, in the same order. Between two encodings stands the larger one with fewer frames. A picture
/// whose smallest layer does not fit gets nothing: it would starve, and the sound with it. With `must_show` the
/// first picture goes all the same, because nothing else would tell what the path carries.
pub fn allocate(
    estimate: Bitrate,
    must_show: bool,
    demands: &[Demand],
    chosen: &mut Vec<Option<Target>>,
) -> Allocation {
    chosen.clear();
    chosen.resize(demands.len(), None);
    let budget = estimate.scaled(MEDIA_SHARE);
    let mut used = Bitrate::ZERO;
    let mut desired = Bitrate::ZERO;
    let mut must_show = must_show;
    let mut order: Vec<Priority> = demands.iter().map(|demand| demand.priority).collect();
    order.sort_unstable();
    order.dedup();
    for &priority in &order {
        for (demand, choice) in demands.iter().zip(chosen.iter_mut()).filter(|(d, _)| d.priority == priority)
        {
            let Some(lowest) = demand.steps().next() else { continue };
            desired.0 += demand.rate(demand.steps().last());
            let rate = demand.rate(Some(lowest));
            let fits = Bitrate(used.0 + rate).scaled(demand.room(lowest)) <= budget;
            let must = priority == Priority::Audio || std::mem::take(&mut must_show) || !demand.may_pause;
            if must || (fits && demand.may_take(lowest)) {
                *choice = Some(lowest);
                used.0 += rate;
            }
        }
    }
    for priority in order.into_iter().filter(|&priority| priority != Priority::Audio) {
        raise(priority, demands, chosen, budget, &mut used);
    }
    Allocation { used, desired }
}

/// Raises the demands of one priority in turns, so that all grow alike.
fn raise(
    priority: Priority,
    demands: &[Demand],
    chosen: &mut [Option<Target>],
    budget: Bitrate,
    used: &mut Bitrate,
) {
    loop {
        let mut raised = false;
        for (demand, choice) in demands.iter().zip(chosen.iter_mut()).filter(|(d, _)| d.priority == priority)
        {
            let Some(now) = *choice else { continue };
            let Some(next) = demand.steps().find(|&step| step > now) else { continue };
            let total = Bitrate(used.0 - demand.rate(Some(now)) + demand.rate(Some(next)));
            if total.scaled(demand.room(next)) <= budget && demand.may_take(next) {
                *choice = Some(next);
                *used = total;
                raised = true;
            }
        }
        if !raised {
            return;
        }
    }
}

impl Demand {
    /// True for a layer that is sent and wanted: only the bandwidth can stand in its way.
    #[must_use]
    pub fn could_have(&self, step: Target) -> bool {
        self.wanted.is_some_and(|wanted| step.encoding <= wanted)
            && step.temporal <= self.temporal[step.encoding.index()]
            && self.rates[step.encoding.index()][MAX_TEMPORAL - 1] > Bitrate::ZERO
    }

    /// Layers that are sent and wanted, smallest first. While nothing is sent (not yet, or muted): the current
    /// encoding, or the smallest.
    fn steps(&self) -> impl Iterator<Item = Target> {
        let wanted = self.wanted;
        let full = |place: usize| self.rates[place][MAX_TEMPORAL - 1];
        let nothing = (0..MAX_ENCODINGS).all(|place| full(place) == Bitrate::ZERO);
        let stand_in = self.current.map_or(0, |current| current.encoding.index());
        (0..MAX_ENCODINGS)
            .filter(move |&place| full(place) > Bitrate::ZERO || (nothing && place == stand_in))
            .filter_map(|place| u8::try_from(place).ok().map(EncodingIndex))
            .enumerate()
            // The smallest that is sent serves even a viewer who wanted a smaller one.
            .filter(move |&(order, step)| wanted.is_some_and(|wanted| step <= wanted || order == 0))
            .flat_map(move |(order, encoding)| self.temporal_steps(encoding, order == 0))
    }

    /// The base layer alone is 7 or 8 frames a second: only where nothing else fits.
    fn temporal_steps(&self, encoding: EncodingIndex, is_smallest: bool) -> impl Iterator<Item = Target> {
        let rates = self.rates[encoding.index()];
        let highest = Target { encoding, temporal: self.temporal[encoding.index()] };
        let partial = (0..MAX_TEMPORAL - 1)
            .filter(move |&layer| is_smallest || layer > 0)
            .filter(move |&layer| rates[layer] > Bitrate::ZERO && rates[layer] < rates[layer + 1])
            .filter_map(|layer| u8::try_from(layer).ok())
            .map(move |temporal| Target { encoding, temporal })
            .filter(move |&step| step < highest);
        partial.chain([highest])
    }

    fn room(&self, step: Target) -> f64 {
        if self.is_up(step) { STEP_UP_ROOM } else { STAY_ROOM }
    }

    fn is_up(&self, step: Target) -> bool {
        self.current.is_none_or(|current| step > current)
    }

    fn may_take(&self, step: Target) -> bool {
        self.may_step_up || !self.is_up(step)
    }

    fn rate(&self, step: Option<Target>) -> u64 {
        step.map_or(0, |step| {
            let temporal = usize::from(step.temporal).min(MAX_TEMPORAL - 1);
            self.rates[step.encoding.index()][temporal].0
        })
    }
}
