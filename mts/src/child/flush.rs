//! Ends a fragment of a fragmented MP4 at a moment of our choice.
//!
//! The only call of the codec library that has no safe wrapper.

#![expect(unsafe_code, reason = "`av_write_frame` with a null packet has no safe wrapper")]

use ffmpeg_next::format::context::Output;
use ffmpeg_next::{Error, ffi};

/// Writes what was muxed since the last fragment as one `moof` and `mdat` (movenc's `frag_custom`).
pub(super) fn fragment(output: &mut Output) -> Result<(), Error> {
    // SAFETY: the context is open for as long as `output` is borrowed, and a null packet means flush.
    match unsafe { ffi::av_write_frame(output.as_mut_ptr(), std::ptr::null_mut()) } {
        0.. => Ok(()),
        error => Err(Error::from(error)),
    }
}
