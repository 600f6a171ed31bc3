//! A LiveKit-compatible client without a browser: joins a room, publishes clips with exact sender reports,
//! counts what it receives. For the demo, load generators and tests.
//!
//! It speaks the dual peer connection of `/rtc` over the `webrtc` crate. It neither encodes nor decodes.

mod clip;
mod packets;
mod participant;
mod peer;
mod signal;

pub use clip::{Clip, ClipError, Codec, Frame};
pub use participant::{ClientError, Event, Options, Participant, Publication, Source};
