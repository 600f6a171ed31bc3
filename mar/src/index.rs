//! The index of a recording or a ladder, read from the bucket.
//!
//! Decides which chunks make a whole, consistent index. Finished indexes never change and are kept in
//! memory; those of recordings in progress are read anew each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bucket::{Bucket, BucketError};
use futures::{StreamExt, TryStreamExt};
use hls::recording::{index_chunk_path, played_duration};
use wire::media::{IndexChunk, RenditionInfo, SETS_PER_CHUNK, SegmentSet};

use crate::error::MediaError;

mod recovery;

/// All segment sets below one prefix.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Index {
    /// The same in every chunk.
    pub renditions: Vec<RenditionInfo>,
    /// In order, from number 0.
    pub sets: Vec<SegmentSet>,
    /// Chunks it was read from.
    pub chunks: u32,
}

impl Index {
    /// As the player shows it.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        u64::try_from(played_duration(&self.sets).as_millis()).unwrap_or(u64::MAX)
    }

    /// Joins chunks, which come in order from 0.
    ///
    /// # Errors
    /// [`MediaError::DamagedIndex`] when numbers have holes, a chunk but the last is not full, or the
    /// renditions change.
    pub fn join(chunks: Vec<IndexChunk>) -> Result<Self, MediaError> {
        let damaged = |what: String| Err(MediaError::DamagedIndex(what));
        let mut index = Self::default();
        let count = chunks.len();
        for (position, chunk) in chunks.into_iter().enumerate() {
            if usize::try_from(chunk.number).ok() != Some(position) {
                return damaged(format!("chunk {position} calls itself {}", chunk.number));
            }
            if position + 1 < count && chunk.sets.len() != SETS_PER_CHUNK {
                return damaged(format!("chunk {position} has {} sets", chunk.sets.len()));
            }
            if position == 0 {
                index.renditions = chunk.renditions;
            } else if chunk
                .renditions
                .iter()
                .map(|each| &each.name)
                .ne(index.renditions.iter().map(|each| &each.name))
            {
                return damaged(format!("chunk {position} has other renditions"));
            }
            index.sets.extend(chunk.sets);
            index.chunks += 1;
        }
        for (expected, set) in (0_u64..).zip(&index.sets) {
            if set.number != expected {
                return damaged(format!("set {} stands at {expected}", set.number));
            }
            if set.segments.len() != index.renditions.len() {
                return damaged(format!("set {expected} has {} segments", set.segments.len()));
            }
        }
        Ok(index)
    }
}

/// Reads indexes.
#[derive(Debug, Clone)]
pub struct Indexes {
    bucket: Bucket,
    finished: Arc<Mutex<HashMap<String, Arc<Index>>>>,
}

impl Indexes {
    /// Reads from this bucket.
    #[must_use]
    pub fn new(bucket: Bucket) -> Self {
        Self { bucket, finished: Arc::default() }
    }

    /// The finished index of so many chunks below a prefix.
    ///
    /// `version` is anything that changes when the same number of chunks holds something else: a recording
    /// may go on after it was finished.
    ///
    /// # Errors
    /// When the bucket does not hold it.
    pub async fn finished(&self, prefix: &str, chunks: u32, version: i64) -> Result<Arc<Index>, MediaError> {
        let name = format!("{prefix}#{chunks}#{version}");
        if let Some(index) = self.lock().get(&name) {
            return Ok(Arc::clone(index));
        }
        let index = Arc::new(self.read(prefix, chunks).await?);
        let mut finished = self.lock();
        if finished.len() >= KEPT {
            // Which one goes matters little: reading one again costs a request per five minutes of media.
            if let Some(other) = finished.keys().next().cloned() {
                finished.remove(&other);
            }
        }
        finished.insert(name, Arc::clone(&index));
        Ok(index)
    }

    /// What the bucket holds of an index right now; empty when there is nothing.
    ///
    /// # Errors
    /// When the bucket does not answer, or what it holds is damaged.
    pub async fn present(&self, prefix: &str) -> Result<Index, MediaError> {
        let folder = format!("{prefix}/index/");
        let mut chunks = 0;
        let mut after: Option<String> = None;
        loop {
            let page = self.bucket.list(&folder, after.as_deref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            chunks += u32::try_from(page.len()).unwrap_or(u32::MAX);
        }
        self.read(prefix, chunks).await
    }

    /// The first `chunks` chunks below a prefix, as the bucket holds them now.
    ///
    /// # Errors
    /// [`MediaError::IndexIncomplete`] when one is missing, [`MediaError::DamagedIndex`].
    pub async fn read(&self, prefix: &str, chunks: u32) -> Result<Index, MediaError> {
        let read = futures::stream::iter(0..chunks).map(|number| self.chunk(prefix, number));
        Index::join(read.buffered(READS_AT_ONCE).try_collect().await?)
    }

    async fn chunk(&self, prefix: &str, number: u32) -> Result<IndexChunk, MediaError> {
        let key = format!("{prefix}/{}", index_chunk_path(number));
        let bytes = match self.bucket.get(&key, MAX_CHUNK_BYTES).await {
            Ok(bytes) => bytes,
            Err(BucketError::NotFound { key }) => return Err(MediaError::IndexIncomplete(key)),
            Err(error) => return Err(error.into()),
        };
        serde_json::from_slice(&bytes).map_err(|error| MediaError::DamagedIndex(format!("{key}: {error}")))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Index>>> {
        self.finished.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Indexes in memory. Eight hours of three renditions are about 3 MB.
const KEPT: usize = 64;

/// Chunks that are fetched at the same time: eight hours are 96 of them.
const READS_AT_ONCE: usize = 8;

/// 150 sets of a dozen renditions take a tenth of this.
const MAX_CHUNK_BYTES: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use wire::media::{RenditionKind, SegmentInfo};

    use super::*;

    fn chunk(number: u32, first: u64, sets: u64) -> IndexChunk {
        let set = |number| SegmentSet {
            number,
            started_at_us: 0,
            run: 0,
            offset_ms: number * 2000,
            segments: vec![SegmentInfo { duration_us: 2_000_000, size_bytes: 1 }],
        };
        let audio = RenditionInfo {
            name: "audio".into(),
            kind: RenditionKind::Audio { channels: 2 },
            codecs: "mp4a.40.2".into(),
            bandwidth_bps: 1,
        };
        IndexChunk { number, renditions: vec![audio], sets: (first..first + sets).map(set).collect() }
    }

    #[test]
    fn chunks_join_in_order() {
        let index = Index::join(vec![chunk(0, 0, 150), chunk(1, 150, 3)]).unwrap();
        assert_eq!((index.sets.len(), index.chunks, index.duration_ms()), (153, 2, 306_000));
    }

    #[test]
    fn a_hole_is_noticed() {
        for chunks in [
            vec![chunk(0, 0, 149), chunk(1, 149, 1)],
            vec![chunk(0, 0, 150), chunk(1, 151, 1)],
            vec![chunk(1, 0, 1)],
        ] {
            assert!(matches!(Index::join(chunks), Err(MediaError::DamagedIndex(_))));
        }
    }
}
