use super::*;
use crate::codec::PayloadFacts;

#[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
fn epoch() -> Instant {
    Instant::now()
}

fn facts(index: u64, received_at: Instant) -> PacketFacts {
    PacketFacts {
        index: SeqIndex(index),
        generation: 0,
        time: RtpTime(0),
        marker: false,
        received_at,
        payload: PayloadFacts::default(),
        audio_level: None,
        orientation: None,
    }
}

/// A payload that names its packet.
fn payload(index: u64, len: usize) -> Vec<u8> {
    vec![u8::try_from(index % 251).unwrap(); len]
}

const LIMITS: RingLimits = RingLimits { first_slots: 4, first_bytes: 64, max_slots: 16, max_bytes: 256 };

#[test]
fn every_live_packet_reads_back_whatever_the_sizes() {
    let start = epoch();
    let mut ring = Ring::new(LIMITS);
    let mut names = Vec::new();
    for index in 0..500u64 {
        let len = usize::try_from(index * 7919 % 60).unwrap();
        let at = start + Duration::from_millis(100 * index);
        let descriptor = payload(index + 1, usize::try_from(index % 4).unwrap());
        names.push(ring.push(facts(index, at), &descriptor, &payload(index, len)).unwrap());
        assert!(!ring.live().is_empty());
        for (index, name) in (0..).zip(&names) {
            let found = ring.get(*name);
            assert_eq!(found.is_some(), ring.live().contains(&name.0));
            if let Some(packet) = found {
                let len = usize::try_from(index * 7919 % 60).unwrap();
                assert_eq!(packet.facts.index, SeqIndex(index));
                assert_eq!(packet.payload, payload(index, len));
                assert_eq!(packet.dependency_descriptor.len() as u64, index % 4);
            }
        }
    }
}

#[test]
fn it_grows_while_packets_are_young_and_stops_at_its_limits() {
    let start = epoch();
    let mut ring = Ring::new(LIMITS);
    for index in 0..100 {
        let at = start + Duration::from_millis(index);
        ring.push(facts(index, at), &[], &payload(index, 10)).unwrap();
    }
    assert_eq!(ring.live(), 84..100);
    let heap = ring.heap_bytes();
    for index in 100..1000 {
        ring.push(facts(index, start), &[], &payload(index, 10)).unwrap();
    }
    assert_eq!(ring.heap_bytes(), heap);
}

#[test]
fn it_stays_small_for_a_slow_stream() {
    let start = epoch();
    let mut ring = Ring::new(LIMITS);
    ring.push(facts(0, start), &[], &payload(0, 10)).unwrap();
    let heap = ring.heap_bytes();
    for index in 1..100 {
        ring.push(facts(index, start + Duration::from_millis(500 * index)), &[], &payload(index, 10))
            .unwrap();
    }
    assert_eq!(ring.heap_bytes(), heap);
}

#[test]
fn a_packet_longer_than_a_datagram_is_refused() {
    let mut ring = Ring::new(RingLimits::VIDEO);
    assert_eq!(ring.push(facts(0, epoch()), &[], &payload(0, 1501)), None);
    assert!(ring.push(facts(0, epoch()), &[], &payload(0, 1500)).is_some());
}

#[test]
fn a_name_that_was_never_given_finds_nothing() {
    let mut ring = Ring::new(LIMITS);
    assert!(ring.get(PacketRef(0)).is_none());
    ring.push(facts(0, epoch()), &[], &[1]).unwrap();
    assert!(ring.get(PacketRef(1)).is_none());
    assert!(ring.get(PacketRef(u64::MAX)).is_none());
}
