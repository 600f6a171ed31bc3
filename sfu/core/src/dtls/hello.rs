//! Reads the few fields of a ClientHello that must be known before the library sees it.

/// What we look for in a ClientHello (RFC 6347 §4.2.1, RFC 5764 §4.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientHello<'a> {
    /// Empty in the first hello, then the cookie that we sent.
    pub(super) cookie: &'a [u8],
    /// SRTP profiles of `use_srtp`, in the client's order; empty without the extension.
    pub(super) srtp_profiles: Vec<u16>,
    body: &'a [u8],
    /// Where the cookie's length byte stands.
    cookie_at: usize,
}

impl<'a> ClientHello<'a> {
    /// Reads a whole handshake body, without its 12-byte header. `None` if a length does not fit.
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(body);
        reader.take(2)?;
        let _random = reader.take(32)?;
        let _session = reader.short_vector()?;
        let cookie_at = body.len() - reader.0.len();
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
        Some(Self { cookie, srtp_profiles, body, cookie_at })
    }

    /// The body as it was before the client had a cookie.
    pub(super) fn without_cookie(&self) -> Vec<u8> {
        let mut body = self.body[..self.cookie_at].to_vec();
        body.push(0);
        body.extend_from_slice(&self.body[self.cookie_at + 1 + self.cookie.len()..]);
        body
    }
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

/// The library's cookies have this length, and so have ours.
pub(crate) const COOKIE_BYTES: usize = 20;
/// RFC 5764 §4.1.1.
const USE_SRTP: u16 = 14;
/// `SRTP_AEAD_AES_128_GCM` (RFC 7714 §14.2).
pub(super) const SRTP_AEAD_AES_128_GCM: u16 = 0x0007;
/// `SRTP_AES128_CM_HMAC_SHA1_80` (RFC 5764 §4.1.2).
pub(super) const SRTP_AES128_CM_HMAC_SHA1_80: u16 = 0x0001;
