//! Boxes of CMAF init segments and media segments (ISO/IEC 14496-12).
//!
//! Walks them and reads the few fields that playlists need; does not write or repair boxes. Every length is
//! checked against the bytes at hand, since a cut file is exactly what it must notice.

use std::time::Duration;

/// Why bytes are not the boxes that were expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fmp4Error {
    /// A box says that it is longer than the bytes that hold it.
    #[error("box at byte {offset} claims {claimed} bytes of {available}")]
    Cut {
        /// Position in the parent.
        offset: usize,
        /// What its header says.
        claimed: u64,
        /// What there is.
        available: usize,
    },
    /// A box that must be there is not.
    #[error("no `{0}` box")]
    Missing(&'static str),
    /// A box is too short for its fields.
    #[error("`{0}` box is too short for its fields")]
    Short(&'static str),
    /// A coding that no rendition of ours has.
    #[error("sample entry `{}` is not supported", String::from_utf8_lossy(.0))]
    UnknownSampleEntry([u8; 4]),
    /// A clock of zero ticks per second.
    #[error("timescale is zero")]
    ZeroTimescale,
}

/// One box: its type and what is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mp4Box<'a> {
    /// Four characters.
    pub kind: [u8; 4],
    /// Without the header.
    pub body: &'a [u8],
}

/// The boxes that stand one after the other in `bytes`. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Boxes<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Boxes<'a> {
    /// Starts at the first box of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    fn read(&mut self) -> Result<Mp4Box<'a>, Fmp4Error> {
        let rest = &self.bytes[self.offset..];
        let cut = |claimed| Fmp4Error::Cut { offset: self.offset, claimed, available: rest.len() };
        let header = rest.first_chunk::<8>().ok_or_else(|| cut(8))?;
        let [a, b, c, d, kind @ ..] = *header;
        let (header_len, claimed) = match u32::from_be_bytes([a, b, c, d]) {
            // Up to the end of the file (§4.2.2).
            0 => (8, rest.len() as u64),
            1 => {
                let large = rest.get(8..16).and_then(|field| field.first_chunk()).ok_or_else(|| cut(16))?;
                (16, u64::from_be_bytes(*large))
            }
            size => (8, u64::from(size)),
        };
        let body = usize::try_from(claimed).ok().and_then(|end| rest.get(header_len..end));
        let body = body.ok_or_else(|| cut(claimed))?;
        self.offset += header_len + body.len();
        Ok(Mp4Box { kind, body })
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Result<Mp4Box<'a>, Fmp4Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset == self.bytes.len() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.offset = self.bytes.len();
        }
        Some(read)
    }
}

/// What an init segment says of its one track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Ticks per second of `tfdt` and of sample durations.
    pub timescale: u32,
    /// RFC 6381.
    pub codecs: String,
    /// Picture or sound.
    pub kind: TrackKind,
}

/// Picture or sound of an init segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackKind {
    /// A picture.
    Video {
        /// Pixels.
        width: u16,
        /// Pixels.
        height: u16,
    },
    /// A sound.
    Audio {
        /// As the sample entry says it.
        channels: u16,
    },
}

/// Reads the first track of an init segment (`ftyp moov`).
///
/// # Errors
/// When the bytes are cut, or not an init segment of H264 or AAC.
pub fn read_init(init: &[u8]) -> Result<Track, Fmp4Error> {
    whole(init)?;
    let media = descend(init, &["moov", "trak", "mdia"])?;
    let header = descend(media, &["mdhd"])?;
    // Version 1 has 64-bit times in front of the timescale (§8.4.2.2).
    let at = if header.first() == Some(&1) { 20 } else { 12 };
    let timescale = u32_at(header, at, "mdhd")?;
    if timescale == 0 {
        return Err(Fmp4Error::ZeroTimescale);
    }
    let entries = descend(media, &["minf", "stbl", "stsd"])?.get(8..).ok_or(Fmp4Error::Short("stsd"))?;
    let entry = Boxes::new(entries).next().ok_or(Fmp4Error::Missing("stsd entry"))??;
    let (kind, codecs) = crate::codecs::read_sample_entry(entry)?;
    Ok(Track { timescale, codecs, kind })
}

/// Time that a media segment covers, in its track's ticks. Sums that do not fit stay at the largest number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentTime {
    /// `tfdt` of the first fragment (§8.8.12).
    pub decode_time: u64,
    /// Sum of all sample durations.
    pub duration: u64,
    /// How many samples.
    pub samples: u64,
}

impl SegmentTime {
    /// Length of the media. Rounded down to the microsecond.
    #[must_use]
    pub fn length(&self, timescale: u32) -> Duration {
        let us = u128::from(self.duration) * 1_000_000 / u128::from(timescale.max(1));
        Duration::from_micros(u64::try_from(us).unwrap_or(u64::MAX))
    }
}

/// Reads the times of a media segment (`styp (moof mdat)*`) of one track.
///
/// # Errors
/// When the bytes are cut or hold no fragment.
pub fn read_segment(segment: &[u8]) -> Result<SegmentTime, Fmp4Error> {
    let mut time: Option<SegmentTime> = None;
    for fragment in Boxes::new(segment) {
        let fragment = fragment?;
        if &fragment.kind != b"moof" {
            continue;
        }
        let (decode_time, duration, samples) = read_track_fragment(descend(fragment.body, &["traf"])?)?;
        let time = time.get_or_insert(SegmentTime { decode_time, duration: 0, samples: 0 });
        time.duration = time.duration.saturating_add(duration);
        time.samples += samples;
    }
    time.ok_or(Fmp4Error::Missing("moof"))
}

/// Whether the boxes add up to the length of the bytes: the file is not cut.
///
/// # Errors
/// When a box is cut.
pub fn whole(bytes: &[u8]) -> Result<(), Fmp4Error> {
    Boxes::new(bytes).try_for_each(|each| each.map(|_| ()))
}

/// (`tfdt`, sum of durations, samples) of a `traf` (§8.8.7, §8.8.8).
fn read_track_fragment(traf: &[u8]) -> Result<(u64, u64, u64), Fmp4Error> {
    let decode = descend(traf, &["tfdt"])?;
    let decode_time = match decode.first() {
        Some(1) => u64::from(u32_at(decode, 4, "tfdt")?) << 32 | u64::from(u32_at(decode, 8, "tfdt")?),
        _ => u64::from(u32_at(decode, 4, "tfdt")?),
    };
    let default = default_sample_duration(descend(traf, &["tfhd"])?)?;
    let (mut duration, mut samples) = (0_u64, 0);
    for run in Boxes::new(traf) {
        let run = run?;
        if &run.kind == b"trun" {
            let (run_duration, run_samples) = read_run(run.body, default)?;
            duration = run_duration.saturating_add(duration);
            samples += run_samples;
        }
    }
    Ok((decode_time, duration, samples))
}

fn default_sample_duration(tfhd: &[u8]) -> Result<u32, Fmp4Error> {
    let flags = u32_at(tfhd, 0, "tfhd")?;
    if flags & 0x08 == 0 {
        return Ok(0);
    }
    // After the track id: base-data-offset (64 bit) and sample-description-index, when present.
    let skipped = if flags & 0x01 != 0 { 8 } else { 0 } + if flags & 0x02 != 0 { 4 } else { 0 };
    u32_at(tfhd, 8 + skipped, "tfhd")
}

/// (sum of durations, samples) of a `trun`.
fn read_run(trun: &[u8], default_duration: u32) -> Result<(u64, u64), Fmp4Error> {
    let flags = u32_at(trun, 0, "trun")?;
    let samples = u32_at(trun, 4, "trun")?;
    if flags & 0x100 == 0 {
        return Ok((u64::from(samples) * u64::from(default_duration), u64::from(samples)));
    }
    let first = 8 + if flags & 0x01 != 0 { 4 } else { 0 } + if flags & 0x04 != 0 { 4 } else { 0 };
    let fields = [0x100, 0x200, 0x400, 0x800].into_iter().filter(|flag| flags & flag != 0).count();
    let entries = trun.get(first..).ok_or(Fmp4Error::Short("trun"))?;
    let mut entries = entries.chunks_exact(4 * fields);
    let mut duration = 0;
    for _ in 0..samples {
        let entry = entries.next().ok_or(Fmp4Error::Short("trun"))?;
        duration += u64::from(u32_at(entry, 0, "trun")?);
    }
    Ok((duration, u64::from(samples)))
}

/// Goes down a path of boxes, the first of each kind.
pub(crate) fn descend<'a>(bytes: &'a [u8], path: &[&'static str]) -> Result<&'a [u8], Fmp4Error> {
    let mut body = bytes;
    for &kind in path {
        let found = Boxes::new(body).find(|each| match each {
            Ok(each) => each.kind == kind.as_bytes(),
            Err(_) => true,
        });
        body = found.ok_or(Fmp4Error::Missing(kind))??.body;
    }
    Ok(body)
}

fn u32_at(body: &[u8], at: usize, kind: &'static str) -> Result<u32, Fmp4Error> {
    let field = body.get(at..).and_then(|rest| rest.first_chunk()).ok_or(Fmp4Error::Short(kind))?;
    Ok(u32::from_be_bytes(*field))
}

#[cfg(test)]
mod tests;
