//! The SFU under test, tokens for it, and a bare signal connection.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use auth::Keys;
use auth::link::{LinkIdentity, LinkRole};
use auth::room::{ApiKeyPair, ApiKeys, RoomToken, VideoGrant};
use client::{Clip, Options, Participant, Publication, Source};
use futures::{SinkExt, StreamExt};
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use prost::Message as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Nothing here takes longer on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// One SFU with its HTTP listener.
pub(crate) struct Scene {
    pub(crate) service: sfu::Service,
    pub(crate) addr: SocketAddr,
    pub(crate) keys: ApiKeys,
    pub(crate) mixer: LinkIdentity,
    stop: serve::CancellationToken,
    _dir: tempfile::TempDir,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut sfu::Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = Keys::open_or_create(dir.path()).unwrap();
        let identity = |role| made.link_identity(role).unwrap();
        let pair =
            ApiKeyPair { key: "key".to_owned(), secret: "a secret of thirty-two letters!!".to_owned() };
        let keys = ApiKeys::new(&pair, &[]);
        let mut config = sfu::Config {
            media_port: 0,
            media_ips: vec![[127, 0, 0, 1].into()],
            shards: 2,
            api_keys: keys.clone(),
            link: Some(sfu::LinkConfig {
                addr: ([127, 0, 0, 1], 0).into(),
                identity: identity(LinkRole::Sfu),
            }),
            ice_urls: Vec::new(),
            turn: None,
            webhooks: None,
            hide_audience: false,
            pin_shards: false,
            limits: sfu::Limits::default(),
        };
        change(&mut config);
        let service = sfu::start(config).await.unwrap();
        service.ready().await.unwrap();
        let stop = serve::CancellationToken::new();
        let addr = listen(&service, [127, 0, 0, 1].into(), &stop).await;
        Self { service, addr, keys, mixer: identity(LinkRole::Mixer), stop, _dir: dir }
    }

    pub(crate) fn token(&self, identity: &str, video: VideoGrant) -> String {
        let token = RoomToken { identity: identity.to_owned(), video: Some(video), ..RoomToken::default() };
        self.keys.mint(token, Duration::from_secs(60))
    }

    pub(crate) fn join_token(&self, identity: &str, room: &str) -> String {
        self.token(identity, VideoGrant::join(room))
    }

    /// Serves HTTP at another address too.
    pub(crate) async fn listen_at(&self, ip: IpAddr) -> SocketAddr {
        listen(&self.service, ip, &self.stop).await
    }

    pub(crate) fn http(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// A participant with media.
    pub(crate) async fn participant(&self, identity: &str, room: &str) -> Participant {
        let url = format!("ws://{}", self.addr);
        let token = self.join_token(identity, room);
        Participant::join(&Options { url, token, auto_subscribe: true }).await.unwrap()
    }

    /// A bare signal connection; its first word is still to be read.
    pub(crate) async fn signal(&self, identity: &str, room: &str, more: &str) -> Signal {
        self.signal_with(&self.join_token(identity, room), more).await
    }

    pub(crate) async fn signal_with(&self, token: &str, more: &str) -> Signal {
        self.signal_at(&format!("/rtc?access_token={token}{more}")).await
    }

    pub(crate) async fn signal_at(&self, path: &str) -> Signal {
        let url = format!("ws://{}{path}", self.addr);
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Signal { socket }
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.service.shutdown().await;
    }
}

async fn listen(service: &sfu::Service, ip: IpAddr, stop: &serve::CancellationToken) -> SocketAddr {
    let listener = serve::Listener::bind((ip, 0).into(), None, serve::Limits::default()).await.unwrap();
    let addr = listener.local_addr();
    tokio::spawn(listener.serve(service.router(), stop.clone()));
    addr
}

/// A signal connection that only speaks.
pub(crate) struct Signal {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Signal {
    pub(crate) async fn say(&mut self, request: Request) {
        let bytes = lk::SignalRequest { message: Some(request) }.encode_to_vec();
        self.socket.send(Message::Binary(bytes.into())).await.unwrap();
    }

    /// The next word; `None` when the connection is closed.
    pub(crate) async fn hear(&mut self) -> Option<Response> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a word in time");
            match message {
                Some(Ok(Message::Binary(bytes))) => {
                    return lk::SignalResponse::decode(bytes).unwrap().message;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The first word that `pick` accepts.
    pub(crate) async fn hear_that<T>(&mut self, mut pick: impl FnMut(Response) -> Option<T>) -> T {
        loop {
            let word = self.hear().await.expect("the connection is open");
            if let Some(found) = pick(word) {
                return found;
            }
        }
    }

    pub(crate) async fn joined(&mut self) -> lk::JoinResponse {
        match self.hear().await {
            Some(Response::Join(join)) => join,
            other => panic!("{other:?} instead of join"),
        }
    }
}

/// Two seconds of sound and a moving picture, in a loop.
pub(crate) fn clips() -> Vec<Publication> {
    let read = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/media/");
        std::fs::read(format!("{folder}{name}")).unwrap()
    };
    let sound = Clip::from_ogg_opus(&read("ada.ogg")).unwrap();
    let picture = Clip::from_ivf(&read("ada.ivf")).unwrap();
    vec![
        Publication { name: "mic".to_owned(), source: Source::Microphone, clip: sound },
        Publication { name: "cam".to_owned(), source: Source::Camera, clip: picture },
    ]
}
