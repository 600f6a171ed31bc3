//! What the bucket holds of a recording beyond its index.
//!
//! A mixer uploads a set before the index names it; one that is gone for good leaves up to a dozen whole sets
//! that no chunk names. They are found by their names, their times are read from the files themselves, and
//! the index is written as the mixer would have written it. A set that lacks a file never existed.

use std::collections::BTreeSet;

use bucket::{Bucket, BucketError, Expected, Kind};
use bytes::Bytes;
use hls::fmp4::{self, Fmp4Error, SegmentTime, Track, TrackKind};
use hls::recording::{index_chunk_path, init_path, segment_path};
use wire::media::{IndexChunk, RenditionInfo, RenditionKind, SETS_PER_CHUNK, SegmentInfo, SegmentSet};

use super::{Index, Indexes};
use crate::error::MediaError;

impl Indexes {
    /// The index of a recording whose mixer is gone, with the sets that only the bucket knows of; the bucket
    /// holds it afterwards. `began_at_us` is the date of a recording of which no set has one (UTC
    /// microseconds).
    ///
    /// # Errors
    /// When the bucket does not answer, what it holds is damaged, or the index changes meanwhile: then the
    /// mixer is not gone.
    pub async fn recover(&self, prefix: &str, began_at_us: i64) -> Result<Index, MediaError> {
        let before = self.present(prefix).await?;
        let files = Files { bucket: &self.bucket, prefix };
        let newest = match before.chunks.checked_sub(1) {
            Some(number) => Some((number, self.etag_of(&files, number, &before).await?)),
            None => None,
        };
        let mut recovery = Recovery { files, began_at_us, tail: None, index: before.clone() };
        while let Some(found) = recovery.next().await? {
            recovery.take(found);
        }
        let index = recovery.index;
        if index.sets.len() > before.sets.len() {
            let recovered = index.sets.len() - before.sets.len();
            tracing::warn!(prefix, recovered, "segment sets were found that no index named");
            write(&files, &before, &index, newest).await?;
        }
        let chunks = u32::try_from(index.sets.len().div_ceil(SETS_PER_CHUNK)).unwrap_or(u32::MAX);
        Ok(Index { chunks, ..index })
    }

    /// Entity tag of the newest chunk, if it still holds what was read.
    async fn etag_of(
        &self,
        files: &Files<'_>,
        number: u32,
        read: &Index,
    ) -> Result<Option<String>, MediaError> {
        let key = files.key(&index_chunk_path(number));
        let object = self.bucket.open(&key, None).await?;
        let etag = object.etag.clone();
        let chunk: IndexChunk = serde_json::from_slice(&object.bytes().await?)
            .map_err(|error| MediaError::DamagedIndex(format!("{key}: {error}")))?;
        if chunk.sets.last() == read.sets.last() {
            Ok(etag)
        } else {
            Err(BucketError::PreconditionFailed { key }.into())
        }
    }
}

/// Writes the chunks that hold what is new. The newest chunk of before is replaced only if it still is what
/// was read.
async fn write(
    files: &Files<'_>,
    before: &Index,
    index: &Index,
    newest: Option<(u32, Option<String>)>,
) -> Result<(), MediaError> {
    let first = before.sets.len() / SETS_PER_CHUNK;
    for (number, sets) in index.sets.chunks(SETS_PER_CHUNK).enumerate().skip(first) {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let chunk = IndexChunk { number, renditions: index.renditions.clone(), sets: sets.to_vec() };
        let json = serde_json::to_vec(&chunk).map_err(|error| MediaError::DamagedIndex(error.to_string()))?;
        let expected = match &newest {
            Some((known, Some(etag))) if *known == number => Expected::Etag(etag),
            Some((known, None)) if *known == number => Expected::Anything,
            Some(_) | None => Expected::Nothing,
        };
        files.bucket.put_expecting(&files.key(&index_chunk_path(number)), json, INDEX, expected).await?;
    }
    Ok(())
}

/// Files below the prefix of a recording.
#[derive(Debug, Clone, Copy)]
struct Files<'a> {
    bucket: &'a Bucket,
    prefix: &'a str,
}

impl Files<'_> {
    fn key(&self, path: &str) -> String {
        format!("{}/{path}", self.prefix)
    }

    /// `None`: there is no such file.
    async fn get(&self, path: &str) -> Result<Option<Bytes>, MediaError> {
        match self.bucket.get(&self.key(path), MAX_FILE_BYTES).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(BucketError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Runs of which a rendition's init segment is there.
    async fn runs(&self, rendition: &str) -> Result<BTreeSet<u32>, MediaError> {
        let folder = self.key(&format!("{rendition}/init-"));
        let page = self.bucket.list(&folder, None).await?;
        let run = |key: &str| key.strip_prefix(&folder)?.strip_suffix(".mp4")?.parse().ok();
        Ok(page.iter().filter_map(|entry| run(&entry.key)).collect())
    }

    /// Names of the renditions that have an init segment. For recordings without an index, which have some
    /// tens of files.
    async fn renditions(&self) -> Result<BTreeSet<String>, MediaError> {
        let folder = self.key("");
        let page = self.bucket.list(&folder, None).await?;
        let name = |key: &str| {
            let (name, file) = key.strip_prefix(&folder)?.split_once('/')?;
            file.starts_with("init-").then(|| name.to_owned())
        };
        Ok(page.iter().filter_map(|entry| name(&entry.key)).collect())
    }
}

/// A recording while it is looked through.
struct Recovery<'a> {
    files: Files<'a>,
    began_at_us: i64,
    /// Of the newest set; `None` before it was read.
    tail: Option<Tail>,
    index: Index,
}

/// The end of the newest set.
struct Tail {
    run: Run,
    /// Of the first rendition, in ticks.
    end: u64,
}

impl Tail {
    /// Whether a set begins here: within a millisecond, since muxers round to ticks. A new run begins later by
    /// the start of a process.
    fn is_followed_by(&self, time: SegmentTime) -> bool {
        let timescale = self.run.tracks.first().map_or(0, |track| track.timescale);
        time.decode_time.abs_diff(self.end).saturating_mul(1_000) < u64::from(timescale)
    }
}

/// What the init segments of one run say.
#[derive(Clone)]
struct Run {
    number: u32,
    tracks: Vec<Track>,
}

/// A whole set that no index names.
struct Found {
    run: Run,
    times: Vec<SegmentTime>,
    sizes: Vec<u64>,
}

impl Recovery<'_> {
    /// The set behind the newest, if all of it is there.
    async fn next(&mut self) -> Result<Option<Found>, MediaError> {
        if self.index.renditions.is_empty() && !self.find_renditions().await? {
            return Ok(None);
        }
        let Some((times, sizes)) = self.segments(self.index.sets.len() as u64).await? else {
            return Ok(None);
        };
        let Some(run) = self.run_of(&times).await? else { return Ok(None) };
        Ok(Some(Found { run, times, sizes }))
    }

    /// Times and sizes of the segments of one number. `None`: one is missing or cannot be read.
    async fn segments(&self, number: u64) -> Result<Option<(Vec<SegmentTime>, Vec<u64>)>, MediaError> {
        let (mut times, mut sizes) = (Vec::new(), Vec::new());
        for rendition in &self.index.renditions {
            let path = segment_path(&rendition.name, number);
            let Some(bytes) = self.files.get(&path).await? else { return Ok(None) };
            let Some(time) = readable(&path, fmp4::read_segment(&bytes)) else { return Ok(None) };
            times.push(time);
            sizes.push(bytes.len() as u64);
        }
        Ok(Some((times, sizes)))
    }

    /// The run that made a set: the one of the set before if it begins where that ends, else the next one
    /// that has init segments.
    async fn run_of(&mut self, times: &[SegmentTime]) -> Result<Option<Run>, MediaError> {
        if self.tail.is_none() && !self.index.sets.is_empty() {
            self.tail = self.read_tail().await?;
            if self.tail.is_none() {
                return Ok(None);
            }
        }
        let after = match &self.tail {
            Some(tail) if times.first().is_some_and(|time| tail.is_followed_by(*time)) => {
                return Ok(Some(tail.run.clone()));
            }
            Some(tail) => tail.run.number + 1,
            None => 0,
        };
        let Some(first) = self.index.renditions.first() else { return Ok(None) };
        let run = self.files.runs(&first.name).await?.range(after..).next().copied();
        match run {
            Some(run) => self.run(run).await,
            None => Ok(None),
        }
    }

    /// The end of the newest set that the index names.
    async fn read_tail(&self) -> Result<Option<Tail>, MediaError> {
        let Some(last) = self.index.sets.last() else { return Ok(None) };
        let Some((times, _)) = self.segments(last.number).await? else { return Ok(None) };
        let run = self.run(last.run).await?;
        Ok(run.zip(times.first()).map(|(run, time)| Tail { run, end: time.decode_time + time.duration }))
    }

    async fn run(&self, number: u32) -> Result<Option<Run>, MediaError> {
        let mut tracks = Vec::new();
        for rendition in &self.index.renditions {
            let path = init_path(&rendition.name, number);
            let Some(bytes) = self.files.get(&path).await? else { return Ok(None) };
            let Some(track) = readable(&path, fmp4::read_init(&bytes)) else { return Ok(None) };
            tracks.push(track);
        }
        Ok(Some(Run { number, tracks }))
    }

    /// Reads the ladder from the files, the largest picture first and the sound last. False: there is no
    /// picture or no sound, hence no whole set.
    async fn find_renditions(&mut self) -> Result<bool, MediaError> {
        let mut found = Vec::new();
        for name in self.files.renditions().await? {
            let Some(&run) = self.files.runs(&name).await?.first() else { continue };
            let paths = (init_path(&name, run), segment_path(&name, 0));
            let (Some(init), Some(segment)) =
                (self.files.get(&paths.0).await?, self.files.get(&paths.1).await?)
            else {
                continue;
            };
            let track = readable(&paths.0, fmp4::read_init(&init));
            let time = readable(&paths.1, fmp4::read_segment(&segment));
            found.extend(track.zip(time).map(|(track, time)| rendition(name, &track, time)));
        }
        let height = |rendition: &RenditionInfo| match rendition.kind {
            RenditionKind::Video { height, .. } => height,
            RenditionKind::Audio { .. } => 0,
        };
        found.sort_by_key(|rendition| std::cmp::Reverse(height(rendition)));
        let whole = found.first().is_some_and(|first| height(first) > 0)
            && found.last().is_some_and(|last| height(last) == 0);
        if whole {
            self.index.renditions = found;
        }
        Ok(whole)
    }

    fn take(&mut self, found: Found) {
        let lengths =
            found.run.tracks.iter().zip(&found.times).map(|(track, time)| time.length(track.timescale));
        let segments: Vec<SegmentInfo> = lengths
            .zip(&found.sizes)
            .map(|(length, &size_bytes)| SegmentInfo {
                duration_us: u64::try_from(length.as_micros()).unwrap_or(u64::MAX),
                size_bytes,
            })
            .collect();
        for (rendition, segment) in self.index.renditions.iter_mut().zip(&segments) {
            let rate = segment.size_bytes.saturating_mul(8_000_000) / segment.duration_us.max(1);
            rendition.bandwidth_bps = rendition.bandwidth_bps.max(rate);
        }
        let (Some(track), Some(time)) = (found.run.tracks.first(), found.times.first()) else { return };
        let offset_us = u128::from(time.decode_time) * 1_000_000 / u128::from(track.timescale);
        let offset_us = u64::try_from(offset_us).unwrap_or(u64::MAX);
        self.index.sets.push(SegmentSet {
            number: self.index.sets.len() as u64,
            started_at_us: self.date(found.run.number, offset_us),
            run: found.run.number,
            offset_ms: offset_us / 1_000,
            segments,
        });
        self.tail = Some(Tail { end: time.decode_time + time.duration, run: found.run });
    }

    /// UTC microseconds of a set behind the newest.
    fn date(&self, run: u32, offset_us: u64) -> i64 {
        let signed = |us: u64| i64::try_from(us).unwrap_or(i64::MAX);
        let (Some(first), Some(last)) = (self.index.sets.first(), self.index.sets.last()) else {
            return self.began_at_us;
        };
        let end = last.started_at_us + signed(last.segments.first().map_or(0, |segment| segment.duration_us));
        let by_media = first.started_at_us - signed(first.offset_ms * 1_000) + signed(offset_us);
        if last.run == run { end } else { by_media.max(end) }
    }
}

fn rendition(name: String, track: &Track, time: SegmentTime) -> RenditionInfo {
    let kind = match track.kind {
        TrackKind::Video { width, height } => {
            let length_s = time.length(track.timescale).as_secs_f64().max(0.001);
            // Whole thousandths: 29.97 stays 29.97.
            let rate = u32::try_from(time.samples).map_or(0.0, f64::from) / length_s;
            let frame_rate = (rate * 1_000.0).round() / 1_000.0;
            RenditionKind::Video { width: width.into(), height: height.into(), frame_rate }
        }
        TrackKind::Audio { channels } => RenditionKind::Audio { channels: channels.into() },
    };
    RenditionInfo { name, kind, codecs: track.codecs.clone(), bandwidth_bps: 0 }
}

/// A file that cannot be read ends the recording in front of it.
fn readable<T>(path: &str, read: Result<T, Fmp4Error>) -> Option<T> {
    read.inspect_err(|error| tracing::error!(path, %error, "a file of a recording is damaged")).ok()
}

const INDEX: Kind = Kind { media_type: "application/json", cache_control: Some("no-cache") };

/// 2 s at 50 Mb/s are 12.5 MB.
const MAX_FILE_BYTES: u64 = 16 << 20;
