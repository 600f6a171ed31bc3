//! Kills at bad moments: the stage goes on, and nothing stored is lost.

use nix::sys::signal::Signal;
use testkit::wait_for;

use crate::running::{
    Dais, PATIENCE, clock_on_stage, end, fetch, folder, go_live, place, playlist_until, plays,
    plays_in_gstreamer, rendition, segments, stage_until,
};

fn kill(pid: i32) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

/// Every segment that was ever named, in the order of its number.
fn names(playlist: &str) -> Vec<&str> {
    playlist.lines().filter(|line| line.ends_with(".m4s")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_mixer_child_costs_a_discontinuity_and_the_replay_plays_across_it() {
    let _alone = testkit::alone();
    let data = folder();
    let dais = Dais::start(&data.path().join("data"));
    let organiser = dais.organiser().await;
    let place = place(&organiser).await;
    let speaker = clock_on_stage(&dais.url, &organiser, &place).await;
    let hls = go_live(&organiser, &place.stage_id).await;
    let before = playlist_until(&hls, "three segments", |p| segments(p) >= 3).await;
    let children = dais.children("mixer-child");
    assert_eq!(children.len(), 1);
    kill(children[0]);
    let after = playlist_until(&hls, "two segments behind the gap", |p| {
        p.split("#EXT-X-DISCONTINUITY\n").nth(1).is_some_and(|behind| segments(behind) >= 2)
    })
    .await;
    assert_eq!(names(&before), names(&after)[..segments(&before)], "what was named stays as it was");
    let replay = end(&organiser, &place.stage_id).await;
    let vod = fetch(&rendition(&replay, "v720")).await;
    assert!(vod.contains("#EXT-X-ENDLIST") && vod.contains("#EXT-X-DISCONTINUITY\n"), "{vod}");
    plays(&replay);
    plays_in_gstreamer(&replay);
    speaker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_dais_goes_on_with_its_stage_and_loses_nothing_stored() {
    let _alone = testkit::alone();
    let data = folder();
    let dais = Dais::start(&data.path().join("data"));
    let organiser = dais.organiser().await;
    let place = place(&organiser).await;
    let speaker = clock_on_stage(&dais.url, &organiser, &place).await;
    let hls = go_live(&organiser, &place.stage_id).await;
    let before = playlist_until(&hls, "three segments", |p| segments(p) >= 3).await;
    let ports = (dais.http_port(), dais.media_port);
    dais.process.signal(Signal::SIGKILL).unwrap();
    dais.process.wait_end(PATIENCE).unwrap();
    drop(speaker);

    let dais = Dais::start_on(&data.path().join("data"), ports.0, ports.1, &[]);
    let speaker = clock_on_stage(&dais.url, &organiser, &place).await;
    let after = playlist_until(&hls, "two segments behind the gap", |p| {
        p.split("#EXT-X-DISCONTINUITY\n").nth(1).is_some_and(|behind| segments(behind) >= 2)
    })
    .await;
    assert_eq!(names(&before), names(&after)[..segments(&before)], "what was named is still there");
    let replay = end(&organiser, &place.stage_id).await;
    assert_eq!(replay, hls, "one address, live and as the replay");
    plays(&replay);
    speaker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_cleanly_with_a_playable_replay() {
    let _alone = testkit::alone();
    let data = folder();
    let dais = Dais::start(&data.path().join("data"));
    let organiser = dais.organiser().await;
    let place = place(&organiser).await;
    let hls = go_live(&organiser, &place.stage_id).await;
    let before = playlist_until(&hls, "two segments", |p| segments(p) >= 2).await;
    let ports = (dais.http_port(), dais.media_port);
    organiser.end_stage(&place.stage_id).await.unwrap();
    dais.process.signal(Signal::SIGTERM).unwrap();
    dais.process.wait_end(PATIENCE).unwrap();

    let dais = Dais::start_on(&data.path().join("data"), ports.0, ports.1, &[]);
    let status = stage_until(&organiser, &place.stage_id, "the replay", |s| s.replay.is_some()).await;
    assert_eq!(status.hls_url.as_deref(), Some(hls.as_str()));
    assert!(segments(&fetch(&rendition(&hls, "v720")).await) >= segments(&before));
    plays(&hls);
    drop(dais);
}

#[tokio::test(flavor = "multi_thread")]
async fn random_datagrams_at_the_media_port_do_not_end_a_call() {
    let _alone = testkit::alone();
    let data = folder();
    let dais = Dais::start(&data.path().join("data"));
    let organiser = dais.organiser().await;
    let place = place(&organiser).await;
    let speaker = clock_on_stage(&dais.url, &organiser, &place).await;
    let hls = go_live(&organiser, &place.stage_id).await;
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    // A literal seed: xorshift64.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for length in 0..=1500 {
        let datagram: Vec<u8> = (0..length)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[0]
            })
            .collect();
        // Each of the shapes that share the port: STUN, DTLS, RTP, RTCP.
        for first in [0_u8, 22, 128, 200] {
            let mut shaped = datagram.clone();
            if let Some(byte) = shaped.first_mut() {
                *byte = first;
            }
            socket.send_to(&shaped, ("127.0.0.1", dais.media_port)).unwrap();
        }
    }
    let forwarded = || {
        let metrics =
            std::process::Command::new("curl").args(["-s", &format!("{}/metrics", dais.url)]).output()?;
        let text = String::from_utf8(metrics.stdout)?;
        let line = text.lines().find_map(|line| line.strip_prefix("sfu_forwarded_packets_total "));
        anyhow::Ok(line.unwrap_or("0").trim().parse::<f64>()?)
    };
    let now = forwarded().unwrap();
    wait_for("packets behind the flood", PATIENCE, || {
        anyhow::ensure!(forwarded()? > now + 100.0, "not yet");
        Ok(())
    })
    .unwrap();
    let there = segments(&fetch(&rendition(&hls, "v720")).await);
    playlist_until(&hls, "the stage goes on", |p| segments(p) > there).await;
    speaker.leave().await;
}
