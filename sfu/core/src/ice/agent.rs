//! The table of checked paths of one transport, and which of them is current.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Credentials;
use super::checks::Checks;
use crate::seed::Seed;
use crate::stun::{Class, Message, MessageWriter, Role};
use crate::transport::{Path, RemoteIce};

/// Answers checks and keeps the paths that passed one.
///
/// Firefox nominates every pair, even towards a lite peer, so a nomination alone moves nothing: the current
/// path is the first nominated one, until the peer's authentic packets come on another checked path, or the
/// current one gets no more checks and another is nominated.
pub(crate) struct Agent {
    seed: Seed,
    generation: u64,
    current: Credentials,
    /// Valid until a path is nominated under `current`.
    previous: Option<Credentials>,
    pairs: Vec<Pair>,
    selected: Option<Path>,
    events: VecDeque<AgentEvent>,
    /// Towards a lite peer.
    checks: Option<Box<Checks>>,
}

/// A path on which a check succeeded.
struct Pair {
    path: Path,
    last_check: Instant,
    /// Last authentic DTLS, SRTP or SRTCP packet.
    last_packet: Option<Instant>,
    /// The peer said USE-CANDIDATE under the current credentials.
    nominated: bool,
    /// Checked under the current credentials.
    fresh: bool,
}

/// What the transport must know of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AgentEvent {
    /// This path is current from now on.
    Selected(Path),
    /// This path is no longer in the table.
    Forgotten(Path),
    /// These credentials are no longer valid.
    UfragRetired(String),
}

/// Why a check got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckError {
    /// No Binding request, or malformed.
    Malformed,
    /// Unknown ufrag or wrong MESSAGE-INTEGRITY.
    Unauthentic,
}

impl Agent {
    pub(crate) fn new(seed: &Seed) -> Self {
        Self {
            seed: seed.clone(),
            generation: 0,
            current: Credentials::derive(seed, 0),
            previous: None,
            pairs: Vec::new(),
            selected: None,
            events: VecDeque::new(),
            checks: None,
        }
    }

    /// The newest credentials.
    pub(crate) fn local(&self) -> &Credentials {
        &self.current
    }

    /// Makes new credentials. The old ones stay valid until a path is nominated under the new.
    pub(crate) fn restart(&mut self) {
        self.generation += 1;
        let fresh = Credentials::derive(&self.seed, self.generation);
        let old = std::mem::replace(&mut self.current, fresh);
        match &self.previous {
            // The peer never used the credentials in between, or the old ones would be gone.
            Some(_) => self.events.push_back(AgentEvent::UfragRetired(old.ufrag)),
            None => self.previous = Some(old),
        }
        for pair in &mut self.pairs {
            (pair.nominated, pair.fresh) = (false, false);
        }
    }

    /// Takes what the peer said of itself, at first and after each ICE restart: if it is lite it will not
    /// check, so we do (RFC 8445 §6.1.1).
    pub(crate) fn set_remote(&mut self, now: Instant, remote: &Credentials, ice: &RemoteIce) {
        let seed = || Seed::new(self.seed.derive("ice checks", self.generation));
        self.checks = match ice {
            RemoteIce::Full => None,
            RemoteIce::Lite(addresses) => Some(Box::new(Checks::new(seed(), remote.clone(), addresses, now))),
        };
    }

    /// Takes candidates of a lite peer that come after its description. Those of another ICE session, which
    /// `ufrag` names, are too late or too early; without it they are of this one (RFC 8839 §4.2.2).
    pub(crate) fn add_candidates(&mut self, now: Instant, ufrag: Option<&str>, addresses: &[SocketAddr]) {
        let Some(checks) = &mut self.checks else { return };
        if ufrag.is_none_or(|ufrag| checks.is_towards(ufrag)) {
            checks.add_candidates(addresses, now);
        }
    }

    /// Whether it is full and controlling.
    pub(crate) fn is_controlling(&self) -> bool {
        self.checks.is_some()
    }

    /// The next check to send, on the path to send it on.
    pub(crate) fn poll_check(&mut self, now: Instant) -> Option<(Path, Vec<u8>)> {
        let mut lost = None;
        let check = self.checks.as_mut()?.poll_check(now, &self.current, |path| lost = Some(path));
        if let Some(path) = lost {
            self.remove(&path);
        }
        check
    }

    /// Takes the answer to one of our checks.
    pub(crate) fn handle_answer(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
    ) -> Result<(), CheckError> {
        let message = Message::parse(datagram).map_err(|_| CheckError::Malformed)?;
        let checks = self.checks.as_mut().ok_or(CheckError::Malformed)?;
        let answered = checks.handle_answer(now, path, &message).ok_or(CheckError::Unauthentic)?;
        self.note_check(now, path, true, answered.nominated);
        Ok(())
    }

    /// Takes a check; the response goes back on the path it came on.
    pub(crate) fn handle_check(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
    ) -> Result<Vec<u8>, CheckError> {
        let message = Message::parse(datagram).map_err(|_| CheckError::Malformed)?;
        if message.class() != Class::Request {
            return Err(CheckError::Malformed);
        }
        let (local, _) =
            message.username().and_then(|name| name.split_once(':')).ok_or(CheckError::Malformed)?;
        let fresh = local == self.current.ufrag;
        let credentials = match &self.previous {
            _ if fresh => &self.current,
            Some(previous) if local == previous.ufrag => previous,
            _ => return Err(CheckError::Unauthentic),
        };
        if !message.is_authentic(&credentials.pwd) {
            return Err(CheckError::Unauthentic);
        }
        // A lite agent is always controlled (RFC 8445 §6.1.1): the peer must take the other role (§7.3.1.1).
        // Who said that it is lite and checks all the same is answered, and changes nobody's role.
        if matches!(message.role(), Some(Role::Controlled(_))) && self.checks.is_none() {
            let refusal = MessageWriter::new(Class::Error, message.transaction()).error_code(487);
            return Ok(refusal.sign(&credentials.pwd));
        }
        let response = MessageWriter::new(Class::Success, message.transaction())
            .mapped_address(path.remote)
            .sign(&credentials.pwd);
        self.note_check(now, path, fresh, message.use_candidate());
        Ok(response)
    }

    /// True if a check succeeded on this path.
    pub(crate) fn is_checked(&self, path: &Path) -> bool {
        self.pairs.iter().any(|pair| pair.path == *path)
    }

    /// Notes an authentic packet of the peer on a checked path; moves there if the peer has moved.
    pub(crate) fn note_packet(&mut self, now: Instant, path: &Path) {
        let Some(pair) = self.pairs.iter_mut().find(|pair| pair.path == *path) else { return };
        pair.last_packet = Some(now);
        let Some(selected) = self.selected else { return };
        if selected == *path {
            return;
        }
        let last = self.find(&selected).and_then(|pair| pair.last_packet);
        // Packets in flight on the old path must not pull us back and forth.
        if last.is_none_or(|last| now.saturating_duration_since(last) >= OVERLAP) {
            self.select(*path);
        }
    }

    /// The path is gone for good (its TCP connection closed).
    pub(crate) fn remove(&mut self, path: &Path) {
        if let Some(place) = self.pairs.iter().position(|pair| pair.path == *path) {
            self.forget(place);
        }
    }

    /// Forgets paths without a check for [`FORGET`], except the current one.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(place) = self.pairs.iter().position(|pair| {
            Some(pair.path) != self.selected && now.saturating_duration_since(pair.last_check) >= FORGET
        }) {
            self.forget(place);
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let others = self.pairs.iter().filter(|pair| Some(pair.path) != self.selected);
        let checks = self.checks.as_ref().and_then(|checks| checks.poll_timeout());
        others.map(|pair| pair.last_check + FORGET).chain(checks).min()
    }

    /// The path for media and for replies that belong to no request.
    pub(crate) fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// The path that was checked last.
    pub(crate) fn newest(&self) -> Option<Path> {
        self.pairs.iter().max_by_key(|pair| pair.last_check).map(|pair| pair.path)
    }

    /// The last check or authentic packet on any path.
    pub(crate) fn last_alive(&self) -> Option<Instant> {
        self.pairs.iter().map(Pair::last_alive).max()
    }

    pub(crate) fn poll_event(&mut self) -> Option<AgentEvent> {
        self.events.pop_front()
    }

    fn note_check(&mut self, now: Instant, path: Path, fresh: bool, nominated: bool) {
        let place = self.pairs.iter().position(|pair| pair.path == path).unwrap_or_else(|| {
            self.make_room();
            self.pairs.push(Pair { path, last_check: now, last_packet: None, nominated: false, fresh });
            self.pairs.len() - 1
        });
        let pair = &mut self.pairs[place];
        pair.last_check = now;
        pair.fresh |= fresh;
        // Under the old credentials a nomination says nothing new.
        let nominated = nominated && (fresh || self.previous.is_none());
        pair.nominated |= nominated;
        if nominated {
            self.note_nomination(now, path);
        }
        self.leave_dead_path(now);
    }

    fn note_nomination(&mut self, now: Instant, path: Path) {
        let stays = self.selected.and_then(|selected| self.find(&selected)).is_some_and(|pair| {
            // After a restart the new path wins, unless the peer has already checked the current one anew.
            pair.fresh || now.saturating_duration_since(pair.last_check) < SILENT && self.previous.is_none()
        });
        if !stays {
            self.select(path);
        }
        if let Some(previous) = self.previous.take() {
            self.events.push_back(AgentEvent::UfragRetired(previous.ufrag));
        }
    }

    /// Moves when the current path got no check for [`SILENT`] and a nominated one is still being checked.
    fn leave_dead_path(&mut self, now: Instant) {
        let Some(selected) = self.selected.and_then(|selected| self.find(&selected)) else { return };
        if now.saturating_duration_since(selected.last_alive()) < SILENT {
            return;
        }
        let others = self.pairs.iter().filter(|pair| pair.nominated && pair.path != selected.path);
        let Some(best) = others.max_by_key(|pair| pair.last_check) else { return };
        if now.saturating_duration_since(best.last_check) < SILENT {
            let path = best.path;
            self.select(path);
        }
    }

    fn select(&mut self, path: Path) {
        if self.selected != Some(path) {
            self.selected = Some(path);
            self.events.push_back(AgentEvent::Selected(path));
        }
    }

    fn find(&self, path: &Path) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.path == *path)
    }

    fn make_room(&mut self) {
        if self.pairs.len() < MAX_PAIRS {
            return;
        }
        let others = self.pairs.iter().enumerate().filter(|(_, pair)| Some(pair.path) != self.selected);
        if let Some((place, _)) = others.min_by_key(|(_, pair)| pair.last_check) {
            self.forget(place);
        }
    }

    fn forget(&mut self, place: usize) {
        let pair = self.pairs.swap_remove(place);
        self.events.push_back(AgentEvent::Forgotten(pair.path));
        if self.selected == Some(pair.path) {
            self.selected = None;
            let nominated = self.pairs.iter().filter(|pair| pair.nominated);
            if let Some(path) = nominated.max_by_key(|pair| pair.last_check).map(|pair| pair.path) {
                self.select(path);
            }
        }
    }
}

impl Pair {
    fn last_alive(&self) -> Instant {
        self.last_packet.map_or(self.last_check, |packet| packet.max(self.last_check))
    }
}

/// Most paths that one transport keeps: 4 addresses × 3 interfaces of a peer, and some for roaming.
const MAX_PAIRS: usize = 16;
/// A path without a check for so long is given up for another one that is nominated. Chromium checks every
/// 2.5 s.
const SILENT: Duration = Duration::from_secs(3);
/// A path without a check for so long is forgotten: RFC 7675 §5.1 revokes consent after 30 s.
const FORGET: Duration = Duration::from_secs(30);
/// Authentic packets on two paths within this time: the older path still holds packets in flight.
const OVERLAP: Duration = Duration::from_millis(50);
