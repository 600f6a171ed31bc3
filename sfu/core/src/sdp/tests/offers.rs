use super::*;

fn offered(codec: Codec, fmtp: &str) -> OfferedCodec {
    OfferedCodec { codec, fmtp: fmtp.to_owned() }
}

fn video(name: &str, ssrc: u32) -> OfferedTrack {
    let send = send_track(name, ssrc, true);
    OfferedTrack { kind: MediaKind::Video, codecs: vec![offered(Codec::Vp8, "")], send }
}

fn audio(name: &str, ssrc: u32) -> OfferedTrack {
    let codecs = vec![offered(Codec::Red, ""), offered(Codec::Opus, "minptime=10;useinbandfec=1")];
    OfferedTrack { kind: MediaKind::Audio, codecs, send: send_track(name, ssrc, false) }
}

fn write(offerer: &mut Offerer) -> String {
    with_local(|local| offerer.offer(local))
}

/// A peer that accepts everything: the mirror of our offer.
fn accept(offer: &str) -> SessionDescription {
    let text = offer.replace("a=sendonly", "a=recvonly").replace("a=setup:actpass", "a=setup:active");
    parse(&text)
}

fn negotiate(offerer: &mut Offerer) -> (String, Negotiated) {
    let offer = write(offerer);
    let negotiated = offerer.handle_answer(&accept(&offer)).unwrap();
    (offer, negotiated)
}

fn mids(offer: &str) -> Vec<String> {
    parse(offer).media.iter().map(|media| media.mid.to_string()).collect()
}

#[test]
fn the_first_offer_has_the_data_section_first_and_every_track_after_it() {
    let mut offerer = Offerer::new();
    let (sound, picture) = (offerer.add(audio("TR_a", 10)), offerer.add(video("TR_v", 20)));
    let (offer, negotiated) = negotiate(&mut offerer);
    assert_eq!(section(&offer, 0)[0], "application 9 UDP/DTLS/SCTP webrtc-datachannel");
    assert!(offer.contains("a=group:BUNDLE 0 1 2\r\n") && offer.contains("a=ice-lite"));
    let lines = section(&offer, 1);
    assert_eq!(lines[0], "audio 9 UDP/TLS/RTP/SAVPF 63 111");
    for line in [
        "a=setup:actpass",
        "a=sendonly",
        "a=fmtp:63 111/111",
        "a=msid:PA_x|TR_a TR_a",
        "a=ssrc:10 cname:PA_x",
    ] {
        assert!(lines.contains(&line), "{line} in {lines:#?}");
    }
    let lines = section(&offer, 2);
    assert_eq!(lines[0], "video 9 UDP/TLS/RTP/SAVPF 96 97");
    assert!(lines.contains(&"a=ssrc-group:FID 20 21") && lines.contains(&"a=rtcp-fb:96 nack pli"));

    let section = negotiated.section(picture).unwrap();
    assert_eq!(section.direction, Direction::SendOnly);
    let vp8 = section.by_codec(Codec::Vp8).unwrap();
    assert_eq!((vp8.pt.get(), vp8.rtx.unwrap().get()), (96, 97));
    assert_eq!(negotiated.section(sound).unwrap().by_codec(Codec::Red).unwrap().pt.get(), 63);
    assert!(!offerer.needs_offer());
}

#[test]
fn a_removed_track_leaves_port_zero_and_its_index_is_used_again_with_a_new_mid() {
    let mut offerer = Offerer::new();
    let first = offerer.add(video("TR_1", 10));
    offerer.add(video("TR_2", 20));
    negotiate(&mut offerer);
    offerer.remove(first);
    assert!(offerer.needs_offer());
    let (offer, negotiated) = negotiate(&mut offerer);
    assert_eq!(section(&offer, 1)[0], "video 0 UDP/TLS/RTP/SAVPF 0");
    assert!(offer.contains("a=group:BUNDLE 0 2\r\n"));
    assert!(negotiated.section(first).unwrap().stopped);

    let third = offerer.add(audio("TR_3", 30));
    let (offer, negotiated) = negotiate(&mut offerer);
    assert_eq!(mids(&offer), ["0", "3", "2"]);
    assert_eq!(section(&offer, 1)[0], "audio 9 UDP/TLS/RTP/SAVPF 63 111", "the kind may change, too");
    assert!(!negotiated.section(third).unwrap().stopped);
}

#[test]
fn thirty_remove_and_add_cycles_leave_the_number_of_sections_and_the_size_alone() {
    let mut offerer = Offerer::new();
    let mut live: Vec<Mid> = (0..25).map(|n| offerer.add(video(&format!("TR_{n}"), n * 2))).collect();
    let (first, _) = negotiate(&mut offerer);
    let mut last = String::new();
    for cycle in 0..30 {
        for place in 0..5 {
            offerer.remove(live.remove(place));
        }
        negotiate(&mut offerer);
        live.extend((0..5).map(|n| offerer.add(video(&format!("TR_{cycle}_{n}"), 1000 + n))));
        last = negotiate(&mut offerer).0;
    }
    assert_eq!(parse(&last).media.len(), 26);
    assert!(last.len() < first.len() + 1500, "{} against {}", last.len(), first.len());
    let mut seen = std::collections::BTreeSet::new();
    assert!(mids(&last).into_iter().all(|mid| seen.insert(mid)), "every mid names one section");
}

#[test]
fn changes_made_while_an_offer_is_in_flight_wait_for_the_next() {
    let mut offerer = Offerer::new();
    let first = offerer.add(video("TR_1", 10));
    let offer = write(&mut offerer);
    let second = offerer.add(video("TR_2", 20));
    offerer.remove(first);
    assert!(!offerer.needs_offer(), "one is in flight");
    let negotiated = offerer.handle_answer(&accept(&offer)).unwrap();
    assert_eq!(negotiated.sections.len(), 2);
    assert!(negotiated.section(first).unwrap().stopped, "nothing is sent in what is about to go");
    assert!(offerer.needs_offer());
    let (offer, negotiated) = negotiate(&mut offerer);
    assert_eq!(section(&offer, 1)[0], "video 0 UDP/TLS/RTP/SAVPF 0");
    assert!(!negotiated.section(second).unwrap().stopped);
}

#[test]
fn a_track_that_came_and_went_between_two_offers_leaves_no_trace() {
    let mut offerer = Offerer::new();
    let gone = offerer.add(video("TR_1", 10));
    let stays = offerer.add(video("TR_2", 20));
    offerer.remove(gone);
    let (offer, _) = negotiate(&mut offerer);
    assert_eq!(mids(&offer), ["0", stays.as_str()]);

    // The same on a recycled index: the old section comes back as it was.
    offerer.remove(stays);
    negotiate(&mut offerer);
    let brief = offerer.add(audio("TR_3", 30));
    offerer.remove(brief);
    let (offer, _) = negotiate(&mut offerer);
    assert_eq!(
        (mids(&offer), section(&offer, 1)[0]),
        (vec!["0".to_owned(), "2".to_owned()], "video 0 UDP/TLS/RTP/SAVPF 0")
    );
}

#[test]
fn a_free_index_taken_while_an_offer_is_in_flight_does_not_confuse_the_answer() {
    let mut offerer = Offerer::new();
    let first = offerer.add(video("TR_1", 10));
    negotiate(&mut offerer);
    offerer.remove(first);
    negotiate(&mut offerer);
    let offer = write(&mut offerer);
    let second = offerer.add(audio("TR_2", 20));
    assert!(offerer.handle_answer(&accept(&offer)).is_ok());
    let (offer, negotiated) = negotiate(&mut offerer);
    assert_eq!(mids(&offer), ["0", second.as_str()]);
    assert!(!negotiated.section(second).unwrap().stopped);
}

#[test]
fn a_section_that_the_peer_rejects_is_free_again() {
    let mut offerer = Offerer::new();
    let refused = offerer.add(video("TR_1", 10));
    let offer = write(&mut offerer);
    let answer = parse(&offer.replace("m=video 9", "m=video 0"));
    assert!(offerer.handle_answer(&answer).unwrap().section(refused).unwrap().stopped);
    offerer.remove(refused);
    let next = offerer.add(video("TR_2", 20));
    assert_eq!(mids(&write(&mut offerer)), ["0", next.as_str()]);
}

#[test]
fn an_offer_that_was_lost_is_written_again() {
    let mut offerer = Offerer::new();
    offerer.add(video("TR_1", 10));
    let first = write(&mut offerer);
    offerer.add(video("TR_2", 20));
    let second = write(&mut offerer);
    assert_eq!((parse(&first).media.len(), parse(&second).media.len()), (2, 3));
    assert_eq!(offerer.handle_answer(&accept(&second)).unwrap().sections.len(), 3);
}

#[test]
fn an_answer_that_does_not_match_changes_nothing() {
    let mut offerer = Offerer::new();
    offerer.add(video("TR_1", 10));
    assert_eq!(offerer.handle_answer(&parse(CHROMIUM_PUBLISHER)), Err(OfferError::NotOffered));
    let offer = write(&mut offerer);
    assert_eq!(offerer.handle_answer(&parse(CHROMIUM_PUBLISHER)), Err(OfferError::Mismatch(3)));
    let swapped = accept(&offer.replace("a=mid:1", "a=mid:9"));
    assert_eq!(offerer.handle_answer(&swapped), Err(OfferError::Mismatch(1)));
    assert!(offerer.handle_answer(&accept(&offer)).is_ok());
}

#[test]
fn the_answers_payload_types_and_extensions_are_what_counts() {
    let mut offerer = Offerer::new();
    let mid = offerer.add(video("TR_1", 10));
    let offer = write(&mut offerer);
    let answer = offer
        .replace("SAVPF 96 97", "SAVPF 96")
        .replace("a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n", "")
        .replace("a=extmap:12 ", "a=extmap:12/sendonly ");
    let negotiated = offerer.handle_answer(&accept(&answer)).unwrap();
    assert_eq!(negotiated.section(mid).unwrap().codecs[0].rtx, None);
    let id = |kind| negotiated.send_extensions.id(kind);
    assert!(id(crate::rtp::ExtKind::TransportCc).is_some());
    assert!(id(crate::rtp::ExtKind::DependencyDescriptor).is_none());
}

/// Two configurations under one number would break the whole description for a subscriber.
#[test]
fn a_publisher_with_ever_new_parameters_uses_up_nobodys_numbers() {
    let mut offerer = Offerer::new();
    offerer.add(video("TR_steady", 10));
    let mut before = None;
    for turn in 0..200 {
        let codecs = vec![offered(Codec::H264, &format!("profile-level-id={turn}"))];
        let mid = offerer.add(OfferedTrack { codecs, ..video("TR_new", 100 + 2 * turn) });
        let (offer, _) = negotiate(&mut offerer);
        let mut meanings = std::collections::BTreeMap::new();
        let offer = parse(&offer);
        for line in offer.media.iter().flat_map(|media| &media.codecs) {
            let meaning = (&line.rtpmap, &line.fmtp);
            assert_eq!(*meanings.entry(line.pt).or_insert(meaning), meaning, "turn {turn}");
        }
        if let Some(before) = before.replace(mid) {
            offerer.remove(before);
        }
    }
}
