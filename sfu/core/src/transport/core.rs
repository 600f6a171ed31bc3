//! The parts of a transport put together: who gets a datagram, and what follows from it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{
    ChannelConfig, ChannelId, ChannelOpened, CloseReason, Config, DataKind, DropReason, Event, Output, Path,
    Received, ReceivedRtp, RemoteChange, RemoteDescription, RemoteError, RemoteIce, SendError, Transmit,
};
use crate::demux::{self, DatagramKind};
use crate::dtls::{self, Fingerprint, Role, Setup};
use crate::ice::{Agent, AgentEvent, CheckError, Credentials};
use crate::sctp;
use crate::seed::Seed;
use crate::srtp::{OpenError, SrtpReceiver, SrtpSender};
use crate::stun;

/// Everything that a peer's bytes can touch.
pub(super) struct Core {
    config: Config,
    cookie: [u8; dtls::COOKIE_BYTES],
    agent: Agent,
    /// We restarted ICE and the peer has not answered yet.
    restarting: bool,
    remote: Option<Remote>,
    /// DTLS datagrams that overtook the peer's description.
    early: Vec<(Path, Bytes)>,
    /// Where the last DTLS datagram came from: replies go there while no path is nominated.
    dtls_path: Option<Path>,
    media: Option<Media>,
    sctp: sctp::Association,
    reach: Reach,
    /// When the peer could have been heard first: with its first description.
    since: Instant,
    /// Set when the association ended; acted on after the last datagrams are out.
    ending: Option<CloseReason>,
    output: Output,
}

/// The peer, from its first description on.
struct Remote {
    credentials: Credentials,
    fingerprint: Fingerprint,
    dtls: dtls::Association,
}

/// Keys of the connected transport.
struct Media {
    sender: SrtpSender,
    receiver: SrtpReceiver,
}

/// ```text
/// Silent ──check──▶ Alive ◀──check── Stalled
///                     └─────6 s──────▲  └──24 s more──▶ Closed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// No check yet.
    Silent,
    Alive,
    Stalled,
    Closed,
}

impl Core {
    pub(super) fn new(config: Config, seed: &Seed, now: Instant) -> Self {
        let mut cookie = [0; dtls::COOKIE_BYTES];
        cookie.copy_from_slice(&seed.derive("dtls cookie", 0)[..dtls::COOKIE_BYTES]);
        Self {
            config,
            cookie,
            agent: Agent::new(seed),
            restarting: false,
            remote: None,
            early: Vec::new(),
            dtls_path: None,
            media: None,
            sctp: sctp::Association::new(),
            reach: Reach::Silent,
            since: now,
            ending: None,
            output: Output::default(),
        }
    }

    pub(super) fn local(&self) -> &Credentials {
        self.agent.local()
    }

    pub(super) fn is_controlling(&self) -> bool {
        self.agent.is_controlling()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.reach == Reach::Closed
    }

    pub(super) fn media_path(&self) -> Option<Path> {
        if self.media.is_none() || self.reach != Reach::Alive {
            return None;
        }
        self.agent.selected().or(self.dtls_path)
    }

    pub(super) fn srtp(&self) -> Option<&SrtpSender> {
        self.media.as_ref().map(|media| &media.sender)
    }

    pub(super) fn srtp_mut(&mut self) -> Option<&mut SrtpSender> {
        self.media.as_mut().map(|media| &mut media.sender)
    }

    pub(super) fn restart_ice(&mut self) {
        self.restarting = true;
        self.agent.restart();
        self.take_agent_events();
    }

    pub(super) fn set_remote(
        &mut self,
        description: RemoteDescription,
        now: Instant,
    ) -> Result<RemoteChange, RemoteError> {
        let Some(remote) = &mut self.remote else {
            self.set_first_remote(description, now);
            return Ok(RemoteChange::First);
        };
        if remote.fingerprint != description.fingerprint {
            return Err(RemoteError::FingerprintChanged);
        }
        if remote.credentials == description.credentials {
            return Ok(RemoteChange::Unchanged);
        }
        remote.credentials = description.credentials;
        let by_us = std::mem::take(&mut self.restarting);
        if !by_us {
            self.agent.restart();
        }
        self.check_lite(&description.ice, now);
        self.take_agent_events();
        Ok(if by_us { RemoteChange::RestartedByUs } else { RemoteChange::RestartedByPeer })
    }

    pub(super) fn handle_candidates(&mut self, now: Instant, ufrag: Option<&str>, addresses: &[SocketAddr]) {
        self.agent.add_candidates(now, ufrag, addresses);
        self.send_checks(now);
    }

    pub(super) fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]) -> Received {
        let Some(kind) = demux::classify(datagram) else { return Received::Dropped(DropReason::Unknown) };
        if kind != DatagramKind::Stun && !self.agent.is_checked(&path) {
            return Received::Dropped(DropReason::UncheckedPath);
        }
        let received = match kind {
            DatagramKind::Stun => self.handle_stun(now, path, datagram),
            DatagramKind::Dtls => self.handle_dtls(now, path, datagram),
            DatagramKind::Rtp => self.handle_rtp(now, path, datagram),
            DatagramKind::Rtcp => self.handle_rtcp(now, path, datagram),
        };
        self.note_alive(now);
        received
    }

    pub(super) fn handle_path_gone(&mut self, now: Instant, path: Path) {
        self.agent.remove(&path);
        self.take_agent_events();
        self.dtls_path = self.dtls_path.filter(|&last| last != path);
        self.early.retain(|(from, _)| *from != path);
        self.pump(now);
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.agent.handle_timeout(now);
        self.send_checks(now);
        self.take_agent_events();
        if let Some(remote) = &mut self.remote {
            remote.dtls.handle_timeout(now);
        }
        self.sctp.handle_timeout(now);
        self.pump(now);
        self.check_reach(now);
        self.release_memory();
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let dtls = self.remote.as_ref().and_then(|remote| remote.dtls.poll_timeout());
        [self.agent.poll_timeout(), dtls, self.sctp.poll_timeout(), self.reach_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn open_channel(&mut self, now: Instant, config: ChannelConfig) {
        self.sctp.open(now, config);
        self.pump(now);
    }

    pub(super) fn send_data(
        &mut self,
        now: Instant,
        id: ChannelId,
        kind: DataKind,
        message: &[u8],
    ) -> Result<(), SendError> {
        let sent = self.sctp.send(now, id, kind, message);
        self.pump(now);
        sent
    }

    pub(super) fn buffered_bytes(&mut self, id: ChannelId) -> usize {
        self.sctp.buffered_bytes(id)
    }

    pub(super) fn close(&mut self, now: Instant) {
        if let Some(remote) = &mut self.remote {
            remote.dtls.close(now);
        }
        self.pump(now);
        self.end(CloseReason::ClosedByUs);
    }

    /// What waits to be polled.
    pub(super) fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Gives back what the handshake's bursts left in empty queues: most transports idle for hours.
    fn release_memory(&mut self) {
        self.output.events.shrink_to_fit();
        self.output.transmits.shrink_to_fit();
        self.sctp.release_memory();
        if let Some(remote) = &mut self.remote {
            remote.dtls.release_memory();
        }
    }

    fn set_first_remote(&mut self, description: RemoteDescription, now: Instant) {
        let role = match description.setup {
            Setup::Passive => Role::Client,
            Setup::ActPass | Setup::Active => Role::Server,
        };
        self.restarting = false;
        self.remote = Some(Remote {
            credentials: description.credentials,
            fingerprint: description.fingerprint,
            dtls: dtls::Association::new(
                &self.config.certificate,
                description.fingerprint,
                (role, &self.cookie),
                now,
            ),
        });
        self.since = now;
        self.check_lite(&description.ice, now);
        for (path, datagram) in std::mem::take(&mut self.early) {
            self.handle_dtls(now, path, &datagram);
        }
        self.pump(now);
    }

    /// Begins to check a peer that is lite.
    fn check_lite(&mut self, ice: &RemoteIce, now: Instant) {
        if let Some(remote) = &self.remote {
            self.agent.set_remote(now, &remote.credentials, ice);
        }
        self.send_checks(now);
    }

    fn send_checks(&mut self, now: Instant) {
        while let Some((path, check)) = self.agent.poll_check(now) {
            self.output.transmits.push_back(Transmit { path, bytes: check.into() });
        }
    }

    fn handle_stun(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Received {
        if stun::is_answer(datagram) {
            self.handle_answer(now, path, datagram)
        } else {
            self.handle_check(now, path, datagram)
        }
    }

    fn handle_answer(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Received {
        match self.agent.handle_answer(now, path, datagram) {
            Ok(()) => {
                // The nomination follows at once.
                self.send_checks(now);
                self.take_agent_events();
                self.pump(now);
                if self.agent.is_checked(&path) { Received::PathChecked } else { Received::Consumed }
            }
            Err(CheckError::Malformed) => Received::Dropped(DropReason::BadStun),
            Err(CheckError::Unauthentic) => Received::Dropped(DropReason::UnauthenticStun),
        }
    }

    fn handle_check(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Received {
        match self.agent.handle_check(now, path, datagram) {
            Ok(response) => {
                self.output.transmits.push_back(Transmit { path, bytes: response.into() });
                self.take_agent_events();
                // As DTLS client the first flight may have waited for a path.
                self.pump(now);
                if self.agent.is_checked(&path) { Received::PathChecked } else { Received::Consumed }
            }
            Err(CheckError::Malformed) => Received::Dropped(DropReason::BadStun),
            Err(CheckError::Unauthentic) => Received::Dropped(DropReason::UnauthenticStun),
        }
    }

    fn handle_dtls(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Received {
        let Some(remote) = &mut self.remote else {
            if self.early.len() == MAX_EARLY_DATAGRAMS {
                return Received::Dropped(DropReason::TooEarly);
            }
            self.early.push((path, Bytes::copy_from_slice(datagram)));
            return Received::Consumed;
        };
        self.dtls_path = Some(path);
        let outcome = remote.dtls.handle_datagram(now, datagram);
        if outcome.authentic {
            self.agent.note_packet(now, &path);
            self.take_agent_events();
        }
        self.pump(now);
        if outcome.dropped { Received::Dropped(DropReason::BadDtls) } else { Received::Consumed }
    }

    fn handle_rtp(&mut self, now: Instant, path: Path, datagram: &mut [u8]) -> Received {
        let Some(media) = &mut self.media else { return Received::Dropped(DropReason::TooEarly) };
        match media.receiver.open_rtp(now, datagram) {
            Ok(opened) => {
                self.note_media(now, &path);
                Received::Rtp(ReceivedRtp {
                    ssrc: opened.ssrc,
                    header_len: opened.header_len,
                    payload: opened.header_len..opened.header_len + opened.payload_len,
                    index: opened.index,
                })
            }
            Err(error) => Received::Dropped(error.into()),
        }
    }

    fn handle_rtcp(&mut self, now: Instant, path: Path, datagram: &mut [u8]) -> Received {
        let Some(media) = &mut self.media else { return Received::Dropped(DropReason::TooEarly) };
        match media.receiver.open_rtcp(now, datagram) {
            Ok(len) => {
                self.note_media(now, &path);
                Received::Rtcp(0..len)
            }
            Err(error) => Received::Dropped(error.into()),
        }
    }

    fn note_media(&mut self, now: Instant, path: &Path) {
        self.agent.note_packet(now, path);
        self.take_agent_events();
    }

    /// Carries data between DTLS and SCTP until neither has any.
    fn pump(&mut self, now: Instant) {
        let Some(remote) = &mut self.remote else { return };
        loop {
            if let Some(event) = remote.dtls.poll_event() {
                match event {
                    dtls::Event::Connected(keys) => {
                        self.media = Some(Media {
                            sender: SrtpSender::new(keys.profile, &keys.local),
                            receiver: SrtpReceiver::new(keys.profile, &keys.remote)
                                .with_max_ssrcs(self.config.max_ssrcs),
                        });
                        self.output.events.push_back(Event::Connected);
                        self.sctp.start(now, remote.dtls.role() == Role::Client);
                    }
                    dtls::Event::Data(datagram) => self.sctp.handle_datagram(now, datagram),
                    dtls::Event::ClosedByPeer => self.ending = Some(CloseReason::ClosedByPeer),
                    dtls::Event::FingerprintMismatch => self.ending = Some(CloseReason::FingerprintMismatch),
                }
            } else if let Some(packet) = self.sctp.poll_transmit() {
                remote.dtls.send(now, &packet);
            } else {
                break;
            }
        }
        // As DTLS client there may be no path yet; then the flight waits for the first check.
        if let Some(path) = self.agent.selected().or(self.dtls_path).or_else(|| self.agent.newest()) {
            while let Some(bytes) = remote.dtls.poll_transmit() {
                self.output.transmits.push_back(Transmit { path, bytes });
            }
        }
        while let Some(event) = self.sctp.poll_event() {
            self.output.events.push_back(channel_event(event));
        }
        if let Some(reason) = self.ending.take() {
            self.end(reason);
        }
    }

    fn take_agent_events(&mut self) {
        while let Some(event) = self.agent.poll_event() {
            self.output.events.push_back(match event {
                AgentEvent::Selected(path) => Event::PathChanged(path),
                AgentEvent::Forgotten(path) => Event::PathForgotten(path),
                AgentEvent::UfragRetired(ufrag) => Event::UfragRetired(ufrag),
            });
        }
    }

    /// After a check or an authentic packet.
    fn note_alive(&mut self, now: Instant) {
        let Some(last) = self.agent.last_alive() else { return };
        match self.reach {
            Reach::Silent => self.reach = Reach::Alive,
            Reach::Stalled if now.saturating_duration_since(last) < STALL => {
                self.reach = Reach::Alive;
                self.output.events.push_back(Event::Recovered);
            }
            Reach::Alive | Reach::Stalled | Reach::Closed => {}
        }
    }

    fn check_reach(&mut self, now: Instant) {
        if self.remote.is_none() || self.reach == Reach::Closed {
            return;
        }
        let silence = now.saturating_duration_since(self.last_alive());
        let late = self.media.is_none() && now.saturating_duration_since(self.since) >= HANDSHAKE_LIMIT;
        let given_up = if self.reach == Reach::Silent { HANDSHAKE_LIMIT } else { FAIL };
        if silence >= given_up {
            self.end(CloseReason::Unreachable);
        } else if late && self.reach != Reach::Silent {
            self.end(CloseReason::HandshakeTimeout);
        } else if silence >= STALL && self.reach == Reach::Alive {
            self.reach = Reach::Stalled;
            self.output.events.push_back(Event::Stalled);
        }
    }

    /// When [`Self::check_reach`] changes something, unless the peer is heard before.
    fn reach_deadline(&self) -> Option<Instant> {
        self.remote.as_ref()?;
        let silence = match self.reach {
            Reach::Alive => self.last_alive() + STALL,
            Reach::Silent => self.last_alive() + HANDSHAKE_LIMIT,
            Reach::Stalled => self.last_alive() + FAIL,
            Reach::Closed => return None,
        };
        let handshake = self.media.is_none() && self.reach != Reach::Silent;
        Some(if handshake { silence.min(self.since + HANDSHAKE_LIMIT) } else { silence })
    }

    fn last_alive(&self) -> Instant {
        self.agent.last_alive().unwrap_or(self.since)
    }

    fn end(&mut self, reason: CloseReason) {
        if self.reach != Reach::Closed {
            self.reach = Reach::Closed;
            self.output.events.push_back(Event::Closed(reason));
        }
    }
}

fn channel_event(event: sctp::Event) -> Event {
    match event {
        sctp::Event::Opened { id, config, by_peer } => Event::ChannelOpened(ChannelOpened {
            id,
            label: config.label,
            ordered: config.ordered,
            reliability: config.reliability,
            by_peer,
        }),
        sctp::Event::Data { id, kind, bytes } => Event::ChannelData { id, kind, bytes },
        sctp::Event::Closed(id) => Event::ChannelClosed(id),
    }
}

impl From<OpenError> for DropReason {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Malformed => Self::BadRtp,
            OpenError::Replayed => Self::Replayed,
            OpenError::Unauthentic => Self::UnauthenticSrtp,
            OpenError::TooManySsrcs => Self::TooManySsrcs,
        }
    }
}

/// Without a check or an authentic packet for so long, media would only fill a dead path: Chromium checks
/// every 2.5 s.
const STALL: Duration = Duration::from_secs(6);
/// A path that is gone for half a minute may come back, and its client checks it again with the same
/// credentials. Consent, which ends after 30 s (RFC 7675 §5.1), is not stretched: nothing is sent after [`STALL`].
const FAIL: Duration = Duration::from_secs(40);
/// Longest wait for the first check, and longest handshake, counted from the peer's description.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(30);
/// A ClientHello is two datagrams; twice that may come before the answer that names the fingerprint.
const MAX_EARLY_DATAGRAMS: usize = 4;
