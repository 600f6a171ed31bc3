//! Tracks that are published together: their senders, and the task that feeds them.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::task::JoinHandle;
use webrtc::media_stream::track_local::TrackLocal as _;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::rtp_transceiver::RtpSender;

use crate::packets::{Ntp, TrackPackets};

/// One call of `publish`: it is fed until it is stopped or dropped.
pub(crate) struct Sending {
    senders: Vec<Arc<dyn RtpSender>>,
    task: JoinHandle<()>,
}

impl Sending {
    pub(crate) fn start(
        senders: Vec<Arc<dyn RtpSender>>,
        tracks: Vec<(Arc<TrackLocalStaticRTP>, TrackPackets)>,
    ) -> Self {
        Self { senders, task: tokio::spawn(send(tracks)) }
    }

    /// Feeds no more; returns what is to be taken out of the peer connection.
    pub(crate) fn stop(mut self) -> Vec<Arc<dyn RtpSender>> {
        std::mem::take(&mut self.senders)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends the frames of all tracks when they are due, and each track's sender report every second.
async fn send(mut tracks: Vec<(Arc<TrackLocalStaticRTP>, TrackPackets)>) {
    let started = Instant::now();
    let start = Ntp::from_unix(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
    let mut next_report = Duration::ZERO;
    loop {
        let next_frame = tracks.iter().map(|(_, packets)| packets.next_at()).min().unwrap_or(Duration::MAX);
        let due = next_frame.min(next_report);
        if due == Duration::MAX {
            return;
        }
        tokio::time::sleep_until((started + due).into()).await;
        for (track, packets) in &mut tracks {
            while packets.next_at() <= due {
                for packet in packets.take() {
                    if let Err(error) = track.write_rtp(packet).await {
                        tracing::debug!(%error, "a packet was not sent");
                    }
                }
            }
        }
        if next_report <= due {
            for (track, packets) in &tracks {
                let report = packets.sender_report(start, due);
                if let Err(error) = track.write_rtcp(vec![Box::new(report)]).await {
                    tracing::debug!(%error, "a sender report was not sent");
                }
            }
            next_report += REPORT;
        }
    }
}

const REPORT: Duration = Duration::from_secs(1);
