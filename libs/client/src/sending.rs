//! Tracks that are published together: their senders, and the task that feeds them.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::task::JoinHandle;
use webrtc::media_stream::track_local::TrackLocal as _;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::rtp_transceiver::RtpSender;

use crate::clip::Clip;
use crate::packets::{Ntp, TrackPackets};
use crate::participant::{ClientError, random_u32};
use crate::peer::Peer;

/// A track of a peer connection, its SSRC, and what it sends.
pub(crate) type Added = (Arc<TrackLocalStaticRTP>, Arc<dyn RtpSender>, u32, Clip);

/// One call of `publish`: it is fed until it is stopped or dropped.
pub(crate) struct Sending {
    senders: Vec<Arc<dyn RtpSender>>,
    task: JoinHandle<()>,
}

impl Sending {
    /// Begins to feed tracks whose answer is known.
    pub(crate) async fn start(peer: &Peer, tracks: Vec<Added>) -> Result<Self, ClientError> {
        let (mut packets, mut senders) = (Vec::new(), Vec::new());
        for (track, sender, ssrc, clip) in tracks {
            let payload_type = peer.payload_type(ssrc, clip.codec).await?;
            let random = random_u32();
            // RFC 3550 §5.1: random starts; the sequence stays low so that its first wrap is far.
            let first = (u16::try_from(random & 0x7fff).unwrap_or(0), random);
            packets.push((track, TrackPackets::new(clip, ssrc, payload_type, first)));
            senders.push(sender);
        }
        Ok(Self { senders, task: tokio::spawn(send(packets)) })
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
