//! Where datagrams go: to receivers on loopback that read and forget, so that the kernel's receive path is part
//! of the price; or to an address behind a device that drops them, so that only the sender's part is.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::datagrams::UdpPort;

/// Addresses that share the subscribers.
const ADDRESSES: usize = 8;

/// Takes what is sent.
pub(crate) struct Sink {
    addresses: Vec<SocketAddr>,
    local: IpAddr,
    reader: Option<Reader>,
}

/// A thread that reads [`ADDRESSES`] sockets.
struct Reader {
    stop: Arc<AtomicBool>,
    received: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Sink {
    /// Readers on loopback, or `device`: an address that is routed to a device that drops everything.
    pub(crate) fn start(device: Option<IpAddr>) -> io::Result<Self> {
        let Some(ip) = device else { return Self::loopback() };
        let addresses = (1..=ADDRESSES).map(|place| (ip, 9_000 + u16::try_from(place).unwrap_or(0)).into());
        let addresses: Vec<SocketAddr> = addresses.collect();
        let route = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        route.connect(addresses[0])?;
        Ok(Self { addresses, local: route.local_addr()?.ip(), reader: None })
    }

    fn loopback() -> io::Result<Self> {
        let mut ports = (0..ADDRESSES).map(|_| UdpPort::bind(0, false)).collect::<io::Result<Vec<_>>>()?;
        let addresses =
            ports.iter().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port.port()))).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let received = Arc::new(AtomicU64::new(0));
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&received));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let mut any = false;
                for port in &mut ports {
                    let got = port.receive(|_| ()).unwrap_or(0);
                    count.fetch_add(got as u64, Ordering::Relaxed);
                    any |= got > 0;
                }
                if !any {
                    std::thread::sleep(Duration::from_micros(100));
                }
            }
        });
        let reader = Some(Reader { stop, received, thread });
        Ok(Self { addresses, local: Ipv4Addr::LOCALHOST.into(), reader })
    }

    /// Where a subscriber receives.
    pub(crate) fn address(&self, subscriber: usize) -> SocketAddr {
        self.addresses[subscriber % ADDRESSES]
    }

    /// The address from which datagrams leave.
    pub(crate) fn local(&self) -> SocketAddr {
        SocketAddr::new(self.local, 0)
    }

    /// Waits for what is on its way, ends the thread, and says how many datagrams arrived; `None` behind a
    /// device, where nobody counts.
    pub(crate) fn stop(self) -> Option<u64> {
        let reader = self.reader?;
        std::thread::sleep(Duration::from_millis(50));
        reader.stop.store(true, Ordering::Relaxed);
        // A panic of the reader shows in the count.
        let _ = reader.thread.join();
        Some(reader.received.load(Ordering::Relaxed))
    }
}
