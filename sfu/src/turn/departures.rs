//! Who left a room, from the shards' threads to the TURN server's.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::eventfd::EventFd;
use sfu_core::room::message::LeaveReason;
use sfu_core::room::notice::Notice;
use sfu_core::turn::Secret;

use super::Figures;

/// Departures that wait for the TURN server's thread: a large room closes at once.
const WAITING_DEPARTURES: usize = 8192;

/// Where a shard tells who left.
#[derive(Clone)]
pub(crate) struct Departures {
    sender: SyncSender<Departure>,
    waker: Arc<EventFd>,
    figures: Arc<Figures>,
    secret: Secret,
    lifetime: Duration,
}

/// Somebody left.
pub(super) struct Departure {
    /// The name in its usernames.
    pub(super) person: String,
    /// Credentials that it got before it left end before this second of UTC.
    pub(super) void_before: i64,
}

impl Departures {
    /// `lifetime` is that of credentials.
    pub(super) fn new(
        secret: Secret,
        lifetime: Duration,
        waker: Arc<EventFd>,
        figures: Arc<Figures>,
    ) -> (Self, Receiver<Departure>) {
        let (sender, receiver) = sync_channel(WAITING_DEPARTURES);
        (Self { sender, waker, figures, secret, lifetime }, receiver)
    }

    /// Passes on that somebody left, if the notice says so.
    ///
    /// By the clock by which credentials are issued: who joins again gets such that end no earlier.
    pub(crate) fn note(&self, notice: &Notice) {
        let Some(participant) = &notice.participant else { return };
        // Whose place somebody of the same identity took has not left: both share one name and one quota.
        if matches!(participant.left, None | Some(LeaveReason::DuplicateIdentity)) {
            return;
        }
        let person = self.secret.name_of(&[&notice.room.name, &participant.identity]);
        let end = SystemTime::now() + self.lifetime;
        let end = end.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let void_before = i64::try_from(end).unwrap_or(i64::MAX);
        if self.sender.try_send(Departure { person, void_before }).is_err() {
            self.figures.lost_departures.fetch_add(1, Ordering::Relaxed);
        }
        // A full counter means that the thread is woken anyway.
        let _ = self.waker.write(1);
    }
}
