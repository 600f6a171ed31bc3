//! Data channels: messages in, messages out.

use std::time::Instant;

use super::Shard;
use super::peer::TransportKey;
use super::relay::Report;
use crate::room::ParticipantKey;
use crate::sctp::{ChannelConfig, ChannelId, DataKind, Reliability};
use crate::transport::ChannelOpened;

/// LiveKit's labels.
const RELIABLE: &str = "_reliable";
const LOSSY: &str = "_lossy";

impl Shard {
    /// Asks for the channels on which a subscriber gets its messages.
    pub(super) fn open_channels(&mut self, key: TransportKey, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let reliability = Reliability::Reliable;
        peer.transport
            .open_channel(now, ChannelConfig { label: RELIABLE.to_owned(), ordered: true, reliability });
        let reliability = Reliability::MaxRetransmits(0);
        peer.transport
            .open_channel(now, ChannelConfig { label: LOSSY.to_owned(), ordered: false, reliability });
    }

    pub(super) fn on_channel_opened(&mut self, key: TransportKey, opened: &ChannelOpened) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        match opened.label.as_str() {
            RELIABLE => peer.channels.reliable = Some(opened.id),
            LOSSY => peer.channels.lossy = Some(opened.id),
            // Data tracks and whatever comes: nothing is forwarded on them.
            _ => {}
        }
    }

    pub(super) fn on_channel_closed(&mut self, key: TransportKey, id: ChannelId) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        for channel in [&mut peer.channels.reliable, &mut peer.channels.lossy] {
            if *channel == Some(id) {
                *channel = None;
            }
        }
    }

    pub(super) fn on_channel_message(
        &mut self,
        key: TransportKey,
        id: ChannelId,
        bytes: &[u8],
        now: Instant,
    ) {
        let Some(peer) = self.peers.get(key) else { return };
        let owner = peer.owner;
        let lossy = if peer.channels.reliable == Some(id) {
            false
        } else if peer.channels.lossy == Some(id) {
            true
        } else {
            return;
        };
        let [received, _, refused] = &mut self.stats.messages;
        *received += 1;
        let limit = self.config.limits.message_bytes_per_second;
        let Some(seat) = self.seats.get_mut(&owner) else { return };
        if !take_budget(&mut seat.message_budget, bytes.len(), limit, now) {
            *refused += 1;
            return;
        }
        match self.home_of(owner) {
            Some(home) => self.report_home(home, Report::Message { from: owner, lossy, bytes: bytes.into() }),
            None => self.on_message(owner, lossy, bytes, now),
        }
    }

    /// A participant said something to the room.
    pub(super) fn on_message(&mut self, from: ParticipantKey, lossy: bool, bytes: &[u8], now: Instant) {
        let at = self.now(now);
        let Some((room_key, room)) = self.room_of(from) else { return };
        if room.handle_message(from, lossy, bytes, at).is_err() {
            let [_, _, refused] = &mut self.stats.messages;
            *refused += 1;
        }
        self.apply_effects(room_key, now);
    }

    /// Sends one message to one participant; it is lost when the participant has no open channel.
    pub(super) fn deliver(&mut self, to: ParticipantKey, lossy: bool, bytes: &[u8], now: Instant) {
        let Some(seat) = self.seats.get(&to) else { return };
        // Downstream goes through the primary transport.
        let Some(key) = seat.subscriber.or(seat.publisher) else { return };
        let Some(peer) = self.peers.get_mut(key) else { return };
        let [_, sent, refused] = &mut self.stats.messages;
        let Some(channel) = peer.channels.pick(lossy) else {
            *refused += 1;
            return;
        };
        match peer.transport.send_data(now, channel, DataKind::Binary, bytes) {
            Ok(()) => *sent += 1,
            Err(_) => *refused += 1,
        }
        self.drain_transport(key, now);
    }
}

/// Takes `bytes` from a bucket of four seconds; reliable streams come in bursts.
fn take_budget(budget: &mut (f64, Instant), bytes: usize, per_second: usize, now: Instant) -> bool {
    let as_f64 = |count: usize| u32::try_from(count).map_or(f64::MAX, f64::from);
    let per_second = as_f64(per_second);
    let elapsed = now.saturating_duration_since(budget.1).as_secs_f64();
    // `budget.0` is what was used, so that a new bucket is full.
    let used = (budget.0 - elapsed * per_second).max(0.0);
    budget.1 = now;
    let after = used + as_f64(bytes);
    let fits = after <= 4.0 * per_second;
    budget.0 = if fits { after } else { used };
    fits
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "virtual time may begin anywhere")]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_sender_may_burst_and_then_gets_its_rate() {
        let start = Instant::now();
        let mut budget = (0.0, start);
        let burst = (0..100).filter(|_| take_budget(&mut budget, 100, 1000, start)).count();
        assert_eq!(burst, 40);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| take_budget(&mut budget, 100, 1000, later)).count(), 10);
    }
}
