//! Seeded changes of real datagrams at every step; a panic would show as [`CloseReason::Panicked`].

use std::time::Duration;

use super::peer::Pair;
use crate::transport::*;

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

fn mutate(random: &mut Random, datagram: &[u8]) -> Vec<u8> {
    let mut datagram = datagram.to_vec();
    for _ in 0..=random.below(4) {
        if datagram.is_empty() {
            break;
        }
        let at = random.below(datagram.len());
        match random.below(6) {
            0 => datagram[at] = random.byte(),
            1 => datagram[at] ^= 1 << random.below(8),
            2 => datagram.truncate(at),
            3 => datagram.extend((0..random.below(64)).map(|_| random.byte())),
            4 => datagram[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            _ => {
                let from = random.below(datagram.len());
                let piece = datagram[from.min(at)..from.max(at)].to_vec();
                datagram.extend(piece);
            }
        }
    }
    datagram
}

/// A join in which every datagram towards the server is preceded by changed copies from the same address.
#[test]
fn joins_under_changed_copies_never_panic_and_mostly_succeed() {
    let mut connected = 0;
    for seed in 0..300 {
        let mut random = Random(seed);
        let mut pair = Pair::new();
        let check = pair.request(&pair.server.local().clone(), true);
        for _ in 0..20 {
            let mut copy = mutate(&mut random, &check);
            pair.server.handle_datagram(pair.now, pair.active, &mut copy);
        }
        pair.check(pair.active, true);
        for _ in 0..100 {
            pair.collect();
            let replay: Vec<_> =
                pair.handshake_log.iter().filter(|(up, _)| *up).map(|(_, bytes)| bytes.clone()).collect();
            if let Some(datagram) = replay.last() {
                let mut copy = mutate(&mut random, datagram);
                pair.server.handle_datagram(pair.now, pair.active, &mut copy);
            }
            pair.run(Duration::from_millis(5));
        }
        pair.run(Duration::from_secs(2));
        assert!(!pair.server_events.contains(&Event::Closed(CloseReason::Panicked)), "seed {seed}");
        connected += usize::from(pair.server_events.contains(&Event::Connected));
    }
    assert!(connected > 150, "{connected} of 300");
}

/// A call in which every kind of datagram also comes changed.
#[test]
fn calls_under_changed_copies_go_on() {
    let mut pair = Pair::connected();
    pair.client.open_channel(pair.now, super::channels::reliable());
    pair.run(Duration::from_secs(1));
    let mut random = Random(99);
    for index in 0..3000 {
        let packet = super::peer::sealed(pair.client.srtp().unwrap(), index);
        let credentials = pair.server.local().clone();
        let check = pair.request(&credentials, true);
        let recorded = pair.handshake_log[random.below(pair.handshake_log.len())].1.clone();
        for datagram in [&packet[..], &check, &recorded] {
            let mut copy = mutate(&mut random, datagram);
            if copy != packet {
                pair.server.handle_datagram(pair.now, pair.active, &mut copy);
            }
        }
        let received = pair.server.handle_datagram(pair.now, pair.active, &mut packet.clone());
        assert!(matches!(received, Received::Rtp(_)), "packet {index}: {received:?}");
        while pair.server.poll_transmit().is_some() {}
    }
    assert!(!pair.server.is_closed());
}
