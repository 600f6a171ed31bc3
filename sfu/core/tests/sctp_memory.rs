//! What a hostile peer's SCTP packets make us hold, counted by the allocator of `heap`: 2 MiB at most,
//! whatever it leaves unfinished, and afterwards nothing (GHSA-rq7g-r9qr-rwpq: reassembly during a reset).
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself")]

#[path = "support/heap.rs"]
mod heap;

use std::time::{Duration, Instant};

use sfu_core::sctp::{Association, ChannelConfig, ChannelId, DataKind, Event, Reliability};

use heap::live_bytes;

/// Packets of each attack: three times what a peer could make us hold if all of it were kept.
const PACKETS: u32 = 6000;
const MAX_HELD_BYTES: usize = 2 << 20;

/// A connected association, and what a peer needs to know to forge the next packets of the other end.
struct Victim {
    now: Instant,
    server: Association,
    header: [u8; 12],
    tsn: u32,
}

impl Victim {
    #[expect(clippy::disallowed_methods, reason = "the one real instant from which virtual time starts")]
    fn new() -> Self {
        let mut now = Instant::now();
        let (mut client, mut server) = (Association::new(), Association::new());
        let reliability = Reliability::Reliable;
        client.open(now, ChannelConfig { label: "_reliable".to_owned(), ordered: true, reliability });
        server.start(now, false);
        client.start(now, true);
        let (mut header, mut tsn) = ([0; 12], 0);
        for turn in 0..40 {
            if turn == 20 {
                client.send(now, ChannelId(0), DataKind::Text, b"last honest word").unwrap();
            }
            while let Some(packet) = client.poll_transmit() {
                header.copy_from_slice(&packet[..12]);
                if packet[12] == 0 {
                    tsn = u32::from_be_bytes(packet[16..20].try_into().unwrap());
                }
                server.handle_datagram(now, packet);
            }
            while let Some(packet) = server.poll_transmit() {
                client.handle_datagram(now, packet);
            }
            now += Duration::from_millis(250);
            client.handle_timeout(now);
            server.handle_timeout(now);
        }
        let heard = std::iter::from_fn(|| server.poll_event());
        assert!(heard.into_iter().any(|event| matches!(event, Event::Data { .. })), "the channel works");
        Self { now, server, header, tsn }
    }

    /// One packet of these chunks, with tag and checksum as the peer's.
    fn send(&mut self, chunks: &[Vec<u8>]) {
        let mut packet = self.header.to_vec();
        for chunk in chunks {
            packet.extend_from_slice(chunk);
            packet.resize(packet.len().next_multiple_of(4), 0);
        }
        packet[8..12].fill(0);
        let step = |crc: u32, _| if crc & 1 == 1 { 0x82f6_3b78 ^ (crc >> 1) } else { crc >> 1 };
        let crc = packet.iter().fold(!0_u32, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step));
        packet[8..12].copy_from_slice(&(!crc).to_le_bytes());
        self.server.handle_datagram(self.now, packet.into());
        // The peer reads nothing; a turn of the loop takes out what there is.
        while self.server.poll_transmit().is_some() {}
        while self.server.poll_event().is_some() {}
        self.now += Duration::from_micros(100);
        self.server.handle_timeout(self.now);
    }
}

/// A chunk of this kind, with flags (RFC 9260 §3.2).
fn chunk(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + body.len()).unwrap().to_be_bytes();
    [&[kind, flags, length[0], length[1]][..], body].concat()
}

/// DATA; flags 2 is the beginning of a message, 1 its end.
fn data(flags: u8, tsn: u32, stream: u16, ssn: u16, payload: &[u8]) -> Vec<u8> {
    let body =
        [&tsn.to_be_bytes()[..], &stream.to_be_bytes(), &ssn.to_be_bytes(), &51_u32.to_be_bytes(), payload];
    chunk(0, flags, &body.concat())
}

/// RE-CONFIG with an outgoing reset request (RFC 6525 §4.1) for these streams, deferred to `last_tsn`.
fn reset(request: u32, last_tsn: u32, streams: &[u16]) -> Vec<u8> {
    let mut parameter = [request, 0, last_tsn].map(u32::to_be_bytes).concat();
    streams.iter().for_each(|stream| parameter.extend_from_slice(&stream.to_be_bytes()));
    let length = u16::try_from(4 + parameter.len()).unwrap().to_be_bytes();
    chunk(130, 0, &[&[0, 13, length[0], length[1]][..], &parameter].concat())
}

/// FORWARD-TSN (RFC 3758 §3.2) that skips messages of these streams.
fn forward(new_tsn: u32, streams: &[u16]) -> Vec<u8> {
    let mut body = new_tsn.to_be_bytes().to_vec();
    for stream in streams {
        body.extend_from_slice(&stream.to_be_bytes());
        body.extend_from_slice(&[0xff, 0xff]);
    }
    chunk(192, 0, &body)
}

type Attack = (&'static str, fn(u32, u32) -> Vec<Vec<u8>>);

/// What the n-th packet holds, after this TSN.
const ATTACKS: [Attack; 9] = [
    ("messages without end", |n, tsn| vec![data(u8::from(n == 0) * 2, tsn + 1 + n, 0, 1, &[7; 1100])]),
    ("fragments of one byte", |n, tsn| vec![data(u8::from(n == 0) * 2, tsn + 1 + n, 0, 1, &[7])]),
    ("a gap before each message", |n, tsn| vec![data(3, tsn + 2 + 2 * n, 0, 1, &[7; 1100])]),
    ("messages out of order on every stream", |n, tsn| {
        let stream = u16::try_from(n % 1024).unwrap();
        vec![data(3, tsn + 1 + n, stream, 9, &[7; 1100])]
    }),
    ("resets put off for ever while data comes", |n, tsn| {
        let streams: Vec<u16> = (0..200).collect();
        vec![reset(tsn + n, tsn + 1_000_000, &streams), data(2, tsn + 1 + n, 0, 1, &[7; 600])]
    }),
    ("resets of every stream", |n, tsn| vec![reset(tsn + 1 + n, tsn, &(0..500).collect::<Vec<u16>>())]),
    ("jumps over what never came", |n, tsn| {
        let streams: Vec<u16> = (0..250).collect();
        vec![forward(tsn + 10 * (n + 1), &streams), data(2, tsn + 10 * (n + 1) + 5, 0, 1, &[7; 100])]
    }),
    ("acknowledgements with thousands of gaps", |_, tsn| {
        let head = [&tsn.to_be_bytes()[..], &1000_u32.to_be_bytes(), &[0xff, 0xff, 0xff, 0xff]].concat();
        vec![chunk(3, 0, &[head, vec![0xff; 1100]].concat())]
    }),
    ("chunks of no length", |_, _| vec![vec![0, 3, 0, 0], vec![130, 0, 0, 0], vec![192, 0, 0, 3]]),
];

/// All in one test: the counter is the process's.
#[test]
fn no_attack_makes_an_association_hold_more_than_two_mebibytes() {
    for (name, packet) in ATTACKS {
        let mut victim = Victim::new();
        let before = live_bytes();
        let mut most = 0;
        for n in 0..PACKETS {
            let chunks = packet(n, victim.tsn);
            victim.send(&chunks);
            drop(chunks);
            most = most.max(live_bytes().saturating_sub(before));
        }
        assert!(most <= MAX_HELD_BYTES, "{name}: {most} bytes");
        drop(victim);
        let after = live_bytes().saturating_sub(before);
        assert!(after <= 64 << 10, "{name}: {after} bytes stay");
    }
}
