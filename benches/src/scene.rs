//! One VP8 publication and its subscribers, as a shard holds them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sfu_core::bwe::BweConfig;
use sfu_core::codec::Codec;
use sfu_core::forward::{Congestion, Forwarding, ForwardingConfig, Leg, RtxConfig, SendArena, Target};
use sfu_core::receive::{EncodingIndex, Inbound, PayloadKind, Payloads, Reception, Section, SectionStreams};
use sfu_core::rtcp::{self, RtcpPacket};
use sfu_core::rtp::{
    ExtId, ExtKind, ExtMap, ExtensionBlock, HeaderFields, MAX_HEADER_BYTES, Mid, Pt, RtpTime, SeqNo, Ssrc,
    write_header,
};
use sfu_core::srtp::{MasterKey, Profile, SrtpSender};
use sfu_core::stats::MediaCounters;

use crate::counting::CountingAllocator;
use crate::datagrams::{BATCH, SendRun, UdpPort};
use crate::sink::Sink;

/// Bytes of a payload: with header, extensions and tag the datagram has 1,200 or so.
const PAYLOAD_BYTES: usize = 1_160;
/// A shard's arena: large enough for good batches, small enough for the second-level cache.
const ARENA_BYTES: usize = 1 << 20;
/// Feedback comes each 50 ms; at 7 packets for each 33 ms that is about this many packets.
const FEEDBACK_PACKETS: usize = 14;

/// What measured parts took.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Spent {
    packets: u64,
    total: Duration,
    sending: Duration,
    allocations: u64,
}

impl Spent {
    pub(crate) fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.total += other.total;
        self.sending += other.sending;
        self.allocations += other.allocations;
    }

    pub(crate) fn time(&self) -> Duration {
        self.total
    }

    pub(crate) fn nanos_per_packet(&self) -> f64 {
        self.total.as_secs_f64() * 1e9 / self.packets as f64
    }

    pub(crate) fn send_nanos_per_packet(&self) -> f64 {
        self.sending.as_secs_f64() * 1e9 / self.packets as f64
    }

    pub(crate) fn allocations_per_packet(&self) -> f64 {
        self.allocations as f64 / self.packets as f64
    }
}

struct Subscriber {
    forwarding: Forwarding,
    congestion: Congestion,
    seal: SrtpSender,
    to: SocketAddr,
    /// First transport-wide number that no feedback has told.
    told: u16,
}

/// The publication, its subscribers, and the socket.
pub(crate) struct Scene {
    inbound: Inbound<u32>,
    reception: Reception,
    subscribers: Vec<Subscriber>,
    arena: SendArena<usize>,
    counters: MediaCounters,
    socket: Option<UdpPort>,
    seq: u16,
    frame: u32,
    rounds: u64,
    untold: usize,
}

fn pt(number: u8) -> Pt {
    Pt::new(number).expect("a dynamic payload type")
}

fn extensions() -> ExtMap {
    let mut map = ExtMap::default();
    map.set(ExtKind::TransportCc, ExtId::new(3));
    map
}

impl Scene {
    /// `sink`: where datagrams go; `None`: nowhere.
    pub(crate) fn new(subscribers: usize, sink: Option<&Sink>) -> io::Result<Self> {
        let mut inbound = Inbound::new(Ssrc(1));
        inbound.set_section(Section {
            mid: Mid::new(b"0").expect("a token"),
            publication: 0,
            payloads: Payloads(vec![(pt(96), PayloadKind::Media(Codec::Vp8))]),
            streams: SectionStreams::Single { media: Some(Ssrc(10)), rtx: None },
        });
        let subscribers = (0..subscribers).map(|place| subscriber(place, sink)).collect();
        let socket = sink.map(|_| UdpPort::bind(0, false)).transpose()?;
        Ok(Self {
            inbound,
            reception: Reception::new(Codec::Vp8, 1, Ssrc(1)),
            subscribers,
            arena: SendArena::new(ARENA_BYTES),
            counters: MediaCounters::default(),
            socket,
            seq: 0,
            frame: 0,
            rounds: 0,
            untold: 0,
        })
    }

    /// One batch of packets arrives and goes to everybody; then, unmeasured, feedback comes back.
    pub(crate) fn round(&mut self, batch: usize) -> io::Result<Spent> {
        let packets: Vec<_> = (0..batch).map(|place| self.packet(place, batch)).collect();
        let before = (CountingAllocator::count(), self.counters.forward.packets);
        let start = Instant::now();
        for packet in &packets {
            let counters = &mut self.counters.receive;
            if let Ok(routed) = self.inbound.route(start, packet, counters) {
                self.reception.handle_rtp(start, &routed, packet, counters);
            }
        }
        let mut sending = Duration::ZERO;
        for place in 0..self.subscribers.len() {
            if !self.arena.has_room_for(batch) {
                sending += self.flush()?;
            }
            let subscriber = &mut self.subscribers[place];
            let congestion = Some(&mut subscriber.congestion);
            let mut leg = Leg { to: place, seal: &subscriber.seal, congestion };
            let counters = &mut self.counters.forward;
            subscriber.forwarding.forward(start, &self.reception, &mut leg, &mut self.arena, counters);
        }
        self.reception.clear_fresh();
        sending += self.flush()?;
        let total = start.elapsed();
        let spent = Spent {
            packets: self.counters.forward.packets - before.1,
            total,
            sending,
            allocations: CountingAllocator::count() - before.0,
        };
        self.rounds += 1;
        self.untold += batch;
        if self.untold >= FEEDBACK_PACKETS {
            self.feed_back();
        }
        Ok(spent)
    }

    pub(crate) fn rounds(&self) -> u64 {
        self.rounds
    }

    pub(crate) fn sent_since_start(&self) -> u64 {
        self.counters.forward.packets
    }

    /// A packet of a frame of `of` packets; the first frame is a keyframe.
    fn packet(&mut self, place: usize, of: usize) -> Vec<u8> {
        self.seq = self.seq.wrapping_add(1);
        self.frame += u32::from(place == 0);
        let fields = HeaderFields {
            marker: place + 1 == of,
            padding: false,
            pt: pt(96),
            seq: SeqNo(self.seq),
            time: RtpTime(self.frame.wrapping_mul(3_000)),
            ssrc: Ssrc(10),
        };
        let mut packet = vec![0; MAX_HEADER_BYTES];
        let len = write_header(&mut packet, &fields, &ExtensionBlock::new()).unwrap_or(0);
        packet.truncate(len);
        let picture = self.frame.to_be_bytes();
        let start = if place == 0 { 0x90 } else { 0x80 };
        // All descriptor fields; the P bit is 0 in the first frame only.
        packet.extend_from_slice(&[start, 0xf0, 0x80 | picture[2], picture[3], picture[3], 0]);
        packet.push(u8::from(self.frame > 1));
        packet.resize(len + PAYLOAD_BYTES, 7);
        packet
    }

    fn flush(&mut self) -> io::Result<Duration> {
        let start = Instant::now();
        if let Some(socket) = &self.socket {
            let nothing = SendRun { local: HERE, remote: HERE, bytes: &[], segment: 0 };
            let mut batch = [nothing; BATCH];
            for runs in self.arena.runs().chunks(BATCH) {
                for (slot, run) in batch.iter_mut().zip(runs) {
                    let (bytes, remote) = (self.arena.bytes(run), self.subscribers[run.to].to);
                    *slot = SendRun { local: HERE, remote, bytes, segment: run.segment };
                }
                let mut rest = &batch[..runs.len()];
                while !rest.is_empty() {
                    match socket.send(rest) {
                        Ok(sent) => rest = &rest[sent..],
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        self.arena.clear();
        Ok(start.elapsed())
    }

    /// Every subscriber tells that everything arrived.
    fn feed_back(&mut self) {
        let now = Instant::now();
        let arrivals: Vec<_> = (0..self.untold as u64).map(|at| Some(Duration::from_millis(at))).collect();
        let mut out = Vec::new();
        for subscriber in &mut self.subscribers {
            out.clear();
            let told = SeqNo(subscriber.told);
            let taken = rtcp::write_twcc(&mut out, (Ssrc(1), Ssrc(2)), 0, told, &arrivals);
            subscriber.told = subscriber.told.wrapping_add(u16::try_from(taken).unwrap_or(0));
            for packet in rtcp::packets(&out).flatten() {
                if let RtcpPacket::TransportFeedback(feedback) = packet {
                    subscriber.congestion.bwe_mut().on_feedback(now, &feedback);
                }
            }
        }
        self.untold = 0;
    }
}

const HERE: SocketAddr = SocketAddr::V4(std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

fn subscriber(place: usize, sink: Option<&Sink>) -> Subscriber {
    let ssrc = 1_000 + 2 * u32::try_from(place).unwrap_or(0);
    let config = ForwardingConfig {
        codec: Codec::Vp8,
        ssrc: Ssrc(ssrc),
        pt: pt(120),
        red: None,
        rtx: Some(RtxConfig { ssrc: Ssrc(ssrc + 1), pt: pt(121), first_seq: SeqNo(1) }),
        mid: None,
        extensions: extensions(),
        first_seq: SeqNo(1),
        first_time: RtpTime(0),
        cname: Arc::from("bench"),
    };
    let mut forwarding = Forwarding::new(config);
    forwarding.set_target(Some(Target::encoding(EncodingIndex(0))));
    let mut key = [7; 16];
    key[..8].copy_from_slice(&(place as u64).to_be_bytes());
    let master = MasterKey::new(Profile::Aes128Gcm, &key, &[9; 12]).expect("16 and 12 bytes");
    Subscriber {
        forwarding,
        congestion: Congestion::new(BweConfig::default(), SeqNo(0)),
        seal: SrtpSender::new(Profile::Aes128Gcm, &master),
        to: sink.map_or(HERE, |sink| sink.address(place)),
        told: 0,
    }
}
