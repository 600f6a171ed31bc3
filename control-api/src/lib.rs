//! control-api: events, and everything people call.
//!
//! Decides who may do what in which event, and what each stage should be; it keeps that in its database and
//! makes it true in the SFU, the mixer and the media service ([`reconcile`](self)). It touches no media.
//!
//! ```text
//! request → api (routes, bodies) → caller (who) → events · people · stages · on_air · replays (rules)
//!                                                  │ db (SQL)        │ upstream (other services)
//!                                     reconcile ───┴─────────────────┘
//! ```

mod accounts;
mod addresses;
mod api;
mod cache;
mod caller;
mod config;
mod db;
mod events;
mod limits;
mod metrics;
mod model;
mod on_air;
mod origins;
mod password;
mod people;
mod platform;
mod presence;
mod problem;
mod reception;
mod reconcile;
mod recording;
mod replays;
mod secret;
mod service;
mod stages;
mod state;
mod uploads;
mod upstream;

pub use api::routes::openapi_json;
pub use config::Config;
pub use service::{Service, start};
