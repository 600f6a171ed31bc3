//! The names that RTP and SDP share: payload type, SSRC, MID, RID and header-extension id.
//!
//! It decides which values are well formed; what a name stands for is negotiated (`sdp`).

use std::fmt;

/// Synchronisation source of one RTP stream (RFC 3550 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ssrc(pub u32);

impl fmt::Display for Ssrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// RTP payload type: seven bits (RFC 3550 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pt(u8);

impl Pt {
    /// `None` above 127, and for 64 to 95, which would read as RTCP when multiplexed (RFC 5761 §4).
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        if value > 127 || (value >= 64 && value <= 95) { None } else { Some(Self(value)) }
    }

    /// The number, 0 to 127.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Pt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Id of an RTP header extension, valid in one BUNDLE group: 1 to 255 without 15 (RFC 8285 §4.2, §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExtId(u8);

impl ExtId {
    /// `None` for 0 (padding) and 15 (reserved in one-byte headers).
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        if value == 0 || value == 15 { None } else { Some(Self(value)) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// True if the id does not fit a one-byte header (it has four bits).
    #[must_use]
    pub const fn needs_two_byte_header(self) -> bool {
        self.0 > 14
    }
}

impl fmt::Display for ExtId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! short_name {
    ($(#[$doc:meta])* $name:ident, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name {
            len: u8,
            bytes: [u8; MAX_NAME_BYTES],
        }

        impl $name {
            /// `None` if it is empty, longer than 16 bytes, or holds a character that the grammar refuses.
            #[must_use]
            pub fn new(text: &[u8]) -> Option<Self> {
                let accepts: fn(u8) -> bool = $accepts;
                if text.is_empty() || text.len() > MAX_NAME_BYTES || !text.iter().copied().all(accepts) {
                    return None;
                }
                let mut bytes = [0; MAX_NAME_BYTES];
                bytes[..text.len()].copy_from_slice(text);
                Some(Self { len: u8::try_from(text.len()).ok()?, bytes })
            }

            /// The text, as it stands in SDP and in the header extension.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.bytes[..usize::from(self.len)]
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(self.as_bytes()).unwrap_or_default()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }
    };
}

short_name!(
    /// Media identification of one m-section (RFC 8843 §15); kept inline, so it copies without allocation.
    Mid,
    is_token_char
);
short_name!(
    /// RTP stream id of one encoding (RFC 8851 §10, RFC 8852 §3.1): letters, digits, `-` and `_`.
    Rid,
    |c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_'
);

/// Longest MID and RID that we accept. Browsers use one to three characters.
const MAX_NAME_BYTES: usize = 16;

/// `token-char` of RFC 8866 §9.
const fn is_token_char(c: u8) -> bool {
    matches!(c, 0x21 | 0x23..=0x27 | 0x2a..=0x2b | 0x2d..=0x2e | 0x30..=0x39 | 0x41..=0x5a | 0x5e..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_types_that_read_as_rtcp_are_refused() {
        assert_eq!(Pt::new(96).map(Pt::get), Some(96));
        assert_eq!(Pt::new(63).map(Pt::get), Some(63));
        assert!((64..=95).chain(128..=255).all(|value| Pt::new(value).is_none()));
    }

    #[test]
    fn a_name_keeps_its_text_and_refuses_what_the_grammar_does() {
        assert_eq!(Mid::new(b"video-0").unwrap().as_str(), "video-0");
        assert!(Mid::new(b"").is_none());
        assert!(Mid::new(b"seventeen-letters").is_none());
        assert!(Mid::new(b"a b").is_none());
        assert!(Rid::new(b"q").is_some());
        assert!(Rid::new(b"~q").is_none());
    }
}
