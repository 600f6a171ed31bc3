//! Who is there right now, in memory: people in an event, viewers of a stage.
//!
//! Counts heartbeats; it does not decide who may send them. Lost on restart, and whole again one heartbeat
//! later.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ids::{EventId, PersonId, StageId};

/// Heartbeats of people.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    events: Heartbeats<EventId>,
    stages: Heartbeats<StageId>,
}

impl Presence {
    /// A person used their token.
    pub(crate) fn seen(&self, event: &EventId, person: &PersonId) {
        self.events.beat(event, person, Instant::now());
    }

    /// People seen in this event within the last minute.
    pub(crate) fn online(&self, event: &EventId) -> u32 {
        self.events.count(event, ONLINE, Instant::now())
    }

    /// A person watches this stage.
    pub(crate) fn watches(&self, stage: &StageId, person: &PersonId) {
        self.stages.beat(stage, person, Instant::now());
    }

    /// People who said within the last half minute that they watch this stage.
    pub(crate) fn viewers(&self, stage: &StageId) -> u32 {
        self.stages.count(stage, WATCHING, Instant::now())
    }
}

#[derive(Debug)]
struct Heartbeats<P>(Mutex<HashMap<P, HashMap<PersonId, Instant>>>);

impl<P> Default for Heartbeats<P> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<P: Clone + Eq + Hash> Heartbeats<P> {
    fn beat(&self, place: &P, person: &PersonId, now: Instant) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let people = places.entry(place.clone()).or_default();
        if people.len() >= MOST_PER_PLACE && !people.contains_key(person) {
            people.retain(|_, last| now.duration_since(*last) <= ONLINE);
            if people.len() >= MOST_PER_PLACE {
                return;
            }
        }
        people.insert(person.clone(), now);
    }

    fn count(&self, place: &P, within: Duration, now: Instant) -> u32 {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(people) = places.get_mut(place) else { return 0 };
        people.retain(|_, last| now.duration_since(*last) <= within);
        let count = u32::try_from(people.len()).unwrap_or(u32::MAX);
        if count == 0 {
            places.remove(place);
        }
        count
    }
}

/// Two missed heartbeats of fifteen seconds.
const WATCHING: Duration = Duration::from_secs(30);

const ONLINE: Duration = Duration::from_secs(60);

/// Bounds memory at about 10 MB per place; beyond it the count stands still.
const MOST_PER_PLACE: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_who_falls_silent_is_no_longer_counted() {
        let stages = Heartbeats::default();
        let (stage, start) = (StageId::from_bits(1), Instant::now());
        stages.beat(&stage, &PersonId::from_bits(1), start);
        stages.beat(&stage, &PersonId::from_bits(2), start + Duration::from_secs(20));
        stages.beat(&stage, &PersonId::from_bits(2), start + Duration::from_secs(21));
        assert_eq!(stages.count(&stage, WATCHING, start + Duration::from_secs(22)), 2);
        assert_eq!(stages.count(&stage, WATCHING, start + Duration::from_secs(45)), 1);
        assert_eq!(stages.count(&stage, WATCHING, start + Duration::from_secs(90)), 0);
    }
}
