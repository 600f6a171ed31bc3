//! Answers that stay good for a moment, made once however many viewers ask for them.
//!
//! A thousand viewers of a live stage ask for the same playlists each second; the mixer and the database
//! are asked once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

type Slot<V> = Arc<tokio::sync::Mutex<Option<(Instant, V)>>>;

/// Values by name, each good for a fixed time. Who asks for one that is being made waits for it.
#[derive(Debug)]
pub(crate) struct Fresh<V> {
    lifetime: Duration,
    most: usize,
    slots: Mutex<HashMap<String, Slot<V>>>,
}

impl<V: Clone> Fresh<V> {
    /// Keeps at most `most` values for `lifetime`.
    pub(crate) fn new(lifetime: Duration, most: usize) -> Self {
        Self { lifetime, most, slots: Mutex::default() }
    }

    /// The value of a name, made when it is missing or too old. Failures are not kept.
    pub(crate) async fn get<E>(&self, name: &str, make: impl Future<Output = Result<V, E>>) -> Result<V, E> {
        // Over the bound nothing is kept: slower, but right.
        let Some(slot) = self.slot(name) else { return make.await };
        let mut held = slot.lock().await;
        if let Some((made, value)) = held.as_ref()
            && made.elapsed() < self.lifetime
        {
            return Ok(value.clone());
        }
        let value = make.await?;
        *held = Some((Instant::now(), value.clone()));
        Ok(value)
    }

    fn slot(&self, name: &str) -> Option<Slot<V>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(name) {
            return Some(Arc::clone(slot));
        }
        if slots.len() >= self.most {
            let lifetime = self.lifetime;
            slots.retain(|_, slot| match slot.try_lock() {
                Ok(held) => held.as_ref().is_some_and(|(made, _)| made.elapsed() < lifetime),
                // Being made right now.
                Err(_) => true,
            });
        }
        if slots.len() >= self.most {
            return None;
        }
        Some(Arc::clone(slots.entry(name.to_owned()).or_default()))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const LIFETIME: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn many_who_ask_at_once_get_one_value_and_later_ones_a_new_one() {
        let fresh = Fresh::new(LIFETIME, 10);
        let made = AtomicUsize::new(0);
        let ask = || {
            fresh.get("a", async {
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(made.fetch_add(1, Ordering::Relaxed))
            })
        };
        let answers = futures::future::join_all((0..50).map(|_| ask())).await;
        assert!(answers.iter().all(|answer| answer == &Ok(0)));
        tokio::time::sleep(LIFETIME).await;
        assert_eq!(ask().await, Ok(1));
    }

    #[tokio::test]
    async fn over_its_bound_it_keeps_nothing_and_still_answers() {
        let fresh = Fresh::new(LIFETIME, 2);
        for name in ["a", "b", "c"] {
            assert_eq!(fresh.get(name, async { Ok::<_, Infallible>(name) }).await, Ok(name));
        }
        assert!(!fresh.slots.lock().unwrap().contains_key("c"));
        tokio::time::sleep(LIFETIME).await;
        assert_eq!(fresh.get("c", async { Ok::<_, Infallible>("c") }).await, Ok("c"));
        assert_eq!(fresh.slots.lock().unwrap().len(), 1, "old ones make room");
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let fresh = Fresh::new(Duration::from_secs(60), 2);
        assert_eq!(fresh.get("a", async { Err::<u8, _>("down") }).await, Err("down"));
        assert_eq!(fresh.get("a", async { Ok::<_, &str>(1) }).await, Ok(1));
    }
}
