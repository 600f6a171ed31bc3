//! The recording index: which chunk a set belongs to, and what a chunk says.
//!
//! Decides the content of chunks from the sets that the bucket has acknowledged; uploads nothing.

use wire::media::{IndexChunk, RenditionInfo, SETS_PER_CHUNK, SegmentSet};

/// Number of the chunk that holds the set of this number.
#[must_use]
pub fn chunk_of(set_number: u64) -> u32 {
    u32::try_from(set_number / SETS_PER_CHUNK as u64).unwrap_or(u32::MAX)
}

/// How many chunks a recording of so many sets has.
#[must_use]
pub fn chunk_count(sets: usize) -> u32 {
    u32::try_from(sets.div_ceil(SETS_PER_CHUNK)).unwrap_or(u32::MAX)
}

/// The chunk of this number; `saved` are all acknowledged sets, from number 0. `None`: it has no set yet.
#[must_use]
pub fn chunk(number: u32, renditions: &[RenditionInfo], saved: &[SegmentSet]) -> Option<IndexChunk> {
    let sets = saved.chunks(SETS_PER_CHUNK).nth(usize::try_from(number).ok()?)?;
    Some(IndexChunk { number, renditions: renditions.to_vec(), sets: sets.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(count: u64) -> Vec<SegmentSet> {
        (0..count)
            .map(|number| SegmentSet { number, started_at_us: 0, run: 0, offset_ms: 0, segments: Vec::new() })
            .collect()
    }

    #[test]
    fn chunks_follow_each_other_without_hole_or_overlap() {
        let sets = sets(301);
        assert_eq!(chunk_count(sets.len()), 3);
        let numbers: Vec<u64> = (0..3)
            .flat_map(|number| chunk(number, &[], &sets).unwrap().sets)
            .map(|set| {
                assert!(chunk(chunk_of(set.number), &[], &sets).unwrap().sets.contains(&set));
                set.number
            })
            .collect();
        assert_eq!(numbers, (0..301).collect::<Vec<_>>());
        assert_eq!(chunk(3, &[], &sets), None);
        assert_eq!((chunk_count(0), chunk_count(150), chunk_count(151)), (0, 1, 2));
    }

    #[test]
    fn a_full_chunk_never_changes() {
        assert_eq!(chunk(0, &[], &sets(150)), chunk(0, &[], &sets(300)));
    }
}
