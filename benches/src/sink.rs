//! Receivers on loopback that read and forget, so that the kernel's receive path is part of the price.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::datagrams::UdpPort;

/// Sockets that share the subscribers.
const SOCKETS: usize = 8;

/// A thread that reads [`SOCKETS`] sockets.
pub(crate) struct Sink {
    addresses: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    received: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Sink {
    pub(crate) fn start() -> io::Result<Self> {
        let mut ports = (0..SOCKETS).map(|_| UdpPort::bind(0, false)).collect::<io::Result<Vec<_>>>()?;
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
        Ok(Self { addresses, stop, received, thread })
    }

    /// Where a subscriber receives.
    pub(crate) fn address(&self, subscriber: usize) -> SocketAddr {
        self.addresses[subscriber % SOCKETS]
    }

    /// Waits for what is on its way, ends the thread, and says how many datagrams arrived.
    pub(crate) fn stop(self) -> u64 {
        std::thread::sleep(Duration::from_millis(50));
        self.stop.store(true, Ordering::Relaxed);
        // A panic of the reader shows in the count.
        let _ = self.thread.join();
        self.received.load(Ordering::Relaxed)
    }
}
