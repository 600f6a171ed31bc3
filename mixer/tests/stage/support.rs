//! What the stage tests need around the service: keys, the media service's two routes, players.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use auth::keys::Keys;
use auth::link::{LinkIdentity, LinkRole};
use auth::service::{ServiceKey, ServiceName};
use axum::extract::{Path as UrlPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use bucket::BucketConfig;
use hls::playlist::Lifecycle;
use hls::recording::{View, index_chunk_path, init_path, media_playlist, multivariant, segment_path};
use ids::{AssetId, StageId};
use mixer::{ChildCommand, Config, Ladder};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serve::{CancellationToken, Limits, Listener};
use testkit::{TempDir, VersityGateway, wait_for};
use wire::media::{FinishRecording, IndexChunk, MixerClaim};
use wire::mixer::{LayoutKind, StageSpec, StageState, StageStatus};

/// Environment variable that makes a copy of this program a mixer child.
pub(crate) const CHILD_MARK: &str = "DAIS_TEST_MIXER_CHILD";

/// Environment variable that makes a copy of this program a mixer service.
pub(crate) const SERVICE_MARK: &str = "DAIS_TEST_MIXER_SERVICE";

const PATIENCE: Duration = Duration::from_secs(30);

/// Keys that all services of the tests share.
pub(crate) struct TestKeys {
    service: ServiceKey,
    identity: LinkIdentity,
}

impl TestKeys {
    pub(crate) fn token_for_another_service(&self) -> String {
        self.service.authorization(ServiceName::ControlApi, ServiceName::Media)
    }
}

pub(crate) fn keys() -> TestKeys {
    let folder = testkit::temp_dir();
    let keys = Keys::open_or_create(folder.path()).unwrap();
    TestKeys {
        // One secret, so that a service that starts again accepts the tokens of before.
        service: ServiceKey::from_secret(&[7; 32]),
        identity: keys.link_identity(LinkRole::Mixer).unwrap(),
    }
}

fn random_bits() -> u128 {
    u128::from_str_radix(&testkit::random_hex(16), 16).unwrap()
}

pub(crate) fn spec() -> StageSpec {
    StageSpec {
        room: "backstage".into(),
        asset_id: AssetId::from_bits(random_bits()),
        layout: LayoutKind::Grid,
        on_stage: Vec::new(),
        title: "Opening keynote".into(),
    }
}

/// The media service as far as the mixer calls it: it writes down what it is told.
#[derive(Clone, Default)]
pub(crate) struct Media {
    pub(crate) url: String,
    claims: Arc<Mutex<Vec<String>>>,
    finished: Arc<Mutex<Vec<u32>>>,
}

impl Media {
    pub(crate) async fn start() -> Self {
        let mut media = Self::default();
        let routes = Router::new()
            .route("/internal/media/v1/recordings/{asset_id}/mixer", put(claim))
            .route("/internal/media/v1/recordings/{asset_id}/finish", post(finish))
            .with_state(media.clone());
        let listener = Listener::bind(any_port(), None, Limits::default()).await.unwrap();
        media.url = format!("http://{}", listener.local_addr());
        tokio::spawn(listener.serve(routes, CancellationToken::new()));
        media
    }

    pub(crate) fn claims(&self) -> Vec<String> {
        self.claims.lock().unwrap().clone()
    }

    pub(crate) fn finished(&self) -> Vec<u32> {
        self.finished.lock().unwrap().clone()
    }
}

async fn claim(State(media): State<Media>, Json(claim): Json<MixerClaim>) {
    media.claims.lock().unwrap().push(claim.mixer_url);
}

async fn finish(State(media): State<Media>, Json(finish): Json<FinishRecording>) {
    media.finished.lock().unwrap().push(finish.index_chunks);
}

fn any_port() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

fn config(gateway: &VersityGateway, media_url: &str, data_dir: &Path, base_url: &str, mark: &str) -> Config {
    let keys = (gateway.access_key(), gateway.secret_key());
    config_of(bucket_config(gateway.endpoint(), keys), media_url, data_dir, base_url, mark)
}

fn bucket_config(endpoint: String, (access_key, secret_key): (&str, &str)) -> BucketConfig {
    BucketConfig {
        endpoint: Some(endpoint),
        public_endpoint: None,
        bucket: VersityGateway::BUCKET.into(),
        region: "us-east-1".into(),
        access_key: access_key.into(),
        secret_key: secret_key.into(),
    }
}

fn config_of(bucket: BucketConfig, media_url: &str, data_dir: &Path, base_url: &str, mark: &str) -> Config {
    let keys = keys();
    let child = ChildCommand {
        program: "/proc/self/exe".into(),
        args: ["mixer_child_entry", "--exact", "--nocapture"].map(Into::into).to_vec(),
        envs: vec![(CHILD_MARK.into(), mark.into())],
    };
    Config {
        data_dir: data_dir.to_owned(),
        base_url: base_url.to_owned(),
        // Nobody is there: the stage stays empty.
        sfu_link_addr: ([127, 0, 0, 1], testkit::free_port()).into(),
        link_identity: keys.identity,
        media_url: media_url.to_owned(),
        bucket,
        service_key: keys.service,
        spool_limit_bytes: 1 << 30,
        kept_sets: 150,
        ladder: Ladder::default(),
        child,
        shutdown_drain: Duration::from_secs(8),
    }
}

/// A service in this process, and a client of it.
pub(crate) struct Mixer {
    pub(crate) base_url: String,
    client: Client,
    service: mixer::Service,
    stop: CancellationToken,
    _data: TempDir,
}

impl std::ops::Deref for Mixer {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Mixer {
    pub(crate) async fn start(
        gateway: &VersityGateway,
        media: &Media,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let data = testkit::temp_dir();
        let mark = testkit::random_hex(8);
        let listener = Listener::bind(any_port(), None, Limits::default()).await.unwrap();
        let base_url = format!("http://{}", listener.local_addr());
        let mut config = config(gateway, &media.url, data.path(), &base_url, &mark);
        change(&mut config);
        let service = mixer::start(config, &telemetry::Metrics::new()).await.unwrap();
        service.ready().await.unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(listener.serve(routes(&service), stop.clone()));
        let client = Client::new(base_url.clone(), mark);
        Self { base_url, client, service, stop, _data: data }
    }

    pub(crate) async fn stop(self) {
        self.service.shutdown().await;
        self.stop.cancel();
    }
}

/// The service's routes, and the same for players, who bring no token, under `/play`.
fn routes(service: &mixer::Service) -> Router {
    let signed = service.router().layer(from_fn_with_state(keys().service, sign));
    service.router().nest("/play", signed)
}

async fn sign(State(key): State<ServiceKey>, mut request: Request, next: Next) -> axum::response::Response {
    let token = key.authorization(ServiceName::Media, ServiceName::Mixer);
    request.headers_mut().insert("authorization", token.parse().unwrap());
    next.run(request).await
}

/// A service in a process of its own, to be killed.
pub(crate) struct ServiceProcess {
    process: Child,
    base_url: String,
    mark: String,
}

impl ServiceProcess {
    pub(crate) fn start(gateway: &VersityGateway, media: &Media, data: &Path) -> Self {
        let (port, mark) = (testkit::free_port(), testkit::random_hex(8));
        let settings = serde_json::json!({
            "endpoint": gateway.endpoint(), "access_key": gateway.access_key(),
            "secret_key": gateway.secret_key(), "media_url": media.url, "data": data, "port": port,
            "mark": mark,
        });
        let process = Command::new("/proc/self/exe")
            .args(["mixer_service_entry", "--exact", "--nocapture"])
            .env(SERVICE_MARK, settings.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, base_url: format!("http://127.0.0.1:{port}"), mark }
    }

    pub(crate) async fn client(&self, spec: &StageSpec) -> Client {
        let client = Client::new(self.base_url.clone(), self.mark.clone());
        client.know(spec);
        testkit::eventually("the service answers", PATIENCE, async || {
            client.http.get(&self.base_url).send().await.ok()
        })
        .await
        .unwrap();
        client
    }

    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    pub(crate) fn kill(&self) {
        let pid = Pid::from_raw(i32::try_from(self.process.id()).unwrap());
        // It is gone already when the test failed earlier.
        let _ = kill(pid, Signal::SIGKILL);
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        self.kill();
        let _ = self.process.wait();
    }
}

/// The service process: never returns.
pub(crate) fn run_service(settings: &str) -> ! {
    let settings: HashMap<String, serde_json::Value> = serde_json::from_str(settings).unwrap();
    let text = |name: &str| settings[name].as_str().unwrap().to_owned();
    let port = u16::try_from(settings["port"].as_u64().unwrap()).unwrap();
    telemetry::log_to_stderr("info", telemetry::LogFormat::Text);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let listener = Listener::bind(([127, 0, 0, 1], port).into(), None, Limits::default()).await.unwrap();
        let bucket = bucket_config(text("endpoint"), (&text("access_key"), &text("secret_key")));
        let base_url = format!("http://{}", listener.local_addr());
        let config =
            config_of(bucket, &text("media_url"), Path::new(&text("data")), &base_url, &text("mark"));
        let service = mixer::start(config, &telemetry::Metrics::new()).await.unwrap();
        listener.serve(routes(&service), CancellationToken::new()).await;
    });
    std::process::exit(0);
}

/// An answer, whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    headers: reqwest::header::HeaderMap,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Control-api and MAR in one: asks for a stage and reads its files.
pub(crate) struct Client {
    http: reqwest::Client,
    base_url: String,
    mark: String,
    stage_id: Mutex<StageId>,
    asset_id: Mutex<Option<AssetId>>,
}

impl Client {
    fn new(base_url: String, mark: String) -> Self {
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        Self { http, base_url, mark, stage_id: Mutex::new(StageId::from_bits(1)), asset_id: Mutex::default() }
    }

    fn know(&self, spec: &StageSpec) {
        *self.asset_id.lock().unwrap() = Some(spec.asset_id.clone());
    }

    fn authorization(&self) -> String {
        keys().service.authorization(ServiceName::ControlApi, ServiceName::Mixer)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.header("authorization", self.authorization()).send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = String::from_utf8_lossy(&answer.bytes().await.unwrap()).into_owned();
        Answer { status, body, headers }
    }

    fn stage_url(&self) -> String {
        format!("{}/internal/mixer/v1/stages/{}", self.base_url, self.stage_id.lock().unwrap())
    }

    pub(crate) async fn put(&self, spec: &StageSpec) -> StageStatus {
        self.know(spec);
        let answer = self.send(self.http.put(self.stage_url()).json(spec)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    pub(crate) async fn put_another(&self) -> Answer {
        let url = format!("{}/internal/mixer/v1/stages/{}", self.base_url, StageId::from_bits(2));
        self.send(self.http.put(url).json(&spec())).await
    }

    pub(crate) async fn end(&self) {
        let answer = self.send(self.http.post(format!("{}/end", self.stage_url()))).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    pub(crate) async fn status(&self) -> StageStatus {
        let answer = self.send(self.http.get(self.stage_url())).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    pub(crate) async fn get_raw(&self, path: &str, authorization: Option<String>) -> u16 {
        let mut request = self.http.get(format!("{}/internal/mixer/v1/{path}", self.base_url));
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        request.send().await.unwrap().status().as_u16()
    }

    pub(crate) async fn get_authorised(&self, path: &str) -> u16 {
        self.get_raw(path, Some(self.authorization())).await
    }

    fn file_url(&self, prefix: &str, path: &str) -> String {
        let asset_id = self.asset_id.lock().unwrap().clone().unwrap();
        format!("{}{prefix}/internal/mixer/v1/recordings/{asset_id}/{path}", self.base_url)
    }

    /// For players, who bring no token.
    pub(crate) fn url(&self, path: &str) -> String {
        self.file_url("/play", path)
    }

    pub(crate) async fn get_file(&self, path: &str) -> Answer {
        self.send(self.http.get(self.file_url("", path))).await
    }

    pub(crate) async fn get_range(&self, path: &str, range: &str) -> Answer {
        self.send(self.http.get(self.file_url("", path)).header("range", range)).await
    }

    pub(crate) async fn get_text(&self, path: &str) -> String {
        let answer = self.get_file(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    pub(crate) async fn playlist_within(&self, path: &str, patience: Duration) -> String {
        testkit::eventually(path, patience, async || {
            let answer = self.get_file(path).await;
            (answer.status == 200).then_some(answer.body)
        })
        .await
        .unwrap()
    }

    /// The media playlists of all renditions at one moment.
    pub(crate) async fn media_playlists(&self, view: View) -> Vec<String> {
        loop {
            let mut playlists = Vec::new();
            for rendition in Ladder::default().names() {
                playlists.push(self.get_text(&view.playlist_name(rendition)).await);
            }
            // Otherwise a set came in between.
            if self.get_text(&view.playlist_name("v720")).await == playlists[0] {
                return playlists;
            }
        }
    }

    pub(crate) async fn sets(&self) -> u64 {
        let answer = self.get_file("v720.m3u8").await;
        answer.body.lines().filter(|line| line.starts_with("#EXTINF")).count() as u64
    }

    pub(crate) async fn wait_for_sets(&self, count: u64) {
        testkit::eventually("segment sets", PATIENCE, async || (self.sets().await >= count).then_some(()))
            .await
            .unwrap();
    }

    /// Runs that the playlist shows.
    pub(crate) async fn runs(&self) -> usize {
        1 + self.get_text("v720.m3u8").await.matches("#EXT-X-DISCONTINUITY\n").count()
    }

    pub(crate) async fn wait_for_runs(&self, count: usize) {
        testkit::eventually("a discontinuity", PATIENCE, async || (self.runs().await >= count).then_some(()))
            .await
            .unwrap();
    }

    /// Microseconds of the stage that are in no segment, at the newest discontinuity.
    pub(crate) async fn newest_gap_us(&self) -> i64 {
        let playlist = hls::rules::read(&self.get_text("v720.m3u8").await).unwrap();
        let at = playlist.segments.iter().rposition(|segment| segment.discontinuity).unwrap();
        let (before, after) = (&playlist.segments[at - 1], &playlist.segments[at]);
        after.started_at_us.unwrap() - before.started_at_us.unwrap() - before.duration_us
    }

    pub(crate) async fn wait_until_saved(&self) {
        testkit::eventually("everything saved", PATIENCE, async || {
            let status = self.status().await;
            (status.spool_files == 0 && status.saved_up_to_us.is_some()).then_some(())
        })
        .await
        .unwrap();
    }

    pub(crate) async fn wait_until(&self, what: &str, wanted: impl Fn(&StageStatus) -> bool) {
        testkit::eventually(what, PATIENCE, async || wanted(&self.status().await).then_some(()))
            .await
            .unwrap();
    }

    pub(crate) fn wait_for_no_child(&self) {
        wait_for_no_child(&self.mark);
    }

    pub(crate) async fn wait_for_state(&self, state: StageState, patience: Duration) -> StageStatus {
        testkit::eventually("the state", patience, async || {
            let status = self.status().await;
            (status.state == state).then_some(status)
        })
        .await
        .unwrap()
    }

    pub(crate) fn kill_child(&self) {
        let pids = children(&self.mark);
        assert_eq!(pids.len(), 1, "{pids:?}");
        kill(pids[0], Signal::SIGKILL).unwrap();
    }
}

/// Mixer children that carry this mark.
fn children(mark: &str) -> Vec<Pid> {
    let wanted = format!("{CHILD_MARK}={mark}");
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        environment
            .split(|byte| *byte == 0)
            .any(|each| each == wanted.as_bytes())
            .then_some(Pid::from_raw(pid))
    });
    processes.collect()
}

pub(crate) fn wait_for_no_child(mark: &str) {
    wait_for("the child of a dead service ends", Duration::from_secs(5), || {
        let left = children(mark);
        anyhow::ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .unwrap();
}

/// The bucket, as MAR reads it.
pub(crate) struct Bucket {
    bucket: bucket::Bucket,
    prefix: String,
}

/// A recording from the bucket, in a folder, with its VOD playlists.
pub(crate) struct Downloaded {
    pub(crate) folder: TempDir,
    pub(crate) chunk: IndexChunk,
}

impl Downloaded {
    pub(crate) fn file(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(path)).unwrap()
    }
}

impl Bucket {
    pub(crate) fn new(gateway: &VersityGateway, asset_id: &AssetId) -> Self {
        let keys = (gateway.access_key(), gateway.secret_key());
        let bucket = bucket::Bucket::new(&bucket_config(gateway.endpoint(), keys));
        Self { bucket, prefix: format!("recordings/{asset_id}/") }
    }

    async fn get(&self, path: &str) -> Vec<u8> {
        let read = self.bucket.get(&format!("{}{path}", self.prefix), 1 << 30).await;
        read.unwrap_or_else(|error| panic!("{path}: {error}")).to_vec()
    }

    /// Everything that the index of one chunk names.
    pub(crate) async fn download(&self, chunks: u32) -> Downloaded {
        assert_eq!(chunks, 1, "these recordings are short");
        let folder = testkit::temp_dir();
        let chunk: IndexChunk = serde_json::from_slice(&self.get(&index_chunk_path(0)).await).unwrap();
        let save = |path: &str, bytes: &[u8]| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        for rendition in &chunk.renditions {
            for set in &chunk.sets {
                let init = init_path(&rendition.name, set.run);
                if !folder.path().join(&init).exists() {
                    save(&init, &self.get(&init).await);
                }
                let segment = segment_path(&rendition.name, set.number);
                save(&segment, &self.get(&segment).await);
            }
            let name = View::Rewind.playlist_name(&rendition.name);
            let playlist = media_playlist(&chunk.renditions, &chunk.sets, &rendition.name, Lifecycle::Vod);
            save(&name, playlist.unwrap().as_bytes());
        }
        let index = multivariant(&chunk.renditions, &chunk.sets, Vec::new(), View::Rewind);
        save("index.m3u8", index.as_bytes());
        Downloaded { folder, chunk }
    }
}

/// Players that are not ours.
pub(crate) mod decode {
    use super::*;

    /// A player of the live stage.
    pub(crate) struct Viewer {
        process: Child,
        log: TempDir,
    }

    /// ffmpeg from the first segment on, until the playlist ends.
    pub(crate) fn watch_live(url: &str) -> Viewer {
        let log = testkit::temp_dir();
        let errors = std::fs::File::create(log.path().join("log")).unwrap();
        let process = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-live_start_index", "0", "-i", url])
            .args(["-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-"])
            .stdin(Stdio::null())
            .stderr(errors)
            .spawn()
            .unwrap();
        Viewer { process, log }
    }

    impl Viewer {
        /// Waits for the end of the stage; panics unless all was played without a complaint.
        pub(crate) fn finish(mut self) {
            let deadline = Instant::now() + PATIENCE;
            let status = loop {
                if let Some(status) = self.process.try_wait().unwrap() {
                    break status;
                }
                if Instant::now() > deadline {
                    self.process.kill().unwrap();
                    panic!("the live viewer did not come to the end");
                }
                std::thread::sleep(Duration::from_millis(50));
            };
            let log = std::fs::read_to_string(self.log.path().join("log")).unwrap();
            assert!(status.success(), "{log}");
            assert_eq!(complaints(&log), Vec::<&str>::new());
        }
    }

    /// Plays a folder with `index.m3u8`, served over HTTP, in ffmpeg and GStreamer.
    pub(crate) async fn play_replay(folder: &Path) {
        let routes = Router::new().route("/{*path}", get(file)).with_state(folder.to_owned());
        let listener = Listener::bind(any_port(), None, Limits::default()).await.unwrap();
        let index = format!("http://{}/index.m3u8", listener.local_addr());
        let stop = CancellationToken::new();
        let server = tokio::spawn(listener.serve(routes, stop.clone()));
        tokio::task::spawn_blocking(move || play(&index)).await.unwrap();
        stop.cancel();
        server.await.unwrap();
    }

    async fn file(State(folder): State<PathBuf>, UrlPath(path): UrlPath<String>) -> Vec<u8> {
        std::fs::read(folder.join(path)).unwrap()
    }

    fn play(index: &str) {
        let ffmpeg = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(index)
            .args(["-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-"])
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&ffmpeg.stderr).into_owned();
        assert!(ffmpeg.status.success(), "{log}");
        assert_eq!(complaints(&log), Vec::<&str>::new());
        let gstreamer = Command::new("timeout")
            .args(["60", "gst-launch-1.0", "-q", "uridecodebin3", "name=d"])
            .arg(format!("uri={index}"))
            .args(["d.", "!", "queue", "!", "fakesink", "sync=false"])
            .args(["d.", "!", "queue", "!", "fakesink", "sync=false"])
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&gstreamer.stderr);
        assert!(gstreamer.status.success(), "gst-launch-1.0: {} {log}", gstreamer.status);
    }

    /// ffmpeg's complaints, without the harmless one about a second init segment.
    fn complaints(log: &str) -> Vec<&str> {
        log.lines().filter(|line| !line.contains("Found duplicated MOOV")).collect()
    }
}
