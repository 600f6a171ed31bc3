//! Session descriptions of the generator: answers that take whatever a server offers, offers of its own streams.
//!
//! Pure text. An answer repeats the offer's payload types, extensions and parameters line by line.

use std::fmt::Write as _;
use std::net::SocketAddr;

use sfu_core::ice::Credentials;
use sfu_core::rtp::ExtKind;
use sfu_core::transport::Fingerprint;

use crate::stream::{AUDIO_LEVEL_ID, AUDIO_PT, Kind, MID_ID, RID_ID, StreamPlan, TRANSPORT_CC_ID, VIDEO_PT};

/// What our description says about our end.
pub(crate) struct Local<'a> {
    pub(crate) credentials: &'a Credentials,
    pub(crate) fingerprint: Fingerprint,
    /// Where we are reached.
    pub(crate) address: SocketAddr,
    /// We send no checks, because the server does.
    pub(crate) lite: bool,
}

/// True when the server sends no checks itself.
pub(crate) fn is_lite(sdp: &str) -> bool {
    sdp.lines().any(|line| line.trim_end() == "a=ice-lite")
}

/// The UDP addresses that a description names, in its order.
pub(crate) fn candidates(sdp: &str) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for line in sdp.lines() {
        let Some(candidate) = line.trim_end().strip_prefix("a=candidate:") else { continue };
        let words: Vec<_> = candidate.split(' ').collect();
        let [_, "1", protocol, _, ip, port, ..] = words[..] else { continue };
        let address = ip.parse().ok().zip(port.parse().ok()).map(|(ip, port)| SocketAddr::new(ip, port));
        if let Some(address) = address.filter(|a| protocol.eq_ignore_ascii_case("udp") && !found.contains(a))
        {
            found.push(address);
        }
    }
    found
}

/// Takes everything that is offered.
pub(crate) fn answer(offer: &str, local: &Local<'_>) -> String {
    let mut out = session(local);
    let mut sections = 0;
    let mut stopped = false;
    for line in offer.lines().map(str::trim_end) {
        if line.starts_with("a=group:BUNDLE") && sections == 0 {
            push(&mut out, line);
        }
        if line.starts_with("m=") {
            stopped = line.split(' ').nth(1) == Some("0");
            sections += 1;
            push(&mut out, line);
            push(&mut out, "c=IN IP4 0.0.0.0");
            if !stopped {
                transport(&mut out, local, "active", sections == 1);
            }
            continue;
        }
        if sections == 0 {
            continue;
        }
        match line.strip_prefix("a=") {
            Some("sendonly") if !stopped => push(&mut out, "a=recvonly"),
            Some("sendrecv") if !stopped => push(&mut out, "a=sendrecv"),
            Some("sendonly" | "sendrecv" | "recvonly" | "inactive") => push(&mut out, "a=inactive"),
            Some(attribute) if is_repeated(attribute) => push(&mut out, line),
            Some(_) | None => {}
        }
    }
    out
}

/// Offers streams, one section for each MID; `names` has the stream and track id of each.
pub(crate) fn offer(streams: &[StreamPlan], names: &[(String, String)], local: &Local<'_>) -> String {
    let mut sections: Vec<&[StreamPlan]> = streams.chunk_by(|a, b| a.mid == b.mid).collect();
    sections.retain(|section| !section.is_empty());
    let mut out = session(local);
    let mids: Vec<_> = sections.iter().map(|section| section[0].mid.to_string()).collect();
    push(&mut out, &format!("a=group:BUNDLE {}", mids.join(" ")));
    push(&mut out, "a=extmap-allow-mixed");
    for (place, (section, (stream, track))) in sections.iter().zip(names).enumerate() {
        let video = matches!(section[0].kind, Kind::Video { .. });
        let (word, pt) = if video { ("video", VIDEO_PT) } else { ("audio", AUDIO_PT) };
        push(&mut out, &format!("m={word} 9 UDP/TLS/RTP/SAVPF {pt}"));
        push(&mut out, "c=IN IP4 0.0.0.0");
        transport(&mut out, local, "actpass", place == 0);
        for line in [format!("mid:{}", section[0].mid), "sendonly".into(), "rtcp-mux".into()] {
            push(&mut out, &format!("a={line}"));
        }
        push(&mut out, &format!("a=msid:{stream} {track}"));
        codec(&mut out, video);
        if section[0].rid.is_none() {
            push(&mut out, &format!("a=ssrc:{} cname:load", section[0].ssrc));
            push(&mut out, &format!("a=ssrc:{} msid:{stream} {track}", section[0].ssrc));
            continue;
        }
        let rids: Vec<_> = section.iter().filter_map(|s| s.rid).map(|rid| rid.to_string()).collect();
        for rid in &rids {
            push(&mut out, &format!("a=rid:{rid} send"));
        }
        push(&mut out, &format!("a=simulcast:send {}", rids.join(";")));
    }
    out
}

fn codec(out: &mut String, video: bool) {
    let extensions = [
        (MID_ID, ExtKind::Mid),
        (RID_ID, ExtKind::Rid),
        (TRANSPORT_CC_ID, ExtKind::TransportCc),
        (AUDIO_LEVEL_ID, ExtKind::AudioLevel),
    ];
    for (id, kind) in extensions {
        if video && kind == ExtKind::AudioLevel {
            continue;
        }
        push(out, &format!("a=extmap:{id} {}", kind.uri()));
    }
    let (pt, map, feedback): (_, _, &[&str]) = if video {
        (VIDEO_PT, "VP8/90000", &["transport-cc", "nack", "nack pli", "ccm fir"])
    } else {
        (AUDIO_PT, "opus/48000/2", &["transport-cc"])
    };
    push(out, &format!("a=rtpmap:{pt} {map}"));
    if !video {
        push(out, &format!("a=fmtp:{pt} minptime=10;useinbandfec=1"));
    }
    for word in feedback {
        push(out, &format!("a=rtcp-fb:{pt} {word}"));
    }
}

fn session(local: &Local<'_>) -> String {
    let mut out = String::new();
    for line in ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"] {
        push(&mut out, line);
    }
    if local.lite {
        push(&mut out, "a=ice-lite");
    }
    out
}

fn transport(out: &mut String, local: &Local<'_>, setup: &str, first: bool) {
    let Local { credentials, fingerprint, address, .. } = local;
    push(out, &format!("a=ice-ufrag:{}", credentials.ufrag));
    push(out, &format!("a=ice-pwd:{}", credentials.pwd));
    push(out, &format!("a=fingerprint:{fingerprint}"));
    push(out, &format!("a=setup:{setup}"));
    if first {
        let (ip, port) = (address.ip(), address.port());
        push(out, &format!("a=candidate:1 1 udp 2130706431 {ip} {port} typ host"));
        push(out, "a=end-of-candidates");
    }
}

/// Attributes that an answer repeats as they are.
fn is_repeated(attribute: &str) -> bool {
    const NAMES: [&str; 9] = [
        "mid",
        "rtpmap",
        "fmtp",
        "rtcp-fb",
        "extmap",
        "rtcp-mux",
        "rtcp-rsize",
        "sctp-port",
        "max-message-size",
    ];
    let name = attribute.split_once(':').map_or(attribute, |(name, _)| name);
    NAMES.contains(&name)
}

fn push(out: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{line}\r\n");
}

#[cfg(test)]
mod tests {
    use sfu_core::bwe::Bitrate;
    use sfu_core::rtp::{Mid, Rid, Ssrc};
    use sfu_core::sdp::{Direction, SessionDescription};
    use sfu_core::transport::Certificate;

    use super::*;

    fn with_local<R>(act: impl FnOnce(&Local<'_>) -> R) -> R {
        let credentials = Credentials { ufrag: "abcd".into(), pwd: "a-password-that-is-long-enough".into() };
        let fingerprint = Certificate::generate().unwrap().fingerprint();
        let address = "127.0.0.1:4000".parse().unwrap();
        act(&Local { credentials: &credentials, fingerprint, address, lite: true })
    }

    fn streams() -> Vec<StreamPlan> {
        let kind = Kind::Video { bitrate: Bitrate::from_kbps(500), frames_per_second: 30 };
        let (zero, one) = (Mid::new(b"0").unwrap(), Mid::new(b"1").unwrap());
        let rids = [b"q", b"h", b"f"].map(|rid| Rid::new(rid));
        let mut all: Vec<_> = (1..)
            .zip(rids)
            .map(|(ssrc, rid)| StreamPlan { kind, ssrc: Ssrc(ssrc), mid: zero, rid })
            .collect();
        all.push(StreamPlan { kind: Kind::Audio, ssrc: Ssrc(9), mid: one, rid: None });
        all
    }

    #[test]
    fn an_offer_is_what_the_server_reads() {
        let names = ["camera", "microphone"].map(|name| ("PA_x".to_owned(), name.to_owned()));
        let text = with_local(|local| offer(&streams(), &names, local));
        let description = SessionDescription::parse(&text).unwrap();
        assert_eq!(description.media.len(), 2);
        let [video, audio] = &description.media[..] else { panic!("two sections") };
        assert!(video.simulcast && video.send_rids.len() == 3);
        assert_eq!(video.msid.as_ref().map(|msid| msid.track.as_str()), Some("camera"));
        assert_eq!((audio.direction, audio.ssrcs.as_slice()), (Direction::SendOnly, &[Ssrc(9)][..]));
        assert!(description.remote().is_some() && is_lite(&text));
        assert_eq!(candidates(&text), ["127.0.0.1:4000".parse::<SocketAddr>().unwrap()]);
    }

    #[test]
    fn an_answer_takes_every_section_and_leaves_stopped_ones_stopped() {
        let offered = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE 0 2\r\n\
            m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\na=ice-ufrag:srv\r\na=sctp-port:5000\r\n\
            m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=inactive\r\n\
            m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:2\r\na=sendonly\r\na=rtpmap:111 opus/48000/2\r\na=ssrc:7 cname:x\r\n";
        let text = with_local(|local| answer(offered, local));
        let description = SessionDescription::parse(&text).unwrap();
        let directions: Vec<_> = description.media.iter().map(|m| (m.is_stopped(), m.direction)).collect();
        assert_eq!(directions[1..], [(true, Direction::Inactive), (false, Direction::RecvOnly)]);
        assert!(!text.contains("srv") && !text.contains("a=ssrc") && text.contains("a=sctp-port:5000"));
        assert!(description.media[2].ssrcs.is_empty() && !description.media[2].codecs.is_empty());
    }
}
