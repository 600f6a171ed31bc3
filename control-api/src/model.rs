//! Bodies of the public API, one module per noun. Only shapes and their limits; no rule, no SQL.

pub(crate) mod event;
pub(crate) mod organiser;
pub(crate) mod person;
pub(crate) mod replay;
pub(crate) mod stage;
pub(crate) mod text;
pub(crate) mod timestamp;
pub(crate) mod upload;
