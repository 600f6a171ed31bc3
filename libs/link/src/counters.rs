//! Counts of one connection; every drop on the link shows here.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Live counters of one connection, shared by its sender, receiver and tasks.
        #[derive(Debug, Default)]
        pub struct Counters { $(pub(crate) $name: AtomicU64,)* }

        /// The counters of one connection at one moment.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct CountersSnapshot { $($(#[$doc])* pub $name: u64,)* }

        impl Counters {
            /// Reads all of them.
            #[must_use]
            pub fn snapshot(&self) -> CountersSnapshot {
                CountersSnapshot { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// RTP packets handed to QUIC, datagrams and streams.
    rtp_sent,
    /// Of those, sent on a stream of their own.
    rtp_oversize_sent,
    /// Dropped before QUIC: the batch was full.
    rtp_dropped_batch_full,
    /// Dropped before QUIC: the path takes less than is sent.
    rtp_dropped_congested,
    /// Dropped before QUIC: too many oversize packets in flight, or far too large.
    rtp_dropped_oversize,
    /// RTP packets taken from QUIC.
    rtp_received,
    /// Received but dropped: the reader is too slow.
    rtp_dropped_reader_slow,
    /// Received but too short for a handle, or too long.
    rtp_malformed,
}

pub(crate) fn bump(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
