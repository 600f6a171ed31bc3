//! A client's socket. It tells when the kernel took a datagram in: what then waits for the generator's processor
//! was not delayed by the server.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt::ReceiveTimestampns,
};
use nix::sys::time::TimeSpec;

/// The generator's start on both clocks: stamps of packets count from it, and the kernel stamps in Unix time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch {
    start: Instant,
    unix: Duration,
}

impl Epoch {
    pub(crate) fn now() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), unix }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// One received datagram.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) len: usize,
    pub(crate) from: SocketAddr,
    /// When it came, since the epoch.
    pub(crate) since: Duration,
}

/// Binds a socket that does not block.
pub(crate) fn bind(ip: IpAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((ip, 0))?;
    socket.set_nonblocking(true)?;
    setsockopt(&socket, ReceiveTimestampns, &true)?;
    Ok(socket)
}

/// Takes one datagram, if one is there.
pub(crate) fn receive(socket: &UdpSocket, buffer: &mut [u8], epoch: &Epoch) -> io::Result<Arrival> {
    let mut control = nix::cmsg_space!(TimeSpec);
    let mut parts = [IoSliceMut::new(buffer)];
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::empty())?;
    let stamp = message.cmsgs()?.find_map(|control| {
        if let ControlMessageOwned::ScmTimestampns(stamp) = control {
            Some(Duration::from(stamp))
        } else {
            None
        }
    });
    let since = stamp.map_or_else(|| epoch.elapsed(), |stamp| stamp.saturating_sub(epoch.unix));
    let from = message.address.as_ref().and_then(address).ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok(Arrival { len: message.bytes, from, since })
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|v4| SocketAddr::V4(SocketAddrV4::new(v4.ip(), v4.port())));
    let v6 =
        || storage.as_sockaddr_in6().map(|v6| SocketAddr::V6(SocketAddrV6::new(v6.ip(), v6.port(), 0, 0)));
    v4.or_else(v6)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel begins to stamp a moment after the first socket of the machine has asked for it; until then a
    /// datagram came when it is read.
    #[test]
    fn a_datagram_came_when_the_kernel_took_it_and_not_when_it_is_read() {
        let epoch = Epoch::now();
        let socket = bind([127, 0, 0, 1].into()).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut buffer = [0; 100];
        let waited = (0..100).find_map(|_| {
            sender.send_to(b"hello", socket.local_addr().unwrap()).unwrap();
            let sent = epoch.elapsed();
            while epoch.elapsed() < sent + Duration::from_millis(50) {
                std::thread::yield_now();
            }
            let arrival = receive(&socket, &mut buffer, &epoch).unwrap();
            assert_eq!((arrival.len, arrival.from), (5, sender.local_addr().unwrap()));
            let waited = epoch.elapsed() - arrival.since;
            (waited >= Duration::from_millis(40)).then_some(waited)
        });
        assert!(waited.is_some(), "no datagram was stamped before it was read");
        assert_eq!(&buffer[..5], b"hello");
        assert_eq!(receive(&socket, &mut buffer, &epoch).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
