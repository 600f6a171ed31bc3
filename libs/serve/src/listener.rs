//! The accept loop: bounded connections, a deadline for the first byte and for the headers, TLS, drain.
//!
//! `axum::serve` sets no timer, so a client that sends half a header holds its socket for ever. Here the
//! first byte is peeked under a deadline (hyper has none before it), then hyper's HTTP/1 reader runs with a
//! header timeout. It does not limit what a request body may hold; routes do.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// What a listener allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Open connections in all.
    pub connections: usize,
    /// Open connections of one address; never applied to loopback and to [`Self::trusted_proxies`], which speak
    /// for many.
    pub connections_per_ip: usize,
    /// Addresses of reverse proxies.
    pub trusted_proxies: Vec<IpAddr>,
    /// Until the first byte, until the TLS handshake ends, and until the headers are whole: each.
    pub header_timeout: Duration,
    /// How long open requests may finish after the stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_ip: 1_000,
            trusted_proxies: Vec::new(),
            header_timeout: Duration::from_secs(5),
            drain: Duration::from_secs(5),
        }
    }
}

/// Certificate chain and key of the listener.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Reads PEM texts.
    ///
    /// # Errors
    /// Says which of the two is unreadable or that they do not belong together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, ListenerError> {
        let chain = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| ListenerError::Tls(format!("certificate: {e}")))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| ListenerError::Tls(format!("key: {e}")))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|e| ListenerError::Tls(e.to_string()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

/// Why a listener does not start.
#[derive(Debug, thiserror::Error)]
pub enum ListenerError {
    /// The address is taken or not ours.
    #[error("cannot listen on {addr}: {source}")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate or key is no good.
    #[error("TLS: {0}")]
    Tls(String),
}

/// A bound socket that does not serve yet, so that its port is known before the services start.
pub struct Listener {
    tcp: TcpListener,
    addr: SocketAddr,
    tls: Option<Tls>,
    limits: Limits,
}

impl Listener {
    /// Binds. Port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(addr: SocketAddr, tls: Option<Tls>, limits: Limits) -> Result<Self, ListenerError> {
        let bind = |source| ListenerError::Bind { addr, source };
        let tcp = TcpListener::bind(addr).await.map_err(bind)?;
        let addr = tcp.local_addr().map_err(bind)?;
        Ok(Self { tcp, addr, tls, limits })
    }

    /// The address that was bound.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `stop`, then lets open requests finish for the drain time. The request's extensions
    /// hold `ConnectInfo<SocketAddr>`.
    pub async fn serve(self, router: Router, stop: CancellationToken) {
        let shared = Arc::new(Shared {
            router,
            tls: self.tls,
            limits: self.limits.clone(),
            all: Arc::new(Semaphore::new(self.limits.connections)),
            per_ip: Mutex::new(HashMap::new()),
            stop: stop.clone(),
        });
        let open = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.tcp.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // At the bound a connection is closed at once: waiting would fill the kernel's queue.
                    let Some(guard) = Admission::try_new(&shared, peer.ip()) else { continue };
                    open.spawn(Arc::clone(&shared).connection(stream, peer, guard));
                }
                Err(error) => {
                    // Out of descriptors: accepting again at once would spin.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        open.close();
        if tokio::time::timeout(self.limits.drain, open.wait()).await.is_err() {
            tracing::info!(open = open.len(), "connections were still open at the end of the drain");
        }
    }
}

struct Shared {
    router: Router,
    tls: Option<Tls>,
    limits: Limits,
    all: Arc<Semaphore>,
    per_ip: Mutex<HashMap<IpAddr, usize>>,
    stop: CancellationToken,
}

impl Shared {
    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, _admission: Admission) {
        let deadline = self.limits.header_timeout;
        // Disabling Nagle cannot fail on a socket that is still open; a closed one ends below.
        let _ = stream.set_nodelay(true);
        let mut first = [0_u8; 1];
        match tokio::time::timeout(deadline, stream.peek(&mut first)).await {
            Ok(Ok(1..)) => {}
            Ok(Ok(0) | Err(_)) | Err(_) => return,
        }
        match &self.tls {
            None => self.http(stream, peer).await,
            Some(Tls(acceptor)) => {
                if let Ok(Ok(stream)) = tokio::time::timeout(deadline, acceptor.accept(stream)).await {
                    self.http(stream, peer).await;
                }
            }
        }
    }

    async fn http<S>(&self, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = hyper::service::service_fn(|mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            self.router.clone().oneshot(request.map(axum::body::Body::new) as Request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(MAX_HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        tokio::pin!(connection);
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(%error, "an HTTP connection ended early");
        }
    }
}

/// One admitted connection; gives its places back when dropped.
struct Admission {
    shared: Arc<Shared>,
    ip: IpAddr,
    _place: OwnedSemaphorePermit,
}

impl Admission {
    fn try_new(shared: &Arc<Shared>, ip: IpAddr) -> Option<Self> {
        let place = Arc::clone(&shared.all).try_acquire_owned().ok()?;
        let mut per_ip = shared.per_ip.lock().unwrap_or_else(PoisonError::into_inner);
        let count = per_ip.entry(ip).or_insert(0);
        // A dual-stack listener sees IPv4 addresses mapped.
        let canonical = ip.to_canonical();
        let exempt = canonical.is_loopback() || shared.limits.trusted_proxies.contains(&canonical);
        if *count >= shared.limits.connections_per_ip && !exempt {
            return None;
        }
        *count += 1;
        drop(per_ip);
        Some(Self { shared: Arc::clone(shared), ip, _place: place })
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut per_ip = self.shared.per_ip.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = per_ip.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                per_ip.remove(&self.ip);
            }
        }
    }
}

/// A LiveKit join request stands in the request line: up to 2.5 KB as measured, 16 KB asked for; a large
/// offer inside it compresses to less than this.
const MAX_HEADER_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(limits: Limits) -> Arc<Shared> {
        Arc::new(Shared {
            router: Router::new(),
            tls: None,
            all: Arc::new(Semaphore::new(limits.connections)),
            limits,
            per_ip: Mutex::new(HashMap::new()),
            stop: CancellationToken::new(),
        })
    }

    #[test]
    fn an_address_has_as_many_connections_as_it_may_and_no_more() {
        let [stranger, other, proxy] =
            ["203.0.113.7", "203.0.113.8", "192.0.2.1"].map(|ip| ip.parse().unwrap());
        let limits = Limits { connections_per_ip: 3, trusted_proxies: vec![proxy], ..Limits::default() };
        let shared = shared(limits);
        let mut open: Vec<_> = (0..3).map(|_| Admission::try_new(&shared, stranger).unwrap()).collect();
        assert!(Admission::try_new(&shared, stranger).is_none());
        assert!(Admission::try_new(&shared, other).is_some());
        open.pop();
        let again = Admission::try_new(&shared, stranger);
        assert!(again.is_some() && Admission::try_new(&shared, stranger).is_none());
        drop((open, again));
        assert!(shared.per_ip.lock().unwrap().is_empty(), "nothing is kept of those who left");
        for exempt in ["192.0.2.1", "::ffff:192.0.2.1", "127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            let many = (0..10).filter_map(|_| Admission::try_new(&shared, exempt.parse().unwrap()));
            assert_eq!(many.collect::<Vec<_>>().len(), 10, "{exempt}");
        }
    }

    #[test]
    fn a_listener_has_as_many_connections_as_it_may_and_no_more() {
        let shared = shared(Limits { connections: 2, ..Limits::default() });
        let ip = |last: u8| IpAddr::from([203, 0, 113, last]);
        let open: Vec<_> = (0..2).map(|last| Admission::try_new(&shared, ip(last)).unwrap()).collect();
        assert!(Admission::try_new(&shared, ip(2)).is_none());
        drop(open);
        assert!(Admission::try_new(&shared, ip(2)).is_some());
    }
}
