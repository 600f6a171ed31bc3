//! The S3 server stops answering in the middle of a stage: viewers see nothing of it, organisers do, and
//! the replay has every second.

use std::time::Duration;

use hls::fmp4::{read_init, read_segment};
use nix::sys::signal::Signal;
use testkit::VersityGateway;

use crate::running::{
    Dais, clock_on_stage, end, fetch, folder, go_live, place, playlist_until, plays, rendition, segments,
    stage_until,
};

fn start(data: &std::path::Path, s3: &VersityGateway) -> Dais {
    let arguments = [
        format!("--s3-endpoint={}", s3.endpoint()),
        format!("--s3-bucket={}", VersityGateway::BUCKET),
        format!("--s3-access-key={}", s3.access_key()),
        format!("--s3-secret-key={}", s3.secret_key()),
    ];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Dais::start_on(data, testkit::free_port(), testkit::free_port(), &arguments)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_goes_on_while_s3_is_unreachable_and_its_replay_has_every_second() {
    let _alone = testkit::alone();
    let data = folder();
    let s3 = VersityGateway::start().unwrap();
    let dais = start(&data.path().join("data"), &s3);
    let organiser = dais.organiser().await;
    let place = place(&organiser).await;
    let speaker = clock_on_stage(&dais.url, &organiser, &place).await;
    let hls = go_live(&organiser, &place.stage_id).await;
    playlist_until(&hls, "two segments", |p| segments(p) >= 2).await;
    stage_until(&organiser, &place.stage_id, "no trouble", |s| {
        s.trouble.is_none() && s.saved_up_to.is_some()
    })
    .await;

    s3.process().signal(Signal::SIGSTOP).unwrap();
    let before = segments(&fetch(&rendition(&hls, "v720")).await);
    let waiting = |s: &client::control::StageStatus| {
        s.trouble.as_deref().is_some_and(|trouble| trouble.contains("storage does not take the recording"))
    };
    let told = stage_until(&organiser, &place.stage_id, "the organiser is told", waiting).await;
    assert_eq!(told.state, "live");
    let live = playlist_until(&hls, "live goes on", |p| segments(p) >= before + 4).await;
    let stuck = stage_until(&organiser, &place.stage_id, "still waiting", waiting).await;
    assert_eq!(stuck.saved_up_to, told.saved_up_to, "the store has taken nothing");

    s3.process().signal(Signal::SIGCONT).unwrap();
    stage_until(&organiser, &place.stage_id, "the storage follows", |s| {
        s.trouble.is_none() && s.saved_up_to > told.saved_up_to
    })
    .await;
    let replay = end(&organiser, &place.stage_id).await;
    let vod = fetch(&rendition(&replay, "v720")).await;
    assert!(vod.contains("#EXT-X-ENDLIST") && !vod.contains("#EXT-X-DISCONTINUITY\n"), "{vod}");
    assert!(segments(&vod) >= segments(&live), "what was shown is in the replay");
    for name in ["v720", "v360", "audio"] {
        has_every_second(&rendition(&replay, name)).await;
    }
    plays(&replay);
    speaker.leave().await;
}

/// Each segment begins where the one before ends: on the media's clock, on the playlist's and on the wall's.
async fn has_every_second(playlist_url: &str) {
    let playlist = hls::rules::read(&fetch(playlist_url).await).unwrap();
    let bytes = async |name: &str| {
        let url = reqwest::Url::parse(playlist_url).unwrap().join(name).unwrap();
        reqwest::get(url).await.unwrap().error_for_status().unwrap().bytes().await.unwrap()
    };
    let init = playlist.segments[0].init_uri.as_deref().unwrap();
    let timescale = read_init(&bytes(init).await).unwrap().timescale;
    let mut end: Option<(u64, i64)> = None;
    let mut length = Duration::ZERO;
    for segment in &playlist.segments {
        let time = read_segment(&bytes(&segment.uri).await).unwrap();
        let started_at_us = segment.started_at_us.unwrap();
        if let Some((decode_time, wall_us)) = end {
            // A muxer rounds to ticks; a frame of sound is a thousand of them.
            let off = time.decode_time.abs_diff(decode_time);
            assert!(off * 1_000 < u64::from(timescale), "{playlist_url} {}: {off} ticks", segment.uri);
            assert!((started_at_us - wall_us).abs() < 30_000, "{playlist_url} {}", segment.uri);
        }
        length += time.length(timescale);
        end = Some((time.decode_time + time.duration, started_at_us + segment.duration_us));
    }
    let said: i64 = playlist.segments.iter().map(|segment| segment.duration_us).sum();
    let said = Duration::from_micros(u64::try_from(said).unwrap());
    assert!(said.abs_diff(length) < Duration::from_millis(50), "{playlist_url}: {said:?}, {length:?}");
}
