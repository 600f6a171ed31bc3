//! A Dais that a test started, its organiser, and speakers for its stages.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use client::control::{Organiser, Person, StageStatus};
use client::{Clip, Options, Participant, Publication, Source};
use testkit::process::Spec;
use testkit::{Process, TempDir, wait_for};

/// Longest wait for anything that takes seconds on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// `dais up` in a folder that can outlive it.
pub(crate) struct Dais {
    pub(crate) process: Process,
    pub(crate) url: String,
    pub(crate) media_port: u16,
}

impl Dais {
    /// Starts on free ports.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_on(data, testkit::free_port(), testkit::free_port(), &[])
    }

    /// Starts on these ports, as a restart does, with more arguments.
    pub(crate) fn start_on(data: &Path, http_port: u16, media_port: u16, more: &[&str]) -> Self {
        let args = [
            "up".to_owned(),
            format!("--http-addr=127.0.0.1:{http_port}"),
            format!("--sfu-media-port={media_port}"),
            "--sfu-shards=1".to_owned(),
            "--sfu-media-ips=127.0.0.1".to_owned(),
            format!("--data-dir={}", data.display()),
        ];
        let spec = Spec::new(env!("CARGO_BIN_EXE_dais"), data.with_extension(format!("{http_port}.log")))
            .args(args)
            .args(more.iter().copied());
        let process = Process::start(spec).unwrap();
        wait_for("dais", PATIENCE, || {
            anyhow::ensure!(process.is_running(), "it ended: {}", process.log());
            anyhow::ensure!(process.log().contains("Dais runs at"), "not yet");
            Ok(())
        })
        .unwrap();
        Self { process, url: format!("http://127.0.0.1:{http_port}"), media_port }
    }

    pub(crate) fn http_port(&self) -> u16 {
        self.url.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Signs in with the link that the start printed.
    pub(crate) async fn organiser(&self) -> Organiser {
        let log = self.process.log();
        let link = log.lines().rev().find_map(|line| line.split_once("#token=")).unwrap();
        Organiser::sign_in_with_link(&self.url, link.1.trim()).await.unwrap()
    }

    /// Process ids of the children that mix or transform: they run this program with `name`.
    pub(crate) fn children(&self, name: &str) -> Vec<i32> {
        let output = Command::new("pgrep")
            .args(["--parent", &self.process.pid().to_string(), "--full", name])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(|line| line.parse().unwrap()).collect()
    }
}

/// An event with one stage.
pub(crate) struct Place {
    pub(crate) event_id: String,
    pub(crate) stage_id: String,
}

pub(crate) async fn place(organiser: &Organiser) -> Place {
    let times = ("2026-01-01T00:00:00Z", "2036-01-01T00:00:00Z");
    let event = organiser.create_event("Test", times, "open").await.unwrap();
    let stage_id = organiser.create_stage(&event.id, "Main stage").await.unwrap();
    Place { event_id: event.id, stage_id }
}

/// The flash and the beep of each second, published by one speaker who is put on the stage.
pub(crate) async fn clock_on_stage(url: &str, organiser: &Organiser, place: &Place) -> Participant {
    let picture = Clip::from_ivf(include_bytes!("../../../testdata/media/clock.ivf")).unwrap();
    let sound = Clip::from_ogg_opus(include_bytes!("../../../testdata/media/clock.ogg")).unwrap();
    let sound = sound.cut_to(picture.length);
    let invitation = organiser.invite_speaker(&place.event_id, &place.stage_id, "Clock").await.unwrap();
    let person = Person::enter_invited(url, &invitation).await.unwrap();
    let join = person.join_backstage(&place.stage_id).await.unwrap();
    let options = Options { url: join.room_url, token: join.room_token, auto_subscribe: false };
    let mut speaker = Participant::join(&options).await.unwrap();
    let publications = vec![
        Publication { name: "camera".into(), source: Source::Camera, clip: picture },
        Publication { name: "microphone".into(), source: Source::Microphone, clip: sound },
    ];
    speaker.publish(publications).await.unwrap();
    organiser.set_programme(&place.stage_id, "solo", &[join.identity]).await.unwrap();
    speaker
}

/// Waits for a state of the stage; prints its trouble when it does not come.
pub(crate) async fn stage_until(
    organiser: &Organiser,
    stage_id: &str,
    what: &str,
    wanted: impl Fn(&StageStatus) -> bool,
) -> StageStatus {
    let waited = tokio::time::timeout(PATIENCE, organiser.wait_for_stage(stage_id, wanted)).await;
    match waited {
        Ok(status) => status.unwrap(),
        Err(_) => panic!("{what}: {:?}", organiser.stage_status(stage_id).await),
    }
}

/// Goes live and waits for the first picture; returns the playlist.
pub(crate) async fn go_live(organiser: &Organiser, stage_id: &str) -> String {
    organiser.go_live(stage_id).await.unwrap();
    let status = stage_until(organiser, stage_id, "live", |s| s.state == "live").await;
    status.hls_url.unwrap()
}

/// Ends the stage and waits for its replay; returns the playlist.
pub(crate) async fn end(organiser: &Organiser, stage_id: &str) -> String {
    organiser.end_stage(stage_id).await.unwrap();
    let status = stage_until(organiser, stage_id, "the replay", |s| s.replay.is_some()).await;
    status.hls_url.unwrap()
}

/// The media playlist of the largest picture beside a multivariant playlist.
pub(crate) fn rendition(hls_url: &str, name: &str) -> String {
    hls_url.replace("index.m3u8", &format!("{name}.m3u8"))
}

pub(crate) async fn fetch(url: &str) -> String {
    reqwest::get(url).await.unwrap().error_for_status().unwrap().text().await.unwrap()
}

/// Waits until the picture's playlist is as wanted.
pub(crate) async fn playlist_until(hls_url: &str, what: &str, wanted: impl Fn(&str) -> bool) -> String {
    let url = rendition(hls_url, "v720");
    let started = tokio::time::Instant::now();
    loop {
        let text = fetch(&url).await;
        if wanted(&text) {
            return text;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: {text}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

pub(crate) fn segments(playlist: &str) -> usize {
    playlist.matches("#EXTINF").count()
}

/// Decodes picture and sound; no message of ffmpeg is accepted but that of a second init segment.
pub(crate) fn plays(hls_url: &str) {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-xerror", "-i", hls_url])
        .args(["-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let bad: Vec<_> = said.lines().filter(|line| !line.contains("duplicated MOOV")).collect();
    assert!(output.status.success() && bad.is_empty(), "{}: {bad:?}", output.status);
}

/// Plays in GStreamer, which is strict about timelines.
pub(crate) fn plays_in_gstreamer(hls_url: &str) {
    let output = Command::new("timeout")
        .args(["60", "gst-launch-1.0", "-q", "uridecodebin3", &format!("uri={hls_url}"), "name=d"])
        .args(["d.", "!", "queue", "!", "fakesink", "sync=false"])
        .args(["d.", "!", "queue", "!", "fakesink", "sync=false"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
}

/// Length as ffprobe sees it.
pub(crate) fn duration_s(hls_url: &str) -> f64 {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", hls_url])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

pub(crate) fn folder() -> TempDir {
    testkit::temp_dir()
}
