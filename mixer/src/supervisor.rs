//! A stage's child process: its start, its socket and its end.
//!
//! The socket pair's other end is the child's standard input; whoever sees end of file ends or replaces the
//! other. Decides nothing about what the messages mean or when to start again.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, mpsc};

use crate::child_protocol::{self, FromChild, ToChild};
use crate::config::ChildCommand;

/// What a child did.
#[derive(Debug)]
pub(crate) enum ChildEvent {
    /// It says something; media comes with the bytes of its file.
    Message(Box<FromChild>, Bytes),
    /// It is gone; nothing follows.
    Exited(String),
}

/// A running child. Dropping it closes its socket, at which it exits.
#[derive(Debug)]
pub(crate) struct RunningChild {
    pid: Option<u32>,
    orders: mpsc::Sender<ToChild>,
    events: mpsc::Receiver<ChildEvent>,
    kill: Arc<Notify>,
}

impl RunningChild {
    /// Starts a child. Call inside a tokio runtime.
    ///
    /// # Errors
    /// When the process cannot be made.
    pub(crate) fn spawn(command: &ChildCommand) -> std::io::Result<Self> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = Command::new(&command.program)
            .args(&command.args)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| is_inherited(name)))
            .envs(command.envs.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id();
        let (orders, for_child) = mpsc::channel(ORDERS);
        let (to_stage, events) = mpsc::channel(EVENTS);
        let kill = Arc::new(Notify::new());
        let socket = UnixStream::from_std(ours)?;
        tokio::spawn(drive(child, socket, for_child, to_stage, Arc::clone(&kill)));
        Ok(Self { pid, orders, events, kill })
    }

    /// Process id, `None` when it ended at once.
    #[must_use]
    pub(crate) fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Sends an order. One that a hung child does not read is dropped: the stall alarm ends such a child.
    pub(crate) fn order(&self, order: ToChild) {
        if self.orders.try_send(order).is_err() {
            tracing::warn!(pid = self.pid, "a mixer child does not read its orders");
        }
    }

    /// Ends it at once. [`ChildEvent::Exited`] follows.
    pub(crate) fn kill(&self) {
        self.kill.notify_one();
    }

    /// What it did next. After [`ChildEvent::Exited`] it waits for ever. Cancel safe.
    pub(crate) async fn event(&mut self) -> ChildEvent {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }
}

async fn drive(
    mut child: Child,
    socket: UnixStream,
    orders: mpsc::Receiver<ToChild>,
    events: mpsc::Sender<ChildEvent>,
    kill: Arc<Notify>,
) {
    let (read, write) = socket.into_split();
    let writing = tokio::spawn(write_orders(write, orders));
    let said = tokio::select! {
        said = read_messages(read, &events) => said,
        () = kill.notified() => "killed".to_owned(),
        () = events.closed() => "no longer wanted".to_owned(),
    };
    writing.abort();
    let exited = tokio::time::timeout(EXIT_PATIENCE, async {
        tokio::select! {
            status = child.wait() => Some(status),
            () = kill.notified() => None,
        }
    });
    let status = match exited.await {
        Ok(Some(status)) if said != "killed" => status,
        Ok(_) | Err(_) => {
            // An error says that it is gone already.
            let _ = child.start_kill();
            child.wait().await
        }
    };
    let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    // Nobody listens any more when the stage is gone.
    let _ = events.send(ChildEvent::Exited(format!("{said}; {status}"))).await;
}

/// Until the child closes its end; says why it ended.
async fn read_messages(mut socket: OwnedReadHalf, events: &mpsc::Sender<ChildEvent>) -> String {
    loop {
        match child_protocol::read_async(&mut socket).await {
            Ok(Some((message, bytes))) => {
                if events.send(ChildEvent::Message(Box::new(message), bytes)).await.is_err() {
                    return "no longer wanted".to_owned();
                }
            }
            Ok(None) => return "end of file".to_owned(),
            Err(error) => return error.to_string(),
        }
    }
}

/// Until the stage drops its end; then the child sees end of file.
async fn write_orders(mut socket: OwnedWriteHalf, mut orders: mpsc::Receiver<ToChild>) {
    while let Some(order) = orders.recv().await {
        let written = match child_protocol::encode(&order, 0) {
            Ok(frame) => socket.write_all(&frame).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = written {
            tracing::warn!(error, "a mixer child's socket does not take an order");
            return;
        }
    }
}

/// What a child may know of the service's environment. The rest holds keys of the bucket and of the API,
/// which a decoder that a hostile frame took over could read.
fn is_inherited(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    INHERITED.contains(&&*name) || INHERITED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Where programs, plug-ins and fonts are, and how to log.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "LANG",
    "LD_LIBRARY_PATH",
    "TMPDIR",
    "RUST_BACKTRACE",
    "DAIS_LOG",
    "DAIS_LOG_JSON",
    "DAIS_LOG_PII",
];
const INHERITED_PREFIXES: &[&str] = &["GST_", "LC_", "XDG_", "FONTCONFIG_"];

/// Orders are rare: start, scenes, stop.
const ORDERS: usize = 32;

/// Segments of one moment and a few lines; beyond it the child's own queue fills, which it reports.
const EVENTS: usize = 8;

/// Between the end of its socket and its exit a child only tears down its pipeline.
const EXIT_PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_learns_no_secret_from_the_environment() {
        for secret in ["DAIS_S3_SECRET_KEY", "DAIS_API_SECRET", "DAIS_DATABASE_URL", "AWS_SECRET_ACCESS_KEY"]
        {
            assert!(!is_inherited(OsStr::new(secret)), "{secret}");
        }
        assert!(is_inherited(OsStr::new("GST_PLUGIN_PATH")) && is_inherited(OsStr::new("DAIS_LOG")));
    }
}
