//! Why the registry refuses or fails; `api::problem` says each over HTTP.

use bucket::BucketError;

use crate::db::DbError;

/// Why the registry refuses or fails.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// There is no such thing, or it is not the caller's to see.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The request cannot be understood.
    #[error("{0}")]
    Invalid(String),
    /// The index that a finish names is not in the bucket as it says.
    #[error("the recording index is not whole: {0}")]
    IndexIncomplete(String),
    /// The upload is complete, cancelled or expired.
    #[error("the upload is {0}")]
    UploadClosed(&'static str),
    /// Not all parts of the upload are there.
    #[error("{missing} of {parts} parts are missing or have another size")]
    PartsMissing {
        /// How many.
        missing: u64,
        /// Of how many.
        parts: u64,
    },
    /// The caption file is not WebVTT.
    #[error("the caption file is not WebVTT: {0}")]
    NotWebVtt(#[from] hls::vtt::VttError),
    /// Another text track of the asset has this name.
    #[error("another text track of this asset is called so")]
    NameTaken,
    /// The `Idempotency-Key` was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The asset does not play.
    #[error("the asset is not ready")]
    NotReady,
    /// A token is missing, expired or for something else.
    #[error("the playback token is missing, expired or for something else")]
    PlaybackRefused,
    /// The recording's first segment is not there yet.
    #[error("the stage is starting")]
    Starting,
    /// The bucket fails.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The database fails.
    #[error(transparent)]
    Db(#[from] DbError),
    /// An index chunk in the bucket cannot be read.
    #[error("a chunk of the recording index is damaged: {0}")]
    DamagedIndex(String),
}

impl From<sqlx::Error> for MediaError {
    fn from(error: sqlx::Error) -> Self {
        Self::Db(DbError::Database(error))
    }
}

impl db::Transient for MediaError {
    fn is_transient(&self) -> bool {
        if let Self::Db(error) = self { error.is_transient() } else { false }
    }
}
