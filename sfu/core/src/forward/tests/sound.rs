use super::scene::*;
use crate::codec::red;
use crate::rtp::{HeaderFields, RtpTime, SeqNo, Ssrc};

const OPUS: u8 = 111;
const RED: u8 = 63;

/// The Opus payload of a packet number.
pub(super) fn opus(number: u16) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    vec![0x78, bytes[0], bytes[1], 9, 9, 9]
}

pub(super) fn packet(number: u16, payload_type: u8, payload: &[u8]) -> Vec<u8> {
    let fields = HeaderFields {
        marker: false,
        padding: false,
        pt: pt(payload_type),
        seq: SeqNo(number),
        time: RtpTime(u32::from(number) * 960),
        ssrc: Ssrc(2000),
    };
    rtp(&fields, &[(LEVEL, &[0x85])], payload)
}

/// RED with the two packets before this one.
fn red_packet(number: u16) -> Vec<u8> {
    let mut payload = Vec::new();
    for back in [2u16, 1] {
        let len = opus(number - back).len();
        let word = u32::from(back * 960) << 10 | u32::try_from(len).unwrap();
        let [_, a, b, c] = word.to_be_bytes();
        payload.extend_from_slice(&[0x80 | OPUS, a, b, c]);
    }
    payload.push(OPUS);
    for back in [2, 1, 0] {
        payload.extend_from_slice(&opus(number - back));
    }
    packet(number, RED, &payload)
}

fn scene(red: Option<u8>) -> Scene {
    let mut scene = Scene::microphone(red.map(pt));
    scene.target(0);
    scene
}

#[test]
fn red_goes_to_a_plain_subscriber_as_opus() {
    let mut scene = scene(None);
    for number in 100..200 {
        scene.send([red_packet(number)]);
    }
    let got = scene.take();
    assert_eq!(got.len(), 100);
    assert_continuous(&got);
    for (number, got) in (100..).zip(&got) {
        assert_eq!((got.pt, &got.payload), (120, &opus(number)));
    }
}

#[test]
fn a_lost_packet_is_rebuilt_from_the_next_one_before_it() {
    let mut scene = scene(None);
    let lost = [110, 120, 121, 130, 131, 132];
    for number in (100..200).filter(|number| !lost.contains(number)) {
        scene.send([red_packet(number)]);
    }
    let got = scene.take();
    // Two redundant blocks bring back two of three lost in a row.
    let numbers: Vec<u16> = got.iter().map(|got| got.seq + 99).collect();
    let expected: Vec<u16> = (100..200).filter(|number| *number != 130).collect();
    assert_eq!(numbers, expected);
    for got in &got {
        assert_eq!(got.payload, opus(got.seq + 99));
        assert_eq!(got.time, 0xffff_f000u32.wrapping_add(960 * u32::from(got.seq - 1)));
    }
    assert_eq!(scene.counters.forward.red_recovered, 5);
}

#[test]
fn a_packet_that_arrives_after_it_was_rebuilt_is_not_sent_again() {
    let mut scene = scene(None);
    scene.send([100, 101, 103, 102, 104].map(red_packet));
    let got = scene.take();
    assert_eq!(got.iter().map(|got| got.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_continuous(&got);
    assert_eq!(scene.counters.forward.already_sent, 1);
}

#[test]
fn red_goes_to_a_red_subscriber_with_its_own_payload_types() {
    let mut scene = scene(Some(99));
    scene.send([100, 102].map(red_packet));
    let got = scene.take();
    assert_eq!(got.iter().map(|got| (got.seq, got.pt)).collect::<Vec<_>>(), [(1, 99), (3, 99)]);
    let payload = &got[1].payload;
    assert_eq!((payload[0], payload[4], payload[8]), (0x80 | 120, 0x80 | 120, 120));
    assert_eq!(&payload[red::primary(payload).unwrap()], opus(102));
    assert_eq!(scene.counters.forward.red_recovered, 0);
}

#[test]
fn plain_opus_goes_to_a_red_subscriber_as_opus() {
    let mut scene = scene(Some(99));
    scene.send([packet(100, OPUS, &opus(100))]);
    let got = scene.take();
    assert_eq!((got[0].pt, &got[0].payload), (120, &opus(100)));
}

#[test]
fn silence_and_broken_red_pass_without_panic() {
    let mut scene = scene(None);
    scene.send([packet(1, OPUS, &[0x78]), packet(2, RED, &[0x80 | OPUS]), packet(3, RED, &[OPUS])]);
    assert_eq!(scene.take().len(), 3);
}
