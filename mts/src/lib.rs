//! Media transform service (MTS): jobs that make more of an asset, in sandboxed children.

mod child;
mod protocol;

pub use child::child_main;
