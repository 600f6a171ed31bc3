use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use auth::room::{ApiKeyPair, ApiKeys, VideoGrant};
use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use serde_json::Value;

use super::python::run;
use super::scene::{PATIENCE, Scene};

/// One webhook as it arrived.
#[derive(Clone)]
struct Got {
    token: String,
    content_type: String,
    body: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A receiver that answers what a test tells it to.
#[derive(Clone)]
struct Receiver {
    addr: SocketAddr,
    /// Accepted, in order of arrival.
    got: Arc<Mutex<Vec<Got>>>,
    /// Refused or kept waiting.
    refused: Arc<AtomicUsize>,
    /// The status of answers; 0: none within the sender's patience.
    answer: Arc<AtomicU16>,
    stop: serve::CancellationToken,
}

impl Receiver {
    async fn start() -> Self {
        Self::start_on(0).await
    }

    async fn start_on(port: u16) -> Self {
        let addr = ([127, 0, 0, 1], port).into();
        let listener = serve::Listener::bind(addr, None, serve::Limits::default()).await.unwrap();
        let receiver = Self {
            addr: listener.local_addr(),
            got: Arc::default(),
            refused: Arc::default(),
            answer: Arc::new(AtomicU16::new(200)),
            stop: serve::CancellationToken::new(),
        };
        let mine = receiver.clone();
        let take = move |headers: HeaderMap, body: String| {
            let receiver = mine.clone();
            async move { receiver.take(&headers, body).await }
        };
        let elsewhere = receiver.clone();
        let router = Router::new().route("/", post(take)).route(
            "/elsewhere",
            post(move || async move {
                elsewhere.got.lock().unwrap().push(Got {
                    token: String::new(),
                    content_type: "followed".to_owned(),
                    body: "{}".to_owned(),
                });
            }),
        );
        tokio::spawn(listener.serve(router, receiver.stop.clone()));
        receiver
    }

    async fn take(&self, headers: &HeaderMap, body: String) -> impl IntoResponse + use<> {
        let text = |name| headers[name].to_str().unwrap().to_owned();
        let (token, content_type) = (text(header::AUTHORIZATION), text(header::CONTENT_TYPE));
        let status = self.answer.load(Ordering::Relaxed);
        if status == 200 {
            self.got.lock().unwrap().push(Got { token, content_type, body });
        } else {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        if status == 0 {
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        let location = [(header::LOCATION, "/elsewhere")];
        (StatusCode::from_u16(status).unwrap_or(StatusCode::OK), location, "x".repeat(1 << 20))
    }

    fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    async fn until(&self, what: &str, accept: impl Fn(&[Got]) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !accept(&self.got()) {
            assert!(Instant::now() < end, "{what}: {:?}", self.names());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn until_refused(&self, count: usize) {
        let end = Instant::now() + PATIENCE;
        while self.refused.load(Ordering::Relaxed) < count {
            assert!(Instant::now() < end, "fewer than {count} attempts");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn names(&self) -> Vec<String> {
        self.got().iter().map(|got| got.json()["event"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Names by room; repeated deliveries of one event count once.
    fn by_room(&self) -> BTreeMap<String, Vec<String>> {
        let (mut seen, mut rooms) = (Vec::new(), BTreeMap::<String, Vec<String>>::new());
        for got in self.got() {
            let event = got.json();
            if seen.contains(&event["id"]) {
                continue;
            }
            seen.push(event["id"].clone());
            let room = event["room"]["name"].as_str().unwrap().to_owned();
            rooms.entry(room).or_default().push(event["event"].as_str().unwrap().to_owned());
        }
        rooms
    }
}

fn pair() -> ApiKeyPair {
    ApiKeyPair { key: "hooks".to_owned(), secret: "another secret of 32 letters !!!".to_owned() }
}

async fn scene(urls: &[String], folder: &Path, change: impl FnOnce(&mut sfu::WebhookConfig)) -> Scene {
    let mut webhooks = sfu::WebhookConfig {
        urls: urls.to_vec(),
        keys: ApiKeys::new(&pair(), &[]),
        journal: folder.join("webhooks.journal"),
        private_addresses: true,
        limits: sfu::WebhookLimits { timeout: Duration::from_millis(500), ..sfu::WebhookLimits::default() },
    };
    change(&mut webhooks);
    Scene::start_with(|config| config.webhooks = Some(webhooks)).await
}

/// Opens and closes rooms, which is two webhooks for each.
async fn open_and_close(scene: &Scene, rooms: &[&str]) {
    for method in ["CreateRoom", "DeleteRoom"] {
        for room in rooms {
            let grant = VideoGrant {
                room_create: true,
                room_admin: true,
                room: (*room).to_owned(),
                ..VideoGrant::default()
            };
            let url = scene.http(&format!("/twirp/livekit.RoomService/{method}"));
            let request = reqwest::Client::new().post(url).bearer_auth(scene.token("admin", grant));
            let body = format!(r#"{{"name":"{room}","room":"{room}"}}"#);
            let reply = request.header("content-type", "application/json").body(body).send().await.unwrap();
            assert_eq!(reply.status(), StatusCode::OK, "{method}");
        }
    }
}

const PAIR: [&str; 2] = ["room_started", "room_finished"];

#[tokio::test(flavor = "multi_thread")]
async fn a_stay_is_told_in_order_and_signed_so_that_livekits_own_receiver_accepts_it() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let scene = scene(&[receiver.url()], folder.path(), |_| ()).await;
    let mut early = scene.signal("early", "hall", "").await;
    early.joined().await;
    early.say(livekit_protocol::signal_request::Message::Leave(Default::default())).await;
    let token = scene.join_token("encoder", "hall");
    let clips = super::scene::clips();
    let encoder = client::WhipPublisher::publish(&scene.http("/whip"), &token, clips).await.unwrap();
    receiver.until("tracks", |got| got.len() >= 5).await;
    encoder.end().await.unwrap();
    scene.end().await;
    receiver.until("the end", |got| got.last().is_some_and(|g| g.body.contains("room_finished"))).await;
    let names = receiver.names();
    assert_eq!(
        names,
        [
            "room_started",
            "participant_connection_aborted",
            "participant_joined",
            "track_published",
            "track_published",
            "track_unpublished",
            "track_unpublished",
            "participant_left",
            "room_finished",
        ]
    );
    let left = receiver.got()[7].json();
    assert_eq!(left["participant"]["identity"], "encoder");
    assert_eq!(left["participant"]["state"], "DISCONNECTED");
    assert_eq!(left["participant"]["kind"], "INGRESS");
    assert!(receiver.got()[3].json()["track"]["sid"].as_str().unwrap().starts_with("TR_"));
    let keys = ApiKeys::new(&pair(), &[]);
    for got in receiver.got() {
        assert_eq!(got.content_type, "application/webhook+json");
        let claims = keys.verify(&got.token).unwrap();
        assert_eq!((claims.issuer.as_str(), claims.token.video), ("hooks", None));
        let event = got.json();
        assert!(event["id"].as_str().unwrap().starts_with("EV_"));
        assert!(event["createdAt"].as_str().unwrap().parse::<u64>().unwrap() > 1_700_000_000);
    }
    let line = |got: &Got, body: &str| serde_json::json!({ "token": got.token, "body": body }).to_string();
    let mut input: Vec<_> = receiver.got().iter().map(|got| line(got, &got.body)).collect();
    // A body that is not the signed one.
    let first = &receiver.got()[0];
    input.push(line(first, &first.body.replace("room_started", "room_finished")));
    let checked = run(include_str!("verify_webhook.py"), &[&pair().key, &pair().secret], &input);
    assert_eq!(checked[..names.len()], names, "{checked:?}");
    assert!(checked[names.len()].starts_with("refused"), "{checked:?}");
    receiver.stop.cancel();
}

#[tokio::test]
async fn a_receiver_that_fails_redirects_and_hangs_gets_everything_in_order_in_the_end() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    receiver.answer.store(500, Ordering::Relaxed);
    let scene = scene(&[receiver.url()], folder.path(), |_| ()).await;
    open_and_close(&scene, &["hall", "foyer"]).await;
    receiver.until_refused(2).await;
    receiver.answer.store(302, Ordering::Relaxed);
    receiver.until_refused(4).await;
    receiver.answer.store(0, Ordering::Relaxed);
    receiver.until_refused(6).await;
    assert!(receiver.got().is_empty(), "a redirect was followed");
    receiver.answer.store(200, Ordering::Relaxed);
    receiver.until("all four", |got| got.len() >= 4).await;
    let rooms = receiver.by_room();
    assert_eq!(rooms["hall"], PAIR);
    assert_eq!(rooms["foyer"], PAIR);
    scene.end().await;
    receiver.stop.cancel();
}

#[tokio::test]
async fn a_dead_receiver_gets_after_a_restart_what_it_missed_and_a_live_one_waits_for_nothing() {
    let (live, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let dead = Receiver::start().await;
    let (port, dead_url) = (dead.addr.port(), dead.url());
    dead.stop.cancel();
    let urls = [live.url(), dead_url];
    let first = scene(&urls, folder.path(), |_| ()).await;
    open_and_close(&first, &["hall"]).await;
    live.until("the live one", |got| got.len() >= 2).await;
    first.end().await;
    let second = scene(&urls, folder.path(), |_| ()).await;
    open_and_close(&second, &["foyer"]).await;
    let back = Receiver::start_on(port).await;
    back.until("the one that was dead", |got| got.len() >= 4).await;
    assert_eq!(back.by_room()["hall"], PAIR);
    assert_eq!(back.by_room()["foyer"], PAIR);
    live.until("both rooms", |got| got.len() >= 4).await;
    assert_eq!(live.names().len(), 4, "nothing is sent twice");
    second.end().await;
    for receiver in [live, back] {
        receiver.stop.cancel();
    }
}

#[tokio::test]
async fn a_private_receiver_is_not_called_unless_the_settings_allow_it() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let by_name = format!("http://localhost:{}/", receiver.addr.port());
    let urls = [receiver.url(), by_name];
    let scene = scene(&urls, folder.path(), |config| config.private_addresses = false).await;
    open_and_close(&scene, &["hall"]).await;
    let end = Instant::now() + PATIENCE;
    let failed = |metrics: String| {
        let line =
            metrics.lines().find(|l| l.starts_with("sfu_failed_webhook_attempts_total")).unwrap().to_owned();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    while failed(scene.service.metrics()) < 4 {
        assert!(Instant::now() < end, "no attempt was counted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(receiver.got().is_empty());
    assert!(scene.service.metrics().contains("\nsfu_waiting_webhooks 4\n"));
    scene.end().await;
    receiver.stop.cancel();
}

#[tokio::test]
async fn a_webhooks_token_opens_no_room_and_a_strange_url_is_refused_by_name() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    // Signed with the rooms' own key, as it is by default.
    let pair = ApiKeyPair { key: "key".to_owned(), secret: "a secret of thirty-two letters!!".to_owned() };
    let scene =
        scene(&[receiver.url()], folder.path(), |config| config.keys = ApiKeys::new(&pair, &[])).await;
    open_and_close(&scene, &["hall"]).await;
    receiver.until("two", |got| got.len() >= 2).await;
    let token = receiver.got()[0].token.clone();
    let reply = reqwest::get(scene.http(&format!("/rtc/validate?access_token={token}"))).await.unwrap();
    assert_eq!(reply.status(), StatusCode::UNAUTHORIZED);
    for path in ["/twirp/livekit.RoomService/ListRooms", "/whip"] {
        let request = reqwest::Client::new().post(scene.http(path)).bearer_auth(&token);
        let reply = request.header("content-type", "application/json").body("{}").send().await.unwrap();
        assert_eq!(reply.status(), StatusCode::FORBIDDEN, "{path}");
    }
    scene.end().await;
    for url in ["ftp://hooks.example/", "hooks.example", "http://", ""] {
        let folder = tempfile::tempdir().unwrap();
        let config = sfu::Config {
            media_port: 0,
            media_ips: vec![[127, 0, 0, 1].into()],
            shards: 1,
            api_keys: ApiKeys::new(&pair, &[]),
            link: None,
            ice_urls: Vec::new(),
            turn: None,
            webhooks: Some(sfu::WebhookConfig {
                urls: vec![url.to_owned()],
                keys: ApiKeys::new(&pair, &[]),
                journal: folder.path().join("journal"),
                private_addresses: false,
                limits: sfu::WebhookLimits::default(),
            }),
            hide_audience: false,
            pin_shards: false,
            limits: sfu::Limits::default(),
        };
        assert_eq!(config.check(), Err(sfu::ConfigError::WebhookUrl(url.to_owned())));
    }
    receiver.stop.cancel();
}
