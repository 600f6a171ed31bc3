//! Messages on data channels: who may send, who gets them, what a resumed client gets again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::packet::{BadPacket, Envelope};
use super::sid::ParticipantSid;
use super::{Effect, Now, ParticipantKey, Room};

/// A message with its receivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// Who gets it.
    pub to: Vec<ParticipantKey>,
    /// On the unordered channel without retransmission.
    pub lossy: bool,
    /// A LiveKit `DataPacket`.
    pub bytes: Arc<[u8]>,
}

/// Why a message is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageRefused {
    /// Its sender may not send messages.
    #[error("sending messages is not allowed")]
    NotAllowed,
    /// It is longer than the limit.
    #[error("the message is too long")]
    TooLong,
    /// It came already.
    #[error("the message is a repetition")]
    Repeated,
    /// It is no message.
    #[error(transparent)]
    Bad(#[from] BadPacket),
    /// Its sender is gone.
    #[error("no such participant")]
    Gone,
}

/// Reliable messages of the last moments, for clients that resume.
#[derive(Debug, Default)]
pub(super) struct MessageCache {
    entries: VecDeque<Cached>,
    bytes: usize,
}

#[derive(Debug)]
struct Cached {
    at: Instant,
    sender: ParticipantSid,
    sequence: u32,
    message: Routed,
}

impl MessageCache {
    fn push(&mut self, entry: Cached) {
        let now = entry.at;
        self.bytes += entry.message.bytes.len();
        self.entries.push_back(entry);
        let old = |e: &Cached| now.duration_since(e.at) > CACHE_TIME;
        while self.entries.front().is_some_and(|e| old(e) || self.bytes > CACHE_BYTES) {
            if let Some(entry) = self.entries.pop_front() {
                self.bytes -= entry.message.bytes.len();
            }
        }
    }
}

impl Room {
    /// Takes a message from a participant's data channel and queues it for its receivers.
    ///
    /// # Errors
    /// See [`MessageRefused`]; nobody gets it then.
    pub fn handle_message(
        &mut self,
        key: ParticipantKey,
        lossy: bool,
        bytes: &[u8],
        now: Now,
    ) -> Result<(), MessageRefused> {
        let participant = self.participants.get_mut(&key).ok_or(MessageRefused::Gone)?;
        if !participant.info.permission.can_publish_data {
            return Err(MessageRefused::NotAllowed);
        }
        if bytes.len() > self.limits.message_bytes {
            return Err(MessageRefused::TooLong);
        }
        let (sid, identity) = (participant.info.sid.clone(), participant.info.identity.clone());
        let mut envelope = Envelope::read(bytes, &sid, &identity)?;
        let (sequence, reply) = (envelope.sequence, envelope.reply.take());
        if !lossy && sequence != 0 {
            if sequence <= participant.last_message {
                return Err(MessageRefused::Repeated);
            }
            participant.last_message = sequence;
        }
        if reply.is_some_and(|reply| self.on_call_reply(key, reply)) {
            return Ok(());
        }
        let to = self.receivers(Some(key), &envelope.identities, &envelope.sids, envelope.metrics);
        let message = Routed { to, lossy, bytes: envelope.into_bytes(lossy).into() };
        if !lossy && sequence != 0 {
            self.cache.push(Cached { at: now.instant, sender: sid, sequence, message: message.clone() });
        }
        self.effects.push_back(Effect::Deliver(message));
        Ok(())
    }

    /// Sends a message from the server.
    pub fn send_message(&mut self, bytes: Vec<u8>, lossy: bool, identities: &[String], sids: &[String]) {
        let to = self.receivers(None, identities, sids, false);
        self.effects.push_back(Effect::Deliver(Routed { to, lossy, bytes: bytes.into() }));
    }

    /// Sends a resumed client the messages that it has not got.
    pub fn replay_messages(&mut self, key: ParticipantKey, received: &[(ParticipantSid, u32)], now: Now) {
        let mut last: BTreeMap<&ParticipantSid, u32> = BTreeMap::new();
        for (sid, sequence) in received {
            let known = last.entry(sid).or_default();
            *known = (*known).max(*sequence);
        }
        let missed = |e: &&Cached| {
            now.instant.duration_since(e.at) <= CACHE_TIME
                && e.message.to.contains(&key)
                && last.get(&e.sender).is_none_or(|&last| e.sequence > last)
        };
        let again: Vec<_> = self
            .cache
            .entries
            .iter()
            .filter(missed)
            .map(|e| Routed { to: vec![key], ..e.message.clone() })
            .collect();
        self.effects.extend(again.into_iter().map(Effect::Deliver));
    }

    fn receivers(
        &self,
        sender: Option<ParticipantKey>,
        identities: &[String],
        sids: &[String],
        metrics: bool,
    ) -> Vec<ParticipantKey> {
        let everybody = identities.is_empty() && sids.is_empty();
        self.participants
            .values()
            .filter(|p| Some(p.key) != sender)
            .filter(|p| !metrics || p.info.permission.can_subscribe_metrics)
            .filter(|p| {
                everybody
                    || identities.contains(&p.info.identity)
                    || sids.iter().any(|s| s == p.info.sid.as_str())
            })
            .map(|p| p.key)
            .collect()
    }
}

/// LiveKit's time: a resume takes one to two seconds.
const CACHE_TIME: Duration = Duration::from_secs(2);

/// 64 messages of the largest size; a busy room forgets earlier.
const CACHE_BYTES: usize = 4 * 1024 * 1024;
