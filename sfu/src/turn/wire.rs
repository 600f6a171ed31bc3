//! A client's stream: plain TCP, or TLS over it, without waiting.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use super::TurnTls;

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of the two PEM texts cannot be read.
    #[error("the {what} cannot be read: {source}")]
    Pem {
        /// Certificate or key.
        what: &'static str,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// They do not belong together.
    #[error("{0}")]
    Pair(#[from] rustls::Error),
}

/// Reads a certificate and its key.
pub(super) fn acceptor(tls: &TurnTls) -> Result<Arc<ServerConfig>, TlsError> {
    let pem = |what| move |source| TlsError::Pem { what, source };
    let chain = CertificateDer::pem_slice_iter(&tls.certificates);
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(pem("certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(&tls.key).map_err(pem("key"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_no_client_auth().with_single_cert(chain, key)?))
}

/// Reads and writes what is inside.
pub(super) struct Wire {
    stream: TcpStream,
    tls: Option<Box<ServerConnection>>,
}

impl Wire {
    /// Begins as the server.
    pub(super) fn new(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> Result<Self, rustls::Error> {
        let tls = tls.map(|config| ServerConnection::new(Arc::clone(config)).map(Box::new)).transpose()?;
        Ok(Self { stream, tls })
    }

    /// Whether TLS itself has bytes that the socket did not take.
    pub(super) fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.stream.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            if tls.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            let outcome = tls.process_new_packets();
            // The handshake's next flight, or the alert that says what is wrong.
            flush(tls, &mut self.stream)?;
            outcome.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
    }
}

impl Write for Wire {
    /// Takes a part, once the socket has taken what TLS made of the part before.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.stream.write(bytes) };
        flush(tls, &mut self.stream)?;
        if tls.wants_write() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let taken = tls.writer().write(&bytes[..bytes.len().min(MAX_PART_BYTES)])?;
        flush(tls, &mut self.stream)?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tls.as_mut().map_or(Ok(()), |tls| flush(tls, &mut self.stream))
    }
}

/// Hands TLS's bytes to the socket, as many as it takes.
fn flush(tls: &mut ServerConnection, stream: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(stream) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Plaintext of one TLS record (RFC 8446 §5.1).
const MAX_PART_BYTES: usize = 16 << 10;
