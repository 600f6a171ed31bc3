//! Messages on the stream: four bytes of length, big endian, then JSON. No meaning, only borders.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt;
use wire::link::MAX_MESSAGE_BYTES;

use crate::error::{LinkError, SendError};

/// Encodes one message with its length.
pub(crate) fn encode<M: Serialize>(message: &M) -> Result<Vec<u8>, SendError> {
    let mut bytes = vec![0_u8; 4];
    serde_json::to_writer(&mut bytes, message).expect("wire types have string keys and finite numbers");
    let length = bytes.len() - 4;
    let length = u32::try_from(length).ok().filter(|_| length <= MAX_MESSAGE_BYTES);
    bytes[..4].copy_from_slice(&length.ok_or(SendError::TooLarge)?.to_be_bytes());
    Ok(bytes)
}

/// Reads one message. `Ok(None)` when the stream was finished between two messages.
pub(crate) async fn read<M: DeserializeOwned>(
    stream: &mut quinn::RecvStream,
) -> Result<Option<M>, LinkError> {
    let mut length = [0_u8; 4];
    match stream.read_exact(&mut length).await {
        Ok(()) => {}
        Err(quinn::ReadExactError::FinishedEarly(0)) => return Ok(None),
        Err(quinn::ReadExactError::FinishedEarly(_)) => {
            return Err(LinkError::Malformed("the stream ends inside a length".into()));
        }
        Err(quinn::ReadExactError::ReadError(error)) => return Err(read_error(error)),
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > MAX_MESSAGE_BYTES {
        return Err(LinkError::MessageTooLarge(length));
    }
    // Grows with what really arrives: an announced megabyte alone costs nothing.
    let mut bytes = Vec::new();
    let read = AsyncReadExt::take(&mut *stream, length as u64).read_to_end(&mut bytes).await;
    read.map_err(|error| LinkError::Malformed(error.to_string()))?;
    if bytes.len() != length {
        return Err(LinkError::Malformed("the stream ends inside a message".into()));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|error| LinkError::Malformed(error.to_string()))
}

fn read_error(error: quinn::ReadError) -> LinkError {
    match error {
        quinn::ReadError::ConnectionLost(lost) => lost.into(),
        quinn::ReadError::Reset(_) => LinkError::Malformed("the stream was reset".into()),
        quinn::ReadError::ClosedStream
        | quinn::ReadError::IllegalOrderedRead
        | quinn::ReadError::ZeroRttRejected => LinkError::ClosedHere,
    }
}
