//! Another implementation opens what we seal, and we open what it seals.

use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

use super::*;

fn other(profile: Profile) -> Context {
    let wire = match profile {
        Profile::Aes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Profile::Aes128CmSha1 => ProtectionProfile::Aes128CmHmacSha1_80,
    };
    let provider = rtc_crypto::default_provider().unwrap();
    let salt = [9; 14];
    let salt = &salt[..profile.salt_bytes()];
    Context::new(&[7; 16], salt, wire, None, None, provider.crypto()).unwrap()
}

#[test]
fn rtp_passes_both_ways_across_a_wrap() {
    for profile in PROFILES {
        let (sender, mut receiver) = pair(profile);
        let (mut their_sender, mut their_receiver) = (other(profile), other(profile));
        for index in 65_000..66_000 {
            let opened = their_receiver.decrypt_rtp(&seal(&sender, 5, index, b"payload")).unwrap();
            assert_eq!(&opened[20..], b"payload");

            let mut plain = header(6, index).to_vec();
            plain.extend_from_slice(b"answer");
            let mut packet = their_sender.encrypt_rtp(&plain).unwrap().to_vec();
            let opened = receiver.open_rtp(epoch(), &mut packet).unwrap();
            assert_eq!(&packet[opened.header_len..][..opened.payload_len], b"answer");
            assert_eq!(opened.index, SeqIndex(index));
        }
    }
}

#[test]
fn rtcp_passes_both_ways() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let (mut their_sender, mut their_receiver) = (other(profile), other(profile));
        for _ in 0..100 {
            let mut out = [0; 100];
            let len = sender.seal_rtcp(&report(5), &mut out).unwrap();
            assert_eq!(&their_receiver.decrypt_rtcp(&out[..len]).unwrap()[..], &report(5)[..]);

            let mut packet = their_sender.encrypt_rtcp(&report(6)).unwrap().to_vec();
            let len = receiver.open_rtcp(epoch(), &mut packet).unwrap();
            assert_eq!(packet[..len], report(6)[..]);
        }
    }
}
