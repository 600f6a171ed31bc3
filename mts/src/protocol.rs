//! What a worker and its transform child say: one order as a JSON line on the child's standard input, then
//! JSON lines on its standard output. Shapes only.
//!
//! The child's inputs are descriptors from [`FIRST_INPUT`] on, open for reading and seekable; its working
//! directory is the only place where it may write.

use mar::asset::Probed;
use serde::{Deserialize, Serialize};
use wire::media::IndexChunk;

/// Descriptor of the first input file; the second, if an order has two, follows it.
pub(crate) const FIRST_INPUT: i32 = 3;

/// What a child is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// Which transform.
    pub(crate) transform: Transform,
    /// How much of the machine it may use.
    pub(crate) bounds: Bounds,
}

/// A transform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub(crate) enum Transform {
    /// The input is anything that people upload. Says what it is.
    Probe,
    /// The input is anything that people upload. Makes a CMAF ladder with its recording index.
    Ladder {
        /// `EXT-X-PROGRAM-DATE-TIME` of the first frame, UTC microseconds.
        started_at_us: i64,
    },
    /// The inputs are our own CMAF: one video rendition, and one audio rendition if there is sound. Makes
    /// `video.mp4` without coding anything anew.
    Mp4 {
        /// A second input with sound exists.
        sound: bool,
    },
    /// The input is our own CMAF of one video rendition. Makes `poster.jpg`, `storyboard-<n>.jpg` and
    /// `storyboard.vtt`.
    Pictures,
}

/// How much of the machine a child may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Address space.
    pub memory_bytes: u64,
    /// CPU time over all threads.
    pub cpu_s: u64,
    /// Largest file that it may write.
    pub file_bytes: u64,
    /// Width and height of a picture that is decoded.
    pub side_px: u32,
    /// Frames per second of an input.
    pub frames_per_second: u32,
    /// Length of an input.
    pub duration_s: u64,
    /// Encoder threads.
    pub threads: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            memory_bytes: 3 << 30,
            cpu_s: 12 * 3600,
            file_bytes: 8 << 30,
            side_px: 8192,
            frames_per_second: 120,
            duration_s: 24 * 3600,
            threads: 2,
        }
    }
}

/// What a child says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub(crate) enum Report {
    /// How far it is: 0 to 100, never less than before.
    Progress {
        /// Percent of the output's length.
        percent: u8,
    },
    /// It is done: these files in its working directory are the result.
    Done(Output),
    /// The input will never work. The job must not be tried again.
    Refused {
        /// Stable, for programs: `not-a-video`, `no-picture`, `too-large`, `damaged`.
        kind: String,
        /// For people: what is wrong and what to do.
        detail: String,
    },
}

/// The files of a finished transform, as paths relative to the child's working directory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Output {
    /// In the order in which they should be stored: what names others comes last.
    pub(crate) files: Vec<String>,
    /// Of a ladder: the recording index that names its segments. It is not among the files.
    pub(crate) index: Vec<IndexChunk>,
    /// Of a probe: what the input is.
    pub(crate) probed: Option<Probed>,
}
