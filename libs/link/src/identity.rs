//! Who an end of the link is, and whom it believes. Plain bytes; it makes and stores no key.

use std::fmt;

use serde::{Deserialize, Serialize};

/// DNS name that an SFU's certificate carries as subject alternative name.
///
/// A mixer dials an address that may be any loopback port, so the name is the role, not the host. Give
/// the SFU's certificate the extended key usage `serverAuth` and the mixer's only `clientAuth` (RFC 5280
/// §4.2.1.12): then a mixer's key cannot pose as an SFU.
pub const SERVER_NAME: &str = "sfu.dais.internal";

/// Key material of one end of a link, all DER.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkIdentity {
    /// Certificate of the CA that signed both ends.
    pub ca_der: Vec<u8>,
    /// Own certificate first, then intermediates.
    pub cert_chain_der: Vec<Vec<u8>>,
    /// Private key of the first certificate, PKCS#8.
    pub key_der: Vec<u8>,
}

impl fmt::Debug for LinkIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key must not reach a log.
        f.debug_struct("LinkIdentity")
            .field("certificates", &self.cert_chain_der.len())
            .finish_non_exhaustive()
    }
}
