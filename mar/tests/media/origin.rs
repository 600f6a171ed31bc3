//! The origin, judged by ffmpeg and by the playlist rules.

use std::process::Command;
use std::time::Duration;

use auth::playback::PlaybackKey;
use auth::service::ServiceName;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use hls::rules;
use serde_json::json;

use super::assets::add_track;
use super::recorded;
use super::service::{Database, Running, service_key, start, text};

const CAPTIONS: &str = "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nOver a border\n\n\
                        00:00:07.000 --> 00:00:08.000\nBehind the gap\n";

async fn replay(running: &Running, policy: &str) -> (String, String) {
    let (asset, playback) = running.new_recording(policy).await;
    recorded::put(running.service.registry().bucket(), &asset, 6).await;
    let (status, answer) = running.finish(&asset, 1).await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = add_track(running, &asset, "English", CAPTIONS).await;
    assert_eq!(status, 201, "{answer}");
    (asset, playback)
}

pub(crate) async fn a_replay_plays_across_a_gap_with_captions(database: Database) {
    let running = start(database).await;
    let (asset, playback) = replay(&running, "public").await;
    let (status, index) = running.play(&format!("{playback}/index.m3u8")).await;
    assert_eq!(status, 200);
    assert_eq!(rules::check_multivariant(&index), Vec::<String>::new(), "{index}");
    let shown = running.asset(&asset).await;
    let track = text(&shown["tracks"][0]["id"]);
    let mut playlists = Vec::new();
    for name in ["v180.m3u8".to_owned(), "audio.m3u8".to_owned(), format!("text/{track}.m3u8")] {
        assert!(index.contains(&name), "{name} is in {index}");
        let (status, playlist) = running.play(&format!("{playback}/{name}")).await;
        assert_eq!(status, 200);
        playlists.push(playlist);
    }
    assert_eq!(rules::check_renditions(&playlists), Vec::<String>::new(), "{playlists:#?}");
    assert_eq!(playlists[0].matches("#EXT-X-DISCONTINUITY\n").count(), 1);
    assert!(playlists[0].contains("#EXT-X-PLAYLIST-TYPE:VOD") && playlists[0].contains("#EXT-X-ENDLIST"));

    // Captions: clipped at the border, put at the media time behind the gap.
    let (_, second) = running.play(&format!("{playback}/text/{track}/1.vtt")).await;
    assert!(second.contains("MPEGTS:180000") && second.contains("00:00:00.000 --> 00:00:01.000"), "{second}");
    let (_, behind) = running.play(&format!("{playback}/text/{track}/3.vtt")).await;
    assert!(behind.contains("MPEGTS:900000") && behind.contains("Behind the gap"), "{behind}");
    let (_, empty) = running.play(&format!("{playback}/text/{track}/5.vtt")).await;
    assert!(empty.starts_with("WEBVTT") && !empty.contains("-->"), "{empty}");

    let url = format!("{}/hls/{playback}", running.url);
    plays_in_ffmpeg(&format!("{url}/index.m3u8")).await;
    // This ffprobe leaves subtitle groups out of a multivariant playlist, so it gets their own.
    let probe = "-v error -show_entries stream=codec_name:packet=data -show_data -of csv=p=0";
    let said = tool("ffprobe", &format!("{probe} {url}/text/{track}.m3u8")).await;
    assert!(said.contains("webvtt") && said.contains("Over a border"), "{said}");
    headers_of_a_segment(&running, &playback).await;
    let (_, live) = running.play(&format!("{playback}/live-v180.m3u8")).await;
    assert!(live.ends_with("#EXT-X-ENDLIST\n"), "who followed the live edge learns of the end: {live}");
}

async fn plays_in_ffmpeg(url: &str) {
    let probe =
        "-v error -count_packets -show_entries stream=codec_type,codec_name,nb_read_packets -of csv=p=0";
    let said = tool("ffprobe", &format!("{probe} {url}")).await;
    // Packets of one playlist; ffprobe reads every rendition of every program.
    assert!(said.lines().any(|line| line.contains("h264") && line.ends_with("360")), "{said}");
    assert!(said.lines().any(|line| line.contains("aac")), "{said}");
    let said = tool("ffmpeg", &format!("-v error -xerror -i {url} -map 0:v:0 -map 0:a:0 -f null -")).await;
    assert_eq!(said, "");
}

async fn headers_of_a_segment(running: &Running, playback: &str) {
    let url = format!("{}/hls/{playback}/v180/0.m4s", running.url);
    let whole = running.http.get(&url).header("Origin", "https://x.example").send().await.unwrap();
    let header = |name: &str| whole.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "video/mp4");
    assert_eq!(header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(header("access-control-allow-origin"), "*");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let length = whole.content_length().unwrap();
    let whole = whole.bytes().await.unwrap();
    assert_eq!((whole.len() as u64, &whole[..]), (length, &recorded::file("v180/0.m4s")[..]));
    let part = running.http.get(&url).header("Range", "bytes=4-7").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], format!("bytes 4-7/{length}"));
    assert_eq!(&part.bytes().await.unwrap()[..], &whole[4..8]);
    let beyond = running.http.get(&url).header("Range", format!("bytes={length}-")).send().await.unwrap();
    assert_eq!(beyond.status(), 416);
    let head = running.http.head(&url).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], length.to_string());
}

pub(crate) async fn a_signed_replay_needs_its_token_everywhere(database: Database) {
    let running = start(database).await;
    let (asset, playback) = replay(&running, "signed").await;
    let track = text(&running.asset(&asset).await["tracks"][0]["id"]);
    let path = format!("/internal/media/v1/assets/{asset}/playback-token");
    let (status, minted) = running.call("POST", &path, None).await;
    assert_eq!(status, 200, "{minted}");
    let token = text(&minted["token"]);
    let key = PlaybackKey::from_secret(&[9; 32]);
    let expired = key.mint(&playback.parse().unwrap(), Duration::ZERO).token;
    let foreign = key.mint(&ids::PlaybackId::random(), Duration::from_secs(60)).token;
    let service = service_key().token(ServiceName::ControlApi, ServiceName::Media);
    let mut tampered = token.clone();
    tampered.truncate(token.len() - 2);
    tokio::time::sleep(Duration::from_millis(6_100)).await; // `expired` is past its leeway of 5 s.
    for file in [
        "index.m3u8".to_owned(),
        "live.m3u8".to_owned(),
        "v180.m3u8".to_owned(),
        "v180/0.m4s".to_owned(),
        "v180/init-0.mp4".to_owned(),
        format!("text/{track}.m3u8"),
        format!("text/{track}/0.vtt"),
        "video.mp4".to_owned(),
    ] {
        for wrong in [None, Some(&expired), Some(&foreign), Some(&service), Some(&tampered)] {
            let query = wrong.map(|token| format!("?token={token}")).unwrap_or_default();
            let (status, problem) = running.play(&format!("{playback}/{file}{query}")).await;
            assert_eq!(status, 403, "{file}");
            assert!(problem.contains("/problems/playback-refused"), "{problem}");
        }
    }
    let url = format!("{}/hls/{playback}/index.m3u8?token={token}", running.url);
    let answer = running.http.get(&url).send().await.unwrap();
    assert!(answer.headers()["cache-control"].to_str().unwrap().starts_with("private"));
    plays_in_ffmpeg(&url).await;
    plays_in_gstreamer(&url).await;
}

/// Strict on timelines: it hangs on a gap without a discontinuity and fails on a file that is refused.
async fn plays_in_gstreamer(url: &str) {
    // Pictures and sound as fast as they come; captions would be waited for at the pace of a clock.
    let uri = format!("uri={url}");
    let sinks = ["video-sink=fakesink sync=false", "audio-sink=fakesink sync=false"];
    let mut command = Command::new("timeout");
    command.args(["60", "gst-launch-1.0", "-q", "playbin3", "flags=3", &uri]).args(sinks);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn tool(name: &str, arguments: &str) -> String {
    let (name, arguments) = (name.to_owned(), arguments.to_owned());
    let run = tokio::task::spawn_blocking(move || {
        let output = Command::new(&name).args(arguments.split_whitespace()).output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{name}: {said}");
        said
    });
    run.await.unwrap()
}

/// A mixer that has the third set already, which the bucket has not acknowledged.
async fn mixer() -> String {
    let serve = |Path((_, path)): Path<(String, String)>, headers: HeaderMap| async move {
        let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
        if service_key().verify(authorization, ServiceName::Mixer).is_err() {
            return Err(StatusCode::UNAUTHORIZED);
        }
        let sets = recorded::index(3);
        let renditions = &sets.renditions;
        match path.as_str() {
            "index.m3u8" => {
                let view = hls::recording::View::Rewind;
                Ok(hls::recording::multivariant(renditions, &sets.sets, Vec::new(), view).into_bytes())
            }
            "v180.m3u8" => {
                let lifecycle = hls::playlist::Lifecycle::Event;
                Ok(hls::recording::media_playlist(renditions, &sets.sets, "v180", lifecycle)
                    .unwrap()
                    .into_bytes())
            }
            "v180/2.m4s" => Ok(recorded::file("v180/2.m4s")),
            _ => Err(StatusCode::NOT_FOUND),
        }
    };
    let router =
        axum::Router::new().route("/internal/mixer/v1/recordings/{asset}/{*path}", axum::routing::get(serve));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_live_stage_plays_from_its_mixer_and_older_parts_from_the_bucket() {
    let running = start(Database::Sqlite).await;
    let (asset, playback) = running.new_recording("signed").await;
    let token =
        PlaybackKey::from_secret(&[9; 32]).mint(&playback.parse().unwrap(), Duration::from_secs(60)).token;
    let play = async |file: &str| running.play(&format!("{playback}/{file}?token={token}")).await;
    let (status, problem) = play("index.m3u8").await;
    assert_eq!(status, 503, "no mixer has claimed it: {problem}");
    let claim = format!("/internal/media/v1/recordings/{asset}/mixer");
    running.call("PUT", &claim, Some(json!({ "mixer_url": mixer().await }))).await;
    recorded::put(running.service.registry().bucket(), &asset, 2).await;

    let (status, playlist) = play("v180.m3u8").await;
    assert_eq!(status, 200, "{playlist}");
    assert!(playlist.contains(&format!("v180/2.m4s?token={token}")), "{playlist}");
    assert!(playlist.contains(&format!("v180/init-0.mp4?token={token}")) && !playlist.contains("ENDLIST"));
    for number in 0..3 {
        let url = format!("{}/hls/{playback}/v180/{number}.m4s?token={token}", running.url);
        let bytes = running.http.get(url).send().await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes, recorded::file(&format!("v180/{number}.m4s")), "{number}");
    }
    // Captions may be added while it is live.
    add_track(&running, &asset, "English", CAPTIONS).await;
    let (_, index) = play("index.m3u8").await;
    assert!(index.contains("TYPE=SUBTITLES"), "{index}");
    let track = text(&running.asset(&asset).await["tracks"][0]["id"]);
    let (status, captions) = play(&format!("text/{track}.m3u8")).await;
    assert_eq!(status, 200);
    assert!(captions.contains("/1.vtt?token=") && !captions.contains("ENDLIST"), "{captions}");
}
