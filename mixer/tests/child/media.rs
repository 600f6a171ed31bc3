//! Reads the fixtures of `testdata/media` and cuts their frames into RTP payloads.

use std::path::PathBuf;

/// One frame of a clip.
#[derive(Debug, Clone)]
pub(crate) struct ClipFrame {
    /// Milliseconds since the clip's beginning.
    pub(crate) at_ms: u64,
    /// RTP payloads, in order.
    pub(crate) payloads: Vec<Vec<u8>>,
    /// Decodable alone.
    pub(crate) keyframe: bool,
}

/// A clip that is played in a loop.
#[derive(Debug, Clone)]
pub(crate) struct Clip {
    pub(crate) frames: Vec<ClipFrame>,
    pub(crate) length_ms: u64,
    pub(crate) clock_rate: u32,
}

const MTU: usize = 1_150;

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/media").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn clip(frames: Vec<ClipFrame>, frame_ms: u64, clock_rate: u32) -> Clip {
    let length_ms = frames.len() as u64 * frame_ms;
    Clip { frames, length_ms, clock_rate }
}

/// VP8 at 25 frames a second in IVF.
pub(crate) fn vp8(name: &str) -> Clip {
    ivf(&fixture(name))
}

fn ivf(bytes: &[u8]) -> Clip {
    let mut rest = &bytes[32..];
    let mut frames = Vec::new();
    while rest.len() > 12 {
        let size = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
        let frame = &rest[12..12 + size];
        let mut payloads: Vec<Vec<u8>> = frame.chunks(MTU).map(|part| [&[0x00], part].concat()).collect();
        payloads[0][0] = 0x10;
        frames.push(ClipFrame { at_ms: frames.len() as u64 * 40, payloads, keyframe: frame[0] & 1 == 0 });
        rest = &rest[12 + size..];
    }
    clip(frames, 40, 90_000)
}

/// H264 at 25 frames a second with access unit delimiters and start codes.
pub(crate) fn h264(name: &str) -> Clip {
    let bytes = fixture(name);
    let mut frames: Vec<ClipFrame> = Vec::new();
    for nal in nals(&bytes) {
        let kind = nal[0] & 0x1f;
        if kind == 9 {
            let at_ms = frames.len() as u64 * 40;
            frames.push(ClipFrame { at_ms, payloads: Vec::new(), keyframe: false });
            continue;
        }
        let frame = frames.last_mut().expect("an access unit delimiter comes first");
        frame.keyframe |= kind == 5;
        if nal.len() <= MTU {
            frame.payloads.push(nal.to_vec());
            continue;
        }
        let parts: Vec<&[u8]> = nal[1..].chunks(MTU).collect();
        for (number, part) in parts.iter().enumerate() {
            let start = if number == 0 { 0x80 } else { 0 };
            let end = if number + 1 == parts.len() { 0x40 } else { 0 };
            frame.payloads.push([&[nal[0] & 0xe0 | 28, start | end | kind], *part].concat());
        }
    }
    clip(frames, 40, 90_000)
}

fn nals(bytes: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> = (0..bytes.len() - 3).filter(|&at| bytes[at..at + 3] == [0, 0, 1]).collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| {
            let mut nal = &bytes[start + 3..end];
            // The fourth byte of the next start code is not ours.
            while let [head @ .., 0] = nal {
                nal = head;
            }
            nal
        })
        .collect()
}

/// Opus packets of 20 ms in Ogg (RFC 3533 §6, RFC 7845 §3).
pub(crate) fn opus(name: &str) -> Clip {
    let bytes = fixture(name);
    let (mut rest, mut packets, mut open) = (bytes.as_slice(), Vec::new(), Vec::new());
    while rest.len() > 27 {
        assert_eq!(&rest[..4], b"OggS");
        let lacing = &rest[27..27 + usize::from(rest[26])];
        let mut at = 27 + lacing.len();
        for &length in lacing {
            open.extend_from_slice(&rest[at..at + usize::from(length)]);
            at += usize::from(length);
            if length < 255 {
                packets.push(std::mem::take(&mut open));
            }
        }
        rest = &rest[at..];
    }
    // OpusHead and OpusTags.
    let packets = packets.split_off(2).into_iter().take(500);
    let frame = |(number, packet): (usize, Vec<u8>)| ClipFrame {
        at_ms: number as u64 * 20,
        payloads: vec![packet],
        keyframe: true,
    };
    clip(packets.enumerate().map(frame).collect(), 20, 48_000)
}

/// Well-formed RTP payloads whose frames are nonsense, every one a keyframe by its header.
pub(crate) fn garbage(codec: wire::link::Codec) -> Clip {
    let head: &[u8] = match codec {
        // RFC 6386 §9.1: a keyframe of 640 × 360 by its header.
        wire::link::Codec::Vp8 => &[0x10, 0x50, 0x42, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01],
        wire::link::Codec::H264 => &[0x65, 0x88],
        wire::link::Codec::Opus => &[0xff],
    };
    let frame = |number: u64| {
        let mut payload = head.to_vec();
        payload.extend((0..700_u64).map(|at| ((at * 7_919 + number * 104_729) % 251) as u8));
        ClipFrame { at_ms: number * 40, payloads: vec![payload], keyframe: true }
    };
    let clock_rate = if codec == wire::link::Codec::Opus { 48_000 } else { 90_000 };
    clip((0..50).map(frame).collect(), 40, clock_rate)
}

impl Clip {
    /// Another clip in turn, as when the SFU switches to a layer of another size at a keyframe.
    pub(crate) fn then(mut self, next: &Self) -> Self {
        let begin = self.length_ms;
        self.frames.extend(
            next.frames.iter().map(|frame| ClipFrame { at_ms: begin + frame.at_ms, ..frame.clone() }),
        );
        self.length_ms += next.length_ms;
        self
    }

    /// Its first `length_ms`.
    pub(crate) fn cut(mut self, length_ms: u64) -> Self {
        self.frames.retain(|frame| frame.at_ms < length_ms);
        self.length_ms = length_ms;
        self
    }
}

/// The clock in a quarter of its size, made by `ffmpeg`.
pub(crate) fn small_clock() -> Clip {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/media/clock.ivf");
    let folder = testkit::temp_dir();
    let small = folder.path().join("small.ivf");
    let made = std::process::Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(source)
        .args([
            "-vf",
            "scale=320:180",
            "-t",
            "2",
            "-c:v",
            "libvpx",
            "-deadline",
            "realtime",
            "-cpu-used",
            "-8",
        ])
        .args(["-b:v", "150k", "-g", "25", "-auto-alt-ref", "0"])
        .arg(&small)
        .status()
        .unwrap();
    assert!(made.success());
    ivf(&std::fs::read(small).unwrap())
}
