//! The process that makes one transform: `dais transform-child`. It decodes what strangers upload, so it
//! enters its sandbox before it reads a byte of it, and has no key, no network and no other file.

mod clock;
mod encoder;
mod flush;
mod ladder;
mod mp4;
mod pictures;
mod probe;
mod sandbox;
mod segments;
mod source;

use std::fs::File;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};
use std::process::ExitCode;

use crate::protocol::{FIRST_INPUT, Order, Output, Report, Transform};

/// Why a transform ends without a result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransformError {
    /// The input will never work.
    #[error("{detail}")]
    Refused {
        /// Stable, for programs.
        kind: &'static str,
        /// For people.
        detail: String,
    },
    /// The codec library failed where the input is not to blame.
    #[error("{what}: {source}")]
    Codec {
        /// What was tried.
        what: &'static str,
        /// What the library says.
        source: ffmpeg_next::Error,
    },
    /// A file could not be written.
    #[error("{what}: {source}")]
    File {
        /// What was tried.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// Our own output is not the CMAF that it should be.
    #[error("the muxer's output is not as expected: {0}")]
    Output(#[from] hls::fmp4::Fmp4Error),
    /// The sandbox could not be closed.
    #[error("the sandbox could not be closed: {0}")]
    Sandbox(String),
    /// The order cannot be read.
    #[error("the order cannot be read: {0}")]
    Order(String),
}

impl TransformError {
    pub(crate) fn refused(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::Refused { kind, detail: detail.into() }
    }

    pub(crate) fn codec(what: &'static str) -> impl FnOnce(ffmpeg_next::Error) -> Self {
        move |source| Self::Codec { what, source }
    }

    pub(crate) fn file(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { what, source }
    }
}

/// Runs a transform child. Call it before any runtime or thread exists.
///
/// The order is the first line of standard input; when standard input ends, so does the child.
#[must_use]
pub fn child_main() -> ExitCode {
    match run() {
        Ok(output) => tell(&Report::Done(output)),
        Err(TransformError::Refused { kind, detail }) => {
            tell(&Report::Refused { kind: kind.to_owned(), detail });
        }
        Err(error) => {
            // Standard error is the worker's log.
            let _ = writeln!(io::stderr(), "{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run() -> Result<Output, TransformError> {
    let mut line = String::new();
    // The bound keeps a confused parent from filling the memory.
    let read = io::stdin().lock().take(MAX_ORDER_BYTES).read_line(&mut line);
    read.map_err(TransformError::file("standard input"))?;
    let order: Order = serde_json::from_str(&line).map_err(|e| TransformError::Order(e.to_string()))?;
    sandbox::close(&order.bounds)?;
    end_with_parent();
    ffmpeg_next::init().map_err(TransformError::codec("the codec library"))?;
    ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Fatal);
    match order.transform {
        Transform::Probe => probe::make(input(0), &order.bounds),
        Transform::Ladder { started_at_us } => ladder::make(input(0), &order.bounds, started_at_us),
        Transform::Mp4 { sound } => mp4::make(input(0), sound.then(|| input(1))),
        Transform::Pictures => pictures::make(input(0), &order.bounds),
    }
}

/// Says how far it is; quiet when nobody listens.
pub(crate) fn tell(report: &Report) {
    let mut out = io::stdout().lock();
    let line = serde_json::to_string(report).unwrap_or_default();
    // A parent that is gone ends us by standard input.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The parent holds the other end of standard input for as long as it lives.
fn end_with_parent() {
    std::thread::spawn(|| {
        let mut byte = [0_u8; 1];
        while matches!(io::stdin().read(&mut byte), Ok(1..)) {}
        std::process::exit(1);
    });
}

#[expect(unsafe_code, reason = "the order says that the parent opened this descriptor for us")]
fn input(index: RawFd) -> File {
    // SAFETY: the worker passes the inputs at these numbers, and each is taken once, here.
    File::from(unsafe { OwnedFd::from_raw_fd(FIRST_INPUT + index) })
}

const MAX_ORDER_BYTES: u64 = 64 * 1024;
