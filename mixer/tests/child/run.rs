//! One run of a child process, driven over its socket, and what it made.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mixer::child_protocol::{
    self, AudioRendition, FromChild, Init, Notice, Rect, Scene, Segment, Start, Tile, Timeline, ToChild,
    VideoRendition,
};

/// Everything that a child said.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) inits: BTreeMap<String, (Init, Bytes)>,
    pub(crate) segments: BTreeMap<String, Vec<(Segment, Bytes)>>,
    pub(crate) health: Vec<wire::mixer::Health>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) ended: bool,
}

pub(crate) struct Run {
    process: Child,
    socket: Option<UnixStream>,
    said: Arc<Mutex<Said>>,
    reader: JoinHandle<()>,
}

pub(crate) fn start(link_addr: std::net::SocketAddr, link_identity: auth::link::LinkIdentity) -> Start {
    let video = |name: &str, width, height, bitrate_bps| VideoRendition {
        name: name.into(),
        width,
        height,
        bitrate_bps,
    };
    Start {
        link_addr,
        link_identity,
        room: "stage".into(),
        participant: "mixer".into(),
        next_segment: 0,
        run: 1,
        timeline: Timeline::default(),
        video: vec![video("v720", 1280, 720, 2_000_000), video("v360", 640, 360, 600_000)],
        audio: AudioRendition { name: "audio".into(), bitrate_bps: 96_000 },
        segment_ms: 2_000,
    }
}

/// Tiles side by side in a grid of two columns (one: the whole canvas).
pub(crate) fn scene(people: &[(&str, &str)]) -> Scene {
    let place = |index: u32| match people.len() {
        1 => Rect { x: 0, y: 0, width: 1280, height: 720 },
        2 => Rect { x: index * 640, y: 180, width: 640, height: 360 },
        _more => Rect { x: index % 2 * 640, y: index / 2 * 360, width: 640, height: 360 },
    };
    let tile = |(index, (identity, name)): (u32, &(&str, &str))| Tile {
        identity: (*identity).into(),
        name: (*name).into(),
        rect: Some(place(index)),
        z: 0,
    };
    Scene { tiles: (0..).zip(people).map(tile).collect(), title: "The stage opens soon".into() }
}

impl Run {
    pub(crate) fn spawn(start: Start) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let process = Command::new("/proc/self/exe")
            .arg("mixer-child")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .env("DAIS_LOG", std::env::var("DAIS_LOG").unwrap_or_else(|_| "info".into()))
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(Said::default()));
        let (mut socket, heard) = (ours.try_clone().unwrap(), Arc::clone(&said));
        let reader = std::thread::spawn(move || {
            while let Ok(Some((message, payload))) = child_protocol::read::<FromChild>(&mut socket) {
                let mut said = heard.lock().unwrap();
                match message {
                    FromChild::Init(init) => {
                        said.inits.insert(init.rendition.clone(), (init, payload));
                    }
                    FromChild::Segment(segment) => {
                        said.segments.entry(segment.rendition.clone()).or_default().push((segment, payload));
                    }
                    FromChild::Health { health, .. } => said.health.push(health),
                    FromChild::Notice(notice) => said.notices.push(notice),
                    FromChild::Ended => said.ended = true,
                }
            }
        });
        let mut run = Self { process, socket: Some(ours), said, reader };
        run.tell(&ToChild::Start(Box::new(start)));
        run
    }

    pub(crate) fn tell(&mut self, message: &ToChild) {
        child_protocol::write(self.socket.as_mut().unwrap(), message, &[]).unwrap();
    }

    pub(crate) fn show(&mut self, people: &[(&str, &str)]) {
        self.tell(&ToChild::Scene(scene(people)));
    }

    pub(crate) fn interrupt(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.process.id()).unwrap());
        for signal in [nix::sys::signal::SIGINT, nix::sys::signal::SIGTERM] {
            nix::sys::signal::kill(pid, signal).unwrap();
        }
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
    }

    /// Asks it to stop, and returns what it said.
    pub(crate) fn stop(mut self) -> Said {
        self.tell(&ToChild::Stop);
        let status = wait(&mut self.process, Duration::from_secs(15));
        assert!(status.success(), "the child ended with {status}");
        self.said()
    }

    /// Closes the socket: the child must end by itself.
    pub(crate) fn hang_up(mut self) -> ExitStatus {
        let socket = self.socket.take().unwrap();
        socket.shutdown(std::net::Shutdown::Both).unwrap();
        wait(&mut self.process, Duration::from_secs(6))
    }

    /// After its end.
    pub(crate) fn said(self) -> Said {
        let Self { mut process, socket, said, reader } = self;
        process.wait().unwrap();
        drop(socket);
        reader.join().unwrap();
        let mut said = std::mem::take(&mut *said.lock().unwrap());
        said.keep_whole_sets();
        said
    }
}

fn wait(process: &mut Child, patience: Duration) -> ExitStatus {
    let until = Instant::now() + patience;
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > until {
            process.kill().unwrap();
            panic!("the child did not end in time");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Said {
    /// Leaves out the last number when not every rendition has it, as the service does: the child was killed,
    /// or the machine too busy to encode the rest within the child's farewell.
    pub(crate) fn keep_whole_sets(&mut self) {
        let whole = self.segments.values().map(Vec::len).min().unwrap_or(0);
        for (rendition, segments) in &mut self.segments {
            assert!(segments.len() <= whole + 2, "{rendition}: {} of {whole}", segments.len());
            segments.truncate(whole);
        }
    }

    /// Numbers, times and borders that every run must keep.
    pub(crate) fn check(&self) {
        let (v720, v360, audio) = (&self.segments["v720"], &self.segments["v360"], &self.segments["audio"]);
        for ((large, _), (small, _)) in v720.iter().zip(v360) {
            assert_eq!((large.number, large.offset_us), (small.number, small.offset_us));
            assert_eq!(large.duration_us, small.duration_us);
        }
        for segments in self.segments.values() {
            for pair in segments.windows(2) {
                let (before, after) = (&pair[0].0, &pair[1].0);
                assert_eq!(before.number + 1, after.number, "{}", before.rendition);
                let expected = before.offset_us + before.duration_us;
                assert!(expected.abs_diff(after.offset_us) <= 30, "{before:?} {after:?}");
                let dated = after.pdt_us - before.pdt_us;
                assert!(dated.abs_diff(i64::try_from(before.duration_us).unwrap()) <= 30);
                assert!(after.keyframe);
            }
        }
        for ((picture, _), (sound, _)) in v720.iter().zip(audio) {
            assert_eq!(picture.number, sound.number);
            assert!(picture.offset_us.abs_diff(sound.offset_us) <= 21_400, "{picture:?} {sound:?}");
        }
        assert!(self.inits["v720"].0.codecs.starts_with("avc1."));
        assert_eq!(self.inits["audio"].0.codecs, "mp4a.40.2");
    }

    /// Seconds of the large picture.
    pub(crate) fn seconds(&self) -> f64 {
        let us: u64 = self.segments["v720"].iter().map(|(segment, _)| segment.duration_us).sum();
        us as f64 / 1e6
    }
}

/// Writes every rendition as one file and as a playlist; returns the multivariant playlist.
pub(crate) fn write_hls(runs: &[&Said], folder: &Path) -> PathBuf {
    for rendition in ["v720", "v360", "audio"] {
        let mut playlist =
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:3\n#EXT-X-MEDIA-SEQUENCE:0\n".to_owned();
        for (number, said) in runs.iter().enumerate() {
            let mut whole = said.inits[rendition].1.to_vec();
            let init = format!("{rendition}-init-{number}.mp4");
            std::fs::write(folder.join(&init), &whole).unwrap();
            if number > 0 {
                playlist += "#EXT-X-DISCONTINUITY\n";
            }
            playlist += &format!("#EXT-X-MAP:URI=\"{init}\"\n");
            for (segment, bytes) in &said.segments[rendition] {
                whole.extend_from_slice(bytes);
                let name = format!("{rendition}-{}.m4s", segment.number);
                std::fs::write(folder.join(&name), bytes).unwrap();
                playlist += &format!("#EXTINF:{:.6},\n{name}\n", segment.duration_us as f64 / 1e6);
            }
            std::fs::write(folder.join(format!("{rendition}-run{number}.mp4")), whole).unwrap();
        }
        playlist += "#EXT-X-ENDLIST\n";
        std::fs::write(folder.join(format!("{rendition}.m3u8")), playlist).unwrap();
    }
    let index = folder.join("index.m3u8");
    let text = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"main\",DEFAULT=YES,URI=\"audio.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=2500000,CODECS=\"avc1.4d401f,mp4a.40.2\",AUDIO=\"a\"\nv720.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS=\"avc1.4d401f,mp4a.40.2\",AUDIO=\"a\"\nv360.m3u8\n";
    std::fs::write(&index, text).unwrap();
    index
}

/// Decodes with errors fatal; returns what `ffmpeg` complains about.
pub(crate) fn decode(input: &Path, map: &str) -> String {
    let ran = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "warning", "-xerror", "-i"])
        .arg(input)
        .args(["-map", map, "-f", "null", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{}: {said}", input.display());
    said
}

/// Presentation times of all frames, in seconds.
pub(crate) fn frame_times(input: &Path) -> Vec<f64> {
    let ran = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "0", "-show_entries", "packet=pts_time", "-of", "csv=p=0"])
        .arg(input)
        .output()
        .unwrap();
    String::from_utf8_lossy(&ran.stdout)
        .lines()
        .filter_map(|line| line.trim_matches(',').parse().ok())
        .collect()
}
