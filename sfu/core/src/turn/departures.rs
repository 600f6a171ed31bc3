//! Who left, so that its credentials open nothing more although they have not ended.

use std::collections::{HashMap, VecDeque};

/// People whose older credentials are void, each until those end by themselves.
#[derive(Debug, Default)]
pub(super) struct Departures {
    /// By name: credentials that end before this second of UTC are void.
    void_before: HashMap<String, i64>,
    /// The same, in the order in which they are forgotten.
    queue: VecDeque<(i64, String)>,
}

impl Departures {
    /// Takes a departure, and forgets those that are over by `now_unix` and the oldest of more than `most`.
    pub(super) fn note(&mut self, person: &str, void_before: i64, now_unix: i64, most: usize) {
        self.void_before.insert(person.to_owned(), void_before);
        self.queue.push_back((void_before, person.to_owned()));
        while self.queue.front().is_some_and(|(end, _)| *end <= now_unix) || self.queue.len() > most {
            let Some((end, person)) = self.queue.pop_front() else { return };
            // Who left again since then is remembered for that.
            if self.void_before.get(&person) == Some(&end) {
                self.void_before.remove(&person);
            }
        }
    }

    /// Whether this person left after it got credentials that end then.
    pub(super) fn void(&self, person: &str, expires_unix: i64) -> bool {
        self.void_before.get(person).is_some_and(|&end| expires_unix < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_departure_is_remembered_until_the_credentials_are_over_or_there_are_too_many() {
        let mut departures = Departures::default();
        departures.note("ada", 100, 40, 2);
        assert!(departures.void("ada", 99) && !departures.void("ada", 100) && !departures.void("bob", 1));
        departures.note("ada", 120, 60, 2);
        departures.note("bob", 130, 100, 2);
        assert!(departures.void("ada", 119), "the second departure outlasts the first");
        departures.note("cid", 140, 101, 2);
        assert!(!departures.void("ada", 119), "the oldest of three");
        departures.note("dan", 300, 200, 2);
        assert!(!departures.void("cid", 1) && departures.void("dan", 299));
        assert_eq!((departures.queue.len(), departures.void_before.len()), (1, 1));
    }
}
