//! The DTLS library behind a small interface, so that another can take its place.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use rtc_crypto::{CryptoError, RTCCrypto, RTCCryptoProvider, RTCRandom};
use rtc_dtls::cipher_suite::CipherSuiteId;
use rtc_dtls::config::{
    ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig, VerifyPeerCertificateFn,
};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;

use super::hello::COOKIE_BYTES;
use super::{Certificate, Fingerprint, Role};
use crate::srtp::{MasterKey, Profile};

/// Media keys of a finished handshake.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    /// What was negotiated.
    pub(crate) profile: Profile,
    /// Seals our packets.
    pub(crate) local: MasterKey,
    /// Opens the peer's.
    pub(crate) remote: MasterKey,
}

/// What a session reports.
#[derive(Debug)]
pub(super) enum SessionEvent {
    /// The handshake is done.
    Connected(Box<Keys>),
    /// Decrypted application data.
    Data(Bytes),
    /// An authentic close_notify or fatal alert came.
    ClosedByPeer,
}

/// Why a session does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionError {
    /// The peer's certificate is not the expected one.
    FingerprintMismatch,
    /// Anything else: the handshake is stuck, or one record was bad.
    Broken,
}

/// One handshake and the connection that follows. Inputs are whole records from the guard.
pub(super) trait Session {
    /// Takes a record; what it caused comes out of `poll_event` and `poll_transmit` even after an error.
    fn handle_record(&mut self, now: Instant, record: &[u8]) -> Result<(), SessionError>;
    /// Repeats a flight that is due.
    fn handle_timeout(&mut self, now: Instant) -> Result<(), SessionError>;
    /// When `handle_timeout` is due.
    fn poll_timeout(&self) -> Option<Instant>;
    /// Next datagram to send.
    fn poll_transmit(&mut self) -> Option<Bytes>;
    /// Next event.
    fn poll_event(&mut self) -> Option<SessionEvent>;
    /// Encrypts application data; dropped before the handshake is done.
    fn send(&mut self, now: Instant, data: &[u8]);
    /// Queues a close_notify.
    fn close(&mut self, now: Instant);
}

/// How a handshake starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start<'a> {
    /// Our side.
    pub(super) role: Role,
    /// What we offer or accept.
    pub(super) profiles: &'a [Profile],
    /// As a server: the cookie that the client has already.
    pub(super) cookie: [u8; COOKIE_BYTES],
}

/// [`Session`] on `rtc-dtls`.
pub(super) struct RtcDtls {
    endpoint: Endpoint,
    role: Role,
    expected: Fingerprint,
    events: Vec<SessionEvent>,
}

impl RtcDtls {
    /// Starts a handshake; as a client its first flight is queued at once.
    pub(super) fn new(
        certificate: &Certificate,
        expected: Fingerprint,
        start: Start<'_>,
        now: Instant,
    ) -> Result<Self, SessionError> {
        let Start { role, profiles, cookie } = start;
        let provider =
            Provider { inner: Arc::clone(&certificate.inner.provider), cookie, nonce: AtomicU64::new(0) };
        let config = Arc::new(config(certificate, expected, Arc::new(provider), (role, profiles))?);
        let server = (role == Role::Server).then(|| Arc::clone(&config));
        let mut endpoint = Endpoint::new(PEER, TransportProtocol::UDP, server);
        if role == Role::Client {
            endpoint.connect(now, PEER, config, None).map_err(|error| session_error(&error))?;
        }
        Ok(Self { endpoint, role, expected, events: Vec::new() })
    }

    fn note(&mut self, event: EndpointEvent) -> Result<(), SessionError> {
        match event {
            EndpointEvent::HandshakeComplete => {
                let keys = self.keys()?;
                self.events.push(SessionEvent::Connected(Box::new(keys)));
            }
            EndpointEvent::ApplicationData(data) => self.events.push(SessionEvent::Data(data.freeze())),
            EndpointEvent::PeerClosed => self.events.push(SessionEvent::ClosedByPeer),
            // The library's enum is non-exhaustive.
            _ => {}
        }
        Ok(())
    }

    fn keys(&self) -> Result<Keys, SessionError> {
        let state = self.endpoint.get_connection_state(PEER).ok_or(SessionError::Broken)?;
        // The library has asked the callback already; nothing else authenticates the peer, so ask again.
        let certificate = state.peer_certificates.first().ok_or(SessionError::FingerprintMismatch)?;
        if Fingerprint::of(certificate) != self.expected {
            return Err(SessionError::FingerprintMismatch);
        }
        let profile = profile(state.srtp_protection_profile()).ok_or(SessionError::Broken)?;
        let material = state
            .export_keying_material("EXTRACTOR-dtls_srtp", &[], profile.keying_material_bytes())
            .map_err(|_| SessionError::Broken)?;
        let (client, server) = MasterKey::split(profile, material.as_ref()).ok_or(SessionError::Broken)?;
        let (local, remote) = match self.role {
            Role::Client => (client, server),
            Role::Server => (server, client),
        };
        Ok(Keys { profile, local, remote })
    }
}

impl Session for RtcDtls {
    fn handle_record(&mut self, now: Instant, record: &[u8]) -> Result<(), SessionError> {
        let events = match self.endpoint.read(now, PEER, None, BytesMut::from(record)) {
            Ok(events) => events,
            // The guard lets alerts through only when they are encrypted, so this one is the peer's.
            Err(Error::ErrAlertFatalOrClose) => {
                self.events.push(SessionEvent::ClosedByPeer);
                return Ok(());
            }
            Err(error) => return Err(session_error(&error)),
        };
        events.into_iter().try_for_each(|event| self.note(event))
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), SessionError> {
        // Before the first record a server has no connection, and no timer.
        if self.poll_timeout().is_none_or(|due| due > now) {
            return Ok(());
        }
        self.endpoint.handle_timeout(PEER, now).map_err(|error| session_error(&error))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout(&PEER)
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        self.endpoint.poll_transmit().map(|transmit| transmit.message.freeze())
    }

    fn poll_event(&mut self) -> Option<SessionEvent> {
        if self.events.is_empty() { None } else { Some(self.events.remove(0)) }
    }

    fn send(&mut self, now: Instant, data: &[u8]) {
        // The only error is "not connected", and then the data is dropped by contract.
        let _ = self.endpoint.write(now, PEER, data);
    }

    fn close(&mut self, now: Instant) {
        // It fails only if there is nothing to close.
        let _ = self.endpoint.close(now);
    }
}

/// The library's crypto with two of its random choices made by us.
///
/// Its cookie must be the one that the guard has sent. Its explicit GCM nonces are random, and 64 random bits
/// repeat after some 2^32 records; a counter never does (RFC 5288 §3).
struct Provider {
    inner: Arc<dyn RTCCryptoProvider>,
    cookie: [u8; COOKIE_BYTES],
    nonce: AtomicU64,
}

impl RTCCryptoProvider for Provider {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn crypto(&self) -> &dyn RTCCrypto {
        self.inner.crypto()
    }

    fn random(&self) -> &dyn RTCRandom {
        self
    }
}

impl RTCRandom for Provider {
    fn fill(&self, output: &mut [u8]) -> Result<(), CryptoError> {
        match output.len() {
            COOKIE_BYTES => output.copy_from_slice(&self.cookie),
            EXPLICIT_NONCE_BYTES => {
                output.copy_from_slice(&self.nonce.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            }
            _ => self.inner.random().fill(output)?,
        }
        Ok(())
    }
}

fn config(
    certificate: &Certificate,
    expected: Fingerprint,
    provider: Arc<Provider>,
    (role, profiles): (Role, &[Profile]),
) -> Result<HandshakeConfig, SessionError> {
    let verify: VerifyPeerCertificateFn = Arc::new(move |certificates, _| {
        let certificate = certificates.first().ok_or(Error::ErrNonCertificate)?;
        if Fingerprint::of(certificate) == expected {
            Ok(())
        } else {
            Err(Error::ErrNoMatchingCertificateFingerprint)
        }
    });
    let inner = &certificate.inner;
    ConfigBuilder::default()
        .with_crypto_provider(provider)
        .with_cipher_suites(CIPHER_SUITES.to_vec())
        .with_certificates(vec![inner.certificate.clone()])
        .with_srtp_protection_profiles(profiles.iter().map(|&profile| wire_profile(profile)).collect())
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        // No authority signs these certificates; the fingerprint is the check (RFC 8827 §6.5).
        .with_insecure_skip_verify(true)
        .with_verify_peer_certificate(Some(verify))
        .with_extended_master_secret(ExtendedMasterSecretType::Require)
        .with_server_name("dais".to_owned())
        .with_mtu(MTU)
        .build(role == Role::Client, None)
        .map_err(|error| session_error(&error))
}

fn session_error(error: &Error) -> SessionError {
    if matches!(error, Error::ErrNoMatchingCertificateFingerprint) {
        SessionError::FingerprintMismatch
    } else {
        SessionError::Broken
    }
}

const fn wire_profile(profile: Profile) -> SrtpProtectionProfile {
    match profile {
        Profile::Aes128Gcm => SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
        Profile::Aes128CmSha1 => SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
    }
}

fn profile(wire: SrtpProtectionProfile) -> Option<Profile> {
    [Profile::Aes128Gcm, Profile::Aes128CmSha1].into_iter().find(|&profile| wire_profile(profile) == wire)
}

/// The library files connections by address. Ours has one peer, and paths are not its business.
const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(0, 0, 0, 0), 1));
/// AEAD only; every browser has the first. RSA is for servers when we are the client.
const CIPHER_SUITES: [CipherSuiteId; 3] = [
    CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256,
    CipherSuiteId::Tls_Ecdhe_Rsa_With_Aes_128_Gcm_Sha256,
    CipherSuiteId::Tls_Ecdhe_Ecdsa_With_ChaCha20_Poly1305_Sha256,
];
/// RFC 5288 §3; nothing else that the library draws has this length.
const EXPLICIT_NONCE_BYTES: usize = 8;
/// Largest datagram of a handshake flight: fits every path that carries media.
const MTU: usize = 1200;
