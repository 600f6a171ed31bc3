//! Multipart uploads: parts arrive in any order and any number of times; completing one names their
//! files as one object, without copying a byte.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures::Stream;
use s3s::crypto::{Checksum as _, Md5};

use super::error::StoreError;
use super::intake::{Claims, finish, hasher, receive};
use super::model::{Algorithm, Checksums, Condition, Extent, Headers, Object, Part, Upload};
use super::{Store, micros, random_name};

/// Every part but the last is at least this long (as on AWS).
const MIN_PART_BYTES: u64 = 5 << 20;

/// Parts of one upload (as on AWS).
pub(super) const MAX_PARTS: i32 = 10_000;

/// One part as the completing request names it.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) number: i32,
    /// Without quotes.
    pub(super) etag: String,
    pub(super) checksums: Checksums,
}

/// Why an upload cannot be completed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompleteError {
    #[error("a part that the list names was never sent, or was sent again with other bytes")]
    InvalidPart,
    #[error("the list of parts is empty")]
    NoParts,
    #[error("the list of parts is not in ascending order")]
    InvalidPartOrder,
    #[error("a part other than the last is shorter than 5 MiB")]
    PartTooSmall,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Starts an upload and returns its id.
    pub(super) async fn start_upload(
        &self,
        key: &str,
        headers: Headers,
        algorithm: Option<Algorithm>,
    ) -> Result<String, StoreError> {
        let upload = Upload {
            upload_id: random_name(),
            key: key.to_owned(),
            headers,
            algorithm,
            started_at_us: micros(SystemTime::now()),
        };
        self.index.start_upload(&upload).await?;
        Ok(upload.upload_id)
    }

    /// The upload of this id, if it is one for this key.
    pub(super) async fn upload(&self, upload_id: &str, key: &str) -> Result<Upload, StoreError> {
        let upload = self.index.upload(upload_id).await?.ok_or(StoreError::NoSuchUpload)?;
        if upload.key == key { Ok(upload) } else { Err(StoreError::NoSuchUpload) }
    }

    /// Stores a part; one with the same number is replaced.
    pub(super) async fn put_part<S, E>(
        &self,
        upload: &Upload,
        number: i32,
        (body, mut claims): (S, Claims),
    ) -> Result<Part, StoreError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: std::fmt::Display,
    {
        claims.algorithm = claims.algorithm.or(upload.algorithm);
        let received = receive(self, body, &claims).await?;
        let part = Part {
            number,
            extent: received.file.extent(received.size_bytes),
            etag: hex::encode(received.md5),
            checksums: received.checksums.clone(),
            modified_at_us: micros(SystemTime::now()),
        };
        let replaced = self.index.put_part(&upload.upload_id, &part).await?;
        received.keep();
        self.discard(&replaced).await;
        Ok(part)
    }

    /// Makes the object of an upload.
    pub(super) async fn complete_upload(
        &self,
        upload: &Upload,
        chosen: &[Chosen],
        condition: &Condition,
    ) -> Result<Object, CompleteError> {
        let sent = self.index.parts(&upload.upload_id, 0, i64::from(MAX_PARTS)).await?;
        let parts = choose(&sent, chosen)?;
        let extents: Vec<Extent> = parts.iter().map(|part| part.extent.clone()).collect();
        let object = Object {
            key: upload.key.clone(),
            version: random_name(),
            size_bytes: extents.iter().map(|extent| extent.size_bytes).sum(),
            etag: composite_etag(&parts),
            headers: upload.headers.clone(),
            checksums: composite_checksums(upload.algorithm, &parts),
            modified_at_us: micros(SystemTime::now()),
        };
        let unused = self.index.complete_upload(&upload.upload_id, &object, &extents, condition).await?;
        self.discard(&unused).await;
        Ok(object)
    }

    /// Forgets an upload and its parts.
    pub(super) async fn abort_upload(&self, upload: &Upload) -> Result<(), StoreError> {
        let files = self.index.abort_upload(&upload.upload_id).await?;
        self.discard(&files).await;
        Ok(())
    }
}

fn choose<'a>(sent: &'a [Part], chosen: &[Chosen]) -> Result<Vec<&'a Part>, CompleteError> {
    if chosen.is_empty() {
        return Err(CompleteError::NoParts);
    }
    if !chosen.is_sorted_by(|a, b| a.number < b.number) {
        return Err(CompleteError::InvalidPartOrder);
    }
    let mut parts = Vec::with_capacity(chosen.len());
    for want in chosen {
        let found = sent.binary_search_by_key(&want.number, |part| part.number);
        let part = found.map(|at| &sent[at]).map_err(|_| CompleteError::InvalidPart)?;
        let same = part.etag == want.etag
            && Algorithm::ALL.into_iter().all(|algorithm| {
                match (want.checksums.get(algorithm), part.checksums.get(algorithm)) {
                    (Some(said), Some(found)) => said == found,
                    (Some(_) | None, Some(_) | None) => true,
                }
            });
        if !same {
            return Err(CompleteError::InvalidPart);
        }
        parts.push(part);
    }
    let (_, but_last) = parts.split_last().ok_or(CompleteError::NoParts)?;
    if but_last.iter().any(|part| part.extent.size_bytes < MIN_PART_BYTES) {
        return Err(CompleteError::PartTooSmall);
    }
    Ok(parts)
}

/// MD5 of the parts' MD5s, with the number of parts: what AWS answers and clients recognise.
fn composite_etag(parts: &[&Part]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(&hex::decode(&part.etag).unwrap_or_default());
    }
    format!("{}-{}", hex::encode(md5.finalize()), parts.len())
}

/// Digest of the parts' digests, when every part has one.
fn composite_checksums(algorithm: Option<Algorithm>, parts: &[&Part]) -> Checksums {
    let mut checksums = Checksums::default();
    // CRC64NVME exists over whole objects only.
    let Some(algorithm) = algorithm.filter(|&algorithm| algorithm != Algorithm::Crc64Nvme) else {
        return checksums;
    };
    let mut over_all = hasher(|wanted| wanted == algorithm);
    for part in parts {
        let Some(digest) = part.checksums.get(algorithm).and_then(|text| BASE64.decode(text).ok()) else {
            return checksums;
        };
        over_all.update(&digest);
    }
    if let Some(digest) = finish(over_all).get(algorithm) {
        checksums.set(algorithm, format!("{digest}-{}", parts.len()));
    }
    checksums
}
