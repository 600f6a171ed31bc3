//! The `join_request` of a single peer connection: unwrapped within bounds.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use flate2::read::GzDecoder;
use livekit_protocol as lk;
use lk::wrapped_join_request::Compression;
use prost::Message as _;

/// Why a `join_request` is not understood; texts as LiveKit's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadJoinRequest {
    /// It is not base64url.
    #[error("cannot base64 decode wrapped join request")]
    Base64,
    /// The wrapping is no `WrappedJoinRequest`.
    #[error("cannot unmarshal wrapped join request")]
    Wrapping,
    /// It is longer than [`MAX_BYTES`], or would be.
    #[error("join request too large")]
    TooLarge,
    /// The gzip stream is broken.
    #[error("cannot read decompressed join request")]
    Gzip,
    /// It is no `JoinRequest`.
    #[error("cannot unmarshal join request")]
    Message,
}

/// Unwraps the query parameter: base64url, with or without padding, of a message that may be compressed.
///
/// # Errors
/// See [`BadJoinRequest`].
pub fn read(text: &str) -> Result<lk::JoinRequest, BadJoinRequest> {
    let bytes = BASE64.decode(text).map_err(|_| BadJoinRequest::Base64)?;
    let wrapped = lk::WrappedJoinRequest::decode(&*bytes).map_err(|_| BadJoinRequest::Wrapping)?;
    let bytes = match Compression::try_from(wrapped.compression) {
        Ok(Compression::None) => wrapped.join_request,
        Ok(Compression::Gzip) => unzip(&wrapped.join_request)?,
        Err(_) => return Err(BadJoinRequest::Wrapping),
    };
    if bytes.len() > MAX_BYTES {
        return Err(BadJoinRequest::TooLarge);
    }
    lk::JoinRequest::decode(&*bytes).map_err(|_| BadJoinRequest::Message)
}

fn unzip(bytes: &[u8]) -> Result<Vec<u8>, BadJoinRequest> {
    let bound = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX) + 1;
    let mut out = Vec::new();
    GzDecoder::new(bytes).take(bound).read_to_end(&mut out).map_err(|_| BadJoinRequest::Gzip)?;
    Ok(out)
}

/// Most bytes of an unwrapped request; LiveKit's bound. A request with an offer has 12 KB.
pub const MAX_BYTES: usize = 1 << 20;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
    use flate2::Compression as Level;
    use flate2::write::GzEncoder;

    use super::*;

    fn request(metadata_bytes: usize) -> lk::JoinRequest {
        lk::JoinRequest { metadata: "m".repeat(metadata_bytes), ..Default::default() }
    }

    fn wrapped(compression: Compression, join_request: Vec<u8>) -> Vec<u8> {
        lk::WrappedJoinRequest { compression: compression as i32, join_request }.encode_to_vec()
    }

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Level::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn padded_unpadded_plain_and_compressed_requests_are_read() {
        let wanted = request(5);
        for bytes in [
            wrapped(Compression::None, wanted.encode_to_vec()),
            wrapped(Compression::Gzip, zipped(&wanted.encode_to_vec())),
        ] {
            for text in [URL_SAFE.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
                assert_eq!(read(&text).as_ref(), Ok(&wanted));
            }
        }
    }

    /// A metadata field of `n` bytes takes `n` and four more from 16 KiB on.
    #[test]
    fn a_request_of_the_largest_size_passes_and_one_byte_more_does_not() {
        for (bytes, fits) in [(MAX_BYTES, true), (MAX_BYTES + 1, false)] {
            let request = request(bytes - 4).encode_to_vec();
            assert_eq!(request.len(), bytes);
            for wrapped in
                [wrapped(Compression::None, request.clone()), wrapped(Compression::Gzip, zipped(&request))]
            {
                let read = read(&URL_SAFE.encode(wrapped));
                assert_eq!(read.is_ok(), fits);
                assert!(fits || read == Err(BadJoinRequest::TooLarge));
            }
        }
    }

    #[test]
    fn each_broken_wrapping_is_refused_by_name() {
        let bomb = wrapped(Compression::Gzip, zipped(&vec![0; 50 << 20]));
        let mut cut = zipped(&request(500).encode_to_vec());
        cut.truncate(20);
        let strange = lk::WrappedJoinRequest { compression: 9, join_request: Vec::new() }.encode_to_vec();
        for (bytes, wanted) in [
            (bomb, BadJoinRequest::TooLarge),
            (wrapped(Compression::Gzip, cut), BadJoinRequest::Gzip),
            (wrapped(Compression::None, vec![0xff]), BadJoinRequest::Message),
            (vec![0xff], BadJoinRequest::Wrapping),
            (strange, BadJoinRequest::Wrapping),
        ] {
            assert_eq!(read(&URL_SAFE.encode(bytes)), Err(wanted));
        }
        assert_eq!(read("not base 64!"), Err(BadJoinRequest::Base64));
    }
}
