use wire::media::{RenditionKind, SegmentInfo};

use super::*;

const FIRST_AT_US: i64 = 1_774_861_445_000_000;

fn opened() -> Entry {
    Entry::Opened { stage_id: StageId::from_bits(1), asset_id: AssetId::from_bits(2) }
}

fn ladder() -> Entry {
    let rendition = RenditionInfo {
        name: "v720".into(),
        kind: RenditionKind::Video { width: 1280, height: 720, frame_rate: 30.0 },
        codecs: "avc1.42c01f".into(),
        bandwidth_bps: 1,
    };
    Entry::Renditions { renditions: vec![rendition] }
}

fn set(number: u64, run: u32, offset_ms: u64) -> SegmentSet {
    SegmentSet {
        number,
        started_at_us: FIRST_AT_US + i64::try_from(offset_ms).unwrap() * 1_000,
        run,
        offset_ms,
        segments: vec![SegmentInfo { duration_us: 2_000_000, size_bytes: 10 }],
    }
}

fn durable(number: u64, run: u32, offset_ms: u64) -> Entry {
    Entry::SetDurable { set: set(number, run, offset_ms) }
}

fn live() -> Vec<Entry> {
    vec![
        opened(),
        Entry::RunStarted { run: 0 },
        ladder(),
        durable(0, 0, 33),
        durable(1, 0, 2_033),
        Entry::SetSaved { number: 0 },
    ]
}

#[test]
fn a_recording_goes_from_starting_to_sealed() {
    let mut recording = Recording::new(StageId::from_bits(1), AssetId::from_bits(2));
    assert_eq!(recording.phase(), Phase::Starting);
    for (entry, phase) in [
        (Entry::RunStarted { run: 0 }, Phase::Starting),
        (ladder(), Phase::Starting),
        (durable(0, 0, 0), Phase::Live),
        (Entry::SetSaved { number: 0 }, Phase::Live),
        (Entry::EndAsked, Phase::Draining),
        (durable(1, 0, 2_000), Phase::Draining),
        (Entry::SetSaved { number: 1 }, Phase::Draining),
        (Entry::Sealed, Phase::Sealed),
        (Entry::EndAsked, Phase::Sealed),
    ] {
        recording.apply(entry).unwrap();
        assert_eq!(recording.phase(), phase);
    }
    assert_eq!(recording.apply(durable(2, 0, 4_000)), Err(EntryError::Phase(Phase::Sealed)));
    assert_eq!(recording.apply(Entry::RunStarted { run: 1 }), Err(EntryError::Phase(Phase::Sealed)));
}

#[test]
fn the_first_run_starts_at_zero() {
    let recording = Recording::replay([opened()]).unwrap();
    assert_eq!(recording.next_run(), NextRun { run: 0, first_segment: 0, epoch_us: None, resume_at_us: 0 });
}

#[test]
fn the_next_run_goes_on_behind_the_last_set() {
    let recording = Recording::replay(live()).unwrap();
    assert_eq!(
        recording.next_run(),
        NextRun { run: 1, first_segment: 2, epoch_us: Some(FIRST_AT_US), resume_at_us: 4_034_000 }
    );
}

#[test]
fn a_run_that_made_nothing_still_uses_up_its_number() {
    let mut entries = live();
    entries.push(Entry::RunStarted { run: 1 });
    let recording = Recording::replay(entries).unwrap();
    assert_eq!((recording.next_run().run, recording.next_run().first_segment), (2, 2));
}

#[test]
fn a_clock_that_stepped_back_does_not_move_a_date_before_the_set_in_front() {
    let recording = Recording::replay(live()).unwrap();
    let late = set(2, 1, 9_000);
    assert_eq!(recording.dated(late.clone()), late);
    let back = SegmentSet { started_at_us: FIRST_AT_US - 60_000_000, ..set(2, 1, 9_000) };
    assert_eq!(recording.dated(back).started_at_us, FIRST_AT_US + 4_033_000);
}

#[test]
fn status_counts_saved_and_waiting_sets() {
    let recording = Recording::replay(live()).unwrap();
    assert_eq!(recording.duration_ms(), 4_000);
    assert_eq!(recording.saved_up_to_us(), Some(FIRST_AT_US + 2_033_000));
    assert_eq!((recording.saved().len(), recording.unsaved().len()), (1, 1));
    assert_eq!(recording.unsaved_bytes(), 10);
}

#[test]
fn a_damaged_journal_is_refused_at_the_entry_that_does_not_fit() {
    let with = |entry: Entry| {
        let mut entries = live();
        entries.push(entry);
        Recording::replay(entries).unwrap_err()
    };
    assert_eq!(with(opened()), EntryError::NotOpened);
    assert_eq!(with(durable(3, 0, 6_000)), EntryError::Hole { number: 3, sets: 2 });
    assert_eq!(with(Entry::RunStarted { run: 0 }), EntryError::RunAgain(0));
    assert_eq!(with(Entry::SetSaved { number: 2 }), EntryError::SavedUnknown(2));
    assert_eq!(with(Entry::Sealed), EntryError::Phase(Phase::Live));
    assert_eq!(Recording::replay([ladder()]), Err(EntryError::NotOpened));
    let early = [opened(), durable(0, 0, 0)];
    assert_eq!(Recording::replay(early), Err(EntryError::Ladder(0)));
}

/// Killed after any entry: what is replayed never names a set that was not durable, and the next run's
/// numbers follow without hole.
#[test]
fn every_prefix_of_a_journal_is_a_recording() {
    let entries = live();
    for length in 1..=entries.len() {
        let recording = Recording::replay(entries[..length].to_vec()).unwrap();
        assert_eq!(recording.next_run().first_segment, recording.sets().len() as u64);
        assert!(recording.saved().len() <= recording.sets().len());
    }
}
