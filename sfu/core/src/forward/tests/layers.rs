use super::scalable::*;
use super::scene::*;
use crate::codec::Codec;
use crate::forward::{ForwardingConfig, Target};
use crate::receive::EncodingIndex;

const AV1: Words = Words::Descriptor(Codec::Av1);
const ALL: u8 = Target::ALL_TEMPORAL;

fn spatial_layers(seen: &[Seen]) -> Vec<u8> {
    let mut layers: Vec<u8> = seen.iter().filter(|packet| packet.part == 0).map(|p| p.spatial).collect();
    layers.dedup();
    layers
}

#[test]
fn between_key_pictures_only_the_wanted_spatial_layer_is_sent() {
    for words in [AV1, Words::Descriptor(Codec::Vp9)] {
        let (mut show, mut viewer) = (Show::new(&KEY_MODE, words), Viewer::default());
        show.target(2, ALL);
        show.show(true);
        (0..11).for_each(|_| show.show(false));
        let got = show.watch(&mut viewer);
        assert_eq!(spatial_layers(&got), [0, 1, 2]);
        // Three frames of the key picture and eleven others, two packets each.
        assert_eq!(got.len(), 2 * (3 + 11));
        assert_marked(&got);
        let numbers: Vec<_> = got.iter().map(|packet| packet.seq).collect();
        assert_eq!(numbers, (1..=28).collect::<Vec<_>>());
        assert_eq!(show.scene.counters.forward.fillers, 0);
    }
}

#[test]
fn a_smaller_picture_is_forwarded_with_its_own_marker_and_targets() {
    let (mut show, mut viewer) = (Show::new(&KEY_MODE, AV1), Viewer::default());
    show.target(1, ALL);
    show.show(true);
    (0..8).for_each(|_| show.show(false));
    let got = show.watch(&mut viewer);
    assert_eq!(got.len(), 2 * (2 + 8));
    assert_marked(&got);
    assert!(got.iter().all(|packet| packet.active == Some(0x3f)), "the targets of the two smaller layers");
}

#[test]
fn a_step_down_has_fewer_frames_until_the_keyframe_and_no_freeze() {
    let (mut show, mut viewer) = (Show::new(&KEY_MODE, AV1), Viewer::default());
    show.target(2, ALL);
    show.show(true);
    (0..5).for_each(|_| show.show(false));
    show.target(0, ALL);
    assert_eq!(show.scene.forwarding.waits_for(), Some(EncodingIndex(0)));
    (0..6).for_each(|_| show.show(false));
    let meanwhile: Vec<_> = show.watch(&mut viewer).split_off(2 * (3 + 5));
    assert!(meanwhile.iter().all(|packet| packet.spatial == 2 && packet.temporal < 2));
    assert_eq!(meanwhile.len(), 2 * 3);
    show.show(true);
    assert_eq!(
        (show.scene.forwarding.waits_for(), show.scene.forwarding.current()),
        (None, Some(EncodingIndex(0)))
    );
    (0..8).for_each(|_| show.show(false));
    let after = show.watch(&mut viewer);
    assert!(after.iter().all(|packet| packet.spatial == 0));
    assert_eq!(after.len(), 2 * 9, "all its frames, at once");
    let all = [meanwhile, after].concat();
    assert!(longest_gap(&all) <= 2, "{}", longest_gap(&all));
    assert_marked(&all);
}

#[test]
fn a_step_up_waits_for_a_keyframe_with_all_frames_of_the_smaller_picture() {
    for words in [AV1, Words::Payload] {
        let (mut show, mut viewer) = (Show::new(&KEY_MODE, words), Viewer::default());
        show.target(0, 1);
        show.show(true);
        (0..7).for_each(|_| show.show(false));
        show.watch(&mut viewer);
        show.target(2, ALL);
        assert_eq!(show.scene.forwarding.waits_for(), Some(EncodingIndex(2)));
        (0..8).for_each(|_| show.show(false));
        let before = show.watch(&mut viewer);
        assert!(before.iter().all(|packet| packet.spatial == 0));
        assert!(before.iter().any(|packet| packet.temporal == 2));
        show.show(true);
        show.show(false);
        let after = show.watch(&mut viewer);
        assert_eq!(spatial_layers(&after)[..3], [0, 1, 2]);
        assert_eq!(after.last().unwrap().spatial, 2);
        assert_eq!(longest_gap(&[before, after].concat()), 1);
    }
}

#[test]
fn frames_are_dropped_at_the_next_picture_and_come_back_at_a_switch_point() {
    for words in [AV1, Words::Payload] {
        let (mut show, mut viewer) = (Show::new(&KEY_MODE, words), Viewer::default());
        show.target(2, ALL);
        show.show(true);
        show.show(false);
        show.target(2, 0);
        assert_eq!(show.scene.forwarding.waits_for(), None);
        show.watch(&mut viewer);
        (0..6).for_each(|_| show.show(false));
        let fewer = show.watch(&mut viewer);
        assert!(fewer.iter().all(|packet| packet.temporal == 0));
        assert!(!fewer.is_empty());
        show.target(2, ALL);
        (0..4).for_each(|_| show.show(false));
        let again = show.watch(&mut viewer);
        assert_eq!(again.iter().map(|packet| packet.temporal).max(), Some(2));
        assert_marked(&again);
    }
}

/// Where the larger picture always needs the smaller one, a step down needs no keyframe.
#[test]
fn a_step_down_is_immediate_when_the_smaller_layers_were_sent() {
    let (mut show, mut viewer) = (Show::new(&FULL_MODE, AV1), Viewer::default());
    show.target(1, ALL);
    show.show(true);
    (0..6).for_each(|_| show.show(false));
    show.target(0, ALL);
    assert_eq!(show.scene.forwarding.waits_for(), None);
    show.watch(&mut viewer);
    (0..6).for_each(|_| show.show(false));
    let got = show.watch(&mut viewer);
    assert!(longest_gap(&got) <= 2);
    let small = got.iter().position(|packet| packet.spatial == 0 && packet.marker).unwrap();
    assert!(small < 6, "within two pictures");
    assert!(got[small..].iter().all(|packet| packet.spatial == 0));
    assert_marked(&got);
    show.target(1, ALL);
    assert_eq!(show.scene.forwarding.waits_for(), Some(EncodingIndex(1)));
}

#[test]
fn vp9_without_descriptor_steps_down_at_once_and_keeps_its_ids() {
    let (mut show, mut viewer) = (Show::new(&KEY_MODE, Words::Payload), Viewer::default());
    show.target(2, ALL);
    show.show(true);
    (0..4).for_each(|_| show.show(false));
    let before = show.watch(&mut viewer);
    assert_eq!(before.len(), 2 * 3 * 5, "smaller layers go along");
    show.target(0, 1);
    assert_eq!(show.scene.forwarding.waits_for(), None);
    (0..8).for_each(|_| show.show(false));
    let after = show.watch(&mut viewer);
    assert!(after.iter().all(|packet| packet.spatial == 0 && packet.temporal < 2));
    let all = [before, after].concat();
    assert_marked(&all);
    for pair in all.windows(2) {
        // Later frames refer by the difference of picture ids: those that are left out keep theirs.
        let pictures = u16::try_from((pair[1].capture_us - pair[0].capture_us) / FRAME_US).unwrap();
        let step = pair[1].picture_id.unwrap().wrapping_sub(pair[0].picture_id.unwrap()) & 0x7fff;
        assert_eq!(step, pictures);
        let bases = u8::from(pictures > 0 && pair[1].temporal == 0);
        assert_eq!(pair[1].tl0.unwrap().wrapping_sub(pair[0].tl0.unwrap()), bases);
    }
}

#[test]
fn av1_goes_out_whole_to_somebody_who_cannot_be_told_its_layers() {
    let config = ForwardingConfig { scalable: true, ..viewer_config(Codec::Av1) };
    let (mut show, mut viewer) = (Show::with_config(&KEY_MODE, AV1, config), Viewer::default());
    show.target(0, 0);
    show.show(true);
    (0..7).for_each(|_| show.show(false));
    let got = show.watch(&mut viewer);
    assert_eq!(got.len(), 2 * 3 * 8);
    assert!(got.iter().all(|packet| packet.number.is_none()));
}

#[test]
fn when_the_publisher_stops_the_sent_layer_a_keyframe_is_asked_for_once() {
    let (mut show, mut viewer) = (Show::new(&KEY_MODE, AV1), Viewer::default());
    show.target(2, ALL);
    show.show(true);
    (0..4).for_each(|_| show.show(false));
    assert_eq!(show.scene.forwarding.take_starved(), None);
    (show.active, show.highest_produced) = (Some(0x3f), 1);
    show.show(false);
    assert_eq!(show.scene.forwarding.take_starved(), Some(EncodingIndex(2)));
    show.show(false);
    assert_eq!(show.scene.forwarding.take_starved(), None);
    show.show(true);
    (0..4).for_each(|_| show.show(false));
    let got = show.watch(&mut viewer);
    assert_eq!(got.last().unwrap().spatial, 1);
    assert_marked(&got);
    // It comes back with a key picture.
    (show.active, show.highest_produced) = (None, 2);
    show.show(true);
    assert_eq!(show.watch(&mut viewer).last().unwrap().spatial, 2);
}

#[test]
fn a_new_start_goes_on_in_higher_frame_numbers() {
    let (mut show, mut viewer) = (Show::new(&KEY_MODE, AV1), Viewer::default());
    show.target(0, ALL);
    show.show(true);
    show.scene.forwarding.start_anew();
    (0..90).for_each(|_| show.show(false));
    show.show(true);
    show.show(false);
    let got = show.watch(&mut viewer);
    let numbers: Vec<u16> = got.iter().filter_map(|packet| packet.number).collect();
    let steps: Vec<_> = numbers.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    assert_eq!(steps, [0, 1, 0, 3, 0]);
}

#[test]
fn a_retransmission_repeats_marker_and_descriptor() {
    let (mut show, mut viewer) = (Show::new(&KEY_MODE, AV1), Viewer::default());
    show.target(1, ALL);
    show.show(true);
    (0..4).for_each(|_| show.show(false));
    let sent = show.scene.take();
    show.scene.got.clone_from(&sent);
    show.watch(&mut viewer);
    let marked = sent.iter().rev().find(|got| got.marker).unwrap();
    show.scene.nack(&[marked.seq]);
    let again = show.scene.take();
    assert_eq!((again.len(), again[0].ssrc, again[0].marker), (1, VIEWER_RTX, true));
    assert_eq!((&again[0].payload[2..], &again[0].descriptor), (&marked.payload[..], &marked.descriptor));
}

/// Until the first packet of a key picture is there, the others cannot be read: they wait for it.
#[test]
fn packets_of_a_key_picture_that_overtook_its_structure_follow_it() {
    let (mut show, mut viewer) = (Show::new(&KEY_MODE, AV1), Viewer::default());
    show.target(2, ALL);
    show.show(true);
    show.show(false);
    let mut key = show.capture(true);
    let first = key.remove(0);
    show.scene.now_us = show.pictures * FRAME_US;
    show.scene.send(key);
    show.watch(&mut viewer);
    assert!(show.scene.forwarding.is_held());
    show.scene.now_us += 60_000;
    show.scene.send([first]);
    let mut got = show.scene.take();
    assert_eq!(got.len(), 6);
    got.sort_by_key(|got| got.seq);
    show.scene.got = got;
    assert_eq!(spatial_layers(&show.watch(&mut viewer)), [0, 1, 2]);
    // A structure that never comes holds nothing back for long.
    let key = show.capture(true).split_off(1);
    show.scene.send(key);
    show.scene.let_go();
    assert!(show.scene.take().is_empty());
    assert!(show.scene.now_us < show.pictures * FRAME_US + 400_000);
}

/// Targets at random, packets late and out of order: every frame that comes can be decoded, whole.
#[test]
fn whatever_is_wanted_and_however_packets_arrive_each_frame_has_its_references() {
    for (mode, words, seed) in [
        (&KEY_MODE, AV1, 0x0123_4567_89ab_cdef),
        (&KEY_MODE, Words::Descriptor(Codec::Vp9), 0xfeed_f00d_0000_0001),
        (&KEY_MODE, Words::Payload, 0x9e37_79b9_7f4a_7c15),
        (&FULL_MODE, AV1, 0xdead_beef_1234_5678),
    ] {
        let (mut show, mut viewer, mut rng) = (Show::new(mode, words), Viewer::default(), Rng(seed));
        let mut seen = Vec::new();
        for picture in 0..3_000 {
            if picture % 7 == 0 {
                let spatial = u8::try_from(rng.below(u64::from(mode.spatial_layers()))).unwrap();
                show.target(spatial, u8::try_from(rng.below(3)).unwrap());
            }
            let asked = show.scene.forwarding.waits_for().is_some() && rng.below(4) == 0;
            let mut packets = show.capture(picture == 0 || asked);
            // Parts of one frame change places: its first may be its last.
            for pair in packets.chunks_mut(2).filter(|_| rng.below(5) == 0) {
                pair.reverse();
            }
            show.scene.now_us = show.pictures * FRAME_US;
            show.scene.send(packets);
            // A receiver puts them in order.
            show.scene.got.sort_by_key(|got| got.seq);
            seen.extend(show.watch(&mut viewer));
        }
        assert_marked(&seen);
        let mut numbers: Vec<_> = seen.iter().map(|packet| packet.seq).collect();
        numbers.dedup();
        assert_eq!(numbers.len(), seen.len());
        assert!(longest_gap(&seen) <= 8, "{}", longest_gap(&seen));
        let sizes = (0..mode.spatial_layers()).map(|s| seen.iter().filter(|p| p.spatial == s).count());
        assert!(sizes.min() > Some(200));
    }
}
