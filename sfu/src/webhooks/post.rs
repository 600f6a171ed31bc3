//! One webhook to one receiver: signed, to public addresses only, once, within its time.
//!
//! A host name is resolved here, every address is classified, and the connection goes to one of those very
//! addresses; so a name that answers otherwise the second time (DNS rebinding) reaches nothing else.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use address::is_public;
use auth::room::{ApiKeys, RoomToken};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url, header, redirect};

/// Why a receiver has not got a webhook.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    /// The receiver's address is private, and that is not allowed by the settings.
    #[error("the receiver's address is not public")]
    Private,
    /// No connection, no answer in time, or no HTTP.
    #[error("the receiver does not answer: {0}")]
    Http(#[from] reqwest::Error),
    /// An answer other than 2xx; redirects are not followed.
    #[error("the receiver answered {0}")]
    Status(u16),
}

/// Finds the addresses of a host.
pub(super) trait Lookup: Send + Sync + 'static {
    /// All of them.
    fn lookup(&self, host: &str) -> impl Future<Output = std::io::Result<Vec<IpAddr>>> + Send;
}

/// The system's resolver.
pub(super) struct SystemLookup;

impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Sends webhooks.
pub(super) struct Poster {
    http: Client,
    keys: ApiKeys,
    private_addresses: bool,
}

impl Poster {
    /// Signs with the first of `keys`.
    ///
    /// # Errors
    /// When the TLS library does not start.
    pub(super) fn new(
        keys: ApiKeys,
        private_addresses: bool,
        timeout: Duration,
        lookup: impl Lookup,
    ) -> Result<Self, reqwest::Error> {
        let resolver = Guarded { lookup: Arc::new(lookup), private_addresses };
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(timeout)
            .dns_resolver(Arc::new(resolver))
            .user_agent("dais")
            .build()?;
        Ok(Self { http, keys, private_addresses })
    }

    /// Sends one webhook.
    ///
    /// # Errors
    /// See [`PostError`]; the receiver may have it all the same.
    pub(super) async fn post(&self, url: &str, body: &str) -> Result<(), PostError> {
        let url: Url = url.parse().map_err(|_| PostError::Private)?;
        // A literal address is connected to without being resolved.
        let literal = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
        if literal.is_some_and(|address| !self.private_addresses && !is_public(address)) {
            return Err(PostError::Private);
        }
        let request = self
            .http
            .post(url)
            .header(header::CONTENT_TYPE, "application/webhook+json")
            // LiveKit's receivers expect the token bare.
            .header(header::AUTHORIZATION, self.sign(body))
            .body(body.to_owned());
        let mut response = request.send().await?;
        let status = response.status();
        // Read so that the connection can be used again, unless there is too much of it.
        let mut read = 0;
        while let Ok(Some(chunk)) = response.chunk().await {
            read += chunk.len();
            if read > MAX_REPLY_BYTES {
                break;
            }
        }
        if status.is_success() { Ok(()) } else { Err(PostError::Status(status.as_u16())) }
    }

    fn sign(&self, body: &str) -> String {
        let hash = digest::digest(&digest::SHA256, body.as_bytes());
        let token = RoomToken { sha256: STANDARD.encode(hash), ..RoomToken::default() };
        self.keys.mint(token, TOKEN_LIFETIME)
    }
}

/// Resolves to public addresses only.
struct Guarded<L> {
    lookup: Arc<L>,
    private_addresses: bool,
}

impl<L: Lookup> Resolve for Guarded<L> {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, private) = (Arc::clone(&self.lookup), self.private_addresses);
        Box::pin(async move {
            let found = lookup.lookup(name.as_str()).await?;
            // One private address among public ones is an attack or a mistake; either way nobody is called.
            if !private && !found.iter().all(|address| is_public(*address)) {
                return Err(Box::from(PostError::Private));
            }
            let addresses = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

/// As long as LiveKit's own.
const TOKEN_LIFETIME: Duration = Duration::from_secs(300);

/// Nobody needs more to say yes or no.
const MAX_REPLY_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use auth::room::ApiKeyPair;
    use tokio::net::TcpListener;

    use super::*;

    /// Answers with other addresses each time.
    struct Turning {
        answers: Vec<Vec<IpAddr>>,
        asked: AtomicUsize,
    }

    impl Lookup for Arc<Turning> {
        async fn lookup(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
            let turn = self.asked.fetch_add(1, Ordering::Relaxed);
            Ok(self.answers[turn % self.answers.len()].clone())
        }
    }

    fn poster(private: bool, lookup: impl Lookup) -> Poster {
        let pair = ApiKeyPair { key: "key".to_owned(), secret: "secret".to_owned() };
        let keys = ApiKeys::new(&pair, &[]);
        Poster::new(keys, private, Duration::from_millis(30), lookup).unwrap()
    }

    /// A name that turns between a public and private addresses: nobody ever connects here.
    #[tokio::test]
    async fn a_name_that_changes_its_address_reaches_no_private_one() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let parse = |text: &str| text.parse::<IpAddr>().unwrap();
        // TEST-NET and the like are private here; 0.0.0.1's neighbour 1.0.0.0 is public and answers nobody.
        let answers = vec![
            vec![parse("127.0.0.1")],
            vec![parse("1.0.0.0"), parse("127.0.0.1")],
            vec![parse("::ffff:127.0.0.1")],
            vec![parse("64:ff9b::7f00:1")],
            vec![parse("10.0.0.1")],
            vec![parse("169.254.169.254")],
        ];
        let turning = Arc::new(Turning { answers, asked: AtomicUsize::new(0) });
        let poster = poster(false, Arc::clone(&turning));
        for _ in 0..300 {
            let refused = poster.post(&format!("http://rebound.example:{port}/"), "{}").await;
            assert!(refused.is_err());
        }
        assert_eq!(turning.asked.load(Ordering::Relaxed), 300);
        let accepted = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(accepted.is_err(), "somebody connected");
    }

    #[tokio::test]
    async fn a_literal_private_address_is_refused_in_every_spelling() {
        let poster = poster(false, SystemLookup);
        for host in [
            "127.0.0.1",
            "localhost",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0.0.0.0",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::1]",
            "10.1.2.3",
            "169.254.169.254",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "192.168.0.1",
        ] {
            let refused = poster.post(&format!("http://{host}:9/"), "{}").await.unwrap_err();
            let private = match &refused {
                PostError::Private => true,
                PostError::Http(error) => {
                    let mut source = std::error::Error::source(error);
                    let mut found = false;
                    while let Some(inner) = source {
                        found |= inner.to_string().contains("not public");
                        source = inner.source();
                    }
                    found
                }
                PostError::Status(_) => false,
            };
            assert!(private, "{host}: {refused:?}");
        }
    }
}
