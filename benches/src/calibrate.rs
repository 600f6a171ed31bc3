//! What the kernel alone takes for a datagram on this machine now: the figures beside it must be read against it.

use std::io;
use std::net::UdpSocket;
use std::time::Duration;

use crate::cpu_clock::thread_cpu_time;
use crate::datagrams::{BATCH, SendRun, UdpPort};
use crate::sink::Sink;

/// Nanoseconds of processor time for each datagram of 1,220 bytes.
pub(crate) struct Calibration {
    /// One call, one datagram.
    pub(crate) sendto: f64,
    /// `sendmmsg` of full batches, each message a run of so many.
    pub(crate) runs: [(usize, f64); RUNS.len()],
}

/// Datagrams in a run.
const RUNS: [usize; 4] = [1, 3, 7, 16];
const BYTES: usize = 1_220;
const LENGTH: Duration = Duration::from_millis(300);

impl Calibration {
    /// Sends to `sink` for about 1.5 s.
    pub(crate) fn measure(sink: &Sink) -> io::Result<Self> {
        let socket = UdpSocket::bind((sink.local().ip(), 0))?;
        let bytes = vec![7; BYTES * RUNS[RUNS.len() - 1]];
        let sendto = cost(|| {
            for place in 0..BATCH {
                socket.send_to(&bytes[..BYTES], sink.address(place))?;
            }
            Ok(BATCH)
        })?;
        let port = UdpPort::bind(0, false)?;
        let mut runs = RUNS.map(|count| (count, 0.0));
        for (count, nanos) in &mut runs {
            let run = |place| {
                let bytes = &bytes[..BYTES * *count];
                SendRun { local: sink.local(), remote: sink.address(place), bytes, segment: BYTES }
            };
            let batch: Vec<_> = (0..BATCH).map(run).collect();
            *nanos = cost(|| Ok(port.send(&batch)? * *count))?;
        }
        Ok(Self { sendto, runs })
    }
}

/// Repeats `send`, which returns how many datagrams left, and returns nanoseconds for each.
fn cost(mut send: impl FnMut() -> io::Result<usize>) -> io::Result<f64> {
    let (start, mut sent) = (thread_cpu_time(), 0);
    while thread_cpu_time() - start < LENGTH {
        sent += send()?;
    }
    Ok((thread_cpu_time() - start).as_secs_f64() * 1e9 / sent as f64)
}
