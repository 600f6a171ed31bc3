//! The SFU's edge: sockets, threads and HTTP around `sfu-core`.
//!
//! It decides how bytes travel and where decisions run (one thread per shard, a room on one shard); every
//! decision about rooms, packets and transports is `sfu-core`'s.
//!
//! ```text
//! browser ─ws─▶ signal ─command─▶ shard thread ◀─UDP, TCP─▶ browser
//!              ◀─event──────────┘      │  └─────UDP─▶ turn ─UDP, TCP, TLS─▶ browser
//!                                      └─RTP over QUIC─▶ mixer
//! encoder ─http─▶ whip ─command──▶            ─notice─▶ webhooks ─http─▶ receivers
//! ```

mod api;
mod backlog;
mod config;
mod connections;
mod datagrams;
mod http;
mod ice_servers;
mod metrics;
mod mixers;
mod rate;
mod relays;
mod service;
mod shard;
mod signal;
mod tcp;
mod turn;
mod webhooks;
mod whip;

pub use config::{Config, ConfigError, Limits, LinkConfig, WebhookConfig, WebhookLimits};
pub use sfu_core::room::limits::RoomLimits;
pub use sfu_core::sdp::SdpLimits;

pub use service::{Service, StartError, start};
pub use sfu_core::shard::ROOM_PARTICIPANTS_PER_SHARD;
pub use turn::{TurnConfig, TurnError, TurnLimits, TurnTls};

/// Bounds of the TURN server's allocations.
pub use sfu_core::turn::Limits as RelayLimits;
