//! A shard's thread: waits on its sockets, feeds the state machine, sends what it wrote.
//!
//! It decides the order of a turn and holds the process's only clock read on the media path. Everything else
//! is `sfu_core::shard`'s.
//!
//! ```text
//! wait ─▶ read the clock ─▶ UDP, TCP, commands, deadlines ─▶ end the turn ─▶ send ─▶ events ─▶ wait
//! ```

mod handle;
mod pinning;
mod ports;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;
use sfu_core::room::admin::AdminError;
use sfu_core::room::message::Response;
use sfu_core::room::{ConnectionId, Now};
use sfu_core::sdp::Candidate;
use sfu_core::seed::Seed;
use sfu_core::shard::admin::{AdminId, AdminReply};

use sfu_core::shard::{Command, Event, Shard, ShardConfig};
use sfu_core::transport::{Path, Protocol, TcpId};
use tokio::sync::{mpsc, oneshot};

pub(crate) use self::handle::{Figures, ShardGone, ShardHandle};
use self::handle::{Message, count};
use self::ports::Ports;
use crate::datagrams::{BATCH, SendRun, UdpPort};
use crate::mixers;
use crate::relays::Relays;
use crate::tcp::{TcpPort, Turn};
use crate::turn::Departures;
use crate::webhooks::Outbox;

/// Commands that wait for a shard. A thousand people joining at once wait here, not in sockets.
const WAITING_COMMANDS: usize = 8192;

/// Batches of datagrams in one turn, so that a flood does not starve commands and deadlines.
const BATCHES_PER_TURN: usize = 8;

/// How often strangers' TCP connections and figures are looked at.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// What a shard's thread is started with.
pub(crate) struct Start {
    pub(crate) index: usize,
    pub(crate) is_pinned: bool,
    pub(crate) udp: UdpPort,
    pub(crate) tcp: TcpPort,
    pub(crate) config: ShardConfig,
    pub(crate) seed: Seed,
    pub(crate) outbox: Option<Outbox>,
    pub(crate) departures: Option<Departures>,
    pub(crate) relays: Relays,
}

/// Starts a shard's thread.
pub(crate) fn spawn(start: Start) -> io::Result<(ShardHandle, JoinHandle<()>)> {
    let (messages, inbox) = sync_channel(WAITING_COMMANDS);
    let waker = Arc::clone(&start.relays.waker);
    let figures = Arc::new(Figures::default());
    let handle = ShardHandle { messages, waker: Arc::clone(&waker), figures: Arc::clone(&figures) };
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    for (source, token) in [(0, UDP), (1, LISTENER), (2, WAKER)] {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, token);
        match source {
            0 => epoll.add(&start.udp, event)?,
            1 => epoll.add(&start.tcp, event)?,
            _ => epoll.add(&*waker, event)?,
        }
    }
    let name = format!("shard-{}", start.index);
    let thread = std::thread::Builder::new().name(name).spawn(move || {
        if start.is_pinned
            && let Err(error) = pinning::stay_on_core(start.index)
        {
            tracing::warn!(shard = start.index, %error, "the shard's thread stays on no core");
        }
        let now = Instant::now();
        let unix_us = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let began = Now { instant: now, unix_us: i64::try_from(unix_us).unwrap_or(i64::MAX) };
        Driver {
            shard: Shard::new(start.config, start.seed, began),
            ports: Ports { udp: start.udp, tcp: start.tcp, epoll, links: HashMap::new(), figures },
            relays: start.relays,
            waker,
            inbox,
            words: HashMap::new(),
            asked: HashMap::new(),
            last_question: 0,
            outbox: start.outbox,
            departures: start.departures,
            housekeeping_at: now,
            stopping: None,
        }
        .run(now);
    })?;
    Ok((handle, thread))
}

/// Tokens of the poller; TCP connections follow.
const UDP: u64 = 0;
const LISTENER: u64 = 1;
const WAKER: u64 = 2;
const FIRST_CONNECTION: u64 = 16;

/// Words for a shard that is behind are tried again after so long.
const BEHIND: Duration = Duration::from_millis(5);

/// A stopping shard waits at most so long for its last words to leave.
const FAREWELL: Duration = Duration::from_millis(300);

struct Driver {
    shard: Shard,
    ports: Ports,
    relays: Relays,
    waker: Arc<EventFd>,
    inbox: Receiver<Message>,
    words: HashMap<ConnectionId, mpsc::Sender<Response>>,
    asked: HashMap<AdminId, oneshot::Sender<Result<AdminReply, AdminError>>>,
    last_question: u64,
    /// Takes what the world outside is told.
    outbox: Option<Outbox>,
    departures: Option<Departures>,
    housekeeping_at: Instant,
    /// When it began to stop.
    stopping: Option<Instant>,
}

impl Driver {
    fn run(mut self, mut now: Instant) {
        let mut ready = [EpollEvent::empty(); 256];
        loop {
            let timeout = self.time_to_wait(now);
            let woken = self.ports.epoll.wait(&mut ready, timeout).unwrap_or(0);
            // The only clock read of the media path: everything in this turn happens now.
            now = Instant::now();
            count(&self.ports.figures.turns, 1);
            for event in &ready[..woken] {
                match event.data() {
                    UDP => self.receive(now),
                    LISTENER => self.accept(now),
                    WAKER => {
                        let _ = self.waker.read();
                    }
                    token => self.on_tcp(TcpId(token - FIRST_CONNECTION), event.events(), now),
                }
            }
            self.take_messages(now);
            self.relays.receive(&mut self.shard, now);
            // Other shards need not wait until this one has sent everything.
            self.shard.relay(now);
            self.relays.send(&mut self.shard, now);
            self.shard.handle_timeout(now, &mut |arena| self.ports.send(arena));
            self.shard.end_turn(now, &mut |arena| self.ports.send(arena));
            self.relays.send(&mut self.shard, now);
            self.ports.send(self.shard.arena());
            self.send_transmits(now);
            self.tell();
            if now >= self.housekeeping_at {
                self.housekeeping_at = now + HOUSEKEEPING;
                self.keep_house(now);
            }
            if self.stopping.is_some_and(|since| self.shard.is_empty() || now >= since + FAREWELL) {
                return;
            }
        }
    }

    fn time_to_wait(&mut self, now: Instant) -> EpollTimeout {
        let deadline =
            self.shard.poll_timeout().map_or(self.housekeeping_at, |at| at.min(self.housekeeping_at));
        let wait = deadline.saturating_duration_since(now);
        let wait = if self.relays.is_behind() { wait.min(BEHIND) } else { wait };
        // Rounded up: a deadline that is not yet due must not make the loop spin.
        let millis = u16::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
        EpollTimeout::from(millis)
    }

    fn receive(&mut self, now: Instant) {
        for _ in 0..BATCHES_PER_TURN {
            let shard = &mut self.shard;
            let received = self.ports.udp.receive(|datagram| {
                let path = Path::udp(datagram.local, datagram.remote);
                shard.handle_datagram(now, path, datagram.bytes);
            });
            let Ok(received) = received else { return };
            // Answers to NACKs leave at once.
            if self.shard.arena().is_ripe() {
                self.ports.send(self.shard.arena());
            }
            count(&self.ports.figures.received_datagrams, received);
            if received < BATCH {
                return;
            }
        }
    }

    fn accept(&mut self, now: Instant) {
        while let Some(id) = self.ports.tcp.accept(now) {
            let Some(socket) = self.ports.tcp.socket(id) else { continue };
            let event = EpollEvent::new(EpollFlags::EPOLLIN, id.0 + FIRST_CONNECTION);
            if self.ports.epoll.add(socket, event).is_err() {
                self.ports.tcp.remove(id);
            }
        }
    }

    fn on_tcp(&mut self, id: TcpId, events: EpollFlags, now: Instant) {
        if events.contains(EpollFlags::EPOLLOUT) {
            let turn = self.ports.tcp.write(id);
            self.after_tcp(id, &turn, now);
        }
        if events.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
            let shard = &mut self.shard;
            let turn = self.ports.tcp.read(id, |path, frame| shard.handle_datagram(now, path, frame));
            self.after_tcp(id, &turn, now);
        }
    }

    fn after_tcp(&mut self, id: TcpId, turn: &Turn, now: Instant) {
        match turn {
            Turn::Closed => {
                if let Some(path) = self.ports.tcp.remove(id) {
                    self.shard.handle_path_gone(now, path);
                }
            }
            Turn::Alive { wants_write } => self.ports.watch(id, *wants_write),
        }
    }

    fn take_messages(&mut self, now: Instant) {
        for _ in 0..WAITING_COMMANDS {
            let message = match self.inbox.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => Message::Stop,
            };
            match message {
                Message::Command(command) => self.shard.handle_command(now, command),
                Message::Open(connection, words) => {
                    self.words.insert(connection, words);
                }
                Message::Forget(connection) => {
                    self.words.remove(&connection);
                }
                Message::Ask(request, reply) => {
                    self.last_question += 1;
                    let id = AdminId(self.last_question);
                    self.asked.insert(id, reply);
                    self.shard.handle_command(now, Command::Admin { id, request });
                }
                Message::OpenLink(link, sender) => {
                    self.ports.links.insert(link, sender);
                }
                Message::ForgetLink(link) => {
                    self.ports.links.remove(&link);
                }
                Message::Stop => {
                    if self.stopping.replace(now).is_none() {
                        self.shard.handle_command(now, Command::Close);
                    }
                    return;
                }
            }
        }
    }

    /// Sends STUN, DTLS and SCTP: a handshake's flight is several datagrams, and many handshakes share a turn.
    fn send_transmits(&mut self, now: Instant) {
        let mut transmits = Vec::new();
        while let Some(transmit) = self.shard.poll_transmit() {
            match transmit.path.protocol {
                Protocol::Udp => transmits.push(transmit),
                Protocol::Tcp(id) => {
                    let turn = self.ports.tcp.send(id, &transmit.bytes);
                    self.after_tcp(id, &turn, now);
                }
            }
        }
        for transmits in transmits.chunks(BATCH) {
            let runs = transmits.iter().map(|transmit| SendRun {
                local: transmit.path.local,
                remote: transmit.path.remote,
                bytes: &transmit.bytes,
                segment: transmit.bytes.len(),
            });
            let runs: Vec<SendRun<'_>> = runs.collect();
            self.ports.flush(&runs);
        }
    }

    /// Hands out what the state machine has to say.
    fn tell(&mut self) {
        while let Some(event) = self.shard.poll_event() {
            match event {
                Event::Say { connection, response } => self.say(connection, *response),
                Event::CloseConnection(connection) => {
                    // What was said before stays in the channel and is still written.
                    self.words.remove(&connection);
                }
                Event::Admin { id, reply } => {
                    if let Some(asker) = self.asked.remove(&id) {
                        let _ = asker.send(reply);
                    }
                }
                Event::Mixer { link, message } => {
                    if let Some(sender) = self.ports.links.get(&link) {
                        let ends = message == sfu_core::shard::mixer::MixerMessage::RoomClosed;
                        // A mixer that does not read is cut by its link; it comes back.
                        let _ = sender.send(&mixers::to_wire(message));
                        if ends {
                            self.ports.links.remove(&link);
                        }
                    }
                }
                Event::Notice { notice, unix_us } => {
                    if let Some(departures) = &self.departures {
                        departures.note(&notice);
                    }
                    if let Some(outbox) = &self.outbox {
                        outbox.push(notice, unix_us);
                    }
                }
                Event::PathClaimed(path) => {
                    if let Protocol::Tcp(id) = path.protocol {
                        self.ports.tcp.claim(id);
                    }
                }
            }
        }
    }

    fn say(&mut self, connection: ConnectionId, response: Response) {
        let Some(words) = self.words.get(&connection) else { return };
        match words.try_send(response) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                // It does not read: cut it, so that it resumes with the whole picture.
                count(&self.ports.figures.words_dropped, 1);
                self.words.remove(&connection);
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                self.words.remove(&connection);
            }
        }
    }

    fn keep_house(&mut self, now: Instant) {
        for id in self.ports.tcp.strangers(now) {
            if let Some(path) = self.ports.tcp.remove(id) {
                self.shard.handle_path_gone(now, path);
            }
        }
        self.relays.share_loads(&mut self.shard);
        let figures = &self.ports.figures;
        *figures.stats.lock().unwrap_or_else(PoisonError::into_inner) = self.shard.stats();
        let connections = u64::try_from(self.ports.tcp.len()).unwrap_or(u64::MAX);
        figures.tcp_connections.store(connections, Ordering::Relaxed);
        figures.tcp_dropped.store(self.ports.tcp.dropped, Ordering::Relaxed);
    }
}

/// The candidates of a shard: UDP on every address first, then TCP.
pub(crate) fn candidates(ips: &[std::net::IpAddr], udp: u16, tcp: u16) -> Vec<Candidate> {
    use sfu_core::sdp::CandidateProtocol;
    let of = |port: u16, protocol: CandidateProtocol| {
        ips.iter().map(move |&ip| Candidate { address: (ip, port).into(), protocol })
    };
    of(udp, CandidateProtocol::Udp).chain(of(tcp, CandidateProtocol::TcpPassive)).collect()
}
