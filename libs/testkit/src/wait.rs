//! Waiting for something that is about to be true, by asking, never by a fixed sleep.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// Pause between two questions.
const PAUSE: Duration = Duration::from_millis(25);

/// Asks `question` until it answers `Ok`, for at most `patience`. Blocks the thread.
///
/// # Errors
/// The last answer, when patience ends.
pub fn wait_for<T>(what: &str, patience: Duration, mut question: impl FnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        match question() {
            Ok(answer) => return Ok(answer),
            Err(error) if Instant::now() >= deadline => {
                return Err(error.context(format!("{what}: not within {patience:?}")));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Asks `question` until it answers `Some`, for at most `patience`.
///
/// # Errors
/// When patience ends first.
pub async fn eventually<T>(
    what: &str,
    patience: Duration,
    mut question: impl AsyncFnMut() -> Option<T>,
) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = question().await {
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            return Err(anyhow!("{what}: not within {patience:?}"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
