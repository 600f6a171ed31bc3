//! ③ Opens the peer's packets in place.

use std::fmt;
use std::time::{Duration, Instant};

use super::cm::Cm;
use super::gcm::Gcm;
use super::replay::ReplayWindow;
use super::{
    MasterKey, Profile, RTCP_CLEAR_BYTES, SRTCP_ENCRYPTED, SRTCP_INDEX_BYTES, read_u32, rtp_header_len,
};
use crate::rtp::{SeqIndex, Ssrc};

/// Why a packet was not opened. Its bytes are of no use afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Header, extension block or trailer does not fit; or SRTCP that claims not to be encrypted.
    #[error("the packet is malformed")]
    Malformed,
    /// Seen before, or too old to tell.
    #[error("the packet is a replay")]
    Replayed,
    /// Wrong tag.
    #[error("the packet is not authentic")]
    Unauthentic,
    /// The peer already uses as many sources as it may.
    #[error("too many sources")]
    TooManySsrcs,
}

/// Facts of an opened RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Its source.
    pub ssrc: Ssrc,
    /// Length of the header with CSRCs and extensions.
    pub header_len: usize,
    /// Length of the payload behind it, RTP padding included.
    pub payload_len: usize,
    /// Rollover counter and sequence number.
    pub index: SeqIndex,
}

/// Opens the peer's packets and keeps what was seen of each source.
pub struct SrtpReceiver {
    cipher: Cipher,
    rtp: Sources,
    rtcp: Sources,
}

enum Cipher {
    Gcm(Gcm),
    /// Rare, and three times as large.
    Cm(Box<Cm>),
}

impl Cipher {
    fn open_rtp(&self, packet: &mut [u8], header_len: usize, ssrc: Ssrc, index: SeqIndex) -> Option<usize> {
        match self {
            Self::Gcm(gcm) => gcm.open_rtp(packet, header_len, ssrc.0, index),
            Self::Cm(cm) => cm.open_rtp(packet, header_len, ssrc.0, index),
        }
    }
}

impl SrtpReceiver {
    /// Derives the session keys.
    #[must_use]
    pub fn new(profile: Profile, master: &MasterKey) -> Self {
        let cipher = match profile {
            Profile::Aes128Gcm => Cipher::Gcm(Gcm::new(master)),
            Profile::Aes128CmSha1 => Cipher::Cm(Box::new(Cm::new(master))),
        };
        Self { cipher, rtp: Sources::new(DEFAULT_MAX_SSRCS), rtcp: Sources::new(DEFAULT_MAX_SSRCS) }
    }

    /// With another bound on the sources of RTP, and of RTCP.
    #[must_use]
    pub fn with_max_ssrcs(self, max_ssrcs: usize) -> Self {
        Self { rtp: Sources::new(max_ssrcs), rtcp: Sources::new(max_ssrcs), ..self }
    }

    /// Opens an RTP packet in place. A packet that is refused changes nothing.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open_rtp(&mut self, now: Instant, packet: &mut [u8]) -> Result<Opened, OpenError> {
        let header_len = rtp_header_len(packet).ok_or(OpenError::Malformed)?;
        let sequence_number = u16::from_be_bytes([packet[2], packet[3]]);
        let ssrc = Ssrc(read_u32(packet, 8));
        let index = self.rtp.guess(ssrc, sequence_number);
        self.rtp.check(now, ssrc, index.0)?;
        let may_have_wrapped = sequence_number < 1 << 15 && self.rtp.find(ssrc).is_none();
        let (index, payload_len) = if may_have_wrapped {
            self.open_first(packet, header_len, ssrc, sequence_number)
        } else {
            self.cipher.open_rtp(packet, header_len, ssrc, index).map(|length| (index, length))
        }
        .ok_or(OpenError::Unauthentic)?;
        self.rtp.accept(now, ssrc, index.0);
        Ok(Opened { ssrc, header_len, payload_len, index })
    }

    /// Opens the first packet that comes of a source. Its sender may have begun just below 2^16, as GStreamer's
    /// and aiortc's random numbers can, and everything before the wrap was lost: RFC 3711 §3.3.1 would have
    /// the rollover counter signalled, which nobody does, and the source would stay unheard for 2^16 packets.
    fn open_first(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: Ssrc,
        sequence_number: u16,
    ) -> Option<(SeqIndex, usize)> {
        // Opening in place destroys what it refuses.
        let copy = packet.to_vec();
        let index = SeqIndex(u64::from(sequence_number));
        if let Some(length) = self.cipher.open_rtp(packet, header_len, ssrc, index) {
            return Some((index, length));
        }
        packet.copy_from_slice(&copy);
        let wrapped = SeqIndex(index.0 + (1 << 16));
        self.cipher.open_rtp(packet, header_len, ssrc, wrapped).map(|length| (wrapped, length))
    }

    /// Opens a compound RTCP packet in place; its length without trailer.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open_rtcp(&mut self, now: Instant, packet: &mut [u8]) -> Result<usize, OpenError> {
        let profile = match &self.cipher {
            Cipher::Gcm(_) => Profile::Aes128Gcm,
            Cipher::Cm(_) => Profile::Aes128CmSha1,
        };
        if packet.len() < RTCP_CLEAR_BYTES + profile.rtcp_overhead() {
            return Err(OpenError::Malformed);
        }
        let ssrc = Ssrc(read_u32(packet, 4));
        let trailer_at = match profile {
            Profile::Aes128Gcm => packet.len() - SRTCP_INDEX_BYTES,
            Profile::Aes128CmSha1 => packet.len() - profile.rtcp_overhead(),
        };
        let trailer = read_u32(packet, trailer_at);
        // Nobody in WebRTC sends RTCP in the clear (RFC 8827 §6.5); accepting E=0 only adds ways to fail.
        if trailer & SRTCP_ENCRYPTED == 0 {
            return Err(OpenError::Malformed);
        }
        let index = trailer & !SRTCP_ENCRYPTED;
        self.rtcp.check(now, ssrc, u64::from(index))?;
        let length = match &self.cipher {
            Cipher::Gcm(gcm) => gcm.open_rtcp(packet, ssrc.0, index),
            Cipher::Cm(cm) => cm.open_rtcp(packet, ssrc.0, index),
        };
        let length = length.ok_or(OpenError::Unauthentic)?;
        self.rtcp.accept(now, ssrc, u64::from(index));
        Ok(length)
    }
}

impl fmt::Debug for SrtpReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpReceiver").field("sources", &self.rtp.known.len()).finish_non_exhaustive()
    }
}

/// What was seen of each source, of so many at most.
///
/// A linear search is faster than a hash at the usual two to twelve.
struct Sources {
    known: Vec<Source>,
    max: usize,
}

struct Source {
    ssrc: Ssrc,
    last_heard: Instant,
    window: ReplayWindow,
}

impl Sources {
    const fn new(max: usize) -> Self {
        Self { known: Vec::new(), max }
    }

    fn find(&self, ssrc: Ssrc) -> Option<&Source> {
        self.known.iter().find(|source| source.ssrc == ssrc)
    }

    fn guess(&self, ssrc: Ssrc, sequence_number: u16) -> SeqIndex {
        match self.find(ssrc) {
            Some(source) => source.window.guess(sequence_number),
            None => SeqIndex(u64::from(sequence_number)),
        }
    }

    fn check(&self, now: Instant, ssrc: Ssrc, index: u64) -> Result<(), OpenError> {
        match self.find(ssrc) {
            Some(source) if source.window.is_new(index) => Ok(()),
            Some(_) => Err(OpenError::Replayed),
            None if self.known.len() < self.max || self.idle(now).is_some() => Ok(()),
            None => Err(OpenError::TooManySsrcs),
        }
    }

    /// Notes an authentic packet, which [`Self::check`] let through.
    fn accept(&mut self, now: Instant, ssrc: Ssrc, index: u64) {
        if let Some(source) = self.known.iter_mut().find(|source| source.ssrc == ssrc) {
            source.last_heard = now;
            source.window.accept(index);
            return;
        }
        if self.known.len() >= self.max
            && let Some(place) = self.idle(now)
        {
            self.known.swap_remove(place);
        }
        self.known.push(Source { ssrc, last_heard: now, window: ReplayWindow::new(index) });
    }

    /// The source that was silent longest, if long enough to forget it.
    fn idle(&self, now: Instant) -> Option<usize> {
        let (place, source) = self.known.iter().enumerate().min_by_key(|(_, source)| source.last_heard)?;
        (now.saturating_duration_since(source.last_heard) >= IDLE).then_some(place)
    }
}

/// Sources of one peer at a time, unless set otherwise. A camera in three encodings with RTX uses six.
pub const DEFAULT_MAX_SSRCS: usize = 64;

/// A source that was silent so long makes room for a new one: publishing again takes new SSRCs each time.
const IDLE: Duration = Duration::from_secs(30);
