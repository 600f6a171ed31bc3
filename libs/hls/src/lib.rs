//! HLS as text and CMAF as bytes: playlists, captions, codec strings.
//!
//! Decides what a playlist says (RFC 8216bis, shortened "bis" in this crate); does not read files, know the
//! time or answer HTTP. Mixer and MAR both render through here, so that a stage reads the same live and as
//! a replay.
//!
//! - [`recording`]: playlists of a recording from its index. Most callers need only this.
//! - [`playlist`], [`multivariant`]: the two kinds of playlist, from plain lists.
//! - [`rewrite`]: the playback token into every URI of a playlist.
//! - [`vtt`]: WebVTT in, caption segments out.
//! - [`fmp4`], [`codecs`]: boxes of init and media segments; `CODECS` from what they say.
//! - [`rules`]: what a playlist must obey; the oracle of every test that has one in its hands.

pub mod codecs;
pub mod fmp4;
pub mod multivariant;
pub mod playlist;
pub mod recording;
pub mod rewrite;
pub mod rules;
pub mod time;
pub mod vtt;
