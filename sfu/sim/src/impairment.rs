//! The impairment matrix: one speaker (720p30, three encodings, sound with redundancy), four viewers, and a bad
//! path on the way up or down, for two minutes of virtual time.

mod profile;
mod run;

pub use profile::{Profile, ROWS, Row};
pub use run::{Outcome, Side, run};
