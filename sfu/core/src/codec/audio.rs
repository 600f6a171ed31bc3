//! Loudness from the header extension, and silence (RFC 6464, RFC 7587 §3.1.3).

use std::time::{Duration, Instant};

/// The audio level extension's byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioLevel {
    /// The sender's detector hears a voice.
    pub voice: bool,
    /// Level below full scale, 0 (loudest) to 127 (silence), in dBov with the sign left out.
    pub below_full_scale: u8,
}

impl AudioLevel {
    /// Reads the byte as it stands on the wire.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        Self { voice: byte & 0x80 != 0, below_full_scale: byte & 0x7f }
    }

    /// The byte as it stands on the wire.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        (self.voice as u8) << 7 | self.below_full_scale
    }
}

/// An Opus payload of at most two bytes is a frame that the encoder chose not to send (DTX).
#[must_use]
pub const fn is_dtx(payload_len: usize) -> bool {
    payload_len <= 2
}

/// Smoothed loudness of one publication, for the list of active speakers.
///
/// Each packet pulls the value towards its own level; with no packet for [`SILENT_AFTER`] it is zero.
#[derive(Debug, Clone, Default)]
pub struct LevelMeter {
    smooth: f32,
    last: Option<Instant>,
}

/// A DTX encoder still sends a packet each 400 ms (RFC 7587 §3.1.3); half as much again means muted.
const SILENT_AFTER: Duration = Duration::from_millis(600);

/// Levels quieter than this count as silence: room noise and microphone hiss lie below.
const QUIETEST: u8 = 60;

impl LevelMeter {
    /// Takes the level of one packet.
    pub fn observe(&mut self, now: Instant, level: AudioLevel) {
        let linear = if level.below_full_scale > QUIETEST {
            0.0
        } else {
            // dBov to amplitude.
            10f32.powf(-f32::from(level.below_full_scale) / 20.0)
        };
        // With 20 ms packets the value follows within about 200 ms.
        self.smooth += 0.1 * (linear - self.smooth);
        self.last = Some(now);
    }

    /// Amplitude from 0 (silent) to 1 (full scale).
    #[must_use]
    pub fn level(&self, now: Instant) -> f32 {
        match self.last {
            Some(last) if now.saturating_duration_since(last) < SILENT_AFTER => self.smooth,
            Some(_) | None => 0.0,
        }
    }
}
