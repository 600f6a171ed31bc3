//! ① Keeps a link to the SFU: dials, dials again, and turns what comes into events. One thread with its own
//! small runtime; it understands no media.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use auth::link::LinkIdentity;
use link::{MixerSender, Received};
use tokio::signal::unix::SignalKind;
use wire::link::ToSfu;

use super::Event;
use super::error::MixError;

/// Pause before the link is dialled again, doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// An SFU that restarts is back within seconds; a mixer that asks twice a second disturbs nobody.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Whom to dial and how to say hello.
#[derive(Debug, Clone)]
pub(crate) struct Dial {
    /// The SFU.
    pub(crate) addr: std::net::SocketAddr,
    /// Keys.
    pub(crate) identity: LinkIdentity,
    /// First message.
    pub(crate) hello: ToSfu,
}

/// Starts the thread. It runs until the process ends or nobody takes the events. `dropped` counts packets for
/// which the control thread had no room.
///
/// # Errors
/// When no thread or runtime can be made.
pub(crate) fn start(dial: Dial, events: SyncSender<Event>, dropped: Arc<AtomicU64>) -> Result<(), MixError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name("uplink".into());
    thread.spawn(move || {
        runtime.block_on(async {
            outlive_signals();
            keep_up(&dial, &events, &dropped).await;
        });
    })?;
    Ok(())
}

/// Ctrl-C and a stop of the whole process group reach the child too. It must not end before its service has
/// asked for the last segments, and it ends with its service anyway: so it takes no notice.
fn outlive_signals() {
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        // Once installed, a handler stays for the life of the process.
        if let Err(error) = tokio::signal::unix::signal(kind) {
            tracing::warn!(%error, "a signal cannot be handled");
        }
    }
}

async fn keep_up(dial: &Dial, events: &SyncSender<Event>, dropped: &AtomicU64) {
    let mut pause = FIRST_PAUSE;
    loop {
        let reason = match link::Client::connect(dial.addr, &dial.identity).await {
            Ok(connection) => {
                let (sender, receiver) = connection.split();
                let greeted = sender.send(&dial.hello).map_err(|error| error.to_string());
                let before = std::time::Instant::now();
                let ended = match greeted {
                    Ok(()) => carry(sender, receiver, events, dropped).await,
                    Err(error) => Some(error),
                };
                let Some(reason) = ended else { return };
                if before.elapsed() > LONGEST_PAUSE {
                    pause = FIRST_PAUSE;
                }
                reason
            }
            Err(error) => error.to_string(),
        };
        if events.send(Event::LinkLost(reason)).is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Carries everything until the link ends: why. `None` when nobody takes the events any more.
async fn carry(
    sender: MixerSender,
    mut receiver: link::MixerReceiver,
    events: &SyncSender<Event>,
    dropped: &AtomicU64,
) -> Option<String> {
    events.send(Event::LinkUp(sender)).ok()?;
    loop {
        let event = match receiver.recv().await {
            Ok(Received::Message(message)) => {
                // Messages must not be lost; the control thread is at most some milliseconds behind.
                events.send(Event::Message(message)).ok()?;
                continue;
            }
            Ok(Received::Rtp(packet)) => Event::Rtp(packet),
            Err(error) => return Some(error.to_string()),
        };
        match events.try_send(event) {
            Ok(()) => {}
            // Packets are dropped rather than delayed: the jitter buffer sees a gap and asks for a keyframe.
            Err(TrySendError::Full(_)) => {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
            Err(TrySendError::Disconnected(_)) => return None,
        }
    }
}
