//! In steady state a forwarded packet costs no allocation: counted by an allocator of this test's own.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself")]
#![allow(
    unsafe_code,
    reason = "GlobalAlloc is unsafe by definition; every call goes to the system's allocator unchanged"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sfu_core::bwe::{Bitrate, BweConfig};
use sfu_core::codec::Codec;
use sfu_core::forward::{Congestion, Forwarding, ForwardingConfig, Leg, RtxConfig, SendArena, Target};
use sfu_core::receive::{EncodingIndex, Inbound, PayloadKind, Payloads, Reception, Section, SectionStreams};
use sfu_core::room::PublicationKey;
use sfu_core::rtcp::{self, RtcpPacket};
use sfu_core::rtp::{
    ExtId, ExtKind, ExtMap, ExtensionBlock, HeaderFields, MAX_HEADER_BYTES, Mid, Pt, RtpTime, SeqNo, Ssrc,
    write_header,
};
use sfu_core::shard::relay::{Batches, Encodings};
use sfu_core::srtp::{MasterKey, Profile, SrtpSender};
use sfu_core::stats::MediaCounters;

struct Counting;

thread_local! {
    /// Of this thread only: the test harness has others.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: each method passes its arguments on to `System`, which fulfils the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the same.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SUBSCRIBERS: usize = 20;
const PACKETS_PER_FRAME: u16 = 7;
const FRAME: Duration = Duration::from_micros(33_333);

struct Subscriber {
    forwarding: Forwarding,
    congestion: Congestion,
    seal: SrtpSender,
}

fn pt(number: u8) -> Pt {
    Pt::new(number).unwrap()
}

fn extensions() -> ExtMap {
    let mut map = ExtMap::default();
    map.set(ExtKind::TransportCc, ExtId::new(3));
    map.set(ExtKind::Mid, ExtId::new(4));
    map
}

fn subscriber(place: usize) -> Subscriber {
    let ssrc = 1_000 + 2 * u32::try_from(place).unwrap();
    let config = ForwardingConfig {
        codec: Codec::Vp8,
        scalable: false,
        ssrc: Ssrc(ssrc),
        pt: pt(120),
        red: None,
        rtx: Some(RtxConfig { ssrc: Ssrc(ssrc + 1), pt: pt(121), first_seq: SeqNo(1) }),
        mid: Mid::new(b"0"),
        extensions: extensions(),
        first_seq: SeqNo(1),
        first_time: RtpTime(0),
        cname: Arc::from("somebody"),
    };
    let mut forwarding = Forwarding::new(config);
    forwarding.set_target(Some(Target::encoding(EncodingIndex(0))));
    let profile = if place.is_multiple_of(2) { Profile::Aes128Gcm } else { Profile::Aes128CmSha1 };
    let salt = [9; 14];
    let salt = if place.is_multiple_of(2) { &salt[..12] } else { &salt[..] };
    let master = MasterKey::new(profile, &[7; 16], salt).unwrap();
    // Nothing is held back: 2 Mb/s over a path for 20.
    let config = BweConfig { start: Bitrate::from_kbps(20_000), ..BweConfig::default() };
    let congestion = Congestion::new(config, SeqNo(0));
    Subscriber { forwarding, congestion, seal: SrtpSender::new(profile, &master) }
}

/// A packet of a frame; the P bit is 0 in the first frame only.
fn packet(frame: u16, place: u16) -> Vec<u8> {
    let fields = HeaderFields {
        marker: place + 1 == PACKETS_PER_FRAME,
        padding: false,
        pt: pt(96),
        seq: SeqNo(frame.wrapping_mul(PACKETS_PER_FRAME).wrapping_add(place)),
        time: RtpTime(u32::from(frame) * 3_000),
        ssrc: Ssrc(10),
    };
    let mut packet = vec![0; MAX_HEADER_BYTES];
    let len = write_header(&mut packet, &fields, &ExtensionBlock::new()).unwrap();
    packet.truncate(len);
    let start = if place == 0 { 0x90 } else { 0x80 };
    let picture = frame.to_be_bytes();
    packet.extend_from_slice(&[
        start,
        0xf0,
        0x80 | picture[0],
        picture[1],
        picture[1],
        0,
        u8::from(frame > 0),
    ]);
    packet.resize(len + 1_100, 7);
    packet
}

struct Scene {
    start: Instant,
    inbound: Inbound<u32>,
    reception: Reception,
    subscribers: Vec<Subscriber>,
    arena: SendArena<usize>,
    counters: MediaCounters,
    feedback: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let mut inbound = Inbound::new(Ssrc(1));
        inbound.set_section(Section {
            mid: Mid::new(b"0").unwrap(),
            publication: 0,
            payloads: Payloads(vec![(pt(96), PayloadKind::Media(Codec::Vp8))]),
            streams: SectionStreams::Single { media: Some(Ssrc(10)), rtx: None },
        });
        #[expect(clippy::disallowed_methods, reason = "the one real instant from which virtual time starts")]
        let start = Instant::now();
        Self {
            start,
            inbound,
            reception: Reception::new(Codec::Vp8, 1, Ssrc(1)),
            subscribers: (0..SUBSCRIBERS).map(subscriber).collect(),
            arena: SendArena::new(1 << 20),
            counters: MediaCounters::default(),
            feedback: Vec::new(),
        }
    }

    /// One frame to everybody; returns the allocations of receiving and forwarding it.
    fn frame(&mut self, frame: u16) -> u64 {
        let now = self.start + FRAME * u32::from(frame);
        let packets: Vec<_> = (0..PACKETS_PER_FRAME).map(|place| packet(frame, place)).collect();
        let before = COUNT.with(Cell::get);
        for packet in &packets {
            let counters = &mut self.counters.receive;
            let routed = self.inbound.route(now, packet, counters).unwrap();
            self.reception.handle_rtp(now, &routed, packet, counters);
        }
        for (place, subscriber) in self.subscribers.iter_mut().enumerate() {
            let congestion = Some(&mut subscriber.congestion);
            let mut leg = Leg { to: place, seal: &subscriber.seal, congestion };
            let counters = &mut self.counters.forward;
            subscriber.forwarding.forward(now, &self.reception, &mut leg, &mut self.arena, counters);
        }
        self.reception.clear_fresh();
        let allocations = COUNT.with(Cell::get) - before;
        assert_eq!(self.arena.runs().iter().map(|run| run.count).sum::<usize>(), SUBSCRIBERS * 7);
        self.arena.clear();
        if frame % 2 == 1 {
            self.feed_back(frame, now);
        }
        allocations
    }

    /// All subscribers tell that the last two frames arrived.
    fn feed_back(&mut self, frame: u16, now: Instant) {
        let first = SeqNo((frame - 1).wrapping_mul(PACKETS_PER_FRAME));
        let arrivals: Vec<_> =
            (0..2 * PACKETS_PER_FRAME).map(|_| Some(now.duration_since(self.start))).collect();
        self.feedback.clear();
        rtcp::write_twcc(&mut self.feedback, (Ssrc(1), Ssrc(2)), 0, first, &arrivals);
        for rtcp in rtcp::packets(&self.feedback).flatten() {
            let RtcpPacket::TransportFeedback(feedback) = rtcp else { continue };
            for subscriber in &mut self.subscribers {
                subscriber.congestion.bwe_mut().on_feedback(now, &feedback);
                subscriber.congestion.poll(now);
            }
        }
    }
}

#[test]
fn a_forwarded_packet_costs_no_allocation_in_steady_state() {
    let mut scene = Scene::new();
    // Rings, caches and histories grow to their size: a second and a half of video.
    for frame in 0..100 {
        scene.frame(frame);
    }
    let forwarded = scene.counters.forward.packets;
    let allocations: u64 = (100..1_100).map(|frame| scene.frame(frame)).sum();
    assert_eq!(scene.counters.forward.packets - forwarded, 1_000 * 7 * SUBSCRIBERS as u64);
    assert_eq!(allocations, 0);
}

/// Another shard reads each batch one turn later, as a thread does that is woken by it.
#[test]
fn a_packet_that_crosses_to_another_shard_costs_no_allocation_in_steady_state() {
    let mut scene = Scene::new();
    let mut away = Reception::new(Codec::Vp8, 1, Ssrc(0));
    let (mut batches, mut encodings) = (Batches::default(), Encodings::default());
    encodings.insert(EncodingIndex(0));
    let (mut under_way, mut crossed, mut allocations) = (None, 0, 0);
    for frame in 0..1_100 {
        let now = scene.start + FRAME * u32::from(frame);
        let packets: Vec<_> = (0..PACKETS_PER_FRAME).map(|place| packet(frame, place)).collect();
        let before = COUNT.with(Cell::get);
        for packet in &packets {
            let counters = &mut scene.counters.receive;
            let routed = scene.inbound.route(now, packet, counters).unwrap();
            scene.reception.handle_rtp(now, &routed, packet, counters);
        }
        let batch = batches.take_fresh(PublicationKey(1), &scene.reception, encodings).unwrap();
        scene.reception.clear_fresh();
        if let Some(batch) = under_way.replace(batch) {
            crossed += batch.write_to(&mut away, encodings);
            away.clear_fresh();
        }
        if frame >= 100 {
            allocations += COUNT.with(Cell::get) - before;
        }
    }
    assert_eq!(crossed, 1_099 * usize::from(PACKETS_PER_FRAME));
    assert_eq!(allocations, 0);
}

/// What a subscription and an idle transport's share of the core keep on the heap.
#[test]
fn a_subscription_takes_less_than_ten_kilobytes() {
    let mut scene = Scene::new();
    for frame in 0..100 {
        scene.frame(frame);
    }
    let subscription = &scene.subscribers[0].forwarding;
    let bytes = subscription.heap_bytes() + size_of::<Forwarding>();
    assert!(bytes < 10_000, "{bytes} bytes");
}
