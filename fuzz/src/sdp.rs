//! Session descriptions of publishers and subscribers.

use std::net::SocketAddr;

use sfu_core::dtls::Fingerprint;
use sfu_core::ice::Credentials;
use sfu_core::rtp::Ssrc;
use sfu_core::sdp::{
    Candidate, CandidateProtocol, Codec, LocalDescription, MediaKind, Msid, Negotiated, OfferedCodec,
    OfferedTrack, Offerer, SendTrack, SessionDescription, answer,
};

use crate::input::Input;

/// Whatever is read of an offer is answered by sections of the same order with a part of its numbers, in well
/// formed lines; and what goes on to subscribers is well formed, too.
pub fn sdp_offer(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(offer) = SessionDescription::parse(text) else { return };
    let media = offer.media.iter().filter(|media| is_media(media.kind));
    let sends: Vec<_> =
        media.zip(0..4).map(|(media, n)| (media.mid, track(n, media.kind == MediaKind::Video))).collect();
    let Ok(answer) = with_local(|local| answer(&offer, local, &sends)) else {
        assert!(offer.remote().is_none());
        return;
    };
    assert_well_formed(&answer.sdp);
    let read = SessionDescription::parse(&answer.sdp).expect("what we write can be read");
    let mids = |description: &SessionDescription| description.media.iter().map(|m| m.mid).collect::<Vec<_>>();
    assert_eq!(mids(&read), mids(&offer));
    for ((asked, said), agreed) in offer.media.iter().zip(&read.media).zip(&answer.negotiated.sections) {
        assert_eq!((agreed.mid, agreed.stopped), (said.mid, said.is_stopped()));
        if !agreed.stopped && is_media(said.kind) {
            assert!(!said.direction.sends() || asked.direction.receives());
            assert!(!said.direction.receives() || asked.direction.sends());
        }
        for line in &said.codecs {
            assert!(asked.codecs.iter().any(|known| known.pt == line.pt), "payload type {}", line.pt);
        }
        for codec in &agreed.codecs {
            assert!(said.codecs.iter().any(|line| line.pt == codec.pt && line.codec == Some(codec.codec)));
        }
        for line in &said.extensions {
            assert!(asked.extensions.iter().any(|known| (known.id, &known.uri) == (line.id, &line.uri)));
        }
    }
    assert!(answer.sdp.len() <= 3 * text.len() + 2000 * (offer.media.len() + 1));
    offer_on(&answer.negotiated);
}

/// Offers a publisher's tracks to a subscriber.
fn offer_on(negotiated: &Negotiated) {
    let mut offerer = Offerer::new();
    let mut wanted = 0;
    for section in negotiated.sections.iter().filter(|section| is_media(section.kind)) {
        let codecs: Vec<_> = section
            .codecs
            .iter()
            .map(|codec| OfferedCodec { codec: codec.codec, fmtp: codec.fmtp.clone() })
            .collect();
        if let Some(first) = codecs.first() {
            let video = !first.codec.is_audio();
            let kind = if video { MediaKind::Video } else { MediaKind::Audio };
            offerer.add(OfferedTrack { kind, codecs, send: track(wanted, video) });
            wanted += 1;
        }
    }
    let text = with_local(|local| offerer.offer(local));
    assert_well_formed(&text);
    let offer = SessionDescription::parse(&text).expect("what we write can be read");
    assert_eq!(offer.media.len(), usize::try_from(wanted).expect("few") + 1);
    assert!(offer.media[1..].iter().all(|media| media.codecs.iter().any(|line| line.codec.is_some())));
    assert!(offerer.handle_answer(&mirrored(&text)).is_ok());
}

/// Whatever a subscriber answers, the next offer is well formed, and its mirror is accepted.
pub fn sdp_answer(data: &[u8]) {
    let mut input = Input::new(data);
    let changes = input.byte();
    let Ok(text) = std::str::from_utf8(input.rest()) else { return };
    let mut offerer = Offerer::new();
    offerer.add(offered(0, &[Codec::Red, Codec::Opus]));
    let picture = offerer.add(offered(1, &[Codec::Vp8]));
    let _ = with_local(|local| offerer.offer(local));
    // Changes while the offer is in flight.
    if changes & 1 == 1 {
        offerer.remove(picture);
    }
    if changes & 2 == 2 {
        offerer.add(offered(2, &[Codec::H264]));
    }
    if let Ok(answer) = SessionDescription::parse(text) {
        match offerer.handle_answer(&answer) {
            Ok(negotiated) => {
                assert_eq!(negotiated.sections.len(), answer.media.len());
                assert!(negotiated.sections.iter().all(|section| !section.direction.receives()));
            }
            Err(_) => assert!(!offerer.needs_offer(), "the offer is still in flight"),
        }
    }
    for _ in 0..2 {
        let text = with_local(|local| offerer.offer(local));
        assert_well_formed(&text);
        let answer = mirrored(&text);
        assert!(offerer.handle_answer(&answer).is_ok());
    }
    assert!(!offerer.needs_offer());
}

/// What a peer says that accepts everything.
pub(crate) fn mirrored(offer: &str) -> SessionDescription {
    SessionDescription::parse(&mirrored_text(offer)).expect("what we write can be read")
}

pub(crate) fn mirrored_text(offer: &str) -> String {
    offer.replace("a=sendonly", "a=recvonly").replace("a=setup:actpass", "a=setup:active")
}

/// The offer whose answer [`sdp_answer`] takes.
pub(crate) fn offer_to_answer() -> String {
    let mut offerer = Offerer::new();
    offerer.add(offered(0, &[Codec::Red, Codec::Opus]));
    offerer.add(offered(1, &[Codec::Vp8]));
    with_local(|local| offerer.offer(local))
}

fn offered(number: u32, codecs: &[Codec]) -> OfferedTrack {
    let video = !codecs[0].is_audio();
    let codecs = codecs.iter().map(|&codec| OfferedCodec { codec, fmtp: String::new() }).collect();
    let kind = if video { MediaKind::Video } else { MediaKind::Audio };
    OfferedTrack { kind, codecs, send: track(number, video) }
}

fn is_media(kind: MediaKind) -> bool {
    matches!(kind, MediaKind::Audio | MediaKind::Video)
}

/// RFC 8866 §9: lines end with CR LF and hold neither of them, nor NUL.
fn assert_well_formed(sdp: &str) {
    assert!(sdp.ends_with("\r\n"));
    for line in sdp.trim_end_matches("\r\n").split("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        assert!(line.as_bytes().get(1) == Some(&b'='), "{line:?}");
    }
}

fn track(number: u32, video: bool) -> SendTrack {
    SendTrack {
        msid: Msid { stream: "PA_x".to_owned(), track: format!("TR_{number}") },
        ssrc: Ssrc(2 * number + 10),
        rtx: video.then_some(Ssrc(2 * number + 11)),
        cname: "PA_x".to_owned(),
    }
}

fn with_local<R>(write: impl FnOnce(&LocalDescription<'_>) -> R) -> R {
    let credentials =
        Credentials { ufrag: "ourufrag".to_owned(), pwd: "our password, long enough".to_owned() };
    write(&LocalDescription {
        session_id: 7,
        version: 3,
        credentials: &credentials,
        fingerprint: Fingerprint::of(b"ours"),
        candidates: &[Candidate {
            address: SocketAddr::from(([192, 0, 2, 1], 7882)),
            protocol: CandidateProtocol::Udp,
        }],
        lite: true,
    })
}
