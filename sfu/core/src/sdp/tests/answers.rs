use super::*;
use crate::rtp::ExtKind;

#[test]
fn chromiums_simulcast_is_answered_with_its_own_numbers() {
    let Answer { sdp, negotiated } = answered(CHROMIUM_PUBLISHER, &[]);
    assert!(sdp.contains("a=ice-lite\r\na=group:BUNDLE 0 1 2\r\n"));
    let audio = section(&sdp, 0);
    assert_eq!(audio[0], "audio 9 UDP/TLS/RTP/SAVPF 111 63");
    for line in [
        "a=setup:passive",
        "a=recvonly",
        "a=rtcp-mux",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=fmtp:63 111/111",
        "a=rtcp-fb:111 transport-cc",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host",
        "a=candidate:3 1 tcp 1526726143 192.0.2.1 7882 typ host tcptype passive",
    ] {
        assert!(audio.contains(&line), "{line} in {audio:#?}");
    }
    let video = section(&sdp, 1);
    assert_eq!(
        video[0],
        "video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 107 108 109 114 115 116 117 39 40 45 46 98 99 100 101"
    );
    for line in [
        "a=rid:q recv",
        "a=rid:h recv",
        "a=rid:f recv",
        "a=simulcast:recv q;h;f",
        "a=rtcp-fb:96 transport-cc",
        "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:96 ccm fir",
        "a=fmtp:97 apt=96",
        "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    ] {
        assert!(video.contains(&line), "{line} in {video:#?}");
    }
    assert!(!video.iter().any(|line| line.starts_with("a=candidate") || line.contains("goog-remb")));
    assert!(section(&sdp, 2).contains(&"a=max-message-size:65536"));

    let section = negotiated.section(mid("1")).unwrap();
    assert_eq!((section.direction, &section.rids), (Direction::RecvOnly, &rids("q;h;f")));
    let vp8 = section.by_codec(Codec::Vp8).unwrap();
    assert_eq!((vp8.pt.get(), vp8.rtx.unwrap().get(), vp8.clock_rate), (96, 97, 90_000));
    assert_eq!(section.by_rtx(vp8.rtx.unwrap()), Some(vp8));
    let id = |kind| negotiated.receive_extensions.id(kind).map(crate::rtp::ExtId::get);
    assert_eq!(id(ExtKind::Mid), Some(4));
    assert_eq!(id(ExtKind::Rid), Some(10));
    assert_eq!(id(ExtKind::TransportCc), Some(3));
}

#[test]
fn firefoxs_directions_are_mirrored_and_its_numbers_kept() {
    let Answer { sdp, negotiated } = answered(FIREFOX_PUBLISHER, &[]);
    let (audio, video) = (section(&sdp, 0), section(&sdp, 1));
    assert_eq!(audio[0], "audio 9 UDP/TLS/RTP/SAVPF 109");
    assert_eq!(video[0], "video 9 UDP/TLS/RTP/SAVPF 120 124 121 125 99 100");
    assert!(video.contains(&"a=extmap:9/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"));
    assert!(audio.contains(&"a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid"));
    assert!(!sdp.contains("csrc-audio-level") && !sdp.contains("playout-delay"));
    let section = negotiated.section(mid("1")).unwrap();
    assert_eq!(section.fid_groups.len(), 3);
    assert_eq!(negotiated.send_extensions.id(ExtKind::Rid), None, "only the peer sends it");
    assert_eq!(negotiated.receive_extensions.id(ExtKind::Rid).map(crate::rtp::ExtId::get), Some(9));
}

/// Single peer connection: the first answer must accept RID and the rest on sections that only receive, or
/// Chromium refuses its own later simulcast offer.
#[test]
fn recvonly_sections_have_their_extensions_and_codecs_accepted() {
    let Answer { sdp, negotiated } = answered(CHROMIUM_SINGLE, &[]);
    for (index, wanted) in negotiated.sections.iter().enumerate().filter(|(_, s)| s.kind == MediaKind::Video)
    {
        let lines = section(&sdp, index);
        assert!(lines.contains(&"a=inactive") && !wanted.stopped);
        assert!(lines.iter().any(|line| line.ends_with("sdes:rtp-stream-id")), "{lines:#?}");
        assert!(wanted.by_codec(Codec::Vp8).is_some());
    }
}

#[test]
fn a_recvonly_section_can_carry_a_track_of_ours() {
    let track = send_track("TR_a", 1000, true);
    let Answer { sdp, negotiated } = answered(CHROMIUM_SINGLE, &[(mid("3"), track.clone())]);
    let lines = section(&sdp, 3);
    for line in
        ["a=sendonly", "a=msid:PA_x|TR_a TR_a", "a=ssrc-group:FID 1000 1001", "a=ssrc:1001 cname:PA_x"]
    {
        assert!(lines.contains(&line), "{line} in {lines:#?}");
    }
    let section = negotiated.section(mid("3")).unwrap();
    assert_eq!((section.direction, section.send.as_ref()), (Direction::SendOnly, Some(&track)));
    assert!(negotiated.send_extensions.id(ExtKind::TransportCc).is_some());
}

#[test]
fn format_parameters_are_echoed_and_the_given_codec_order_is_kept() {
    let offer =
        CHROMIUM_PUBLISHER.replace("minptime=10;useinbandfec=1", "minptime=10;usedtx=1;useinbandfec=1");
    let mut offer = parse(&offer);
    offer.media[0].codecs.sort_by_key(|line| line.codec != Some(Codec::Red));
    let sdp = with_local(|local| answer(&offer, local, &[])).unwrap().sdp;
    let audio = section(&sdp, 0);
    assert_eq!(audio[0], "audio 9 UDP/TLS/RTP/SAVPF 63 111");
    assert!(audio.contains(&"a=fmtp:111 minptime=10;usedtx=1;useinbandfec=1"));
}

#[test]
fn stopped_unknown_and_unbundled_sections_are_rejected_in_place() {
    let offer = CHROMIUM_PUBLISHER
        .replace("m=audio 9 ", "m=audio 0 ")
        .replace("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 1 3")
        + "m=text 9 UDP/TLS/RTP/SAVPF 100\r\na=mid:3\r\na=rtpmap:100 t140/1000\r\n";
    let Answer { sdp, negotiated } = answered(&offer, &[]);
    assert!(sdp.contains("a=group:BUNDLE 1\r\n"));
    assert_eq!(section(&sdp, 0)[0], "audio 0 UDP/TLS/RTP/SAVPF 0");
    assert_eq!(section(&sdp, 2)[0], "application 0 UDP/DTLS/SCTP webrtc-datachannel");
    assert_eq!(section(&sdp, 3)[0], "text 0 UDP/TLS/RTP/SAVPF 0");
    assert!(section(&sdp, 3).contains(&"a=mid:3"));
    let stopped: Vec<_> = negotiated.sections.iter().map(|section| section.stopped).collect();
    assert_eq!(stopped, [true, false, true, true]);
    assert!(
        section(&sdp, 1).iter().any(|line| line.starts_with("a=candidate")),
        "the tag has the candidates"
    );
}

/// A recycled section comes back with another mid at the same index.
#[test]
fn a_recycled_section_of_the_peer_is_answered_under_its_new_mid() {
    let offer =
        CHROMIUM_PUBLISHER.replace("a=mid:1\r\n", "a=mid:7\r\n").replace("BUNDLE 0 1 2", "BUNDLE 0 7 2");
    let Answer { sdp, negotiated } = answered(&offer, &[]);
    assert!(section(&sdp, 1).contains(&"a=mid:7"));
    assert!(negotiated.section(mid("7")).is_some() && negotiated.section(mid("1")).is_none());
}

#[test]
fn one_extension_id_never_gets_two_meanings() {
    let uri = "urn:ietf:params:rtp-hdrext:sdes:mid";
    let offer = CHROMIUM_PUBLISHER.replacen(&format!("a=extmap:4 {uri}"), &format!("a=extmap:10 {uri}"), 1);
    let sdp = answered(&offer, &[]).sdp;
    assert!(section(&sdp, 0).contains(&"a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:mid"));
    let video = section(&sdp, 1);
    assert!(!video.iter().any(|line| line.starts_with("a=extmap:10 ")), "it means MID already");
    assert!(!video.iter().any(|line| line.starts_with("a=extmap:4 ")), "MID has id 10 already");
}

#[test]
fn a_peer_that_insists_on_being_dtls_server_gets_active() {
    let offer = CHROMIUM_PUBLISHER.replace("a=setup:actpass", "a=setup:passive");
    assert!(answered(&offer, &[]).sdp.contains("a=setup:active"));
}

#[test]
fn an_offer_without_a_fingerprint_is_refused() {
    let offer = CHROMIUM_PUBLISHER.replace("a=fingerprint:sha-256", "a=fingerprint:sha-1");
    let refused = with_local(|local| answer(&parse(&offer), local, &[])).unwrap_err();
    assert_eq!(refused, AnswerError::NoTransport);
}

/// What we write, we read back the same: answers of one Dais are understood by another.
#[test]
fn our_own_answers_and_offers_parse() {
    for offer in BROWSERS {
        let Answer { sdp, negotiated } = answered(offer, &[]);
        let read = parse(&sdp);
        assert_eq!(read.media.len(), negotiated.sections.len());
        assert!(read.remote().is_some());
        for (read, known) in read.media.iter().zip(&negotiated.sections) {
            assert_eq!((read.mid, read.is_stopped()), (known.mid, known.stopped));
            assert_eq!(read.recv_rids, known.rids);
        }
    }
}
