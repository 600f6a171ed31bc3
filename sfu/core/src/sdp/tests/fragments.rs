use super::*;

const FRAGMENT: &str = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\n\
    a=mid:0\r\na=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0\r\n\
    a=end-of-candidates\r\n";

fn credentials(ufrag: &str, pwd: &str) -> Credentials {
    Credentials { ufrag: ufrag.to_owned(), pwd: pwd.to_owned() }
}

#[test]
fn a_fragment_names_its_ice_session() {
    let wanted = Some(credentials("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1"));
    assert_eq!(Fragment::parse(FRAGMENT).unwrap().credentials, wanted);
    let only_candidates = "m=audio 9 RTP/AVP 0\na=mid:0\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\n";
    assert_eq!(Fragment::parse(only_candidates).unwrap().credentials, None);
    assert_eq!(Fragment::parse("").unwrap().credentials, None);
}

#[test]
fn a_fragment_tells_the_first_few_addresses_that_could_be_checked() {
    let of = |text: &str| Fragment::parse(text).unwrap().candidates;
    assert_eq!(of(FRAGMENT), ["192.0.2.1:61764".parse::<SocketAddr>().unwrap()]);
    let unusable = "a=candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active\r\n\
        a=candidate:1 1 udp 1 198.51.100.1 9 typ srflx raddr 192.0.2.1 rport 9\r\n\
        a=candidate:1 1 udp 1 name.local 9 typ host\r\na=candidate:rubbish\r\n";
    assert!(of(unusable).is_empty());
    let many: String =
        (1..=20).map(|n| format!("a=candidate:1 1 udp 1 192.0.2.{n} 9 typ host\r\n")).collect();
    assert_eq!(of(&many).len(), 8);
}

#[test]
fn a_malformed_fragment_is_refused_by_its_line() {
    for (text, line) in [
        ("a=mid:0\r\nrubbish\r\n", 2),
        ("{\"candidate\":1}", 1),
        ("a=ice-ufrag:abc\r\n", 1),
        ("a=ice-ufrag:abcd\r\n", 2),
        ("a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n", 2),
        ("a=ice-ufrag:ab cd\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n", 1),
        ("a=ice-ufrag:abcd\r\na=ice-pwd:short\r\n", 2),
    ] {
        assert_eq!(Fragment::parse(text), Err(ParseError::Line(line)), "{text:?}");
    }
    assert_eq!(Fragment::parse(&"a=mid:0\n".repeat(1001)), Err(ParseError::TooLarge));
}

#[test]
fn a_restarted_offer_differs_in_its_credentials_alone() {
    for browser in BROWSERS {
        let fresh = credentials("fresh", "a password of at least 22");
        let restarted = parse(&Fragment::restarted_offer(browser, &fresh));
        let before = parse(browser);
        assert_eq!(restarted.remote().unwrap().credentials, fresh);
        assert_eq!(restarted.remote().unwrap().fingerprint, before.remote().unwrap().fingerprint);
        assert_eq!(restarted.media.len(), before.media.len());
    }
}

#[test]
fn the_reply_to_a_restart_carries_our_credentials_and_candidates() {
    let answer = answered(CHROMIUM_PUBLISHER, &[]);
    let reply = Fragment::of_answer(&answer.sdp);
    assert!(reply.starts_with("a=ice-lite\r\nm="), "{reply}");
    for line in ["a=ice-ufrag:ourufrag", "a=ice-pwd:our password, long enough", "a=end-of-candidates"] {
        assert_eq!(reply.matches(line).count(), 1, "{line} in {reply}");
    }
    assert_eq!(reply.matches("a=candidate:").count(), candidates().len());
    assert!(!reply.contains("rtpmap") && !reply.contains("fingerprint"));
}
