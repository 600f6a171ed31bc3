//! The bucket: objects of recordings through `aws-sdk-s3`.
//!
//! One try per call, bounded in time; when to try again is the caller's decision.

use std::time::Duration;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{DisplayErrorContext, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use bytes::Bytes;

use crate::config::BucketConfig;

/// Why an object was not stored or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BucketError {
    /// There is no such object.
    #[error("the bucket has no {0}")]
    Missing(String),
    /// The store refused, or did not answer in time.
    #[error("{key}: {reason}")]
    Failed {
        /// The object.
        key: String,
        /// What the client says, with its causes.
        reason: String,
    },
}

/// A bucket of recordings.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    client: aws_sdk_s3::Client,
    name: String,
}

impl Bucket {
    /// Prepares the client; nothing is sent yet.
    #[must_use]
    pub(crate) fn new(config: &BucketConfig) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let credentials =
            Credentials::new(&config.access_key, &config.secret_key, None, None, "dais settings");
        let settings = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&config.endpoint)
            .region(Region::new(config.region.clone()))
            .credentials_provider(credentials)
            .force_path_style(true)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build();
        Self { client: aws_sdk_s3::Client::from_conf(settings), name: config.name.clone() }
    }

    /// Stores an object with a checksum that the store verifies.
    ///
    /// # Errors
    /// When the store did not acknowledge it.
    pub(crate) async fn put(&self, key: &str, bytes: Bytes, content: Content) -> Result<(), BucketError> {
        let request = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .body(ByteStream::from(bytes))
            .content_type(content.media_type())
            .cache_control(content.cache_control())
            .checksum_algorithm(ChecksumAlgorithm::Crc32);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed(key, &error)),
        }
    }

    /// Reads an object; `range` is the value of a `Range` header. The bytes, and `Content-Range` when the
    /// store honoured it.
    ///
    /// # Errors
    /// When there is no such object, or the store does not answer.
    pub(crate) async fn get(
        &self,
        key: &str,
        range: Option<String>,
    ) -> Result<(Bytes, Option<String>), BucketError> {
        let request = self.client.get_object().bucket(&self.name).key(key).set_range(range);
        let object = request.send().await.map_err(|error| match error.as_service_error() {
            Some(GetObjectError::NoSuchKey(_)) => BucketError::Missing(key.to_owned()),
            Some(_) | None => failed(key, &error),
        })?;
        let content_range = object.content_range;
        let bytes = object.body.collect().await.map_err(|error| BucketError::Failed {
            key: key.to_owned(),
            reason: DisplayErrorContext(&error).to_string(),
        })?;
        Ok((bytes.into_bytes(), content_range))
    }
}

fn failed<E, R>(key: &str, error: &SdkError<E, R>) -> BucketError
where
    E: std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    BucketError::Failed { key: key.to_owned(), reason: DisplayErrorContext(error).to_string() }
}

/// What an object holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// CMAF picture.
    Video,
    /// CMAF sound.
    Audio,
    /// A chunk of the recording index.
    Index,
}

impl Content {
    /// `Content-Type`.
    #[must_use]
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Video => "video/mp4",
            Self::Audio => "audio/mp4",
            Self::Index => "application/json",
        }
    }

    /// `Cache-Control`: a segment never changes, the last index chunk does.
    #[must_use]
    pub(crate) fn cache_control(self) -> &'static str {
        match self {
            Self::Video | Self::Audio => "public, max-age=31536000, immutable",
            Self::Index => "no-cache",
        }
    }
}

/// A segment of 1 MB in this time needs 1 Mb/s; slower, the live stage outruns the upload for good.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);
