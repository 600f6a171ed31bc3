//! What others hold of a shard: a way to tell its thread something, and its figures.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::eventfd::EventFd;
use sfu_core::room::ConnectionId;
use sfu_core::room::admin::AdminError;
use sfu_core::room::message::Response;
use sfu_core::shard::admin::{AdminReply, AdminRequest};
use sfu_core::shard::mixer::LinkId;
use sfu_core::shard::{Command, ShardStats};
use sfu_signal::join::Entry;
use tokio::sync::{mpsc, oneshot};

/// The shard's thread is gone; only a shutdown or a bug ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the shard is not running")]
pub(crate) struct ShardGone;

/// What the thread is told.
pub(super) enum Message {
    /// Something for the state machine.
    Command(Command),
    /// A signal connection opens; words for it go there.
    Open(ConnectionId, mpsc::Sender<Response>),
    /// A signal connection is gone.
    Forget(ConnectionId),
    /// An administrator asks.
    Ask(AdminRequest, oneshot::Sender<Result<AdminReply, AdminError>>),
    /// A mixer's link opens; media and words for it go there.
    OpenLink(LinkId, link::SfuSender),
    /// A mixer's link is gone.
    ForgetLink(LinkId),
    /// End after everybody was told.
    Stop,
}

/// Speaks to a shard's thread.
#[derive(Clone)]
pub(crate) struct ShardHandle {
    pub(super) messages: SyncSender<Message>,
    pub(super) waker: Arc<EventFd>,
    pub(super) figures: Arc<Figures>,
}

/// What a shard tells the metrics.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) stats: Mutex<ShardStats>,
    pub(crate) sent_datagrams: AtomicU64,
    /// Datagrams of equal size to one peer that left together count once.
    pub(crate) sent_runs: AtomicU64,
    pub(crate) send_calls: AtomicU64,
    /// Turns of the loop.
    pub(crate) turns: AtomicU64,
    pub(crate) send_failures: AtomicU64,
    pub(crate) received_datagrams: AtomicU64,
    pub(crate) tcp_connections: AtomicU64,
    pub(crate) tcp_dropped: AtomicU64,
    pub(crate) words_dropped: AtomicU64,
}

impl ShardHandle {
    /// Gives a command to the shard, waiting for room.
    pub(crate) async fn send(&self, command: Command) -> Result<(), ShardGone> {
        self.push(Message::Command(command)).await
    }

    /// Opens a signal connection.
    pub(crate) async fn open_connection(
        &self,
        connection: ConnectionId,
        entry: Entry,
        words: mpsc::Sender<Response>,
    ) -> Result<(), ShardGone> {
        self.push(Message::Open(connection, words)).await?;
        let Entry { room, join, resume, requests, options, claims: _ } = entry;
        self.send(Command::Join { connection, room, join: Box::new(join), resume, options }).await?;
        for request in requests {
            self.send(Command::Request { connection, request: Box::new(request) }).await?;
        }
        Ok(())
    }

    /// Forgets a signal connection.
    pub(crate) async fn close_connection(&self, connection: ConnectionId) {
        let _ = self.push(Message::Forget(connection)).await;
    }

    /// Opens a mixer's link.
    pub(crate) async fn open_link(&self, link: LinkId, sender: link::SfuSender) -> Result<(), ShardGone> {
        self.push(Message::OpenLink(link, sender)).await
    }

    /// Forgets a mixer's link.
    pub(crate) async fn close_link(&self, link: LinkId) {
        let _ = self.push(Message::ForgetLink(link)).await;
    }

    /// Asks as an administrator.
    pub(crate) async fn ask(
        &self,
        request: AdminRequest,
    ) -> Result<Result<AdminReply, AdminError>, ShardGone> {
        let (reply, answer) = oneshot::channel();
        self.push(Message::Ask(request, reply)).await?;
        answer.await.map_err(|_| ShardGone)
    }

    /// Ends the thread after everybody was told.
    pub(crate) async fn stop(&self) {
        let _ = self.push(Message::Stop).await;
    }

    /// Its figures, at most a second old.
    pub(crate) fn figures(&self) -> &Figures {
        &self.figures
    }

    async fn push(&self, mut message: Message) -> Result<(), ShardGone> {
        loop {
            match self.messages.try_send(message) {
                Ok(()) => {
                    // A full counter means that the thread is woken anyway.
                    let _ = self.waker.write(1);
                    return Ok(());
                }
                Err(TrySendError::Disconnected(_)) => return Err(ShardGone),
                Err(TrySendError::Full(back)) => {
                    message = back;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
    }
}

pub(super) fn count(counter: &AtomicU64, by: usize) {
    counter.fetch_add(u64::try_from(by).unwrap_or(0), Ordering::Relaxed);
}
