//! The bucket that holds every media file: the one S3 client of all services, embedded store or not.
//!
//! Decides how services talk S3 (time-outs, retries, checksums) and who sees which address: services use the
//! endpoint, browsers get URLs presigned for the public endpoint. It gives keys no meaning.
//!
//! [`Bucket::new`] is for those who answer a request or do a job: several tries, then an error.
//! [`Bucket::with_one_try`] is for those who try until it is done anyhow and choose the pauses themselves.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use bytes::Bytes;

mod multipart;

pub use self::multipart::{MultipartUpload, StoredPart};

/// Where the bucket is and who we are there.
#[derive(Clone)]
pub struct BucketConfig {
    /// Base URL of the S3 service for this process, such as `http://127.0.0.1:8080`. `None`: AWS.
    pub endpoint: Option<String>,
    /// Base URL of the same service for browsers; presigned URLs start with it. `None`: as `endpoint`.
    pub public_endpoint: Option<String>,
    /// Name of the bucket; it must exist.
    pub bucket: String,
    /// Region, part of every signature.
    pub region: String,
    /// Access key.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
}

impl std::fmt::Debug for BucketConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BucketConfig")
            .field("endpoint", &self.endpoint)
            .field("public_endpoint", &self.public_endpoint)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

/// The bucket. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    /// Signs for the address that browsers use; never sends.
    presigner: Client,
    name: String,
}

/// Why the bucket did not do it.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// No object has the key, or the upload is gone.
    #[error("`{key}` is not in the bucket")]
    NotFound {
        /// The key.
        key: String,
    },
    /// The key holds something else than was expected.
    #[error("`{key}` is not in the expected state")]
    PreconditionFailed {
        /// The key.
        key: String,
    },
    /// The range lies outside the object.
    #[error("the range lies outside `{key}`")]
    InvalidRange {
        /// The key.
        key: String,
    },
    /// The object is larger than the caller accepts.
    #[error("`{key}` has more than {max_bytes} bytes")]
    TooLarge {
        /// The key.
        key: String,
        /// The bound.
        max_bytes: u64,
    },
    /// The store answers with an error.
    #[error("the bucket refuses {operation} of `{key}`: {code}: {message}")]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// The key.
        key: String,
        /// S3's code.
        code: String,
        /// S3's message.
        message: String,
    },
    /// The store does not answer.
    #[error("the bucket does not answer {operation} of `{key}`: {reason}")]
    Unreachable {
        /// What was asked.
        operation: &'static str,
        /// The key.
        key: String,
        /// What the client says.
        reason: String,
    },
    /// A local file cannot be read.
    #[error("cannot read the file to upload: {0}")]
    LocalFile(String),
}

/// What an object is served as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// `Content-Type`.
    pub media_type: &'static str,
    /// `Cache-Control`; `None`: nothing is said.
    pub cache_control: Option<&'static str>,
}

impl Kind {
    /// Something of this media type, about whose lifetime nothing is said.
    #[must_use]
    pub const fn of(media_type: &'static str) -> Self {
        Self { media_type, cache_control: None }
    }
}

/// What a key must hold for a write to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected<'a> {
    /// Whatever it holds.
    Anything,
    /// No object.
    Nothing,
    /// The object with this entity tag, with quotes as the store gave it.
    Etag(&'a str),
}

/// An object that is being read.
#[derive(Debug)]
pub struct OpenObject {
    /// Its key.
    pub key: String,
    /// Bytes of the whole object.
    pub size_bytes: u64,
    /// The bytes that are coming, half-open.
    pub range: Range<u64>,
    /// With quotes, as in the header.
    pub etag: Option<String>,
    /// The bytes.
    pub body: ByteStream,
}

impl OpenObject {
    /// All bytes that are coming, in memory.
    ///
    /// # Errors
    /// When the store breaks off.
    pub async fn bytes(self) -> Result<Bytes, BucketError> {
        let Self { key, body, .. } = self;
        let read = body.collect().await.map_err(|error| {
            let reason = aws_sdk_s3::error::DisplayErrorContext(error).to_string();
            BucketError::Unreachable { operation: "GetObject", key, reason }
        });
        Ok(read?.into_bytes())
    }
}

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Bytes.
    pub size_bytes: u64,
}

impl Bucket {
    /// Makes the clients; nothing is sent yet. A call that fails is tried again, some times.
    #[must_use]
    pub fn new(config: &BucketConfig) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT);
        Self::with(config, &timeouts.build(), &RetryConfig::standard().with_max_attempts(ATTEMPTS))
    }

    /// Makes the clients; nothing is sent yet. Each call is tried once, for at most `timeout`.
    #[must_use]
    pub fn with_one_try(config: &BucketConfig, timeout: Duration) -> Self {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_timeout(timeout);
        Self::with(config, &timeouts.build(), &RetryConfig::disabled())
    }

    fn with(config: &BucketConfig, timeouts: &TimeoutConfig, retries: &RetryConfig) -> Self {
        let public = config.public_endpoint.as_ref().or(config.endpoint.as_ref());
        let client = |endpoint: Option<&String>| {
            let credentials =
                Credentials::new(&config.access_key, &config.secret_key, None, None, "settings");
            let mut builder = aws_sdk_s3::config::Builder::new()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(config.region.clone()))
                .credentials_provider(credentials)
                .retry_config(retries.clone())
                .timeout_config(timeouts.clone());
            if let Some(endpoint) = endpoint {
                // Only AWS resolves a host name per bucket.
                builder = builder.endpoint_url(endpoint).force_path_style(true);
            }
            Client::from_conf(builder.build())
        };
        Self {
            client: client(config.endpoint.as_ref()),
            presigner: client(public),
            name: config.bucket.clone(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks the store whether the bucket is there.
    ///
    /// # Errors
    /// When it is not, or the store does not answer.
    pub async fn ping(&self) -> Result<(), BucketError> {
        let sent = self.client.head_bucket().bucket(&self.name).send().await;
        sent.map(drop).map_err(|error| failed("HeadBucket", "", error))
    }

    /// Stores an object, with a checksum that the store compares; it is durable when this returns.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn put(&self, key: &str, bytes: impl Into<Bytes>, kind: Kind) -> Result<(), BucketError> {
        self.put_expecting(key, bytes, kind, Expected::Anything).await
    }

    /// Stores an object as [`Self::put`] does, if the key holds what is expected (RFC 9110 §13.1).
    ///
    /// # Errors
    /// [`BucketError::PreconditionFailed`] when it holds something else; when the store refuses or does not
    /// answer.
    pub async fn put_expecting(
        &self,
        key: &str,
        bytes: impl Into<Bytes>,
        kind: Kind,
        expected: Expected<'_>,
    ) -> Result<(), BucketError> {
        self.put_body(key, ByteStream::from(bytes.into()), kind, expected).await
    }

    /// Stores a local file as an object.
    ///
    /// # Errors
    /// When the file cannot be read, or the store refuses or does not answer.
    pub async fn put_file(&self, key: &str, file: &Path, kind: Kind) -> Result<(), BucketError> {
        let body = ByteStream::from_path(file).await;
        let body = body.map_err(|error| BucketError::LocalFile(error.to_string()))?;
        self.put_body(key, body, kind, Expected::Anything).await
    }

    async fn put_body(
        &self,
        key: &str,
        body: ByteStream,
        kind: Kind,
        expected: Expected<'_>,
    ) -> Result<(), BucketError> {
        let request = self.client.put_object().bucket(&self.name).key(key).body(body);
        let request =
            request.content_type(kind.media_type).set_cache_control(kind.cache_control.map(str::to_owned));
        let request = match expected {
            Expected::Anything => request,
            Expected::Nothing => request.if_none_match("*"),
            Expected::Etag(etag) => request.if_match(etag),
        };
        let sent = request.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await;
        sent.map(drop).map_err(|error| failed("PutObject", key, error))
    }

    /// Reads a whole object of at most `max_bytes`.
    ///
    /// # Errors
    /// When there is none, it is larger, or the store does not answer.
    pub async fn get(&self, key: &str, max_bytes: u64) -> Result<Bytes, BucketError> {
        let object = self.open(key, None).await?;
        if object.size_bytes > max_bytes {
            return Err(BucketError::TooLarge { key: key.to_owned(), max_bytes });
        }
        object.bytes().await
    }

    /// Opens an object for reading. `range` is an HTTP `Range` value of one range; others are the
    /// caller's to refuse.
    ///
    /// # Errors
    /// When there is none, the range lies outside, or the store does not answer.
    pub async fn open(&self, key: &str, range: Option<&str>) -> Result<OpenObject, BucketError> {
        let request = self.client.get_object().bucket(&self.name).key(key);
        let request = request.set_range(range.map(str::to_owned));
        let answer = request.send().await.map_err(|error| failed("GetObject", key, error))?;
        let length = answer.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
        let (range, size_bytes) =
            answer.content_range().and_then(content_range).unwrap_or((0..length, length));
        let etag = answer.e_tag().map(str::to_owned);
        Ok(OpenObject { key: key.to_owned(), size_bytes, range, etag, body: answer.body })
    }

    /// Bytes of an object.
    ///
    /// # Errors
    /// When there is none, or the store does not answer.
    pub async fn size(&self, key: &str) -> Result<u64, BucketError> {
        let sent = self.client.head_object().bucket(&self.name).key(key).send().await;
        let answer = sent.map_err(|error| failed("HeadObject", key, error))?;
        Ok(answer.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0))
    }

    /// Removes an object; one that is not there is fine.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn delete(&self, key: &str) -> Result<(), BucketError> {
        let sent = self.client.delete_object().bucket(&self.name).key(key).send().await;
        sent.map(drop).map_err(|error| failed("DeleteObject", key, error))
    }

    /// Lists at most a thousand keys behind `after`, in the order of their bytes.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Entry>, BucketError> {
        let request = self.client.list_objects_v2().bucket(&self.name).prefix(prefix);
        let sent = request.set_start_after(after.map(str::to_owned)).send().await;
        let answer = sent.map_err(|error| failed("ListObjectsV2", prefix, error))?;
        let entries = answer.contents.unwrap_or_default().into_iter().filter_map(|object| {
            let size_bytes = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
            object.key.map(|key| Entry { key, size_bytes })
        });
        Ok(entries.collect())
    }

    /// Removes every object below a prefix; returns how many.
    ///
    /// # Errors
    /// When the store refuses or does not answer; some are gone then.
    pub async fn delete_below(&self, prefix: &str) -> Result<usize, BucketError> {
        let mut removed = 0;
        loop {
            let page = self.list(prefix, None).await?;
            if page.is_empty() {
                return Ok(removed);
            }
            for entry in &page {
                self.delete(&entry.key).await?;
            }
            removed += page.len();
        }
    }
}

/// `bytes 0-9/100`, made half-open, and the whole size.
fn content_range(header: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = header.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?..last.parse::<u64>().ok()? + 1, size.parse().ok()?))
}

fn failed<E, R>(operation: &'static str, key: &str, error: SdkError<E, R>) -> BucketError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let key = key.to_owned();
    if let Some(answer) = error.as_service_error() {
        let code = answer.code().unwrap_or("Unknown").to_owned();
        let message = answer.message().unwrap_or_default().to_owned();
        return match code.as_str() {
            "NoSuchKey" | "NotFound" | "NoSuchUpload" => BucketError::NotFound { key },
            "PreconditionFailed" => BucketError::PreconditionFailed { key },
            "InvalidRange" => BucketError::InvalidRange { key },
            _ => BucketError::Refused { operation, key, code, message },
        };
    }
    let reason = aws_sdk_s3::error::DisplayErrorContext(error).to_string();
    BucketError::Unreachable { operation, key, reason }
}

/// A bucket in the same region answers a connection in milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest silence in an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// One attempt, its body included: 64 MiB at 1 MiB/s, and the disk's sync.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(90);

/// The client waits about 1 s, then 2 s, with jitter, between them.
const ATTEMPTS: u32 = 3;
