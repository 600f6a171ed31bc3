//! Sound without a voice: Opus packets of 20 ms, each with the one before it as redundancy (RFC 2198).

use std::time::{Duration, Instant};

use crate::camera::{Piece, ticks};
use crate::mark::Mark;

pub(crate) struct Microphone {
    next_frame: Instant,
    began: Instant,
    label: (u16, u16),
    frame: u32,
    time_base: u32,
    last: Vec<u8>,
    is_red: bool,
}

pub(crate) const FRAME: Duration = Duration::from_millis(20);
/// Ticks of 20 ms at 48 kHz.
const FRAME_TICKS: u16 = 960;
/// 32 kb/s.
const BYTES: usize = 80;
/// The payload type of the blocks.
pub(crate) const OPUS: u8 = 111;

impl Microphone {
    pub(crate) fn new(is_red: bool, label: (u16, u16), near_wrap: bool, began: Instant) -> Self {
        Self {
            next_frame: began,
            began,
            label,
            frame: 0,
            time_base: if near_wrap { 0xffff_f000 } else { 77 },
            last: Vec::new(),
            is_red,
        }
    }

    pub(crate) const fn is_red(&self) -> bool {
        self.is_red
    }

    pub(crate) fn poll_timeout(&self) -> Instant {
        self.next_frame
    }

    pub(crate) fn time(&self, now: Instant) -> u32 {
        self.time_base.wrapping_add(ticks(now - self.began, 48_000))
    }

    /// The packet that is due, if one is.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Piece> {
        if self.next_frame > now {
            return None;
        }
        let captured = self.next_frame - self.began;
        self.next_frame += FRAME;
        self.frame += 1;
        let mark = Mark {
            room: self.label.0,
            owner: self.label.1,
            layer: Mark::SOUND,
            is_key: true,
            temporal: 0,
            frame: self.frame,
            needs: [None, None],
            captured_us: u64::try_from(captured.as_micros()).unwrap(),
        };
        let mut primary = Vec::new();
        mark.write(&mut primary);
        primary.resize(BYTES, 0);
        let mut payload = Vec::new();
        if self.is_red {
            if !self.last.is_empty() {
                let header = u32::from(FRAME_TICKS) << 10 | u32::try_from(self.last.len()).unwrap();
                let [_, high, middle, low] = header.to_be_bytes();
                payload.extend_from_slice(&[0x80 | OPUS, high, middle, low]);
            }
            payload.push(OPUS);
            payload.extend_from_slice(&self.last);
        }
        payload.extend_from_slice(&primary);
        self.last = primary;
        let time = self.time_base.wrapping_add(ticks(captured, 48_000));
        Some(Piece { payload, marker: false, time })
    }
}
