//! ⑥ Pictures that wait for their slot.

use std::time::Instant;

use super::peer::TransportKey;
use super::timers::Timer;
use super::{Destination, Shard};
use crate::forward::{Leg, SLOT};

impl Shard {
    /// A slot of a subscriber's pacer: sends what may leave now.
    pub(super) fn on_pacing_timeout(&mut self, key: TransportKey, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let (Some(path), Some(subscribing)) = (peer.transport.media_path(), peer.role.subscribing()) else {
            return;
        };
        let Some(seal) = peer.transport.srtp() else { return };
        let mut is_held = false;
        let mut starved = Vec::new();
        for &(downlink_key, _) in subscribing.by_publication.values() {
            let Some(downlink) = self.downlinks.get_mut(downlink_key) else { continue };
            let Some(forwarding) = downlink.forwarding.as_mut().filter(|f| f.is_held()) else { continue };
            let Some(media) = self.media.get(downlink.media) else { continue };
            let congestion = Some(&mut subscribing.outbound.congestion);
            let mut leg = Leg { to: Destination::Path(path), seal, congestion };
            let counters = &mut self.stats.media.forward;
            forwarding.forward_held(now, &media.reception, &mut leg, &mut self.arena, counters);
            is_held |= forwarding.is_held();
            starved.extend(forwarding.take_starved().map(|encoding| (downlink.media, encoding)));
        }
        if is_held {
            self.timers.schedule(Timer::Pacing(key), Some(now + SLOT));
        }
        for (media, encoding) in starved {
            self.allocate_soon(key, now);
            self.request_keyframe(media, encoding, now);
        }
    }
}
