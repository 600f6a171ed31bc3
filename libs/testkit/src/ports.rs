//! Free loopback ports.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

/// The first of [`COUNT`] ports below those that Linux hands out by itself (`net.ipv4.ip_local_port_range`): no
/// connection of a program beside takes one while a server that was killed starts again.
const FIRST: u16 = 10_000;
const COUNT: u16 = 22_768;

/// A port of 127.0.0.1 that was free for TCP and UDP a moment ago, chosen by chance: tests beside each other
/// rarely choose the same. Prefer to bind port 0 and to ask the server where it can be asked.
///
/// # Panics
/// When a hundred of them are taken.
#[must_use]
pub fn free_port() -> u16 {
    const TRIES: usize = 100;
    (0..TRIES)
        .find_map(|_| {
            let chance = getrandom::u32().expect("the system's random source answers");
            let port = FIRST + u16::try_from(chance % u32::from(COUNT)).expect("less than COUNT");
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
            UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
            Some(port)
        })
        .expect("the machine has a free port")
}
