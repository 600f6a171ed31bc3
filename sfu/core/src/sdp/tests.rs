//! Offers as Chromium 156 and Firefox 140 write them, and what becomes of them.

mod answers;
mod fragments;
mod mutations;
mod offers;
mod parsing;
mod placing;

use std::net::SocketAddr;

use super::*;
use crate::dtls::Fingerprint;
use crate::ice::Credentials;
use crate::rtp::{Mid, Rid, Ssrc};

const CHROMIUM_PUBLISHER: &str = include_str!("tests/chromium_publisher.sdp");
const CHROMIUM_SINGLE: &str = include_str!("tests/chromium_single.sdp");
const FIREFOX_PUBLISHER: &str = include_str!("tests/firefox_publisher.sdp");
const BROWSERS: [&str; 3] = [CHROMIUM_PUBLISHER, CHROMIUM_SINGLE, FIREFOX_PUBLISHER];

fn candidates() -> Vec<Candidate> {
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    vec![
        Candidate { address: address("192.0.2.1:7882"), protocol: CandidateProtocol::Udp },
        Candidate { address: address("[2001:db8::1]:7882"), protocol: CandidateProtocol::Udp },
        Candidate { address: address("192.0.2.1:7882"), protocol: CandidateProtocol::TcpPassive },
    ]
}

/// Runs `write` with a description of ourselves.
fn with_local<R>(write: impl FnOnce(&LocalDescription<'_>) -> R) -> R {
    let credentials =
        Credentials { ufrag: "ourufrag".to_owned(), pwd: "our password, long enough".to_owned() };
    write(&LocalDescription {
        session_id: 7,
        version: 3,
        credentials: &credentials,
        fingerprint: Fingerprint::of(b"ours"),
        candidates: &candidates(),
        lite: true,
    })
}

fn parse(text: &str) -> SessionDescription {
    SessionDescription::parse(text).unwrap()
}

fn answered(offer: &str, sends: &[(Mid, SendTrack)]) -> Answer {
    with_local(|local| answer(&parse(offer), local, sends)).unwrap()
}

fn mid(text: &str) -> Mid {
    Mid::new(text.as_bytes()).unwrap()
}

fn rids(text: &str) -> Vec<Rid> {
    text.split(';').map(|rid| Rid::new(rid.as_bytes()).unwrap()).collect()
}

/// The lines of the m-section with this index.
fn section(sdp: &str, index: usize) -> Vec<&str> {
    sdp.split("\r\nm=").nth(index + 1).unwrap().split("\r\n").collect()
}

fn send_track(name: &str, ssrc: u32, video: bool) -> SendTrack {
    SendTrack {
        msid: Msid { stream: format!("PA_x|{name}"), track: name.to_owned() },
        ssrc: Ssrc(ssrc),
        rtx: video.then_some(Ssrc(ssrc + 1)),
        cname: "PA_x".to_owned(),
    }
}
