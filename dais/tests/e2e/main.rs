//! The whole of Dais, started as a person starts it: stages, kills, restarts, uploads, several processes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crash;
mod demo;
mod outage;
mod running;
mod split;
mod uploads;
mod webhooks;
