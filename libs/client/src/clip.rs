//! Clips: coded frames from small files, to be published in a loop.
//!
//! Reads IVF (VP8), H264 byte streams with an access unit delimiter before each picture, and Ogg Opus.

use std::time::Duration;

use bytes::Bytes;

/// How a clip is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// RFC 7741.
    Vp8,
    /// RFC 6184, packetization mode 1.
    H264,
}

impl Codec {
    /// RTP clock rate in Hz.
    #[must_use]
    pub fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Vp8 | Self::H264 => 90_000,
        }
    }

    /// Sound, not picture.
    #[must_use]
    pub fn is_audio(self) -> bool {
        self == Self::Opus
    }
}

/// One coded picture, or one Opus packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// As the codec's depacketizer would give it; H264 in byte-stream form.
    pub payload: Bytes,
    /// Media time from the clip's start.
    pub at: Duration,
}

/// A loop of frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// How it is coded.
    pub codec: Codec,
    /// In order; never empty.
    pub frames: Vec<Frame>,
    /// Media time of one turn of the loop.
    pub length: Duration,
    /// Pixels; `(0, 0)` for sound.
    pub size: (u32, u32),
}

/// Why a clip cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClipError {
    /// The file is not of the wanted form.
    #[error("not {wanted}: {problem} at byte {at}")]
    Malformed {
        /// The form.
        wanted: &'static str,
        /// What is wrong.
        problem: &'static str,
        /// Where.
        at: usize,
    },
    /// The file holds no frame.
    #[error("the clip holds no frame")]
    Empty,
}

impl Clip {
    /// Reads an IVF file with VP8.
    ///
    /// # Errors
    /// When the file is something else, cut short, or empty.
    pub fn from_ivf(file: &[u8]) -> Result<Self, ClipError> {
        let bad = |problem, at| ClipError::Malformed { wanted: "IVF with VP8", problem, at };
        if file.get(..4) != Some(b"DKIF") || file.get(8..12) != Some(b"VP80") {
            return Err(bad("signature", 0));
        }
        let header = usize::from(le16(file, 6).ok_or(bad("header", 6))?);
        let width = le16(file, 12).ok_or(bad("header", 12))?;
        let height = le16(file, 14).ok_or(bad("header", 14))?;
        let rate = le32(file, 16).filter(|&r| r > 0).ok_or(bad("frame rate", 16))?;
        let scale = le32(file, 20).filter(|&s| s > 0).ok_or(bad("frame rate", 20))?;
        let tick = Duration::from_secs(u64::from(scale)) / rate;
        let mut frames = Vec::new();
        let mut at = header;
        while at < file.len() {
            let size = le32(file, at).and_then(|s| usize::try_from(s).ok()).ok_or(bad("frame header", at))?;
            let index = le32(file, at + 4).ok_or(bad("frame header", at))?;
            let body = at + 12;
            let payload =
                body.checked_add(size).and_then(|end| file.get(body..end)).ok_or(bad("cut frame", at))?;
            frames.push(Frame { payload: Bytes::copy_from_slice(payload), at: tick * index });
            at = body + size;
        }
        let last = frames.last().ok_or(ClipError::Empty)?.at;
        Ok(Self { codec: Codec::Vp8, frames, length: last + tick, size: (width.into(), height.into()) })
    }

    /// Reads an H264 byte stream (ITU-T H.264 annex B) with an access unit delimiter before each picture.
    ///
    /// # Errors
    /// When there is no delimiter.
    pub fn from_h264(file: &[u8], frames_per_second: u32, size: (u32, u32)) -> Result<Self, ClipError> {
        const DELIMITER: &[u8] = &[0, 0, 0, 1, 9];
        let starts: Vec<usize> = file
            .windows(DELIMITER.len())
            .enumerate()
            .filter(|(_, w)| *w == DELIMITER)
            .map(|(at, _)| at)
            .collect();
        if starts.is_empty() || frames_per_second == 0 {
            return Err(ClipError::Empty);
        }
        let tick = Duration::from_secs(1) / frames_per_second;
        let ends = starts.iter().skip(1).copied().chain([file.len()]);
        let frames: Vec<Frame> = (0_u32..)
            .zip(starts.iter().zip(ends))
            .map(|(index, (&start, end))| Frame {
                payload: Bytes::copy_from_slice(&file[start..end]),
                at: tick * index,
            })
            .collect();
        let length = frames.last().ok_or(ClipError::Empty)?.at + tick;
        Ok(Self { codec: Codec::H264, frames, length, size })
    }

    /// Reads Ogg Opus (RFC 7845).
    ///
    /// # Errors
    /// When the pages or the two header packets are something else, or a packet has no length.
    pub fn from_ogg_opus(file: &[u8]) -> Result<Self, ClipError> {
        let packets = ogg_packets(file)?;
        let bad = |problem| ClipError::Malformed { wanted: "Ogg Opus", problem, at: 0 };
        if !packets.first().is_some_and(|p| p.starts_with(b"OpusHead")) {
            return Err(bad("no OpusHead"));
        }
        if !packets.get(1).is_some_and(|p| p.starts_with(b"OpusTags")) {
            return Err(bad("no OpusTags"));
        }
        let mut frames = Vec::new();
        let mut at = Duration::ZERO;
        for payload in packets.into_iter().skip(2) {
            let length = opus_length(&payload).ok_or(bad("no length"))?;
            frames.push(Frame { payload, at });
            at += length;
        }
        if frames.is_empty() {
            return Err(ClipError::Empty);
        }
        Ok(Self { codec: Codec::Opus, frames, length: at, size: (0, 0) })
    }

    /// The same clip, cut to `length`, so that picture and sound turn at the same time.
    #[must_use]
    pub fn cut_to(mut self, length: Duration) -> Self {
        self.frames.retain(|frame| frame.at < length);
        self.length = length;
        self
    }
}

/// Joins the lacing values of all pages into packets (RFC 3533 §6).
fn ogg_packets(file: &[u8]) -> Result<Vec<Bytes>, ClipError> {
    let mut packets = Vec::new();
    let mut packet: Vec<u8> = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let bad = |problem| ClipError::Malformed { wanted: "Ogg", problem, at };
        if file.get(at..at + 4) != Some(b"OggS") {
            return Err(bad("page signature"));
        }
        let count = usize::from(*file.get(at + 26).ok_or(bad("page header"))?);
        let lacing = file.get(at + 27..at + 27 + count).ok_or(bad("segment table"))?;
        let mut body = at + 27 + count;
        for &size in lacing {
            let size = usize::from(size);
            packet.extend_from_slice(file.get(body..body + size).ok_or(bad("cut page"))?);
            body += size;
            if size < 255 {
                packets.push(Bytes::from(std::mem::take(&mut packet)));
            }
        }
        at = body;
    }
    Ok(packets)
}

/// RFC 6716 §3.1: the configuration says how long a frame is, the code how many a packet holds.
fn opus_length(packet: &[u8]) -> Option<Duration> {
    let toc = *packet.first()?;
    let frame_us = match toc >> 3 {
        config @ 0..=11 => [10_000, 20_000, 40_000, 60_000][usize::from(config % 4)],
        config @ 12..=15 => [10_000, 20_000][usize::from(config % 2)],
        config => [2_500, 5_000, 10_000, 20_000][usize::from(config % 4)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    Some(Duration::from_micros(frame_us) * frames)
}

fn le16(file: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(file.get(at..at + 2)?.try_into().ok()?))
}

fn le32(file: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(file.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Duration = Duration::from_secs(10);

    #[test]
    fn the_fixtures_are_loops_of_ten_seconds() {
        let ivf = Clip::from_ivf(include_bytes!("../../../testdata/media/clock.ivf")).unwrap();
        assert_eq!((ivf.frames.len(), ivf.length, ivf.size), (250, TEN, (640, 360)));
        let h264 =
            Clip::from_h264(include_bytes!("../../../testdata/media/luis.h264"), 25, (640, 360)).unwrap();
        assert_eq!((h264.frames.len(), h264.length), (250, TEN));
        let opus =
            Clip::from_ogg_opus(include_bytes!("../../../testdata/media/clock.ogg")).unwrap().cut_to(TEN);
        assert_eq!((opus.frames.len(), opus.length), (500, TEN));
    }

    #[test]
    fn an_opus_packet_says_how_long_it_is() {
        let ms = |packet: &[u8]| opus_length(packet).map(|length| length.as_micros());
        // RFC 6716 table 2: SILK 60 ms, hybrid 20 ms, CELT 2.5 ms; then two frames, and three by their count.
        assert_eq!(ms(&[3 << 3]), Some(60_000));
        assert_eq!(ms(&[15 << 3]), Some(20_000));
        assert_eq!(ms(&[16 << 3]), Some(2_500));
        assert_eq!(ms(&[31 << 3 | 1]), Some(40_000));
        assert_eq!(ms(&[31 << 3 | 3, 0x83]), Some(60_000));
        assert_eq!((ms(&[]), ms(&[3])), (None, None));
    }

    #[test]
    fn a_cut_file_is_refused_and_does_not_panic() {
        let ivf = include_bytes!("../../../testdata/media/clock.ivf");
        let ogg = include_bytes!("../../../testdata/media/clock.ogg");
        for length in 0..200 {
            assert!(Clip::from_ivf(&ivf[..length]).is_err(), "{length}");
            assert!(Clip::from_ogg_opus(&ogg[..length]).is_err(), "{length}");
        }
        assert!(Clip::from_ivf(b"#EXTM3U").is_err());
    }
}
