//! Which packet belongs to which publication.

use super::*;

#[test]
fn simulcast_is_bound_by_rid_and_stays_bound_without_it() {
    let mut scene = Scene::new(vec![simulcast(Vec::new())]);
    for (ssrc, rid) in [(30, b"f"), (10, b"q"), (20, b"h")] {
        scene.route(&Spec::new(ssrc, VP8, 1).ext(MID, b"1").ext(RID, rid)).unwrap();
    }
    for (ssrc, encoding) in [(10, 0), (20, 1), (30, 2)] {
        let routed = scene.route(&Spec::new(ssrc, VP8, 2)).unwrap();
        assert_eq!((routed.publication, routed.encoding), ("camera", EncodingIndex(encoding)));
    }
}

#[test]
fn in_a_simulcast_section_an_ssrc_without_rid_is_unknown() {
    let mut scene = Scene::new(vec![simulcast(vec![(Ssrc(10), Ssrc(11))])]);
    assert_eq!(scene.route(&Spec::new(10, VP8, 1).ext(MID, b"1")), Err(ReceiveDrop::UnknownSsrc));
    assert_eq!(scene.counters.unknown_ssrc, 1);
}

#[test]
fn retransmissions_are_bound_by_repaired_rid_or_by_fid() {
    let mut scene = Scene::new(vec![simulcast(vec![(Ssrc(10), Ssrc(11))])]);
    let rtx = |ssrc| Spec::new(ssrc, RTX, 500).payload(&[0, 7, 0x10, 0x01, 9]);
    assert_eq!(scene.route(&rtx(11).ext(MID, b"1")), Err(ReceiveDrop::UnknownSsrc));
    scene.route(&Spec::new(10, VP8, 6).ext(MID, b"1").ext(RID, b"q")).unwrap();
    for spec in [rtx(11).ext(MID, b"1"), rtx(12).ext(MID, b"1").ext(RRID, b"q"), rtx(12)] {
        let routed = scene.route(&spec).unwrap();
        assert_eq!((routed.encoding, routed.seq, routed.retransmitted), (EncodingIndex(0), SeqNo(7), true));
        assert_eq!(routed.ssrc, Some(Ssrc(10)));
        assert_eq!(spec.build()[routed.payload], [0x10, 0x01, 9]);
    }
}

#[test]
fn a_single_stream_is_bound_by_its_announced_ssrc_or_by_mid() {
    let mut scene =
        Scene::new(vec![single("0", "screen", Some(50), Some(51)), single("2", "camera", None, None)]);
    assert_eq!(scene.route(&Spec::new(50, VP8, 1)).unwrap().publication, "screen");
    let rtx = Spec::new(51, RTX, 1).payload(&[0, 1, 0x10]);
    assert!(scene.route(&rtx).unwrap().retransmitted);
    assert_eq!(scene.route(&Spec::new(60, VP8, 1)), Err(ReceiveDrop::UnknownSsrc));
    assert_eq!(scene.route(&Spec::new(60, VP8, 1).ext(MID, b"2")).unwrap().publication, "camera");
    let rtx = Spec::new(61, RTX, 1).payload(&[0, 1, 0x10]);
    assert!(scene.route(&rtx.ext(MID, b"2")).unwrap().retransmitted);
    assert_eq!(scene.route(&Spec::new(60, VP8, 2)).unwrap().publication, "camera");
}

#[test]
fn a_removed_section_forgets_its_sources() {
    let mut scene = Scene::new(vec![single("0", "screen", Some(50), None)]);
    scene.route(&Spec::new(50, VP8, 1)).unwrap();
    scene.inbound.remove_section(Mid::new(b"0").unwrap());
    assert_eq!(scene.route(&Spec::new(50, VP8, 2)), Err(ReceiveDrop::UnknownSsrc));
}

/// A participant's transport knows its own sections only: names of other people's mean nothing there.
#[test]
fn the_mid_or_ssrc_of_somebody_else_binds_nothing() {
    let mut theirs = Scene::new(vec![single("1", "camera", Some(50), None)]);
    let mut own = Scene::new(vec![single("0", "screen", Some(60), None)]);
    for stolen in [Spec::new(50, VP8, 1), Spec::new(50, VP8, 2).ext(MID, b"1")] {
        assert_eq!(theirs.route(&stolen).unwrap().publication, "camera");
        assert_eq!(own.route(&stolen), Err(ReceiveDrop::UnknownSsrc));
    }
}

#[test]
fn the_sixty_fifth_source_is_refused() {
    let mut sections = Vec::new();
    for place in 0..70u32 {
        sections.push(single(&place.to_string(), "many", Some(1000 + place), None));
    }
    let mut scene = Scene::new(sections);
    let refused = (0..70).filter(|place| scene.route(&Spec::new(1000 + place, VP8, 1)).is_err()).count();
    assert_eq!(refused, 6);
    assert_eq!(scene.counters.too_many_ssrcs, 6);
}

#[test]
fn a_transport_binds_as_many_sources_as_it_may_and_no_more() {
    let section = |place: u32| single(&place.to_string(), "many", Some(1000 + place), None);
    let mut scene = Scene::new((0..4).map(section).collect());
    scene.inbound = std::mem::replace(&mut scene.inbound, Inbound::new(OURS)).with_max_ssrcs(3);
    let mut route = |place: u32| scene.route(&Spec::new(1000 + place, VP8, 1)).map(|_| ());
    assert!((0..3).all(|place| route(place).is_ok()));
    assert_eq!(route(3), Err(ReceiveDrop::TooManySsrcs));
}

#[test]
fn a_payload_type_of_another_section_is_refused() {
    let mut scene = Scene::new(vec![single("0", "screen", Some(50), Some(51))]);
    for spec in [Spec::new(50, OPUS, 1), Spec::new(50, RTX, 1), Spec::new(51, VP8, 1)] {
        assert_eq!(scene.route(&spec), Err(ReceiveDrop::UnknownPayloadType));
    }
    assert_eq!(scene.counters.unknown_payload_type, 3);
}

#[test]
fn red_is_told_apart_from_opus_by_its_payload_type() {
    let mut section = single("0", "mic", Some(50), None);
    section.payloads =
        Payloads(vec![(pt(OPUS), PayloadKind::Media(Codec::Opus)), (pt(RED), PayloadKind::Red)]);
    let mut scene = Scene::new(vec![section]);
    assert!(!scene.route(&Spec::new(50, OPUS, 1)).unwrap().red);
    assert!(scene.route(&Spec::new(50, RED, 2)).unwrap().red);
}
