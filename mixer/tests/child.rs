//! The mixer child as a process of its own, between a real link and a socket: speakers of fixtures join,
//! leave, mute, freeze, lose packets and switch codecs, and what comes out is decoded and measured.
//!
//! Without a harness, because the child is this very binary started again: see `main`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it saw"
)]

#[path = "child/media.rs"]
mod media;
#[path = "child/run.rs"]
mod run;
#[path = "child/sfu.rs"]
mod sfu;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use mixer::child_protocol::{Timeline, ToChild};
use tokio::time::sleep;
use wire::link::{Codec, ToMixer, TrackSource};

use run::Run;
use sfu::{Network, Sfu};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "mixer-child") {
        return mixer::child_main();
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| filter.is_none_or(|filter| name.contains(filter.as_str()));
    run_test(&wanted, "a_stage_full_of_trouble_never_stops", trouble());
    run_test(&wanted, "sound_and_picture_stay_together", sync());
    run_test(&wanted, "a_killed_child_is_continued_on_the_same_timeline", restart());
    run_test(&wanted, "a_child_ends_when_its_service_is_gone", orphan());
    ExitCode::SUCCESS
}

fn run_test(wanted: &dyn Fn(&str) -> bool, name: &str, test: impl Future<Output = ()>) {
    if wanted(name) {
        println!("test {name} ...");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(test);
        runtime.shutdown_timeout(Duration::from_secs(1));
        println!("test {name} ... ok");
    }
}

const CAMERA: TrackSource = TrackSource::Camera;
const MICROPHONE: TrackSource = TrackSource::Microphone;
const WIFI: Network = Network { delay_ms: 40, lose_every: None };
const ADA: (&str, &str) = ("ada", "Ada Lovelace");
const LUIS: (&str, &str) = ("luis", "Luis");
const CLOCK: (&str, &str) = ("clock", "Clock & Co");

/// A folder that is kept when `DAIS_TEST_KEEP` names it.
fn folder(name: &str) -> (std::path::PathBuf, Option<testkit::TempDir>) {
    if let Some(kept) = std::env::var_os("DAIS_TEST_KEEP") {
        let folder = std::path::PathBuf::from(kept).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        return (folder, None);
    }
    let temporary = testkit::temp_dir();
    (temporary.path().to_owned(), Some(temporary))
}

async fn seconds(seconds: f64) {
    sleep(Duration::from_secs_f64(seconds)).await;
}

async fn trouble() {
    let (sfu_identity, mixer_identity) = sfu::identities();
    let mut sfu = Sfu::open(&sfu_identity);
    let mut child = Run::spawn(run::start(sfu.addr, mixer_identity));
    child.show(&[]);
    sfu.wait_for_mixer().await;
    seconds(2.0).await;
    let zero = Instant::now();
    child.show(&[ADA]);
    let ada = sfu.publish(("ada", CAMERA, Codec::Vp8), media::vp8("ada.ivf"), zero, WIFI);
    let ada_voice = sfu.publish(("ada", MICROPHONE, Codec::Opus), media::opus("ada.ogg"), zero, WIFI);
    seconds(3.0).await;
    assert_eq!(sfu.asked.lock().unwrap().watched[0].tile, Some((1280, 720)));
    child.show(&[ADA, LUIS]);
    let luis = sfu.publish(("luis", CAMERA, Codec::H264), media::h264("luis.h264"), zero, WIFI);
    let luis_voice = sfu.publish(("luis", MICROPHONE, Codec::Opus), media::opus("luis.ogg"), zero, WIFI);
    seconds(3.0).await;
    // Packets are lost, and every two seconds the SFU switches to a layer of another size.
    let lossy = Network { lose_every: Some(97), ..WIFI };
    let layers = media::vp8("clock.ivf").cut(2_000).then(&media::small_clock());
    let clock = sfu.publish(("clock", CAMERA, Codec::Vp8), layers, zero, lossy);
    // Somebody with a hostile client: nobody else may suffer.
    let hostile = [(CAMERA, Codec::Vp8), (TrackSource::ScreenShare, Codec::H264), (MICROPHONE, Codec::Opus)];
    let hostile = hostile.map(|(source, codec)| {
        sfu.publish(("mallory", source, codec), media::garbage(codec), Instant::now(), WIFI)
    });
    child.show(&[ADA, LUIS, CLOCK, ("mallory", "Mallory")]);
    seconds(2.0).await;
    sfu.tell(&ToMixer::TrackMuted { track: ada.track, muted: true });
    sfu.freeze(&ada);
    sfu.freeze(&luis);
    seconds(4.0).await;
    // Luis comes back with another codec; his old track ends a moment later.
    let luis_again = sfu.publish(("luis", CAMERA, Codec::Vp8), media::vp8("ada.ivf"), zero, WIFI);
    seconds(0.3).await;
    sfu.unpublish(luis);
    seconds(2.0).await;
    child.show(&[LUIS, CLOCK]);
    hostile.into_iter().for_each(|track| sfu.unpublish(track));
    sfu.unpublish(ada);
    sfu.unpublish(ada_voice);
    seconds(2.0).await;
    child.show(&[]);
    for gone in [clock, luis_again, luis_voice] {
        sfu.unpublish(gone);
    }
    seconds(2.0).await;
    let said = child.stop();

    let (folder, _temporary) = folder("trouble");
    said.check();
    assert!(said.ended);
    assert!(said.seconds() > 17.0, "{}", said.seconds());
    run::write_hls(&[&said], &folder);
    for rendition in ["v720", "v360", "audio"] {
        let file = folder.join(format!("{rendition}-run0.mp4"));
        assert_eq!(run::decode(&file, "0:0"), "");
        let times = run::frame_times(&file);
        let step = if rendition == "audio" { 1024.0 / 48_000.0 } else { 1.0 / 30.0 };
        for pair in times.windows(2) {
            assert!((pair[1] - pair[0] - step).abs() < 0.001, "{rendition}: {pair:?}");
        }
    }
    let asked = sfu.asked.lock().unwrap();
    let for_clock = asked.keyframes.values().map(Vec::len).max().unwrap_or(0);
    assert!(for_clock > 0, "no keyframe was asked for after a loss");
    let fps: Vec<f64> = said.health.iter().map(|health| health.fps).collect();
    println!("fps {fps:.0?}, last {:?}", said.health.last());
    println!("cpu {:.2?}", said.health.iter().map(|health| health.cpu_cores).collect::<Vec<_>>());
}

async fn sync() {
    let (sfu_identity, mixer_identity) = sfu::identities();
    let mut sfu = Sfu::open(&sfu_identity);
    let mut child = Run::spawn(run::start(sfu.addr, mixer_identity));
    child.show(&[CLOCK]);
    sfu.wait_for_mixer().await;
    let zero = Instant::now();
    let slow = Network { delay_ms: 170, lose_every: None };
    let fast = Network { delay_ms: 20, lose_every: None };
    let _picture = sfu.publish(("clock", CAMERA, Codec::Vp8), media::vp8("clock.ivf"), zero, slow);
    let _sound = sfu.publish(("clock", MICROPHONE, Codec::Opus), media::opus("clock.ogg"), zero, fast);
    seconds(14.0).await;
    let said = child.stop();
    said.check();
    let (folder, _temporary) = folder("sync");
    let index = run::write_hls(&[&said], &folder);
    let sync = testkit::av_sync::measure(index.to_str().unwrap()).unwrap();
    println!("sound minus picture: median {:.1} ms of {:.1?}", sync.median_ms(), sync.offsets_ms);
    assert!(sync.offsets_ms.len() >= 10, "{sync:?}");
    assert!(sync.median_ms().abs() <= 45.0, "{sync:?}");
}

async fn restart() {
    let (sfu_identity, mixer_identity) = sfu::identities();
    let mut sfu = Sfu::open(&sfu_identity);
    let start = run::start(sfu.addr, mixer_identity);
    let mut first = Run::spawn(start.clone());
    first.show(&[ADA]);
    sfu.wait_for_mixer().await;
    let zero = Instant::now();
    let _ada = sfu.publish(("ada", CAMERA, Codec::Vp8), media::vp8("ada.ivf"), zero, WIFI);
    seconds(6.5).await;
    first.kill();
    let before = first.said();
    before.check();
    let (last, _) = before.segments["v720"].last().unwrap();
    let (first_ever, _) = &before.segments["v720"][0];
    let resume_at_us = last.offset_us + last.duration_us;
    let timeline = Timeline {
        epoch_us: Some(first_ever.pdt_us - i64::try_from(first_ever.offset_us).unwrap()),
        resume_at_us,
    };
    let mut second =
        Run::spawn(mixer::child_protocol::Start { next_segment: last.number + 1, run: 2, timeline, ..start });
    second.show(&[ADA]);
    seconds(5.0).await;
    // As Ctrl-C in a terminal, which reaches every process of the group: the service will say when to stop.
    second.interrupt();
    let after = second.stop();
    after.check();
    let (next, _) = &after.segments["v720"][0];
    assert_eq!((next.number, next.run), (last.number + 1, 2));
    assert!(next.offset_us >= resume_at_us);
    // The timeline is the wall clock's: what is missing is what was not mixed.
    let media = i64::try_from(next.offset_us - first_ever.offset_us).unwrap();
    assert!((next.pdt_us - first_ever.pdt_us).abs_diff(media) < 2_000);
    let (folder, _temporary) = folder("restart");
    let index = run::write_hls(&[&before, &after], &folder);
    let complaints = run::decode(&index, "0:v:0");
    assert!(!complaints.contains("non monoton") && !complaints.contains("out of order"), "{complaints}");
}

async fn orphan() {
    let (sfu_identity, mixer_identity) = sfu::identities();
    let sfu = Sfu::open(&sfu_identity);
    let mut child = Run::spawn(run::start(sfu.addr, mixer_identity));
    child.tell(&ToChild::Scene(run::scene(&[])));
    seconds(2.0).await;
    let status = child.hang_up();
    assert!(!status.success());
}
