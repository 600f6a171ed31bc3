//! The guard with a real ClientHello cut in every way, and clients that offer other profiles.

use std::time::Instant;

use super::association::Association;
use super::guard::{Admitted, Guard};
use super::hello::ClientHello;
use super::session::{RtcDtls, Session, SessionEvent, Start};
use super::*;
use crate::srtp::Profile;

#[expect(clippy::disallowed_methods, reason = "the one real instant from which virtual time starts")]
fn epoch() -> Instant {
    Instant::now()
}

const COOKIE: [u8; COOKIE_BYTES] = [9; COOKIE_BYTES];

/// A client of the library, and a server association of ours.
struct Handshake {
    now: Instant,
    client: RtcDtls,
    server: Association,
    server_events: Vec<Event>,
}

impl Handshake {
    fn new(profiles: &[Profile]) -> Self {
        let now = epoch();
        let (ours, theirs) = (Certificate::generate().unwrap(), Certificate::generate().unwrap());
        let client = RtcDtls::new(
            &theirs,
            ours.fingerprint(),
            Start { role: Role::Client, profiles, cookie: COOKIE },
            now,
        )
        .unwrap();
        let server = Association::new(&ours, theirs.fingerprint(), (Role::Server, &COOKIE), now);
        Self { now, client, server, server_events: Vec::new() }
    }

    /// Carries flights; `cut` turns each datagram of the client into those that arrive.
    fn run(&mut self, mut cut: impl FnMut(&[u8]) -> Vec<Vec<u8>>) -> Option<Profile> {
        for _ in 0..20 {
            while let Some(datagram) = self.client.poll_transmit() {
                for piece in cut(&datagram) {
                    self.server.handle_datagram(self.now, &piece);
                }
            }
            while let Some(datagram) = self.server.poll_transmit() {
                self.client.handle_record(self.now, &datagram).unwrap();
            }
            self.server_events.extend(std::iter::from_fn(|| self.server.poll_event()));
        }
        self.server_events.iter().find_map(|event| match event {
            Event::Connected(keys) => Some(keys.profile),
            Event::Data(_) | Event::ClosedByPeer | Event::FingerprintMismatch => None,
        })
    }
}

fn whole(datagram: &[u8]) -> Vec<Vec<u8>> {
    vec![datagram.to_vec()]
}

#[test]
fn gcm_is_chosen_whatever_the_order_and_cm_only_when_alone() {
    for (offered, wanted) in [
        (&[Profile::Aes128Gcm][..], Profile::Aes128Gcm),
        (&[Profile::Aes128CmSha1, Profile::Aes128Gcm], Profile::Aes128Gcm),
        (&[Profile::Aes128Gcm, Profile::Aes128CmSha1], Profile::Aes128Gcm),
        (&[Profile::Aes128CmSha1], Profile::Aes128CmSha1),
    ] {
        assert_eq!(Handshake::new(offered).run(whole), Some(wanted), "{offered:?}");
    }
}

/// Cuts the one handshake message of a datagram at `at` into two records in two datagrams.
fn split(datagram: &[u8], at: usize) -> Vec<Vec<u8>> {
    let (record, message) = datagram.split_at(13);
    let (header, body) = message.split_at(12);
    let piece = |number: u8, from: usize, to: usize| {
        let mut piece = record.to_vec();
        piece[10] = number;
        let length = u16::try_from(12 + to - from).unwrap().to_be_bytes();
        piece[11..13].copy_from_slice(&length);
        piece.extend_from_slice(&header[..6]);
        for number in [from, to - from] {
            piece.extend_from_slice(&u32::try_from(number).unwrap().to_be_bytes()[1..]);
        }
        piece.extend_from_slice(&body[from..to]);
        piece
    };
    vec![piece(100, 0, at), piece(101, at, body.len())]
}

/// The first ClientHello of a client, and the second with [`COOKIE`].
fn hellos(profiles: &[Profile]) -> (Vec<u8>, Vec<u8>) {
    let mut handshake = Handshake::new(profiles);
    let first = handshake.client.poll_transmit().unwrap().to_vec();
    let (admitted, _) = Guard::new(Role::Server, &COOKIE).admit(&first);
    let [Admitted::Greeted(answer)] = &admitted[..] else { panic!("{admitted:?}") };
    handshake.client.handle_record(handshake.now, answer).unwrap();
    (first, handshake.client.poll_transmit().unwrap().to_vec())
}

/// Browsers' ClientHello comes in two datagrams, and `use_srtp` stands in the second.
#[test]
fn a_client_hello_split_at_every_byte_is_read_in_either_order() {
    for profiles in [&[Profile::Aes128CmSha1, Profile::Aes128Gcm][..], &[Profile::Aes128CmSha1]] {
        let (first, second) = hellos(profiles);
        for at in 1..first.len() - 25 {
            for reversed in [false, true] {
                let (mut first, mut second) = (split(&first, at), split(&second, at));
                if reversed {
                    first.reverse();
                    second.reverse();
                }
                let mut guard = Guard::new(Role::Server, &COOKIE);
                assert_eq!(guard.admit(&first[0]), (Vec::new(), 0), "cut at {at}");
                assert!(matches!(guard.admit(&first[1]).0[..], [Admitted::Greeted(_)]), "cut at {at}");
                assert_eq!(guard.admit(&second[0]), (Vec::new(), 0), "cut at {at}");
                let (admitted, _) = guard.admit(&second[1]);
                let [Admitted::Hello { with_cookie, .. }] = &admitted[..] else {
                    panic!("cut at {at}: {admitted:?}")
                };
                let offered = ClientHello::parse(&with_cookie[25..]).unwrap().srtp_profiles;
                assert_eq!(offered.contains(&hello::SRTP_AEAD_AES_128_GCM), profiles.len() == 2);
            }
        }
    }
}

#[test]
fn a_hello_passes_to_the_library_as_it_came_and_as_it_was_before() {
    let (first, second) = hellos(&[Profile::Aes128Gcm]);
    let (admitted, _) = Guard::new(Role::Server, &COOKIE).admit(&second);
    let [Admitted::Hello { without_cookie, with_cookie }] = &admitted[..] else { panic!("{admitted:?}") };
    assert_eq!(with_cookie[13..], second[13..]);
    assert_eq!(without_cookie[13..], first[13..]);
    assert!(second.windows(COOKIE.len()).any(|window| window == COOKIE));
}

#[test]
fn a_handshake_in_split_flights_completes() {
    for at in [1, 2, 20, 60, 100] {
        for profiles in [&[Profile::Aes128CmSha1, Profile::Aes128Gcm][..], &[Profile::Aes128CmSha1]] {
            let mut handshake = Handshake::new(profiles);
            let profile = handshake.run(|datagram| {
                let is_hello = datagram[0] == 22 && datagram[13] == 1;
                if is_hello { split(datagram, at) } else { whole(datagram) }
            });
            assert_eq!(profile, profiles.last().copied());
        }
    }
}

/// A retransmission may be cut elsewhere: what is left of both makes one message.
#[test]
fn offsets_may_change_between_retransmissions() {
    let (hello, _) = hellos(&[Profile::Aes128Gcm]);
    for (first, second) in [(60, 40), (60, 60), (100, 1)] {
        let mut guard = Guard::new(Role::Server, &COOKIE);
        assert_eq!(guard.admit(&split(&hello, first)[0]).0, []);
        let (admitted, _) = guard.admit(&split(&hello, second)[1]);
        assert!(matches!(admitted[..], [Admitted::Greeted(_)]), "{first}, {second}");
    }
    // A hole between the two is still a hole.
    let mut guard = Guard::new(Role::Server, &COOKIE);
    guard.admit(&split(&hello, 40)[0]);
    assert_eq!(guard.admit(&split(&hello, 60)[1]).0, []);
}

#[test]
fn at_most_64_kib_of_plaintext_are_looked_at() {
    let (hello, second) = hellos(&[Profile::Aes128Gcm]);
    let mut guard = Guard::new(Role::Server, &COOKIE);
    let pieces = (0..).map(|turn| split(&hello, 1 + turn % 100).swap_remove(0));
    let bytes: usize = pieces.take_while(|piece| guard.admit(piece).1 == 0).map(|piece| piece.len()).sum();
    assert!((60_000..=64 * 1024).contains(&bytes), "{bytes}");
    assert_eq!(guard.admit(&second), (Vec::new(), 1), "the budget is spent");
}

#[test]
fn messages_far_ahead_and_of_absurd_length_are_dropped() {
    let (first, second) = hellos(&[Profile::Aes128Gcm]);
    let mut guard = Guard::new(Role::Server, &COOKIE);
    let numbered = |sequence: u8| {
        let mut message = first.clone();
        message[18] = sequence;
        message
    };
    for sequence in [2, 8, 100, 255] {
        assert_eq!(guard.admit(&numbered(sequence)), (Vec::new(), 1), "before the hello: {sequence}");
    }
    guard.admit(&second);
    for sequence in [10, 100, 255] {
        assert_eq!(guard.admit(&numbered(sequence)), (Vec::new(), 1), "after the hello: {sequence}");
    }
    let mut absurd = split(&numbered(2), 10).swap_remove(0);
    absurd[14..17].copy_from_slice(&[0xff, 0xff, 0xff]);
    assert_eq!(guard.admit(&absurd), (Vec::new(), 1));
}

#[test]
fn plaintext_alerts_and_data_never_pass_and_nothing_plain_does_once_connected() {
    let record = |kind: u8, epoch: u8, body: &[u8]| {
        let mut record = vec![kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 1, 0];
        record.push(u8::try_from(body.len()).unwrap());
        record.extend_from_slice(body);
        record
    };
    let mut guard = Guard::new(Role::Server, &COOKIE);
    for kind in [21, 23, 24, 25, 63] {
        assert_eq!(guard.admit(&record(kind, 0, &[2, 40])), (Vec::new(), 1), "kind {kind}");
    }
    guard.set_connected();
    for kind in 20..=63 {
        assert_eq!(guard.admit(&record(kind, 0, &[1; 40])), (Vec::new(), 1), "kind {kind}");
        assert_eq!(guard.admit(&record(kind, 2, &[1; 40])), (Vec::new(), 1), "kind {kind}");
    }
    for kind in [21, 22, 23] {
        assert_eq!(guard.admit(&record(kind, 1, &[1; 40])).0.len(), 1, "kind {kind}");
    }
    let late = (0..1000).filter(|_| !guard.admit(&record(22, 1, &[1; 40])).0.is_empty()).count();
    assert!(late < 32, "repeated Finished are bounded: {late}");
}

/// Whoever spoofs the peer's address can send hellos; without our answers they never start a handshake.
#[test]
fn forged_hellos_are_answered_by_a_cookie_and_keep_nothing() {
    let (forged, stale) = hellos(&[Profile::Aes128CmSha1]);
    let mut handshake = Handshake::new(&[Profile::Aes128Gcm]);
    let profile = handshake.run(|datagram| {
        let mut without_ours = datagram.to_vec();
        if datagram[0] == 22 && datagram[13] == 1 && datagram[18] == 1 {
            // One bit of the cookie: behind 25 bytes of headers, version, random, session id, its length.
            without_ours[25 + 2 + 32 + 1 + 1] ^= 1;
        }
        vec![forged.clone(), without_ours, datagram.to_vec(), forged.clone()]
    });
    assert_eq!(profile, Some(Profile::Aes128Gcm));
    // A cookie of another association's secret is as good as none.
    let mut guard = Guard::new(Role::Server, &[1; COOKIE_BYTES]);
    assert_eq!(guard.admit(&stale).0, []);
}

/// CVE-2026-26014: a GCM nonce that is random may repeat; ours counts.
#[test]
fn explicit_nonces_of_our_records_count_upwards() {
    let mut handshake = Handshake::new(&[Profile::Aes128Gcm]);
    handshake.run(whole);
    let mut last = None;
    for _ in 0..100 {
        handshake.server.send(handshake.now, b"data");
        let record = handshake.server.poll_transmit().unwrap();
        let nonce = u64::from_be_bytes(record[13..21].try_into().unwrap());
        assert!(last.is_none_or(|last| nonce == last + 1), "{last:?}, {nonce}");
        last = Some(nonce);
    }
}

#[test]
fn replayed_flights_of_the_handshake_change_nothing_later() {
    let mut handshake = Handshake::new(&[Profile::Aes128Gcm]);
    let mut recorded = Vec::new();
    handshake.run(|datagram| {
        recorded.push(datagram.to_vec());
        whole(datagram)
    });
    for datagram in recorded.iter().cycle().take(200) {
        handshake.server.handle_datagram(handshake.now, datagram);
    }
    assert!(handshake.server.is_connected());
    assert!(handshake.server.poll_event().is_none());
    handshake.client.send(handshake.now, b"still here");
    let datagram = handshake.client.poll_transmit().unwrap();
    handshake.server.handle_datagram(handshake.now, &datagram);
    assert!(matches!(handshake.server.poll_event(), Some(Event::Data(data)) if data == b"still here"[..]));
    assert!(!matches!(handshake.client.poll_event(), Some(SessionEvent::ClosedByPeer)));
}
