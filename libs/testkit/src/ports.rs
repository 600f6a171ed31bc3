//! Free loopback ports.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

/// A port of 127.0.0.1 that was free for TCP and UDP a moment ago.
///
/// The system does not hand the same number out again for a while, so a server that binds it soon gets
/// it. Prefer to bind port 0 and to ask the server where it can be asked.
///
/// # Panics
/// When the machine has no free port.
#[must_use]
pub fn free_port() -> u16 {
    const TRIES: usize = 100;
    (0..TRIES)
        .find_map(|_| {
            let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
            let port = tcp.local_addr().ok()?.port();
            UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
            Some(port)
        })
        .expect("the machine has a free port")
}
