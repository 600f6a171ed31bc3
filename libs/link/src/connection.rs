//! One open link: a sender that any thread may use, a receiver for one task, and the tasks between them
//! and QUIC.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use wire::link::TrackHandle;

use crate::batch::Batch;
use crate::counters::{Counters, CountersSnapshot, bump};
use crate::error::{CloseCode, LinkError, SendError};
use crate::{framing, tls};

/// How long RTP is collected before it is handed over. 165 µs of CPU per datagram sent alone become
/// 11 µs in batches of 20; 5 ms are a sixth of a frame.
const BATCH_INTERVAL: Duration = Duration::from_millis(5);
/// Messages that wait for the stream.
const MESSAGE_QUEUE: usize = 256;
/// RTP packets that wait for the reader: about a second of a full stage.
const RTP_QUEUE: usize = 4096;
/// Longest RTP packet taken on a stream; UDP itself carries no more.
const MAX_RTP_BYTES: usize = 65_535;
/// How long a close waits for the last messages to be acknowledged.
const FAREWELL: Duration = Duration::from_secs(1);

/// An open link: sends `Tx` and RTP, receives `Rx` and RTP.
#[derive(Debug)]
pub struct Connection<Tx, Rx> {
    sender: Sender<Tx>,
    receiver: Receiver<Rx>,
}

/// Sends messages and RTP. Cheap to clone; usable from any thread, never blocks.
///
/// When the last clone is dropped, waiting messages are delivered and the connection closes.
#[derive(Debug)]
pub struct Sender<Tx> {
    messages: mpsc::Sender<Outgoing>,
    batch: Arc<Batch>,
    shared: Arc<Shared>,
    sends: PhantomData<fn(Tx)>,
}

/// Receives messages and RTP. Dropping it stops the reading; the sender lives on.
#[derive(Debug)]
pub struct Receiver<Rx> {
    messages: mpsc::Receiver<Result<Rx, LinkError>>,
    rtp: mpsc::Receiver<RtpPacket>,
    end: Option<LinkError>,
    shared: Arc<Shared>,
}

/// One RTP packet of one track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpPacket {
    /// Which track.
    pub track: TrackHandle,
    /// The whole packet with its header.
    pub rtp: Bytes,
}

/// What came next. Messages overtake RTP that waits; datagrams may overtake messages on the network, so
/// RTP of a track can come before its `TrackStarted`.
#[derive(Debug)]
pub enum Received<Rx> {
    /// A message.
    Message(Rx),
    /// An RTP packet.
    Rtp(RtpPacket),
}

#[derive(Debug)]
struct Shared {
    quic: quinn::Connection,
    counters: Counters,
}

#[derive(Debug)]
enum Outgoing {
    Message(Vec<u8>),
    Close(CloseCode, String),
}

impl<Tx: Serialize, Rx: DeserializeOwned + Send + 'static> Connection<Tx, Rx> {
    /// Starts the tasks of an open QUIC connection.
    pub(crate) fn start(quic: quinn::Connection, send: quinn::SendStream, recv: quinn::RecvStream) -> Self {
        let shared = Arc::new(Shared { quic, counters: Counters::default() });
        let batch = Arc::new(Batch::default());
        let (outgoing, outgoing_rx) = mpsc::channel(MESSAGE_QUEUE);
        let (messages_tx, messages) = mpsc::channel(MESSAGE_QUEUE);
        let (rtp_tx, rtp) = mpsc::channel(RTP_QUEUE);
        tokio::spawn(write_messages(Arc::clone(&shared), send, outgoing_rx));
        tokio::spawn(send_batches(Arc::clone(&shared), Arc::clone(&batch)));
        tokio::spawn(read_messages(Arc::clone(&shared), recv, messages_tx));
        tokio::spawn(read_datagrams(Arc::clone(&shared), rtp_tx.clone()));
        tokio::spawn(read_oversize(Arc::clone(&shared), rtp_tx));
        let sender = Sender { messages: outgoing, batch, shared: Arc::clone(&shared), sends: PhantomData };
        Self { sender, receiver: Receiver { messages, rtp, end: None, shared } }
    }

    /// Takes it apart for two owners.
    #[must_use]
    pub fn split(self) -> (Sender<Tx>, Receiver<Rx>) {
        (self.sender, self.receiver)
    }

    /// The sending half.
    #[must_use]
    pub fn sender(&self) -> &Sender<Tx> {
        &self.sender
    }

    /// See [`Receiver::recv`].
    ///
    /// # Errors
    /// As there.
    pub async fn recv(&mut self) -> Result<Received<Rx>, LinkError> {
        self.receiver.recv().await
    }
}

impl<Tx> Clone for Sender<Tx> {
    fn clone(&self) -> Self {
        Self {
            messages: self.messages.clone(),
            batch: Arc::clone(&self.batch),
            shared: Arc::clone(&self.shared),
            sends: PhantomData,
        }
    }
}

impl<Tx: Serialize> Sender<Tx> {
    /// Queues a message; messages arrive whole and in order.
    ///
    /// # Errors
    /// When it is too large, the queue is full, or the connection has ended.
    pub fn send(&self, message: &Tx) -> Result<(), SendError> {
        self.queue(Outgoing::Message(framing::encode(message)?))
    }

    /// Queues one RTP packet (header and payload, no padding); it leaves within about 5 ms together with
    /// its neighbours. Delivery is not promised: a packet that finds no room is dropped and counted.
    pub fn send_rtp(&self, track: TrackHandle, rtp: &[u8]) {
        if rtp.len() > MAX_RTP_BYTES {
            bump(&self.shared.counters.rtp_dropped_oversize);
        } else if !self.batch.push(track, rtp) {
            bump(&self.shared.counters.rtp_dropped_batch_full);
        }
    }

    /// Delivers the messages that wait (for at most a second), then closes.
    pub fn close(&self, code: CloseCode, reason: &str) {
        if self.queue(Outgoing::Close(code, reason.to_owned())) == Err(SendError::QueueFull) {
            self.shared.quic.close(code.to_wire().into(), reason.as_bytes());
        }
    }

    /// The other end's address.
    #[must_use]
    pub fn remote_addr(&self) -> SocketAddr {
        self.shared.quic.remote_address()
    }

    /// Counts so far, of both directions.
    #[must_use]
    pub fn counters(&self) -> CountersSnapshot {
        self.shared.counters.snapshot()
    }

    fn queue(&self, outgoing: Outgoing) -> Result<(), SendError> {
        self.messages.try_send(outgoing).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::QueueFull,
            mpsc::error::TrySendError::Closed(_) => SendError::Closed,
        })
    }
}

impl<Rx> Receiver<Rx> {
    /// Waits for the next message or RTP packet. Cancel safe.
    ///
    /// # Errors
    /// How the link ended; then the same for ever.
    pub async fn recv(&mut self) -> Result<Received<Rx>, LinkError> {
        if let Some(end) = &self.end {
            return Err(end.clone());
        }
        tokio::select! {
            biased;
            message = self.messages.recv() => match message {
                Some(Ok(message)) => Ok(Received::Message(message)),
                Some(Err(end)) => Err(self.end.insert(end).clone()),
                None => Err(self.end.insert(LinkError::ClosedHere).clone()),
            },
            Some(packet) = self.rtp.recv() => Ok(Received::Rtp(packet)),
        }
    }

    /// Counts so far, of both directions.
    #[must_use]
    pub fn counters(&self) -> CountersSnapshot {
        self.shared.counters.snapshot()
    }
}

/// Writes until told to close, until all senders are gone, or until the connection is lost.
async fn write_messages(
    shared: Arc<Shared>,
    mut stream: quinn::SendStream,
    mut outgoing: mpsc::Receiver<Outgoing>,
) {
    let (code, reason) = loop {
        let next = tokio::select! {
            next = outgoing.recv() => next,
            _ = shared.quic.closed() => return,
        };
        match next {
            Some(Outgoing::Message(bytes)) => {
                // An error here means that the connection is lost; the reader reports how.
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Some(Outgoing::Close(code, reason)) => break (code, reason),
            None => break (CloseCode::Done, String::new()),
        }
    };
    outgoing.close();
    if stream.finish().is_ok() {
        // Ends when the other end has acknowledged everything, or has gone.
        timeout(FAREWELL, stream.stopped()).await.map(drop).unwrap_or_default();
    }
    shared.quic.close(code.to_wire().into(), reason.as_bytes());
}

async fn send_batches(shared: Arc<Shared>, batch: Arc<Batch>) {
    let oversize = Arc::new(Semaphore::new(tls::MAX_OVERSIZE_STREAMS as usize));
    loop {
        tokio::select! {
            () = batch.filled() => {}
            _ = shared.quic.closed() => return,
        }
        sleep(BATCH_INTERVAL).await;
        // `None`: the other end takes no datagrams; then every packet is oversize.
        let largest = shared.quic.max_datagram_size().unwrap_or(0);
        for packet in batch.take() {
            if packet.len() > largest {
                send_oversize(&shared, &oversize, packet);
            } else if shared.quic.datagram_send_buffer_space() < packet.len() {
                bump(&shared.counters.rtp_dropped_congested);
            } else if shared.quic.send_datagram(packet).is_ok() {
                bump(&shared.counters.rtp_sent);
            } else {
                bump(&shared.counters.rtp_dropped_congested);
            }
        }
    }
}

/// A packet larger than the path's datagrams travels alone on a stream: reliable, rare and bounded.
fn send_oversize(shared: &Arc<Shared>, slots: &Arc<Semaphore>, packet: Bytes) {
    let Ok(slot) = Arc::clone(slots).try_acquire_owned() else {
        bump(&shared.counters.rtp_dropped_oversize);
        return;
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let sent = async {
            let mut stream = shared.quic.open_uni().await?;
            stream.write_all(&packet).await?;
            Ok::<_, quinn::WriteError>(stream.finish().is_ok())
        };
        if sent.await.unwrap_or(false) {
            bump(&shared.counters.rtp_sent);
            bump(&shared.counters.rtp_oversize_sent);
        } else {
            bump(&shared.counters.rtp_dropped_oversize);
        }
        drop(slot);
    });
}

async fn read_messages<Rx: DeserializeOwned>(
    shared: Arc<Shared>,
    mut stream: quinn::RecvStream,
    messages: mpsc::Sender<Result<Rx, LinkError>>,
) {
    loop {
        let read = tokio::select! {
            read = framing::read(&mut stream) => read,
            () = messages.closed() => return,
        };
        let end = match read {
            Ok(Some(message)) => {
                if messages.send(Ok(message)).await.is_err() {
                    return;
                }
                continue;
            }
            // The stream is finished; the close with its code follows at once.
            Ok(None) => match timeout(FAREWELL, shared.quic.closed()).await {
                Ok(error) => error.into(),
                Err(_elapsed) => LinkError::Vanished,
            },
            Err(error) => error,
        };
        if let LinkError::MessageTooLarge(_) = &end {
            shared.quic.close(CloseCode::MessageTooLarge.to_wire().into(), b"message too large");
        } else if let LinkError::Malformed(_) = &end {
            shared.quic.close(CloseCode::ProtocolViolation.to_wire().into(), b"malformed message");
        }
        // The reader has gone too: nobody wants to know.
        messages.send(Err(end)).await.unwrap_or_default();
        return;
    }
}

async fn read_datagrams(shared: Arc<Shared>, rtp: mpsc::Sender<RtpPacket>) {
    while !rtp.is_closed() {
        let Ok(datagram) = shared.quic.read_datagram().await else { return };
        deliver(&shared, &rtp, datagram);
    }
}

async fn read_oversize(shared: Arc<Shared>, rtp: mpsc::Sender<RtpPacket>) {
    while !rtp.is_closed() {
        let Ok(mut stream) = shared.quic.accept_uni().await else { return };
        let (shared, rtp) = (Arc::clone(&shared), rtp.clone());
        tokio::spawn(async move {
            match stream.read_to_end(2 + MAX_RTP_BYTES).await {
                Ok(bytes) => deliver(&shared, &rtp, bytes.into()),
                Err(_error) => bump(&shared.counters.rtp_malformed),
            }
        });
    }
}

fn deliver(shared: &Shared, rtp: &mpsc::Sender<RtpPacket>, mut framed: Bytes) {
    let Some(handle) = framed.first_chunk::<2>().copied() else {
        bump(&shared.counters.rtp_malformed);
        return;
    };
    let packet = RtpPacket { track: TrackHandle(u16::from_be_bytes(handle)), rtp: framed.split_off(2) };
    match rtp.try_send(packet) {
        Ok(()) => bump(&shared.counters.rtp_received),
        Err(mpsc::error::TrySendError::Full(_)) => bump(&shared.counters.rtp_dropped_reader_slow),
        Err(mpsc::error::TrySendError::Closed(_)) => {}
    }
}
