//! Objects: put, read, copy, delete.

use std::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;
use futures::Stream;
use tokio::sync::mpsc;

use super::disk::Published;
use super::error::StoreError;
use super::intake::{Claims, receive};
use super::model::{Condition, Extent, Headers, Object};
use super::{Store, micros, random_name};

/// Bytes of an object as they are read from the disk.
pub(super) type Bytestream = mpsc::Receiver<std::io::Result<Bytes>>;

impl Store {
    /// Stores an object from one body.
    pub(super) async fn put<S, E>(
        &self,
        key: &str,
        headers: Headers,
        condition: &Condition,
        (body, claims): (S, &Claims),
    ) -> Result<Object, StoreError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: std::fmt::Display,
    {
        // Asked again in the transaction; here it spares the body's way to the disk.
        self.check(key, condition).await?;
        let received = receive(self, body, claims).await?;
        let object = Object {
            key: key.to_owned(),
            version: random_name(),
            size_bytes: received.size_bytes,
            etag: hex::encode(received.md5),
            headers,
            checksums: received.checksums.clone(),
            modified_at_us: micros(SystemTime::now()),
        };
        let extent = received.file.extent(received.size_bytes);
        let replaced = self.index.put(&object, &[extent], condition).await?;
        received.keep();
        self.discard(&replaced).await;
        Ok(object)
    }

    /// The object of a key, without its bytes.
    pub(super) async fn head(&self, key: &str) -> Result<Object, StoreError> {
        self.index.object(key).await?.ok_or(StoreError::NoSuchKey)
    }

    /// Bytes of a range of an object.
    pub(super) async fn read(&self, object: &Object, range: Range<u64>) -> Result<Bytestream, StoreError> {
        let extents = self.index.extents(&object.version).await?;
        if extents.is_empty() {
            // Overwritten or deleted since it was looked up.
            return Err(StoreError::NoSuchKey);
        }
        self.disk.read(extents, range).await
    }

    /// Gives the bytes of an object another key as well; `headers` replace the source's when given.
    pub(super) async fn copy(
        &self,
        from: &Object,
        key: &str,
        headers: Option<Headers>,
    ) -> Result<Object, StoreError> {
        let sources = self.index.extents(&from.version).await?;
        if sources.is_empty() {
            return Err(StoreError::NoSuchKey);
        }
        let reservation = self.space.reserve(from.size_bytes)?;
        let mut files: Vec<Published> = Vec::with_capacity(sources.len());
        let mut extents: Vec<Extent> = Vec::with_capacity(sources.len());
        for source in &sources {
            let file = self.disk.link(&source.file).await?;
            extents.push(file.extent(source.size_bytes));
            files.push(file);
        }
        let object = Object {
            key: key.to_owned(),
            version: random_name(),
            headers: headers.unwrap_or_else(|| from.headers.clone()),
            modified_at_us: micros(SystemTime::now()),
            ..from.clone()
        };
        let replaced = self.index.put(&object, &extents, &Condition::None).await?;
        reservation.keep(from.size_bytes);
        files.into_iter().for_each(Published::keep);
        self.discard(&replaced).await;
        Ok(object)
    }

    /// Removes an object; a key without one is fine.
    pub(super) async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let removed = self.index.delete(key).await?;
        self.discard(&removed).await;
        Ok(())
    }

    async fn check(&self, key: &str, condition: &Condition) -> Result<(), StoreError> {
        match (condition, self.index.object(key).await?) {
            (Condition::Absent, Some(_)) => Err(StoreError::PreconditionFailed),
            (Condition::Matches(_), None) => Err(StoreError::NoSuchKey),
            (Condition::Matches(wanted), Some(object)) if *wanted != object.etag => {
                Err(StoreError::PreconditionFailed)
            }
            (Condition::None | Condition::Absent | Condition::Matches(_), _) => Ok(()),
        }
    }
}
