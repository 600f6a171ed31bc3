//! Multipart uploads, as browsers do them: the service starts, lists and completes, the browser sends the
//! parts to presigned URLs.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use super::{Bucket, BucketError, Kind, failed};

/// An upload in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipartUpload {
    /// The object that it becomes.
    pub key: String,
    /// S3's name of the upload.
    pub upload_id: String,
}

/// A part that the store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// From 1.
    pub number: i32,
    /// Bytes.
    pub size_bytes: u64,
    /// As the store spells it.
    pub etag: String,
}

impl Bucket {
    /// Starts an upload.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn start_upload(&self, key: &str, kind: Kind) -> Result<MultipartUpload, BucketError> {
        let request = self.client.create_multipart_upload().bucket(&self.name).key(key);
        let sent = request.content_type(kind.media_type).send().await;
        let answer = sent.map_err(|error| failed("CreateMultipartUpload", key, error))?;
        let upload_id = answer.upload_id.unwrap_or_default();
        Ok(MultipartUpload { key: key.to_owned(), upload_id })
    }

    /// A URL to which a browser may PUT one part.
    ///
    /// # Errors
    /// When the lifetime is longer than a signature may live.
    pub async fn presign_part(
        &self,
        upload: &MultipartUpload,
        number: i32,
        lifetime: Duration,
    ) -> Result<String, BucketError> {
        let key = upload.key.as_str();
        let lifetime = PresigningConfig::expires_in(lifetime).map_err(|error| BucketError::Refused {
            operation: "presigning",
            key: key.to_owned(),
            code: "InvalidLifetime".to_owned(),
            message: error.to_string(),
        })?;
        let request = self.presigner.upload_part().bucket(&self.name).key(key);
        let request = request.upload_id(&upload.upload_id).part_number(number);
        let presigned =
            request.presigned(lifetime).await.map_err(|error| failed("presigning", key, error))?;
        Ok(presigned.uri().to_owned())
    }

    /// A URL from which a browser may GET an object.
    ///
    /// # Errors
    /// When the lifetime is longer than a signature may live.
    pub async fn presign_get(&self, key: &str, lifetime: Duration) -> Result<String, BucketError> {
        let lifetime = PresigningConfig::expires_in(lifetime).map_err(|error| BucketError::Refused {
            operation: "presigning",
            key: key.to_owned(),
            code: "InvalidLifetime".to_owned(),
            message: error.to_string(),
        })?;
        let request = self.presigner.get_object().bucket(&self.name).key(key);
        let presigned =
            request.presigned(lifetime).await.map_err(|error| failed("presigning", key, error))?;
        Ok(presigned.uri().to_owned())
    }

    /// Parts that the store holds, by number.
    ///
    /// # Errors
    /// When the upload is gone, or the store does not answer.
    pub async fn stored_parts(&self, upload: &MultipartUpload) -> Result<Vec<StoredPart>, BucketError> {
        let mut parts = Vec::new();
        let mut marker = None;
        loop {
            let request = self.client.list_parts().bucket(&self.name).key(&upload.key);
            let request = request.upload_id(&upload.upload_id).set_part_number_marker(marker);
            let answer = request.send().await.map_err(|error| failed("ListParts", &upload.key, error))?;
            parts.extend(answer.parts().iter().filter_map(|part| {
                Some(StoredPart {
                    number: part.part_number()?,
                    size_bytes: u64::try_from(part.size()?).ok()?,
                    etag: part.e_tag()?.to_owned(),
                })
            }));
            match (answer.is_truncated, answer.next_part_number_marker) {
                (Some(true), Some(next)) => marker = Some(next),
                _ => return Ok(parts),
            }
        }
    }

    /// Makes the object of these parts.
    ///
    /// # Errors
    /// When the upload is gone, a part is wrong, or the store does not answer.
    pub async fn complete_upload(
        &self,
        upload: &MultipartUpload,
        parts: &[StoredPart],
    ) -> Result<(), BucketError> {
        let parts = parts
            .iter()
            .map(|part| CompletedPart::builder().part_number(part.number).e_tag(&part.etag).build())
            .collect();
        let list = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.client.complete_multipart_upload().bucket(&self.name).key(&upload.key);
        let sent = request.upload_id(&upload.upload_id).multipart_upload(list).send().await;
        sent.map(drop).map_err(|error| failed("CompleteMultipartUpload", &upload.key, error))
    }

    /// Forgets an upload; one that is gone is fine.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn abort_upload(&self, upload: &MultipartUpload) -> Result<(), BucketError> {
        let request = self.client.abort_multipart_upload().bucket(&self.name).key(&upload.key);
        let sent = request.upload_id(&upload.upload_id).send().await;
        match sent.map_err(|error| failed("AbortMultipartUpload", &upload.key, error)) {
            Ok(_) | Err(BucketError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
