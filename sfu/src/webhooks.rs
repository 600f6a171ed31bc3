//! Webhooks: what rooms tell the world outside, to the configured receivers, as LiveKit sends it.
//!
//! It runs on a thread of its own and decides the order of work: a notice is in the journal before it is sent,
//! and a delivery is noted there after it. Which webhook goes when is [`queue`]'s decision, how one is sent is
//! [`post`]'s.
//!
//! ```text
//! shards ─notices─▶ journal (fsync) ─▶ queue ─attempts─▶ receivers
//!                       ▲                ▲──outcomes────────┘
//!                       └────settled─────┘
//! ```

mod post;
mod queue;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use journal::{Journal, Survives};
use sfu_core::room::notice::Notice;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::post::{Poster, SystemLookup};
use self::queue::{Attempt, Entry, Now, Outcome, Queue};
use crate::config::WebhookConfig;
use crate::service::StartError;

/// Notices that wait for the journal; a hall of 1,000 that empties at once is 3,000.
const WAITING_NOTICES: usize = 65_536;

/// Notices that share one fsync.
const BATCH: usize = 256;

/// A stopping server tries so long to deliver what is left; the rest waits in the journal.
const FAREWELL: Duration = Duration::from_secs(1);

/// A journal this much longer than what it says is written anew.
const MAX_WASTE_BYTES: u64 = 4 << 20;

/// What a shard says, and when it happened in UTC.
pub(crate) type Noted = (Box<Notice>, i64);

/// Counts for the metrics.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) delivered: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) given_up: AtomicU64,
    /// Notices that found the queue full.
    pub(crate) dropped: AtomicU64,
    /// Writes that the disk refused; those webhooks do not survive the process.
    pub(crate) journal_failures: AtomicU64,
    pub(crate) waiting: AtomicU64,
}

/// Takes the shards' notices.
#[derive(Clone)]
pub(crate) struct Outbox {
    notices: mpsc::Sender<Noted>,
    figures: Arc<Figures>,
}

impl Outbox {
    /// Takes one notice; never waits.
    pub(crate) fn push(&self, notice: Box<Notice>, unix_us: i64) {
        if self.notices.try_send((notice, unix_us)).is_err() {
            self.figures.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The thread that delivers; it ends when every [`Outbox`] is gone.
pub(crate) struct Webhooks {
    pub(crate) outbox: Outbox,
    pub(crate) figures: Arc<Figures>,
    pub(crate) thread: JoinHandle<()>,
}

/// Opens the journal and starts to deliver what it holds.
///
/// # Errors
/// When the journal cannot be opened or is damaged, or no thread or TLS is to be had.
pub(crate) fn start(config: WebhookConfig) -> Result<Webhooks, StartError> {
    let failed = |what: &'static str| move |source: anyhow::Error| StartError::Webhooks { what, source };
    let (journal, entries) = Journal::open(&config.journal).map_err(|error| {
        failed("journal")(anyhow::Error::from(error).context(config.journal.display().to_string()))
    })?;
    let queue = Queue::resume(&config.urls, config.limits.clone(), entries, Instant::now());
    let poster = Poster::new(config.keys, config.private_addresses, config.limits.timeout, SystemLookup)
        .map_err(|error| failed("client")(error.into()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed("runtime")(error.into()))?;
    let (notices, inbox) = mpsc::channel(WAITING_NOTICES);
    let figures = Arc::new(Figures::default());
    let courier = Courier { journal, queue, poster: Arc::new(poster), inbox, figures: Arc::clone(&figures) };
    // A thread of its own: an fsync may take long, and nobody else waits for it.
    let thread = std::thread::Builder::new().name("webhooks".to_owned());
    let thread = thread.spawn(move || runtime.block_on(courier.run()));
    let thread = thread.map_err(|error| failed("thread")(error.into()))?;
    let outbox = Outbox { notices, figures: Arc::clone(&figures) };
    Ok(Webhooks { outbox, figures, thread })
}

struct Courier {
    journal: Journal<Entry>,
    queue: Queue,
    poster: Arc<Poster>,
    inbox: mpsc::Receiver<Noted>,
    figures: Arc<Figures>,
}

impl Courier {
    async fn run(mut self) {
        let mut attempts = JoinSet::new();
        let mut batch = Vec::with_capacity(BATCH);
        // Until when a stopping server goes on.
        let mut farewell: Option<Instant> = None;
        loop {
            self.send_due(&mut attempts);
            self.compact();
            let waiting = self.queue.waiting().0;
            self.figures.waiting.store(u64::try_from(waiting).unwrap_or(u64::MAX), Ordering::Relaxed);
            if farewell.is_some_and(|until| waiting == 0 || Instant::now() >= until) {
                return;
            }
            let next = [self.queue.poll_timeout(), farewell].into_iter().flatten().min();
            // A receiver with all its places taken is due already; its next outcome comes first then.
            let next = next.map(|at| at.max(Instant::now() + SHORTEST_WAIT));
            let sleep = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                count = self.inbox.recv_many(&mut batch, BATCH), if farewell.is_none() => {
                    if count == 0 {
                        farewell = Some(Instant::now() + FAREWELL);
                    }
                    self.take(&mut batch);
                }
                Some(ended) = attempts.join_next() => {
                    if let Ok((attempt, outcome)) = ended {
                        self.on_outcome(&attempt, outcome);
                    }
                }
                () = sleep => {}
            }
        }
    }

    /// Makes notices durable, then lets them wait for their turn.
    fn take(&mut self, batch: &mut Vec<Noted>) {
        let now = now();
        let mut made = Vec::with_capacity(batch.len());
        for (notice, unix_us) in batch.drain(..) {
            let body = sfu_signal::webhook::body(&notice, &fresh_id(), unix_us);
            match self.queue.make(notice.room.name, body, now) {
                // Admitted at once, so that the bounds hold within a batch too; sent only after the write.
                Ok(webhook) => {
                    self.queue.admit(Arc::new(webhook.clone()), now.instant);
                    made.push(Entry::Queued(webhook));
                }
                Err(full) => {
                    self.figures.dropped.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(%full, "a webhook is lost");
                }
            }
        }
        self.write(&made, Survives::Machine);
    }

    fn send_due(&mut self, attempts: &mut JoinSet<(Attempt, Outcome)>) {
        let mut settled = Vec::new();
        while let Some(attempt) = self.queue.poll_attempt(now(), &mut settled) {
            let poster = Arc::clone(&self.poster);
            attempts.spawn(async move {
                let sent = poster.post(&attempt.url, &attempt.webhook.body).await;
                let outcome = match sent {
                    Ok(()) => Outcome::Accepted,
                    Err(error) => {
                        tracing::debug!(%error, room = attempt.webhook.room, "a webhook was not delivered");
                        Outcome::Failed
                    }
                };
                (attempt, outcome)
            });
        }
        if !settled.is_empty() {
            tracing::error!(
                count = settled.len(),
                "webhooks were given up: their receivers do not take them"
            );
        }
        self.figures.given_up.store(self.queue.given_up(), Ordering::Relaxed);
        self.write(&settled, Survives::Process);
    }

    fn on_outcome(&mut self, attempt: &Attempt, outcome: Outcome) {
        let count = match outcome {
            Outcome::Accepted => &self.figures.delivered,
            Outcome::Failed => &self.figures.failures,
        };
        count.fetch_add(1, Ordering::Relaxed);
        // Power loss may forget it: then the receiver gets the webhook twice, with the same id.
        if let Some(settled) = self.queue.handle_outcome(attempt, outcome, now()) {
            self.write(&[settled], Survives::Process);
        }
    }

    fn write(&mut self, entries: &[Entry], survives: Survives) {
        if !entries.is_empty()
            && let Err(error) = self.journal.append_all(entries, survives)
        {
            self.figures.journal_failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!(%error, "the journal of webhooks refuses");
        }
    }

    fn compact(&mut self) {
        let needed = u64::try_from(self.queue.waiting().1).unwrap_or(u64::MAX);
        if self.journal.len_bytes() > needed.saturating_mul(2).saturating_add(MAX_WASTE_BYTES)
            && let Err(error) = self.journal.replace(&self.queue.entries())
        {
            self.figures.journal_failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!(%error, "the journal of webhooks cannot be shortened");
        }
    }
}

fn now() -> Now {
    let unix_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Now { instant: Instant::now(), unix_s }
}

/// As LiveKit names its events.
fn fresh_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system's random source answers");
    format!("EV_{:032x}", u128::from_le_bytes(bytes))
}

/// A receiver whose places are all taken makes the loop turn no faster than this.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
