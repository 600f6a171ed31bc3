//! What the store keeps about an object, an upload and a part.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Headers that come back with an object as they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Headers {
    pub(super) content_type: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    /// `x-amz-meta-*`, without the prefix.
    pub(super) metadata: BTreeMap<String, String>,
}

/// Base64 digests, each present when it was asked for. One with `-<parts>` at its end covers the digests
/// of the parts, not the bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checksums {
    pub(super) crc32: Option<String>,
    pub(super) crc32c: Option<String>,
    pub(super) crc64nvme: Option<String>,
    pub(super) sha1: Option<String>,
    pub(super) sha256: Option<String>,
}

/// A checksum algorithm of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    /// Every algorithm.
    pub(super) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// As `x-amz-checksum-algorithm` spells it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header or trailer that carries its digest.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The algorithm of that name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }
}

impl Checksums {
    /// The digest of one algorithm.
    pub(super) fn get(&self, algorithm: Algorithm) -> Option<&str> {
        match algorithm {
            Algorithm::Crc32 => self.crc32.as_deref(),
            Algorithm::Crc32c => self.crc32c.as_deref(),
            Algorithm::Crc64Nvme => self.crc64nvme.as_deref(),
            Algorithm::Sha1 => self.sha1.as_deref(),
            Algorithm::Sha256 => self.sha256.as_deref(),
        }
    }

    /// Sets the digest of one algorithm.
    pub(super) fn set(&mut self, algorithm: Algorithm, digest: String) {
        let slot = match algorithm {
            Algorithm::Crc32 => &mut self.crc32,
            Algorithm::Crc32c => &mut self.crc32c,
            Algorithm::Crc64Nvme => &mut self.crc64nvme,
            Algorithm::Sha1 => &mut self.sha1,
            Algorithm::Sha256 => &mut self.sha256,
        };
        *slot = Some(digest);
    }
}

/// A run of an object's bytes in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extent {
    /// Name inside the store's folder, made by the store.
    pub(super) file: String,
    /// All of the file.
    pub(super) size_bytes: u64,
}

/// An object without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) key: String,
    /// Names the extents; another one after each overwrite.
    pub(super) version: String,
    pub(super) size_bytes: u64,
    /// Without quotes.
    pub(super) etag: String,
    pub(super) headers: Headers,
    pub(super) checksums: Checksums,
    pub(super) modified_at_us: i64,
}

/// An unfinished multipart upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upload {
    pub(super) upload_id: String,
    pub(super) key: String,
    pub(super) headers: Headers,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) started_at_us: i64,
}

/// A part of an unfinished upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// 1 to 10,000.
    pub(super) number: i32,
    pub(super) extent: Extent,
    /// MD5 in hexadecimal.
    pub(super) etag: String,
    pub(super) checksums: Checksums,
    pub(super) modified_at_us: i64,
}

/// What must be true of a key at the moment when an object takes it (RFC 9110 §13.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// Nothing.
    None,
    /// `If-None-Match: *`: no object has the key.
    Absent,
    /// `If-Match`: an object with this entity tag has the key.
    Matches(String),
}
