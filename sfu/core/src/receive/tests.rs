mod binding;
mod keyframes;
mod repair;
mod reports;

use std::time::{Duration, Instant};

use super::*;
use crate::codec::Codec;
use crate::rtcp::{self, NtpTime, RtcpPacket};
use crate::rtp::{
    ExtId, ExtKind, ExtMap, ExtensionBlock, HeaderFields, MAX_HEADER_BYTES, Mid, Pt, Rid, RtpTime, SeqNo,
    Ssrc, write_header,
};
use crate::stats::ReceiveCounters;

#[expect(clippy::disallowed_methods, reason = "the one real instant from which virtual time starts")]
fn epoch() -> Instant {
    Instant::now()
}

const MID: u8 = 9;
const RID: u8 = 10;
const RRID: u8 = 11;
const TWCC: u8 = 3;
const VP8: u8 = 96;
const RTX: u8 = 97;
const RED: u8 = 63;
const OPUS: u8 = 111;
const OURS: Ssrc = Ssrc(1);

fn pt(number: u8) -> Pt {
    Pt::new(number).unwrap()
}

fn extensions() -> ExtMap {
    let mut map = ExtMap::default();
    for (kind, id) in
        [(ExtKind::Mid, MID), (ExtKind::Rid, RID), (ExtKind::RepairedRid, RRID), (ExtKind::TransportCc, TWCC)]
    {
        map.set(kind, ExtId::new(id));
    }
    map
}

/// A packet to build.
#[derive(Clone)]
struct Spec<'a> {
    ssrc: u32,
    pt: u8,
    seq: u16,
    time: u32,
    extensions: Vec<(u8, &'a [u8])>,
    payload: Vec<u8>,
    padding: bool,
    marker: bool,
}

impl<'a> Spec<'a> {
    fn new(ssrc: u32, pt: u8, seq: u16) -> Self {
        let payload = vec![0x10, 0x01, 7];
        Self { ssrc, pt, seq, time: 0, extensions: Vec::new(), payload, padding: false, marker: false }
    }

    fn ext(mut self, id: u8, value: &'a [u8]) -> Self {
        self.extensions.push((id, value));
        self
    }

    fn payload(mut self, payload: &[u8]) -> Self {
        self.payload = payload.to_vec();
        self
    }

    fn marker(mut self) -> Self {
        self.marker = true;
        self
    }

    fn padding_only(mut self) -> Self {
        self.padding = true;
        self.payload = vec![0, 0, 3];
        self
    }

    fn build(&self) -> Vec<u8> {
        let mut block = ExtensionBlock::new();
        for &(id, value) in &self.extensions {
            assert!(block.push(ExtId::new(id).unwrap(), value));
        }
        let fields = HeaderFields {
            marker: self.marker,
            padding: self.padding,
            pt: pt(self.pt),
            seq: SeqNo(self.seq),
            time: RtpTime(self.time),
            ssrc: Ssrc(self.ssrc),
        };
        let mut packet = vec![0; MAX_HEADER_BYTES];
        let len = write_header(&mut packet, &fields, &block).unwrap();
        packet.truncate(len);
        packet.extend_from_slice(&self.payload);
        packet
    }
}

fn video_payloads() -> Payloads {
    Payloads(vec![(pt(VP8), PayloadKind::Media(Codec::Vp8)), (pt(RTX), PayloadKind::Rtx(pt(VP8)))])
}

fn simulcast(fid: Vec<(Ssrc, Ssrc)>) -> Section<&'static str> {
    let rids = [b"q", b"h", b"f"].map(|rid| Rid::new(rid).unwrap()).to_vec();
    Section {
        mid: Mid::new(b"1").unwrap(),
        publication: "camera",
        payloads: video_payloads(),
        streams: SectionStreams::Simulcast { rids, fid },
    }
}

fn single(
    mid: &str,
    publication: &'static str,
    media: Option<u32>,
    rtx: Option<u32>,
) -> Section<&'static str> {
    Section {
        mid: Mid::new(mid.as_bytes()).unwrap(),
        publication,
        payloads: video_payloads(),
        streams: SectionStreams::Single { media: media.map(Ssrc), rtx: rtx.map(Ssrc) },
    }
}

struct Scene {
    start: Instant,
    now: Instant,
    inbound: Inbound<&'static str>,
    reception: Reception,
    counters: ReceiveCounters,
}

impl Scene {
    fn new(sections: Vec<Section<&'static str>>) -> Self {
        let start = epoch();
        let mut inbound = Inbound::new(OURS);
        inbound.set_extensions(extensions());
        for section in sections {
            inbound.set_section(section);
        }
        let reception = Reception::new(Codec::Vp8, 3, OURS);
        Self { start, now: start, inbound, reception, counters: ReceiveCounters::default() }
    }

    fn route(&mut self, spec: &Spec<'_>) -> Result<Routed<&'static str>, ReceiveDrop> {
        self.inbound.route(self.now, &spec.build(), &mut self.counters)
    }

    fn receive(&mut self, spec: &Spec<'_>) -> Accepted {
        let packet = spec.build();
        let routed = self.inbound.route(self.now, &packet, &mut self.counters).unwrap();
        self.reception.handle_rtp(self.now, &routed, &packet, &mut self.counters)
    }

    fn at(&mut self, millis: u64) {
        self.now = self.start + Duration::from_millis(millis);
    }

    /// What we say to the publisher about media now.
    fn rtcp(&mut self) -> Said {
        let mut out = Vec::new();
        self.reception.poll_rtcp(self.now, &mut out, &mut self.counters);
        let mut said = Said::default();
        for packet in rtcp::packets(&out).map(Result::unwrap) {
            if let RtcpPacket::Nack(nack) = &packet {
                said.nacked.extend(nack.missing().map(|seq| seq.0));
            } else if let RtcpPacket::Pli(ssrc) = &packet {
                said.plis.push(ssrc.0);
            } else if let RtcpPacket::ReceiverReport(blocks) = &packet {
                said.reports.extend(blocks.iter());
            } else {
                panic!("{packet:?}");
            }
        }
        said
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    nacked: Vec<u16>,
    plis: Vec<u32>,
    reports: Vec<rtcp::ReportBlock>,
}

fn one_layer() -> Scene {
    Scene::new(vec![single("0", "camera", Some(50), Some(51))])
}

#[test]
fn duplicates_and_very_old_packets_are_dropped_and_counted() {
    let mut scene = one_layer();
    for seq in [100, 101, 102] {
        assert_eq!(scene.receive(&Spec::new(50, VP8, seq)), Accepted::Stored);
    }
    assert_eq!(scene.receive(&Spec::new(50, VP8, 101)), Accepted::Dropped);
    scene.receive(&Spec::new(50, VP8, 3_000));
    assert_eq!(scene.receive(&Spec::new(50, VP8, 102)), Accepted::Dropped);
    assert_eq!((scene.counters.duplicate, scene.counters.too_old), (1, 1));
}

#[test]
fn a_stream_that_starts_again_far_behind_is_taken_at_its_second_packet() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 20_000));
    assert_eq!(scene.receive(&Spec::new(50, VP8, 5)), Accepted::Dropped);
    assert_eq!(scene.receive(&Spec::new(50, VP8, 6)), Accepted::Stored);
    assert_eq!(scene.receive(&Spec::new(50, VP8, 7)), Accepted::Stored);
    let ring = scene.reception.ring(EncodingIndex(0)).unwrap();
    let generation = |place| ring.get(crate::ring::PacketRef(place)).unwrap().facts.generation;
    assert_eq!((generation(0), generation(1)), (0, 1));
}

/// From 65,500 through four wraps with loss, swaps and duplicates: what is never lost is kept once, and every
/// gap is asked for.
#[test]
fn wraps_with_loss_reordering_and_duplicates_lose_nothing() {
    let mut scene = one_layer();
    let mut rng = 0x2545_f491_4f6c_dd1du64;
    let mut stored = 0u64;
    let total = 4 * 65_536u64;
    let (mut swap, mut ahead, mut asked) = (None, None, 0);
    for step in 0..total {
        rng ^= rng << 13;
        rng ^= rng >> 7;
        rng ^= rng << 17;
        let seq = u16::try_from((65_500 + step) % 65_536).unwrap();
        scene.at(step);
        let mut take = |scene: &mut Scene, spec: &Spec<'_>| {
            stored += u64::from(scene.receive(spec) == Accepted::Stored);
        };
        let media = |seq| Spec::new(50, VP8, seq);
        match rng % 100 {
            0 if swap.is_none() => swap = Some(seq),
            1 if ahead != Some(seq) => {
                ahead = Some(seq.wrapping_add(1));
                // Lost, asked for, and sent again at once.
                take(&mut scene, &media(seq.wrapping_add(1)));
                let missing = scene.rtcp().nacked;
                assert!(missing.contains(&seq), "{missing:?} lacks {seq}");
                asked += 1;
                let osn = seq.to_be_bytes();
                let rtx = Spec::new(51, RTX, seq).payload(&[osn[0], osn[1], 0x10, 0x01]);
                take(&mut scene, &rtx);
            }
            2 => {
                take(&mut scene, &media(seq));
                take(&mut scene, &media(seq));
            }
            _ => take(&mut scene, &media(seq)),
        }
        if rng % 100 > 10
            && let Some(late) = swap.take()
        {
            take(&mut scene, &media(late));
        }
    }
    assert!(asked > 1_000);
    // One packet may still wait for its swap; the last may have been sent ahead.
    assert!((total - 1..=total + 1).contains(&stored), "{stored} of {total}");
}

#[test]
fn an_encodings_rate_is_measured_and_falls_to_zero_when_it_stops() {
    let mut scene = one_layer();
    for step in 0..200u16 {
        scene.at(u64::from(step) * 10);
        scene.receive(&Spec::new(50, VP8, step).payload(&[0x10; 1_250]));
    }
    let rate = scene.reception.bitrate(scene.now, EncodingIndex(0));
    // Headers and tag are counted.
    assert!((980_000..1_080_000).contains(&rate.0), "{rate:?}");
    scene.at(4_000);
    assert_eq!(scene.reception.bitrate(scene.now, EncodingIndex(0)).0, 0);
}

#[test]
fn an_encoding_without_new_frames_while_others_go_on_is_not_sent() {
    let mut scene = Scene::new(vec![simulcast(Vec::new())]);
    let rids: [&[u8]; 3] = [b"q", b"h", b"f"];
    let send = |scene: &mut Scene, layer: u8, seq: u16| {
        let spec =
            Spec::new(50 + u32::from(layer), VP8, seq).ext(MID, b"1").ext(RID, rids[usize::from(layer)]);
        scene.receive(&spec.marker());
    };
    let sent = |scene: &Scene| [0, 1, 2].map(|n| scene.reception.bitrate(scene.now, EncodingIndex(n)).0 > 0);
    for frame in 0..30 {
        scene.at(33 * u64::from(frame));
        (0..3).for_each(|layer| send(&mut scene, layer, 2 * frame));
    }
    assert_eq!(sent(&scene), [true, true, true]);
    // Of the largest one packet is missing and asked for when it is turned off.
    send(&mut scene, 2, 100);
    assert!(scene.rtcp().nacked.contains(&99));
    for frame in 30..42 {
        scene.at(33 * u64::from(frame));
        (0..2).for_each(|layer| send(&mut scene, layer, 2 * frame));
        scene.rtcp();
    }
    assert_eq!(sent(&scene), [true, true, false]);
    scene.at(2_000);
    assert!(!scene.rtcp().nacked.contains(&99), "nothing is asked for again");
    // It is on again.
    send(&mut scene, 2, 102);
    assert!(sent(&scene)[2]);
}
