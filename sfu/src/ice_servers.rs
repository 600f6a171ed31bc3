//! The STUN and TURN servers that clients are told, with credentials of their own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sfu_core::turn::{Credentials, Secret};
use sfu_signal::response::IceServer;

/// Servers of other people, and our own relays.
pub(crate) struct IceServers {
    urls: Vec<String>,
    turn: Option<OwnTurn>,
}

/// Our own relays.
#[derive(Clone)]
pub(crate) struct OwnTurn {
    pub(crate) urls: Vec<String>,
    secret: Secret,
    lifetime: Duration,
}

impl OwnTurn {
    pub(crate) fn new(urls: Vec<String>, secret: Secret, lifetime: Duration) -> Self {
        Self { urls, secret, lifetime }
    }
}

impl IceServers {
    pub(crate) fn new(urls: Vec<String>, turn: Option<OwnTurn>) -> Self {
        Self { urls, turn }
    }

    /// What a participant is told now.
    pub(crate) fn of(&self, room: &str, identity: &str) -> Vec<IceServer> {
        let others =
            (!self.urls.is_empty()).then(|| IceServer { urls: self.urls.clone(), credentials: None });
        let turn = self.turn.as_ref().map(|turn| {
            let expires = SystemTime::now() + turn.lifetime;
            let expires = expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            let credentials = Some(turn.secret.issue(&[room, identity], expires));
            IceServer { urls: turn.urls.clone(), credentials }
        });
        others.into_iter().chain(turn).collect()
    }

    /// The same as `Link` headers (RFC 9725 §4.6).
    pub(crate) fn links(&self, room: &str, identity: &str) -> Vec<String> {
        let each = |IceServer { urls, credentials }: IceServer| {
            let how = credentials.map_or_else(String::new, |Credentials { username, password }| {
                format!("; username=\"{username}\"; credential=\"{password}\"; credential-type=\"password\"")
            });
            urls.into_iter().map(move |url| format!("<{url}>; rel=\"ice-server\"{how}"))
        };
        self.of(room, identity).into_iter().flat_map(each).collect()
    }
}
