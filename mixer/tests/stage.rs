//! The mixer service with real children, a real S3 server and no SFU: an empty stage shows its holding
//! picture, and everything that happens to a recording happens to it.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![expect(clippy::print_stdout, reason = "figures, shown with --nocapture")]

#[path = "stage/support.rs"]
mod support;

use std::time::{Duration, Instant};

use hls::fmp4::{read_init, read_segment};
use hls::recording::{View, init_path, segment_path};
use hls::rules;
use nix::sys::signal::Signal;
use support::{Bucket, Media, Mixer, ServiceProcess, decode, keys, spec};
use testkit::VersityGateway;
use wire::media::{IndexChunk, RenditionKind};
use wire::mixer::{Saving, StageState};

/// Not a test: what a child process of the other tests runs.
#[test]
fn mixer_child_entry() {
    if std::env::var_os(support::CHILD_MARK).is_some() {
        let code = mixer::child_main();
        std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
    }
}

/// Not a test: what a service process of the other tests runs.
#[test]
fn mixer_service_entry() {
    if let Ok(settings) = std::env::var(support::SERVICE_MARK) {
        support::run_service(&settings);
    }
}

/// The whole life: starting, live, a child killed with SIGKILL, the end, the replay from the bucket.
#[tokio::test(flavor = "multi_thread")]
async fn a_stage_survives_its_child_and_becomes_a_recording() {
    let _alone = testkit::alone();
    let gateway = VersityGateway::start().unwrap();
    let media = Media::start().await;
    let mixer = Mixer::start(&gateway, &media, |_| {}).await;
    let spec = spec();
    let began = Instant::now();
    let status = mixer.put(&spec).await;
    assert_eq!(status.state, StageState::Starting);
    let early = mixer.get_file("index.m3u8").await;
    assert_eq!((early.status, early.header("retry-after")), (503, Some("1")));
    assert_eq!(mixer.get_file("nothing.m3u8").await.status, 404);

    let index = mixer.playlist_within("index.m3u8", Duration::from_secs(20)).await;
    println!("first segment set after {:?}", began.elapsed());
    assert_eq!(rules::check_multivariant(&index), Vec::<String>::new(), "{index}");
    assert!(index.contains("avc1.") && index.contains("mp4a.40.2"), "{index}");
    assert!(index.contains("live") || index.contains("\nv720.m3u8\n"));
    // A real player that watches from the first segment to the end, across the gap.
    let viewer = decode::watch_live(&mixer.url("index.m3u8"));

    mixer.wait_for_sets(3).await;
    let kills = kills();
    for kill in 0..kills {
        // Anywhere inside a segment.
        tokio::time::sleep(Duration::from_millis(u64::from(kill) * 700 % 2_000)).await;
        kill_and_see_it_go_on(&mixer).await;
    }
    mixer.wait_for_sets(mixer.sets().await + 2).await;

    let ended = Instant::now();
    mixer.end().await;
    let status = mixer.wait_for_state(StageState::Ended, Duration::from_secs(10)).await;
    println!("sealed {:?} after the end; {status:?}", ended.elapsed());
    assert_eq!((status.spool_files, status.restarts), (0, kills));
    assert!(mixer.get_text("v720.m3u8").await.ends_with("#EXT-X-ENDLIST\n"));
    assert_eq!(mixer.put(&spec).await.state, StageState::Ended, "an ended stage does not start again");
    viewer.finish();
    assert_eq!(media.claims(), std::slice::from_ref(&mixer.base_url));

    let bucket = Bucket::new(&gateway, &spec.asset_id);
    assert_eq!(media.finished(), [1], "chunks");
    let recording = bucket.download(1).await;
    check_timeline(&recording);
    decode::play_replay(recording.folder.path()).await;
    mixer.stop().await;
}

/// `DAIS_TEST_KILLS`: for a long look; two are enough to see a break in front of a break.
fn kills() -> u32 {
    std::env::var("DAIS_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(2)
}

async fn kill_and_see_it_go_on(mixer: &Mixer) {
    let (live, rewind) = (mixer.media_playlists(View::Live).await, mixer.media_playlists(View::Rewind).await);
    let runs = mixer.runs().await;
    assert_eq!(rules::check_renditions(&live), Vec::<String>::new());
    mixer.kill_child();
    let killed = Instant::now();
    mixer.wait_for_runs(runs + 1).await;
    let after = killed.elapsed();
    println!("live again {after:?} after SIGKILL, {} µs lost", mixer.newest_gap_us().await);
    // On a quiet machine 2.5 s: half a second of start, a segment.
    assert!(after < Duration::from_secs(12), "{after:?}");
    for (view, before) in [(View::Live, live), (View::Rewind, rewind)] {
        let after = mixer.media_playlists(view).await;
        assert_eq!(rules::check_renditions(&after), Vec::<String>::new(), "{view:?}");
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(rules::check_reload(before, after), Vec::<String>::new());
        }
    }
}

/// Numbers without holes, media time that only goes on, the same borders in all pictures.
fn check_timeline(recording: &support::Downloaded) {
    let IndexChunk { renditions, sets, .. } = &recording.chunk;
    assert!(sets.iter().map(|set| set.number).eq(0..sets.len() as u64));
    assert!(sets.windows(2).any(|pair| pair[0].run != pair[1].run), "there was a restart");
    let mut borders = Vec::new();
    for (index, rendition) in renditions.iter().enumerate() {
        let mut end = Duration::ZERO;
        for (position, set) in sets.iter().enumerate() {
            let timescale =
                read_init(&recording.file(&init_path(&rendition.name, set.run))).unwrap().timescale;
            let segment = recording.file(&segment_path(&rendition.name, set.number));
            let time = read_segment(&segment).unwrap();
            let start = Duration::from_nanos(time.decode_time * 1_000_000_000 / u64::from(timescale));
            let new_run = position == 0 || sets[position - 1].run != set.run;
            let off = start.as_secs_f64() - end.as_secs_f64();
            let context = format!("{} {}: {off} s", rendition.name, set.number);
            assert!(if new_run { off > -0.001 } else { off.abs() < 0.001 }, "{context}");
            let said = set.offset_ms as f64 / 1_000.0;
            assert!((start.as_secs_f64() - said).abs() < 0.023, "{context}: index says {said}");
            end = start + time.length(timescale);
            let info = &set.segments[index];
            assert_eq!(info.size_bytes, segment.len() as u64);
            assert!((time.length(timescale).as_micros().abs_diff(u128::from(info.duration_us))) < 1_000);
            if let RenditionKind::Video { .. } = rendition.kind {
                borders.push((set.number, time.decode_time, time.duration));
            }
        }
    }
    // The timescale of all pictures is the same, so a rung switch finds the same frame in each.
    let (first, second) = borders.split_at(sets.len());
    assert_eq!(first, second);
}

/// The store stops answering: the stage goes on live and says so, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn segments_wait_in_the_spool_while_the_store_is_gone() {
    let _alone = testkit::alone();
    let gateway = VersityGateway::start().unwrap();
    let media = Media::start().await;
    let mixer = Mixer::start(&gateway, &media, |config| config.kept_sets = 1).await;
    let spec = spec();
    mixer.put(&spec).await;
    mixer.wait_for_sets(1).await;
    mixer.wait_until_saved().await;

    gateway.process().signal(Signal::SIGSTOP).unwrap();
    let sets = mixer.sets().await;
    mixer.wait_for_sets(sets + 3).await;
    let status = mixer.status().await;
    assert!(status.spool_files >= 6 && status.spool_bytes > 0, "{status:?}");
    mixer.wait_until("it says so", |status| matches!(status.saving, Saving::Waiting { .. })).await;

    gateway.process().signal(Signal::SIGCONT).unwrap();
    mixer.wait_until_saved().await;
    assert_eq!(mixer.status().await.saving, Saving::Following);
    // The spool kept only the newest saved set: the first is read back from the bucket, in part too.
    let whole = mixer.get_file("v360/0.m4s").await;
    assert_eq!(whole.status, 200);
    let part = mixer.get_range("v360/0.m4s", "bytes=4-7").await;
    assert_eq!((part.status, part.body.as_str()), (206, "styp"));
    mixer.end().await;
    mixer.wait_for_state(StageState::Ended, Duration::from_secs(10)).await;
    let recording = Bucket::new(&gateway, &spec.asset_id).download(1).await;
    assert!(recording.chunk.sets.len() as u64 >= sets + 3);
    decode::play_replay(recording.folder.path()).await;
    mixer.stop().await;
}

/// The store stays away until the spool is full: the stage pauses, no second one may start, and both go on
/// by themselves when the store is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_stage_pauses_while_the_spool_is_full() {
    let _alone = testkit::alone();
    let gateway = VersityGateway::start().unwrap();
    let media = Media::start().await;
    // A few segment sets of the holding picture, which does not move.
    let limit = 40_000;
    let mixer = Mixer::start(&gateway, &media, |config| config.spool_limit_bytes = limit).await;
    let spec = spec();
    mixer.put(&spec).await;
    mixer.wait_for_sets(1).await;
    mixer.wait_until_saved().await;
    gateway.process().signal(Signal::SIGSTOP).unwrap();
    mixer.wait_until("the spool is full", |status| status.saving == Saving::SpoolFull).await;
    mixer.wait_for_no_child();
    let (status, sets) = (mixer.status().await, mixer.sets().await);
    // A set in flight, and what was made between two looks.
    assert!((limit..4 * limit).contains(&status.spool_bytes), "{status:?}");
    assert_eq!(status.state, StageState::Live, "it is only a pause");
    let refused = mixer.put_another().await;
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("/problems/spool-full"), "{}", refused.body);

    gateway.process().signal(Signal::SIGCONT).unwrap();
    mixer.wait_for_runs(2).await;
    mixer.wait_until("it follows again", |status| status.saving == Saving::Following).await;
    mixer.end().await;
    mixer.wait_for_state(StageState::Ended, Duration::from_secs(10)).await;
    let recording = Bucket::new(&gateway, &spec.asset_id).download(1).await;
    assert!(recording.chunk.sets.len() as u64 > sets, "nothing that was shown is missing");
    check_timeline(&recording);
    decode::play_replay(recording.folder.path()).await;
    mixer.stop().await;
}

/// SIGKILL of the whole service while segments wait: they follow, and the stage goes on when asked again.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_goes_on_where_its_journal_ends() {
    let _alone = testkit::alone();
    let gateway = VersityGateway::start().unwrap();
    let media = Media::start().await;
    let data = testkit::temp_dir();
    let service = ServiceProcess::start(&gateway, &media, data.path());
    let spec = spec();
    let mixer = service.client(&spec).await;
    mixer.put(&spec).await;
    mixer.wait_for_sets(2).await;
    gateway.process().signal(Signal::SIGSTOP).unwrap();
    let sets = mixer.sets().await;
    mixer.wait_for_sets(sets + 1).await;
    let before = mixer.media_playlists(View::Rewind).await;
    service.kill();
    support::wait_for_no_child(service.mark());
    gateway.process().signal(Signal::SIGCONT).unwrap();

    let service = ServiceProcess::start(&gateway, &media, data.path());
    let mixer = service.client(&spec).await;
    // Nobody has asked for the stage yet: its files follow all the same, and its viewers keep what they had.
    mixer.wait_until_saved().await;
    for (before, after) in before.iter().zip(&mixer.media_playlists(View::Rewind).await) {
        assert_eq!(rules::check_reload(before, after), Vec::<String>::new());
    }
    mixer.put(&spec).await;
    mixer.wait_for_runs(2).await;
    for (before, after) in before.iter().zip(&mixer.media_playlists(View::Rewind).await) {
        assert_eq!(rules::check_reload(before, after), Vec::<String>::new());
    }
    mixer.end().await;
    mixer.wait_for_state(StageState::Ended, Duration::from_secs(10)).await;
    let recording = Bucket::new(&gateway, &spec.asset_id).download(1).await;
    check_timeline(&recording);
    decode::play_replay(recording.folder.path()).await;
    service.kill();
}

/// SIGTERM: the children stop in order, the bucket has everything, MAR is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_stops_leaves_a_playable_recording() {
    let _alone = testkit::alone();
    let gateway = VersityGateway::start().unwrap();
    let media = Media::start().await;
    let mixer = Mixer::start(&gateway, &media, |_| {}).await;
    let spec = spec();
    mixer.put(&spec).await;
    mixer.wait_for_sets(2).await;
    let stopped = Instant::now();
    mixer.stop().await;
    assert!(stopped.elapsed() < Duration::from_secs(10), "{:?}", stopped.elapsed());
    assert_eq!(media.finished(), [1], "chunks");
    let recording = Bucket::new(&gateway, &spec.asset_id).download(1).await;
    assert!(recording.chunk.sets.len() >= 2);
    decode::play_replay(recording.folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_service_token_is_refused() {
    let _alone = testkit::alone();
    let gateway = VersityGateway::start().unwrap();
    let media = Media::start().await;
    let mixer = Mixer::start(&gateway, &media, |_| {}).await;
    for token in [None, Some("Bearer x".to_owned()), Some(keys().token_for_another_service())] {
        assert_eq!(mixer.get_raw("stages/stg_0000000000000000000001", token).await, 401);
    }
    assert_eq!(mixer.get_authorised("stages/stg_0000000000000000000001").await, 404);
    assert_eq!(mixer.get_authorised("stages/not-an-id").await, 400);
    mixer.stop().await;
}
