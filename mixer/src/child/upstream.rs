//! Sends to the service: a bounded queue and the one thread that writes the socket.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;

use super::error::MixError;
use crate::child_protocol::{self, FromChild};

/// Messages that wait: at three segments each two seconds and a line each second, most of a minute of a
/// service that does not read.
const QUEUE: usize = 128;

/// Sends to the service, from any thread.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    queue: SyncSender<(FromChild, Bytes)>,
}

impl Upstream {
    /// Starts the writing thread; it ends when every sender is gone, with everything written.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn start(socket: UnixStream) -> Result<(Self, JoinHandle<()>), MixError> {
        let (queue, waiting) = sync_channel(QUEUE);
        let writer = std::thread::Builder::new().name("upstream".into());
        let writer = writer.spawn(move || write_all(socket, &waiting))?;
        Ok((Self { queue }, writer))
    }

    /// Queues one message; never blocks.
    ///
    /// # Errors
    /// When the service is gone or reads too slowly.
    pub(crate) fn send(&self, message: FromChild, payload: Bytes) -> Result<(), MixError> {
        self.queue.try_send((message, payload)).map_err(|error| match error {
            TrySendError::Full(_) => MixError::ServiceSlow,
            TrySendError::Disconnected(_) => MixError::ServiceGone,
        })
    }
}

fn write_all(mut socket: UnixStream, waiting: &Receiver<(FromChild, Bytes)>) {
    while let Ok((message, payload)) = waiting.recv() {
        if let Err(error) = child_protocol::write(&mut socket, &message, &payload) {
            tracing::error!(%error, "cannot write to the mixer service");
            return;
        }
    }
    // The service sees the end even while another thread still holds the socket for reading.
    socket.shutdown(Shutdown::Write).unwrap_or_default();
}
