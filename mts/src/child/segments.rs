//! Splits the muxer's stream of boxes into files: one init segment, then one file per fragment.
//!
//! One `moof` and its `mdat` are one segment; the ladder decides where fragments end.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use hls::fmp4::{self, Track};
use hls::recording::{init_path, segment_path};
use wire::media::SegmentInfo;

use super::TransformError;

/// Of an upload there is one run.
const RUN: u32 = 0;

/// What was written of one rendition.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) track: Option<Track>,
    pub(super) segments: Vec<SegmentInfo>,
}

/// The muxer's output of one rendition.
pub(super) struct Splitter {
    rendition: String,
    boxes: Vec<u8>,
    /// `ftyp` and `moov`, or `moof` until its `mdat` comes.
    open: Vec<u8>,
    written: Arc<Mutex<Written>>,
}

impl Splitter {
    /// Makes the rendition's folder in the working directory.
    pub(super) fn new(rendition: &str) -> Result<(Self, Arc<Mutex<Written>>), TransformError> {
        fs::create_dir_all(rendition).map_err(TransformError::file("the rendition's folder"))?;
        let written = Arc::new(Mutex::new(Written::default()));
        let shared = Arc::clone(&written);
        let splitter = Self { rendition: rendition.to_owned(), boxes: Vec::new(), open: Vec::new(), written };
        Ok((splitter, shared))
    }

    fn take_boxes(&mut self) -> io::Result<()> {
        while let Some(size) = whole_box(&self.boxes)? {
            let kind: [u8; 4] = [self.boxes[4], self.boxes[5], self.boxes[6], self.boxes[7]];
            let rest = self.boxes.split_off(size);
            let one = std::mem::replace(&mut self.boxes, rest);
            match &kind {
                b"moov" => {
                    self.open.extend_from_slice(&one);
                    self.finish_init()?;
                }
                b"mdat" => {
                    self.open.extend_from_slice(&one);
                    self.finish_segment()?;
                }
                b"ftyp" | b"styp" | b"moof" => self.open.extend_from_slice(&one),
                // `sidx`, `mfra`: HLS has its own index.
                _ => {}
            }
        }
        Ok(())
    }

    fn finish_init(&mut self) -> io::Result<()> {
        let init = std::mem::take(&mut self.open);
        let track = fmp4::read_init(&init).map_err(io::Error::other)?;
        fs::write(Path::new(&init_path(&self.rendition, RUN)), &init)?;
        self.written.lock().unwrap_or_else(PoisonError::into_inner).track = Some(track);
        Ok(())
    }

    fn finish_segment(&mut self) -> io::Result<()> {
        let segment = std::mem::take(&mut self.open);
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let timescale = written.track.as_ref().map_or(1, |track| track.timescale);
        let length = fmp4::read_segment(&segment).map_err(io::Error::other)?.length(timescale);
        let number = written.segments.len() as u64;
        fs::write(Path::new(&segment_path(&self.rendition, number)), &segment)?;
        written.segments.push(SegmentInfo {
            duration_us: u64::try_from(length.as_micros()).unwrap_or(u64::MAX),
            size_bytes: segment.len() as u64,
        });
        Ok(())
    }
}

impl Write for Splitter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.boxes.extend_from_slice(bytes);
        self.take_boxes()?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Size of the first box, once it is whole (ISO/IEC 14496-12 §4.2).
fn whole_box(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(header) = bytes.first_chunk::<8>() else { return Ok(None) };
    let size = match u32::from_be_bytes([header[0], header[1], header[2], header[3]]) {
        1 => match bytes.get(8..16).and_then(|b| b.first_chunk::<8>()) {
            Some(large) => u64::from_be_bytes(*large),
            None => return Ok(None),
        },
        size => u64::from(size),
    };
    let size = usize::try_from(size).ok().filter(|&size| size >= 8);
    let size = size.ok_or_else(|| io::Error::other("a box without a size"))?;
    Ok((bytes.len() >= size).then_some(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_whole_when_its_last_byte_is_there() {
        let mut bytes = vec![0, 0, 0, 12, b'm', b'o', b'o', b'f', 1, 2, 3];
        assert_eq!(whole_box(&bytes).unwrap(), None);
        bytes.push(4);
        assert_eq!(whole_box(&bytes).unwrap(), Some(12));
        assert_eq!(whole_box(&bytes[..7]).unwrap(), None);
        assert!(whole_box(&[0, 0, 0, 0, b'm', b'd', b'a', b't']).is_err());
    }
}
