//! What a test sees of the world: its people, their paths, and the server's figures.

use std::time::Duration;

use netem::LinkStats;
use sfu_core::room::ConnectionId;
use sfu_core::shard::{Shard, ShardStats};

use super::{ClientId, World};
use crate::checks::Violation;
use crate::client::ClientState;
use crate::picture::PictureStats;
use crate::sound::SoundStats;
use crate::subscriber::Sink;

impl World {
    /// Whether a client got a message of this text.
    #[must_use]
    pub fn has_heard(&self, client: ClientId, text: &str) -> bool {
        let messages = &self.clients[client.0].receiving().messages;
        messages.iter().any(|message| message.windows(text.len()).any(|part| part == text.as_bytes()))
    }

    /// A client was told that another speaks.
    #[must_use]
    pub fn hears_speak(&self, client: ClientId, other: ClientId) -> bool {
        let sid = self.clients[other.0].sid.as_ref();
        sid.is_some_and(|sid| self.clients[client.0].loud.contains(sid))
    }

    /// True for a client that publishes a picture.
    #[must_use]
    pub fn has_camera(&self, client: ClientId) -> bool {
        self.clients[client.0].own[1].is_some()
    }

    /// The id of a client's picture, once it is published.
    #[must_use]
    pub fn picture_sid(&self, client: ClientId) -> Option<String> {
        self.clients[client.0].own[1].clone()
    }

    /// What a client saw of another's camera.
    #[must_use]
    pub fn picture(&self, client: ClientId, of: ClientId) -> Option<&PictureStats> {
        let sid = self.clients[of.0].own[1].as_ref()?;
        let tracks = &self.clients[client.0].subscriber.tracks;
        tracks.iter().rev().find(|track| track.sid == *sid).and_then(|track| match &track.sink {
            Sink::Picture(picture) => Some(picture.stats()),
            Sink::Sound(_) => None,
        })
    }

    /// What a client heard of another.
    #[must_use]
    pub fn sound(&self, client: ClientId, of: ClientId) -> Option<SoundStats> {
        let sid = self.clients[of.0].own[0].as_ref()?;
        let tracks = &self.clients[client.0].subscriber.tracks;
        tracks.iter().rev().find(|track| track.sid == *sid).and_then(|track| match &track.sink {
            Sink::Sound(sound) => Some(sound.stats()),
            Sink::Picture(_) => None,
        })
    }

    /// How far apart a client shows the picture of another and plays its sound, by their sender reports.
    #[must_use]
    pub fn lip_error(&self, client: ClientId, of: ClientId) -> Option<Duration> {
        let tracks = &self.clients[client.0].subscriber.tracks;
        let error = |own: &Option<String>| {
            let sid = own.as_ref()?;
            tracks.iter().rev().find(|track| track.sid == *sid)?.clock_error_us
        };
        let [sound, picture] = &self.clients[of.0].own;
        Some(Duration::from_micros(error(sound)?.abs_diff(error(picture)?)))
    }

    /// Encodings of its camera that a client was told to send: low, medium, high.
    #[must_use]
    pub fn wanted_layers(&self, client: ClientId) -> [bool; 3] {
        self.clients[client.0].publisher.wanted
    }

    /// How a client's session stands.
    #[must_use]
    pub fn state(&self, client: ClientId) -> ClientState {
        self.clients[client.0].state
    }

    /// True when both peer connections that the client needs are up.
    #[must_use]
    pub fn is_connected(&self, client: ClientId) -> bool {
        let client = &self.clients[client.0];
        let publishes = client.config.camera.is_some() || client.config.has_microphone;
        client.receiving().connected && (!publishes || client.publisher.leg.connected)
    }

    /// A handshake of the client failed, as a flipped bit in it can make it: a browser would join again.
    #[must_use]
    pub fn has_failed(&self, client: ClientId) -> bool {
        let client = &self.clients[client.0];
        [&client.publisher.leg, client.receiving()].iter().any(|leg| leg.closed && !leg.connected)
    }

    /// The server says that it pauses another's camera for this client.
    #[must_use]
    pub fn is_paused(&self, client: ClientId, of: ClientId) -> bool {
        self.clients[of.0].own[1].as_ref().is_some_and(|sid| self.clients[client.0].paused.contains(sid))
    }

    /// The same, at any time since then.
    #[must_use]
    pub fn was_paused_since(&self, client: ClientId, of: ClientId, since: Duration) -> bool {
        let resumed =
            self.clients[of.0].own[1].as_ref().and_then(|sid| self.clients[client.0].resumed.get(sid));
        self.is_paused(client, of) || resumed.is_some_and(|&at| at >= self.began + since)
    }

    /// How often the server paused anything for this client.
    #[must_use]
    pub fn pauses(&self, client: ClientId) -> u32 {
        self.clients[client.0].pauses
    }

    /// Bits per second that the server believes the client's path carries.
    #[must_use]
    pub fn estimate(&self, client: ClientId) -> Option<u64> {
        let connection = ConnectionId(client.0 as u64);
        self.shards.iter().find_map(|shard| shard.estimate(connection)).map(|rate| rate.0)
    }

    /// Bits per second that a publisher believes its own path carries.
    #[must_use]
    pub fn own_estimate(&self, client: ClientId) -> u64 {
        self.clients[client.0].publisher.estimate().0
    }

    /// Bits per second that a publisher's encodings are set to.
    #[must_use]
    pub fn sending(&self, client: ClientId) -> u64 {
        let camera = self.clients[client.0].publisher.camera.as_ref();
        camera.map_or(0, |camera| (0..camera.layers()).map(|layer| camera.granted_bps(layer)).sum())
    }

    /// Times and encodings of the keyframe requests that a publisher got.
    #[must_use]
    pub fn keyframe_requests(&self, client: ClientId) -> Vec<(Duration, usize)> {
        let requests = &self.clients[client.0].publisher.keyframe_requests;
        requests.iter().map(|&(at, layer)| (at - self.began, layer)).collect()
    }

    /// Counts of the path to the client.
    #[must_use]
    pub fn down_stats(&self, client: ClientId) -> LinkStats {
        self.clients[client.0].down.stats()
    }

    /// How long a datagram to the client waits at its bottleneck.
    #[must_use]
    pub fn down_queue(&self, client: ClientId) -> Duration {
        self.clients[client.0].down.queue_delay()
    }

    /// Counts of the path from the client.
    #[must_use]
    pub fn up_stats(&self, client: ClientId) -> LinkStats {
        self.clients[client.0].up.stats()
    }

    /// How long a datagram of the client waits at its bottleneck.
    #[must_use]
    pub fn up_queue(&self, client: ClientId) -> Duration {
        self.clients[client.0].up.queue_delay()
    }

    /// How a viewer's picture of a speaker stands, for a failure's text.
    #[must_use]
    pub fn describe(&self, viewer: ClientId, speaker: ClientId) -> String {
        let last = self.picture(viewer, speaker).and_then(|picture| picture.shown.last().copied());
        let (to, from) = (&self.clients[viewer.0], &self.clients[speaker.0]);
        let legs = [&from.publisher.leg, to.receiving()].map(|leg| (leg.connected, leg.closed));
        format!(
            "last {last:?}, paused {}, connected and closed {legs:?}, states {:?} {:?}, estimates {} {:?}, sends {} of {:?}",
            self.is_paused(viewer, speaker),
            from.state,
            to.state,
            self.own_estimate(speaker),
            self.estimate(viewer),
            self.sending(speaker),
            from.config.camera,
        )
    }

    /// The figures of the shard on which the rooms live.
    #[must_use]
    pub fn stats(&self) -> ShardStats {
        self.stats_of(0)
    }

    /// The figures of every shard.
    #[must_use]
    pub fn all_stats(&self) -> Vec<ShardStats> {
        self.shards.iter().map(Shard::stats).collect()
    }

    /// No shard keeps anything of anybody.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.shards.iter().all(Shard::is_empty)
    }

    /// The figures of a shard.
    #[must_use]
    pub fn stats_of(&self, shard: usize) -> ShardStats {
        self.shards[shard].stats()
    }

    /// The invariants that did not hold.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let mut all = self.checks.violations.clone();
        for client in &self.clients {
            if client.subscriber.wrong_switches > 0 {
                let count = client.subscriber.wrong_switches;
                let what = format!("client {}: {count} switches without keyframe", client.number);
                all.push(Violation { at: self.now, what });
            }
            for track in &client.subscriber.tracks {
                if let Sink::Picture(picture) = &track.sink
                    && picture.stats().broken > 0
                {
                    let count = picture.stats().broken;
                    let what =
                        format!("client {}: {count} frames shown without what they need", client.number);
                    all.push(Violation { at: self.now, what });
                }
            }
        }
        if self.shards.iter().any(|shard| shard.stats().panics > 0) {
            all.push(Violation { at: self.now, what: "a transport panicked".to_owned() });
        }
        all
    }
}
