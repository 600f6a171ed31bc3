//! Calls of the server APIs to one participant: LiveKit's RPC over data channels.
//!
//! It decides who waits for which answer, and until when. The answer of a participant is for the server
//! alone and goes to nobody else.
//!
//! ```text
//! asked ──acknowledged within 7 s──▶ accepted ──answered in time──▶ ended
//!   └───────────────── too late, or the participant leaves ──────────┘
//! ```

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::packet::{CallReply, call_message};
use super::sid::Entropy;
use super::{AdminError, Effect, Now, ParticipantKey, Room, Routed};

/// Names one call, so that its end finds its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// What a participant is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Name of the method.
    pub method: String,
    /// Its argument.
    pub payload: String,
    /// Until the answer; `None`: 15 s.
    pub timeout: Option<Duration>,
}

/// Why a call brought no answer; texts as LiveKit's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// The participant's method failed, or it has none of this name.
    #[error("{message}")]
    Refused {
        /// LiveKit's or the application's number.
        code: u32,
        /// In words.
        message: String,
        /// The application's own.
        data: String,
    },
    /// The argument is longer than 15 KiB, or the name than 64 bytes.
    #[error("Request payload too large")]
    TooLarge,
    /// The participant did not acknowledge the call.
    #[error("Connection timeout")]
    NotReached,
    /// It acknowledged and did not answer.
    #[error("Response timeout")]
    NotAnswered,
    /// It left meanwhile.
    #[error("Recipient disconnected")]
    Left,
}

/// Calls that wait for their answers.
#[derive(Debug, Default)]
pub(super) struct Calls {
    waiting: BTreeMap<CallId, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    /// The call's name on the wire.
    name: String,
    callee: ParticipantKey,
    acknowledged: bool,
    acknowledge_by: Instant,
    answer_by: Instant,
}

impl Waiting {
    fn deadline(&self) -> Instant {
        if self.acknowledged { self.answer_by } else { self.answer_by.min(self.acknowledge_by) }
    }
}

impl Calls {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.values().map(Waiting::deadline).min()
    }

    fn find(&self, callee: ParticipantKey, name: &str) -> Option<CallId> {
        let of_callee = |(_, call): &(&CallId, &Waiting)| call.callee == callee && call.name == name;
        self.waiting.iter().find(of_callee).map(|(&id, _)| id)
    }
}

impl Room {
    /// Asks a participant; [`Effect::CallEnded`] brings the answer.
    ///
    /// # Errors
    /// Nobody is asked: there is no such participant, the call is too large, or too many wait.
    pub fn call(
        &mut self,
        id: CallId,
        identity: &str,
        call: &Call,
        entropy: &mut Entropy,
        now: Now,
    ) -> Result<(), AdminError> {
        let callee = self.key_of(identity).ok_or(AdminError::NotFound)?;
        if call.payload.len() > MAX_PAYLOAD_BYTES || call.method.len() > MAX_METHOD_BYTES {
            return Err(AdminError::Call(CallFailure::TooLarge));
        }
        if self.calls.waiting.len() >= MAX_CALLS {
            return Err(AdminError::TooMany);
        }
        let timeout = call.timeout.unwrap_or(ANSWER_TIMEOUT).min(MAX_TIMEOUT);
        let name = format!("{:032x}", entropy.bits());
        let bytes = call_message(&name, call, timeout).into();
        self.calls.waiting.insert(
            id,
            Waiting {
                name,
                callee,
                acknowledged: false,
                acknowledge_by: now.instant + ACKNOWLEDGE_TIMEOUT,
                answer_by: now.instant + timeout,
            },
        );
        self.effects.push_back(Effect::Deliver(Routed { to: vec![callee], lossy: false, bytes }));
        Ok(())
    }

    /// Takes a participant's word about a call; false if it is about none of ours.
    pub(super) fn on_call_reply(&mut self, callee: ParticipantKey, reply: CallReply) -> bool {
        let name = match &reply {
            CallReply::Acknowledged { call } | CallReply::Answered { call, .. } => call,
        };
        let Some(id) = self.calls.find(callee, name) else { return false };
        match reply {
            CallReply::Acknowledged { .. } => {
                if let Some(call) = self.calls.waiting.get_mut(&id) {
                    call.acknowledged = true;
                }
            }
            CallReply::Answered { result, .. } => self.end_call(id, result),
        }
        true
    }

    pub(super) fn end_calls_of(&mut self, callee: ParticipantKey) {
        let calls = self.calls.waiting.iter().filter(|(_, call)| call.callee == callee);
        let ids: Vec<CallId> = calls.map(|(&id, _)| id).collect();
        ids.into_iter().for_each(|id| self.end_call(id, Err(CallFailure::Left)));
    }

    pub(super) fn end_late_calls(&mut self, now: Now) {
        let late = self.calls.waiting.iter().filter(|(_, call)| now.instant >= call.deadline());
        let late: Vec<(CallId, bool)> = late.map(|(&id, call)| (id, call.acknowledged)).collect();
        for (id, acknowledged) in late {
            let failure = if acknowledged { CallFailure::NotAnswered } else { CallFailure::NotReached };
            self.end_call(id, Err(failure));
        }
    }

    fn end_call(&mut self, id: CallId, result: Result<String, CallFailure>) {
        self.calls.waiting.remove(&id);
        self.effects.push_back(Effect::CallEnded { id, result });
    }
}

/// LiveKit's bounds.
const MAX_PAYLOAD_BYTES: usize = 15 * 1024;
const MAX_METHOD_BYTES: usize = 64;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(7);

/// An HTTP request is held open for so long at most.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

/// Of one room.
const MAX_CALLS: usize = 1000;
