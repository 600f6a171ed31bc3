//! What a shard's thread sends through: its sockets, and the links of mixers.
//!
//! It decides how the send arena reaches them: runs to UDP paths in batches, frames to TCP, packets to mixers.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use sfu_core::forward::SendArena;
use sfu_core::shard::Destination;
use sfu_core::shard::mixer::{LinkId, TrackHandle};
use sfu_core::transport::{Protocol, TcpId};

use super::FIRST_CONNECTION;
use super::handle::{Figures, count};
use crate::datagrams::{BATCH, MAX_SEGMENTS, MAX_SEND_BYTES, SendRun, UdpPort};
use crate::tcp::{TcpPort, Turn};

pub(super) struct Ports {
    pub(super) udp: UdpPort,
    pub(super) tcp: TcpPort,
    pub(super) epoll: Epoll,
    pub(super) links: HashMap<LinkId, link::SfuSender>,
    pub(super) figures: Arc<Figures>,
}

impl Ports {
    /// Sends what the arena holds and clears it.
    pub(super) fn send(&mut self, arena: &mut SendArena<Destination>) {
        if arena.is_empty() {
            return;
        }
        let mut batch: Vec<SendRun<'_>> = Vec::with_capacity(BATCH);
        let mut stuck = Vec::new();
        for run in arena.runs() {
            match run.to {
                Destination::Path(path) => match path.protocol {
                    Protocol::Udp => {
                        debug_assert!(
                            run.count <= MAX_SEGMENTS && run.len <= MAX_SEND_BYTES,
                            "one run, one call"
                        );
                        let (local, remote) = (path.local, path.remote);
                        batch.push(SendRun { local, remote, bytes: arena.bytes(run), segment: run.segment });
                        if batch.len() == BATCH {
                            self.flush(&batch);
                            batch.clear();
                        }
                    }
                    Protocol::Tcp(id) => {
                        for datagram in arena.datagrams(run) {
                            // A closed socket is noticed by its read; only writability is asked for here.
                            if matches!(self.tcp.send(id, datagram), Turn::Alive { wants_write: true }) {
                                stuck.push(id);
                            }
                        }
                    }
                },
                Destination::Mixer(link, TrackHandle(track)) => {
                    if let Some(sender) = self.links.get(&link) {
                        for packet in arena.datagrams(run) {
                            sender.send_rtp(wire::link::TrackHandle(track), packet);
                        }
                    }
                }
            }
        }
        self.flush(&batch);
        for id in stuck {
            self.watch(id, true);
        }
        arena.clear();
    }

    /// Waits for a connection's next bytes and, where it wants to write, for room to write.
    pub(super) fn watch(&self, id: TcpId, wants_write: bool) {
        let mut flags = EpollFlags::EPOLLIN;
        flags.set(EpollFlags::EPOLLOUT, wants_write);
        if let Some(socket) = self.tcp.socket(id) {
            let mut event = EpollEvent::new(flags, id.0 + FIRST_CONNECTION);
            let _ = self.epoll.modify(socket, &mut event);
        }
    }

    /// Sends a batch; what the kernel does not take is lost, as on any full path.
    pub(super) fn flush(&self, mut runs: &[SendRun<'_>]) {
        while !runs.is_empty() {
            match self.udp.send(runs) {
                Ok(taken) => {
                    let datagrams: usize =
                        runs[..taken].iter().map(|run| run.bytes.len().div_ceil(run.segment.max(1))).sum();
                    count(&self.figures.sent_datagrams, datagrams);
                    count(&self.figures.sent_runs, taken);
                    count(&self.figures.send_calls, 1);
                    runs = &runs[taken.max(1).min(runs.len())..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // The first run failed: a full buffer, or an address that cannot be reached.
                    count(&self.figures.send_failures, 1);
                    runs = &runs[1..];
                }
            }
        }
    }
}
