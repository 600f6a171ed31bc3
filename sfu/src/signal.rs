//! One signal connection: WebSocket messages in, room words out.
//!
//! It decides liveness, rate and framing of the socket. What a message means is the shard's business.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use auth::room::RoomToken;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use sfu_core::room::ConnectionId;
use sfu_core::room::message::{ParticipantInfo, Request, Response};
use sfu_core::shard::{Command, SignalEnd};
use sfu_signal::join::{Entry, renewed};
use sfu_signal::request::Incoming;
use sfu_signal::{request, response};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::rate::{Rate, Verdict};
use crate::service::Shared;
use crate::shard::ShardHandle;

/// Words that wait for one connection. A room of 1,000 with every one changing at once stays below; a client
/// that does not read for so long is cut, and resumes.
const WAITING_WORDS: usize = 2048;

/// The server's own pings; LiveKit's interval.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Nothing heard for so long, not even a pong: the connection is dead.
const SILENCE: Duration = Duration::from_secs(30);

/// A client that does not take a message for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Lifetime of refreshed tokens: two refresh intervals of the room.
const TOKEN_LIFETIME: Duration = Duration::from_secs(600);

/// Serves one connection to its end.
pub(crate) async fn serve(
    socket: WebSocket,
    shared: Arc<Shared>,
    (connection, entry): (ConnectionId, Entry),
) {
    let shard = shared.shard_of(&entry.room).clone();
    let (words, inbox) = mpsc::channel(WAITING_WORDS);
    let (room, identity) = (entry.room.clone(), entry.join.identity.clone());
    let claims = entry.claims.clone();
    if shard.open_connection(connection, entry, words).await.is_err() {
        return;
    }
    let limits = &shared.limits;
    let rate = Rate::new(
        limits.signal_messages_per_second,
        limits.signal_burst,
        limits.signal_excess,
        Instant::now(),
    );
    let (shared, heard) = (Arc::clone(&shared), Instant::now());
    let mut session =
        Session { socket, shard, shared, connection, room, identity, claims, rate, heard, greeted: false };
    let end = session.run(inbox).await;
    session.farewell(end).await;
    let signal_end = match end {
        End::Silent => SignalEnd::Silent,
        End::ByServer | End::ByClient | End::Violation(_) => SignalEnd::Closed,
    };
    let _ = session.shard.send(Command::SignalEnded { connection, end: signal_end }).await;
    session.shard.close_connection(connection).await;
}

struct Session {
    socket: WebSocket,
    shard: ShardHandle,
    shared: Arc<Shared>,
    connection: ConnectionId,
    room: String,
    identity: String,
    /// What its token said when it came.
    claims: RoomToken,
    rate: Rate,
    heard: Instant,
    /// The first word was said: `join`, `reconnect` or `leave`. Clients take nothing else for it.
    greeted: bool,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The shard closed it, or is gone.
    ByServer,
    /// The client closed it, or its socket broke.
    ByClient,
    /// Nothing was heard.
    Silent,
    /// The client broke a rule; the WebSocket close code.
    Violation(u16),
}

impl Session {
    async fn run(&mut self, mut inbox: mpsc::Receiver<Response>) -> End {
        let mut pings = interval(PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let step = tokio::select! {
                word = inbox.recv() => match word {
                    Some(word) => self.say(word).await,
                    None => Err(End::ByServer),
                },
                message = self.socket.recv() => match message {
                    Some(Ok(message)) => self.hear(message).await,
                    Some(Err(_)) | None => Err(End::ByClient),
                },
                _ = pings.tick() => self.check_liveness().await,
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn say(&mut self, word: Response) -> Result<(), End> {
        let bytes = if let Response::RefreshToken(info) = word {
            response::refresh_token(self.mint(*info))
        } else {
            let ice_servers = || self.shared.ice_servers.of(&self.room, &self.identity);
            match response::write(word, &self.shared.node, &ice_servers) {
                Some(bytes) => bytes,
                None => return Ok(()),
            }
        };
        self.greeted = true;
        self.write(Message::Binary(bytes.into())).await
    }

    async fn hear(&mut self, message: Message) -> Result<(), End> {
        self.heard = Instant::now();
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(End::ByClient),
            // No client speaks proto3 JSON here.
            Message::Text(_) => return Err(End::Violation(close_code::UNSUPPORTED)),
        };
        match self.rate.handle_message(self.heard) {
            Verdict::Go => {}
            Verdict::Wait(delay) => sleep(delay).await,
            Verdict::Close => return Err(End::Violation(close_code::POLICY)),
        }
        let Ok(incoming) = request::read(&bytes) else {
            return Err(End::Violation(close_code::POLICY));
        };
        match incoming {
            Incoming::Room(request) => self.ask(request).await,
            Incoming::Ping(_) | Incoming::PingRequest(_) | Incoming::Refused(_) if !self.greeted => Ok(()),
            Incoming::Refused(words) => self.write(Message::Binary(words.into())).await,
            Incoming::Ping(_) => self.write(Message::Binary(response::old_pong(unix_ms()).into())).await,
            Incoming::PingRequest(at) => {
                self.write(Message::Binary(response::pong(at, unix_ms()).into())).await
            }
            Incoming::Ignored => Ok(()),
        }
    }

    async fn ask(&mut self, request: Request) -> Result<(), End> {
        let command = Command::Request { connection: self.connection, request: Box::new(request) };
        self.shard.send(command).await.map_err(|_| End::ByServer)
    }

    async fn check_liveness(&mut self) -> Result<(), End> {
        if self.heard.elapsed() > SILENCE {
            return Err(End::Silent);
        }
        self.write(Message::Ping(Vec::new().into())).await
    }

    async fn write(&mut self, message: Message) -> Result<(), End> {
        match timeout(WRITE_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::ByClient),
            Err(_) => Err(End::Silent),
        }
    }

    async fn farewell(&mut self, end: End) {
        let code = match end {
            End::ByClient | End::Silent => return,
            End::ByServer => close_code::NORMAL,
            End::Violation(code) => code,
        };
        let frame = CloseFrame { code, reason: "".into() };
        let _ = self.write(Message::Close(Some(frame))).await;
    }

    /// A token that says what the participant may do now.
    fn mint(&self, info: ParticipantInfo) -> String {
        let token = renewed(&self.claims, info);
        self.shared.api_keys.mint(token, TOKEN_LIFETIME)
    }
}

fn unix_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
