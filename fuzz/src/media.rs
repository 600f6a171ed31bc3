//! A publisher's decrypted packets through reception and forwarding to one viewer.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sfu_core::bwe::BweConfig;
use sfu_core::codec::Codec;
use sfu_core::forward::{
    Congestion, Forwarding, ForwardingConfig, Leg, MAX_PACKET_BYTES, Plain, RtxConfig, Seal, SendArena,
    Target,
};
use sfu_core::receive::{EncodingIndex, Inbound, PayloadKind, Payloads, Reception, Section, SectionStreams};
use sfu_core::rtcp;
use sfu_core::rtp::{
    ExtId, ExtensionBlock, HeaderFields, MAX_HEADER_BYTES, Mid, Pt, Rid, RtpHeader, RtpTime, SeqIndex, SeqNo,
    Ssrc, write_header,
};
use sfu_core::srtp::SealError;
use sfu_core::stats::MediaCounters;

use crate::input::{Input, epoch};
use crate::packets::extension_map;
use crate::seeds::L3T3_KEY;

/// Any packets of a publisher, feedback of its viewer, and time: what the viewer gets is well formed, carries
/// the negotiated numbers, never uses one SRTP index for two packets, and is not more than what came.
pub fn media(data: &[u8]) {
    let mut input = Input::new(data);
    let choice = input.below(CODECS.len() + 2);
    // The last two again, with their layers in one stream.
    let (codec, scalable) = match CODECS.get(choice) {
        Some(&codec) => (codec, false),
        None => (CODECS[choice - 2], true),
    };
    let mut play = Play::new(codec, scalable);
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        play.step(&mut input);
    }
    play.turn();
}

/// More says nothing new.
const MAX_STEPS: usize = 400;
const CODECS: [Codec; 5] = [Codec::Vp8, Codec::Opus, Codec::H264, Codec::Vp9, Codec::Av1];

struct Play {
    codec: Codec,
    now: Instant,
    inbound: Inbound<u8>,
    reception: Reception,
    forwarding: Forwarding,
    congestion: Congestion,
    arena: SendArena<u8>,
    counters: MediaCounters,
    seal: Recorder,
    /// Next sequence number, timestamp, picture id of each encoding.
    next: [(u16, u32, u16); 3],
    allowed: usize,
}

impl Play {
    fn new(codec: Codec, scalable: bool) -> Self {
        let mut inbound = Inbound::new(Ssrc(1));
        inbound.set_extensions(extension_map());
        let kinds = [(96, PayloadKind::Media(codec)), (97, PayloadKind::Rtx(pt(96))), (63, PayloadKind::Red)];
        let payloads = Payloads(kinds.map(|(number, kind)| (pt(number), kind)).to_vec());
        let streams = if codec.is_audio() || scalable {
            SectionStreams::Single { media: Some(Ssrc(100)), rtx: Some(Ssrc(200)) }
        } else {
            SectionStreams::Simulcast { rids: RIDS.map(rid).to_vec(), fid: vec![(Ssrc(100), Ssrc(200))] }
        };
        inbound.set_section(Section { mid: mid(), publication: 5, payloads, streams });
        let encodings = if codec.is_audio() || scalable { 1 } else { 3 };
        let config = ForwardingConfig {
            codec,
            scalable,
            ssrc: Ssrc(77),
            pt: pt(120),
            red: None,
            rtx: Some(RtxConfig { ssrc: Ssrc(78), pt: pt(124), first_seq: SeqNo(65_534) }),
            mid: Some(mid()),
            extensions: extension_map(),
            first_seq: SeqNo(65_530),
            first_time: RtpTime(0xffff_f000),
            cname: Arc::from("speaker"),
        };
        let mut forwarding = Forwarding::new(config);
        forwarding.set_target(Some(Target::encoding(EncodingIndex(0))));
        Self {
            codec,
            now: epoch(),
            inbound,
            reception: Reception::new(codec, encodings, Ssrc(1)),
            forwarding,
            congestion: Congestion::new(BweConfig::default(), SeqNo(65_530)),
            arena: SendArena::new(256 << 10),
            counters: MediaCounters::default(),
            seal: Recorder::default(),
            next: [(65_500, 0xffff_0000, 0x7ff0), (17, 12_345, 100), (40_000, 0x8000_0000, 0x3fff)],
            allowed: 0,
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let choice = input.byte();
        match choice % 8 {
            0..=2 => {
                let packet = self.packet(input);
                self.receive(&packet);
            }
            3 => {
                let packet = input.piece().to_vec();
                self.receive(&packet);
            }
            4 => self.turn(),
            5 => self.feedback(input),
            6 => {
                let layer = EncodingIndex(input.byte() % 3);
                let temporal = if choice & 8 == 0 { Target::ALL_TEMPORAL } else { input.byte() & 3 };
                let target = (choice & 16 == 0).then_some(Target { encoding: layer, temporal });
                self.forwarding.set_target(target);
            }
            _ => {
                self.now += Duration::from_millis(u64::from(input.byte()));
                let mut out = Vec::new();
                self.reception.poll_rtcp(self.now, &mut out, &mut self.counters.receive);
                self.inbound.poll_rtcp(self.now, &mut out);
                self.forwarding.poll_rtcp(self.now, &self.reception, &mut out);
                assert!(rtcp::packets(&out).all(|packet| packet.is_ok()), "what we write can be read");
            }
        }
    }

    /// A packet as a browser could send it, near the last one of its encoding.
    fn packet(&mut self, input: &mut Input<'_>) -> Vec<u8> {
        let (bits, step) = (input.byte(), input.byte().cast_signed());
        let single = self.reception.stream_count() == 1;
        let layer = if single { 0 } else { usize::from(bits & 3) % 3 };
        let (seq, time, picture) = &mut self.next[layer];
        *seq = seq.wrapping_add(1);
        *time = time.wrapping_add(u32::from(bits >> 2 & 1) * 3000);
        *picture = picture.wrapping_add(u16::from(bits >> 2 & 1));
        let fields = HeaderFields {
            marker: bits & 8 != 0,
            padding: false,
            pt: pt(if bits & 16 == 0 { 96 } else { 63 }),
            seq: SeqNo(seq.wrapping_add_signed(if bits & 32 == 0 { 0 } else { i16::from(step) })),
            time: RtpTime(time.wrapping_add_signed(if bits & 64 == 0 { 0 } else { i32::from(step) << 20 })),
            ssrc: Ssrc(100 + u32::try_from(layer).expect("three of them")),
        };
        let mut payload = Vec::new();
        if self.codec == Codec::Vp8 && bits & 128 == 0 {
            let id = (0x8000 | (*picture & 0x7fff)).to_be_bytes();
            payload = vec![0x90, 0xf0, id[0], id[1], step.cast_unsigned(), 0x20, u8::from(bits & 8 == 0)];
        }
        payload.extend_from_slice(input.piece());
        payload.truncate(1200);
        let mut block = ExtensionBlock::new();
        let descriptor = self.descriptor(bits, step.cast_unsigned());
        if !descriptor.is_empty() {
            block.push(ExtId::new(8).expect("an id"), &descriptor);
        }
        let names = (mid(), rid(RIDS[layer]));
        block.push(ExtId::new(1).expect("an id"), names.0.as_bytes());
        block.push(ExtId::new(2).expect("an id"), names.1.as_bytes());
        let mut packet = vec![0; MAX_HEADER_BYTES];
        let len = write_header(&mut packet, &fields, &block).expect("there is room for every header");
        packet.truncate(len);
        packet.extend_from_slice(&payload);
        packet
    }

    /// A dependency descriptor that fits the first template of a structure, or the structure itself.
    fn descriptor(&self, bits: u8, template: u8) -> Vec<u8> {
        if !matches!(self.codec, Codec::Vp9 | Codec::Av1) || bits & 64 != 0 {
            return Vec::new();
        }
        let [high, low] = self.next[0].2.to_be_bytes();
        match template {
            0..16 => [&[0xc0, high, low], &L3T3_KEY[3..]].concat(),
            16..128 => vec![bits & 0xc0 | template & 0x0f, high, low],
            _ => vec![0xc0 | template & 0x0f, high, low, 0x40 | template & 0x3f, template],
        }
    }

    fn receive(&mut self, packet: &[u8]) {
        if packet.get(1).is_some_and(|kind| (192..=223).contains(kind)) {
            let (now, reception) = (self.now, &mut self.reception);
            self.inbound.handle_rtcp(packet, &mut self.counters.receive, |_, encoding, clock| {
                reception.handle_sender_clock(now, encoding, clock);
            });
        } else if let Ok(routed) = self.inbound.route(self.now, packet, &mut self.counters.receive) {
            self.reception.handle_rtp(self.now, &routed, packet, &mut self.counters.receive);
            // One more when RED gives back what was lost before it.
            self.allowed += 2;
        }
    }

    fn feedback(&mut self, input: &mut Input<'_>) {
        let missing: Vec<_> =
            (0..input.below(8)).map(|_| SeqNo(65_530_u16.wrapping_add(input.byte().into()))).collect();
        self.allowed += missing.len();
        let mut leg = Leg { to: 1, seal: &self.seal, congestion: Some(&mut self.congestion) };
        let counters = &mut self.counters.forward;
        self.forwarding.retransmit(
            self.now,
            missing.into_iter(),
            &self.reception,
            &mut leg,
            &mut self.arena,
            counters,
        );
        if input.byte() & 1 == 1
            && let Some(encoding) = self.forwarding.handle_keyframe_request(counters)
        {
            self.reception.request_keyframe(encoding);
        }
        self.look();
    }

    fn turn(&mut self) {
        let mut leg = Leg { to: 1, seal: &self.seal, congestion: Some(&mut self.congestion) };
        let counters = &mut self.counters.forward;
        self.forwarding.forward(self.now, &self.reception, &mut leg, &mut self.arena, counters);
        self.reception.clear_fresh();
        self.look();
    }

    fn look(&mut self) {
        for run in self.arena.runs() {
            for datagram in self.arena.datagrams(run) {
                assert!(datagram.len() <= MAX_PACKET_BYTES);
                let header = RtpHeader::parse(datagram).expect("what we write can be read");
                let negotiated = [(77, 120), (78, 124)].contains(&(header.ssrc.0, header.pt.get()));
                assert!(negotiated, "{} {}", header.ssrc, header.pt);
                assert!(self.allowed > 0, "more leaves than came");
                self.allowed -= 1;
            }
        }
        self.arena.clear();
    }
}

/// Seals nothing, but remembers every index: two packets under one would reveal both (RFC 3711 §9.1).
#[derive(Default)]
struct Recorder(RefCell<HashMap<(u32, SeqIndex), Vec<u8>>>);

impl Seal for Recorder {
    fn seal_rtp(
        &self,
        header: &[u8],
        prefix: &[u8],
        payload: &[u8],
        index: SeqIndex,
        out: &mut [u8],
    ) -> Result<usize, SealError> {
        let ssrc = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        assert_eq!(header[2..4], index.0.to_be_bytes()[6..], "the header's number is the index's");
        let len = Plain.seal_rtp(header, prefix, payload, index, out)?;
        let before = self.0.borrow_mut().insert((ssrc, index), out[..len].to_vec());
        assert!(before.is_none_or(|before| before == out[..len]), "an index is used twice");
        Ok(len)
    }
}

const RIDS: [&str; 3] = ["q", "h", "f"];

fn rid(name: &str) -> Rid {
    Rid::new(name.as_bytes()).expect("a letter is a RID")
}

fn mid() -> Mid {
    Mid::new(b"1").expect("a digit is a MID")
}

fn pt(number: u8) -> Pt {
    Pt::new(number).expect("a payload type")
}
