//! A recording: one time on air of a stage, from "go live" to an asset that the bucket holds whole.
//!
//! ```text
//! Starting ──the mixer has a picture──▶ Live ──end asked──▶ Ending ──sealed──▶ Ended
//!     └───────────────end asked───────────────────────────────▲
//! ```
//! Decides the next step from what the database wants and what the mixer says; [`crate::reconcile`] does it.
//! Every step may be repeated.

use ids::{AssetId, EventId, PlaybackId, StageId};
use wire::media::PlaybackPolicy;
use wire::mixer::{Saving, StageSpec, StageState as MixerState, StageStatus as MixerStatus};

use crate::model::timestamp::Timestamp;

/// One time on air.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    /// Names the attempt; sent as `Idempotency-Key` when the asset is made.
    pub(crate) id: String,
    pub(crate) stage_id: StageId,
    pub(crate) event_id: EventId,
    pub(crate) title: String,
    pub(crate) policy: PlaybackPolicy,
    pub(crate) state: RecordingState,
    /// `None` until MAR made the asset.
    pub(crate) medium: Option<Medium>,
    pub(crate) started_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
}

/// What a recording is recorded into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Medium {
    pub(crate) asset_id: AssetId,
    pub(crate) playback_id: PlaybackId,
}

/// Where a recording is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordingState {
    /// Wanted on air; no picture yet.
    Starting,
    /// On air.
    Live,
    /// Wanted off the air; the last segments go to the bucket.
    Ending,
    /// Over.
    Ended,
}

/// What to do next for a recording that is not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Ask MAR for an asset.
    MakeAsset,
    /// Tell the mixer what the stage should be.
    Show(AssetId),
    /// Tell the mixer to end.
    End(AssetId),
    /// Nothing is left to do, or nothing was recorded: note the end.
    Close,
}

/// The next step towards what is wanted.
pub(crate) fn next_step(recording: &Recording) -> Step {
    match (recording.state, &recording.medium) {
        (RecordingState::Starting | RecordingState::Live, None) => Step::MakeAsset,
        (RecordingState::Starting | RecordingState::Live, Some(medium)) => {
            Step::Show(medium.asset_id.clone())
        }
        (RecordingState::Ending, Some(medium)) => Step::End(medium.asset_id.clone()),
        (RecordingState::Ending, None) | (RecordingState::Ended, _) => Step::Close,
    }
}

/// Whether the mixer must be told the whole wanted state, or its own word suffices.
pub(crate) fn must_tell(wanted: &StageSpec, told: Option<&StageSpec>, says: Option<&MixerStatus>) -> bool {
    match says {
        Some(status) => told != Some(wanted) || status.asset_id != wanted.asset_id,
        None => true,
    }
}

/// What the mixer's word means for a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing new.
    None,
    /// It has a picture.
    Live,
    /// The bucket holds everything.
    Sealed,
}

/// Reads the mixer's word about this asset.
pub(crate) fn progress(state: RecordingState, asset: &AssetId, says: &MixerStatus) -> Progress {
    if says.asset_id != *asset {
        return Progress::None;
    }
    match (state, says.state) {
        (_, MixerState::Ended) => Progress::Sealed,
        (RecordingState::Starting, MixerState::Live) => Progress::Live,
        (_, MixerState::Starting | MixerState::Live | MixerState::Draining) => Progress::None,
    }
}

/// What people must know about the way of a recording to the bucket.
pub(crate) fn trouble_of(saving: Saving) -> Option<&'static str> {
    match saving {
        Saving::Following => None,
        Saving::Waiting { .. } => Some(
            "The storage does not take the recording at the moment. The stage goes on; what is recorded waits \
             on the mixer's disk and follows by itself.",
        ),
        Saving::SpoolFull => Some(
            "The mixer's disk has no more room for what waits for the storage. The stage pauses and goes on by \
             itself when the storage answers.",
        ),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn recording(state: RecordingState, asset: Option<u128>) -> Recording {
        Recording {
            id: "r".into(),
            stage_id: StageId::from_bits(1),
            event_id: EventId::from_bits(1),
            title: "Keynote".into(),
            policy: PlaybackPolicy::Public,
            state,
            medium: asset.map(|bits| Medium {
                asset_id: AssetId::from_bits(bits),
                playback_id: PlaybackId::from_bits(bits),
            }),
            started_at: Timestamp(0),
            ended_at: None,
        }
    }

    fn says(asset: u128, state: MixerState) -> MixerStatus {
        MixerStatus {
            stage_id: StageId::from_bits(1),
            asset_id: AssetId::from_bits(asset),
            state,
            duration_ms: 0,
            saved_up_to_us: None,
            spool_files: 0,
            spool_bytes: 0,
            saving: Saving::Following,
            restarts: 0,
            health: None,
        }
    }

    #[test]
    fn the_asset_comes_before_the_mixer() {
        assert_eq!(next_step(&recording(RecordingState::Starting, None)), Step::MakeAsset);
        assert_eq!(
            next_step(&recording(RecordingState::Starting, Some(7))),
            Step::Show(AssetId::from_bits(7))
        );
    }

    #[test]
    fn ending_before_there_is_an_asset_just_closes() {
        assert_eq!(next_step(&recording(RecordingState::Ending, None)), Step::Close);
    }

    #[test]
    fn a_mixer_that_forgot_the_stage_is_told_again() {
        let spec = StageSpec {
            room: "stg".into(),
            asset_id: AssetId::from_bits(7),
            layout: wire::mixer::LayoutKind::Grid,
            on_stage: Vec::new(),
            title: String::new(),
        };
        let live = says(7, MixerState::Live);
        assert!(must_tell(&spec, Some(&spec), None));
        assert!(must_tell(&spec, None, Some(&live)));
        assert!(must_tell(&spec, Some(&spec), Some(&says(6, MixerState::Ended))));
        assert!(!must_tell(&spec, Some(&spec), Some(&live)));
    }

    #[test]
    fn the_word_about_an_earlier_recording_changes_nothing() {
        let asset = AssetId::from_bits(7);
        assert_eq!(progress(RecordingState::Starting, &asset, &says(6, MixerState::Ended)), Progress::None);
        assert_eq!(progress(RecordingState::Starting, &asset, &says(7, MixerState::Live)), Progress::Live);
        assert_eq!(progress(RecordingState::Ending, &asset, &says(7, MixerState::Draining)), Progress::None);
        assert_eq!(progress(RecordingState::Ending, &asset, &says(7, MixerState::Ended)), Progress::Sealed);
    }
}
