//! Session keys from a master key (RFC 3711 §4.3), with a key derivation rate of zero.

use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

use super::MasterKey;

/// What a session key is for (RFC 3711 §4.3.1 and §4.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// Derives `N` bytes for `label`: AES-CM of zeros with `label` mixed into the salt.
pub(super) fn derive<const N: usize>(master: &MasterKey, label: Label) -> [u8; N] {
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(&master.salt);
    iv[7] ^= label as u8;
    let mut out = [0; N];
    aes_ctr(&ctr_key(&master.key), iv, &mut out);
    out
}

/// Makes a key for AES-128 in counter mode.
pub(super) fn ctr_key(key: &[u8; 16]) -> EncryptingKey {
    let key = UnboundCipherKey::new(&AES_128, key).expect("16 bytes are an AES-128 key");
    EncryptingKey::ctr(key).expect("counter mode takes every AES key")
}

/// Encrypts, or decrypts, in place: counter mode is its own inverse.
pub(super) fn aes_ctr(key: &EncryptingKey, iv: [u8; 16], bytes: &mut [u8]) {
    key.less_safe_encrypt(bytes, EncryptionContext::Iv128(FixedLength::from(iv)))
        .expect("counter mode takes every length and a 16-byte IV");
}
