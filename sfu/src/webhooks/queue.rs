//! Which webhook goes out when: in order per room and receiver, again after failures, never for ever.
//!
//! Pure: it gets the time and tells what to write into the journal; it opens no file and no socket.
//!
//! ```text
//! queued ──due──▶ in flight ──accepted──▶ settled
//!    ▲                │  └──kept too long──▶ settled (given up)
//!    └──back-off──────┘
//! ```

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::config::WebhookLimits;

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Entry {
    /// A webhook that receivers are owed.
    Queued(Webhook),
    /// A receiver has it, or is not owed it any more.
    Settled {
        /// Of the webhook.
        number: u64,
        /// The receiver.
        url: String,
    },
}

/// One webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Webhook {
    /// Grows with each one.
    pub(super) number: u64,
    /// Webhooks of one room keep their order.
    pub(super) room: String,
    /// Seconds since 1970 when it was queued.
    pub(super) queued_at_s: u64,
    /// Receivers.
    pub(super) to: Vec<String>,
    /// What is sent, byte for byte.
    pub(super) body: String,
}

/// One attempt to be made now.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    /// To whom.
    pub(super) url: Arc<str>,
    /// What.
    pub(super) webhook: Arc<Webhook>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The receiver has it.
    Accepted,
    /// It has not, or did not say so.
    Failed,
}

/// The moment of a call, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// For back-off.
    pub(super) instant: Instant,
    /// Seconds since 1970, for what survives a restart.
    pub(super) unix_s: u64,
}

/// As many webhooks wait as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many webhooks wait")]
pub(super) struct QueueFull;

/// All webhooks that somebody is still owed.
pub(super) struct Queue {
    limits: WebhookLimits,
    urls: Vec<Arc<str>>,
    last_number: u64,
    lanes: BTreeMap<LaneKey, Lane>,
    in_flight: HashMap<Arc<str>, usize>,
    /// Webhooks in all lanes together, and the bytes of their bodies.
    waiting: (usize, usize),
    /// Webhooks that were kept too long.
    given_up: u64,
}

/// Receiver and room.
type LaneKey = (Arc<str>, String);

/// What one receiver is owed of one room.
struct Lane {
    webhooks: VecDeque<Arc<Webhook>>,
    /// Failures of the first one in a row.
    failures: u32,
    state: LaneState,
}

enum LaneState {
    Waiting { until: Instant },
    InFlight,
}

impl Queue {
    /// Goes on with what a journal holds; webhooks for receivers that are no longer configured are dropped.
    pub(super) fn resume(urls: &[String], limits: WebhookLimits, entries: Vec<Entry>, now: Instant) -> Self {
        let mut queue = Self {
            limits,
            urls: urls.iter().map(|url| Arc::from(url.as_str())).collect(),
            last_number: 0,
            lanes: BTreeMap::new(),
            in_flight: HashMap::new(),
            waiting: (0, 0),
            given_up: 0,
        };
        let mut owed: BTreeMap<u64, Webhook> = BTreeMap::new();
        for entry in entries {
            match entry {
                Entry::Queued(webhook) => {
                    queue.last_number = queue.last_number.max(webhook.number);
                    owed.insert(webhook.number, webhook);
                }
                Entry::Settled { number, url } => {
                    if let Some(webhook) = owed.get_mut(&number) {
                        webhook.to.retain(|known| *known != url);
                    }
                }
            }
        }
        for mut webhook in owed.into_values() {
            webhook.to.retain(|url| urls.contains(url));
            queue.admit(Arc::new(webhook), now);
        }
        queue
    }

    /// Makes a webhook for every receiver. It counts once it is in the journal and [`Self::admit`]ted.
    ///
    /// # Errors
    /// [`QueueFull`].
    pub(super) fn make(&mut self, room: String, body: String, now: Now) -> Result<Webhook, QueueFull> {
        let (count, bytes) = self.waiting;
        if count + self.urls.len() > self.limits.events || bytes + body.len() > self.limits.bytes {
            return Err(QueueFull);
        }
        self.last_number += 1;
        let to = self.urls.iter().map(|url| url.to_string()).collect();
        Ok(Webhook { number: self.last_number, room, queued_at_s: now.unix_s, to, body })
    }

    /// Lets a webhook wait for its turn.
    pub(super) fn admit(&mut self, webhook: Arc<Webhook>, now: Instant) {
        for url in &webhook.to {
            let Some(url) = self.urls.iter().find(|known| ***known == **url) else { continue };
            let lane = self.lanes.entry((Arc::clone(url), webhook.room.clone())).or_insert_with(|| Lane {
                webhooks: VecDeque::new(),
                failures: 0,
                state: LaneState::Waiting { until: now },
            });
            lane.webhooks.push_back(Arc::clone(&webhook));
            self.waiting.0 += 1;
            self.waiting.1 += webhook.body.len();
        }
    }

    /// The next attempt; call until `None`. What was kept too long is settled on the way, into `settled`.
    pub(super) fn poll_attempt(&mut self, now: Now, settled: &mut Vec<Entry>) -> Option<Attempt> {
        self.give_up(now, settled);
        let places = self.limits.in_flight_per_receiver;
        let free = |url: &Arc<str>| self.in_flight.get(url).is_none_or(|count| *count < places);
        // The one that waits longest first, so that a busy room does not starve the others.
        let due = self.lanes.iter().filter_map(|(key, lane)| match lane.state {
            LaneState::Waiting { until } if until <= now.instant && free(&key.0) => Some((until, key)),
            LaneState::Waiting { .. } | LaneState::InFlight => None,
        });
        let key = due.min_by_key(|(until, _)| *until).map(|(_, key)| key.clone())?;
        let lane = self.lanes.get_mut(&key)?;
        let webhook = Arc::clone(lane.webhooks.front()?);
        lane.state = LaneState::InFlight;
        *self.in_flight.entry(Arc::clone(&key.0)).or_default() += 1;
        Some(Attempt { url: key.0, webhook })
    }

    /// How an attempt ended; the entry belongs into the journal.
    pub(super) fn handle_outcome(&mut self, attempt: &Attempt, outcome: Outcome, now: Now) -> Option<Entry> {
        if let Some(count) = self.in_flight.get_mut(&attempt.url) {
            *count -= 1;
        }
        let key = (Arc::clone(&attempt.url), attempt.webhook.room.clone());
        let lane = self.lanes.get_mut(&key)?;
        match outcome {
            Outcome::Accepted => {
                lane.failures = 0;
                lane.state = LaneState::Waiting { until: now.instant };
                self.wake(&attempt.url, now.instant);
                Some(self.settle(&key, &attempt.webhook))
            }
            Outcome::Failed => {
                let until = now.instant + back_off(lane.failures, attempt.webhook.number);
                lane.failures = lane.failures.saturating_add(1);
                lane.state = LaneState::Waiting { until };
                None
            }
        }
    }

    /// When [`Self::poll_attempt`] may have something new.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let waiting = self.lanes.values().filter_map(|lane| match lane.state {
            LaneState::Waiting { until } => Some(until),
            LaneState::InFlight => None,
        });
        waiting.min()
    }

    /// A journal that says the same in as few entries as can be.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let mut owed: BTreeMap<u64, Webhook> = BTreeMap::new();
        for ((url, _), lane) in &self.lanes {
            for webhook in &lane.webhooks {
                let entry = owed
                    .entry(webhook.number)
                    .or_insert_with(|| Webhook { to: Vec::new(), ..Webhook::clone(webhook) });
                entry.to.push(url.to_string());
            }
        }
        owed.into_values().map(Entry::Queued).collect()
    }

    /// Webhooks that wait, counted once per receiver, and the bytes of their bodies.
    pub(super) fn waiting(&self) -> (usize, usize) {
        self.waiting
    }

    /// Webhooks that were kept too long.
    pub(super) fn given_up(&self) -> u64 {
        self.given_up
    }

    /// A receiver that takes one webhook is back: its other rooms need not wait any longer.
    fn wake(&mut self, url: &Arc<str>, now: Instant) {
        for (_, lane) in self.lanes.iter_mut().filter(|((known, _), _)| known == url) {
            if let LaneState::Waiting { until } = &mut lane.state {
                *until = (*until).min(now);
            }
        }
    }

    fn give_up(&mut self, now: Now, settled: &mut Vec<Entry>) {
        let oldest = now.unix_s.saturating_sub(self.limits.retention.as_secs());
        let stale = self.lanes.iter().filter_map(|(key, lane)| {
            let waits = matches!(lane.state, LaneState::Waiting { .. });
            let first = lane.webhooks.front().filter(|first| waits && first.queued_at_s < oldest)?;
            Some((key.clone(), Arc::clone(first)))
        });
        let stale: Vec<_> = stale.collect();
        for (key, webhook) in stale {
            self.given_up += 1;
            settled.push(self.settle(&key, &webhook));
        }
    }

    fn settle(&mut self, key: &LaneKey, webhook: &Webhook) -> Entry {
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.webhooks.pop_front();
            self.waiting.0 -= 1;
            self.waiting.1 -= webhook.body.len();
            if lane.webhooks.is_empty() {
                self.lanes.remove(key);
            }
        }
        Entry::Settled { number: webhook.number, url: key.0.to_string() }
    }
}

/// 1, 2, 4 … seconds, at most ten minutes, each a little shifted, so that rooms do not come all at once.
fn back_off(failures: u32, number: u64) -> Duration {
    let base = FIRST_BACK_OFF.saturating_mul(1 << failures.min(16)).min(LONGEST_BACK_OFF);
    // Fibonacci hashing: neighbours differ.
    let share = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
    base + base.mul_f64(f64::from(u32::try_from(share).unwrap_or(0)) / 64.0)
}

const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "https://a.example/";
    const B: &str = "https://b.example/";

    struct Scene {
        queue: Queue,
        now: Now,
        journal: Vec<Entry>,
    }

    impl Scene {
        fn new(urls: &[&str], limits: WebhookLimits) -> Self {
            let now = Now { instant: Instant::now(), unix_s: 1_700_000_000 };
            Self::resume(urls, limits, Vec::new(), now)
        }

        fn resume(urls: &[&str], limits: WebhookLimits, journal: Vec<Entry>, now: Now) -> Self {
            let urls: Vec<String> = urls.iter().map(|&url| url.to_owned()).collect();
            Self { queue: Queue::resume(&urls, limits, journal.clone(), now.instant), now, journal }
        }

        fn push(&mut self, room: &str, body: &str) {
            let webhook = self.queue.make(room.to_owned(), body.to_owned(), self.now).unwrap();
            self.journal.push(Entry::Queued(webhook.clone()));
            self.queue.admit(Arc::new(webhook), self.now.instant);
        }

        fn attempts(&mut self) -> Vec<Attempt> {
            let mut settled = Vec::new();
            let attempts = std::iter::from_fn(|| self.queue.poll_attempt(self.now, &mut settled)).collect();
            self.journal.extend(settled);
            attempts
        }

        fn end(&mut self, attempt: &Attempt, outcome: Outcome) {
            self.journal.extend(self.queue.handle_outcome(attempt, outcome, self.now));
        }

        fn pass(&mut self, time: Duration) {
            self.now.instant += time;
            self.now.unix_s += time.as_secs();
        }
    }

    fn bodies(attempts: &[Attempt]) -> Vec<(&str, &str)> {
        attempts.iter().map(|attempt| (&*attempt.url, attempt.webhook.body.as_str())).collect()
    }

    #[test]
    fn a_room_waits_for_its_own_first_webhook_and_no_room_for_another() {
        let mut scene = Scene::new(&[A], WebhookLimits::default());
        for (room, body) in [("hall", "1"), ("hall", "2"), ("foyer", "3")] {
            scene.push(room, body);
        }
        let first = scene.attempts();
        let mut sorted = bodies(&first);
        sorted.sort_unstable();
        assert_eq!(sorted, [(A, "1"), (A, "3")]);
        let hall = first.iter().find(|attempt| attempt.webhook.room == "hall").unwrap();
        scene.end(hall, Outcome::Failed);
        assert!(scene.attempts().is_empty());
        scene.pass(Duration::from_millis(1300));
        let again = scene.attempts();
        assert_eq!(bodies(&again), [(A, "1")]);
        scene.end(&again[0], Outcome::Accepted);
        assert_eq!(bodies(&scene.attempts()), [(A, "2")]);
    }

    #[test]
    fn a_dead_receiver_is_tried_for_days_ever_more_rarely_and_then_given_up() {
        let mut scene = Scene::new(&[A], WebhookLimits::default());
        scene.push("hall", "1");
        let (start, mut tries, mut longest) = (scene.now, 0, Duration::ZERO);
        loop {
            for attempt in scene.attempts() {
                tries += 1;
                scene.end(&attempt, Outcome::Failed);
            }
            let Some(at) = scene.queue.poll_timeout() else { break };
            let wait = at - scene.now.instant;
            longest = longest.max(wait);
            scene.pass(wait.max(Duration::from_secs(1)));
        }
        let lived = scene.now.unix_s - start.unix_s;
        assert!((259_200..260_500).contains(&lived), "{lived} s");
        assert!((350..=450).contains(&tries), "{tries} attempts");
        assert!(longest <= Duration::from_secs(750), "{longest:?}");
        assert_eq!((scene.queue.given_up(), scene.queue.waiting()), (1, (0, 0)));
    }

    #[test]
    fn a_receiver_that_comes_back_gets_all_rooms_at_once() {
        let mut scene = Scene::new(&[A], WebhookLimits::default());
        for room in 0..5 {
            scene.push(&format!("room {room}"), "x");
        }
        for _ in 0..8 {
            for attempt in scene.attempts() {
                scene.end(&attempt, Outcome::Failed);
            }
            scene.pass(Duration::from_secs(200));
        }
        scene.push("fresh", "x");
        let first = scene.attempts();
        let fresh = first.iter().find(|attempt| attempt.webhook.room == "fresh").unwrap();
        scene.end(fresh, Outcome::Accepted);
        let rest: usize = first.len() - 1 + scene.attempts().len();
        assert_eq!(rest, 5);
    }

    #[test]
    fn a_dead_receiver_holds_up_no_other_one() {
        let limits = WebhookLimits { in_flight_per_receiver: 2, ..WebhookLimits::default() };
        let mut scene = Scene::new(&[A, B], limits);
        for room in 0..10 {
            scene.push(&format!("room {room}"), "x");
        }
        // Nothing is heard of the attempts at A; those at B succeed.
        let mut delivered = 0;
        loop {
            let attempts = scene.attempts();
            let to_b: Vec<_> = attempts.iter().filter(|attempt| *attempt.url == *B).collect();
            if to_b.is_empty() {
                break;
            }
            for attempt in to_b {
                delivered += 1;
                scene.end(attempt, Outcome::Accepted);
            }
        }
        assert_eq!(delivered, 10);
        assert_eq!(scene.queue.waiting().0, 10);
    }

    #[test]
    fn a_journal_cut_after_any_entry_loses_and_reorders_nothing() {
        let mut scene = Scene::new(&[A, B], WebhookLimits::default());
        for number in 0..6 {
            scene.push(if number % 2 == 0 { "hall" } else { "foyer" }, &number.to_string());
            for attempt in scene.attempts() {
                let outcome = if *attempt.url == *A { Outcome::Accepted } else { Outcome::Failed };
                scene.end(&attempt, outcome);
            }
        }
        for cut in 0..=scene.journal.len() {
            let known = scene.journal[..cut].to_vec();
            let owed = |entries: &[Entry], url: &str| -> Vec<u64> {
                let queued = entries.iter().filter_map(|entry| match entry {
                    Entry::Queued(webhook) => Some(webhook.number),
                    Entry::Settled { .. } => None,
                });
                let settled = |number: u64| entries.contains(&Entry::Settled { number, url: url.to_owned() });
                queued.filter(|number| !settled(*number)).collect()
            };
            for url in [A, B] {
                let mut again = Scene::resume(&[url], WebhookLimits::default(), known.clone(), scene.now);
                let mut got = Vec::new();
                loop {
                    let attempts = again.attempts();
                    if attempts.is_empty() {
                        break;
                    }
                    for attempt in &attempts {
                        got.push((attempt.webhook.room.clone(), attempt.webhook.number));
                        again.end(attempt, Outcome::Accepted);
                    }
                }
                for room in ["hall", "foyer"] {
                    let of_room = got.iter().filter(|(known, _)| known == room);
                    assert!(of_room.map(|(_, number)| number).is_sorted());
                }
                let mut numbers: Vec<_> = got.into_iter().map(|(_, number)| number).collect();
                numbers.sort_unstable();
                assert_eq!(numbers, owed(&known, url), "{url} after {cut} entries");
            }
        }
        let compact = scene.queue.entries();
        assert_eq!(compact.len(), scene.queue.waiting().0);
    }

    #[test]
    fn a_full_queue_refuses_and_takes_again_when_there_is_room() {
        let mut scene = Scene::new(&[A], WebhookLimits { events: 2, ..WebhookLimits::default() });
        scene.push("hall", "1");
        scene.push("hall", "2");
        assert_eq!(scene.queue.make("hall".to_owned(), "3".to_owned(), scene.now), Err(QueueFull));
        let attempts = scene.attempts();
        scene.end(&attempts[0], Outcome::Accepted);
        scene.push("hall", "3");
        let mut narrow = Scene::new(&[A], WebhookLimits { bytes: 3, ..WebhookLimits::default() });
        assert_eq!(narrow.queue.make("hall".to_owned(), "four".to_owned(), narrow.now), Err(QueueFull));
    }
}
