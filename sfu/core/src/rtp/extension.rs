//! Header extension elements: which ids mean what, and reading both forms (RFC 8285 §4.2, §4.3).

use super::{ExtId, Mid, Rid, RtpHeader};
use crate::codec::AudioLevel;

/// Header extensions that the SFU knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExtKind {
    /// Section of the session description (RFC 9143 §15).
    Mid,
    /// Encoding of a section (RFC 8852 §3.1).
    Rid,
    /// Encoding that an RTX stream repairs (RFC 8852 §3.2).
    RepairedRid,
    /// Transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2).
    TransportCc,
    /// 6.18 fixed-point seconds at which the packet left.
    AbsSendTime,
    /// Loudness of the sender's sound (RFC 6464).
    AudioLevel,
    /// Rotation and camera (3GPP TS 26.114 §7.4.5).
    VideoOrientation,
    /// Structure of a scalable stream (AV1 RTP specification, appendix A).
    DependencyDescriptor,
}

impl ExtKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Mid,
        Self::Rid,
        Self::RepairedRid,
        Self::TransportCc,
        Self::AbsSendTime,
        Self::AudioLevel,
        Self::VideoOrientation,
        Self::DependencyDescriptor,
    ];

    /// The URI in `a=extmap`.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Self::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Self::TransportCc => "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
            Self::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Self::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Self::VideoOrientation => "urn:3gpp:video-orientation",
            Self::DependencyDescriptor => {
                "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
            }
        }
    }

    /// The kind that `uri` names; `None` for one that the SFU does not know.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.uri() == uri)
    }
}

/// The extension ids negotiated on one transport (RFC 8843: one meaning per id and BUNDLE group).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExtMap {
    /// By [`ExtKind`] as index.
    ids: [Option<ExtId>; ExtKind::ALL.len()],
}

impl ExtMap {
    /// Sets the id of `kind`; `None` when it is not negotiated.
    pub fn set(&mut self, kind: ExtKind, id: Option<ExtId>) {
        self.ids[kind as usize] = id;
    }

    /// The id of `kind`; `None` when it is not negotiated.
    #[must_use]
    pub fn id(&self, kind: ExtKind) -> Option<ExtId> {
        self.ids[kind as usize]
    }

    /// What `id` means; `None` when it was not negotiated.
    #[must_use]
    pub fn kind(&self, id: u8) -> Option<ExtKind> {
        let id = ExtId::new(id)?;
        ExtKind::ALL.into_iter().find(|&kind| self.ids[kind as usize] == Some(id))
    }
}

/// Elements of one extension block in either form; ends at the first malformed one.
#[derive(Debug, Clone)]
pub struct RawExtensions<'a> {
    form: Form,
    rest: &'a [u8],
}

#[derive(Debug, Clone, Copy)]
enum Form {
    OneByte,
    TwoByte,
    Unknown,
}

impl<'a> RawExtensions<'a> {
    /// `profile` is the 16 bits before the length; `elements` the bytes after it.
    #[must_use]
    pub fn new(profile: u16, elements: &'a [u8]) -> Self {
        let form = match profile {
            0xbede => Form::OneByte,
            // RFC 8285 §4.3: the low four bits are "appbits".
            0x1000..=0x100f => Form::TwoByte,
            _ => Form::Unknown,
        };
        Self { form, rest: elements }
    }

    /// Takes `head` bytes of element header and `len` bytes of value.
    fn take(&mut self, id: u8, head: usize, len: usize) -> Option<(u8, &'a [u8])> {
        let value = self.rest.get(head..head + len);
        self.rest = self.rest.get(head + len..).unwrap_or_default();
        Some((id, value?))
    }
}

impl<'a> Iterator for RawExtensions<'a> {
    /// Local id and value.
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&first, after) = self.rest.split_first()?;
            match self.form {
                Form::Unknown => return None,
                // Padding, in both forms.
                Form::OneByte | Form::TwoByte if first == 0 => self.rest = after,
                Form::OneByte => {
                    let (id, len) = (first >> 4, usize::from(first & 0x0f) + 1);
                    // RFC 8285 §4.2: id 15, and id 0 with a length, end the whole block.
                    if id == 15 || id == 0 {
                        self.rest = &[];
                        return None;
                    }
                    return self.take(id, 1, len);
                }
                Form::TwoByte => {
                    let &len = after.first()?;
                    return self.take(first, 2, usize::from(len));
                }
            }
        }
    }
}

/// The values of one packet that the SFU uses; a malformed value counts as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions<'a> {
    /// Section.
    pub mid: Option<Mid>,
    /// Encoding.
    pub rid: Option<Rid>,
    /// Encoding that this RTX stream repairs.
    pub repaired_rid: Option<Rid>,
    /// Transport-wide sequence number.
    pub transport_cc: Option<u16>,
    /// Loudness.
    pub audio_level: Option<AudioLevel>,
    /// The orientation byte as it stands on the wire.
    pub orientation: Option<u8>,
    /// Dependency descriptor, unparsed.
    pub dependency_descriptor: Option<&'a [u8]>,
}

impl<'a> Extensions<'a> {
    /// Reads the extensions of `packet`, whose header is `header`, with the ids of its transport.
    #[must_use]
    pub fn read(header: &RtpHeader, packet: &'a [u8], map: &ExtMap) -> Self {
        let mut found = Self::default();
        for (id, value) in header.extensions(packet) {
            let Some(kind) = map.kind(id) else { continue };
            match kind {
                ExtKind::Mid => found.mid = Mid::new(value),
                ExtKind::Rid => found.rid = Rid::new(value),
                ExtKind::RepairedRid => found.repaired_rid = Rid::new(value),
                ExtKind::TransportCc => {
                    found.transport_cc = value.first_chunk().map(|&bytes| u16::from_be_bytes(bytes));
                }
                // Arrival order and spacing come from the transport-wide numbers.
                ExtKind::AbsSendTime => {}
                ExtKind::AudioLevel => {
                    found.audio_level = value.first().map(|&byte| AudioLevel::from_byte(byte));
                }
                ExtKind::VideoOrientation => found.orientation = value.first().copied(),
                ExtKind::DependencyDescriptor => found.dependency_descriptor = Some(value),
            }
        }
        found
    }
}
