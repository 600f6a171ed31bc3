//! The TURN server's thread: waits on its sockets, feeds the state machine, does what it says.
//!
//! ```text
//! wait ─▶ read the clock ─▶ one socket ─▶ act ─▶ next socket … ─▶ deadlines ─▶ act ─▶ wait
//! ```

use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;
use rustls::ServerConfig;
use sfu_core::room::Now;
use sfu_core::seed::Seed;
use sfu_core::transport::{Path, Protocol, TcpId};
use sfu_core::turn::{AllocationId, Config, Output, Secret, Server};

use super::Figures;
use super::departures::Departure;
use super::sockets::AllocationSockets;
use super::streams::Streams;
use crate::connections::Bounds;
use crate::datagrams::{BATCH, SendRun, UdpPort};
use crate::tcp::Turn;

/// Batches of datagrams in one turn, so that a flood does not starve the others.
const BATCHES_PER_TURN: usize = 8;

/// Connections accepted in one turn.
const ACCEPTS_PER_TURN: usize = 64;

/// How often strangers' connections and figures are looked at.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// Tokens of the poller; connections (even) and relays (odd) follow.
const UDP: u64 = 0;
const TCP: u64 = 1;
const TLS: u64 = 2;
const WAKER: u64 = 3;
const FIRST: u64 = 16;

/// What the thread waits on.
pub(super) struct Listeners {
    pub(super) udp: UdpPort,
    pub(super) tcp: TcpListener,
    pub(super) tls: Option<(TcpListener, Arc<ServerConfig>)>,
    pub(super) waker: Arc<EventFd>,
    pub(super) departed: Receiver<Departure>,
    pub(super) stop: Arc<AtomicBool>,
}

pub(super) struct Driver {
    listeners: Listeners,
    server: Server,
    sockets: AllocationSockets,
    streams: Streams,
    epoll: Epoll,
    figures: Arc<Figures>,
    /// Streams that broke while they were written to.
    broken: Vec<TcpId>,
    housekeeping_at: Instant,
}

impl Driver {
    pub(super) fn new(
        listeners: Listeners,
        (config, secret, seed): (Config, Secret, Seed),
        bounds: Bounds,
        figures: Arc<Figures>,
    ) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let readable = |token| EpollEvent::new(EpollFlags::EPOLLIN, token);
        epoll.add(&listeners.udp, readable(UDP))?;
        epoll.add(&listeners.tcp, readable(TCP))?;
        if let Some((listener, _)) = &listeners.tls {
            epoll.add(listener, readable(TLS))?;
        }
        epoll.add(&*listeners.waker, readable(WAKER))?;
        let instant = Instant::now();
        let unix_us = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let now = Now { instant, unix_us: i64::try_from(unix_us).unwrap_or(i64::MAX) };
        Ok(Self {
            listeners,
            server: Server::new(config, secret, &seed, now),
            sockets: AllocationSockets::default(),
            streams: Streams::new(bounds),
            epoll,
            figures,
            broken: Vec::new(),
            housekeeping_at: instant,
        })
    }

    pub(super) fn run(mut self) {
        let mut ready = [EpollEvent::empty(); 256];
        while !self.listeners.stop.load(Ordering::Relaxed) {
            let timeout = self.time_to_wait(Instant::now());
            let woken = self.epoll.wait(&mut ready, timeout).unwrap_or(0);
            let now = Instant::now();
            for event in &ready[..woken] {
                match event.data() {
                    UDP => self.receive(now),
                    TCP | TLS => self.accept(now, event.data()),
                    WAKER => {
                        let _ = self.listeners.waker.read();
                        self.take_departures(now);
                    }
                    token if token % 2 == 0 => {
                        self.on_stream(TcpId((token - FIRST) / 2), event.events(), now);
                    }
                    token => {
                        let (id, server) = (AllocationId((token - FIRST) / 2), &mut self.server);
                        self.sockets.receive(id, |from, bytes| server.handle_peer(now, id, from, bytes));
                    }
                }
                self.act();
            }
            self.server.handle_timeout(now);
            self.act();
            if now >= self.housekeeping_at {
                self.housekeeping_at = now + HOUSEKEEPING;
                self.keep_house(now);
            }
        }
    }

    fn time_to_wait(&self, now: Instant) -> EpollTimeout {
        let deadline =
            self.server.poll_timeout().map_or(self.housekeeping_at, |at| at.min(self.housekeeping_at));
        let wait = deadline.saturating_duration_since(now);
        // Rounded up: a deadline that is not yet due must not make the loop spin.
        EpollTimeout::from(u16::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u16::MAX))
    }

    fn receive(&mut self, now: Instant) {
        for _ in 0..BATCHES_PER_TURN {
            let server = &mut self.server;
            let received = self.listeners.udp.receive(|datagram| {
                server.handle_client(now, Path::udp(datagram.local, datagram.remote), datagram.bytes);
            });
            self.act();
            if received.map_or(true, |count| count < BATCH) {
                return;
            }
        }
    }

    fn take_departures(&mut self, now: Instant) {
        for Departure { person, void_before } in self.listeners.departed.try_iter() {
            self.server.handle_departure(now, &person, void_before);
        }
    }

    fn accept(&mut self, now: Instant, token: u64) {
        for _ in 0..ACCEPTS_PER_TURN {
            let (listener, tls) = match &self.listeners.tls {
                Some((listener, config)) if token == TLS => (listener, Some(config)),
                _ => (&self.listeners.tcp, None),
            };
            let Ok(accepted) = listener.accept() else { return };
            let Some(id) = self.streams.admit(now, accepted, tls) else { continue };
            let event = EpollEvent::new(EpollFlags::EPOLLIN, FIRST + 2 * id.0);
            let added = self.streams.socket(id).is_some_and(|socket| self.epoll.add(socket, event).is_ok());
            if !added {
                self.streams.remove(id);
            }
        }
    }

    fn on_stream(&mut self, id: TcpId, events: EpollFlags, now: Instant) {
        if events.contains(EpollFlags::EPOLLOUT) {
            let turn = self.streams.write(id);
            self.after(id, &turn);
        }
        if events.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
            let server = &mut self.server;
            let turn = self.streams.read(id, |path, message| server.handle_client(now, path, message));
            self.after(id, &turn);
        }
    }

    /// Does what the state machine says, until it says nothing.
    fn act(&mut self) {
        loop {
            while let Some(output) = self.server.poll_output() {
                match output {
                    Output::ToClient { path, bytes } => match path.protocol {
                        Protocol::Udp => {
                            let run = SendRun {
                                local: path.local,
                                remote: path.remote,
                                bytes,
                                segment: bytes.len(),
                            };
                            // What the kernel does not take is lost, as on any full path.
                            let _ = self.listeners.udp.send(&[run]);
                        }
                        Protocol::Tcp(id) => match self.streams.send(id, bytes) {
                            Turn::Closed => self.broken.push(id),
                            Turn::Alive { wants_write: true } => watch(&self.epoll, &self.streams, id, true),
                            Turn::Alive { wants_write: false } => {}
                        },
                    },
                    Output::ToPeer { id, peer, bytes } => self.sockets.send(id, peer, bytes),
                    Output::Bind { id, family } => {
                        let port = match self.sockets.open(id, family) {
                            Ok((socket, port)) => {
                                let event = EpollEvent::new(EpollFlags::EPOLLIN, FIRST + 2 * id.0 + 1);
                                self.epoll.add(socket, event).is_ok().then_some(port)
                            }
                            Err(error) => {
                                tracing::warn!(%error, "an allocation's socket was not opened");
                                None
                            }
                        };
                        self.server.handle_bound(id, port);
                    }
                    Output::Close { id } => self.sockets.close(id),
                }
            }
            if self.broken.is_empty() {
                return;
            }
            for id in std::mem::take(&mut self.broken) {
                self.close(id);
            }
        }
    }

    fn after(&mut self, id: TcpId, turn: &Turn) {
        match turn {
            Turn::Closed => self.close(id),
            Turn::Alive { wants_write } => watch(&self.epoll, &self.streams, id, *wants_write),
        }
    }

    fn close(&mut self, id: TcpId) {
        if let Some(path) = self.streams.remove(id) {
            self.server.handle_closed(path);
        }
    }

    fn keep_house(&mut self, now: Instant) {
        let server = &self.server;
        for id in self.streams.strangers(now, |path| server.has_allocation(path)) {
            self.close(id);
        }
        let figures = &self.figures;
        *figures.counters.lock().unwrap_or_else(PoisonError::into_inner) = self.server.counters().clone();
        for (figure, value) in
            [(&figures.allocations, self.server.allocations()), (&figures.connections, self.streams.len())]
        {
            figure.store(u64::try_from(value).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        figures.dropped.store(self.streams.dropped, Ordering::Relaxed);
        figures.refused.store(self.streams.refused(), Ordering::Relaxed);
    }
}

/// Asks the poller for a stream's input, and for room to write if something waits.
fn watch(epoll: &Epoll, streams: &Streams, id: TcpId, wants_write: bool) {
    let mut flags = EpollFlags::EPOLLIN;
    flags.set(EpollFlags::EPOLLOUT, wants_write);
    if let Some(socket) = streams.socket(id) {
        let mut event = EpollEvent::new(flags, FIRST + 2 * id.0);
        let _ = epoll.modify(socket, &mut event);
    }
}
