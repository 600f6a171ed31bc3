//! Takes a body from the network onto the disk, and believes none of it: length, MD5 and every checksum
//! that the request names are compared before the file counts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use s3s::TrailingHeaders;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use tokio::io::AsyncWriteExt;

use super::Store;
use super::disk::Published;
use super::error::StoreError;
use super::model::{Algorithm, Checksums};
use super::space::Reservation;

/// Largest object or part that one request may carry (as on AWS).
const MAX_REQUEST_BYTES: u64 = 5 << 30;

/// How much is set aside at a time while a body of unknown length comes in.
const UNKNOWN_STEP_BYTES: u64 = 8 << 20;

/// What a request says about its body.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Bytes without transfer framing.
    pub(super) size_bytes: Option<u64>,
    /// `Content-MD5`.
    pub(super) md5: Option<String>,
    /// `x-amz-checksum-*` headers.
    pub(super) checksums: Checksums,
    /// `x-amz-sdk-checksum-algorithm`, `x-amz-checksum-algorithm`, or what the upload was started with.
    pub(super) algorithm: Option<Algorithm>,
    /// `x-amz-trailer`: digests that come behind the body.
    pub(super) announced: Vec<Algorithm>,
    /// Filled once the body has been read.
    pub(super) trailers: Option<TrailingHeaders>,
}

/// A body on the disk, not yet named by the index.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) file: Published,
    pub(super) size_bytes: u64,
    pub(super) md5: [u8; 16],
    /// Those that were asked for.
    pub(super) checksums: Checksums,
    reservation: Reservation,
}

impl Received {
    /// The index names the file now.
    pub(super) fn keep(self) {
        self.reservation.keep(self.size_bytes);
        self.file.keep();
    }
}

/// Reads a body to its end.
pub(super) async fn receive<S, E>(store: &Store, body: S, claims: &Claims) -> Result<Received, StoreError>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: std::fmt::Display,
{
    let announced = claims.size_bytes.unwrap_or(0);
    if announced > MAX_REQUEST_BYTES {
        return Err(StoreError::TooLarge);
    }
    let mut reservation = store.space.reserve(announced)?;
    let mut new = store.disk.create().await?;
    let mut digests = Digests::new(claims);
    let mut size_bytes = 0_u64;
    let mut body = std::pin::pin!(body);
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|error| StoreError::Body(error.to_string()))?;
        size_bytes += bytes.len() as u64;
        if claims.size_bytes.is_some_and(|announced| size_bytes > announced) {
            return Err(StoreError::IncompleteBody);
        }
        if size_bytes > MAX_REQUEST_BYTES {
            return Err(StoreError::TooLarge);
        }
        if size_bytes > reservation.bytes() {
            reservation.grow(UNKNOWN_STEP_BYTES.max(size_bytes - reservation.bytes()))?;
        }
        digests.update(&bytes);
        new.file.write_all(&bytes).await?;
    }
    if claims.size_bytes.is_some_and(|announced| size_bytes != announced) {
        return Err(StoreError::IncompleteBody);
    }
    new.file.flush().await?;
    let (md5, checksums) = digests.check(claims)?;
    let file = store.disk.publish(new).await?;
    Ok(Received { file, size_bytes, md5, checksums, reservation })
}

/// Digests of the bytes so far.
struct Digests {
    md5: Md5,
    others: ChecksumHasher,
}

impl Digests {
    fn new(claims: &Claims) -> Self {
        Self { md5: Md5::new(), others: hasher(|algorithm| claims.wants(algorithm)) }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.others.update(bytes);
    }

    /// Compares with what the request says in headers and trailers.
    fn check(self, claims: &Claims) -> Result<([u8; 16], Checksums), StoreError> {
        let md5 = self.md5.finalize();
        if let Some(said) = &claims.md5 {
            let said = BASE64.decode(said).map_err(|_| StoreError::InvalidDigest("MD5"))?;
            if said.len() != md5.len() {
                return Err(StoreError::InvalidDigest("MD5"));
            }
            if said != md5 {
                return Err(StoreError::BadDigest("MD5"));
            }
        }
        let found = finish(self.others);
        for algorithm in Algorithm::ALL {
            let trailer = claims.trailer(algorithm);
            for said in claims.checksums.get(algorithm).into_iter().chain(trailer.as_deref()) {
                if found.get(algorithm) != Some(said) {
                    return Err(StoreError::BadDigest(algorithm.name()));
                }
            }
            // A trailer that was announced and did not come would leave the bytes unchecked.
            if claims.announced.contains(&algorithm) && trailer.is_none() {
                return Err(StoreError::IncompleteBody);
            }
        }
        Ok((md5, found))
    }
}

impl Claims {
    fn wants(&self, algorithm: Algorithm) -> bool {
        self.algorithm == Some(algorithm)
            || self.announced.contains(&algorithm)
            || self.checksums.get(algorithm).is_some()
    }

    fn trailer(&self, algorithm: Algorithm) -> Option<String> {
        self.trailers
            .as_ref()?
            .read(|headers| Some(headers.get(algorithm.header())?.to_str().ok()?.trim().to_owned()))?
    }
}

/// Algorithms that a request's `x-amz-trailer` header announces.
pub(super) fn announced(headers: &axum::http::HeaderMap) -> Vec<Algorithm> {
    let names: Vec<&str> = headers
        .get_all("x-amz-trailer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
        .collect();
    Algorithm::ALL
        .into_iter()
        .filter(|algorithm| names.iter().any(|name| name.eq_ignore_ascii_case(algorithm.header())))
        .collect()
}

/// A hasher of the wanted algorithms.
pub(super) fn hasher(wanted: impl Fn(Algorithm) -> bool) -> ChecksumHasher {
    ChecksumHasher {
        crc32: wanted(Algorithm::Crc32).then(Crc32::new),
        crc32c: wanted(Algorithm::Crc32c).then(Crc32c::new),
        crc64nvme: wanted(Algorithm::Crc64Nvme).then(Crc64Nvme::new),
        sha1: wanted(Algorithm::Sha1).then(Sha1::new),
        sha256: wanted(Algorithm::Sha256).then(Sha256::new),
    }
}

/// The digests of a hasher.
pub(super) fn finish(hasher: ChecksumHasher) -> Checksums {
    let sums = hasher.finalize();
    Checksums {
        crc32: sums.checksum_crc32,
        crc32c: sums.checksum_crc32c,
        crc64nvme: sums.checksum_crc64nvme,
        sha1: sums.checksum_sha1,
        sha256: sums.checksum_sha256,
    }
}
