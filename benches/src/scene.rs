//! One VP8 publication and its subscribers, as a shard holds them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sfu_core::bwe::{Bitrate, BweConfig};
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
use crate::cpu_clock::thread_cpu_time;
use crate::datagrams::{BATCH, SendRun, UdpPort};
use crate::sink::Sink;

/// Bytes of a payload: with header, extensions and tag the datagram has 1,200 or so.
const PAYLOAD_BYTES: usize = 1_160;
/// A shard's arena: large enough for good batches, small enough for the second-level cache.
const ARENA_BYTES: usize = 1 << 20;
/// Packets for each subscriber between two feedback messages. More than in life, so that reading the clock
/// costs nothing in comparison.
const BLOCK_PACKETS: usize = 140;

/// Time between two packets: 200 of them a second are 2 Mb/s.
const PACKET_INTERVAL: Duration = Duration::from_millis(5);

/// What measured parts took.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Spent {
    packets: u64,
    time: Duration,
    allocations: u64,
}

impl Spent {
    pub(crate) fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.time += other.time;
        self.allocations += other.allocations;
    }

    /// Processor time.
    pub(crate) fn time(&self) -> Duration {
        self.time
    }

    pub(crate) fn nanos_per_packet(&self) -> f64 {
        self.time.as_secs_f64() * 1e9 / self.packets as f64
    }

    pub(crate) fn allocations(&self) -> u64 {
        self.allocations
    }

    pub(crate) fn packets(&self) -> u64 {
        self.packets
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
    /// Datagrams leave from here.
    local: SocketAddr,
    seq: u16,
    frame: u32,
    /// Virtual: the publisher sends at its usual pace, however fast the bench runs.
    now: Instant,
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
            local: sink.map_or(HERE, Sink::local),
            seq: 0,
            frame: 0,
            now: Instant::now(),
        })
    }

    /// Some batches arrive and go to everybody, one after the other; then, unmeasured, feedback comes back.
    pub(crate) fn block(&mut self, batch: usize) -> io::Result<Spent> {
        let rounds = BLOCK_PACKETS / batch;
        let batches: Vec<Vec<Vec<u8>>> =
            (0..rounds).map(|_| (0..batch).map(|place| self.packet(place, batch)).collect()).collect();
        let before = (CountingAllocator::count(), self.counters.forward.packets);
        let start = thread_cpu_time();
        for packets in &batches {
            self.round(packets)?;
        }
        let spent = Spent {
            time: thread_cpu_time() - start,
            packets: self.counters.forward.packets - before.1,
            allocations: CountingAllocator::count() - before.0,
        };
        self.feed_back(rounds * batch);
        Ok(spent)
    }

    fn round(&mut self, packets: &[Vec<u8>]) -> io::Result<()> {
        let now = self.now;
        for packet in packets {
            let counters = &mut self.counters.receive;
            if let Ok(routed) = self.inbound.route(now, packet, counters) {
                self.reception.handle_rtp(now, &routed, packet, counters);
            }
        }
        for place in 0..self.subscribers.len() {
            if !self.arena.has_room_for(packets.len()) {
                self.flush()?;
            }
            let subscriber = &mut self.subscribers[place];
            let congestion = Some(&mut subscriber.congestion);
            let mut leg = Leg { to: place, seal: &subscriber.seal, congestion };
            let counters = &mut self.counters.forward;
            subscriber.forwarding.forward(now, &self.reception, &mut leg, &mut self.arena, counters);
        }
        self.reception.clear_fresh();
        self.now += PACKET_INTERVAL * u32::try_from(packets.len()).unwrap_or(1);
        self.flush()
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

    fn flush(&mut self) -> io::Result<()> {
        if let Some(socket) = &self.socket {
            let nothing = SendRun { local: self.local, remote: self.local, bytes: &[], segment: 0 };
            let mut batch = [nothing; BATCH];
            for runs in self.arena.runs().chunks(BATCH) {
                for (slot, run) in batch.iter_mut().zip(runs) {
                    let (bytes, remote) = (self.arena.bytes(run), self.subscribers[run.to].to);
                    *slot = SendRun { local: self.local, remote, bytes, segment: run.segment };
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
        Ok(())
    }

    /// Every subscriber tells that the last `packets` arrived.
    fn feed_back(&mut self, packets: usize) {
        let now = self.now;
        let arrivals: Vec<_> =
            (0..packets as u64).map(|at| Some(PACKET_INTERVAL * u32::try_from(at).unwrap_or(0))).collect();
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
    }
}

const HERE: SocketAddr = SocketAddr::V4(std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

fn subscriber(place: usize, sink: Option<&Sink>) -> Subscriber {
    let ssrc = 1_000 + 2 * u32::try_from(place).unwrap_or(0);
    let config = ForwardingConfig {
        codec: Codec::Vp8,
        scalable: false,
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
        // The pacer has nothing to do: 2 Mb/s over a path for 20.
        congestion: Congestion::new(
            BweConfig { start: Bitrate::from_kbps(20_000), ..BweConfig::default() },
            SeqNo(0),
        ),
        seal: SrtpSender::new(Profile::Aes128Gcm, &master),
        to: sink.map_or(HERE, |sink| sink.address(place)),
        told: 0,
    }
}
