//! Clients without a browser, for the demo, load generators and tests: a LiveKit-compatible participant that
//! publishes clips with exact sender reports and counts what it receives, and callers of the control API.
//!
//! The participant speaks the dual peer connection of `/rtc` over the `webrtc` crate, or WHIP. It neither encodes nor decodes.

mod clip;
pub mod control;
mod packets;
mod participant;
mod peer;
mod sending;
mod signal;
mod whip;

pub use clip::{Clip, ClipError, Codec, Frame};
pub use participant::{ClientError, Event, Options, Participant, Publication, Source};
pub use signal::Signal;
pub use whip::WhipPublisher;
