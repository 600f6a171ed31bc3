//! A running service, and clients that act as people do.

use std::net::SocketAddr;
use std::time::Duration;

use auth::Keys;
use control_api::{Config, Service};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::double::Double;

/// A running control-api with stand-ins for the other services.
pub(crate) struct Fixture {
    pub(crate) url: String,
    pub(crate) double: Double,
    pub(crate) keys: Keys,
    pub(crate) link: Option<String>,
    service: Option<Service>,
    server: tokio::task::JoinHandle<()>,
    config: Config,
    dir: testkit::TempDir,
}

/// Runs a test on both databases.
macro_rules! on_both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($fixture:ident: Fixture) $body:block)*) => { $(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "each test uses what it needs")]
            use super::*;

            async fn run(#[allow(unused_mut, reason = "some restart it")] mut $fixture: Fixture) $body

            #[tokio::test]
            async fn on_sqlite() {
                run(Fixture::start(None).await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                let url = tokio::task::spawn_blocking(testkit::Postgres::fresh_database).await.unwrap();
                run(Fixture::start(Some(url)).await).await;
            }
        }
    )* };
}
pub(crate) use on_both_databases;

impl Fixture {
    pub(crate) async fn start(database_url: Option<String>) -> Self {
        let dir = testkit::temp_dir();
        let keys = Keys::open_or_create(&dir.path().join("keys")).unwrap();
        let double = Double::start(keys.service.clone()).await;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = Config {
            public_url: url.parse().unwrap(),
            allowed_origins: vec!["https://studio.example".into()],
            room_url: None,
            media_public_url: None,
            database: db::Location::choose(database_url.as_deref(), dir.path(), "control").unwrap(),
            sfu_url: double.url.clone(),
            mixer_url: double.url.clone(),
            media_url: double.url.clone(),
            api_key: keys.development_api_key().unwrap().0,
            service_key: keys.service.clone(),
            experience_key: keys.experience.clone(),
            invitation_key: keys.invitation.clone(),
        };
        let (service, server) = serve(&config, listener).await;
        let link = service.first_sign_in_link().map(str::to_owned);
        Self { url, double, keys, link, service: Some(service), server, config, dir }
    }

    /// Ends the service, and starts it again on the same database and address.
    pub(crate) async fn restart(&mut self) {
        self.server.abort();
        self.service.take().unwrap().shutdown().await;
        let address = self.url.strip_prefix("http://").unwrap();
        let listener = loop {
            match std::net::TcpListener::bind(address) {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let (service, server) = serve(&self.config, listener).await;
        self.link = service.first_sign_in_link().map(str::to_owned);
        self.service = Some(service);
        self.server = server;
    }

    /// Signs in with the one-time link.
    pub(crate) async fn organiser(&self) -> Client {
        let token = self.link.as_ref().unwrap().split_once("#token=").unwrap().1;
        let mut client = self.anonymous();
        let session = client.post("/auth/link", json!({ "token": token })).await.expect(StatusCode::OK);
        client.csrf = Some(session["csrf_token"].as_str().unwrap().to_owned());
        client
    }

    pub(crate) fn anonymous(&self) -> Client {
        let http = reqwest::Client::builder().cookie_store(true).no_proxy().build().unwrap();
        Client { http, url: self.url.clone(), csrf: None, token: None }
    }

    /// A token with these claims, signed as this service signs experience tokens.
    pub(crate) fn signed(&self, claims: &Value) -> String {
        use aws_lc_rs::hmac;
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
        let secret = std::fs::read_to_string(self.dir.path().join("keys/experience.key")).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &BASE64.decode(secret.trim()).unwrap());
        let header = BASE64.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let body = format!("{header}.{}", BASE64.encode(claims.to_string()));
        format!("{body}.{}", BASE64.encode(hmac::sign(&key, body.as_bytes())))
    }

    /// A person with this token.
    pub(crate) fn person(&self, token: &str) -> Client {
        Client { token: Some(token.to_owned()), ..self.anonymous() }
    }
}

async fn serve(config: &Config, listener: std::net::TcpListener) -> (Service, tokio::task::JoinHandle<()>) {
    let service = control_api::start(config.clone()).await.unwrap();
    let router = service.router().into_make_service_with_connect_info::<SocketAddr>();
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (service, server)
}

/// A browser, or a script.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) csrf: Option<String>,
    pub(crate) token: Option<String>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    #[track_caller]
    pub(crate) fn expect(self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// The stable kind of a problem.
    #[track_caller]
    pub(crate) fn problem(self, status: StatusCode) -> String {
        let body = self.expect(status);
        body["type"].as_str().unwrap().trim_start_matches("/problems/").to_owned()
    }
}

impl Client {
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let mut request = self.http.request(method, format!("{}/api/v1{path}", self.url));
        if let Some(csrf) = &self.csrf {
            request = request.header("x-csrf-token", csrf).header("origin", &self.url);
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request
    }

    pub(crate) async fn send(request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        Answer { status: response.status(), text: response.text().await.unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Self::send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        Self::send(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        Self::send(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        Self::send(self.request(Method::PATCH, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        Self::send(self.request(Method::DELETE, path)).await
    }

    /// Makes an event and returns its id.
    pub(crate) async fn event(&self, access: &str) -> String {
        let event = self.post("/events", new_event("Summit", access)).await.expect(StatusCode::CREATED);
        event["id"].as_str().unwrap().to_owned()
    }

    /// Makes an event with a stage, and returns their ids.
    pub(crate) async fn stage(&self, access: &str) -> (String, String) {
        let event = self.event(access).await;
        let stage = self.post(&format!("/events/{event}/stages"), json!({"title": "Main"})).await;
        let stage = stage.expect(StatusCode::CREATED);
        (event, stage["id"].as_str().unwrap().to_owned())
    }

    /// Invites somebody and returns the invitation and its link's secret.
    pub(crate) async fn invite(&self, event: &str, body: Value) -> (String, String) {
        let made = self.post(&format!("/events/{event}/invitations"), body).await.expect(StatusCode::CREATED);
        let secret = made["link"].as_str().unwrap().split_once("#invitation=").unwrap().1.to_owned();
        (made["id"].as_str().unwrap().to_owned(), secret)
    }
}

pub(crate) fn new_event(title: &str, access: &str) -> Value {
    json!({
        "title": title, "access": access, "time_zone": "Europe/Paris",
        "starts_at": "2030-05-01T09:00:00Z", "ends_at": "2030-05-01T18:00:00Z",
    })
}

/// Asks until the answer has what is wanted, for ten seconds.
pub(crate) async fn until(client: &Client, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..200 {
        last = client.get(path).await.expect(StatusCode::OK);
        if wanted(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} never became as wanted: {last:#}");
}
