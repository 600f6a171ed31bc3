//! Opens sockets, shakes hands and hands out connections. It keeps no list of them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use auth::link::{LinkIdentity, SFU_NAME};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use crate::error::{CloseCode, LinkError};
use crate::{MixerConnection, SfuConnection, tls};

/// Handshake and first stream together; on a known network they take two round trips.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Handshakes at once, so that strangers cannot take all memory.
const MAX_HANDSHAKES: usize = 32;

/// The SFU's listening end.
#[derive(Debug)]
pub struct Server {
    endpoint: quinn::Endpoint,
    ready: mpsc::Receiver<SfuConnection>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Listens on `addr` (port 0: any free one). Call inside a tokio runtime.
    ///
    /// # Errors
    /// When the key material is unusable or the socket cannot be opened.
    pub fn bind(addr: SocketAddr, identity: &LinkIdentity) -> Result<Self, LinkError> {
        let endpoint = quinn::Endpoint::server(tls::server_config(identity)?, addr)
            .map_err(|error| LinkError::Bind { addr, kind: error.kind() })?;
        let (accepted, ready) = mpsc::channel(MAX_HANDSHAKES);
        let accepting = tokio::spawn(accept_all(endpoint.clone(), accepted));
        Ok(Self { endpoint, ready, accepting })
    }

    /// The address that it listens on; `None` after the socket is gone.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.endpoint.local_addr().ok()
    }

    /// Next mixer whose certificate was accepted and that opened its stream. A slow or failing handshake
    /// delays nobody else. `None` after [`Self::close`]. Cancel safe.
    pub async fn accept(&mut self) -> Option<SfuConnection> {
        self.ready.recv().await
    }

    /// Closes all connections with [`CloseCode::Shutdown`] and waits up to a second for their goodbye.
    pub async fn close(self) {
        self.accepting.abort();
        self.endpoint.close(CloseCode::Shutdown.to_wire().into(), b"shutdown");
        // Without an answer the other ends notice by their idle timeout.
        timeout(Duration::from_secs(1), self.endpoint.wait_idle()).await.unwrap_or_default();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept_all(endpoint: quinn::Endpoint, accepted: mpsc::Sender<SfuConnection>) {
    let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    while let Some(incoming) = endpoint.accept().await {
        let Ok(permit) = Arc::clone(&handshakes).try_acquire_owned() else {
            incoming.refuse();
            continue;
        };
        let accepted = accepted.clone();
        tokio::spawn(async move {
            let remote = incoming.remote_address();
            let opened = timeout(HANDSHAKE_TIMEOUT, async {
                let connection = incoming.await?;
                let (send, recv) = connection.accept_bi().await?;
                Ok::<_, quinn::ConnectionError>(SfuConnection::start(connection, send, recv))
            });
            match opened.await {
                Ok(Ok(connection)) => {
                    drop(permit);
                    // Nobody accepts any more: dropping the connection closes it.
                    accepted.send(connection).await.unwrap_or_default();
                }
                Ok(Err(error)) => tracing::warn!(%remote, %error, "a link's handshake failed"),
                Err(_elapsed) => tracing::warn!(%remote, "a link's handshake took too long"),
            }
        });
    }
}

/// The mixer's dialling end.
#[derive(Debug)]
pub struct Client;

impl Client {
    /// Dials the SFU at `addr` and opens the stream of messages. Call inside a tokio runtime.
    ///
    /// The SFU sees the connection only with the first message. With TLS 1.3 it also judges this end's
    /// certificate only afterwards: a refusal shows as [`LinkError::Transport`] at the first receive.
    ///
    /// # Errors
    /// When the key material is unusable, nobody answers, or the SFU's certificate is not accepted.
    pub async fn connect(addr: SocketAddr, identity: &LinkIdentity) -> Result<MixerConnection, LinkError> {
        let local: SocketAddr = match addr {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let mut endpoint = quinn::Endpoint::client(local)
            .map_err(|error| LinkError::Bind { addr: local, kind: error.kind() })?;
        endpoint.set_default_client_config(tls::client_config(identity)?);
        let connecting =
            endpoint.connect(addr, SFU_NAME).map_err(|error| LinkError::Transport(error.to_string()))?;
        let opened = timeout(HANDSHAKE_TIMEOUT, async {
            let connection = connecting.await?;
            let (send, recv) = connection.open_bi().await?;
            Ok::<_, quinn::ConnectionError>(MixerConnection::start(connection, send, recv))
        });
        match opened.await {
            Ok(opened) => Ok(opened?),
            Err(_elapsed) => Err(LinkError::HandshakeTimeout(addr)),
        }
    }
}
