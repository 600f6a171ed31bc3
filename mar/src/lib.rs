//! The media asset registry (MAR): one half of the service `media`, the other is `mts`.
//!
//! Holds the bucket (embedded store or external) and what is in it: assets, uploads, text tracks,
//! playback ids, and the HLS origin. It encodes nothing.

pub mod bucket;
pub mod store;
