//! A running service on a port of its own: SQLite and the embedded store, or PostgreSQL and versitygw.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auth::playback::PlaybackKey;
use auth::service::{ServiceKey, ServiceName};
use bucket::BucketConfig;
use mar::outbox::LocalBus;
use mar::registry::UploadLimits;
use mar::{ApiPair, Config, Service};
use serde_json::Value;
use testkit::{TempDir, VersityGateway};
use tokio::net::TcpListener;

/// On what a test runs.
#[derive(Clone, Copy)]
pub(crate) enum Database {
    /// With the embedded store.
    Sqlite,
    /// With versitygw as the bucket.
    Postgres,
}

/// A service, its address, and what is needed to start it again.
pub(crate) struct Running {
    pub(crate) service: Service,
    pub(crate) url: String,
    pub(crate) bus: LocalBus,
    pub(crate) http: reqwest::Client,
    settings: Settings,
    listener: tokio::task::JoinHandle<std::io::Result<()>>,
}

struct Settings {
    database: Database,
    folder: TempDir,
    database_url: Option<String>,
    patience: Duration,
    uploads: UploadLimits,
}

pub(crate) async fn start(database: Database) -> Running {
    start_with(database, Duration::from_secs(60), UploadLimits::default()).await
}

pub(crate) async fn start_with(database: Database, patience: Duration, uploads: UploadLimits) -> Running {
    let database_url = match database {
        Database::Sqlite => None,
        Database::Postgres => Some(testkit::Postgres::fresh_database()),
    };
    launch(Settings { database, folder: testkit::temp_dir(), database_url, patience, uploads }).await
}

async fn launch(settings: Settings) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let bus = LocalBus::default();
    let config = Config {
        data_dir: settings.folder.path().to_owned(),
        database_url: settings.database_url.clone(),
        migrations: mar::db::MIGRATIONS,
        bucket: bucket(settings.database, &url),
        embedded: match settings.database {
            Database::Sqlite => Some(mar::store::Limits { max_bytes: None, keep_free_bytes: 0 }),
            Database::Postgres => None,
        },
        public_url: url.clone(),
        api_pair: ApiPair { key: "devkey".to_owned(), secret: "devsecret".to_owned() },
        service_key: service_key(),
        playback_key: PlaybackKey::from_secret(&[9; 32]),
        uploads: settings.uploads.clone(),
        mixer_patience: settings.patience,
        bus: Arc::new(bus.clone()),
    };
    let service = mar::start(config).await.unwrap();
    let router = service.router();
    let listener = tokio::spawn(async move { axum::serve(listener, router).await });
    service.ready().await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    Running { service, url, bus, http, settings, listener }
}

fn bucket(database: Database, url: &str) -> BucketConfig {
    static GATEWAY: OnceLock<VersityGateway> = OnceLock::new();
    let (endpoint, access_key, secret_key) = match database {
        Database::Sqlite => (url.to_owned(), "key", "secret"),
        Database::Postgres => {
            let gateway = GATEWAY.get_or_init(|| VersityGateway::start().unwrap());
            (gateway.endpoint(), gateway.access_key(), gateway.secret_key())
        }
    };
    BucketConfig {
        endpoint: Some(endpoint),
        public_endpoint: None,
        bucket: VersityGateway::BUCKET.to_owned(),
        region: "us-east-1".to_owned(),
        access_key: access_key.to_owned(),
        secret_key: secret_key.to_owned(),
    }
}

pub(crate) fn service_key() -> ServiceKey {
    ServiceKey::from_secret(&[7; 32])
}

impl Running {
    /// Ends the service and starts it on what it left.
    pub(crate) async fn restart(self) -> Self {
        self.service.shutdown().await;
        self.listener.abort();
        launch(self.settings).await
    }

    /// A call by another service: status and JSON body.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.call_with(method, path, body, &[]).await
    }

    pub(crate) async fn call_with(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let token = service_key().token(ServiceName::ControlApi, ServiceName::Media);
        let mut request =
            self.http.request(method.parse().unwrap(), format!("{}{path}", self.url)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// A player's request without credentials: status and text.
    pub(crate) async fn play(&self, path: &str) -> (u16, String) {
        let answer = self.http.get(format!("{}/hls/{path}", self.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Makes a recording; returns asset id and playback id.
    pub(crate) async fn new_recording(&self, policy: &str) -> (String, String) {
        let stage = ids::StageId::random();
        let body = serde_json::json!({ "stage_id": stage, "title": "Opening", "policy": policy });
        let (status, made) = self.call("POST", "/internal/media/v1/recordings", Some(body)).await;
        assert_eq!(status, 201, "{made}");
        (text(&made["asset_id"]), text(&made["playback_id"]))
    }

    /// Finishes a recording.
    pub(crate) async fn finish(&self, asset: &str, index_chunks: u32) -> (u16, Value) {
        let path = format!("/internal/media/v1/recordings/{asset}/finish");
        self.call("POST", &path, Some(serde_json::json!({ "index_chunks": index_chunks }))).await
    }

    /// The public view of an asset.
    pub(crate) async fn asset(&self, asset: &str) -> Value {
        let (status, answer) = self.call("GET", &format!("/media/v1/assets/{asset}"), None).await;
        assert_eq!(status, 200, "{answer}");
        answer["data"].clone()
    }
}

/// A JSON text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
