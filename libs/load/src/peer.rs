//! One transport of one participant with its socket: checks, DTLS, what it sends and what it receives.
//!
//! It decides what is sent when; the engine waits on its socket and calls it.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sfu_core::rtcp::{self, NtpTime, RtcpPacket};
use sfu_core::rtp::{ExtKind, ExtMap, Extensions, RtpHeader, SeqIndex, Ssrc};
use sfu_core::sdp::SessionDescription;
use sfu_core::seed::Seed;
use sfu_core::stun::{Class, Message};
use sfu_core::transport::{Certificate, Config, Path, Received, Setup, Transport};

use crate::checks::{Checks, own_check};
use crate::describe::{self, Local};
use crate::feedback::Feedback;
use crate::socket::{self, Arrival, Epoch};
use crate::stream::{Stamp, Stream, StreamPlan};
use crate::tally::{Histogram, Streams};

/// One transport.
pub(crate) struct Peer {
    pub(crate) socket: UdpSocket,
    local: SocketAddr,
    transport: Transport,
    checks: Option<Checks>,
    /// The server's address, once a path works.
    remote: Option<SocketAddr>,
    /// Extension ids of what the server sends.
    extensions: ExtMap,
    feedback: Feedback,
    feedback_at: Instant,
    report_at: Instant,
    pub(crate) received: Streams,
    /// When the first packet of media came.
    pub(crate) first_media: Option<Instant>,
    planned: Vec<StreamPlan>,
    streams: Vec<Stream>,
    transport_seq: u16,
    epoch: Epoch,
}

/// Between two feedback messages; Chromium's are 50 to 100 ms apart.
const FEEDBACK: Duration = Duration::from_millis(100);
/// Between two sender or receiver reports.
const REPORT: Duration = Duration::from_secs(1);

impl Peer {
    /// Binds a socket of its own.
    pub(crate) fn new(
        certificate: &Certificate,
        ip: std::net::IpAddr,
        epoch: Epoch,
    ) -> std::io::Result<Self> {
        let socket = socket::bind(ip)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
        let now = Instant::now();
        let config = Config::new(certificate.clone());
        // Everybody's feedback at the same moment would be a burst that no crowd makes.
        let phase = FEEDBACK * u32::from(seed[0]) / 256;
        Ok(Self {
            local: socket.local_addr()?,
            socket,
            transport: Transport::new(config, &Seed::new(seed), now),
            checks: None,
            remote: None,
            extensions: ExtMap::default(),
            feedback: Feedback::default(),
            feedback_at: now + phase,
            report_at: now + phase,
            received: Streams::default(),
            first_media: None,
            planned: Vec::new(),
            streams: Vec::new(),
            transport_seq: 0,
            epoch,
        })
    }

    /// Takes the server's offer, the first or a later one; returns our answer.
    pub(crate) fn answer(&mut self, offer: &str, now: Instant) -> Result<String, String> {
        // `Passive` is what the server becomes, as our answer says `active`.
        self.set_remote(offer, Some(Setup::Passive), now)?;
        Ok(describe::answer(offer, &self.describe(describe::is_lite(offer))))
    }

    /// Offers streams; `lite`: the server is.
    pub(crate) fn offer(
        &mut self,
        streams: Vec<StreamPlan>,
        names: &[(String, String)],
        lite: bool,
    ) -> String {
        self.planned = streams;
        describe::offer(&self.planned, names, &self.describe(lite))
    }

    /// Takes the server's answer to our offer.
    pub(crate) fn accept(&mut self, answer: &str, now: Instant) -> Result<(), String> {
        self.set_remote(answer, None, now)
    }

    fn describe(&self, server_is_lite: bool) -> Local<'_> {
        Local {
            credentials: self.transport.local(),
            fingerprint: self.transport.fingerprint(),
            address: self.local,
            lite: !server_is_lite,
        }
    }

    fn set_remote(&mut self, sdp: &str, setup: Option<Setup>, now: Instant) -> Result<(), String> {
        let description = SessionDescription::parse(sdp).map_err(|error| error.to_string())?;
        for line in description.media.iter().flat_map(|section| &section.extensions) {
            if let Some(kind) = ExtKind::from_uri(&line.uri) {
                self.extensions.set(kind, Some(line.id));
            }
        }
        let mut remote = description.remote().ok_or("the description names no transport")?;
        remote.setup = setup.unwrap_or(remote.setup);
        if self.checks.is_none() && describe::is_lite(sdp) {
            let reachable = describe::candidates(sdp).into_iter().filter(|a| self.reaches(a)).collect();
            let ufrag = self.transport.local().ufrag.clone();
            self.checks = Some(Checks::new(reachable, remote.credentials.clone(), &ufrag, now));
        }
        self.transport.set_remote(remote, now).map_err(|error| error.to_string())?;
        self.tick(now);
        Ok(())
    }

    /// A loopback socket reaches loopback addresses only, and the other way round.
    fn reaches(&self, address: &SocketAddr) -> bool {
        let (ours, theirs) = (self.local.ip(), address.ip());
        ours.is_ipv4() == theirs.is_ipv4() && ours.is_loopback() == theirs.is_loopback()
    }

    /// Takes one datagram; delays of media go into `delays`. False when none is there.
    pub(crate) fn receive(&mut self, buffer: &mut [u8], delays: &mut Histogram) -> bool {
        let Ok(Arrival { len, from, since }) = socket::receive(&self.socket, buffer, &self.epoch) else {
            return false;
        };
        self.handle_datagram((Instant::now(), since), from, &mut buffer[..len], delays);
        true
    }

    /// `since`: the kernel took it so long after the epoch.
    fn handle_datagram(
        &mut self,
        (now, since): (Instant, Duration),
        from: SocketAddr,
        datagram: &mut [u8],
        delays: &mut Histogram,
    ) {
        if self.is_response(from, datagram, now) {
            return;
        }
        match self.transport.handle_datagram(now, Path::udp(self.local, from), datagram) {
            Received::Rtp(rtp) => {
                self.on_rtp((now, since), &datagram[..rtp.payload.end], rtp.index, delays);
            }
            Received::Rtcp(place) => self.on_rtcp(&datagram[place]),
            Received::PathChecked => {
                self.remote.get_or_insert(from);
            }
            Received::Consumed | Received::Dropped(_) => {}
        }
        self.flush();
    }

    fn is_response(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> bool {
        let is_stun = datagram.first().is_some_and(|&byte| byte < 4);
        if !is_stun || Message::parse(datagram).is_ok_and(|message| message.class() == Class::Request) {
            return false;
        }
        let chosen = self.checks.as_mut().and_then(|checks| checks.handle_response(from, datagram));
        if let Some(chosen) = chosen {
            self.remote = Some(chosen);
        }
        if let Some(remote) = self.remote.filter(|_| self.checks.is_some()) {
            // Consent: the transport is a lite agent, which a check of ours keeps alive.
            let mut check = own_check(self.transport.local());
            self.transport.handle_datagram(now, Path::udp(self.local, remote), &mut check);
            self.flush();
        }
        true
    }

    fn on_rtp(
        &mut self,
        (now, since): (Instant, Duration),
        packet: &[u8],
        index: SeqIndex,
        delays: &mut Histogram,
    ) {
        let Ok(header) = RtpHeader::parse(packet) else { return };
        let seq = Extensions::read(&header, packet, &self.extensions).transport_cc;
        self.feedback.add(seq, header.ssrc, index, since);
        if let Some(Stamp(nanos)) = packet.get(header.payload).and_then(Stamp::read) {
            delays.add(since.saturating_sub(Duration::from_nanos(nanos)));
            self.received.add(header.ssrc, index);
            self.first_media.get_or_insert(now);
        }
    }

    fn on_rtcp(&mut self, compound: &[u8]) {
        let mut wanted = |ssrc: Ssrc| {
            self.streams.iter_mut().filter(|s| s.ssrc() == ssrc).for_each(Stream::request_keyframe);
        };
        for packet in rtcp::packets(compound).flatten() {
            match packet {
                RtcpPacket::Pli(ssrc) => wanted(ssrc),
                RtcpPacket::Fir(targets) => targets.iter().for_each(&mut wanted),
                RtcpPacket::Nack(_)
                | RtcpPacket::ReceiverReport(_)
                | RtcpPacket::SenderReport(_)
                | RtcpPacket::TransportFeedback(_)
                | RtcpPacket::Bye(_)
                | RtcpPacket::Other => {}
            }
        }
    }

    /// DTLS is done and a path works.
    pub(crate) fn is_connected(&self) -> bool {
        self.transport.srtp().is_some()
    }

    /// Acts on everything that is due, but for frames.
    pub(crate) fn tick(&mut self, now: Instant) {
        if self.transport.poll_timeout().is_some_and(|at| at <= now) {
            self.transport.handle_timeout(now);
        }
        let requests = self.checks.as_mut().map(|checks| checks.poll(now)).unwrap_or_default();
        for (to, request) in requests {
            // An address without a route is a candidate that does not work.
            let _ = self.socket.send_to(&request, to);
        }
        self.flush();
        if !self.is_connected() {
            return;
        }
        let mut compound = Vec::new();
        if self.report_at <= now {
            self.report_at = now + REPORT;
            self.write_reports(&mut compound);
        }
        if self.feedback_at <= now {
            self.feedback_at = now + FEEDBACK;
            self.feedback.write_transport_feedback(&mut compound);
        }
        self.send_rtcp(&compound);
    }

    fn write_reports(&self, out: &mut Vec<u8>) {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        for stream in &self.streams {
            let (time, sent) = stream.report();
            rtcp::write_sender_report(out, stream.ssrc(), (ntp(unix), time), sent);
            rtcp::write_sdes_cname(out, stream.ssrc(), "load");
        }
        if self.first_media.is_some() {
            self.feedback.write_report(out);
        }
    }

    fn send_rtcp(&mut self, compound: &[u8]) {
        let Some(remote) = self.remote.filter(|_| !compound.is_empty()) else { return };
        let mut out = vec![0; compound.len() + 64];
        let sealed = self.transport.srtp_mut().and_then(|srtp| srtp.seal_rtcp(compound, &mut out).ok());
        if let Some(len) = sealed {
            // A full buffer loses it, as a full path would.
            let _ = self.socket.send_to(&out[..len], remote);
        }
    }

    /// When the next frame is due; `None` when it sends no media.
    pub(crate) fn next_frame_at(&self) -> Option<Instant> {
        self.streams.iter().map(Stream::next_at).min()
    }

    /// Starts the offered streams once there is a path; true when it did. Frames begin `phase` from now.
    pub(crate) fn start_streams(&mut self, now: Instant, phase: Duration) -> bool {
        if self.planned.is_empty() || !self.is_connected() || self.remote.is_none() {
            return false;
        }
        let planned = std::mem::take(&mut self.planned);
        self.streams.extend(planned.into_iter().map(|plan| Stream::new(plan, now + phase)));
        true
    }

    /// Sends the frames that are due.
    pub(crate) fn send_frames(&mut self, now: Instant) {
        let (Some(srtp), Some(remote)) = (self.transport.srtp(), self.remote) else { return };
        let (socket, epoch) = (&self.socket, self.epoch);
        let mut out = [0; 1_500];
        for stream in self.streams.iter_mut().filter(|stream| stream.next_at() <= now) {
            let stamp = || u64::try_from(epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
            stream.take_frame(&mut self.transport_seq, stamp, |packet| {
                if let Ok(len) = srtp.seal_rtp(packet.header, &[], packet.payload, packet.index, &mut out) {
                    // What the kernel does not take is lost, as on any full path.
                    let _ = socket.send_to(&out[..len], remote);
                }
            });
        }
    }

    fn flush(&mut self) {
        while let Some(transmit) = self.transport.poll_transmit() {
            // Answers to our own checks go to the server too, which ignores responses nobody asked for.
            if self.checks.is_some() && transmit.bytes.first().is_some_and(|&byte| byte < 4) {
                continue;
            }
            let _ = self.socket.send_to(&transmit.bytes, transmit.path.remote);
        }
        // What the transport tells is seen in its state.
        while self.transport.poll_event().is_some() {}
    }
}

/// RFC 5905 §6: seconds since 1900 and their fraction.
fn ntp(unix: Duration) -> NtpTime {
    const UNIX_FROM_1900_S: u64 = 2_208_988_800;
    let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
    NtpTime(((unix.as_secs() + UNIX_FROM_1900_S) << 32) | fraction)
}
