//! Measures how far sound lags behind picture, from flashes and beeps (`testdata/media`: the top fifth is
//! white in the first two frames of each second, and a 1 kHz beep starts with them).
//!
//! It decodes with the `ffmpeg` command line, so it takes whatever that opens: a file, a playlist, a URL.

use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// Flash and beep further apart than this belong to different seconds.
const FARTHEST_PAIR_MS: f64 = 400.0;
/// Mean luma of the top fifth at which it counts as white: half-way.
const WHITE: f64 = 128.0;
/// A beep is louder than this (of 1.0), and what comes before it for [`SILENT_SAMPLES`] is not.
const LOUD: f32 = 0.1;
const SAMPLE_RATE: f64 = 48_000.0;
const SILENT_SAMPLES: usize = 4_800;

/// Where on the picture the flashing clip lies, in parts of its width and height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Left edge.
    pub left: f64,
    /// Top edge.
    pub top: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Region {
    /// The clip fills the picture.
    pub const WHOLE: Self = Self { left: 0.0, top: 0.0, width: 1.0, height: 1.0 };
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct AvSync {
    /// Beep minus flash in milliseconds, one per pair, in order. Positive: sound is late.
    pub offsets_ms: Vec<f64>,
}

impl AvSync {
    /// The middle one; 0 when there is none.
    #[must_use]
    pub fn median_ms(&self) -> f64 {
        let mut sorted = self.offsets_ms.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
    }
}

/// Measures `input`, whose picture is the flashing clip.
///
/// The picture's grid bounds the precision: at 30 frames a second single offsets vary by 33 ms.
///
/// # Errors
/// When `ffmpeg` is missing or cannot decode the input.
pub fn measure(input: &str) -> anyhow::Result<AvSync> {
    measure_region(input, Region::WHOLE)
}

/// Measures `input`, whose picture shows the flashing clip in `region`; others may speak meanwhile.
///
/// # Errors
/// When `ffmpeg` is missing or cannot decode the input.
pub fn measure_region(input: &str, region: Region) -> anyhow::Result<AvSync> {
    let (flashes, beeps) = (flashes(input, region)?, beeps(input)?);
    Ok(AvSync { offsets_ms: pair(&flashes, &beeps) })
}

/// Beginnings of the flashes, in milliseconds.
fn flashes(input: &str, region: Region) -> anyhow::Result<Vec<f64>> {
    let Region { left, top, width, height } = region;
    // The middle of the flashing fifth: its edges are blurred by scaling.
    let (left, width) = (left + width * 0.1, width * 0.8);
    let (top, height) = (top + height * 0.05, height * 0.1);
    let filter = &format!(
        "crop=iw*{width}:ih*{height}:iw*{left}:ih*{top},format=gray,signalstats,\
         metadata=print:key=lavfi.signalstats.YAVG:file=-"
    );
    let printed = decode(input, &["-map", "0:v:0", "-vf", filter, "-f", "null", "-"])?;
    let printed = String::from_utf8_lossy(&printed);
    let (mut at_ms, mut white, mut found) = (0.0, true, Vec::new());
    for line in printed.lines() {
        if let Some((_, seconds)) = line.split_once("pts_time:") {
            at_ms = seconds.trim().parse::<f64>()? * 1_000.0;
        } else if let Some((_, luma)) = line.split_once("YAVG=") {
            let now = luma.trim().parse::<f64>()? > WHITE;
            if now && !white {
                found.push(at_ms);
            }
            white = now;
        }
    }
    Ok(found)
}

/// Beginnings of the beeps, in milliseconds.
fn beeps(input: &str) -> anyhow::Result<Vec<f64>> {
    // Samples from time zero of the input, whenever its sound begins. Of voices only what is near the beep's
    // 1 kHz passes; a filter 200 Hz wide is late by about 1 / (π × 200 Hz) = 1.6 ms.
    let filter = "aresample=48000:async=1:first_pts=0,bandpass=f=1000:width_type=h:w=200";
    let pcm = decode(input, &["-map", "0:a:0", "-af", filter, "-ac", "1", "-f", "f32le", "-"])?;
    let samples = pcm.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let (mut silent, mut found) = (0, Vec::new());
    for (number, sample) in samples.enumerate() {
        if sample.abs() < LOUD {
            silent += 1;
            continue;
        }
        if silent >= SILENT_SAMPLES {
            found.push(f64::from(u32::try_from(number)?) * 1_000.0 / SAMPLE_RATE);
        }
        silent = 0;
    }
    Ok(found)
}

fn decode(input: &str, output: &[&str]) -> anyhow::Result<Vec<u8>> {
    let ran = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error"])
        .args(["-i", input])
        .args(output)
        .stdin(Stdio::null())
        .output()
        .context("ffmpeg cannot be started")?;
    ensure!(ran.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&ran.stderr));
    Ok(ran.stdout)
}

/// The nearest beep of each flash.
fn pair(flashes: &[f64], beeps: &[f64]) -> Vec<f64> {
    let nearest = |flash: &f64| {
        let offsets = beeps.iter().map(|beep| beep - flash);
        offsets.min_by(|a, b| a.abs().total_cmp(&b.abs())).filter(|offset| offset.abs() < FARTHEST_PAIR_MS)
    };
    flashes.iter().filter_map(nearest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flash_is_paired_with_its_nearest_beep() {
        assert_eq!(pair(&[1_000.0, 2_000.0, 9_000.0], &[1_030.0, 1_980.0]), [30.0, -20.0]);
    }

    #[test]
    fn the_median_ignores_one_wild_pair() {
        assert!((AvSync { offsets_ms: vec![10.0, 300.0, 12.0] }.median_ms() - 12.0).abs() < 1e-9);
    }

    /// The fixture has sound and picture exactly together; the detector may be off by a frame at most.
    #[test]
    fn the_fixture_is_in_sync() {
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/media/upload.mp4");
        let sync = measure(fixture).unwrap();
        assert!(sync.offsets_ms.len() >= 9, "{sync:?}");
        assert!(sync.median_ms().abs() <= 20.0, "{sync:?}");
    }
}
