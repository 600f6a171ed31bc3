//! The `s3s` trait on the store: translates inputs and outputs, decides nothing.

use s3s::dto::*;
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};

mod convert;
mod lists;

use self::convert::{condition, headers_of, read_condition, rfc_range, signed, timestamp};
use super::Store;
use super::intake::{Claims, announced};
use super::model::{Algorithm, Checksums, Object as StoredObject};
use super::multipart::{Chosen, CompleteError, MAX_PARTS};

/// The store as `s3s` sees it.
#[derive(Debug, Clone)]
pub(super) struct Protocol(pub(super) Store);

impl Protocol {
    fn check_bucket(&self, bucket: &str) -> S3Result<()> {
        if bucket == self.0.config.bucket { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
    }
}

/// Claims of an input that carries a body: the two kinds have the same fields.
macro_rules! claims {
    ($req:expr) => {
        Claims {
            size_bytes: $req.input.content_length.and_then(|length| u64::try_from(length).ok()),
            md5: $req.input.content_md5.take(),
            checksums: Checksums {
                crc32: $req.input.checksum_crc32.take(),
                crc32c: $req.input.checksum_crc32c.take(),
                crc64nvme: $req.input.checksum_crc64nvme.take(),
                sha1: $req.input.checksum_sha1.take(),
                sha256: $req.input.checksum_sha256.take(),
            },
            algorithm: algorithm($req.input.checksum_algorithm.as_ref()),
            announced: announced(&$req.headers),
            trailers: $req.trailing_headers.take(),
        }
    };
}

#[async_trait::async_trait]
impl S3 for Protocol {
    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.check_bucket(&req.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn create_bucket(
        &self,
        req: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        // The one bucket is made by settings.
        self.check_bucket(&req.input.bucket)?;
        Err(s3_error!(BucketAlreadyOwnedByYou))
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.check_bucket(&req.input.bucket)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn put_object(&self, mut req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        self.check_bucket(&req.input.bucket)?;
        let claims = claims!(req);
        let condition = condition(req.input.if_none_match.as_ref(), req.input.if_match.as_ref())?;
        let body = req.input.body.take().unwrap_or_else(empty);
        let headers = headers_of!(req.input);
        let object = self.0.put(&req.input.key, headers, &condition, (body, &claims)).await?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(object.etag)),
            checksum_crc32: object.checksums.crc32,
            checksum_crc32c: object.checksums.crc32c,
            checksum_crc64nvme: object.checksums.crc64nvme,
            checksum_sha1: object.checksums.sha1,
            checksum_sha256: object.checksums.sha256,
            ..PutObjectOutput::default()
        }))
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        self.check_bucket(&input.bucket)?;
        let object = self.0.head(&input.key).await?;
        read_condition(&object, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let range = rfc_range(input.range.as_ref(), object.size_bytes)?;
        let bytes = self.0.read(&object, range.clone()).await?;
        let mut output = convert::get_output(&object, &range, input.range.is_some())?;
        if wants_checksums(input.checksum_mode.as_ref()) && input.range.is_none() {
            let checksums = object.checksums;
            output.checksum_crc32 = checksums.crc32;
            output.checksum_crc32c = checksums.crc32c;
            output.checksum_crc64nvme = checksums.crc64nvme;
            output.checksum_sha1 = checksums.sha1;
            output.checksum_sha256 = checksums.sha256;
        }
        let mut bytes = bytes;
        let stream = futures::stream::poll_fn(move |cx| bytes.poll_recv(cx));
        output.body = Some(StreamingBlob::wrap(stream));
        let partial = input.range.is_some();
        let mut response = S3Response::new(output);
        response.status = partial.then_some(axum::http::StatusCode::PARTIAL_CONTENT);
        Ok(response)
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        self.check_bucket(&input.bucket)?;
        let object = self.0.head(&input.key).await?;
        read_condition(&object, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let range = rfc_range(input.range.as_ref(), object.size_bytes)?;
        let mut output = convert::head_output(&object, &range)?;
        if wants_checksums(input.checksum_mode.as_ref()) {
            let checksums = object.checksums;
            output.checksum_crc32 = checksums.crc32;
            output.checksum_crc32c = checksums.crc32c;
            output.checksum_crc64nvme = checksums.crc64nvme;
            output.checksum_sha1 = checksums.sha1;
            output.checksum_sha256 = checksums.sha256;
        }
        Ok(S3Response::new(output))
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let mut input = req.input;
        self.check_bucket(&input.bucket)?;
        let CopySource::Bucket { bucket, key, version_id: None } = &input.copy_source else {
            return Err(s3_error!(NotImplemented, "only objects of the bucket itself can be copied"));
        };
        self.check_bucket(bucket)?;
        let from = self.0.head(key).await?;
        read_condition(&from, input.copy_source_if_match.as_ref(), input.copy_source_if_none_match.as_ref())
            .map_err(|_| s3_error!(PreconditionFailed))?;
        let replace = input.metadata_directive.as_ref().map(MetadataDirective::as_str)
            == Some(MetadataDirective::REPLACE);
        let headers = replace.then(|| headers_of!(input));
        let object = self.0.copy(&from, &input.key, headers).await?;
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                last_modified: Some(timestamp(object.modified_at_us)),
                e_tag: Some(ETag::Strong(object.etag)),
                ..CopyObjectResult::default()
            }),
            ..CopyObjectOutput::default()
        }))
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.check_bucket(&req.input.bucket)?;
        self.0.delete(&req.input.key).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.check_bucket(&req.input.bucket)?;
        Ok(S3Response::new(lists::delete_objects(&self.0, req.input.delete).await))
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.check_bucket(&req.input.bucket)?;
        Ok(S3Response::new(lists::list_objects_v2(&self.0, req.input).await?))
    }

    async fn list_objects(
        &self,
        req: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        self.check_bucket(&req.input.bucket)?;
        Ok(S3Response::new(lists::list_objects(&self.0, req.input).await?))
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let mut input = req.input;
        self.check_bucket(&input.bucket)?;
        if input.checksum_type.as_ref().map(ChecksumType::as_str) == Some(ChecksumType::FULL_OBJECT) {
            return Err(s3_error!(NotImplemented, "checksums of multipart uploads are composite"));
        }
        let chosen = algorithm(input.checksum_algorithm.as_ref());
        let headers = headers_of!(input);
        let upload_id = self.0.start_upload(&input.key, headers, chosen).await?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(upload_id),
            checksum_algorithm: input.checksum_algorithm,
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(
        &self,
        mut req: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        self.check_bucket(&req.input.bucket)?;
        if !(1..=MAX_PARTS).contains(&req.input.part_number) {
            return Err(s3_error!(InvalidArgument, "the part number is not within 1 to {MAX_PARTS}"));
        }
        let upload = self.0.upload(&req.input.upload_id, &req.input.key).await?;
        let claims = claims!(req);
        let body = req.input.body.take().unwrap_or_else(empty);
        let part = self.0.put_part(&upload, req.input.part_number, (body, claims)).await?;
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(part.etag)),
            checksum_crc32: part.checksums.crc32,
            checksum_crc32c: part.checksums.crc32c,
            checksum_crc64nvme: part.checksums.crc64nvme,
            checksum_sha1: part.checksums.sha1,
            checksum_sha256: part.checksums.sha256,
            ..UploadPartOutput::default()
        }))
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        self.check_bucket(&req.input.bucket)?;
        Ok(S3Response::new(lists::list_parts(&self.0, req.input).await?))
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        self.check_bucket(&req.input.bucket)?;
        Ok(S3Response::new(lists::list_uploads(&self.0, req.input).await?))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = req.input;
        self.check_bucket(&input.bucket)?;
        let condition = condition(input.if_none_match.as_ref(), input.if_match.as_ref())?;
        let upload = self.0.upload(&input.upload_id, &input.key).await?;
        let chosen = chosen(input.multipart_upload)?;
        let object = self.0.complete_upload(&upload, &chosen, &condition).await.map_err(complete_error)?;
        Ok(S3Response::new(completed(input.bucket, object)))
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.check_bucket(&req.input.bucket)?;
        let upload = self.0.upload(&req.input.upload_id, &req.input.key).await?;
        self.0.abort_upload(&upload).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}

fn completed(bucket: String, object: StoredObject) -> CompleteMultipartUploadOutput {
    CompleteMultipartUploadOutput {
        bucket: Some(bucket),
        key: Some(object.key),
        e_tag: Some(ETag::Strong(object.etag)),
        checksum_crc32: object.checksums.crc32,
        checksum_crc32c: object.checksums.crc32c,
        checksum_sha1: object.checksums.sha1,
        checksum_sha256: object.checksums.sha256,
        ..CompleteMultipartUploadOutput::default()
    }
}

fn chosen(list: Option<CompletedMultipartUpload>) -> S3Result<Vec<Chosen>> {
    let parts = list.and_then(|list| list.parts).unwrap_or_default();
    parts
        .into_iter()
        .map(|part| {
            Ok(Chosen {
                number: part.part_number.ok_or_else(|| s3_error!(MalformedXML, "a part has no number"))?,
                etag: part
                    .e_tag
                    .map(ETag::into_value)
                    .ok_or_else(|| s3_error!(MalformedXML, "a part has no ETag"))?,
                checksums: Checksums {
                    crc32: part.checksum_crc32,
                    crc32c: part.checksum_crc32c,
                    crc64nvme: part.checksum_crc64nvme,
                    sha1: part.checksum_sha1,
                    sha256: part.checksum_sha256,
                },
            })
        })
        .collect()
}

fn complete_error(error: CompleteError) -> S3Error {
    let message = error.to_string();
    match error {
        CompleteError::InvalidPart => s3_error!(InvalidPart, "{message}"),
        CompleteError::NoParts => s3_error!(MalformedXML, "{message}"),
        CompleteError::InvalidPartOrder => s3_error!(InvalidPartOrder, "{message}"),
        CompleteError::PartTooSmall => s3_error!(EntityTooSmall, "{message}"),
        CompleteError::Store(error) => error.into(),
    }
}

fn algorithm(named: Option<&ChecksumAlgorithm>) -> Option<Algorithm> {
    named.and_then(|named| Algorithm::from_name(named.as_str()))
}

fn wants_checksums(mode: Option<&ChecksumMode>) -> bool {
    mode.map(ChecksumMode::as_str) == Some(ChecksumMode::ENABLED)
}

fn empty() -> StreamingBlob {
    StreamingBlob::wrap(futures::stream::empty::<Result<bytes::Bytes, std::io::Error>>())
}

/// Shared by the files below: sizes cross the protocol as signed numbers.
fn size(bytes: u64) -> Option<i64> {
    Some(signed(bytes))
}
