//! A small recording as a mixer leaves it: two runs of the child with a gap between them.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use bucket::{Bucket, Kind};
use testkit::TempDir;
use wire::media::{IndexChunk, RenditionInfo, RenditionKind, SegmentInfo, SegmentSet};

/// Sets per run; a set has two seconds.
pub(crate) const SETS: u64 = 3;

/// Seconds between the start of the first and the second run: 6 s of media and a gap of 4 s.
const SECOND_RUN_S: u64 = 10;

/// UTC microseconds when the recording began.
const STARTED_AT_US: i64 = 1_774_861_440_000_000;

/// Files as under `recordings/<asset>/`, made once per test process.
fn files() -> &'static Path {
    static FILES: OnceLock<TempDir> = OnceLock::new();
    FILES
        .get_or_init(|| {
            let folder = testkit::temp_dir();
            for run in 0..2 {
                video(folder.path(), run);
                audio(folder.path(), run);
            }
            folder
        })
        .path()
}

fn video(folder: &Path, run: u64) {
    let codec = "-f lavfi -i testsrc2=s=320x180:r=30 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 60 \
                 -keyint_min 60 -sc_threshold 0";
    ffmpeg(&folder.join("v180"), run, codec);
}

fn audio(folder: &Path, run: u64) {
    ffmpeg(&folder.join("audio"), run, "-f lavfi -i sine=r=48000 -c:a aac");
}

fn ffmpeg(folder: &Path, run: u64, codec: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let muxer = format!(
        "-t 6 -output_ts_offset {} -f hls -hls_time 2 -hls_playlist_type vod -hls_segment_type fmp4 \
         -hls_segment_options movflags=+frag_discont -hls_fmp4_init_filename init-{run}.mp4 -start_number {} \
         -hls_segment_filename",
        run * SECOND_RUN_S,
        run * SETS
    );
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y"]).args(codec.split_whitespace()).args(muxer.split_whitespace());
    command.arg(folder.join("%d.m4s")).arg(folder.join("out.m3u8"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Puts the recording's files and its index into the bucket, `sets` of them.
pub(crate) async fn put(bucket: &Bucket, asset_id: &str, sets: u64) {
    put_files(bucket, asset_id, sets).await;
    put_index(bucket, asset_id, sets).await;
}

/// Puts the files of `sets` sets and no index.
pub(crate) async fn put_files(bucket: &Bucket, asset_id: &str, sets: u64) {
    let prefix = format!("recordings/{asset_id}");
    for rendition in ["v180", "audio"] {
        for run in 0..=sets.saturating_sub(1) / SETS {
            copy(bucket, &prefix, &format!("{rendition}/init-{run}.mp4")).await;
        }
        for number in 0..sets {
            copy(bucket, &prefix, &format!("{rendition}/{number}.m4s")).await;
        }
    }
}

/// Puts one file.
pub(crate) async fn put_file(bucket: &Bucket, asset_id: &str, path: &str) {
    copy(bucket, &format!("recordings/{asset_id}"), path).await;
}

/// Puts an index that names `sets` sets.
pub(crate) async fn put_index(bucket: &Bucket, asset_id: &str, sets: u64) {
    let chunk = serde_json::to_vec(&index(sets)).unwrap();
    let key = format!("recordings/{asset_id}/index/000000.json");
    bucket.put(&key, chunk, Kind::of("application/json")).await.unwrap();
}

async fn copy(bucket: &Bucket, prefix: &str, path: &str) {
    let bytes = std::fs::read(files().join(path)).unwrap();
    bucket.put(&format!("{prefix}/{path}"), bytes, Kind::of("video/mp4")).await.unwrap();
}

/// One file of the recording.
pub(crate) fn file(path: &str) -> Vec<u8> {
    std::fs::read(files().join(path)).unwrap()
}

/// The recording's only chunk.
pub(crate) fn index(sets: u64) -> IndexChunk {
    let set = |number: u64| {
        let run = number / SETS;
        let offset_s = run * SECOND_RUN_S + (number % SETS) * 2;
        let segment = |rendition: &str, duration_us: u64| SegmentInfo {
            duration_us,
            size_bytes: std::fs::metadata(files().join(format!("{rendition}/{number}.m4s"))).unwrap().len(),
        };
        SegmentSet {
            number,
            started_at_us: STARTED_AT_US + i64::try_from(offset_s * 1_000_000).unwrap(),
            run: u32::try_from(run).unwrap(),
            offset_ms: offset_s * 1000,
            segments: vec![segment("v180", 2_000_000), segment("audio", 2_005_333)],
        }
    };
    let video = RenditionInfo {
        name: "v180".into(),
        kind: RenditionKind::Video { width: 320, height: 180, frame_rate: 30.0 },
        codecs: "avc1.42c00d".into(),
        bandwidth_bps: 100_000,
    };
    let audio = RenditionInfo {
        name: "audio".into(),
        kind: RenditionKind::Audio { channels: 1 },
        codecs: "mp4a.40.2".into(),
        bandwidth_bps: 70_000,
    };
    IndexChunk { number: 0, renditions: vec![video, audio], sets: (0..sets).map(set).collect() }
}
