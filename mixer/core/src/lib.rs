//! What a stage's picture shows and what its recording holds, decided without clock, socket or file.
//!
//! - [`layout`]: where each participant's tile lies.
//! - [`assembly`]: segments of all renditions into segment sets.
//! - [`progress`]: whether a child still works.
//! - [`recording`]: the life of a recording, from first run to seal, and how it goes on after a restart.
//! - [`index`]: the recording index in the bucket, in chunks.
//! - [`backoff`]: how long to wait before the next try.

pub mod assembly;
pub mod backoff;
pub mod index;
pub mod layout;
pub mod progress;
pub mod recording;
