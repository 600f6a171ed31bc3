//! A client's sending side: camera and microphone, pacing, retransmission, and its own bandwidth estimate.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use sfu_core::bwe::{Bitrate, Bwe, BweConfig, RateMeter, SendKind};
use sfu_core::rtcp::{self, NtpTime, RtcpPacket};
use sfu_core::rtp::{
    ExtId, ExtensionBlock, HeaderFields, MAX_HEADER_BYTES, Pt, RtpTime, SeqIndex, SeqNo, Ssrc, write_header,
};

use crate::camera::{Camera, Piece};
use crate::leg::Leg;
use crate::microphone::Microphone;

/// Extension ids of our offers.
pub(crate) const EXTENSIONS: [(u8, &str); 5] = [
    (LEVEL, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
    (TWCC, "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"),
    (MID, "urn:ietf:params:rtp-hdrext:sdes:mid"),
    (RID, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"),
    (RRID, "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"),
];
const LEVEL: u8 = 1;
const TWCC: u8 = 3;
const MID: u8 = 4;
const RID: u8 = 10;
const RRID: u8 = 11;

pub(crate) const RIDS: [&str; 3] = ["q", "h", "f"];
pub(crate) const VP8: u8 = 96;
pub(crate) const RTX: u8 = 97;
pub(crate) const RED: u8 = 63;

/// Packets that can be sent again.
const HISTORY: usize = 600;
/// Chromium's pacer sends this many times faster than the estimate.
const PACING: f64 = 2.5;
/// Chromium's estimate at the start of a call.
const RESTART: Bitrate = Bitrate::from_kbps(300);
/// Sound with redundancy, headers and tag.
const SOUND_BPS: u64 = 85_000;
const ALLOCATE: Duration = Duration::from_millis(250);
const REPORT: Duration = Duration::from_secs(1);
/// An encoder of a layer does no useful work below this share of its full rate; it starts above the second.
const LOWEST_SHARE: f64 = 0.4;
/// What the encoder of the smallest encoding gets on any path: libwebrtc's `kDefaultMinVideoBitrateBps`, which
/// its `BitrateAllocator` enforces.
const LOWEST_BPS: f64 = 30_000.0;
/// Over this time libwebrtc's `RateLimiter` lets no more be sent again than the estimate.
const AGAIN_WITHIN: Duration = Duration::from_millis(500);
/// Of the estimate libwebrtc's `FecControllerDefault` leaves the encoders at least this share, however much is
/// sent again.
const ENCODERS_SHARE: f64 = 0.5;
const START_SHARE: f64 = 0.5;

/// One RTP stream.
struct Stream {
    ssrc: u32,
    pt: u8,
    mid: &'static str,
    rid: Option<&'static str>,
    next: u64,
    next_rtx: u64,
    /// Number, packet, and when it was last sent again.
    history: VecDeque<(u16, Piece, Option<Instant>)>,
    /// A receiver report came: the server knows the SSRC without MID and RID.
    is_known: bool,
    sent: (u32, u32),
}

/// A packet that waits for the pacer.
enum Queued {
    Media { stream: usize, seq: u64, piece: Piece },
    Again { stream: usize, seq: u16, piece: Piece },
}

pub(crate) struct Publisher {
    pub(crate) leg: Leg,
    pub(crate) camera: Option<Camera>,
    pub(crate) microphone: Option<Microphone>,
    /// The camera's encodings, then the microphone.
    streams: Vec<Stream>,
    bwe: Bwe,
    /// The estimate of the last feedback: libwebrtc's does not change while nothing is heard.
    estimate: Bitrate,
    /// Pictures, and what of them is sent again.
    sent: RateMeter,
    again: RateMeter,
    is_live: bool,
    next_transport: u16,
    queue: VecDeque<Queued>,
    next_release: Instant,
    next_report: Instant,
    next_allocation: Instant,
    /// Encodings that anybody wants.
    pub(crate) wanted: [bool; 3],
    began: Instant,
    /// When keyframe requests came, of all encodings.
    pub(crate) keyframe_requests: Vec<(Instant, usize)>,
}

/// What a publisher sends.
pub(crate) struct Sources {
    pub(crate) camera: Option<Camera>,
    pub(crate) microphone: Option<Microphone>,
    pub(crate) near_wrap: bool,
    pub(crate) ssrc_base: u32,
}

impl Publisher {
    pub(crate) fn new(leg: Leg, sources: Sources, now: Instant) -> Self {
        let first = if sources.near_wrap { 65_500 } else { 1 };
        let stream = |place: u32, pt, mid, rid| Stream {
            ssrc: sources.ssrc_base + place,
            pt,
            mid,
            rid,
            next: first,
            next_rtx: first,
            history: VecDeque::new(),
            is_known: false,
            sent: (0, 0),
        };
        let layers = sources.camera.as_ref().map_or(0, Camera::layers);
        let simulcast = layers > 1;
        let mut streams: Vec<_> = (0..layers)
            .map(|layer| {
                let rid = simulcast.then(|| RIDS[layer]);
                stream(u32::try_from(layer).unwrap(), VP8, "1", rid)
            })
            .collect();
        let is_red = sources.microphone.as_ref().is_some_and(Microphone::is_red);
        streams.push(stream(9, if is_red { RED } else { crate::microphone::OPUS }, "0", None));
        Self {
            leg,
            camera: sources.camera,
            microphone: sources.microphone,
            streams,
            bwe: Bwe::new(BweConfig { start: RESTART, ..BweConfig::default() }),
            estimate: RESTART,
            sent: RateMeter::new(AGAIN_WITHIN),
            again: RateMeter::new(AGAIN_WITHIN),
            is_live: false,
            next_transport: if sources.near_wrap { 65_400 } else { 1 },
            queue: VecDeque::new(),
            next_release: now,
            next_report: now,
            next_allocation: now,
            wanted: [true; 3],
            began: now,
            keyframe_requests: Vec::new(),
        }
    }

    /// SSRCs of encoding `layer`: media and retransmission.
    pub(crate) fn ssrcs(&self, layer: usize) -> (u32, u32) {
        (self.streams[layer].ssrc, self.streams[layer].ssrc + 100)
    }

    pub(crate) fn sound_ssrc(&self) -> u32 {
        self.streams[self.streams.len() - 1].ssrc
    }

    /// Its encodings name themselves again, as a new sender's do.
    pub(crate) fn introduce(&mut self) {
        self.streams.iter_mut().for_each(|stream| stream.is_known = false);
    }

    /// Bits per second that the client believes its path carries.
    pub(crate) fn estimate(&self) -> Bitrate {
        self.estimate
    }

    /// Everything that is due; call it after every input, too.
    pub(crate) fn turn(&mut self, now: Instant) {
        self.leg.turn(now);
        if !self.leg.connected || self.leg.closed {
            return;
        }
        if !std::mem::replace(&mut self.is_live, true) {
            self.skip(now);
        }
        if self.next_allocation <= now {
            self.next_allocation = now + ALLOCATE;
            self.allocate(now);
        }
        let estimate = self.bwe.poll(now);
        if let Some(probe) = estimate.probe {
            self.pad(now, probe.bytes);
        }
        while let Some(piece) = self.microphone.as_mut().and_then(|microphone| microphone.poll(now)) {
            let stream = self.streams.len() - 1;
            let seq = self.take_number(stream, &piece);
            self.send(now, &Queued::Media { stream, seq, piece });
        }
        let frames = self.camera.as_mut().map_or_else(Vec::new, |camera| camera.poll(now));
        for (stream, pieces) in frames {
            for piece in pieces {
                let seq = self.take_number(stream, &piece);
                self.queue.push_back(Queued::Media { stream, seq, piece });
            }
        }
        self.release(now);
        if self.next_report <= now {
            self.next_report = now + REPORT;
            self.report(now);
        }
    }

    /// What was captured before the connection stood is sent by nobody.
    fn skip(&mut self, now: Instant) {
        if let Some(camera) = &mut self.camera {
            camera.skip_to(now);
        }
        if let Some(microphone) = &mut self.microphone {
            while microphone.poll(now).is_some() {}
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let leg = self.leg.poll_timeout();
        if !self.leg.connected || self.leg.closed {
            return leg;
        }
        let camera = self.camera.as_ref().map(Camera::poll_timeout);
        let microphone = self.microphone.as_ref().map(Microphone::poll_timeout);
        let release = (!self.queue.is_empty()).then_some(self.next_release);
        let own = [camera, microphone, release, Some(self.next_report), Some(self.next_allocation)];
        own.into_iter().chain([leg, self.bwe.poll_timeout()]).flatten().min()
    }

    /// Takes a decrypted compound packet.
    pub(crate) fn handle_rtcp(&mut self, now: Instant, compound: &[u8]) {
        for packet in rtcp::packets(compound).flatten() {
            match packet {
                RtcpPacket::Nack(nack) => {
                    let Some(stream) = self.stream_of(nack.media) else { continue };
                    // As libwebrtc's packet history: not again before the last answer can have arrived.
                    let trip = self.leg.round_trip;
                    let most = self.estimate;
                    let may =
                        |at: &Option<Instant>| at.is_none_or(|at| now.saturating_duration_since(at) >= trip);
                    for seq in nack.missing() {
                        let history = &mut self.streams[stream].history;
                        let found =
                            history.iter_mut().rev().find(|(known, _, at)| *known == seq.0 && may(at));
                        if let Some((seq, piece, at)) = found {
                            if self.again.rate(now) > most {
                                break;
                            }
                            self.again.add(now, piece.payload.len());
                            *at = Some(now);
                            let again = Queued::Again { stream, seq: *seq, piece: piece.clone() };
                            self.queue.push_front(again);
                        }
                    }
                }
                RtcpPacket::Pli(ssrc) => self.on_keyframe_request(now, ssrc),
                RtcpPacket::Fir(targets) => {
                    for ssrc in targets.iter() {
                        self.on_keyframe_request(now, ssrc);
                    }
                }
                RtcpPacket::TransportFeedback(feedback) => {
                    if self.bwe.on_feedback(now, &feedback) {
                        // libwebrtc begins anew only on another route: after an outage it goes on as before.
                        self.bwe = Bwe::new(BweConfig { start: self.estimate, ..BweConfig::default() });
                    }
                    self.estimate = self.bwe.bitrate();
                }
                RtcpPacket::ReceiverReport(blocks) => {
                    for block in blocks.iter() {
                        if let Some(stream) = self.stream_of(block.ssrc) {
                            self.streams[stream].is_known = true;
                        }
                    }
                }
                RtcpPacket::SenderReport(_) | RtcpPacket::Bye(_) | RtcpPacket::Other => {}
            }
        }
    }

    fn on_keyframe_request(&mut self, now: Instant, ssrc: Ssrc) {
        let Some(layer) = self.stream_of(ssrc) else { return };
        self.keyframe_requests.push((now, layer));
        if let Some(camera) = &mut self.camera {
            camera.request_keyframe(layer);
        }
    }

    fn stream_of(&self, ssrc: Ssrc) -> Option<usize> {
        self.streams.iter().position(|stream| stream.ssrc == ssrc.0)
    }

    fn take_number(&mut self, stream: usize, piece: &Piece) -> u64 {
        let stream = &mut self.streams[stream];
        let seq = stream.next;
        stream.next += 1;
        if stream.history.len() == HISTORY {
            stream.history.pop_front();
        }
        stream.history.push_back((SeqIndex(seq).seq().0, piece.clone(), None));
        seq
    }

    /// Gives each wanted encoding its rate, the smallest first.
    fn allocate(&mut self, now: Instant) {
        let Some(camera) = &mut self.camera else { return };
        let sound = if self.microphone.is_some() { SOUND_BPS } else { 0 };
        let (sent, again) = (self.sent.rate(now).as_f64(), self.again.rate(now).as_f64());
        let share = (1.0 - again / sent.max(1.0)).clamp(ENCODERS_SHARE, 1.0);
        let mut left = (self.estimate.as_f64() * 0.95 - sound as f64).max(0.0) * share;
        let mut desired = sound;
        for layer in 0..camera.layers() {
            let full = camera.full_bps(layer) as f64;
            let wanted = self.wanted[layer] || camera.layers() == 1;
            desired += if wanted { camera.full_bps(layer) } else { 0 };
            let share = if camera.granted_bps(layer) > 0 { LOWEST_SHARE } else { START_SHARE };
            let granted = if !wanted {
                0.0
            } else if left >= share * full || layer == 0 {
                // The smallest gets smaller still, but is never off.
                full.min(left.max(LOWEST_BPS))
            } else {
                0.0
            };
            left = (left - granted).max(0.0);
            // Encodings above one that does not fit stay off, too.
            if granted == 0.0 && wanted {
                left = 0.0;
            }
            camera.grant(layer, granted as u64);
        }
        self.bwe.set_desired(Bitrate(desired));
    }

    fn release(&mut self, now: Instant) {
        let pace = self.estimate.as_f64() * PACING;
        while self.next_release <= now {
            let Some(queued) = self.queue.pop_front() else {
                self.next_release = now;
                return;
            };
            let bytes = self.send(now, &queued);
            self.next_release += Duration::from_secs_f64(bytes as f64 * 8.0 / pace);
        }
    }

    fn send(&mut self, now: Instant, queued: &Queued) -> usize {
        let (stream, piece, again) = match queued {
            Queued::Media { stream, piece, .. } => (*stream, piece, None),
            Queued::Again { stream, piece, seq } => (*stream, piece, Some(*seq)),
        };
        let state = &mut self.streams[stream];
        let (ssrc, pt, index) = match (again, queued) {
            (None, Queued::Media { seq, .. }) => (state.ssrc, state.pt, *seq),
            (_, _) => {
                state.next_rtx += 1;
                (state.ssrc + 100, RTX, state.next_rtx - 1)
            }
        };
        let fields = HeaderFields {
            marker: piece.marker,
            padding: false,
            pt: Pt::new(pt).unwrap(),
            seq: SeqIndex(index).seq(),
            time: RtpTime(piece.time),
            ssrc: Ssrc(ssrc),
        };
        let payload = match again {
            Some(seq) => [&seq.to_be_bytes(), piece.payload.as_slice()].concat(),
            None => piece.payload.clone(),
        };
        let kind = if again.is_some() { SendKind::Retransmission } else { SendKind::Media };
        if state.rid.is_some() || state.pt == VP8 {
            self.sent.add(now, payload.len());
        }
        let octets = u32::try_from(payload.len()).unwrap();
        state.sent = (state.sent.0.wrapping_add(1), state.sent.1.wrapping_add(octets));
        self.write(now, stream, (fields, index), &payload, kind)
    }

    fn pad(&mut self, now: Instant, bytes: usize) {
        if self.camera.is_none() {
            return;
        }
        let mut left = bytes;
        while left > 0 {
            let state = &mut self.streams[0];
            let (index, ssrc) = (state.next_rtx, state.ssrc + 100);
            state.next_rtx += 1;
            let fields = HeaderFields {
                marker: false,
                padding: true,
                pt: Pt::new(RTX).unwrap(),
                seq: SeqIndex(index).seq(),
                time: RtpTime(0),
                ssrc: Ssrc(ssrc),
            };
            let mut payload = [0; 255];
            payload[254] = 255;
            let sent = self.write(now, 0, (fields, index), &payload, SendKind::Probe);
            left = left.saturating_sub(sent.max(1));
        }
    }

    fn write(
        &mut self,
        now: Instant,
        stream: usize,
        (fields, index): (HeaderFields, u64),
        payload: &[u8],
        kind: SendKind,
    ) -> usize {
        let state = &self.streams[stream];
        let id = |id| ExtId::new(id).unwrap();
        let transport = self.next_transport.to_be_bytes();
        let mut block = ExtensionBlock::new();
        block.push(id(TWCC), &transport);
        if !state.is_known || fields.ssrc.0 != state.ssrc {
            block.push(id(MID), state.mid.as_bytes());
            if let Some(rid) = state.rid {
                block.push(id(if fields.ssrc.0 == state.ssrc { RID } else { RRID }), rid.as_bytes());
            }
        }
        if state.mid == "0" {
            block.push(id(LEVEL), &[0x80 | 20]);
        }
        let mut header = [0; MAX_HEADER_BYTES];
        let len = write_header(&mut header, &fields, &block).unwrap();
        let sent = self.leg.send_rtp(&header[..len], payload, SeqIndex(index)).unwrap_or(0);
        self.bwe.on_send(now, SeqNo(self.next_transport), sent, kind);
        self.next_transport = self.next_transport.wrapping_add(1);
        sent
    }

    fn report(&mut self, now: Instant) {
        // Any wall clock does, as long as all streams share it.
        let micros = (now - self.began).as_micros();
        let ntp = NtpTime((0xe000_0000 << 32) + u64::try_from((micros << 32) / 1_000_000).unwrap());
        let mut compound = Vec::new();
        let last = self.streams.len() - 1;
        for (place, stream) in self.streams.iter().enumerate() {
            let time = if place == last {
                self.microphone.as_ref().map(|microphone| microphone.time(now))
            } else {
                self.camera.as_ref().map(|camera| camera.time(place, now))
            };
            let Some(time) = time.filter(|_| stream.sent.0 > 0) else { continue };
            rtcp::write_sender_report(&mut compound, Ssrc(stream.ssrc), (ntp, RtpTime(time)), stream.sent);
        }
        if !compound.is_empty() {
            self.leg.send_rtcp(&compound);
        }
    }
}
