//! Answers that stay good for a short while, shared by everybody who asks.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Values by key, each until its own moment.
#[derive(Debug)]
pub(crate) struct Cache<K, V>(Mutex<HashMap<K, Entry<V>>>);

#[derive(Debug)]
struct Entry<V> {
    put_at: Instant,
    good_until: Instant,
    value: V,
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    /// The value, while it is good.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.get_younger(key, Duration::MAX)
    }

    /// The value, while it is good and no older than this.
    pub(crate) fn get_younger(&self, key: &K, oldest: Duration) -> Option<V> {
        let now = Instant::now();
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(key)?;
        let good = now < entry.good_until && now.duration_since(entry.put_at) <= oldest;
        good.then(|| entry.value.clone())
    }

    /// Keeps a value for this long; a full cache keeps no new ones.
    pub(crate) fn put(&self, key: &K, value: V, good_for: Duration) {
        let now = Instant::now();
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST {
            entries.retain(|_, entry| now < entry.good_until);
        }
        if entries.len() < MOST {
            entries.insert(key.clone(), Entry { put_at: now, good_until: now + good_for, value });
        }
    }

    /// Forgets a value.
    pub(crate) fn remove(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Bounds memory.
const MOST: usize = 10_000;
