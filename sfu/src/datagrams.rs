//! The shard's UDP socket: batches of datagrams in and out by `recvmmsg` and `sendmmsg`.
//!
//! It decides how bytes reach the kernel: which local address a datagram came to and leaves from
//! (`IP_PKTINFO`, RFC 8489 §6.3.1), and equal-sized runs to one peer as one call (`UDP_SEGMENT`). It reads no
//! datagram. The only module of the SFU with `unsafe` code: nix's `sendmmsg` gives every message the same
//! control data, and each of ours has its own.
#![allow(
    unsafe_code,
    reason = "recvmmsg and sendmmsg with control data per message have no safe wrapper; every pointer stored \
              in a header points into a buffer of this module that outlives the call"
)]

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use socket2::{Domain, Protocol, Socket, Type};

/// Datagrams that one call receives or sends at most.
pub(crate) const BATCH: usize = 64;

/// Bytes of one receive buffer: the largest datagram that any peer may send, and one more to see longer ones.
pub(crate) const RECEIVE_BYTES: usize = 1501;

/// Most segments of one `UDP_SEGMENT` send (`UDP_MAX_SEGMENTS` of Linux before 6.9 is 64).
pub(crate) const MAX_SEGMENTS: usize = 64;

/// Most bytes of one `UDP_SEGMENT` send: what an IPv4 datagram may hold.
pub(crate) const MAX_SEND_BYTES: usize = 65_507;

/// A bound UDP socket and the buffers of its batches.
pub(crate) struct UdpPort {
    socket: Socket,
    local: SocketAddr,
    buffers: Vec<[u8; RECEIVE_BYTES]>,
    controls: Vec<Control>,
    names: Vec<libc::sockaddr_storage>,
}

/// One received datagram.
pub(crate) struct ReceivedDatagram<'a> {
    /// The address that was asked.
    pub(crate) local: SocketAddr,
    /// Who asked.
    pub(crate) remote: SocketAddr,
    /// What.
    pub(crate) bytes: &'a mut [u8],
}

/// Bytes to one peer: one datagram, or a run of equal-sized ones.
#[derive(Clone, Copy)]
pub(crate) struct SendRun<'a> {
    /// Leaves from here.
    pub(crate) local: SocketAddr,
    /// Goes there.
    pub(crate) remote: SocketAddr,
    /// All segments in a row.
    pub(crate) bytes: &'a [u8],
    /// Bytes of each segment, of the last at most so many.
    pub(crate) segment: usize,
}

/// Room for the control data of one message: packet info of either family and a segment size.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_BYTES]);

/// `CMSG_SPACE(in6_pktinfo)` is 40, of `in_pktinfo` 32, of a segment size 24; 128 leaves room.
const CONTROL_BYTES: usize = 128;

impl UdpPort {
    /// Binds to every address of the family; with IPv6, to IPv4's too.
    pub(crate) fn bind(port: u16, ipv6: bool) -> io::Result<Self> {
        let (domain, any) = if ipv6 {
            (Domain::IPV6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))
        } else {
            (Domain::IPV4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
        };
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        if ipv6 {
            socket.set_only_v6(false)?;
            set_flag(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)?;
        } else {
            set_flag(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO)?;
        }
        socket.set_nonblocking(true)?;
        // A keyframe to 200 subscribers is about 10 MB in one turn; the kernel caps at its own limit.
        let _ = socket.set_recv_buffer_size(4 << 20);
        let _ = socket.set_send_buffer_size(4 << 20);
        socket.bind(&any.into())?;
        let local = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        // SAFETY: all-zero bytes are a valid sockaddr_storage (family AF_UNSPEC).
        let empty_name: libc::sockaddr_storage = unsafe { MaybeUninit::zeroed().assume_init() };
        Ok(Self {
            socket,
            local,
            buffers: vec![[0; RECEIVE_BYTES]; BATCH],
            controls: vec![Control([0; CONTROL_BYTES]); BATCH],
            names: vec![empty_name; BATCH],
        })
    }

    /// The port that was bound.
    pub(crate) fn port(&self) -> u16 {
        self.local.port()
    }

    /// Receives up to [`BATCH`] datagrams without waiting and hands out each; returns how many there were.
    pub(crate) fn receive(&mut self, mut each: impl FnMut(ReceivedDatagram<'_>)) -> io::Result<usize> {
        let mut parts = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; BATCH];
        // SAFETY: all-zero bytes are a valid mmsghdr: null pointers with zero lengths.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { MaybeUninit::zeroed().assume_init() };
        for (index, header) in headers.iter_mut().enumerate() {
            parts[index].iov_base = self.buffers[index].as_mut_ptr().cast();
            parts[index].iov_len = RECEIVE_BYTES;
            header.msg_hdr.msg_iov = &raw mut parts[index];
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = (&raw mut self.names[index]).cast();
            header.msg_hdr.msg_namelen = name_len::<libc::sockaddr_storage>();
            header.msg_hdr.msg_control = self.controls[index].0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL_BYTES;
        }
        let fd = self.socket.as_raw_fd();
        let count = u32::try_from(BATCH).unwrap_or(0);
        // SAFETY: `headers` holds BATCH headers; each points at a part, a name and a control buffer of its own
        // that live until the end of this function and are written by nobody else.
        let received = unsafe {
            libc::recvmmsg(fd, headers.as_mut_ptr(), count, libc::MSG_DONTWAIT, std::ptr::null_mut())
        };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        let port = self.local.port();
        for (index, header) in headers.iter().enumerate().take(received) {
            let len = usize::try_from(header.msg_len).unwrap_or(0).min(RECEIVE_BYTES);
            // SAFETY: the kernel filled msg_name and msg_control of this header, whose buffers still live.
            let addresses = unsafe { (read_name(&self.names[index]), read_packet_info(&header.msg_hdr)) };
            let (Some(remote), Some(ip)) = addresses else { continue };
            let bytes = &mut self.buffers[index][..len];
            each(ReceivedDatagram { local: SocketAddr::new(ip, port), remote, bytes });
        }
        Ok(received)
    }

    /// Sends runs, at most [`BATCH`] of them, without waiting; returns how many the kernel took.
    pub(crate) fn send(&self, runs: &[SendRun<'_>]) -> io::Result<usize> {
        let runs = &runs[..runs.len().min(BATCH)];
        // Only what the call uses is written: filling room for 64 costs more than sending one.
        let mut parts = [const { MaybeUninit::<libc::iovec>::uninit() }; BATCH];
        let mut names = [const { MaybeUninit::<libc::sockaddr_storage>::uninit() }; BATCH];
        let mut controls = [const { MaybeUninit::<Control>::uninit() }; BATCH];
        let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BATCH];
        let ipv6 = self.local.is_ipv6();
        for (index, run) in runs.iter().enumerate() {
            // sendmmsg only reads through iov_base.
            let base = run.bytes.as_ptr().cast_mut().cast();
            let part = parts[index].write(libc::iovec { iov_base: base, iov_len: run.bytes.len() });
            // SAFETY: all-zero bytes are a valid mmsghdr: null pointers with zero lengths.
            let header = headers[index].write(unsafe { MaybeUninit::zeroed().assume_init() });
            let header = &mut header.msg_hdr;
            header.msg_iov = &raw mut *part;
            header.msg_iovlen = 1;
            header.msg_name = names[index].as_mut_ptr().cast();
            header.msg_namelen = write_name(&mut names[index], run.remote, ipv6);
            header.msg_control = controls[index].write(Control([0; CONTROL_BYTES])).0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL_BYTES;
            let segment = (run.segment < run.bytes.len()).then_some(run.segment);
            // SAFETY: msg_control points at a zeroed, aligned buffer of CONTROL_BYTES, enough for two messages.
            header.msg_controllen = unsafe { write_control(header, run.local.ip(), segment, ipv6) };
        }
        let count = u32::try_from(runs.len()).unwrap_or(0);
        let fd = self.socket.as_raw_fd();
        // SAFETY: the first `count` headers were written, and point at parts, names (as long as they say) and
        // controls that were written, too, and live until the end of this function, and at the runs' bytes, which
        // outlive it.
        let sent = unsafe { libc::sendmmsg(fd, headers.as_mut_ptr().cast(), count, libc::MSG_DONTWAIT) };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }
}

impl AsFd for UdpPort {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn name_len<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0)
}

fn set_flag(socket: &Socket, level: libc::c_int, name: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the value points at an int that lives through the call, and its length is an int's.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const on).cast(), name_len::<libc::c_int>())
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Reads a peer address; an IPv4 address mapped into IPv6 becomes IPv4 again.
///
/// # Safety
/// `name` was filled by the kernel, so that its family tells its true type.
unsafe fn read_name(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says sockaddr_in, which is smaller than and aligned like the storage.
            let v4 = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(v4.sin_port))))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says sockaddr_in6, which is smaller than and aligned like the storage.
            let v6 = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in6>() };
            let (ip, port) = (Ipv6Addr::from(v6.sin6_addr.s6_addr), u16::from_be(v6.sin6_port));
            Some(match ip.to_ipv4_mapped() {
                Some(v4) => SocketAddr::V4(SocketAddrV4::new(v4, port)),
                None => SocketAddr::V6(SocketAddrV6::new(ip, port, 0, v6.sin6_scope_id)),
            })
        }
        _ => None,
    }
}

/// Reads the local address of a received message.
///
/// # Safety
/// `header` was filled by `recvmmsg`, and its control buffer still lives.
unsafe fn read_packet_info(header: &libc::msghdr) -> Option<IpAddr> {
    // SAFETY: the header's control buffer and length are the kernel's.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: a non-null pointer from CMSG_FIRSTHDR or CMSG_NXTHDR names a whole header in the buffer; its
        // level and type tell the type of its payload, which may be unaligned.
        unsafe {
            match ((*message).cmsg_level, (*message).cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info = libc::CMSG_DATA(message).cast::<libc::in_pktinfo>().read_unaligned();
                    return Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr))));
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info = libc::CMSG_DATA(message).cast::<libc::in6_pktinfo>().read_unaligned();
                    return Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).to_canonical());
                }
                _ => message = libc::CMSG_NXTHDR(header, message),
            }
        }
    }
    None
}

fn write_name(
    name: &mut MaybeUninit<libc::sockaddr_storage>,
    address: SocketAddr,
    ipv6: bool,
) -> libc::socklen_t {
    let port = address.port().to_be();
    match (address.ip(), ipv6) {
        (IpAddr::V4(ip), false) => {
            let v4 = libc::sockaddr_in {
                sin_family: family(libc::AF_INET),
                sin_port: port,
                sin_addr: libc::in_addr { s_addr: u32::from(ip).to_be() },
                sin_zero: [0; 8],
            };
            // SAFETY: the storage is larger than and aligned for a sockaddr_in.
            unsafe { name.as_mut_ptr().cast::<libc::sockaddr_in>().write(v4) };
            name_len::<libc::sockaddr_in>()
        }
        (ip, _) => {
            let ip = match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            let scope = match address {
                SocketAddr::V6(v6) => v6.scope_id(),
                SocketAddr::V4(_) => 0,
            };
            let v6 = libc::sockaddr_in6 {
                sin6_family: family(libc::AF_INET6),
                sin6_port: port,
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: ip.octets() },
                sin6_scope_id: scope,
            };
            // SAFETY: the storage is larger than and aligned for a sockaddr_in6.
            unsafe { name.as_mut_ptr().cast::<libc::sockaddr_in6>().write(v6) };
            name_len::<libc::sockaddr_in6>()
        }
    }
}

fn family(family: libc::c_int) -> libc::sa_family_t {
    libc::sa_family_t::try_from(family).unwrap_or(0)
}

/// Writes the local address and, for a run, the segment size; returns the bytes used.
///
/// # Safety
/// `header.msg_control` points at a zeroed buffer of [`CONTROL_BYTES`], aligned for a `cmsghdr`.
unsafe fn write_control(header: &libc::msghdr, local: IpAddr, segment: Option<usize>, ipv6: bool) -> usize {
    let mut used = 0;
    // SAFETY: two messages of at most 40 and 24 bytes fit the buffer, and CMSG_NXTHDR steps inside it because
    // msg_controllen still says CONTROL_BYTES; the payloads are written unaligned.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        if ipv6 {
            let ip = match local {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            let info =
                libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: ip.octets() }, ipi6_ifindex: 0 };
            used += put(message, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
        } else if let IpAddr::V4(ip) = local {
            let address = libc::in_addr { s_addr: u32::from(ip).to_be() };
            let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: address, ipi_addr: address };
            used += put(message, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
        }
        if let Some(segment) = segment.and_then(|bytes| u16::try_from(bytes).ok()) {
            message = libc::CMSG_NXTHDR(header, message);
            used += put(message, libc::SOL_UDP, libc::UDP_SEGMENT, segment);
        }
    }
    used
}

/// Fills in one control message; returns its space.
///
/// # Safety
/// `message` is inside a control buffer with room for a header and a `T`.
unsafe fn put<T>(message: *mut libc::cmsghdr, level: libc::c_int, kind: libc::c_int, value: T) -> usize {
    let len = u32::try_from(size_of::<T>()).unwrap_or(0);
    // SAFETY: the caller promises the room; CMSG_LEN and CMSG_SPACE only compute.
    unsafe {
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = libc::CMSG_LEN(len) as usize;
        libc::CMSG_DATA(message).cast::<T>().write_unaligned(value);
        libc::CMSG_SPACE(len) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use super::*;

    fn receive_one(port: &mut UdpPort) -> (SocketAddr, SocketAddr, Vec<u8>) {
        let mut got = None;
        for _ in 0..200 {
            let _ = port.receive(|d| got = Some((d.local, d.remote, d.bytes.to_vec())));
            if got.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        got.unwrap()
    }

    #[test]
    fn an_answer_leaves_from_the_address_that_was_asked() {
        for ipv6 in [false, true] {
            let mut port = UdpPort::bind(0, ipv6).unwrap();
            for asked in ["127.0.0.1", "127.0.0.2"] {
                let client = UdpSocket::bind("127.0.0.1:0").unwrap();
                client.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
                client.send_to(b"hello", (asked, port.port())).unwrap();
                let (local, remote, bytes) = receive_one(&mut port);
                assert_eq!((local.ip().to_string().as_str(), bytes.as_slice()), (asked, b"hello".as_slice()));
                assert_eq!(remote, client.local_addr().unwrap());
                assert_eq!(port.send(&[SendRun { local, remote, bytes: b"answer", segment: 6 }]).unwrap(), 1);
                let mut buffer = [0; 64];
                let (len, from) = client.recv_from(&mut buffer).unwrap();
                assert_eq!((&buffer[..len], from), (b"answer".as_slice(), local));
            }
        }
    }

    #[test]
    fn a_run_arrives_as_its_segments() {
        let mut port = UdpPort::bind(0, true).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        client.send_to(b"x", ("127.0.0.1", port.port())).unwrap();
        let (local, remote, _) = receive_one(&mut port);
        let run = SendRun { local, remote, bytes: b"aaaabbbbcc", segment: 4 };
        assert_eq!(port.send(&[run, run]).unwrap(), 2);
        let mut buffer = [0; 64];
        let mut got = Vec::new();
        for _ in 0..6 {
            let len = client.recv(&mut buffer).unwrap();
            got.push(buffer[..len].to_vec());
        }
        assert_eq!(got, [b"aaaa", b"bbbb", b"cc".as_slice(), b"aaaa", b"bbbb", b"cc"]);
    }
}
