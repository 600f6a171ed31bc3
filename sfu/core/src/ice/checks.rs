//! The controlling side towards a lite peer: checks its candidates, nominates a path, keeps its consent.
//!
//! It decides when which check is sent and which answer counts. A lite peer has host candidates only and
//! answers checks without sending any (RFC 8445 §2.5), so the first path that works is nominated and there is
//! nothing to prune. Towards full peers nothing of this exists.
//!
//! ```text
//! Probing ──a check succeeded──▶ Nominating ──nomination succeeded──▶ Consenting ──30 s without answer──▶ Ended
//!                                                     └───────── no answer ──────────────────────────────▲
//! ```
//!
//! While no candidate has answered it waits for more of them: a peer may tell them one by one (RFC 8838).

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::Credentials;
use crate::seed::Seed;
use crate::stun::{Class, Message, MessageWriter, Role, TransactionId};
use crate::transport::Path;

/// Checks towards one lite peer.
pub(super) struct Checks {
    seed: Seed,
    /// The peer's; its answers are signed with the password.
    remote: Credentials,
    phase: Phase,
    /// All candidates that were ever probed: none gets a second round of checks by being told again.
    known: Vec<SocketAddr>,
    /// Requests that may still be answered, oldest first.
    asked: VecDeque<Asked>,
    /// Requests so far; makes each one's transaction id.
    count: u64,
}

enum Phase {
    /// Which of the candidates answers?
    Probing { candidates: Vec<Candidate>, next_at: Instant },
    /// This path works; the peer is asked to use it.
    Nominating { path: Path, tries: u32, next_at: Instant },
    /// The path is in use while the peer answers (RFC 7675).
    Consenting { path: Path, next_at: Instant, until: Instant },
    /// Only an ICE restart goes on from here.
    Ended,
}

struct Candidate {
    address: SocketAddr,
    tries: u32,
    next_at: Instant,
}

struct Asked {
    id: TransactionId,
    remote: SocketAddr,
    at: Instant,
    nominates: bool,
}

/// What an authentic answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answered {
    /// The answer was to a nomination.
    pub(super) nominated: bool,
}

impl Checks {
    /// Begins at once; see [`Self::add_candidates`].
    pub(super) fn new(seed: Seed, remote: Credentials, addresses: &[SocketAddr], now: Instant) -> Self {
        let phase = Phase::Probing { candidates: Vec::new(), next_at: now };
        let mut checks = Self { seed, remote, phase, known: Vec::new(), asked: VecDeque::new(), count: 0 };
        checks.add_candidates(addresses, now);
        checks
    }

    /// Probes these too, unless a path works already. Those at which nobody can be are skipped, and those
    /// beyond [`MAX_CANDIDATES`] of one ICE session.
    pub(super) fn add_candidates(&mut self, addresses: &[SocketAddr], now: Instant) {
        let Phase::Probing { candidates, .. } = &mut self.phase else { return };
        for &address in addresses.iter().filter(|address| is_usable(address)) {
            if self.known.len() < MAX_CANDIDATES && !self.known.contains(&address) {
                self.known.push(address);
                candidates.push(Candidate { address, tries: 0, next_at: now });
            }
        }
    }

    /// Whether this names the peer in its current ICE session.
    pub(super) fn is_towards(&self, ufrag: &str) -> bool {
        self.remote.ufrag == ufrag
    }

    /// For ICE-CONTROLLING.
    pub(super) fn tie_breaker(&self) -> u64 {
        let bytes = self.seed.derive("ice tie-breaker", 0);
        bytes.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
    }

    /// When [`Self::poll_check`] has something to send or to end.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Probing { candidates, next_at } => {
                let due = candidates.iter().map(|candidate| candidate.next_at).min();
                Some(due?.max(*next_at))
            }
            Phase::Nominating { next_at, .. } => Some(*next_at),
            Phase::Consenting { next_at, until, .. } => Some(*next_at.min(until)),
            Phase::Ended => None,
        }
    }

    /// The next check that is due. `lost` is told a path whose consent is over.
    pub(super) fn poll_check(
        &mut self,
        now: Instant,
        local: &Credentials,
        mut lost: impl FnMut(Path),
    ) -> Option<(Path, Vec<u8>)> {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return None;
        }
        let (path, nominates) = match &mut self.phase {
            Phase::Probing { candidates, next_at } => {
                candidates.retain(|candidate| candidate.tries < MAX_TRIES || candidate.next_at > now);
                let candidate = candidates.iter_mut().min_by_key(|candidate| candidate.next_at)?;
                if candidate.next_at > now {
                    return None;
                }
                candidate.tries += 1;
                candidate.next_at = now + wait(candidate.tries);
                *next_at = now + PACE;
                (any_path(candidate.address), false)
            }
            Phase::Nominating { tries, .. } if *tries >= MAX_TRIES => {
                self.phase = Phase::Ended;
                return None;
            }
            Phase::Nominating { path, tries, next_at } => {
                *tries += 1;
                *next_at = now + wait(*tries);
                (*path, true)
            }
            Phase::Consenting { path, until, .. } if now >= *until => {
                lost(*path);
                self.phase = Phase::Ended;
                return None;
            }
            Phase::Consenting { path, next_at, .. } => {
                *next_at = now + consent_interval(&self.seed, self.count);
                (*path, false)
            }
            Phase::Ended => return None,
        };
        Some((path, self.write(now, local, path, nominates)))
    }

    /// Takes an answer. `None` when it is none to our checks, came from elsewhere (RFC 8445 §7.2.5.2.1), is
    /// not the peer's, or refuses.
    pub(super) fn handle_answer(
        &mut self,
        now: Instant,
        path: Path,
        message: &Message<'_>,
    ) -> Option<Answered> {
        let place = self.asked.iter().position(|asked| asked.id == message.transaction())?;
        if self.asked[place].remote != path.remote || !message.is_authentic(&self.remote.pwd) {
            return None;
        }
        let asked = self.asked.remove(place)?;
        if message.class() != Class::Success {
            return None;
        }
        match &mut self.phase {
            Phase::Probing { .. } => self.phase = Phase::Nominating { path, tries: 0, next_at: now },
            Phase::Nominating { path: wanted, .. } if asked.nominates && *wanted == path => {
                let next_at = now + consent_interval(&self.seed, self.count);
                self.phase = Phase::Consenting { path, next_at, until: now + CONSENT };
            }
            Phase::Consenting { path: used, until, .. } if *used == path => *until = now + CONSENT,
            Phase::Nominating { .. } | Phase::Consenting { .. } | Phase::Ended => {}
        }
        Some(Answered { nominated: asked.nominates })
    }

    fn write(&mut self, now: Instant, local: &Credentials, path: Path, nominates: bool) -> Vec<u8> {
        self.count += 1;
        let id = transaction(&self.seed, local, self.count);
        while self.asked.len() >= MAX_ASKED
            || self.asked.front().is_some_and(|asked| now.saturating_duration_since(asked.at) >= CONSENT)
        {
            self.asked.pop_front();
        }
        self.asked.push_back(Asked { id, remote: path.remote, at: now, nominates });
        let writer = MessageWriter::new(Class::Request, id)
            .username(&format!("{}:{}", self.remote.ufrag, local.ufrag))
            .priority(PEER_REFLEXIVE_PRIORITY)
            .role(Role::Controlling(self.tie_breaker()));
        let writer = if nominates { writer.use_candidate() } else { writer };
        writer.sign(&self.remote.pwd)
    }
}

/// Our ufrag, whose 48 bits are random, and 32 random bits: an answer, which names nobody, finds the
/// transport by it.
fn transaction(seed: &Seed, local: &Credentials, count: u64) -> TransactionId {
    let mut id = [0; 12];
    let (name, rest) = id.split_at_mut(UFRAG_BYTES);
    name.copy_from_slice(&local.ufrag.as_bytes()[..UFRAG_BYTES]);
    rest.copy_from_slice(&seed.derive("ice transaction", count)[..4]);
    TransactionId(id)
}

/// Which of our ufrags an answer's transaction id names; see [`transaction`].
pub(crate) fn ufrag_of(transaction: &[u8]) -> Option<&str> {
    std::str::from_utf8(transaction.get(..UFRAG_BYTES)?).ok()
}

/// A check leaves from the address that the system's routes choose; its answer tells which one that was.
fn any_path(remote: SocketAddr) -> Path {
    let any = match remote.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    Path::udp(SocketAddr::new(any, 0), remote)
}

/// Until the next try: 250 ms, doubled each time (RFC 8489 §6.2.1 begins with 500 ms and calls for less where
/// the round trip is known to be short).
fn wait(tries: u32) -> Duration {
    FIRST_WAIT * (1 << tries.saturating_sub(1).min(MAX_TRIES))
}

/// RFC 7675 §5.1 asks for 5 s times 0.8 to 1.2. The upper half is left out: a transport counts as stalled when
/// it hears nothing for 6 s.
fn consent_interval(seed: &Seed, count: u64) -> Duration {
    let random = u64::from(seed.derive("ice consent", count)[0]);
    Duration::from_millis(4000 + 1000 * random / 256)
}

/// Whether anybody can be there. A peer's text must not make us send to groups.
fn is_usable(address: &SocketAddr) -> bool {
    let ip = address.ip();
    let is_broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !is_broadcast
}

/// What we make our ufrags of; see [`Credentials::derive`].
const UFRAG_BYTES: usize = 8;

/// RFC 8445 §14.2: Ta.
const PACE: Duration = Duration::from_millis(50);

const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Sent to one candidate at most, over about 16 s: with [`MAX_CANDIDATES`] this bounds what a description can
/// make us send to people who did not ask (RFC 8445 §19.5.1).
const MAX_TRIES: u32 = 6;

/// A lite peer has an address or two of each family.
const MAX_CANDIDATES: usize = 8;

/// Requests whose answers are waited for; more than a phase sends.
const MAX_ASKED: usize = 64;

/// RFC 7675 §5.1.
const CONSENT: Duration = Duration::from_secs(30);

/// RFC 8445 §5.1.2.1: what the pair would get if the peer learned of our address by the check; type
/// preference 110, component 1.
const PEER_REFLEXIVE_PRIORITY: u32 = 110 << 24 | 65_535 << 8 | 255;

#[cfg(test)]
mod tests;
