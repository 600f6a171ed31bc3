//! The signalling socket: LiveKit's messages over a WebSocket on `/rtc`.
//!
//! Carries messages; what they mean is decided in `participant`.

use std::time::{SystemTime, UNIX_EPOCH};

use futures::{SinkExt as _, StreamExt as _};
use livekit_protocol as proto;
use prost::Message as _;
use proto::signal_request::Message as Request;
use proto::signal_response::Message as Response;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::participant::ClientError;

/// Both directions of an open socket.
pub struct Signal {
    requests: mpsc::Sender<Request>,
    responses: mpsc::Receiver<Response>,
}

impl Signal {
    /// Opens the socket; the server's first message is still to come.
    ///
    /// `url` is `ws://`, `wss://`, `http://` or `https://` without a path.
    ///
    /// # Errors
    /// When the server refuses or cannot be reached.
    pub async fn open(url: &str, token: &str, auto_subscribe: bool) -> Result<Self, ClientError> {
        let url = format!(
            "{}/rtc?protocol=16&sdk=rust&version=dais&auto_subscribe={}&adaptive_stream=0",
            url.trim_end_matches('/').replacen("http", "ws", 1),
            u8::from(auto_subscribe)
        );
        let mut request = url.into_client_request().map_err(connect)?;
        let bearer = format!("Bearer {token}").parse().map_err(|_| ClientError::Token)?;
        request.headers_mut().insert(AUTHORIZATION, bearer);
        let (socket, _) = tokio_tungstenite::connect_async(request).await.map_err(connect)?;
        let (requests, to_send) = mpsc::channel(QUEUE);
        let (received, responses) = mpsc::channel(QUEUE);
        tokio::spawn(carry(socket, to_send, received));
        Ok(Self { requests, responses })
    }

    /// A handle that sends requests.
    #[must_use]
    pub fn sender(&self) -> mpsc::Sender<Request> {
        self.requests.clone()
    }

    /// The next message; `None` when the socket is closed.
    pub async fn next(&mut self) -> Option<Response> {
        self.responses.recv().await
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn carry(mut socket: Socket, mut to_send: mpsc::Receiver<Request>, received: mpsc::Sender<Response>) {
    let mut ping = tokio::time::interval(PING);
    loop {
        let request = tokio::select! {
            request = to_send.recv() => match request {
                Some(request) => request,
                None => break,
            },
            _ = ping.tick() => Request::PingReq(proto::Ping { timestamp: unix_ms(), rtt: 0 }),
            message = socket.next() => {
                let Some(Ok(message)) = message else { break };
                if !deliver(message, &received).await {
                    break;
                }
                continue;
            }
        };
        let bytes = proto::SignalRequest { message: Some(request) }.encode_to_vec();
        if socket.send(Message::Binary(bytes.into())).await.is_err() {
            break;
        }
    }
    // The other side may have closed first.
    let _ = socket.close(None).await;
}

async fn deliver(message: Message, received: &mpsc::Sender<Response>) -> bool {
    match message {
        Message::Binary(bytes) => match proto::SignalResponse::decode(bytes).map(|r| r.message) {
            Ok(Some(response)) => received.send(response).await.is_ok(),
            // A message that is newer than this client.
            Ok(None) => true,
            Err(error) => {
                tracing::warn!(%error, "an unreadable signalling message");
                false
            }
        },
        Message::Close(_) => false,
        Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => true,
    }
}

fn connect(error: tungstenite::Error) -> ClientError {
    let tungstenite::Error::Http(response) = error else {
        return ClientError::Connect(Box::new(error));
    };
    let body = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
    ClientError::Refused { status: response.status().as_u16(), body }
}

fn unix_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// Messages that wait in either direction; a server that floods is held back by TCP.
const QUEUE: usize = 256;

/// A third of the server's `ping_timeout` (15 s).
const PING: std::time::Duration = std::time::Duration::from_secs(5);
