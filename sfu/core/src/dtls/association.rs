//! One DTLS association: guard, library and what to do when a handshake goes wrong.
//!
//! ```text
//! Waiting ──ClientHello with our cookie / at once (client)──▶ Handshaking ──Finished──▶ Connected ──▶ Closed
//!    ▲                                                           │
//!    └───────────────── forged or broken flight ─────────────────┘  (at most MAX_ATTEMPTS)
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::guard::{self, Admitted, Guard};
use super::hello::{self, COOKIE_BYTES, ClientHello};
use super::session::{RtcDtls, Session, SessionError, SessionEvent, Start};
use super::{Certificate, Event, Fingerprint, Role};
use crate::srtp::Profile;

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// At least one record was the peer's beyond doubt.
    pub(crate) authentic: bool,
    /// Nothing of it was used.
    pub(crate) dropped: bool,
}

/// Runs the handshake and carries application data.
pub(crate) struct Association {
    certificate: Certificate,
    expected: Fingerprint,
    role: Role,
    cookie: [u8; COOKIE_BYTES],
    guard: Guard,
    state: State,
    attempts: u8,
    /// What we sent last in the handshake, for a peer that repeats what it answers. The library would only
    /// stop its own timer at such a repetition.
    last_flight: Vec<Bytes>,
    /// The next datagram begins a new flight.
    flight_done: bool,
    repeated_at: Option<Instant>,
    transmits: VecDeque<Bytes>,
    events: VecDeque<Event>,
}

enum State {
    /// As a server: no ClientHello with our cookie yet.
    Waiting,
    Handshaking(Box<dyn Session + Send>),
    Connected(Box<dyn Session + Send>),
    Closed,
}

impl Association {
    /// Starts an association; a client's first flight is queued at once. `cookie` must be unguessable; it
    /// is what a server asks its client to repeat.
    pub(crate) fn new(
        certificate: &Certificate,
        expected: Fingerprint,
        (role, cookie): (Role, &[u8; COOKIE_BYTES]),
        now: Instant,
    ) -> Self {
        let mut association = Self {
            certificate: certificate.clone(),
            expected,
            role,
            cookie: *cookie,
            guard: Guard::new(role, cookie),
            state: State::Waiting,
            attempts: 0,
            last_flight: Vec::new(),
            flight_done: true,
            repeated_at: None,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        };
        if role == Role::Client {
            association.start(CLIENT_PROFILES, now);
        }
        association
    }

    /// Our side.
    pub(crate) const fn role(&self) -> Role {
        self.role
    }

    /// True once the handshake is done and nobody closed.
    pub(crate) const fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected(_))
    }

    /// Takes a datagram from a checked path. Nothing that it holds ends a connected association, except an
    /// authentic alert.
    pub(crate) fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Outcome {
        let (admitted, _) = self.guard.admit(datagram);
        let dropped = admitted.is_empty();
        let before = self.events.len();
        for piece in admitted {
            self.handle_admitted(now, &piece);
        }
        Outcome { authentic: self.events.len() > before, dropped }
    }

    /// Repeats flights that are due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.flight_done = true;
        let result = match &mut self.state {
            State::Handshaking(session) | State::Connected(session) => session.handle_timeout(now),
            State::Waiting | State::Closed => return,
        };
        self.drain(now, result);
    }

    /// When [`Self::handle_timeout`] is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Handshaking(session) | State::Connected(session) => session.poll_timeout(),
            State::Waiting | State::Closed => None,
        }
    }

    /// Gives back what queues keep beyond what they hold.
    pub(crate) fn release_memory(&mut self) {
        self.transmits.shrink_to_fit();
        self.events.shrink_to_fit();
    }

    /// Next datagram to send.
    pub(crate) fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmits.pop_front()
    }

    /// Next event.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Encrypts application data; dropped unless connected.
    pub(crate) fn send(&mut self, now: Instant, data: &[u8]) {
        if let State::Connected(session) = &mut self.state {
            session.send(now, data);
            self.drain(now, Ok(()));
        }
    }

    /// Queues a close_notify if there is somebody to tell.
    pub(crate) fn close(&mut self, now: Instant) {
        if let State::Connected(session) = &mut self.state {
            session.close(now);
            self.drain(now, Ok(()));
        }
        self.state = State::Closed;
    }

    fn handle_admitted(&mut self, now: Instant, piece: &Admitted) {
        self.flight_done |= matches!(piece, Admitted::Hello { .. } | Admitted::Message(_));
        match piece {
            Admitted::Greeted(answer) => self.transmits.push_back(Bytes::copy_from_slice(answer)),
            Admitted::Hello { without_cookie, with_cookie } => {
                self.start(offered_profiles(with_cookie), now);
                // The library answers with a cookie, which is the one that the client has already.
                self.handle_record(now, without_cookie);
                self.transmits.clear();
                self.flight_done = true;
                self.handle_record(now, with_cookie);
            }
            Admitted::Message(record) | Admitted::Record(record) => self.handle_record(now, record),
            Admitted::Repeat => self.repeat_flight(now),
        }
    }

    fn handle_record(&mut self, now: Instant, record: &[u8]) {
        let result = match &mut self.state {
            State::Handshaking(session) | State::Connected(session) => session.handle_record(now, record),
            State::Waiting | State::Closed => return,
        };
        self.drain(now, result);
    }

    fn start(&mut self, profiles: &[Profile], now: Instant) {
        if self.attempts >= MAX_ATTEMPTS {
            return;
        }
        let start = Start { role: self.role, profiles, cookie: self.cookie };
        match RtcDtls::new(&self.certificate, self.expected, start, now) {
            Ok(session) => self.state = State::Handshaking(Box::new(session)),
            Err(error) => tracing::warn!(?error, "a DTLS session cannot start"),
        }
        self.drain(now, Ok(()));
    }

    /// Takes everything out of the session after an input, then acts on the input's error.
    fn drain(&mut self, now: Instant, result: Result<(), SessionError>) {
        let connected = self.is_connected();
        let (State::Handshaking(session) | State::Connected(session)) = &mut self.state else { return };
        let events: Vec<_> = std::iter::from_fn(|| session.poll_event()).collect();
        let finishes = events.iter().any(|event| matches!(event, SessionEvent::Connected(_)));
        while let Some(datagram) = session.poll_transmit() {
            // An alert that answers a forged flight would end the real peer's handshake.
            if !connected && !finishes && guard::is_plaintext_alert(&datagram) {
                continue;
            }
            if !connected {
                if std::mem::take(&mut self.flight_done) {
                    self.last_flight.clear();
                }
                self.last_flight.push(datagram.clone());
            }
            self.transmits.push_back(datagram);
        }
        for event in events {
            self.note(event);
        }
        match result {
            Err(SessionError::FingerprintMismatch) if !self.is_connected() => {
                self.state = State::Closed;
                self.events.push_back(Event::FingerprintMismatch);
            }
            Err(SessionError::Broken) if !self.is_connected() => self.retry(now),
            Ok(()) | Err(_) => {}
        }
    }

    fn note(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Connected(keys) => {
                self.guard.set_connected();
                self.last_flight = Vec::new();
                if let State::Handshaking(session) = std::mem::replace(&mut self.state, State::Closed) {
                    self.state = State::Connected(session);
                }
                self.events.push_back(Event::Connected(keys));
            }
            SessionEvent::Data(data) => self.events.push_back(Event::Data(data)),
            // Before the end it proves nothing.
            SessionEvent::ClosedByPeer if self.is_connected() => {
                self.state = State::Closed;
                self.events.push_back(Event::ClosedByPeer);
            }
            SessionEvent::ClosedByPeer => {}
        }
    }

    /// The peer repeats a flight that we have answered: the answer was lost (RFC 6347 §4.2.4).
    fn repeat_flight(&mut self, now: Instant) {
        let recently =
            self.repeated_at.is_some_and(|at| now.saturating_duration_since(at) < MIN_REPEAT_INTERVAL);
        if matches!(self.state, State::Handshaking(_)) && !recently {
            self.repeated_at = Some(now);
            self.transmits.extend(self.last_flight.iter().cloned());
        }
    }

    /// A flight broke the handshake, whoever sent it: begin anew. The peer's timer repeats its hello.
    fn retry(&mut self, now: Instant) {
        self.attempts += 1;
        self.guard.restart();
        self.state = State::Waiting;
        if self.role == Role::Client {
            self.start(CLIENT_PROFILES, now);
        }
    }
}

/// The library takes the client's first profile that we allow, and browsers list the slow one first: so allow
/// only GCM, unless the client does not offer it.
fn offered_profiles(record: &[u8]) -> &'static [Profile] {
    let offered = guard::handshake_body(record)
        .and_then(ClientHello::parse)
        .map(|hello| hello.srtp_profiles)
        .unwrap_or_default();
    let only_cm = !offered.contains(&hello::SRTP_AEAD_AES_128_GCM)
        && offered.contains(&hello::SRTP_AES128_CM_HMAC_SHA1_80);
    if only_cm { &[Profile::Aes128CmSha1] } else { &[Profile::Aes128Gcm] }
}

/// As a client we offer both.
const CLIENT_PROFILES: &[Profile] = &[Profile::Aes128Gcm, Profile::Aes128CmSha1];
/// A flight of several datagrams asks for one repetition, not for several.
const MIN_REPEAT_INTERVAL: Duration = Duration::from_millis(40);
/// Most handshakes that are begun. More forgeries than that end the association by its timeout.
const MAX_ATTEMPTS: u8 = 8;
