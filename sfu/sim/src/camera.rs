//! A simulcast VP8 encoder without a picture: frames of the right sizes, layers, ids and dependencies.

use std::time::{Duration, Instant};

use netem::Rng;

use crate::mark::Mark;

/// What a camera sends.
#[derive(Debug, Clone)]
pub struct CameraConfig {
    /// Bits per second of each encoding when nothing limits it, smallest first; one to three.
    pub rates_bps: Vec<u64>,
    /// Three temporal layers in each encoding, as Chromium does; otherwise one.
    pub temporal: bool,
    /// Counters start this close before they wrap.
    pub near_wrap: bool,
}

impl Default for CameraConfig {
    /// 720p30 in three encodings.
    fn default() -> Self {
        Self { rates_bps: vec![150_000, 450_000, 1_500_000], temporal: true, near_wrap: false }
    }
}

/// One packet without its RTP header.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) payload: Vec<u8>,
    pub(crate) marker: bool,
    pub(crate) time: u32,
}

pub(crate) struct Camera {
    encoders: Vec<Encoder>,
    next_frame: Instant,
    began: Instant,
    rng: Rng,
    label: (u16, u16),
    has_temporal: bool,
    pub(crate) is_muted: bool,
}

struct Encoder {
    full_bps: u64,
    /// What it may use now; 0: off.
    pub(crate) granted_bps: u64,
    key_wanted: bool,
    picture_id: u16,
    tl0: u8,
    time_base: u32,
    frame: u32,
    /// Place in the group of four frames.
    place: u8,
    /// Frame numbers that later frames refer to: the last base frame, the last of the middle layer.
    base: u32,
    middle: u32,
    /// Bytes above the rate that keyframes took; later frames are smaller until it is paid.
    debt: f64,
}

const FRAME: Duration = Duration::from_micros(33_333);
const FRAMES_PER_SECOND: f64 = 30.0;
/// A keyframe in mean frames.
const KEYFRAME: f64 = 5.0;
/// Payload bytes of the largest packet.
const MOST: usize = 1_150;
/// libvpx's three layers: base, top, middle, top. Chromium gives them 40, 20 and 40 % of the rate.
const PATTERN: [u8; 4] = [0, 2, 1, 2];
const WEIGHTS: [f64; 3] = [1.6, 0.8, 0.8];

impl Camera {
    pub(crate) fn new(config: &CameraConfig, label: (u16, u16), seed: u64, began: Instant) -> Self {
        let mut rng = Rng::new(seed);
        let near = config.near_wrap;
        let encoders = config.rates_bps.iter().map(|&full_bps| Encoder {
            full_bps,
            granted_bps: full_bps,
            key_wanted: true,
            picture_id: if near { 0x7ff0 } else { 100 },
            tl0: if near { 250 } else { 3 },
            time_base: if near { 0xffff_0000 } else { 12_345 },
            frame: 0,
            place: 0,
            base: 0,
            middle: 0,
            debt: 0.0,
        });
        let encoders = encoders.collect();
        let phase = Duration::from_micros(rng.below(33_333));
        Self {
            encoders,
            next_frame: began + phase,
            began,
            rng,
            label,
            has_temporal: config.temporal,
            is_muted: false,
        }
    }

    pub(crate) fn layers(&self) -> usize {
        self.encoders.len()
    }

    pub(crate) fn poll_timeout(&self) -> Instant {
        self.next_frame
    }

    pub(crate) fn request_keyframe(&mut self, layer: usize) {
        if let Some(encoder) = self.encoders.get_mut(layer) {
            encoder.key_wanted = true;
        }
    }

    /// Rates of the encodings when nothing limits them.
    pub(crate) fn full_bps(&self, layer: usize) -> u64 {
        self.encoders[layer].full_bps
    }

    pub(crate) fn granted_bps(&self, layer: usize) -> u64 {
        self.encoders[layer].granted_bps
    }

    /// Sets what an encoding may use; one that begins anew begins with a keyframe.
    pub(crate) fn grant(&mut self, layer: usize, bps: u64) {
        let encoder = &mut self.encoders[layer];
        encoder.key_wanted |= encoder.granted_bps == 0 && bps > 0;
        encoder.granted_bps = bps;
    }

    /// RTP time of an encoding at this moment, for sender reports.
    pub(crate) fn time(&self, layer: usize, now: Instant) -> u32 {
        self.encoders[layer].time_base.wrapping_add(ticks(now - self.began, 90_000))
    }

    /// Frames before this moment are not encoded.
    pub(crate) fn skip_to(&mut self, now: Instant) {
        while self.next_frame < now {
            self.next_frame += FRAME;
        }
    }

    /// The frames that are due, as packets of each encoding.
    pub(crate) fn poll(&mut self, now: Instant) -> Vec<(usize, Vec<Piece>)> {
        let mut out = Vec::new();
        while self.next_frame <= now {
            let captured = self.next_frame - self.began;
            self.next_frame += FRAME;
            if self.is_muted {
                continue;
            }
            for layer in 0..self.encoders.len() {
                if self.encoders[layer].granted_bps > 0 {
                    out.push((layer, self.encode(layer, captured)));
                }
            }
        }
        out
    }

    fn encode(&mut self, layer: usize, captured: Duration) -> Vec<Piece> {
        let (room, owner) = self.label;
        let encoder = &mut self.encoders[layer];
        let is_key = std::mem::take(&mut encoder.key_wanted);
        encoder.frame += 1;
        encoder.picture_id = encoder.picture_id.wrapping_add(1) & 0x7fff;
        if is_key || !self.has_temporal {
            encoder.place = 0;
        }
        let temporal = PATTERN[usize::from(encoder.place)];
        // Only the fourth frame needs another frame than a base one.
        let is_sync = encoder.place != 3;
        let needs = match (is_key, is_sync) {
            (true, _) => [None, None],
            (false, true) => [Some(encoder.base), None],
            (false, false) => [Some(encoder.base), Some(encoder.middle)],
        };
        if temporal == 0 {
            encoder.tl0 = encoder.tl0.wrapping_add(1);
            encoder.base = encoder.frame;
        }
        if temporal == 1 {
            encoder.middle = encoder.frame;
        }
        encoder.place = (encoder.place + 1) % 4;
        let mean = encoder.granted_bps as f64 / 8.0 / FRAMES_PER_SECOND;
        let weight = if self.has_temporal { WEIGHTS[usize::from(temporal)] } else { 1.0 };
        let mut bytes = mean * weight * (0.8 + 0.4 * self.rng.share());
        if is_key {
            encoder.debt += mean * (KEYFRAME - 1.0);
            bytes = mean * KEYFRAME;
        } else {
            let paid = encoder.debt.min(0.25 * bytes);
            encoder.debt -= paid;
            bytes -= paid;
        }
        let mark = Mark {
            room,
            owner,
            layer: u8::try_from(layer).unwrap(),
            is_key,
            temporal,
            frame: encoder.frame,
            needs,
            captured_us: u64::try_from(captured.as_micros()).unwrap(),
        };
        let time = encoder.time_base.wrapping_add(ticks(captured, 90_000));
        let tid = temporal << 6 | u8::from(is_sync) << 5;
        cut(bytes as usize, mark, time, (encoder.picture_id, encoder.tl0, tid))
    }
}

/// Cuts a frame of so many bytes into packets of about one size.
fn cut(bytes: usize, mark: Mark, time: u32, (picture_id, tl0, tid): (u16, u8, u8)) -> Vec<Piece> {
    let count = bytes.div_ceil(MOST).max(1);
    let size = bytes.div_ceil(count);
    let id = (0x8000 | picture_id).to_be_bytes();
    let piece = |part: usize| {
        let start = if part == 0 { 0x90 } else { 0x80 };
        // I, L, T and K: all fields; then the first byte of the VP8 payload, whose P bit is 0 in keyframes.
        let mut payload = vec![start, 0xf0, id[0], id[1], tl0, tid, u8::from(!mark.is_key)];
        mark.write(&mut payload);
        payload.resize(payload.len().max(size), 0);
        Piece { payload, marker: part + 1 == count, time }
    };
    (0..count).map(piece).collect()
}

pub(crate) fn ticks(time: Duration, rate: u64) -> u32 {
    let ticks = time.as_micros() * u128::from(rate) / 1_000_000;
    u32::try_from(ticks & 0xffff_ffff).unwrap()
}
