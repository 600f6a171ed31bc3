use super::*;

fn track(name: &str, ssrc: u32, codecs: &[(Codec, &str)]) -> OfferedTrack {
    let video = !codecs[0].0.is_audio();
    OfferedTrack {
        kind: if video { MediaKind::Video } else { MediaKind::Audio },
        codecs: codecs.iter().map(|&(codec, fmtp)| OfferedCodec { codec, fmtp: fmtp.to_owned() }).collect(),
        send: send_track(name, ssrc, video),
    }
}

fn picture(name: &str, ssrc: u32) -> OfferedTrack {
    track(name, ssrc, &[(Codec::Vp8, "")])
}

fn sound(name: &str, ssrc: u32) -> OfferedTrack {
    track(name, ssrc, &[(Codec::Red, ""), (Codec::Opus, "")])
}

/// Answers one offer with what the placement holds.
fn place(placement: &mut Placement, offer: &str) -> (Answer, Vec<Ssrc>) {
    let mut offer = parse(offer);
    let placing = placement.place(&mut offer);
    let answer = with_local(|local| answer(&offer, local, &placing.sends)).unwrap();
    (answer, placing.refused)
}

fn placed(placement: &Placement) -> Vec<(String, String)> {
    placement.sent().map(|(mid, send)| (mid.to_string(), send.msid.track.clone())).collect()
}

#[test]
fn tracks_go_into_free_sections_of_their_kind_with_the_peers_numbers() {
    let mut placement = Placement::default();
    placement.add(sound("TR_a", 10));
    placement.add(picture("TR_v", 20));
    let (Answer { sdp, negotiated }, refused) = place(&mut placement, CHROMIUM_SINGLE);
    assert!(refused.is_empty() && !placement.needs_offer());
    let own = |mid: &str, name: &str| (mid.to_owned(), name.to_owned());
    assert_eq!(placed(&placement), [own("0", "TR_a"), own("3", "TR_v")]);
    assert_eq!(section(&sdp, 0)[0], "audio 9 UDP/TLS/RTP/SAVPF 63 111");
    assert_eq!(section(&sdp, 3)[0], "video 9 UDP/TLS/RTP/SAVPF 96 97");
    let vp8 = negotiated.section(mid("3")).unwrap().by_codec(Codec::Vp8).unwrap();
    assert_eq!((vp8.pt.get(), vp8.rtx.unwrap().get()), (96, 97));
    assert!(section(&sdp, 4).contains(&"a=inactive"), "nothing for it yet");
}

#[test]
fn tracks_beyond_the_sections_wait_and_are_counted() {
    let mut placement = Placement::default();
    (0..5).for_each(|n| placement.add(picture(&format!("TR_{n}"), 10 * n + 10)));
    placement.add(sound("TR_a", 100));
    assert_eq!(placement.missing(), Missing { audios: 1, videos: 5 }, "no section is known yet");
    place(&mut placement, CHROMIUM_SINGLE);
    assert!(placement.needs_offer());
    assert_eq!(placement.missing(), Missing { audios: 0, videos: 2 });
    // Two sections are free for sound: an offer like the last one is enough.
    placement.add(sound("TR_b", 110));
    assert_eq!(placement.missing(), Missing { audios: 0, videos: 2 });
}

/// A browser tells its page of a track only when the section was silent before.
#[test]
fn a_section_is_empty_in_one_answer_between_two_tracks() {
    let mut placement = Placement::default();
    (0..3).for_each(|n| placement.add(picture(&format!("TR_{n}"), 10 * n + 10)));
    place(&mut placement, CHROMIUM_SINGLE);
    placement.remove(Ssrc(20));
    placement.add(picture("TR_new", 50));
    assert_eq!(placement.missing(), Missing::default(), "the section that becomes free is counted");
    let (between, _) = place(&mut placement, CHROMIUM_SINGLE);
    assert!(section(&between.sdp, 4).contains(&"a=inactive"));
    assert!(placement.needs_offer());
    let (after, _) = place(&mut placement, CHROMIUM_SINGLE);
    assert!(section(&after.sdp, 4).contains(&"a=msid:PA_x|TR_new TR_new"));
    assert!(!placement.needs_offer());
}

#[test]
fn thirty_cycles_of_tracks_need_no_more_sections() {
    let mut placement = Placement::default();
    for cycle in 0..30 {
        let ssrc = |n: u32| 10_000 * (cycle + 1) + 10 * n;
        (0..3).for_each(|n| placement.add(picture(&format!("TR_{cycle}_{n}"), ssrc(n))));
        assert_eq!(
            placement.missing(),
            if cycle == 0 { Missing { audios: 0, videos: 3 } } else { Missing::default() }
        );
        place(&mut placement, CHROMIUM_SINGLE);
        assert_eq!(placed(&placement).len(), 3);
        (0..3).for_each(|n| placement.remove(Ssrc(ssrc(n))));
        place(&mut placement, CHROMIUM_SINGLE);
    }
}

#[test]
fn a_track_whose_section_the_peer_stops_moves_to_another() {
    let mut placement = Placement::default();
    placement.add(picture("TR_v", 20));
    place(&mut placement, CHROMIUM_SINGLE);
    let at = CHROMIUM_SINGLE.find("m=video 9").unwrap();
    let (before, after) = CHROMIUM_SINGLE.split_at(at);
    let (answer, _) =
        place(&mut placement, &format!("{before}{}", after.replacen("m=video 9", "m=video 0", 1)));
    assert!(section(&answer.sdp, 4).contains(&"a=msid:PA_x|TR_v TR_v"));
}

#[test]
fn a_section_in_which_the_peer_sends_is_never_taken() {
    let mut placement = Placement::default();
    placement.add(picture("TR_v", 20));
    let (answer, refused) = place(&mut placement, CHROMIUM_PUBLISHER);
    assert!(!answer.sdp.contains("TR_v") && refused.is_empty());
    assert_eq!(placement.missing(), Missing { audios: 0, videos: 1 });
}

#[test]
fn h264_gets_the_format_of_its_own_mode_and_profile() {
    for (fmtp, pt) in [
        ("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", "108"),
        ("packetization-mode=1;profile-level-id=42E034", "108"),
        ("packetization-mode=1;profile-level-id=4d0028", "116"),
        ("packetization-mode=0;profile-level-id=42001f", "104"),
        ("packetization-mode=1;profile-level-id=640c1f", "102"),
    ] {
        let mut placement = Placement::default();
        placement.add(track("TR_v", 20, &[(Codec::H264, fmtp)]));
        let (answer, _) = place(&mut placement, CHROMIUM_SINGLE);
        assert!(
            section(&answer.sdp, 3)[0].starts_with(&format!("video 9 UDP/TLS/RTP/SAVPF {pt} ")),
            "{fmtp}"
        );
    }
}

#[test]
fn a_codec_that_the_peer_does_not_receive_is_refused_and_asks_for_no_section() {
    let offer = CHROMIUM_SINGLE.replace("AV1/90000", "AV2/90000");
    let mut placement = Placement::default();
    placement.add(track("TR_v", 20, &[(Codec::Av1, "")]));
    let (_, refused) = place(&mut placement, &offer);
    assert_eq!(refused, [Ssrc(20)]);
    assert!(!placement.needs_offer());
}

#[test]
fn a_peer_without_red_gets_plain_opus() {
    let offer = CHROMIUM_SINGLE.replace("red/48000/2", "blue/48000/2");
    let mut placement = Placement::default();
    placement.add(sound("TR_a", 10));
    let (answer, _) = place(&mut placement, &offer);
    assert_eq!(section(&answer.sdp, 0)[0], "audio 9 UDP/TLS/RTP/SAVPF 111");
}
