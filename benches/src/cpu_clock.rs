//! Processor time of this thread: what a core spends, whatever else the machine does meanwhile.
#![allow(unsafe_code, reason = "the standard library has no clock of a thread's processor time")]

use std::time::Duration;

/// Processor time of the calling thread so far, user and system.
pub(crate) fn thread_cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the result; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}
