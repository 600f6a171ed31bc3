//! control-api over real HTTP, on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "fixtures of tests: a panic is the report")]

mod double;
mod events;
mod harness;
mod on_air;
mod people;
mod routes;
mod sign_in;
mod uploads;
