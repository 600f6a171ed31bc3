//! Answers that are lists.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use s3s::dto::*;
use s3s::{S3Error, S3Result, s3_error};

use super::super::Store;
use super::super::listing::{Page, Query, after_prefix, list};
use super::super::model::Object as StoredObject;
use super::{size, timestamp};

/// Most entries of a page (as on AWS).
const MAX_PAGE: i32 = 1000;

pub(super) async fn list_objects_v2(
    store: &Store,
    input: ListObjectsV2Input,
) -> S3Result<ListObjectsV2Output> {
    let after = match &input.continuation_token {
        Some(token) => Some(decode_token(token)?),
        None => input.start_after.clone(),
    };
    let max_keys = page_size(input.max_keys)?;
    let query = Query {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after,
        limit: usize::try_from(max_keys).unwrap_or(0),
    };
    let page = list(store, &query).await?;
    let encode = encoder(input.encoding_type.as_ref());
    let count = page.objects.len() + page.common_prefixes.len();
    let next = page.next_after.clone();
    let (contents, common_prefixes) = entries(page, encode);
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: input.prefix.map(encode),
        delimiter: input.delimiter.map(encode),
        start_after: input.start_after.map(encode),
        max_keys: Some(max_keys),
        key_count: i32::try_from(count).ok(),
        is_truncated: Some(next.is_some()),
        next_continuation_token: next.map(|next| BASE64.encode(next)),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        ..ListObjectsV2Output::default()
    })
}

pub(super) async fn list_objects(store: &Store, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    let max_keys = page_size(input.max_keys)?;
    let query = Query {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after: input.marker.clone(),
        limit: usize::try_from(max_keys).unwrap_or(0),
    };
    let page = list(store, &query).await?;
    let encode = encoder(input.encoding_type.as_ref());
    let next = page.next_after.clone();
    let (contents, common_prefixes) = entries(page, encode);
    Ok(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: input.prefix.map(encode),
        delimiter: input.delimiter.map(encode),
        marker: input.marker.map(encode),
        max_keys: Some(max_keys),
        is_truncated: Some(next.is_some()),
        next_marker: next.map(encode),
        encoding_type: input.encoding_type,
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        ..ListObjectsOutput::default()
    })
}

pub(super) async fn delete_objects(store: &Store, delete: Delete) -> DeleteObjectsOutput {
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in delete.objects {
        match store.delete(&object.key).await {
            Ok(()) => deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() }),
            Err(error) => {
                let error = S3Error::from(error);
                errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    message: error.message().map(str::to_owned),
                    key: Some(object.key),
                    version_id: None,
                });
            }
        }
    }
    let quiet = delete.quiet.unwrap_or(false);
    DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: Some(errors),
        ..DeleteObjectsOutput::default()
    }
}

pub(super) async fn list_parts(store: &Store, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let upload = store.upload(&input.upload_id, &input.key).await?;
    let marker = input.part_number_marker.unwrap_or(0);
    let max_parts = page_size(input.max_parts)?;
    let mut parts = store.index.parts(&upload.upload_id, marker, i64::from(max_parts) + 1).await?;
    let limit = usize::try_from(max_parts).unwrap_or(0);
    let truncated = parts.len() > limit;
    parts.truncate(limit);
    let next = parts.last().map(|part| part.number).filter(|_| truncated);
    let parts = parts.into_iter().map(|part| Part {
        part_number: Some(part.number),
        size: size(part.extent.size_bytes),
        e_tag: Some(ETag::Strong(part.etag)),
        last_modified: Some(timestamp(part.modified_at_us)),
        checksum_crc32: part.checksums.crc32,
        checksum_crc32c: part.checksums.crc32c,
        checksum_crc64nvme: part.checksums.crc64nvme,
        checksum_sha1: part.checksums.sha1,
        checksum_sha256: part.checksums.sha256,
    });
    Ok(ListPartsOutput {
        parts: Some(parts.collect()),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        part_number_marker: Some(marker),
        next_part_number_marker: next,
        max_parts: Some(max_parts),
        is_truncated: Some(truncated),
        ..ListPartsOutput::default()
    })
}

pub(super) async fn list_uploads(
    store: &Store,
    input: ListMultipartUploadsInput,
) -> S3Result<ListMultipartUploadsOutput> {
    if input.delimiter.as_ref().is_some_and(|delimiter| !delimiter.is_empty()) {
        return Err(s3_error!(NotImplemented, "uploads are listed without a delimiter"));
    }
    let max_uploads = page_size(input.max_uploads)?;
    let limit = usize::try_from(max_uploads).unwrap_or(0);
    let prefix = input.prefix.clone().unwrap_or_default();
    let until = after_prefix(prefix.as_bytes());
    let key_marker = input.key_marker.clone().unwrap_or_default();
    // Without an upload id the marker stands behind every upload of its key; ids are hexadecimal.
    let id_marker = match (&input.upload_id_marker, key_marker.is_empty()) {
        (Some(id), _) => id.clone(),
        (None, true) => String::new(),
        (None, false) => "~".to_owned(),
    };
    let mut uploads = store
        .index
        .uploads(
            (key_marker.as_bytes(), &id_marker),
            (prefix.as_bytes(), until.as_deref()),
            i64::from(max_uploads) + 1,
        )
        .await?;
    let truncated = uploads.len() > limit;
    uploads.truncate(limit);
    let last = uploads.last().filter(|_| truncated).cloned();
    let encode = encoder(input.encoding_type.as_ref());
    let uploads = uploads.into_iter().map(|upload| MultipartUpload {
        key: Some(encode(upload.key)),
        upload_id: Some(upload.upload_id),
        initiated: Some(timestamp(upload.started_at_us)),
        ..MultipartUpload::default()
    });
    Ok(ListMultipartUploadsOutput {
        uploads: Some(uploads.collect()),
        bucket: Some(input.bucket),
        prefix: input.prefix.map(encode),
        max_uploads: Some(max_uploads),
        is_truncated: Some(truncated),
        next_key_marker: last.as_ref().map(|upload| encode(upload.key.clone())),
        next_upload_id_marker: last.map(|upload| upload.upload_id),
        key_marker: input.key_marker.map(encode),
        upload_id_marker: input.upload_id_marker,
        encoding_type: input.encoding_type,
        ..ListMultipartUploadsOutput::default()
    })
}

fn entries(page: Page, encode: fn(String) -> String) -> (Vec<Object>, Vec<CommonPrefix>) {
    let objects = page.objects.into_iter().map(|object| entry(object, encode)).collect();
    let prefixes = page
        .common_prefixes
        .into_iter()
        .map(|prefix| CommonPrefix { prefix: Some(encode(prefix)) })
        .collect();
    (objects, prefixes)
}

fn entry(object: StoredObject, encode: fn(String) -> String) -> Object {
    Object {
        key: Some(encode(object.key)),
        size: size(object.size_bytes),
        e_tag: Some(ETag::Strong(object.etag)),
        last_modified: Some(timestamp(object.modified_at_us)),
        ..Object::default()
    }
}

fn page_size(wanted: Option<i32>) -> S3Result<i32> {
    match wanted {
        None => Ok(MAX_PAGE),
        Some(wanted @ 0..) => Ok(wanted.min(MAX_PAGE)),
        Some(..0) => Err(s3_error!(InvalidArgument, "a page has no negative size")),
    }
}

fn decode_token(token: &str) -> S3Result<String> {
    BASE64
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is not one of ours"))
}

/// XML 1.0 has no way to write some characters of keys; clients that ask for it get them percent-encoded.
fn encoder(wanted: Option<&EncodingType>) -> fn(String) -> String {
    if wanted.map(EncodingType::as_str) == Some(EncodingType::URL) { percent_encode } else { |key| key }
}

fn percent_encode(text: String) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/*".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
