//! TLS and transport settings of both ends: TLS 1.3 only, both certificates checked, one ALPN.

use std::sync::Arc;
use std::time::Duration;

use auth::link::LinkIdentity;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use wire::link::ALPN;

use crate::error::LinkError;

/// Nothing heard for this long: the other end is gone.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// A fifth of the idle timeout: four lost keep-alives in a row do not end a link.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// First guess of the path's packet size. 1,420 bytes pass Ethernet with IPv6 and a tunnel, and leave
/// 1,382 bytes for a datagram, so that no full-size RTP packet waits for MTU discovery.
const INITIAL_MTU: u16 = 1420;
/// Streams of oversize packets open at once; also the sender's bound.
pub(crate) const MAX_OVERSIZE_STREAMS: u32 = 32;
/// 250 ms of 32 Mb/s: more than a stage's whole input, and small enough to bound the delay.
const DATAGRAM_BUFFER_BYTES: usize = 1 << 20;

pub(crate) fn server_config(identity: &LinkIdentity) -> Result<quinn::ServerConfig, LinkError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(identity)?), provider())
        .build()
        .map_err(unusable)?;
    let (chain, key) = own(identity)?;
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let mut config =
        quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).map_err(unusable)?));
    config.transport_config(Arc::new(transport()));
    Ok(config)
}

pub(crate) fn client_config(identity: &LinkIdentity) -> Result<quinn::ClientConfig, LinkError> {
    let (chain, key) = own(identity)?;
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_root_certificates(roots(identity)?)
        .with_client_auth_cert(chain, key)
        .map_err(unusable)?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let mut config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).map_err(unusable)?));
    config.transport_config(Arc::new(transport()));
    Ok(config)
}

fn transport() -> quinn::TransportConfig {
    let mut transport = quinn::TransportConfig::default();
    transport
        .max_idle_timeout(Some(IDLE_TIMEOUT.try_into().expect("5 s fit QUIC's variable-length integer")))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .initial_mtu(INITIAL_MTU)
        .max_concurrent_bidi_streams(1_u32.into())
        .max_concurrent_uni_streams(MAX_OVERSIZE_STREAMS.into())
        .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER_BYTES))
        .datagram_send_buffer_size(DATAGRAM_BUFFER_BYTES);
    transport
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn roots(identity: &LinkIdentity) -> Result<RootCertStore, LinkError> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(identity.ca_der.clone())).map_err(unusable)?;
    Ok(roots)
}

fn own(identity: &LinkIdentity) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), LinkError> {
    let chain = identity.cert_chain_der.iter().cloned().map(CertificateDer::from).collect();
    let key = PrivateKeyDer::try_from(identity.key_der.clone()).map_err(unusable)?;
    Ok((chain, key))
}

fn unusable(error: impl ToString) -> LinkError {
    LinkError::Identity(error.to_string())
}
