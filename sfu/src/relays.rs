//! Carries words and packets from shard thread to shard thread.
//!
//! It decides what happens when a shard is too far behind: packets are lost and counted, words wait. What
//! crosses at all is `sfu_core::shard::relay`'s business.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Instant;

use nix::sys::eventfd::{EfdFlags, EventFd};
use sfu_core::shard::Shard;
use sfu_core::shard::relay::{PacketBatch, ShardIndex, Word};

/// Batches that wait for one shard: a turn brings one of each publication, so this is a long stall.
const WAITING_BATCHES: usize = 1024;

/// Words that wait in a shard's inbox; more wait with their senders.
const WAITING_WORDS: usize = 4096;

/// Words that wait with one sender for one shard. A thread that has not read so many is gone for good.
const HELD_WORDS: usize = 1 << 20;

/// One shard's end of the relays to all others.
pub(crate) struct Relays {
    index: ShardIndex,
    /// Wakes this shard's thread.
    pub(crate) waker: Arc<EventFd>,
    words: Receiver<(ShardIndex, Word)>,
    packets: Receiver<Arc<PacketBatch>>,
    /// By [`ShardIndex`], this one included and unused.
    others: Vec<Other>,
    loads: Arc<[AtomicUsize]>,
    /// Reused for each look at the loads.
    seen: Vec<usize>,
}

struct Other {
    ends: Ends,
    /// Words that found its inbox full.
    held: VecDeque<Word>,
    /// It was sent something in this turn.
    is_due: bool,
}

#[derive(Clone)]
struct Ends {
    words: SyncSender<(ShardIndex, Word)>,
    packets: SyncSender<Arc<PacketBatch>>,
    waker: Arc<EventFd>,
}

/// The ends of `shards` shards, in order.
pub(crate) fn between(shards: u16) -> io::Result<Vec<Relays>> {
    let loads: Arc<[AtomicUsize]> = (0..shards).map(|_| AtomicUsize::new(0)).collect();
    let (mut ends, mut inboxes) = (Vec::new(), Vec::new());
    for _ in 0..shards {
        let (words, words_in) = sync_channel(WAITING_WORDS);
        let (packets, packets_in) = sync_channel(WAITING_BATCHES);
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let waker = Arc::new(EventFd::from_value_and_flags(0, flags)?);
        ends.push(Ends { words, packets, waker });
        inboxes.push((words_in, packets_in));
    }
    let other = |ends: &Ends| Other { ends: ends.clone(), held: VecDeque::new(), is_due: false };
    let relays = inboxes.into_iter().zip(0..shards).map(|((words, packets), index)| Relays {
        index: ShardIndex(index),
        waker: Arc::clone(&ends[usize::from(index)].waker),
        words,
        packets,
        others: ends.iter().map(other).collect(),
        loads: Arc::clone(&loads),
        seen: vec![0; usize::from(shards)],
    });
    Ok(relays.collect())
}

impl Relays {
    /// Gives the shard what the others have sent: words first, because they announce what packets are of.
    pub(crate) fn receive(&mut self, shard: &mut Shard, now: Instant) {
        for _ in 0..WAITING_WORDS {
            let Ok((from, word)) = self.words.try_recv() else { break };
            shard.handle_word(now, from, word);
        }
        for _ in 0..WAITING_BATCHES {
            let Ok(batch) = self.packets.try_recv() else { break };
            shard.handle_packets(now, &batch);
        }
    }

    /// Sends what the shard has for the others, and wakes those who got something.
    pub(crate) fn send(&mut self, shard: &mut Shard, now: Instant) {
        for place in 0..self.others.len() {
            self.flush_held(place);
        }
        while let Some((to, word)) = shard.poll_word() {
            self.send_word(to, word);
        }
        while let Some((to, batch)) = shard.poll_packets() {
            let Some(other) = self.others.get_mut(to.index()) else { continue };
            match other.ends.packets.try_send(batch) {
                Ok(()) => other.is_due = true,
                Err(TrySendError::Full(batch)) => shard.handle_lost_packets(now, &batch),
                // It has stopped, and its rooms' homes do so, too.
                Err(TrySendError::Disconnected(_)) => {}
            }
        }
        for other in self.others.iter_mut().filter(|other| other.is_due) {
            other.is_due = false;
            // A full counter means that the thread is woken anyway.
            let _ = other.ends.waker.write(1);
        }
    }

    /// True while words wait for a shard that is behind: the next turn must come by itself.
    pub(crate) fn is_behind(&self) -> bool {
        self.others.iter().any(|other| !other.held.is_empty())
    }

    /// Tells the others how many participants this shard serves, and the shard how many they do.
    pub(crate) fn share_loads(&mut self, shard: &mut Shard) {
        self.loads[self.index.index()].store(shard.stats().transports, Ordering::Relaxed);
        for (seen, load) in self.seen.iter_mut().zip(self.loads.iter()) {
            *seen = load.load(Ordering::Relaxed);
        }
        shard.set_loads(&self.seen);
    }

    fn send_word(&mut self, to: ShardIndex, word: Word) {
        let Some(other) = self.others.get_mut(to.index()) else { return };
        if other.held.is_empty() {
            match other.ends.words.try_send((self.index, word)) {
                Ok(()) => other.is_due = true,
                Err(TrySendError::Full((_, word))) => other.held.push_back(word),
                Err(TrySendError::Disconnected(_)) => {}
            }
        } else if other.held.len() < HELD_WORDS {
            other.held.push_back(word);
        } else {
            tracing::error!(shard = to.0, "a shard's thread does not read any more");
        }
    }

    fn flush_held(&mut self, place: usize) {
        let other = &mut self.others[place];
        while let Some(word) = other.held.pop_front() {
            match other.ends.words.try_send((self.index, word)) {
                Ok(()) => other.is_due = true,
                Err(TrySendError::Full((_, word))) => {
                    other.held.push_front(word);
                    return;
                }
                Err(TrySendError::Disconnected(_)) => other.held.clear(),
            }
        }
    }
}
