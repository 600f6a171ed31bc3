//! Certificates of the SFU-mixer link: one CA per installation, one leaf per side.
//!
//! Decides names and uses of the certificates. The TLS handshake belongs to `libs/link`; here are only DER
//! bytes, so that no TLS library leaks into the other token domains.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};

/// Why a certificate cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Making a key or certificate failed.
    #[error("cannot make the certificate")]
    Make(#[from] rcgen::Error),
    /// The PEM text lacks a certificate or a private key.
    #[error("the PEM file lacks a certificate or a private key")]
    Pem(#[from] rustls_pki_types::pem::Error),
}

/// A side of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRole {
    /// Listens; proves itself as [`SFU_NAME`].
    Sfu,
    /// Dials; proves itself as [`MIXER_NAME`].
    Mixer,
}

impl LinkRole {
    /// The DNS name in the side's certificate.
    #[must_use]
    pub fn server_name(self) -> &'static str {
        match self {
            Self::Sfu => SFU_NAME,
            Self::Mixer => MIXER_NAME,
        }
    }

    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Sfu => "link-sfu.pem",
            Self::Mixer => "link-mixer.pem",
        }
    }

    fn usage(self) -> ExtendedKeyUsagePurpose {
        match self {
            Self::Sfu => ExtendedKeyUsagePurpose::ServerAuth,
            Self::Mixer => ExtendedKeyUsagePurpose::ClientAuth,
        }
    }
}

/// How one side proves itself and whom it trusts; DER bytes. A mixer hands it to its children.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkIdentity {
    /// The only authority that this side trusts.
    pub ca_der: Vec<u8>,
    /// This side's certificate, leaf first.
    pub cert_chain_der: Vec<Vec<u8>>,
    /// Its private key, PKCS #8.
    pub key_der: Vec<u8>,
}

impl LinkIdentity {
    /// Reads the CA's certificate from `ca` and this side's chain and key from `leaf`.
    ///
    /// # Errors
    /// When either text lacks what is wanted.
    pub fn from_pem(ca: &str, leaf: &str) -> Result<Self, LinkError> {
        let ca = CertificateDer::from_pem_slice(ca.as_bytes())?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(leaf.as_bytes()).collect();
        let chain: Vec<Vec<u8>> = chain?.iter().map(|certificate| certificate.to_vec()).collect();
        if chain.is_empty() {
            return Err(LinkError::Pem(rustls_pki_types::pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_slice(leaf.as_bytes())?;
        Ok(Self { ca_der: ca.to_vec(), cert_chain_der: chain, key_der: key.secret_der().to_vec() })
    }
}

impl std::fmt::Debug for LinkIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key must not reach a log.
        f.write_str("LinkIdentity(..)")
    }
}

/// Makes the authority: certificate and key as PEM.
pub(crate) fn make_ca() -> Result<String, LinkError> {
    let key = KeyPair::generate()?;
    let certificate = ca_params()?.self_signed(&key)?;
    Ok(format!("{}{}", certificate.pem(), key.serialize_pem()))
}

/// Makes the certificate and key of one side as PEM, signed by the authority in `ca`.
pub(crate) fn issue(ca: &str, role: LinkRole) -> Result<String, LinkError> {
    // The authority is known by its name and key; both are as in `ca_params`, so the file need not be parsed.
    let ca_key = PrivateKeyDer::from_pem_slice(ca.as_bytes())?;
    let issuer = Issuer::new(ca_params()?, KeyPair::try_from(ca_key.secret_der())?);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![role.server_name().to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, role.server_name());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![role.usage()];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(format!("{}{}", certificate.pem(), key.serialize_pem()))
}

fn ca_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "Dais link authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// DNS name in the SFU's certificate; the mixer dials an address, which may be any loopback port, and checks
/// this name. The usages keep a mixer's key from posing as an SFU (RFC 5280 §4.2.1.12).
pub const SFU_NAME: &str = "sfu.dais.internal";

/// DNS name in the mixer's certificate.
pub const MIXER_NAME: &str = "mixer.dais.internal";
