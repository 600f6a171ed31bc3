//! The HTTP edge that every service shares: a listener that slow or silent clients cannot exhaust, and the one
//! form in which errors leave a service.
//!
//! It knows no route and no token.

mod listener;
mod problem;

pub use listener::{Limits, Listener, ListenerError, Tls};
pub use problem::{Problem, not_found};

/// Re-exported so that services name one version.
pub use tokio_util::sync::CancellationToken;
