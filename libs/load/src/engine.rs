//! The generator's media thread: all sockets of all participants on one core.
//!
//! It waits, hands datagrams to peers, and lets them send what is due. What a peer does is decided there.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use sfu_core::transport::Certificate;
use tokio::sync::oneshot;

use crate::peer::Peer;
use crate::socket::Epoch;
use crate::stream::StreamPlan;
use crate::tally::Histogram;

/// Which of a participant's two transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Publisher,
    Subscriber,
}

/// A participant's transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PeerKey {
    pub(crate) person: u32,
    pub(crate) side: Side,
}

/// What the thread is asked.
pub(crate) enum Command {
    /// The server offers to a subscriber; the reply is our answer.
    Answer(u32, String, oneshot::Sender<Result<String, String>>),
    /// A publisher offers streams with their names; the reply is the offer. `bool`: the server is lite.
    Offer(u32, Vec<StreamPlan>, Vec<(String, String)>, bool, oneshot::Sender<Result<String, String>>),
    /// The server answered a publisher.
    Accept(u32, String),
    /// Counting begins anew.
    Measure(oneshot::Sender<()>),
    /// What was counted since.
    Count(oneshot::Sender<Counts>),
}

/// What all participants together saw.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) received: u64,
    pub(crate) lost: u64,
    pub(crate) delays: Histogram,
    /// Processor time of the media thread since counting began.
    pub(crate) cpu: Duration,
    /// Transports whose DTLS is done, and all.
    pub(crate) connected: (usize, usize),
    /// When each participant's first media came.
    pub(crate) first_media: BTreeMap<u32, Instant>,
}

/// The thread is gone, which only a bug or the end of the run explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the media thread is not running")]
pub struct EngineGone;

/// Speaks to the thread; the last one that is dropped ends it.
#[derive(Clone)]
pub(crate) struct EngineHandle {
    commands: SyncSender<Command>,
    waker: Arc<EventFd>,
}

impl EngineHandle {
    /// Asks and waits for the reply.
    pub(crate) async fn ask<R>(
        &self,
        command: impl FnOnce(oneshot::Sender<R>) -> Command,
    ) -> Result<R, EngineGone> {
        let (reply, answer) = oneshot::channel();
        self.tell(command(reply))?;
        answer.await.map_err(|_| EngineGone)
    }

    pub(crate) fn tell(&self, command: Command) -> Result<(), EngineGone> {
        self.commands.send(command).map_err(|_| EngineGone)?;
        // A full counter means that the thread is woken anyway.
        let _ = self.waker.write(1);
        Ok(())
    }
}

/// Starts the thread. Sockets are bound to `ip`; `publishers` share the time between two frames.
pub(crate) fn start(ip: IpAddr, publishers: usize) -> io::Result<(EngineHandle, JoinHandle<()>)> {
    let (commands, inbox) = sync_channel(COMMANDS);
    let waker = Arc::new(EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?);
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&*waker, EpollEvent::new(EpollFlags::EPOLLIN, WAKER))?;
    let certificate = Certificate::generate().map_err(io::Error::other)?;
    let now = Instant::now();
    let engine = Engine {
        ip,
        publishers,
        certificate,
        epoch: Epoch::now(),
        peers: BTreeMap::new(),
        publishing: Vec::new(),
        epoll,
        waker: Arc::clone(&waker),
        inbox,
        delays: Histogram::default(),
        cpu_before: Duration::ZERO,
        tick_at: now,
    };
    let thread = std::thread::Builder::new().name("load-media".into()).spawn(move || engine.run())?;
    Ok((EngineHandle { commands, waker }, thread))
}

struct Engine {
    ip: IpAddr,
    publishers: usize,
    certificate: Certificate,
    epoch: Epoch,
    peers: BTreeMap<PeerKey, Peer>,
    /// Those that send frames.
    publishing: Vec<PeerKey>,
    epoll: Epoll,
    waker: Arc<EventFd>,
    inbox: Receiver<Command>,
    delays: Histogram,
    cpu_before: Duration,
    tick_at: Instant,
}

impl Engine {
    fn run(mut self) {
        let mut ready = [EpollEvent::empty(); 256];
        let mut now = Instant::now();
        let mut buffer = [0; 2_048];
        loop {
            let count = self.epoll.wait(&mut ready, self.time_to_wait(now)).unwrap_or(0);
            for event in &ready[..count] {
                match event.data() {
                    WAKER => {
                        let _ = self.waker.read();
                    }
                    token => self.receive(token, &mut buffer),
                }
            }
            now = Instant::now();
            if !self.take_commands(now) {
                return;
            }
            for key in &self.publishing {
                if let Some(peer) = self.peers.get_mut(key) {
                    peer.send_frames(now);
                }
            }
            if now >= self.tick_at {
                self.tick_at = now + TICK;
                self.tick(now);
            }
        }
    }

    fn time_to_wait(&self, now: Instant) -> EpollTimeout {
        let publishing = self.publishing.iter().filter_map(|key| self.peers.get(key));
        let frames = publishing.filter_map(Peer::next_frame_at);
        let deadline = frames.fold(self.tick_at, Instant::min);
        let wait = deadline.saturating_duration_since(now).as_micros().div_ceil(1000);
        EpollTimeout::from(u16::try_from(wait).unwrap_or(u16::MAX))
    }

    fn receive(&mut self, token: u64, buffer: &mut [u8; 2_048]) {
        let Some(peer) = self.peers.get_mut(&key(token)) else { return };
        for _ in 0..DATAGRAMS_PER_TURN {
            if !peer.receive(buffer, &mut self.delays) {
                return;
            }
        }
    }

    /// False when nobody can ask any more.
    fn take_commands(&mut self, now: Instant) -> bool {
        loop {
            match self.inbox.try_recv() {
                Ok(command) => self.handle(command, now),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn handle(&mut self, command: Command, now: Instant) {
        // Who asked may have given up; then nobody hears the reply.
        match command {
            Command::Answer(person, sdp, reply) => {
                let peer = self.peer(PeerKey { person, side: Side::Subscriber });
                let _ = reply.send(peer.and_then(|peer| peer.answer(&sdp, now)));
            }
            Command::Offer(person, streams, names, lite, reply) => {
                let peer = self.peer(PeerKey { person, side: Side::Publisher });
                let _ = reply.send(peer.map(|peer| peer.offer(streams, &names, lite)));
            }
            Command::Accept(person, sdp) => {
                let peer = self.peer(PeerKey { person, side: Side::Publisher });
                if let Err(error) = peer.and_then(|peer| peer.accept(&sdp, now)) {
                    tracing::warn!(person, error, "the server's answer was not accepted");
                }
            }
            Command::Measure(reply) => {
                self.delays = Histogram::default();
                self.peers.values_mut().for_each(|peer| peer.received.clear());
                self.cpu_before = thread_cpu_time();
                let _ = reply.send(());
            }
            Command::Count(reply) => {
                let _ = reply.send(self.count());
            }
        }
    }

    fn count(&self) -> Counts {
        let mut counts = Counts {
            delays: self.delays.clone(),
            cpu: thread_cpu_time().saturating_sub(self.cpu_before),
            ..Counts::default()
        };
        for (key, peer) in &self.peers {
            let (received, lost) = peer.received.received_and_lost();
            counts.received += received;
            counts.lost += lost;
            counts.connected.0 += usize::from(peer.is_connected());
            counts.connected.1 += 1;
            if let Some(at) = peer.first_media {
                counts.first_media.insert(key.person, at);
            }
        }
        counts
    }

    /// The peer of this name, made at its first use.
    fn peer(&mut self, key: PeerKey) -> Result<&mut Peer, String> {
        if !self.peers.contains_key(&key) {
            let peer =
                Peer::new(&self.certificate, self.ip, self.epoch).map_err(|error| error.to_string())?;
            let event = EpollEvent::new(EpollFlags::EPOLLIN, token(key));
            self.epoll.add(&peer.socket, event).map_err(|error| error.to_string())?;
            self.peers.insert(key, peer);
        }
        self.peers.get_mut(&key).ok_or_else(|| "no such peer".to_owned())
    }

    fn tick(&mut self, now: Instant) {
        let share = FRAME / u32::try_from(self.publishers.max(1)).unwrap_or(1);
        for (&key, peer) in &mut self.peers {
            peer.tick(now);
            // Frames of all publishers at once would be a burst that no crowd makes.
            if peer.start_streams(now, share * key.person) {
                self.publishing.push(key);
            }
        }
    }
}

fn token(key: PeerKey) -> u64 {
    u64::from(key.person) * 2 + u64::from(key.side == Side::Subscriber)
}

fn key(token: u64) -> PeerKey {
    let side = if token % 2 == 1 { Side::Subscriber } else { Side::Publisher };
    PeerKey { person: u32::try_from(token / 2).unwrap_or(u32::MAX), side }
}

/// Processor time of the calling thread so far, user and system; zero where the kernel does not tell.
fn thread_cpu_time() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

const WAKER: u64 = u64::MAX;
const COMMANDS: usize = 4_096;
/// One socket's share of a turn.
const DATAGRAMS_PER_TURN: usize = 64;
/// Retries, feedback and reports are looked at this often.
const TICK: Duration = Duration::from_millis(5);
/// Of 30 pictures a second.
const FRAME: Duration = Duration::from_millis(33);
