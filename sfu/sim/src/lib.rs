//! Whole rooms in virtual time: the real shard, honest clients with real ICE, DTLS and SRTP, and a network
//! from one seed between them.
//!
//! It decides what clients do and checks what they get; it decides nothing about media. A run of one seed is
//! the same on every machine but for the certificates, whose keys are fresh in each process and change no
//! decision. What is simulated is the clients: frames without pictures, of the right sizes and dependencies.
//!
//! ```text
//! clients ─▶ up links ─▶ Shard ─▶ down links ─▶ clients
//!    └─────── words (reliable, delayed) ────────┘
//! ```
#![allow(clippy::unwrap_used, reason = "a simulator stops at the first impossible thing, as a test does")]
#![allow(clippy::missing_panics_doc, reason = "every function of a simulator may panic, as a test does")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "rates and sizes of a simulated call are far from every limit"
)]

mod camera;
mod checks;
mod client;
mod leg;
mod mark;
mod microphone;
mod offer;
mod picture;
mod publisher;
mod sound;
mod subscriber;
mod world;

pub mod impairment;
pub mod rooms;

pub use camera::CameraConfig;
pub use checks::Violation;
pub use client::{Client, ClientConfig, ClientState};
pub use picture::PictureStats;
pub use sound::SoundStats;
pub use world::{ClientId, World};
