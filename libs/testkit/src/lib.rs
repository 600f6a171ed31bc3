//! Real servers, ports, folders and patience for tests.
//!
//! What is here starts a program as a person would, asks it whether it is ready, and ends it by its
//! process id, also when the test itself is killed. Nothing here imitates a service, and nothing here is
//! used outside tests.
//!
//! The calls block their thread: a test owns its thread, and shared servers outlive any one runtime.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub mod av_sync;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod s3;
pub mod wait;

pub use ports::free_port;
pub use postgres::Postgres;
pub use process::Process;
pub use s3::VersityGateway;
pub use tempfile::TempDir;
pub use wait::{eventually, wait_for};

/// A fresh folder under the system's temporary folder, removed when dropped.
///
/// # Panics
/// When the system's temporary folder takes no more folders.
#[must_use]
pub fn temp_dir() -> TempDir {
    tempfile::Builder::new().prefix("dais-test-").tempdir().expect("the temporary folder is writable")
}

/// A test that mixes pictures, encodes or keeps deadlines holds this while it runs: one of its process at a time.
#[must_use = "the next test begins when this is dropped"]
pub struct Alone(#[expect(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

/// Waits until no other test of this process is [`Alone`].
pub fn alone() -> Alone {
    static TURN: Mutex<()> = Mutex::new(());
    // A test that failed leaves nothing behind that the next one could see.
    Alone(TURN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Text of `bytes` random bytes in hexadecimal, for names and passwords of test servers.
///
/// # Panics
/// When the system's random source does not answer.
#[must_use]
pub fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0_u8; bytes];
    getrandom::fill(&mut buffer).expect("the system's random source answers");
    hex::encode(buffer)
}
