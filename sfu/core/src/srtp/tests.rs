mod interop;

use std::time::{Duration, Instant};

use super::gcm::Gcm;
use super::*;
use crate::rtp::{SeqIndex, Ssrc};

#[expect(clippy::disallowed_methods, reason = "the one real instant from which virtual time starts")]
fn epoch() -> Instant {
    Instant::now()
}

fn master(profile: Profile) -> MasterKey {
    let salt = [9; 14];
    MasterKey::new(profile, &[7; 16], &salt[..profile.salt_bytes()]).unwrap()
}

fn pair(profile: Profile) -> (SrtpSender, SrtpReceiver) {
    (SrtpSender::new(profile, &master(profile)), SrtpReceiver::new(profile, &master(profile)))
}

const PROFILES: [Profile; 2] = [Profile::Aes128Gcm, Profile::Aes128CmSha1];

fn header(ssrc: u32, index: u64) -> [u8; 20] {
    let mut header = [0x90, 96, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0];
    header[2..4].copy_from_slice(&index.to_be_bytes()[6..]);
    header[8..12].copy_from_slice(&ssrc.to_be_bytes());
    header
}

fn seal(sender: &SrtpSender, ssrc: u32, index: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 1500];
    let len = sender.seal_rtp(&header(ssrc, index), &[], payload, SeqIndex(index), &mut out).unwrap();
    out.truncate(len);
    out
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// RFC 3711 appendix B.3.
#[test]
fn derives_the_session_keys_of_rfc_3711() {
    let master = MasterKey::new(
        Profile::Aes128CmSha1,
        &hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
        &hex("0EC675AD498AFEEBB6960B3AABE6"),
    )
    .unwrap();
    let key: [u8; 16] = kdf::derive(&master, kdf::Label::RtpEncryption);
    let salt: [u8; 14] = kdf::derive(&master, kdf::Label::RtpSalt);
    let authentication: [u8; 20] = kdf::derive(&master, kdf::Label::RtpAuthentication);
    assert_eq!(key.to_vec(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(salt.to_vec(), hex("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(authentication.to_vec(), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

/// RFC 7714 §16.1.1: the session key and salt are given directly, as for all its examples.
#[test]
fn seals_and_opens_the_rtp_example_of_rfc_7714() {
    let gcm =
        Gcm::with_session_keys(&hex("000102030405060708090a0b0c0d0e0f"), &hex("517569642070726f2071756f"));
    let plain = hex(
        "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e20706172746573207472 6573",
    );
    let sealed = hex(
        "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833\
         899d7f27beb16a9152cf765ee4390cce",
    );
    let (ssrc, index) = (0x5501_a0b2, SeqIndex(0xf17b));
    let mut packet = plain.clone();
    packet.resize(plain.len() + gcm::TAG_BYTES, 0);
    gcm.seal_rtp(&mut packet, 12, ssrc, index);
    assert_eq!(packet, sealed);
    assert_eq!(gcm.open_rtp(&mut packet, 12, ssrc, index), Some(plain.len() - 12));
    assert_eq!(packet[..plain.len()], plain[..]);
}

/// RFC 7714 §17.1.1.
#[test]
fn seals_and_opens_the_rtcp_example_of_rfc_7714() {
    let gcm =
        Gcm::with_session_keys(&hex("000102030405060708090a0b0c0d0e0f"), &hex("517569642070726f2071756f"));
    let plain = hex(
        "81c8000d4d617273 4e5450314e54503252545020 0000042a0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef",
    );
    let sealed = hex(
        "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9\
         275bc84aa45896cf4d2fc5abf87245d9eade800005d4",
    );
    let mut packet = plain.clone();
    packet.resize(plain.len() + Profile::Aes128Gcm.rtcp_overhead(), 0);
    gcm.seal_rtcp(&mut packet, plain.len(), 0x4d61_7273, 0x5d4);
    assert_eq!(packet, sealed);
    assert_eq!(gcm.open_rtcp(&mut packet, 0x4d61_7273, 0x5d4), Some(plain.len()));
    assert_eq!(packet[..plain.len()], plain[..]);
}

#[test]
fn opens_what_was_sealed_through_three_wraps_with_loss_and_reordering() {
    for profile in PROFILES {
        let (sender, mut receiver) = pair(profile);
        let now = epoch();
        let mut index = 65_500_u64;
        while index < 65_500 + 3 * 65_536 + 100 {
            // Pairs arrive swapped, and every few hundred packets a burst is lost.
            for step in [1, 0] {
                let mut packet = seal(&sender, 5, index + step, b"payload");
                let opened = receiver.open_rtp(now, &mut packet).unwrap();
                assert_eq!(opened.index, SeqIndex(index + step));
                assert_eq!(&packet[opened.header_len..][..opened.payload_len], b"payload");
            }
            index += if index.is_multiple_of(3) { 301 } else { 2 };
        }
    }
}

#[test]
fn a_source_is_heard_whose_packets_before_the_wrap_were_all_lost() {
    for profile in PROFILES {
        let (sender, mut receiver) = pair(profile);
        let mut open = |index| receiver.open_rtp(epoch(), &mut seal(&sender, 5, index, b"sound"));
        assert_eq!(open(2 << 16), Err(OpenError::Unauthentic), "two wraps cannot be missed at the start");
        assert_eq!(open(65_540).unwrap().index, SeqIndex(65_540));
        assert_eq!(open(65_530).unwrap().index, SeqIndex(65_530), "one of before, late");
        assert_eq!(open(65_541).unwrap().index, SeqIndex(65_541));
    }
}

#[test]
fn a_forged_high_sequence_number_leaves_the_rollover_counter_alone() {
    for profile in PROFILES {
        let (sender, mut receiver) = pair(profile);
        let now = epoch();
        receiver.open_rtp(now, &mut seal(&sender, 5, 30_000, b"a")).unwrap();
        for forged in [50_000_u16, 62_000, 10, 65_535] {
            let mut packet = seal(&sender, 5, 30_001, b"b");
            packet[2..4].copy_from_slice(&forged.to_be_bytes());
            assert!(receiver.open_rtp(now, &mut packet).is_err());
        }
        let opened = receiver.open_rtp(now, &mut seal(&sender, 5, 30_001, b"c")).unwrap();
        assert_eq!(opened.index, SeqIndex(30_001));
    }
}

#[test]
fn ten_thousand_replayed_packets_are_refused() {
    let (sender, mut receiver) = pair(Profile::Aes128Gcm);
    let now = epoch();
    let recorded: Vec<_> = (0..10_000).map(|index| seal(&sender, 5, index, b"payload")).collect();
    for packet in &recorded {
        receiver.open_rtp(now, &mut packet.clone()).unwrap();
    }
    for packet in &recorded {
        assert!(receiver.open_rtp(now, &mut packet.clone()).is_err());
    }
    assert_eq!(receiver.open_rtp(now, &mut seal(&sender, 5, 10_000, b"x")).unwrap().index, SeqIndex(10_000));
}

#[test]
fn a_changed_bit_anywhere_makes_a_packet_unauthentic() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let now = epoch();
        let packet = seal(&sender, 5, 1000, b"payload");
        for bit in 0..packet.len() * 8 {
            let mut forged = packet.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(receiver.open_rtp(now, &mut forged).is_err(), "bit {bit}");
        }
        let mut rtcp = [0; 200];
        let len = sender.seal_rtcp(&report(7), &mut rtcp).unwrap();
        for bit in 0..len * 8 {
            let mut forged = rtcp[..len].to_vec();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(receiver.open_rtcp(now, &mut forged).is_err(), "bit {bit}");
        }
        assert!(receiver.open_rtp(now, &mut packet.clone()).is_ok());
        assert!(receiver.open_rtcp(now, &mut rtcp[..len]).is_ok());
    }
}

fn report(ssrc: u32) -> Vec<u8> {
    let mut report = vec![0x80, 201, 0, 1];
    report.extend_from_slice(&ssrc.to_be_bytes());
    report.extend_from_slice(&[0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
    report
}

#[test]
fn rtcp_is_opened_once_per_index() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let now = epoch();
        for ssrc in [1, 2, 1, 1, 2] {
            let mut out = [0; 200];
            let len = sender.seal_rtcp(&report(ssrc), &mut out).unwrap();
            let mut again = out;
            assert_eq!(receiver.open_rtcp(now, &mut out[..len]), Ok(20));
            assert_eq!(&out[..20], &report(ssrc)[..]);
            assert_eq!(receiver.open_rtcp(now, &mut again[..len]), Err(OpenError::Replayed));
        }
    }
}

/// The E bit says "encrypted"; a packet without it is refused whatever its length.
#[test]
fn rtcp_in_the_clear_is_refused_at_every_length() {
    for profile in PROFILES {
        let (_, mut receiver) = pair(profile);
        for len in 0..200 {
            for fill in [0, 0x7f, 0x80, 0xff] {
                let mut packet = vec![fill; len];
                if len > 1 {
                    (packet[0], packet[1]) = (0x80, 200);
                }
                assert!(receiver.open_rtcp(epoch(), &mut packet).is_err());
            }
        }
    }
}

#[test]
fn a_header_that_does_not_fit_is_refused_at_every_length() {
    for profile in PROFILES {
        let (sender, mut receiver) = pair(profile);
        let whole = seal(&sender, 5, 1000, &[1; 100]);
        for len in 0..whole.len() {
            assert!(receiver.open_rtp(epoch(), &mut whole[..len].to_vec()).is_err(), "length {len}");
        }
        for first in 0..=255 {
            let mut packet = whole.clone();
            packet[0] = first;
            assert_eq!(receiver.open_rtp(epoch(), &mut packet).is_ok(), first == whole[0]);
        }
    }
}

#[test]
fn the_sixty_fifth_source_waits_until_one_was_silent_for_half_a_minute() {
    let (sender, mut receiver) = pair(Profile::Aes128Gcm);
    let start = epoch();
    for ssrc in 0..64 {
        receiver.open_rtp(start, &mut seal(&sender, ssrc, 1, b"x")).unwrap();
    }
    for ssrc in 64..10_000 {
        let refused = receiver.open_rtp(start, &mut seal(&sender, ssrc, 1, b"x"));
        assert_eq!(refused, Err(OpenError::TooManySsrcs));
    }
    let later = start + Duration::from_secs(30);
    receiver.open_rtp(later, &mut seal(&sender, 1, 2, b"x")).unwrap();
    assert_eq!(receiver.open_rtp(later, &mut seal(&sender, 70, 1, b"x")).unwrap().ssrc, Ssrc(70));
    let replayed = receiver.open_rtp(later, &mut seal(&sender, 1, 2, b"x"));
    assert_eq!(replayed, Err(OpenError::Replayed), "the source that still speaks is kept");
}

#[test]
fn a_peer_has_as_many_sources_as_it_may_and_no_more() {
    for max in [1, 3, 100] {
        let (sender, receiver) = pair(Profile::Aes128Gcm);
        let mut receiver = receiver.with_max_ssrcs(max);
        let mut open = |ssrc| receiver.open_rtp(epoch(), &mut seal(&sender, ssrc, 1, b"x")).map(|_| ());
        let max = u32::try_from(max).unwrap();
        assert!((0..max).all(|ssrc| open(ssrc).is_ok()));
        assert_eq!(open(max), Err(OpenError::TooManySsrcs));
    }
}

#[test]
fn sealing_says_what_is_wrong_instead_of_writing_nonsense() {
    for profile in PROFILES {
        let (sender, _) = pair(profile);
        let head = header(5, 7);
        let mut out = [0; 64];
        let exact = head.len() + 3 + profile.rtp_overhead();
        assert_eq!(sender.seal_rtp(&head, &[1], &[2, 3], SeqIndex(7), &mut out[..exact]), Ok(exact));
        let short = sender.seal_rtp(&head, &[1], &[2, 3], SeqIndex(7), &mut out[..exact - 1]);
        assert_eq!(short, Err(SealError::NoSpace));
        let cut = sender.seal_rtp(&head[..16], &[], &[], SeqIndex(7), &mut out);
        assert_eq!(cut, Err(SealError::BadHeader));
        let late = sender.seal_rtp(&header(5, 7), &[], &[], SeqIndex(1 << 48 | 7), &mut out);
        assert_eq!(late, Err(SealError::KeysExhausted));
    }
}

#[test]
fn the_prefix_stands_before_the_payload() {
    let (sender, mut receiver) = pair(Profile::Aes128Gcm);
    let mut out = [0; 100];
    let len = sender.seal_rtp(&header(5, 7), b"pre", b"fix", SeqIndex(7), &mut out).unwrap();
    let opened = receiver.open_rtp(epoch(), &mut out[..len]).unwrap();
    assert_eq!(&out[opened.header_len..][..opened.payload_len], b"prefix");
}

/// Keys go to the right side: what the client seals with its half, the server opens with the same half.
#[test]
fn keying_material_is_split_as_client_then_server() {
    for profile in PROFILES {
        let material: Vec<u8> = (0..profile.keying_material_bytes()).map(|n| n.to_le_bytes()[0]).collect();
        let (client, server) = MasterKey::split(profile, &material).unwrap();
        assert_eq!((client.key[0], server.key[0]), (0, 16));
        assert_eq!(usize::from(client.salt[0]), 32);
        assert_eq!(usize::from(server.salt[0]), 32 + profile.salt_bytes());
        assert!(MasterKey::split(profile, &material[1..]).is_none());
    }
}
