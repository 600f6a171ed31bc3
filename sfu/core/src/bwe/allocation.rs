//! Which layer each subscription of one subscriber gets, so that all together stay below the estimate.

use super::Bitrate;
use crate::receive::{EncodingIndex, MAX_ENCODINGS};

/// Who is served first when there is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Sound: always sent.
    Audio,
    /// A shared screen.
    Screen,
    /// A camera.
    Camera,
}

/// What one subscription would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// Order of service.
    pub priority: Priority,
    /// Rate of each encoding now, smallest first; zero for one that is not sent.
    pub rates: [Bitrate; MAX_ENCODINGS],
    /// The largest encoding that the viewer has use for; `None`: nothing is wanted (hidden, paused).
    pub wanted: Option<EncodingIndex>,
    /// What is sent now, for the hysteresis.
    pub current: Option<EncodingIndex>,
    /// It may get nothing when there is not enough; otherwise its smallest encoding goes whatever it costs.
    pub may_pause: bool,
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

/// Share of the estimate that media may use; the rest is for retransmissions, RTCP and probes.
const MEDIA_SHARE: f64 = 0.95;

/// Chooses an encoding for each demand; `chosen` is cleared and gets one entry for each, in their order.
///
/// Sound always goes. Then each screen and camera gets its smallest encoding, in order of priority; then each
/// is raised step by step, screens first. A camera whose smallest encoding does not fit gets nothing, except
/// that the first picture is always sent: a viewer sees at least one.
pub fn allocate(
    estimate: Bitrate,
    demands: &[Demand],
    chosen: &mut Vec<Option<EncodingIndex>>,
) -> Allocation {
    chosen.clear();
    chosen.resize(demands.len(), None);
    let budget = estimate.scaled(MEDIA_SHARE);
    let mut used = Bitrate::ZERO;
    let mut desired = Bitrate::ZERO;
    let mut first_picture = true;
    for priority in [Priority::Audio, Priority::Screen, Priority::Camera] {
        for (demand, choice) in demands.iter().zip(chosen.iter_mut()).filter(|(d, _)| d.priority == priority)
        {
            let Some(lowest) = demand.steps().next() else { continue };
            desired.0 += demand.rate(demand.highest());
            let rate = demand.rate(Some(lowest));
            let must = priority == Priority::Audio || std::mem::take(&mut first_picture) || !demand.may_pause;
            let room = if demand.current.is_none() { STEP_UP_ROOM } else { 1.0 };
            if must || Bitrate(used.0 + rate).scaled(room) <= budget {
                *choice = Some(lowest);
                used.0 += rate;
            }
        }
    }
    for priority in [Priority::Screen, Priority::Camera] {
        raise(priority, demands, chosen, budget, &mut used);
    }
    Allocation { used, desired }
}

/// Raises the demands of one priority in turns, so that all grow alike.
fn raise(
    priority: Priority,
    demands: &[Demand],
    chosen: &mut [Option<EncodingIndex>],
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
            let is_new = demand.current.is_none_or(|current| next > current);
            let room = if is_new { STEP_UP_ROOM } else { 1.0 };
            if total.scaled(room) <= budget {
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
    /// Encodings that are sent and wanted, smallest first. While nothing is sent (not yet, or muted): the
    /// current one, or the smallest.
    fn steps(&self) -> impl Iterator<Item = EncodingIndex> {
        let wanted = self.wanted;
        let nothing = self.rates.iter().all(|&rate| rate == Bitrate::ZERO);
        let stand_in = self.current.map_or(0, EncodingIndex::index);
        (0..MAX_ENCODINGS)
            .filter(move |&place| self.rates[place] > Bitrate::ZERO || (nothing && place == stand_in))
            .filter_map(|place| u8::try_from(place).ok().map(EncodingIndex))
            .enumerate()
            // The smallest that is sent serves even a viewer who wanted a smaller one.
            .filter(move |&(order, step)| wanted.is_some_and(|wanted| step <= wanted || order == 0))
            .map(|(_, step)| step)
    }

    fn highest(&self) -> Option<EncodingIndex> {
        self.steps().last()
    }

    fn rate(&self, step: Option<EncodingIndex>) -> u64 {
        step.and_then(|step| self.rates.get(step.index())).map_or(0, |rate| rate.0)
    }
}
