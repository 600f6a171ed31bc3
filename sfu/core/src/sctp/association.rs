//! One SCTP association with its data channels.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use sctp_proto::{
    Chunks, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Payload, PayloadProtocolIdentifier as Ppi,
    ReliabilityType, ServerConfig, StreamEvent, TransportConfig,
};

use super::budget::{RECEIVE_WINDOW_BYTES, ReceiveBudget};
use super::{
    ChannelConfig, ChannelId, DataKind, MAX_BUFFERED_BYTES, MAX_MESSAGE_BYTES, Reliability, SendError, dcep,
};

/// What an association tells the transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A channel is open both ways.
    Opened {
        /// Names it.
        id: ChannelId,
        /// What its OPEN said.
        config: ChannelConfig,
        /// The peer sent the OPEN.
        by_peer: bool,
    },
    /// A whole message.
    Data {
        /// The channel.
        id: ChannelId,
        /// Text or binary.
        kind: DataKind,
        /// The message.
        bytes: Bytes,
    },
    /// A channel is closed.
    Closed(ChannelId),
}

/// Runs SCTP for one transport. Datagrams are plaintext; DTLS is around them.
pub struct Association {
    endpoint: Endpoint,
    inner: Inner,
    /// DTLS client: our streams are even, else odd (RFC 8832 §6).
    next_id: u16,
    /// Channels that wait for the association.
    waiting: Vec<ChannelConfig>,
    channels: BTreeMap<ChannelId, Channel>,
    /// Streams that the peer opened, with or without a channel on them.
    peer_streams: usize,
    budget: ReceiveBudget,
    events: VecDeque<Event>,
    transmits: VecDeque<Bytes>,
}

enum Inner {
    /// Nobody has sent INIT.
    Idle,
    Handshaking(sctp_proto::Association),
    Established(sctp_proto::Association),
    /// Aborted or shut down. A browser does not start a second one on the same DTLS association.
    Lost,
}

struct Channel {
    config: ChannelConfig,
    /// False until the peer acknowledged our OPEN.
    open: bool,
}

impl Association {
    /// Neither side has said anything.
    #[must_use]
    pub fn new() -> Self {
        let mut config = EndpointConfig::new();
        config.max_payload_size(MAX_PAYLOAD_BYTES);
        let mut server = ServerConfig::default();
        server.transport = Arc::new(transport_config());
        Self {
            endpoint: Endpoint::new(Arc::new(config), Some(Arc::new(server))),
            inner: Inner::Idle,
            next_id: 1,
            waiting: Vec::new(),
            channels: BTreeMap::new(),
            peer_streams: 0,
            budget: ReceiveBudget::default(),
            events: VecDeque::new(),
            transmits: VecDeque::new(),
        }
    }

    /// DTLS is up. Its client sends INIT; browsers send it in either role, and one of two is enough.
    pub fn start(&mut self, now: Instant, dtls_client: bool) {
        self.next_id = if dtls_client { 0 } else { 1 };
        if dtls_client && matches!(self.inner, Inner::Idle) {
            let mut config = ClientConfig::default();
            config.transport = Arc::new(transport_config());
            if let Ok((_, association)) = self.endpoint.connect(config, PEER) {
                self.inner = Inner::Handshaking(association);
            }
            self.drain(now);
        }
    }

    /// Takes one decrypted SCTP packet.
    pub fn handle_datagram(&mut self, now: Instant, datagram: Bytes) {
        if !self.budget.note_received(&datagram) {
            tracing::debug!("a peer leaves too many messages unfinished: its association ends");
            self.abort();
        }
        match self.endpoint.handle(now, PEER, None, None, datagram) {
            Some((_, DatagramEvent::NewAssociation(association))) => match &self.inner {
                Inner::Idle => self.inner = Inner::Handshaking(association),
                // Ours was first, or is gone; the peer's INIT is answered by the one that exists.
                Inner::Handshaking(..) | Inner::Established(..) | Inner::Lost => {}
            },
            Some((_, DatagramEvent::AssociationEvent(event))) => {
                if let Inner::Handshaking(inner) | Inner::Established(inner) = &mut self.inner {
                    inner.handle_event(event);
                }
            }
            None => {}
        }
        self.drain(now);
    }

    /// Acts on timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Inner::Handshaking(inner) | Inner::Established(inner) = &mut self.inner
            && inner.poll_timeout().is_some_and(|due| due <= now)
        {
            inner.handle_timeout(now);
            self.drain(now);
        }
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.inner {
            Inner::Handshaking(inner) | Inner::Established(inner) => inner.poll_timeout(),
            Inner::Idle | Inner::Lost => None,
        }
    }

    /// Gives back what queues keep beyond what they hold.
    pub fn release_memory(&mut self) {
        self.transmits.shrink_to_fit();
        self.events.shrink_to_fit();
        self.waiting.shrink_to_fit();
    }

    /// Next SCTP packet for DTLS.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmits.pop_front()
    }

    /// Next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Opens a channel now, or when the association is up.
    pub fn open(&mut self, now: Instant, config: ChannelConfig) {
        if let Inner::Established(..) = self.inner {
            self.send_open(config);
            self.drain(now);
        } else if self.waiting.len() < MAX_CHANNELS {
            self.waiting.push(config);
        }
    }

    /// Queues a message.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub fn send(
        &mut self,
        now: Instant,
        id: ChannelId,
        kind: DataKind,
        message: &[u8],
    ) -> Result<(), SendError> {
        if message.len() > MAX_MESSAGE_BYTES {
            return Err(SendError::TooLarge);
        }
        if !self.channels.get(&id).is_some_and(|channel| channel.open) {
            return Err(SendError::NotOpen);
        }
        let ids: Vec<ChannelId> = self.channels.keys().copied().collect();
        let waiting: usize = ids.into_iter().map(|id| self.buffered_bytes(id)).sum();
        if waiting + message.len() > MAX_BUFFERED_BYTES {
            return Err(SendError::BufferFull);
        }
        let Inner::Established(inner) = &mut self.inner else { return Err(SendError::NotOpen) };
        let (ppi, message) = match (kind, message.is_empty()) {
            (DataKind::Text, false) => (Ppi::String, message),
            (DataKind::Binary, false) => (Ppi::Binary, message),
            // SCTP has no empty messages: RFC 8831 §6.6 sends one zero byte instead.
            (DataKind::Text, true) => (Ppi::StringEmpty, &[0][..]),
            (DataKind::Binary, true) => (Ppi::BinaryEmpty, &[0][..]),
        };
        let written = inner.stream(id.0).and_then(|mut stream| stream.write_with_ppi(message, ppi));
        self.drain(now);
        written.map(|_| ()).map_err(|_| SendError::NotOpen)
    }

    /// Bytes of one channel that the peer has not acknowledged.
    pub fn buffered_bytes(&mut self, id: ChannelId) -> usize {
        let (Inner::Handshaking(inner) | Inner::Established(inner)) = &mut self.inner else { return 0 };
        inner.stream(id.0).and_then(|stream| stream.buffered_amount()).unwrap_or(0)
    }

    /// Takes everything out of the library after an input.
    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.poll_inner() {
            self.note(now, event);
        }
        let (Inner::Handshaking(inner) | Inner::Established(inner)) = &mut self.inner else {
            self.drain_endpoint();
            return;
        };
        while let Some(transmit) = inner.poll_transmit(now) {
            let before = self.transmits.len();
            push_payload(&mut self.transmits, transmit.payload);
            self.transmits.range(before..).for_each(|packet| self.budget.note_sent(packet));
        }
        while inner.poll_endpoint_event().is_some() {
            // Only "drained": the association is over, and `AssociationLost` says so too.
        }
        self.drain_endpoint();
    }

    fn drain_endpoint(&mut self) {
        while let Some(transmit) = self.endpoint.poll_transmit() {
            push_payload(&mut self.transmits, transmit.payload);
        }
    }

    fn poll_inner(&mut self) -> Option<sctp_proto::Event> {
        match &mut self.inner {
            Inner::Handshaking(inner) | Inner::Established(inner) => inner.poll(),
            Inner::Idle | Inner::Lost => None,
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's enums are non-exhaustive")]
    fn note(&mut self, now: Instant, event: sctp_proto::Event) {
        match event {
            sctp_proto::Event::Connected => self.establish(),
            sctp_proto::Event::HandshakeFailed { .. } | sctp_proto::Event::AssociationLost { .. } => {
                self.lose(now)
            }
            sctp_proto::Event::Stream(StreamEvent::Opened { id }) => self.note_stream(ChannelId(id)),
            sctp_proto::Event::Stream(StreamEvent::Readable { id }) => self.read(ChannelId(id)),
            sctp_proto::Event::Stream(StreamEvent::Finished { id } | StreamEvent::Stopped { id, .. }) => {
                if self.channels.remove(&ChannelId(id)).is_some() {
                    self.events.push_back(Event::Closed(ChannelId(id)));
                }
                self.peer_streams = self.peer_streams.saturating_sub(1);
            }
            _ => {}
        }
    }

    fn establish(&mut self) {
        if let Inner::Handshaking(inner) = std::mem::replace(&mut self.inner, Inner::Lost) {
            self.inner = Inner::Established(inner);
        }
        for config in std::mem::take(&mut self.waiting) {
            self.send_open(config);
        }
    }

    fn lose(&mut self, now: Instant) {
        if let Inner::Handshaking(mut inner) | Inner::Established(mut inner) =
            std::mem::replace(&mut self.inner, Inner::Lost)
        {
            // The ABORT that tells the peer is still in there.
            while let Some(transmit) = inner.poll_transmit(now) {
                push_payload(&mut self.transmits, transmit.payload);
            }
        }
        self.events.extend(std::mem::take(&mut self.channels).into_keys().map(Event::Closed));
    }

    /// The peer used a stream for the first time.
    fn note_stream(&mut self, id: ChannelId) {
        self.peer_streams += 1;
        if id.0 >= MAX_STREAMS || self.peer_streams > MAX_CHANNELS {
            tracing::debug!(stream = id.0, "a peer uses more streams than it may: its association ends");
            self.abort();
        }
    }

    fn abort(&mut self) {
        if let Inner::Handshaking(inner) | Inner::Established(inner) = &mut self.inner {
            // It fails only on an association that is closed already.
            let _ = inner.close();
        }
    }

    fn read(&mut self, id: ChannelId) {
        loop {
            let (Inner::Handshaking(inner) | Inner::Established(inner)) = &mut self.inner else { return };
            let Ok(Some(chunks)) = inner.stream(id.0).and_then(|mut stream| stream.read_sctp()) else {
                return;
            };
            let (ppi, Some(bytes)) = (chunks.ppi, join(&chunks)) else { continue };
            match ppi {
                Ppi::Dcep => self.handle_dcep(id, &bytes),
                Ppi::String => self.deliver(id, DataKind::Text, bytes),
                Ppi::Binary => self.deliver(id, DataKind::Binary, bytes),
                Ppi::StringEmpty => self.deliver(id, DataKind::Text, Bytes::new()),
                Ppi::BinaryEmpty => self.deliver(id, DataKind::Binary, Bytes::new()),
                Ppi::Unknown => {}
            }
        }
    }

    fn deliver(&mut self, id: ChannelId, kind: DataKind, bytes: Bytes) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        if !channel.open {
            // RFC 8832 §6: a message says as much as an ACK, and may overtake it.
            channel.open = true;
            let config = channel.config.clone();
            self.events.push_back(Event::Opened { id, config, by_peer: false });
        }
        self.events.push_back(Event::Data { id, kind, bytes });
    }

    fn handle_dcep(&mut self, id: ChannelId, bytes: &[u8]) {
        match dcep::Message::parse(bytes) {
            Ok(dcep::Message::Open(open)) if !self.channels.contains_key(&id) => self.accept(id, open),
            Ok(dcep::Message::Ack) => {
                let Some(channel) = self.channels.get_mut(&id).filter(|channel| !channel.open) else {
                    return;
                };
                channel.open = true;
                let config = channel.config.clone();
                self.events.push_back(Event::Opened { id, config, by_peer: false });
            }
            Ok(dcep::Message::Open(_)) => {}
            Err(error) => tracing::debug!(%error, "a DCEP message was dropped"),
        }
    }

    fn accept(&mut self, id: ChannelId, open: dcep::Open) {
        let config =
            ChannelConfig { label: open.label, ordered: open.ordered, reliability: open.reliability };
        self.set_reliability(id, &config);
        self.write_dcep(id, &dcep::Message::Ack);
        self.channels.insert(id, Channel { config: config.clone(), open: true });
        self.events.push_back(Event::Opened { id, config, by_peer: true });
    }

    fn send_open(&mut self, config: ChannelConfig) {
        let Inner::Established(inner) = &mut self.inner else { return };
        let free = (self.next_id..MAX_STREAMS).step_by(2).map(ChannelId);
        let Some(id) = free.into_iter().find(|id| !self.channels.contains_key(id)) else { return };
        if inner.open_stream(id.0, Ppi::Binary).is_err() {
            return;
        }
        self.next_id = id.0 + 2;
        self.set_reliability(id, &config);
        self.write_dcep(
            id,
            &dcep::Message::Open(dcep::Open {
                label: config.label.clone(),
                ordered: config.ordered,
                reliability: config.reliability,
            }),
        );
        self.channels.insert(id, Channel { config, open: false });
    }

    fn set_reliability(&mut self, id: ChannelId, config: &ChannelConfig) {
        let (kind, value) = match config.reliability {
            Reliability::Reliable => (ReliabilityType::Reliable, 0),
            Reliability::MaxRetransmits(times) => (ReliabilityType::Rexmit, times),
            Reliability::MaxLifetimeMs(millis) => (ReliabilityType::Timed, millis),
        };
        if let Inner::Established(inner) | Inner::Handshaking(inner) = &mut self.inner {
            let set = inner
                .stream(id.0)
                .and_then(|mut stream| stream.set_reliability_params(!config.ordered, kind, value));
            // The stream was opened or read just now, so it exists.
            debug_assert!(set.is_ok());
        }
    }

    fn write_dcep(&mut self, id: ChannelId, message: &dcep::Message) {
        if let Inner::Established(inner) | Inner::Handshaking(inner) = &mut self.inner {
            // It fails only when the association closed meanwhile; then nobody waits for it.
            let _ = inner
                .stream(id.0)
                .and_then(|mut stream| stream.write_with_ppi(&message.to_bytes(), Ppi::Dcep));
        }
    }
}

impl Default for Association {
    fn default() -> Self {
        Self::new()
    }
}

fn transport_config() -> TransportConfig {
    let message = u32::try_from(MAX_MESSAGE_BYTES).expect("64 KiB fit 32 bits");
    TransportConfig::default()
        .with_max_receive_buffer_size(RECEIVE_WINDOW_BYTES)
        .with_max_send_message_size(message)
        .with_max_receive_message_size(message)
        .with_max_num_inbound_streams(MAX_STREAMS)
        .with_max_num_outbound_streams(MAX_STREAMS)
        // The transport's own timers decide when a peer is gone.
        .with_max_init_retransmits(None)
        .with_max_data_retransmits(None)
        .with_rto_initial_ms(500)
        .with_rto_min_ms(200)
        .with_rto_max_ms(5000)
}

fn push_payload(transmits: &mut VecDeque<Bytes>, payload: Payload) {
    match payload {
        Payload::RawEncode(packets) => transmits.extend(packets),
        Payload::PartialDecode(_) => {}
    }
}

/// Copies a message's fragments together; `None` if they do not fit the largest message.
fn join(chunks: &Chunks) -> Option<Bytes> {
    let len = chunks.len();
    if len > MAX_MESSAGE_BYTES {
        return None;
    }
    let mut bytes = BytesMut::zeroed(len);
    chunks.read(&mut bytes).ok()?;
    Some(bytes.freeze())
}

/// The library files associations by address; ours has one peer.
const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(0, 0, 0, 0), 1));
/// User data per packet: with SCTP (28) and DTLS (37) headers it stays below 1,250 bytes.
const MAX_PAYLOAD_BYTES: u32 = 1180;
/// Streams that we announce; browsers announce 1,024 as well.
const MAX_STREAMS: u16 = 1024;
/// Streams that one peer may really use. LiveKit uses three.
const MAX_CHANNELS: usize = 64;
