//! What a mixer service and its child say over the socket between them. Shapes and framing; no socket.
//!
//! The socket (a Unix stream pair) is the child's **standard input**: it needs no descriptor number, no
//! close-on-exec care, and its end of file is the order to exit. The child's standard error is its log.
//!
//! A frame is four bytes of length of everything behind it, four bytes of length of the head (both big
//! endian), the head in JSON, and then the payload: the bytes of an init segment or of media, else empty.
//!
//! ```text
//! service ──Start──▶ child           exactly once, first
//! service ──Scene──▶ child           any time, replaces the scene before
//! service ──Stop───▶ child           finish the segment in flight, then Ended
//! service ◀──Init, Segment, Health, Notice── child
//! service ◀──Ended── child           last; the process then exits with code 0
//! ```

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use auth::link::LinkIdentity;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest head: a scene with some hundred tiles.
pub const MAX_HEAD_BYTES: usize = 256 * 1024;
/// Longest payload: 2 s at 50 Mb/s are 12.5 MB.
pub const MAX_PAYLOAD_BYTES: usize = 16 * 1024 * 1024;
/// Size of the canvas on which tiles are placed.
pub const CANVAS: (u32, u32) = (1280, 720);

/// From the service to the child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum ToChild {
    /// Everything the child needs to begin.
    Start(Box<Start>),
    /// What is to be seen and heard from now on.
    Scene(Scene),
    /// Finish what is in flight and end.
    Stop,
}

/// How a run of the child begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Where the SFU answers.
    pub link_addr: SocketAddr,
    /// Keys for it.
    pub link_identity: LinkIdentity,
    /// The room to listen to.
    pub room: String,
    /// Identity of the hidden participant.
    pub participant: String,
    /// Number of the first segment of this run.
    pub next_segment: u64,
    /// Which run this is; the child only repeats it in its messages.
    pub run: u32,
    /// Where this run's media time goes on.
    pub timeline: Timeline,
    /// Video renditions, the largest first, all with the aspect ratio of [`CANVAS`].
    pub video: Vec<VideoRendition>,
    /// The one audio rendition.
    pub audio: AudioRendition,
    /// Length of a segment in milliseconds: a multiple of 1,000.
    pub segment_ms: u32,
}

/// The stage's media time: what `tfdt` says.
///
/// A run begins at `max(wall clock − epoch, resume_at)`, so that a clock that stepped back cannot make
/// two runs overlap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// UTC microseconds of media time zero: of the first set ever, `pdt_us − offset_us`. `None` in the
    /// first run, which then starts at zero.
    pub epoch_us: Option<i64>,
    /// Media time of the end of the last published set.
    pub resume_at_us: u64,
}

/// One video rendition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoRendition {
    /// File-name safe: `v720`.
    pub name: String,
    /// Pixels, even.
    pub width: u32,
    /// Pixels, even.
    pub height: u32,
    /// Target rate of the encoder.
    pub bitrate_bps: u32,
}

/// The audio rendition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioRendition {
    /// File-name safe: `audio`.
    pub name: String,
    /// Target rate of the encoder.
    pub bitrate_bps: u32,
}

/// What is seen and heard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scene {
    /// Who is on the stage. Empty: the holding picture.
    pub tiles: Vec<Tile>,
    /// Text of the holding picture.
    pub title: String,
}

/// One participant on the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tile {
    /// Identity in the room.
    pub identity: String,
    /// Text of the name plate.
    pub name: String,
    /// Where on the [`CANVAS`]; `None`: heard but not seen.
    pub rect: Option<Rect>,
    /// Higher lies above lower.
    pub z: u32,
}

/// A rectangle on the canvas, in pixels, from the top left corner. Even numbers give clean edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// From the child to the service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum FromChild {
    /// Head of an init segment (`ftyp moov`); the payload is the file. Comes before the rendition's first
    /// segment, once per run.
    Init(Init),
    /// Head of a whole segment (`styp moof mdat …`); the payload is the file.
    Segment(Segment),
    /// About once a second.
    Health {
        /// For people.
        health: wire::mixer::Health,
        /// Up to where each rendition is encoded, pictures first, then the sound; microseconds since the run
        /// began.
        encoded_us: Vec<u64>,
    },
    /// Something that a person should see in the stage's log.
    Notice(Notice),
    /// The last segments were sent; nothing follows.
    Ended,
}

/// An init segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Init {
    /// Name of the rendition.
    pub rendition: String,
    /// As given at start.
    pub run: u32,
    /// RFC 6381, read from the `avcC` or `esds` box.
    pub codecs: String,
}

/// A segment. Within a run every rendition makes every number, in order; the service counts a number only
/// when it has it from all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Name of the rendition.
    pub rendition: String,
    /// As given at start.
    pub run: u32,
    /// Media sequence number.
    pub number: u64,
    /// UTC microseconds of the first sample.
    pub pdt_us: i64,
    /// Media time of the first sample; what `tfdt` says, in microseconds.
    pub offset_us: u64,
    /// Microseconds of media.
    pub duration_us: u64,
    /// It begins with a key frame (always true of sound).
    pub keyframe: bool,
}

/// A line for the stage's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Notice {
    /// A track of somebody on the stage began to arrive.
    TrackStarted {
        /// Identity in the room.
        identity: String,
        /// What it shows or sounds.
        source: wire::link::TrackSource,
        /// How it is coded.
        codec: wire::link::Codec,
    },
    /// It ended.
    TrackEnded {
        /// Identity in the room.
        identity: String,
        /// What it showed or sounded.
        source: wire::link::TrackSource,
    },
    /// The link to the SFU was lost; the picture goes on without speakers and the child dials again.
    LinkLost {
        /// Why.
        reason: String,
    },
    /// The link to the SFU is up.
    LinkUp,
}

/// Why a frame cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The socket failed, or ended inside a frame.
    #[error("the socket between mixer and child failed")]
    Io(#[from] io::Error),
    /// A length is over its bound or does not add up.
    #[error("a frame of {frame} bytes with a head of {head} bytes is not allowed")]
    Length {
        /// Announced length of the frame.
        frame: usize,
        /// Announced length of the head.
        head: usize,
    },
    /// The head is not one of the messages.
    #[error("the head of a frame cannot be read")]
    Head(#[from] serde_json::Error),
}

/// Encodes a frame's lengths and head; the payload goes behind it, unchanged.
///
/// # Errors
/// When head or payload is over its bound.
pub fn encode<M: Serialize>(message: &M, payload_bytes: usize) -> Result<Vec<u8>, ProtocolError> {
    let mut frame = vec![0_u8; 8];
    serde_json::to_writer(&mut frame, message)?;
    let head = frame.len() - 8;
    let total = 4 + head + payload_bytes;
    if head > MAX_HEAD_BYTES || payload_bytes > MAX_PAYLOAD_BYTES {
        return Err(ProtocolError::Length { frame: total, head });
    }
    frame[..4].copy_from_slice(&word(total, head)?);
    frame[4..8].copy_from_slice(&word(head, head)?);
    Ok(frame)
}

/// Writes one frame to a blocking socket.
///
/// # Errors
/// When a bound is broken or the socket fails.
pub fn write<M: Serialize>(
    socket: &mut impl Write,
    message: &M,
    payload: &[u8],
) -> Result<(), ProtocolError> {
    socket.write_all(&encode(message, payload.len())?)?;
    socket.write_all(payload)?;
    Ok(())
}

/// Reads one frame from a blocking socket. `None` at a clean end of file.
///
/// # Errors
/// When a bound is broken, the socket fails, or the head is unknown.
pub fn read<M: DeserializeOwned>(socket: &mut impl Read) -> Result<Option<(M, Bytes)>, ProtocolError> {
    let mut lengths = [0_u8; 8];
    match socket.read(&mut lengths[..1])? {
        0 => return Ok(None),
        _one => socket.read_exact(&mut lengths[1..])?,
    }
    let (head, payload) = split(lengths)?;
    let mut body = vec![0_u8; head + payload];
    socket.read_exact(&mut body)?;
    decode(body, head).map(Some)
}

/// Reads one frame from an asynchronous socket. `None` at a clean end of file. Not cancel safe.
///
/// # Errors
/// When a bound is broken, the socket fails, or the head is unknown.
pub async fn read_async<M: DeserializeOwned>(
    socket: &mut (impl AsyncRead + Unpin),
) -> Result<Option<(M, Bytes)>, ProtocolError> {
    let mut lengths = [0_u8; 8];
    match socket.read(&mut lengths[..1]).await? {
        0 => return Ok(None),
        _one => socket.read_exact(&mut lengths[1..]).await?,
    };
    let (head, payload) = split(lengths)?;
    let mut body = vec![0_u8; head + payload];
    socket.read_exact(&mut body).await?;
    decode(body, head).map(Some)
}

/// Lengths of head and payload.
fn split(lengths: [u8; 8]) -> Result<(usize, usize), ProtocolError> {
    let [a, b, c, d, e, f, g, h] = lengths;
    let frame = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    let head = usize::try_from(u32::from_be_bytes([e, f, g, h])).unwrap_or(usize::MAX);
    let payload = frame.checked_sub(4).and_then(|rest| rest.checked_sub(head));
    match payload {
        Some(payload) if head <= MAX_HEAD_BYTES && payload <= MAX_PAYLOAD_BYTES => Ok((head, payload)),
        Some(_) | None => Err(ProtocolError::Length { frame, head }),
    }
}

fn decode<M: DeserializeOwned>(body: Vec<u8>, head: usize) -> Result<(M, Bytes), ProtocolError> {
    let mut body = Bytes::from(body);
    let payload = body.split_off(head);
    Ok((serde_json::from_slice(&body)?, payload))
}

fn word(value: usize, head: usize) -> Result<[u8; 4], ProtocolError> {
    u32::try_from(value).map(u32::to_be_bytes).map_err(|_| ProtocolError::Length { frame: value, head })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_survives_the_socket() {
        let head = FromChild::Init(Init { rendition: "v720".into(), run: 3, codecs: "avc1.42c01f".into() });
        let mut socket = Vec::new();
        write(&mut socket, &head, b"ftypmoov").unwrap();
        write(&mut socket, &FromChild::Ended, &[]).unwrap();
        let mut socket = socket.as_slice();
        assert_eq!(read(&mut socket).unwrap(), Some((head, Bytes::from_static(b"ftypmoov"))));
        assert_eq!(read(&mut socket).unwrap(), Some((FromChild::Ended, Bytes::new())));
        assert_eq!(read::<FromChild>(&mut socket).unwrap(), None);
    }

    #[test]
    fn an_announced_gigabyte_is_refused_before_any_memory_is_taken() {
        let mut socket = &[0x40, 0, 0, 0, 0, 0, 0, 2, b'{', b'}'][..];
        assert!(matches!(read::<FromChild>(&mut socket), Err(ProtocolError::Length { .. })));
    }

    #[test]
    fn a_head_longer_than_its_frame_is_refused() {
        let mut socket = &[0, 0, 0, 6, 0, 0, 0, 200, b'{', b'}'][..];
        assert!(matches!(read::<FromChild>(&mut socket), Err(ProtocolError::Length { .. })));
    }

    #[test]
    fn a_socket_that_ends_inside_a_frame_is_an_error() {
        let mut socket = Vec::new();
        write(&mut socket, &FromChild::Ended, &[]).unwrap();
        socket.pop();
        assert!(matches!(read::<FromChild>(&mut socket.as_slice()), Err(ProtocolError::Io(_))));
    }
}
