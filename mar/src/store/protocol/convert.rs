//! Shapes of the protocol made from the store's, and back.

use std::ops::Range as Bytes;
use std::time::{Duration, SystemTime};

use s3s::dto::{ETag, ETagCondition, GetObjectOutput, HeadObjectOutput, Range, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::super::model::{Condition, Headers, Object};

/// The stored headers of an input; the kinds of input have the same fields.
macro_rules! headers_of {
    ($input:expr) => {
        $crate::store::model::Headers {
            content_type: $input.content_type.take(),
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $input.content_encoding.take(),
            content_language: $input.content_language.take(),
            metadata: $input.metadata.take().unwrap_or_default().into_iter().collect(),
        }
    };
}
pub(super) use headers_of;

/// A size as the protocol carries it.
pub(super) fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// An instant as the protocol carries it.
pub(super) fn timestamp(micros: i64) -> Timestamp {
    let since = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
    Timestamp::from(SystemTime::UNIX_EPOCH + since)
}

/// The condition of a write.
pub(super) fn condition(
    if_none_match: Option<&ETagCondition>,
    if_match: Option<&ETagCondition>,
) -> S3Result<Condition> {
    match (if_none_match, if_match) {
        (None, None) => Ok(Condition::None),
        (Some(ETagCondition::Any), None) => Ok(Condition::Absent),
        (None, Some(ETagCondition::ETag(etag))) => Ok(Condition::Matches(etag.value().to_owned())),
        (Some(_), _) | (None, Some(ETagCondition::Any)) => {
            Err(s3_error!(NotImplemented, "this precondition is not supported for writes"))
        }
    }
}

/// Checks the conditions of a read (RFC 9110 §13.2.2).
pub(super) fn read_condition(
    object: &Object,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let is = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == object.etag,
    };
    if if_match.is_some_and(|condition| !is(condition)) {
        return Err(s3_error!(PreconditionFailed));
    }
    if if_none_match.is_some_and(is) {
        return Err(S3Error::new(S3ErrorCode::NotModified));
    }
    Ok(())
}

/// The bytes that a range asks for; all without one.
pub(super) fn rfc_range(range: Option<&Range>, size_bytes: u64) -> S3Result<Bytes<u64>> {
    match range {
        None => Ok(0..size_bytes),
        Some(range) => Ok(range.check(size_bytes)?),
    }
}

/// A GET's answer, without body and checksums.
pub(super) fn get_output(object: &Object, range: &Bytes<u64>, partial: bool) -> S3Result<GetObjectOutput> {
    let Headers {
        content_type,
        cache_control,
        content_disposition,
        content_encoding,
        content_language,
        metadata,
    } = object.headers.clone();
    Ok(GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(signed(range.end - range.start)),
        content_range: partial
            .then(|| format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), object.size_bytes)),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(timestamp(object.modified_at_us)),
        content_type,
        cache_control,
        content_disposition,
        content_encoding,
        content_language,
        metadata: Some(metadata.into_iter().collect()),
        ..GetObjectOutput::default()
    })
}

/// A HEAD's answer, without checksums.
pub(super) fn head_output(object: &Object, range: &Bytes<u64>) -> S3Result<HeadObjectOutput> {
    let Headers {
        content_type,
        cache_control,
        content_disposition,
        content_encoding,
        content_language,
        metadata,
    } = object.headers.clone();
    Ok(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(signed(range.end - range.start)),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(timestamp(object.modified_at_us)),
        content_type,
        cache_control,
        content_disposition,
        content_encoding,
        content_language,
        metadata: Some(metadata.into_iter().collect()),
        ..HeadObjectOutput::default()
    })
}
