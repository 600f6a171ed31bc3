//! LiveKit's protocol on one side, the room's words on the other.
//!
//! It decides how each word looks on the wire (signal messages, join parameters, server API bodies); what a
//! word means is decided by `sfu-core`. It opens no socket.

pub mod api;
pub mod info;
pub mod join;
pub mod join_request;
pub mod request;
pub mod response;
pub mod webhook;
pub mod whep;
pub mod whip;

/// LiveKit's protocol number up to which this server behaves as theirs does.
///
/// From 18 on the Rust clients expect negotiated data channels with fixed ids.
pub const PROTOCOL: i32 = 17;

/// Version that clients compare: features newer than this are off (`> 1.13.6` would mean SVC simulcast).
pub const SERVER_VERSION: &str = "1.9.0";

/// Seconds between a client's pings, and until it believes the connection dead.
pub const PING: (i32, i32) = (5, 15);
