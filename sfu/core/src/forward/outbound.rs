//! ⑧ One subscriber's transport as a whole: transport-wide numbers, the estimator, and whose RTCP is whose.

use std::time::{Duration, Instant};

use super::pacer::Pacer;
use crate::bwe::{Bwe, BweConfig, Estimate, SendKind};
use crate::rtcp::{self, Nack, ReportBlock, RtcpPacket, SenderReport};
use crate::rtp::{SeqNo, Ssrc};
use crate::stats::ForwardCounters;

/// Numbers and estimate that all packets of one transport share.
#[derive(Debug)]
pub struct Congestion {
    next_seq: SeqNo,
    bwe: Bwe,
    budget: RtxBudget,
    pacer: Pacer,
}

impl Congestion {
    /// `first_seq` is the first transport-wide number.
    #[must_use]
    pub fn new(config: BweConfig, first_seq: SeqNo) -> Self {
        Self {
            next_seq: first_seq,
            bwe: Bwe::new(config),
            budget: RtxBudget::default(),
            pacer: Pacer::default(),
        }
    }

    /// The estimator.
    #[must_use]
    pub const fn bwe(&self) -> &Bwe {
        &self.bwe
    }

    /// The estimator, for [`Bwe::set_desired`].
    pub const fn bwe_mut(&mut self) -> &mut Bwe {
        &mut self.bwe
    }

    /// The estimate, and the probe to send; see [`Bwe::poll`].
    pub fn poll(&mut self, now: Instant) -> Estimate {
        self.bwe.poll(now)
    }

    /// When [`Self::poll`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.bwe.poll_timeout()
    }

    /// The number that the next packet carries.
    pub(super) const fn next_seq(&self) -> SeqNo {
        self.next_seq
    }

    /// A packet left under [`Self::next_seq`]. `numbered`: it carried the number, so feedback will come.
    pub(super) fn on_send(&mut self, now: Instant, bytes: usize, kind: SendKind, numbered: bool) {
        // A probe exceeds the estimate on purpose.
        if kind != SendKind::Probe {
            self.pacer.on_send(bytes);
        }
        if numbered {
            self.bwe.on_send(now, self.next_seq, bytes, kind);
            self.next_seq = self.next_seq.next();
        }
    }

    /// True when a packet of a picture may leave now; otherwise it waits for the next slot.
    pub(super) fn may_send(&mut self, now: Instant) -> bool {
        let estimate = self.bwe.bitrate();
        // A guess is no reason to let somebody who joins wait.
        self.pacer.may_send(now, estimate) || !self.bwe.is_proved()
    }

    /// True when the path itself loses much, whatever is sent.
    pub(super) fn is_lossy(&self) -> bool {
        self.bwe.inherent_loss() > LOSSY
    }

    /// True when answers to NACKs get lost, too, and no queue is made longer by sending them twice.
    pub(super) fn answers_twice(&self, now: Instant) -> bool {
        self.bwe.inherent_loss() > LOSES_ANSWERS && self.bwe.is_calm(now, NO_QUEUE)
    }

    /// True when a retransmission of `bytes` may be sent; it is then paid for.
    pub(super) fn may_retransmit(&mut self, now: Instant, bytes: usize) -> bool {
        let rate = self.bwe.bitrate().scaled(RTX_SHARE).bytes_in(Duration::from_secs(1));
        self.budget.take(now, bytes, rate)
    }
}

/// A path that loses more than this share of what is sent loses answers to NACKs, too.
const LOSSY: f64 = 0.08;
/// From this share on an answer is sent twice. Whoever has to ask once more sees the picture stand still, as its jitter
/// buffer grows by a round trip only after it was needed. It costs as much as was lost.
const LOSES_ANSWERS: f64 = 0.003;
/// A queue that filled within this time may fill again, and then lose packets itself.
const NO_QUEUE: Duration = Duration::from_secs(5);
/// Retransmissions take at most this share of the estimate. At 20 % of loss each packet is sent 1.25 times, and
/// some answers twice; libwebrtc's `RateLimiter` lets them have all of it.
const RTX_SHARE: f64 = 0.5;
/// Budget that may be saved up: a burst loss of a few packets is always repaired.
const SAVED_SECONDS: f64 = 1.0;
/// Available even on the slowest path.
const MIN_SAVED_BYTES: f64 = 12_000.0;

/// A token bucket in bytes.
#[derive(Debug, Default)]
struct RtxBudget {
    bytes: f64,
    filled_at: Option<Instant>,
}

impl RtxBudget {
    #[expect(clippy::cast_precision_loss, reason = "bytes of a second are far below 2^53")]
    fn take(&mut self, now: Instant, bytes: usize, per_second: usize) -> bool {
        let per_second = per_second as f64;
        let most = (per_second * SAVED_SECONDS).max(MIN_SAVED_BYTES);
        match self.filled_at {
            None => self.bytes = most,
            Some(at) => {
                let seconds = now.saturating_duration_since(at).as_secs_f64();
                self.bytes = (self.bytes + per_second * seconds).min(most);
            }
        }
        self.filled_at = Some(now);
        let price = bytes as f64;
        if self.bytes < price {
            return false;
        }
        self.bytes -= price;
        true
    }
}

/// What a subscriber's RTCP asks of one subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard<'a, K> {
    /// These packets are missing: [`super::Forwarding::retransmit`].
    Nack {
        /// The subscription.
        key: K,
        /// The numbers.
        nack: Nack<'a>,
    },
    /// It cannot decode without a keyframe: [`super::Forwarding::handle_keyframe_request`].
    KeyframeRequest {
        /// The subscription.
        key: K,
    },
    /// Its path was gone and is back: [`super::Forwarding::start_anew`].
    Returned {
        /// The subscription.
        key: K,
    },
    /// It received this: [`super::Forwarding::handle_report`].
    Report {
        /// The subscription.
        key: K,
        /// The report.
        block: ReportBlock,
    },
}

/// A subscriber's transport. `K` is the caller's name for a subscription.
#[derive(Debug)]
pub struct Outbound<K> {
    /// Transport-wide numbers and estimate.
    pub congestion: Congestion,
    routes: Vec<Route<K>>,
}

/// The streams of one subscription.
#[derive(Debug)]
struct Route<K> {
    media: Ssrc,
    rtx: Option<Ssrc>,
    key: K,
}

impl<K: Copy + PartialEq> Outbound<K> {
    /// No subscriptions yet.
    #[must_use]
    pub fn new(congestion: Congestion) -> Self {
        Self { congestion, routes: Vec::new() }
    }

    /// RTCP about the media's SSRC concerns this subscription, and reports about its retransmissions do.
    pub fn attach(&mut self, media: Ssrc, rtx: Option<Ssrc>, key: K) {
        self.routes.push(Route { media, rtx, key });
    }

    /// The subscription ended.
    pub fn detach(&mut self, key: K) {
        self.routes.retain(|route| route.key != key);
    }

    /// Takes a decrypted compound packet: feeds the estimator, and calls `heard` for what concerns a
    /// subscription.
    pub fn handle_rtcp(
        &mut self,
        now: Instant,
        compound: &[u8],
        counters: &mut ForwardCounters,
        mut heard: impl FnMut(Heard<'_, K>, &mut Congestion),
    ) {
        let routes = &self.routes;
        let congestion = &mut self.congestion;
        let route = |media: Ssrc| routes.iter().find(|route| route.media == media).map(|route| route.key);
        for packet in rtcp::packets(compound) {
            match packet {
                Ok(RtcpPacket::Nack(nack)) => {
                    let Some(key) = route(nack.media) else { continue };
                    heard(Heard::Nack { key, nack }, congestion);
                }
                Ok(RtcpPacket::Pli(media)) => {
                    let Some(key) = route(media) else { continue };
                    heard(Heard::KeyframeRequest { key }, congestion);
                }
                Ok(RtcpPacket::Fir(targets)) => {
                    for key in targets.iter().filter_map(route) {
                        heard(Heard::KeyframeRequest { key }, congestion);
                    }
                }
                // A peer that sends, too, may put its blocks into its own report (RFC 3550 §6.4).
                Ok(
                    RtcpPacket::ReceiverReport(blocks)
                    | RtcpPacket::SenderReport(SenderReport { blocks, .. }),
                ) => {
                    for block in blocks.iter() {
                        let names =
                            |route: &&Route<K>| route.media == block.ssrc || route.rtx == Some(block.ssrc);
                        let Some(&Route { key, .. }) = routes.iter().find(names) else { continue };
                        heard(Heard::Report { key, block }, congestion);
                    }
                }
                Ok(RtcpPacket::TransportFeedback(feedback)) => {
                    counters.feedbacks += 1;
                    if congestion.bwe.on_feedback(now, &feedback) {
                        for &Route { key, .. } in routes {
                            heard(Heard::Returned { key }, congestion);
                        }
                    }
                }
                Ok(RtcpPacket::Bye(_) | RtcpPacket::Other) => {}
                Err(_) => counters.malformed_rtcp += 1,
            }
        }
    }
}
