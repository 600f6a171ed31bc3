//! The sockets of allocations.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use sfu_core::demux::MAX_DATAGRAM_BYTES;
use sfu_core::turn::{AllocationId, Family};
use socket2::{Domain, Protocol, Socket, Type};

use crate::connections::canonical;

/// Datagrams of one open in a turn, so that one does not starve the others.
const DATAGRAMS_PER_TURN: usize = 64;

/// A keyframe of a large picture arrives at once; the kernel caps at its own limit.
const BUFFER_BYTES: usize = 1 << 20;

/// All open sockets.
#[derive(Default)]
pub(super) struct AllocationSockets(HashMap<AllocationId, AllocationSocket>);

struct AllocationSocket {
    socket: UdpSocket,
    family: Family,
}

impl AllocationSockets {
    /// Opens a socket on a free port.
    pub(super) fn open(&mut self, id: AllocationId, family: Family) -> io::Result<(&UdpSocket, u16)> {
        let (domain, any) = match family {
            Family::V4 => (Domain::IPV4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            Family::V6 => (Domain::IPV6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        if family == Family::V6 {
            // This machine may be reached at a loopback address of IPv4.
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(BUFFER_BYTES);
        socket.bind(&SocketAddr::new(any, 0).into())?;
        let socket = UdpSocket::from(socket);
        let port = socket.local_addr()?.port();
        let open = self.0.entry(id).or_insert(AllocationSocket { socket, family });
        Ok((&open.socket, port))
    }

    /// Closes it.
    pub(super) fn close(&mut self, id: AllocationId) {
        self.0.remove(&id);
    }

    /// Sends a datagram; what the kernel does not take is lost, as on any full path.
    pub(super) fn send(&self, id: AllocationId, peer: SocketAddr, bytes: &[u8]) {
        let Some(open) = self.0.get(&id) else { return };
        let peer = match (open.family, peer.ip()) {
            (Family::V6, IpAddr::V4(ip)) => SocketAddr::new(ip.to_ipv6_mapped().into(), peer.port()),
            _ => peer,
        };
        let _ = open.socket.send_to(bytes, peer);
    }

    /// Receives what has come, without waiting.
    pub(super) fn receive(&self, id: AllocationId, mut each: impl FnMut(SocketAddr, &[u8])) {
        let Some(open) = self.0.get(&id) else { return };
        // One more than any datagram may have, to see longer ones.
        let mut buffer = [0; MAX_DATAGRAM_BYTES + 1];
        for _ in 0..DATAGRAMS_PER_TURN {
            match open.socket.recv_from(&mut buffer) {
                Ok((len, from)) => each(canonical(from), &buffer[..len]),
                // A peer's port was closed; that says nothing about the others.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(_) => return,
            }
        }
    }
}
