//! The two servers, and a client with an own corner of each.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use mar::store::{Config, Limits, Store};
use testkit::{TempDir, VersityGateway};

/// Name of the bucket on both servers.
pub(crate) const BUCKET: &str = VersityGateway::BUCKET;

/// A server and a client of it. `prefix` keeps tests on a shared server apart.
pub(crate) struct Server {
    pub(crate) client: Client,
    pub(crate) endpoint: String,
    pub(crate) prefix: String,
    pub(crate) store: Option<Store>,
    _folder: Option<TempDir>,
}

impl Server {
    /// A key in this test's corner.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A second client, as after a reload.
    pub(crate) fn fresh_client(&self) -> Client {
        Client::from_conf(self.client.config().to_builder().build())
    }
}

/// The embedded store, on a folder of its own.
pub(crate) async fn embedded() -> Server {
    let folder = testkit::temp_dir();
    let (store, endpoint) = open(folder.path(), unbounded()).await;
    Server {
        client: client(&endpoint, "embedded-key", "embedded-secret"),
        endpoint,
        prefix: String::new(),
        store: Some(store),
        _folder: Some(folder),
    }
}

/// The embedded store with bounds on a folder of the caller's.
pub(crate) async fn embedded_on(folder: &Path, limits: Limits) -> Server {
    let (store, endpoint) = open(folder, limits).await;
    let client = client(&endpoint, "embedded-key", "embedded-secret");
    Server { client, endpoint, prefix: String::new(), store: Some(store), _folder: None }
}

/// versitygw, shared by the tests of this process.
pub(crate) async fn versity() -> Server {
    static SHARED: OnceLock<VersityGateway> = OnceLock::new();
    let gateway = SHARED.get_or_init(|| VersityGateway::start().unwrap());
    Server {
        client: client(&gateway.endpoint(), gateway.access_key(), gateway.secret_key()),
        endpoint: gateway.endpoint(),
        prefix: format!("{}/", testkit::random_hex(6)),
        store: None,
        _folder: None,
    }
}

/// Settings of the embedded store.
pub(crate) fn store_config(folder: &Path, limits: Limits) -> Config {
    Config {
        folder: folder.to_owned(),
        bucket: BUCKET.to_owned(),
        access_key: "embedded-key".to_owned(),
        secret_key: "embedded-secret".to_owned(),
        limits,
        upload_lifetime: Duration::from_secs(3600),
    }
}

/// Room for every test.
pub(crate) fn unbounded() -> Limits {
    Limits { max_bytes: None, keep_free_bytes: 0 }
}

async fn open(folder: &Path, limits: Limits) -> (Store, String) {
    let store = Store::open(store_config(folder, limits)).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = store.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (store, endpoint)
}

/// A client of one server.
pub(crate) fn client(endpoint: &str, access_key: &str, secret_key: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .credentials_provider(Credentials::new(access_key, secret_key, None, None, "test"))
        .build();
    Client::from_conf(config)
}
