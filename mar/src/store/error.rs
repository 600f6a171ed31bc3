//! Why the store refuses or fails, and what S3 calls it.

use std::io;

use axum::http::StatusCode;
use s3s::{S3Error, S3ErrorCode};

/// Why the store refuses or fails.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No object has the key.
    #[error("no object has this key")]
    NoSuchKey,
    /// The upload is unknown, complete, aborted or expired.
    #[error("the upload is unknown, complete, aborted or expired")]
    NoSuchUpload,
    /// `If-Match` or `If-None-Match` does not hold.
    #[error("a precondition does not hold")]
    PreconditionFailed,
    /// The store may not take so many bytes more.
    #[error("the store is full: {used_bytes} bytes are used, {wanted_bytes} more are wanted")]
    Full {
        /// Bytes of all objects and of what is being written.
        used_bytes: u64,
        /// Bytes that did not fit.
        wanted_bytes: u64,
    },
    /// One object or part is larger than S3 allows.
    #[error("larger than S3 allows")]
    TooLarge,
    /// The request's body ended early, or could not be read.
    #[error("the body could not be read: {0}")]
    Body(String),
    /// The body is not as long as the request says.
    #[error("the body is not as long as the request says")]
    IncompleteBody,
    /// The bytes that came have another digest than the request says.
    #[error("the {0} digest of the bytes that came is another one")]
    BadDigest(&'static str),
    /// A digest in the request is no digest.
    #[error("the {0} digest in the request is malformed")]
    InvalidDigest(&'static str),
    /// The disk failed.
    #[error("disk: {0}")]
    Disk(#[from] io::Error),
    /// The index failed.
    #[error("index: {0}")]
    Index(#[from] sqlx::Error),
    /// The index holds something that the store never writes.
    #[error("the index is damaged: {0}")]
    Corrupt(&'static str),
    /// The index holds something that the store never writes.
    #[error("the index is damaged: {0}")]
    CorruptJson(#[from] serde_json::Error),
}

/// S3 has no code for a full disk; this one is what clients of other stores know.
const FULL_CODE: &str = "InsufficientStorage";

impl From<StoreError> for S3Error {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::NoSuchKey => Self::with_message(S3ErrorCode::NoSuchKey, message),
            StoreError::NoSuchUpload => Self::with_message(S3ErrorCode::NoSuchUpload, message),
            StoreError::PreconditionFailed => Self::with_message(S3ErrorCode::PreconditionFailed, message),
            StoreError::TooLarge => Self::with_message(S3ErrorCode::EntityTooLarge, message),
            StoreError::Body(_) | StoreError::IncompleteBody => {
                Self::with_message(S3ErrorCode::IncompleteBody, message)
            }
            StoreError::BadDigest(_) => Self::with_message(S3ErrorCode::BadDigest, message),
            StoreError::InvalidDigest(_) => Self::with_message(S3ErrorCode::InvalidDigest, message),
            StoreError::Full { .. } => full(message),
            StoreError::Disk(ref source) if is_full(source) => full(message),
            StoreError::Disk(_)
            | StoreError::Index(_)
            | StoreError::Corrupt(_)
            | StoreError::CorruptJson(_) => {
                tracing::error!(error = %message, "the store failed");
                Self::with_message(S3ErrorCode::InternalError, "the store failed; its log says why")
            }
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

fn full(message: String) -> S3Error {
    tracing::warn!(%message, "a write was refused");
    let mut error = S3Error::with_message(S3ErrorCode::Custom(FULL_CODE.into()), message);
    error.set_status_code(StatusCode::INSUFFICIENT_STORAGE);
    error
}
