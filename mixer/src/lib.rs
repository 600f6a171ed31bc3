//! Placeholder.

pub mod child_protocol;
