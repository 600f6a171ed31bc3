//! Two associations over a virtual wire, and a wire that changes packets.

use std::time::{Duration, Instant};

use super::association::{Association, Event};
use super::*;

#[expect(clippy::disallowed_methods, reason = "the one real instant from which virtual time starts")]
fn epoch() -> Instant {
    Instant::now()
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

fn lossy() -> ChannelConfig {
    ChannelConfig { label: "_lossy".to_owned(), ordered: false, reliability: Reliability::MaxRetransmits(0) }
}

/// CRC-32C (RFC 9260 appendix A), so that changed packets pass the checksum.
fn seal(packet: &mut [u8]) {
    if packet.len() < 12 {
        return;
    }
    packet[8..12].fill(0);
    let crc = packet.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { 0x82f6_3b78 ^ (crc >> 1) } else { crc >> 1 },
        )
    });
    packet[8..12].copy_from_slice(&(!crc).to_le_bytes());
}

fn mutate(random: &mut Random, packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    for _ in 0..=random.below(4) {
        if packet.is_empty() {
            break;
        }
        let at = random.below(packet.len());
        match random.below(5) {
            0 => packet[at] = random.byte(),
            1 => packet[at] ^= 1 << random.below(8),
            2 => packet.truncate(at),
            3 => packet.extend((0..random.below(64)).map(|_| random.byte())),
            // Chunk lengths and counts are what parsers trip over.
            _ => packet[at] = [0, 1, 3, 4, 0x7f, 0x80, 0xff][random.below(7)],
        }
    }
    seal(&mut packet);
    packet
}

struct Wire {
    now: Instant,
    client: Association,
    server: Association,
}

impl Wire {
    fn new() -> Self {
        let now = epoch();
        let (mut client, mut server) = (Association::new(), Association::new());
        client.open(now, lossy());
        server.start(now, false);
        client.start(now, true);
        Self { now, client, server }
    }

    /// Carries packets until both are quiet; each may be preceded by changed copies.
    fn run(&mut self, mut copies: impl FnMut(&[u8]) -> Vec<Vec<u8>>) {
        for _ in 0..200 {
            let up: Vec<_> = std::iter::from_fn(|| self.client.poll_transmit()).collect();
            let down: Vec<_> = std::iter::from_fn(|| self.server.poll_transmit()).collect();
            if up.is_empty() && down.is_empty() {
                break;
            }
            for packet in up {
                for copy in copies(&packet) {
                    self.server.handle_datagram(self.now, copy.into());
                }
                self.server.handle_datagram(self.now, packet);
            }
            for packet in down {
                self.client.handle_datagram(self.now, packet);
            }
            self.now += Duration::from_millis(1);
        }
        self.now += Duration::from_secs(1);
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
    }
}

#[test]
fn a_clean_wire_opens_the_channel_and_carries_messages() {
    let mut wire = Wire::new();
    wire.run(|_| Vec::new());
    assert!(matches!(wire.server.poll_event(), Some(Event::Opened { by_peer: true, .. })));
    wire.client.send(wire.now, ChannelId(0), DataKind::Text, b"hello").unwrap();
    wire.run(|_| Vec::new());
    let data = Event::Data { id: ChannelId(0), kind: DataKind::Text, bytes: b"hello"[..].into() };
    assert_eq!(wire.server.poll_event(), Some(data));
}

/// Each real packet is preceded by changed copies with a correct checksum.
#[test]
fn changed_packets_never_panic() {
    for seed in 0..1000 {
        let mut random = Random(seed);
        let mut wire = Wire::new();
        for turn in 0..4 {
            wire.run(|packet| (0..2).map(|_| mutate(&mut random, packet)).collect());
            let message = vec![7; 3000 * turn];
            // The association may be gone by now; that is the point of the exercise.
            let _ = wire.client.send(wire.now, ChannelId(0), DataKind::Binary, &message);
            while wire.server.poll_event().is_some() {}
        }
    }
}

/// 65,535 streams would each cost memory: past 64 the association ends, and with it only the data channels.
#[test]
fn a_peer_that_opens_too_many_streams_loses_its_association() {
    let mut wire = Wire::new();
    wire.run(|_| Vec::new());
    for _ in 0..100 {
        wire.client.open(wire.now, lossy());
        wire.run(|_| Vec::new());
    }
    let events: Vec<_> = std::iter::from_fn(|| wire.server.poll_event()).collect();
    let opened = events.iter().filter(|event| matches!(event, Event::Opened { .. })).count();
    assert!(opened <= 64, "{opened}");
    assert!(events.contains(&Event::Closed(ChannelId(0))));
    assert_eq!(wire.server.send(wire.now, ChannelId(0), DataKind::Text, b"x"), Err(SendError::NotOpen));
}

/// A long transfer never runs into the budget, even with a fifth of its packets lost.
#[test]
fn thirty_megabytes_of_honest_data_pass() {
    let mut wire = Wire::new();
    wire.client
        .open(wire.now, ChannelConfig { reliability: Reliability::Reliable, ordered: true, ..lossy() });
    wire.run(|_| Vec::new());
    let mut random = Random(5);
    let mut received = 0;
    for _ in 0..2000 {
        if wire.client.buffered_bytes(ChannelId(2)) < 400_000 {
            wire.client.send(wire.now, ChannelId(2), DataKind::Binary, &[1; 15_000]).unwrap();
        }
        for _ in 0..4 {
            let up: Vec<_> = std::iter::from_fn(|| wire.client.poll_transmit()).collect();
            for packet in up.into_iter().filter(|_| random.below(50) != 0) {
                wire.server.handle_datagram(wire.now, packet);
            }
            while let Some(packet) = wire.server.poll_transmit() {
                wire.client.handle_datagram(wire.now, packet);
            }
        }
        wire.now += Duration::from_millis(20);
        wire.client.handle_timeout(wire.now);
        wire.server.handle_timeout(wire.now);
        while let Some(event) = wire.server.poll_event() {
            assert!(!matches!(event, Event::Closed(_)), "the association was ended after {received} bytes");
            if let Event::Data { bytes, .. } = event {
                received += bytes.len();
            }
        }
    }
    assert!(received > 5_000_000, "{received}");
}
