//! ③ Packets in sequence become frames that a decoder takes. After a loss it lets nothing through before the
//! next keyframe: VP8 decodes over a gap without complaint and shows garbage. It decides no time.
//!
//! ```text
//! Awaiting ──whole keyframe──▶ Flowing
//! Awaiting ◀──gap, broken payload── Flowing
//! ```

mod h264;
mod vp8;

use std::time::Duration;

use bytes::Bytes;
use wire::link::Codec;

use h264::H264;

/// Largest frame: a 4K keyframe is a tenth of it.
const MAX_FRAME_BYTES: usize = 4 << 20;

/// One packet in its turn.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Continuous RTP time.
    pub(crate) ticks: i64,
    /// When it came.
    pub(crate) arrival: Duration,
    /// RTP marker bit.
    pub(crate) marker: bool,
    /// Payload; empty for a packet that was only padding.
    pub(crate) payload: Bytes,
}

/// One encoded frame (video) or packet (sound).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Continuous RTP time.
    pub(crate) ticks: i64,
    /// When its first packet came.
    pub(crate) arrival: Duration,
    /// VP8 frame; H264 access unit with start codes (Annex B); Opus packet.
    pub(crate) data: Bytes,
    /// Decodable without any frame before it.
    pub(crate) keyframe: bool,
}

/// Depacketiser of one track.
#[derive(Debug)]
pub(crate) struct Depacketiser {
    format: Format,
    assembly: Option<Assembly>,
    awaiting_keyframe: bool,
    dropped: u64,
}

#[derive(Debug)]
enum Format {
    Opus,
    Vp8,
    H264(H264),
}

/// A video frame of which some packets are here.
#[derive(Debug)]
struct Assembly {
    ticks: i64,
    arrival: Duration,
    data: Vec<u8>,
}

/// A payload breaks the rules of its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Broken;

impl Depacketiser {
    /// For one codec; video awaits a keyframe first.
    pub(crate) fn new(codec: Codec) -> Self {
        let (format, awaiting_keyframe) = match codec {
            Codec::Opus => (Format::Opus, false),
            Codec::Vp8 => (Format::Vp8, true),
            Codec::H264 => (Format::H264(H264::default()), true),
        };
        Self { format, assembly: None, awaiting_keyframe, dropped: 0 }
    }

    /// Takes the next packet; hands out the frames that it completes, at most two (a frame whose marker was
    /// not set, then one of a single packet).
    pub(crate) fn handle(&mut self, piece: Piece, after_gap: bool, mut out: impl FnMut(Frame)) {
        if let Format::Opus = self.format {
            if !piece.payload.is_empty() {
                let Piece { ticks, arrival, payload: data, .. } = piece;
                out(Frame { ticks, arrival, data, keyframe: true });
            }
            return;
        }
        if after_gap {
            self.break_off();
        }
        if self.assembly.as_ref().is_some_and(|assembly| assembly.ticks != piece.ticks) {
            self.finish(&mut out);
        }
        if piece.payload.is_empty() {
            return;
        }
        let marker = piece.marker;
        if self.append(&piece).is_err() {
            self.break_off();
        } else if marker {
            self.finish(&mut out);
        }
    }

    /// Everything up to the next keyframe will be dropped.
    pub(crate) fn awaits_keyframe(&self) -> bool {
        self.awaiting_keyframe
    }

    /// Drops everything up to the next keyframe, for a decoder that lost its way.
    pub(crate) fn break_off(&mut self) {
        if let Some(_unfinished) = self.assembly.take() {
            self.dropped += 1;
        }
        self.awaiting_keyframe = !matches!(self.format, Format::Opus);
        if let Format::H264(h264) = &mut self.format {
            h264.break_off();
        }
    }

    /// Frames dropped so far because something was missing.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn append(&mut self, piece: &Piece) -> Result<(), Broken> {
        let begins = || Assembly { ticks: piece.ticks, arrival: piece.arrival, data: Vec::new() };
        match &mut self.format {
            Format::Opus => {}
            Format::Vp8 => {
                let part = vp8::parse(&piece.payload).ok_or(Broken)?;
                match &mut self.assembly {
                    Some(assembly) => assembly.data.extend_from_slice(part.data),
                    None if part.begins_frame => {
                        self.assembly.insert(begins()).data.extend_from_slice(part.data);
                    }
                    None => return Err(Broken),
                }
            }
            Format::H264(h264) => {
                let assembly = self.assembly.get_or_insert_with(begins);
                h264.append(&piece.payload, &mut assembly.data)?;
            }
        }
        let size = self.assembly.as_ref().map_or(0, |assembly| assembly.data.len());
        if size > MAX_FRAME_BYTES { Err(Broken) } else { Ok(()) }
    }

    fn finish(&mut self, out: &mut impl FnMut(Frame)) {
        let Some(Assembly { ticks, arrival, mut data }) = self.assembly.take() else { return };
        let keyframe = match &mut self.format {
            Format::Opus => true,
            Format::Vp8 => vp8::is_keyframe(&data),
            Format::H264(h264) => h264.finish(&mut data),
        };
        if self.awaiting_keyframe && !keyframe {
            self.dropped += 1;
            return;
        }
        self.awaiting_keyframe = false;
        out(Frame { ticks, arrival, data: data.into(), keyframe });
    }
}

#[cfg(test)]
mod tests;
