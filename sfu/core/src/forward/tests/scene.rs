//! A publisher with a simulcast camera and a microphone, and one viewer, in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::bwe::BweConfig;
use crate::codec::{Codec, Vp8Descriptor};
use crate::forward::{Congestion, Forwarding, ForwardingConfig, Leg, Plain, RtxConfig, SendArena, Target};
use crate::receive::{EncodingIndex, Inbound, PayloadKind, Payloads, Reception, Section, SectionStreams};
use crate::rtcp::{self, NtpTime, RtcpPacket};
use crate::rtp::{
    ExtId, ExtKind, ExtMap, ExtensionBlock, Extensions, HeaderFields, MAX_HEADER_BYTES, Mid, Pt, Rid,
    RtpHeader, RtpTime, SeqNo, Ssrc, write_header,
};
use crate::stats::MediaCounters;

#[expect(clippy::disallowed_methods, reason = "the one real instant from which virtual time starts")]
pub(super) fn epoch() -> Instant {
    Instant::now()
}

/// Wall clock of the publisher at virtual time zero.
const WALL: u64 = 0xe000_0000 << 32;

pub(super) const MID: u8 = 9;
pub(super) const RID: u8 = 10;
pub(super) const TWCC: u8 = 3;
pub(super) const LEVEL: u8 = 1;
pub(super) const DESCRIPTOR: u8 = 12;

pub(super) fn pt(number: u8) -> Pt {
    Pt::new(number).unwrap()
}

pub(super) fn ext_map(ids: &[(ExtKind, u8)]) -> ExtMap {
    let mut map = ExtMap::default();
    for &(kind, id) in ids {
        map.set(kind, ExtId::new(id));
    }
    map
}

/// xorshift64.
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// One encoding of the camera.
#[derive(Clone)]
pub(super) struct Layer {
    pub(super) seq: u16,
    /// RTP time at virtual time zero.
    pub(super) time_base: u32,
    pub(super) picture_id: u16,
    pub(super) tl0: u8,
}

/// How a frame is cut and marked.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) layer: u8,
    pub(super) capture_us: u64,
    pub(super) key: bool,
    pub(super) packets: u8,
    pub(super) temporal: u8,
    pub(super) bytes: usize,
}

impl Frame {
    pub(super) fn new(layer: u8, capture_us: u64) -> Self {
        Self { layer, capture_us, key: false, packets: 3, temporal: 0, bytes: 100 }
    }

    pub(super) fn key(mut self) -> Self {
        self.key = true;
        self
    }

    pub(super) fn packets(mut self, packets: u8) -> Self {
        self.packets = packets;
        self
    }

    pub(super) fn temporal(mut self, temporal: u8) -> Self {
        self.temporal = temporal;
        self
    }

    pub(super) fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }
}

pub(super) fn rtp(fields: &HeaderFields, extensions: &[(u8, &[u8])], payload: &[u8]) -> Vec<u8> {
    let mut block = ExtensionBlock::new();
    for &(id, value) in extensions {
        assert!(block.push(ExtId::new(id).unwrap(), value));
    }
    let mut packet = vec![0; MAX_HEADER_BYTES];
    let len = write_header(&mut packet, fields, &block).unwrap();
    packet.truncate(len);
    packet.extend_from_slice(payload);
    packet
}

/// Three VP8 encodings with their own SSRC, numbers and clocks.
pub(super) struct Camera {
    pub(super) layers: Vec<Layer>,
}

const RIDS: [&[u8]; 3] = [b"q", b"h", b"f"];

pub(super) fn ticks(micros: u64, rate: u64) -> u32 {
    u32::try_from((micros * rate / 1_000_000) & 0xffff_ffff).unwrap()
}

pub(super) fn ntp_at(micros: u64) -> NtpTime {
    let fixed_point = (u128::from(micros) << 32) / 1_000_000;
    NtpTime(WALL + u64::try_from(fixed_point).unwrap())
}

impl Camera {
    /// Numbers near their wraps.
    pub(super) fn new() -> Self {
        let layer = |seq, time_base, picture_id, tl0| Layer { seq, time_base, picture_id, tl0 };
        Self {
            layers: vec![
                layer(65_500, 0xffff_0000, 0x7ff0, 250),
                layer(17, 12_345, 100, 3),
                layer(40_000, 0x8000_0000, 0x3fff, 128),
            ],
        }
    }

    pub(super) fn ssrc(layer: u8) -> Ssrc {
        Ssrc(1000 + u32::from(layer))
    }

    fn fields(&mut self, layer: u8, capture_us: u64, marker: bool) -> HeaderFields {
        let state = &mut self.layers[usize::from(layer)];
        let seq = SeqNo(state.seq);
        state.seq = state.seq.wrapping_add(1);
        HeaderFields {
            marker,
            padding: false,
            pt: pt(96),
            seq,
            time: RtpTime(state.time_base.wrapping_add(ticks(capture_us, 90_000))),
            ssrc: Self::ssrc(layer),
        }
    }

    /// The packets of one frame. Each payload says when and as which part it was captured.
    pub(super) fn frame(&mut self, frame: Frame) -> Vec<Vec<u8>> {
        let state = &mut self.layers[usize::from(frame.layer)];
        state.picture_id = state.picture_id.wrapping_add(1) & 0x7fff;
        if frame.temporal == 0 {
            state.tl0 = state.tl0.wrapping_add(1);
        }
        let (id, tl0) = ((0x8000 | state.picture_id).to_be_bytes(), state.tl0);
        (0..frame.packets)
            .map(|part| {
                let fields = self.fields(frame.layer, frame.capture_us, part + 1 == frame.packets);
                let start = if part == 0 { 0x90 } else { 0x80 };
                // Y bit: frames of higher temporal layers depend on the base only.
                let tid = frame.temporal << 6 | 0x20;
                let mut payload = vec![start, 0xf0, id[0], id[1], tl0, tid, u8::from(!frame.key)];
                payload.extend_from_slice(&frame.capture_us.to_be_bytes());
                payload.extend_from_slice(&[frame.layer, part, frame.packets]);
                payload.resize(payload.len().max(frame.bytes), 0);
                let rid = RIDS[usize::from(frame.layer)];
                rtp(&fields, &[(MID, b"1"), (RID, rid)], &payload)
            })
            .collect()
    }

    /// A packet with padding only.
    pub(super) fn padding(&mut self, layer: u8, capture_us: u64) -> Vec<u8> {
        let fields = HeaderFields { padding: true, ..self.fields(layer, capture_us, false) };
        rtp(&fields, &[(MID, b"1"), (RID, RIDS[usize::from(layer)])], &[0, 0, 0, 4])
    }

    pub(super) fn report(&self, layer: u8, at_us: u64) -> Vec<u8> {
        let time = self.layers[usize::from(layer)].time_base.wrapping_add(ticks(at_us, 90_000));
        let mut out = Vec::new();
        rtcp::write_sender_report(&mut out, Self::ssrc(layer), (ntp_at(at_us), RtpTime(time)), (0, 0));
        out
    }
}

/// A packet as the viewer gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Got {
    pub(super) at_us: u64,
    pub(super) ssrc: u32,
    pub(super) pt: u8,
    pub(super) seq: u16,
    pub(super) time: u32,
    pub(super) marker: bool,
    pub(super) has_mid: bool,
    pub(super) transport_cc: Option<u16>,
    pub(super) descriptor: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

impl Got {
    pub(super) fn vp8(&self) -> Vp8Descriptor {
        Vp8Descriptor::parse(&self.payload).unwrap()
    }

    pub(super) fn picture_id(&self) -> u16 {
        self.vp8().picture_id.unwrap().number()
    }

    pub(super) fn capture_us(&self) -> u64 {
        u64::from_be_bytes(*self.payload[7..].first_chunk().unwrap())
    }

    /// Layer, part, parts.
    pub(super) fn mark(&self) -> (u8, u8, u8) {
        (self.payload[15], self.payload[16], self.payload[17])
    }
}

pub(super) const VIEWER_SSRC: u32 = 77;
pub(super) const VIEWER_RTX: u32 = 78;

/// What the viewer negotiated: other numbers than the publisher's.
pub(super) fn viewer_config(codec: Codec) -> ForwardingConfig {
    ForwardingConfig {
        codec,
        scalable: false,
        ssrc: Ssrc(VIEWER_SSRC),
        pt: pt(120),
        red: None,
        rtx: Some(RtxConfig { ssrc: Ssrc(VIEWER_RTX), pt: pt(124), first_seq: SeqNo(1) }),
        mid: Mid::new(b"v0"),
        extensions: ext_map(&[(ExtKind::Mid, 4), (ExtKind::TransportCc, 7), (ExtKind::AudioLevel, 2)]),
        first_seq: SeqNo(1),
        first_time: RtpTime(0xffff_f000),
        cname: Arc::from("speaker"),
    }
}

/// One publication and one subscription of it.
pub(super) struct Scene {
    pub(super) start: Instant,
    pub(super) now_us: u64,
    pub(super) inbound: Inbound<u32>,
    pub(super) reception: Reception,
    pub(super) forwarding: Forwarding,
    pub(super) congestion: Congestion,
    pub(super) arena: SendArena<u32>,
    pub(super) counters: MediaCounters,
    pub(super) got: Vec<Got>,
    pub(super) reports: Vec<(u64, NtpTime, RtpTime)>,
    /// Packets on their way to the SFU, by arrival.
    queue: BTreeMap<(u64, u64), Vec<u8>>,
    queued: u64,
}

impl Scene {
    pub(super) fn new(
        section: Section<u32>,
        codec: Codec,
        encodings: usize,
        config: ForwardingConfig,
    ) -> Self {
        let mut inbound = Inbound::new(Ssrc(1));
        inbound.set_extensions(ext_map(&[
            (ExtKind::Mid, MID),
            (ExtKind::Rid, RID),
            (ExtKind::TransportCc, TWCC),
            (ExtKind::AudioLevel, LEVEL),
            (ExtKind::DependencyDescriptor, DESCRIPTOR),
        ]));
        inbound.set_section(section);
        Self {
            start: epoch(),
            now_us: 0,
            inbound,
            reception: Reception::new(codec, encodings, Ssrc(1)),
            forwarding: Forwarding::new(config),
            congestion: Congestion::new(BweConfig::default(), SeqNo(65_530)),
            arena: SendArena::new(1 << 20),
            counters: MediaCounters::default(),
            got: Vec::new(),
            reports: Vec::new(),
            queue: BTreeMap::new(),
            queued: 0,
        }
    }

    pub(super) fn camera() -> Self {
        let section = Section {
            mid: Mid::new(b"1").unwrap(),
            publication: 5,
            payloads: Payloads(vec![(pt(96), PayloadKind::Media(Codec::Vp8))]),
            streams: SectionStreams::Simulcast {
                rids: RIDS.map(|rid| Rid::new(rid).unwrap()).to_vec(),
                fid: Vec::new(),
            },
        };
        Self::new(section, Codec::Vp8, 3, viewer_config(Codec::Vp8))
    }

    pub(super) fn microphone(red: Option<Pt>) -> Self {
        let section = Section {
            mid: Mid::new(b"1").unwrap(),
            publication: 6,
            payloads: Payloads(vec![(pt(111), PayloadKind::Media(Codec::Opus)), (pt(63), PayloadKind::Red)]),
            streams: SectionStreams::Single { media: Some(Ssrc(2000)), rtx: None },
        };
        let config = ForwardingConfig { red, rtx: None, ..viewer_config(Codec::Opus) };
        Self::new(section, Codec::Opus, 1, config)
    }

    pub(super) fn now(&self) -> Instant {
        self.start + Duration::from_micros(self.now_us)
    }

    pub(super) fn target(&mut self, layer: u8) {
        self.forwarding.set_target(Some(Target::encoding(EncodingIndex(layer))));
    }

    /// A packet arrives now; nothing is fanned out yet.
    pub(super) fn receive(&mut self, packet: &[u8]) {
        let now = self.now();
        if (192..=223).contains(&packet[1]) {
            let reception = &mut self.reception;
            self.inbound.handle_rtcp(packet, &mut self.counters.receive, |_, encoding, clock| {
                reception.handle_sender_clock(now, encoding, clock);
            });
            return;
        }
        if let Ok(routed) = self.inbound.route(now, packet, &mut self.counters.receive) {
            self.reception.handle_rtp(now, &routed, packet, &mut self.counters.receive);
        }
    }

    /// Fans out what arrived, and keeps what the viewer gets.
    pub(super) fn turn(&mut self) {
        let now = self.now();
        let mut leg = Leg { to: 1, seal: &Plain, congestion: Some(&mut self.congestion) };
        let counters = &mut self.counters.forward;
        self.forwarding.forward(now, &self.reception, &mut leg, &mut self.arena, counters);
        self.reception.clear_fresh();
        self.collect();
    }

    /// Feedback comes: from now on the estimate counts.
    pub(super) fn prove(&mut self) {
        let mut out = Vec::new();
        let arrivals = [Some(Duration::ZERO)];
        rtcp::write_twcc(&mut out, (Ssrc(1), Ssrc(2)), 0, SeqNo(65_530), &arrivals);
        for packet in rtcp::packets(&out) {
            let RtcpPacket::TransportFeedback(feedback) = packet.unwrap() else { panic!() };
            self.congestion.bwe_mut().on_feedback(self.start, &feedback);
        }
    }

    /// A sender report goes out, and the viewer answers it after this round trip and 100 ms of its own.
    pub(super) fn report_round_trip(&mut self, camera: &mut Camera, micros: u64) {
        self.target(0);
        for packet in camera.frame(Frame::new(0, self.now_us).key()) {
            self.receive(&packet);
        }
        self.receive(&camera.report(0, 500_000));
        self.turn();
        let &(at_us, ntp, _) = self.reports.last().unwrap();
        self.now_us = at_us + 100_000 + micros;
        let block = rtcp::ReportBlock {
            ssrc: Ssrc(VIEWER_SSRC),
            fraction_lost: 7,
            cumulative_lost: 0,
            highest_seq: 1,
            jitter: 0,
            last_sr: ntp.middle(),
            delay_since_last_sr: 65_536 / 10,
        };
        self.forwarding.handle_report(self.now(), &block);
        self.take();
    }

    /// Lets slots pass until the pacer holds nothing back.
    pub(super) fn let_go(&mut self) {
        while self.forwarding.is_held() {
            self.now_us += 5_000;
            let now = self.now();
            let mut leg = Leg { to: 1, seal: &Plain, congestion: Some(&mut self.congestion) };
            let counters = &mut self.counters.forward;
            self.forwarding.forward_held(now, &self.reception, &mut leg, &mut self.arena, counters);
            self.collect();
        }
    }

    pub(super) fn nack(&mut self, missing: &[u16]) {
        let now = self.now();
        let mut leg = Leg { to: 1, seal: &Plain, congestion: Some(&mut self.congestion) };
        let missing = missing.iter().map(|&seq| SeqNo(seq));
        let counters = &mut self.counters.forward;
        self.forwarding.retransmit(now, missing, &self.reception, &mut leg, &mut self.arena, counters);
        self.collect();
    }

    /// Takes what stands in the arena and what is due as RTCP.
    pub(super) fn collect(&mut self) {
        let map = self.forwarding.config().extensions;
        for run in self.arena.runs() {
            for datagram in self.arena.datagrams(run) {
                let header = RtpHeader::parse(datagram).unwrap();
                let extensions = Extensions::read(&header, datagram, &map);
                self.got.push(Got {
                    at_us: self.now_us,
                    ssrc: header.ssrc.0,
                    pt: header.pt.get(),
                    seq: header.seq.0,
                    time: header.time.0,
                    marker: header.marker,
                    has_mid: extensions.mid.is_some(),
                    transport_cc: extensions.transport_cc,
                    descriptor: extensions.dependency_descriptor.unwrap_or_default().to_vec(),
                    payload: datagram[header.payload.clone()].to_vec(),
                });
            }
        }
        self.arena.clear();
        let mut out = Vec::new();
        self.forwarding.poll_rtcp(self.now(), &self.reception, &mut out);
        for packet in rtcp::packets(&out) {
            if let RtcpPacket::SenderReport(report) = packet.unwrap() {
                self.reports.push((self.now_us, report.ntp, report.rtp_time));
            }
        }
    }

    /// All packets arrive now, in one turn.
    pub(super) fn send(&mut self, packets: impl IntoIterator<Item = Vec<u8>>) {
        for packet in packets {
            self.receive(&packet);
        }
        self.turn();
    }

    /// A packet will arrive at this virtual time.
    pub(super) fn enqueue(&mut self, at_us: u64, packet: Vec<u8>) {
        self.queued += 1;
        self.queue.insert((at_us, self.queued), packet);
    }

    /// Lets everything arrive that is due by this virtual time, one turn for each moment.
    pub(super) fn run_until(&mut self, until_us: u64) {
        while let Some(entry) = self.queue.first_entry() {
            let at_us = entry.key().0;
            if at_us > until_us {
                break;
            }
            let packet = entry.remove();
            self.now_us = at_us;
            self.receive(&packet);
            self.turn();
        }
        self.now_us = until_us;
        self.turn();
    }

    /// What the viewer got since the last call.
    pub(super) fn take(&mut self) -> Vec<Got> {
        std::mem::take(&mut self.got)
    }
}

/// Sequence numbers follow each other without gap and repetition.
pub(super) fn assert_continuous(got: &[Got]) {
    for pair in got.windows(2) {
        assert_eq!(pair[1].seq, pair[0].seq.wrapping_add(1), "at {} µs: {:?}", pair[1].at_us, pair[1]);
    }
}
