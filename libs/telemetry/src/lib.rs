//! Logs and metrics: how they are written, not what is in them.
//!
//! Each service names its own metrics in one file and registers them here; `dais` serves them all at
//! `/metrics` in the OpenMetrics text format.

use std::fmt;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Sends log lines to standard error.
///
/// `filter` is in `tracing`'s directive language, such as `info,sfu=debug`; an unreadable one means `info`.
/// A second call changes nothing.
pub fn log_to_stderr(filter: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // Colours are for people at a terminal, not for files.
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // The error says that a subscriber is installed already.
    let _ = match format {
        LogFormat::Text => subscriber.compact().try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
}

/// A value that names a person or opens a door: an address, a token, a name. Logs show `Pii` and nothing
/// of it, unless the environment says `DAIS_LOG_PII=1`.
#[derive(Clone, Copy)]
pub struct Pii<T>(pub T);

impl<T: fmt::Display> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if std::env::var_os("DAIS_LOG_PII").is_some_and(|v| v == "1") {
            self.0.fmt(f)
        } else {
            f.write_str("Pii")
        }
    }
}

impl<T: fmt::Display> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The metrics of all services of this process.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Mutex<Registry>>);

impl Metrics {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a service register its metrics.
    pub fn register(&self, with: impl FnOnce(&mut Registry)) {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The OpenMetrics text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        let registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to a `String` does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::metrics::counter::Counter;

    #[test]
    fn a_registered_counter_is_rendered_by_its_name() {
        let metrics = Metrics::new();
        let packets = Counter::<u64>::default();
        metrics.register(|r| r.register("sfu_forwarded_packets", "RTP packets sent", packets.clone()));
        packets.inc_by(3);
        assert!(metrics.render().contains("sfu_forwarded_packets_total 3"));
    }

    #[test]
    fn a_name_stays_out_of_the_log() {
        assert_eq!(format!("{} {:?}", Pii("ada"), Pii("ada")), "Pii Pii");
    }
}
