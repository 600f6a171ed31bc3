mod binding;
mod keyframes;

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

/// The times at which `seqs` are asked for in the next 3 s.
fn asked(scene: &mut Scene, from: u64, seqs: &[u16]) -> Vec<u64> {
    let mut times = Vec::new();
    for millis in from..from + 3_000 {
        scene.at(millis);
        let said = scene.rtcp();
        if !said.nacked.is_empty() {
            assert_eq!(said.nacked, seqs);
            times.push(millis - from);
        }
    }
    times
}

fn answer(osn: u16) -> Spec<'static> {
    let [high, low] = osn.to_be_bytes();
    Spec::new(51, RTX, osn).payload(&[high, low, 0x10, 0x01, 7])
}

#[test]
fn a_gap_is_asked_for_at_once_then_nine_times_a_usual_round_trip_apart() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 65_534));
    scene.receive(&Spec::new(50, VP8, 1));
    assert!(scene.reception.is_urgent(scene.now));
    let asked = asked(&mut scene, 0, &[65_535, 0]);
    assert_eq!(asked, [0, 110, 220, 330, 440, 550, 660, 770, 880, 990]);
    assert_eq!(scene.counters.nacks, 20);
}

#[test]
fn requests_are_repeated_after_the_round_trip_that_the_fastest_answer_took() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 1));
    for (number, took) in [(3u16, 500), (5, 200), (7, 350)] {
        let before = scene.now;
        scene.receive(&Spec::new(50, VP8, number));
        scene.rtcp();
        scene.now = before + Duration::from_millis(took);
        scene.receive(&answer(number - 1));
    }
    // A late original says nothing of the round trip.
    scene.receive(&Spec::new(50, VP8, 9));
    scene.rtcp();
    scene.receive(&Spec::new(50, VP8, 8));
    scene.receive(&Spec::new(50, VP8, 11));
    let asked = asked(&mut scene, 2_000, &[10]);
    assert_eq!(asked[..4], [0, 220, 440, 660]);
}

#[test]
fn where_much_is_lost_each_request_is_sent_three_times() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 1));
    for number in 1..60 {
        scene.receive(&Spec::new(50, VP8, 2 * number + 1));
        scene.rtcp();
        scene.now += Duration::from_millis(100);
        scene.receive(&answer(2 * number));
    }
    scene.receive(&Spec::new(50, VP8, 121));
    let asked = asked(&mut scene, 10_000, &[120]);
    assert_eq!(asked[..7], [0, 20, 40, 100, 120, 140, 200]);
    assert_eq!(asked.len(), 30);
}

#[test]
fn a_model_of_a_browser_asks_after_a_fixed_time() {
    let mut scene = one_layer();
    scene.reception = Reception::new(Codec::Vp8, 1, OURS).asking_each(Duration::from_millis(100));
    scene.receive(&Spec::new(50, VP8, 1));
    scene.receive(&Spec::new(50, VP8, 3));
    assert_eq!(asked(&mut scene, 0, &[2]), (0..10).map(|n| 100 * n).collect::<Vec<_>>());
}

#[test]
fn a_retransmission_fills_the_gap_and_is_not_asked_for_again() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 1));
    scene.receive(&Spec::new(50, VP8, 4));
    assert_eq!(scene.rtcp().nacked, [2, 3]);
    let rtx = |osn: u8| Spec::new(51, RTX, 900 + u16::from(osn)).payload(&[0, osn, 0x10, 0x01, osn]);
    assert_eq!(scene.receive(&rtx(3)), Accepted::Stored);
    assert_eq!(scene.receive(&rtx(3)), Accepted::Dropped);
    scene.at(110);
    assert_eq!(scene.rtcp().nacked, [2]);
    assert_eq!((scene.counters.recovered, scene.counters.rtx_useless), (1, 1));
    let ring = scene.reception.ring(EncodingIndex(0)).unwrap();
    let newest = ring.get(crate::ring::PacketRef(2)).unwrap();
    assert_eq!((newest.facts.index.seq(), newest.payload), (SeqNo(3), &[0x10, 0x01, 3][..]));
}

#[test]
fn a_jump_beyond_five_hundred_is_not_asked_for() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 10));
    scene.receive(&Spec::new(50, VP8, 12));
    scene.receive(&Spec::new(50, VP8, 700));
    assert!(scene.rtcp().nacked.is_empty());
}

#[test]
fn padding_fills_its_number_and_is_kept_without_payload() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 1));
    scene.receive(&Spec::new(50, VP8, 2).padding_only());
    scene.receive(&Spec::new(50, VP8, 3));
    assert!(scene.rtcp().nacked.is_empty());
    assert_eq!(scene.counters.padding_only, 1);
    let ring = scene.reception.ring(EncodingIndex(0)).unwrap();
    assert!(ring.get(crate::ring::PacketRef(1)).unwrap().payload.is_empty());
}

#[test]
fn a_retransmission_stream_with_padding_only_is_a_probe() {
    let mut scene = one_layer();
    scene.receive(&Spec::new(50, VP8, 1));
    let probe = Spec::new(51, RTX, 1).padding_only().ext(TWCC, &[0, 5]);
    assert_eq!(scene.route(&probe), Err(ReceiveDrop::Probe));
    assert_eq!(scene.counters.padding_only, 1);
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
fn a_receiver_report_counts_loss_and_names_the_last_sender_report() {
    let mut scene = one_layer();
    for seq in (0..100u16).filter(|seq| seq % 4 != 0 || *seq == 0) {
        scene.at(u64::from(seq) * 10);
        scene.receive(&Spec::new(50, VP8, seq.wrapping_add(65_500)));
        scene.rtcp();
    }
    scene.at(990);
    let clock = SenderClock { ntp: NtpTime(0x1111_2222_3333_4444), rtp_time: RtpTime(5) };
    scene.reception.handle_sender_clock(scene.now, EncodingIndex(0), clock);
    scene.at(1_490);
    let report = scene.rtcp().reports[0];
    assert_eq!(report.ssrc, Ssrc(50));
    assert_eq!(report.cumulative_lost, 24);
    assert_eq!(report.fraction_lost, u8::try_from(24 * 256 / 100).unwrap());
    assert_eq!(report.highest_seq, 65_500 + 99);
    assert_eq!(report.last_sr, 0x2222_3333);
    assert_eq!(report.delay_since_last_sr, 32_768);
    assert!(scene.rtcp().reports.is_empty());
}

#[test]
fn jitter_grows_with_uneven_arrival_and_is_zero_for_an_even_one() {
    for (uneven, expected) in [(0, 0..=0), (10, 800..=1_000)] {
        let mut scene = one_layer();
        for frame in 0..200u16 {
            scene.at(u64::from(frame) * 33 + u64::from(frame % 2) * uneven);
            let mut spec = Spec::new(50, VP8, frame);
            spec.time = u32::from(frame) * 33 * 90;
            scene.receive(&spec);
        }
        scene.at(7_000);
        let report = scene.rtcp().reports[0];
        assert!(expected.contains(&report.jitter), "{} ticks", report.jitter);
    }
}

#[test]
fn sound_is_neither_asked_for_again_nor_for_keyframes() {
    let mut section = single("0", "mic", Some(50), None);
    section.payloads = Payloads(vec![(pt(OPUS), PayloadKind::Media(Codec::Opus))]);
    let mut scene = Scene::new(vec![section]);
    scene.reception = Reception::new(Codec::Opus, 1, OURS);
    scene.receive(&Spec::new(50, OPUS, 1));
    scene.receive(&Spec::new(50, OPUS, 5));
    scene.reception.request_keyframe(EncodingIndex(0));
    assert!(!scene.reception.is_urgent(scene.now));
    assert_eq!(scene.rtcp(), Said::default());
}

#[test]
fn sender_reports_reach_the_encoding_of_their_source() {
    let mut scene = Scene::new(vec![simulcast(Vec::new())]);
    scene.route(&Spec::new(20, VP8, 1).ext(MID, b"1").ext(RID, b"h")).unwrap();
    let mut compound = Vec::new();
    rtcp::write_sender_report(&mut compound, Ssrc(20), (NtpTime(5), RtpTime(6)), (0, 0));
    rtcp::write_sender_report(&mut compound, Ssrc(99), (NtpTime(7), RtpTime(8)), (0, 0));
    let mut heard = Vec::new();
    scene.inbound.handle_rtcp(&compound, &mut scene.counters, |publication, encoding, clock| {
        heard.push((publication, encoding, clock));
    });
    let clock = SenderClock { ntp: NtpTime(5), rtp_time: RtpTime(6) };
    assert_eq!(heard, [("camera", EncodingIndex(1), clock)]);
}

#[test]
fn every_arrival_is_told_within_fifty_milliseconds() {
    let mut scene = one_layer();
    let mut told = std::collections::BTreeMap::new();
    for step in 0..1_000u64 {
        scene.at(step * 7);
        let number = u16::try_from((65_000 + step) % 65_536).unwrap();
        let twcc = number.to_be_bytes();
        if step % 10 != 3 {
            // Unknown sources count too: they used the path.
            let _ = scene.route(&Spec::new(77, VP8, 1).ext(TWCC, &twcc));
        }
        let mut out = Vec::new();
        scene.inbound.poll_rtcp(scene.now, &mut out);
        for packet in rtcp::packets(&out) {
            let RtcpPacket::TransportFeedback(feedback) = packet.unwrap() else { panic!() };
            for arrival in feedback.arrivals() {
                let index = (u64::from(arrival.seq.0) + 65_536 - 65_000) % 65_536;
                assert!(step - index <= 8, "number {index} told at {step}");
                assert_eq!(told.insert(index, arrival.at_micros), None, "told twice");
            }
        }
    }
    for (&index, at) in &told {
        assert_eq!(at.is_none(), index % 10 == 3, "number {index}");
        if let Some(at) = at {
            let expected = i64::try_from(index * 7_000).unwrap();
            assert!((at - expected).abs() <= 250, "number {index} at {at}");
        }
    }
    assert!(told.len() > 980);
}

#[test]
fn an_overtaken_packet_is_told_with_what_came_after_it_unless_it_is_too_late() {
    let mut scene = one_layer();
    let mut arrive = |millis: u64, number: u16| {
        scene.at(millis);
        let _ = scene.route(&Spec::new(77, VP8, 1).ext(TWCC, &number.to_be_bytes()));
        let mut out = Vec::new();
        scene.inbound.poll_rtcp(scene.now, &mut out);
        let packets = rtcp::packets(&out).map(|packet| {
            let RtcpPacket::TransportFeedback(feedback) = packet.unwrap() else { panic!() };
            feedback.arrivals().collect::<Vec<_>>()
        });
        let arrivals = packets.flatten();
        arrivals.map(|arrival| (arrival.seq.0, arrival.at_micros.map(|at| at / 1_000))).collect::<Vec<_>>()
    };
    assert_eq!(arrive(0, 10), []);
    assert_eq!(arrive(20, 11), []);
    assert_eq!(arrive(50, 13), [(10, Some(0)), (11, Some(20)), (12, None), (13, Some(50))]);
    assert_eq!(arrive(60, 14), []);
    assert_eq!(arrive(100, 12), [(12, Some(100)), (13, Some(50)), (14, Some(60))]);
    assert_eq!(arrive(160, 15), [(15, Some(160))], "each arrival is told once more at most");
    assert_eq!(arrive(800, 17), [(16, None), (17, Some(800))]);
    assert_eq!(arrive(900, 14), [], "what was told already is not told again");
    assert_eq!(arrive(1_000, 13), [], "nor what is older than half a second");
    assert_eq!(arrive(1_100, 18), [(18, Some(1_100))]);
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
