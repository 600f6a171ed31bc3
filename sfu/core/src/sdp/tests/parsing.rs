use super::*;
use crate::dtls::Setup;
use crate::transport::RemoteIce;

#[test]
fn reads_chromiums_publisher_offer() {
    let offer = parse(CHROMIUM_PUBLISHER);
    assert_eq!(offer.bundle, [mid("0"), mid("1"), mid("2")]);
    assert!(offer.extmap_allow_mixed);
    let remote = offer.remote().unwrap();
    assert_eq!(remote.credentials.ufrag, "RQo+");
    assert_eq!(remote.setup, Setup::ActPass);

    let audio = &offer.media[0];
    assert_eq!((audio.kind, audio.direction), (MediaKind::Audio, Direction::SendOnly));
    let known: Vec<_> =
        audio.codecs.iter().filter_map(|line| line.codec.map(|codec| (codec, line.pt.get()))).collect();
    assert_eq!(known, [(Codec::Opus, 111), (Codec::Red, 63)]);
    assert_eq!(audio.msid.as_ref().unwrap().track, "0998d589-de44-46ef-ae5e-47c9bb3e5013");
    assert_eq!(audio.ssrcs, [Ssrc(1_359_612_473)]);

    let video = &offer.media[1];
    assert_eq!(video.send_rids, rids("q;h;f"));
    assert!(video.simulcast && video.ssrcs.is_empty());
    let h264 = video.codecs.iter().filter(|line| line.codec == Some(Codec::H264)).count();
    assert_eq!(h264, 6);
    // Video RED is not the audio codec of that name.
    assert!(video.codecs.iter().all(|line| line.codec != Some(Codec::Red)));
    assert_eq!(offer.media[2].max_message_size, Some(262_144));
}

#[test]
fn reads_firefoxs_publisher_offer() {
    let offer = parse(FIREFOX_PUBLISHER);
    assert!(offer.extmap_allow_mixed, "it stands in the sections");
    assert!(offer.remote().is_some(), "the fingerprint stands at session level");
    let video = &offer.media[1];
    assert_eq!(video.send_rids, rids("q;h;f"));
    assert_eq!((video.ssrcs.len(), video.fid_groups.len()), (6, 3));
    assert_eq!(video.fid_groups[0], (Ssrc(792_460_356), Ssrc(4_287_202_585)));
    let rid = video.extensions.iter().find(|line| line.uri.ends_with(":rtp-stream-id")).unwrap();
    assert_eq!((rid.id.get(), rid.direction), (9, Direction::SendOnly));
}

const HEAD: &str = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";

fn video(lines: &str) -> MediaSection {
    let text = format!("{HEAD}m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:v\r\n{lines}");
    parse(&text).media.remove(0)
}

#[test]
fn attributes_may_come_in_any_order_and_with_either_line_end() {
    let forwards =
        video("a=rtpmap:96 VP8/90000\na=rtcp-fb:* nack\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n");
    let backwards =
        video("a=fmtp:97 apt=96\r\na=rtpmap:97 rtx/90000\r\na=rtcp-fb:* nack\r\na=rtpmap:96 VP8/90000\r\n");
    assert_eq!(forwards.codecs, backwards.codecs);
    assert_eq!(forwards.codecs[1].apt, Some(forwards.codecs[0].pt));
    assert!(forwards.codecs[0].feedback.nack);
}

#[test]
fn simulcast_order_alternatives_and_pauses_are_understood() {
    let section = video(
        "a=rid:f send\r\na=rid:h send\r\na=rid:q send pt=96\r\na=rid:x recv\r\na=simulcast:send q;~h,f;nosuch recv x\r\n",
    );
    assert_eq!((section.send_rids, section.recv_rids), (rids("q;h"), rids("x")));
}

#[test]
fn malformed_optional_attributes_count_as_absent() {
    let section = video(concat!(
        "a=rtpmap:96\r\na=rtpmap:200 VP8/90000\r\na=rtpmap:x VP8/90000\r\na=rtpmap:96 VP8/90000\r\n",
        "a=fmtp:97\r\na=extmap:0 urn:x\r\na=extmap:15 urn:x\r\na=extmap:3/sideways urn:x\r\na=extmap:4\r\n",
        "a=rid:\r\na=rid:q\r\na=rid:q up\r\na=ssrc:-1 cname:x\r\na=ssrc-group:FID 1\r\na=msid:\r\na=simulcast:\r\n",
    ));
    assert_eq!(section.codecs.len(), 1);
    assert!(section.extensions.is_empty() && section.send_rids.is_empty() && section.ssrcs.is_empty());
    assert!(section.fid_groups.is_empty() && section.msid.is_none() && !section.simulcast);
}

#[test]
fn text_that_is_no_description_is_refused_by_name() {
    let error = |text: &str| SessionDescription::parse(text).unwrap_err();
    assert_eq!(error(""), ParseError::Line(1));
    assert_eq!(error("hello"), ParseError::Line(1));
    assert_eq!(error("o=- 1 2\r\nv=0\r\n"), ParseError::Line(1));
    assert_eq!(error("v=0\r\nm=video\r\n"), ParseError::Line(2));
    assert_eq!(error("v=0\r\nm=video x UDP/TLS/RTP/SAVPF 96\r\n"), ParseError::Line(2));
    assert_eq!(error("v=0\r\nnonsense\r\n"), ParseError::Line(2));
    assert_eq!(error("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"), ParseError::Mid(0));
    let twice = "v=0\r\nm=video 9 X 96\r\na=mid:1\r\nm=audio 9 X 96\r\na=mid:1\r\n";
    assert_eq!(error(twice), ParseError::Mid(1));
}

#[test]
fn size_lines_and_sections_are_bounded() {
    let sections = |count: usize| {
        let section = |n: usize| format!("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:{n}\r\n");
        format!("{HEAD}{}", (0..count).map(section).collect::<String>())
    };
    assert_eq!(parse(&sections(1000)).media.len(), 1000);
    assert_eq!(SessionDescription::parse(&sections(1001)).unwrap_err(), ParseError::TooLarge);
    let lines = format!("{HEAD}{}", "a=x\n".repeat(49_990));
    assert!(SessionDescription::parse(&lines).is_ok());
    let lines = format!("{HEAD}{}", "a=x\n".repeat(260_000));
    assert_eq!(SessionDescription::parse(&lines).unwrap_err(), ParseError::TooLarge);
    let long = format!("{HEAD}a={}\n", "x".repeat(2 << 20));
    assert_eq!(SessionDescription::parse(&long).unwrap_err(), ParseError::TooLarge);
}

#[test]
fn each_bound_can_be_moved_and_holds_to_the_byte_line_and_section() {
    let text = format!("{HEAD}m=audio 9 X 111\na=mid:0\nm=audio 9 X 111\na=mid:1");
    let exact = SdpLimits { bytes: text.len(), lines: text.lines().count(), sections: 2 };
    assert_eq!(SessionDescription::parse_within(&text, &exact).unwrap().media.len(), 2);
    for less in [
        SdpLimits { bytes: exact.bytes - 1, ..exact },
        SdpLimits { lines: exact.lines - 1, ..exact },
        SdpLimits { sections: exact.sections - 1, ..exact },
    ] {
        let refused = SessionDescription::parse_within(&text, &less);
        assert_eq!(refused.unwrap_err(), ParseError::TooLarge, "{less:?}");
    }
}

#[test]
fn a_description_of_the_largest_size_passes_and_one_more_line_or_byte_does_not() {
    for (lines, fits) in [(50_000, true), (50_001, false)] {
        let text = format!("{HEAD}{}a=x", "a=x\n".repeat(lines - 5));
        assert_eq!(text.lines().count(), lines);
        assert_eq!(SessionDescription::parse(&text).is_ok(), fits);
    }
    for (bytes, fits) in [(2 << 20, true), ((2 << 20) + 1, false)] {
        let text = format!("{HEAD}a={}", "x".repeat(bytes - HEAD.len() - 2));
        assert_eq!(text.len(), bytes);
        assert_eq!(SessionDescription::parse(&text).is_ok(), fits);
    }
}

/// Every list that one attribute can grow, at 49,000 lines: quadratic work would take minutes.
#[test]
fn repeated_attributes_take_linear_time() {
    for line in [
        "ssrc:{} cname:x",
        "ssrc-group:FID {} 1",
        "extmap:3 urn:{}",
        "rid:r{} send",
        "rtpmap:96 VP8/{}",
        "rtcp-fb:96 x{}",
    ] {
        let lines: String =
            (0..49_000).map(|n| format!("a={}\r\n", line.replace("{}", &n.to_string()))).collect();
        let text = format!("{HEAD}m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\n{lines}");
        let section = parse(&text).media.remove(0);
        assert!(
            section.ssrcs.len() <= 128 && section.extensions.len() <= 64 && section.send_rids.len() <= 16
        );
    }
    let group: String = (0..100_000).map(|n| format!(" {n}")).collect();
    assert_eq!(parse(&format!("{HEAD}a=group:BUNDLE{group}\r\n")).bundle.len(), 1000);
}

/// A publisher's format parameters stand in the offers to everybody else.
#[test]
fn a_line_with_nul_or_a_lone_carriage_return_is_refused() {
    for mark in ['\0', '\r'] {
        let text = format!("{HEAD}a=fmtp:96 x{mark}a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n");
        let lines = HEAD.lines().count();
        assert_eq!(SessionDescription::parse(&text).unwrap_err(), ParseError::Line(lines + 1));
    }
}

#[test]
fn format_parameters_are_taken_up_to_their_length() {
    let fmtp = |len: usize| {
        let value = "x".repeat(len - 3);
        let media = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\na=rtpmap:96 VP8/90000\r\n";
        parse(&format!("{HEAD}{media}a=fmtp:96 {value}\r\n")).media[0].codecs[0].fmtp.len()
    };
    assert_eq!((fmtp(1024), fmtp(1025)), (1021, 0));
}

#[test]
fn a_lite_peer_says_where_it_waits() {
    let lines = "a=candidate:1 1 udp 2130706431 192.0.2.7 5000 typ host\r\n\
        a=candidate:1 2 udp 2130706430 192.0.2.7 5001 typ host\r\n\
        a=candidate:2 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active\r\n\
        a=candidate:3 1 UDP 2130706175 2001:db8::7 5000 typ host generation 0\r\n\
        a=candidate:4 1 udp 1694498815 198.51.100.7 5000 typ srflx raddr 192.0.2.7 rport 5000\r\n\
        a=candidate:5 1 udp 2130706431 name.local 5000 typ host\r\n\
        a=candidate:6 1 udp\r\n";
    let offer = CHROMIUM_PUBLISHER.replacen("a=mid:0", &format!("{lines}a=mid:0"), 1);
    assert_eq!(parse(&offer).remote().unwrap().ice, RemoteIce::Full);
    let offer = offer.replacen("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n", 1);
    let wanted = ["192.0.2.7:5000", "[2001:db8::7]:5000"].map(|text| text.parse().unwrap());
    assert_eq!(parse(&offer).remote().unwrap().ice, RemoteIce::Lite(wanted.to_vec()));
    let many: String = (0..99).map(|n| format!("a=candidate:1 1 udp 1 192.0.2.7 {n} typ host\r\n")).collect();
    let offer = offer.replacen("a=mid:0", &format!("{many}a=mid:0"), 1);
    let RemoteIce::Lite(addresses) = parse(&offer).remote().unwrap().ice else { panic!("it is lite") };
    assert_eq!(addresses.len(), 8);
}
