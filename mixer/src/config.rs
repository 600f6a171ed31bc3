//! What the mixer service must be told: plain values, no flags and no defaults of the environment.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use auth::link::LinkIdentity;
use auth::service::ServiceKey;
use bucket::BucketConfig;
use wire::media::{RenditionInfo, RenditionKind};

use crate::child_protocol::{AudioRendition, VideoRendition};

/// Settings of the mixer service.
#[derive(Debug, Clone)]
pub struct Config {
    /// Holds the spool, `spool/<asset id>/`. One process at a time.
    pub data_dir: PathBuf,
    /// Under which other services reach this one, without a path.
    pub base_url: String,
    /// Where the SFU answers mixers (QUIC).
    pub sfu_link_addr: SocketAddr,
    /// Keys for it.
    pub link_identity: LinkIdentity,
    /// The media service's base URL, without a path.
    pub media_url: String,
    /// Where recordings go.
    pub bucket: BucketConfig,
    /// Makes and checks service tokens.
    pub service_key: ServiceKey,
    /// Bytes that may wait in the spool for the bucket; see [`crate`] for what happens at the limit.
    pub spool_limit_bytes: u64,
    /// Saved segment sets that stay in the spool for viewers; older ones are read from the bucket.
    pub kept_sets: u64,
    /// What a stage is encoded to.
    pub ladder: Ladder,
    /// How a stage's child is started.
    pub child: ChildCommand,
    /// How long [`crate::Service::shutdown`] may wait for the bucket.
    pub shutdown_drain: Duration,
}

/// Which program a stage's child is.
#[derive(Debug, Clone)]
pub struct ChildCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Added to the environment, such as `GST_REGISTRY`.
    pub envs: Vec<(OsString, OsString)>,
}

impl Default for ChildCommand {
    /// The running binary again: `/proc/self/exe` holds even after its file was replaced.
    fn default() -> Self {
        Self { program: "/proc/self/exe".into(), args: vec!["mixer-child".into()], envs: Vec::new() }
    }
}

/// The renditions of a stage.
#[derive(Debug, Clone)]
pub struct Ladder {
    /// The largest first.
    pub video: Vec<VideoRendition>,
    /// One for all.
    pub audio: AudioRendition,
    /// Length of a segment; whole seconds.
    pub segment: Duration,
}

impl Default for Ladder {
    fn default() -> Self {
        let video = |name: &str, width, height, bitrate_bps| VideoRendition {
            name: name.to_owned(),
            width,
            height,
            bitrate_bps,
        };
        Self {
            video: vec![video("v720", 1280, 720, 2_500_000), video("v360", 640, 360, 700_000)],
            audio: AudioRendition { name: "audio".to_owned(), bitrate_bps: 128_000 },
            segment: Duration::from_secs(hls::recording::NOMINAL_SEGMENT_S),
        }
    }
}

impl Ladder {
    /// Names of the renditions in the order of every segment set: pictures first, then the sound.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.video.iter().map(|video| video.name.as_str()).chain([self.audio.name.as_str()])
    }

    /// Position of a rendition in every segment set.
    #[must_use]
    pub fn position(&self, rendition: &str) -> Option<usize> {
        self.names().position(|name| name == rendition)
    }

    /// What the recording index says of the ladder; `codecs` are in the same order.
    #[must_use]
    pub fn renditions(&self, codecs: &[String]) -> Vec<RenditionInfo> {
        let video = self.video.iter().map(|video| {
            let kind =
                RenditionKind::Video { width: video.width, height: video.height, frame_rate: FRAME_RATE };
            (&video.name, kind, video.bitrate_bps)
        });
        let audio = (&self.audio.name, RenditionKind::Audio { channels: 2 }, self.audio.bitrate_bps);
        let all = video.chain([audio]).zip(codecs);
        all.map(|((name, kind, bitrate_bps), codecs)| RenditionInfo {
            name: name.clone(),
            kind,
            codecs: codecs.clone(),
            // Encoders overshoot, and boxes add about 1 %.
            bandwidth_bps: u64::from(bitrate_bps) * 110 / 100,
        })
        .collect()
    }
}

/// Of every picture.
const FRAME_RATE: f64 = 30.0;
