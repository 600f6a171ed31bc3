//! Token domains and the keys behind them.
//!
//! Decides which token opens which door: each domain has its own key, its own claims and its own
//! validation, and a token of one domain is never accepted by another. It does not decide what a person may
//! do once the token is known to be good, and it speaks no HTTP.
//!
//! | module | who brings it | who makes it |
//! |---|---|---|
//! | [`room`] | a participant of one room, a script of the server API | control-api, `dais token` |
//! | [`service`] | one service calling another | the calling service |
//! | [`playback`] | a viewer of one signed playback id | MAR |
//! | [`experience`] | an attendee or speaker inside one event | control-api |
//! | [`invitation`] | whoever was given an invitation link | control-api |
//!
//! The organiser's cookie session is not a token: control-api keeps it in its database.

pub mod experience;
pub mod invitation;
pub mod keys;
pub mod link;
pub mod playback;
pub mod room;
pub mod service;
mod token;

pub use keys::{Keys, KeysError};
pub use token::{MAX_TOKEN_BYTES, Refused, bearer, unix_seconds};
