//! Reads the few fields of a ClientHello and a HelloVerifyRequest that must be known before the library.

/// What we look for in a ClientHello (RFC 6347 §4.2.1, RFC 5764 §4.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientHello<'a> {
    /// Names the client's attempt; the same in both hellos of one handshake.
    pub(super) random: &'a [u8],
    /// Empty in the first hello, then the cookie that we sent.
    pub(super) cookie: &'a [u8],
    /// SRTP profiles of `use_srtp`, in the client's order; empty without the extension.
    pub(super) srtp_profiles: Vec<u16>,
}

impl<'a> ClientHello<'a> {
    /// Reads a whole handshake body, without its 12-byte header. `None` if a length does not fit.
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(body);
        reader.take(2)?;
        let random = reader.take(32)?;
        let _session = reader.short_vector()?;
        let cookie = reader.short_vector()?;
        let _suites = reader.vector()?;
        let _compressions = reader.short_vector()?;
        let mut srtp_profiles = Vec::new();
        if !reader.0.is_empty() {
            let mut extensions = Reader(reader.vector()?);
            while !extensions.0.is_empty() {
                let kind = extensions.number()?;
                let value = extensions.vector()?;
                if kind == USE_SRTP {
                    let list = Reader(value).vector()?;
                    let pairs = list.chunks_exact(2);
                    srtp_profiles = pairs.map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
                }
            }
        }
        Some(Self { random, cookie, srtp_profiles })
    }
}

/// The cookie of a HelloVerifyRequest body (RFC 6347 §4.2.1).
pub(super) fn verify_cookie(body: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(body);
    reader.take(2)?;
    reader.short_vector()
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        Some(head)
    }

    fn number(&mut self) -> Option<u16> {
        let bytes = self.take(2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// Bytes behind one byte of length.
    fn short_vector(&mut self) -> Option<&'a [u8]> {
        let len = self.take(1)?[0];
        self.take(usize::from(len))
    }

    /// Bytes behind two bytes of length.
    fn vector(&mut self) -> Option<&'a [u8]> {
        let len = self.number()?;
        self.take(usize::from(len))
    }
}

/// RFC 5764 §4.1.1.
const USE_SRTP: u16 = 14;
/// `SRTP_AEAD_AES_128_GCM` (RFC 7714 §14.2).
pub(super) const SRTP_AEAD_AES_128_GCM: u16 = 0x0007;
/// `SRTP_AES128_CM_HMAC_SHA1_80` (RFC 5764 §4.1.2).
pub(super) const SRTP_AES128_CM_HMAC_SHA1_80: u16 = 0x0001;
