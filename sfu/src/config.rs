//! What the SFU is started with; `dais` fills it from flags and environment.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use auth::room::ApiKeys;
use sfu_core::room::limits::RoomLimits;
use sfu_core::sdp::SdpLimits;
use sfu_core::transport::DEFAULT_MAX_SSRCS;

use crate::turn::TurnConfig;

/// Settings of an SFU.
#[derive(Debug, Clone)]
pub struct Config {
    /// UDP and TCP port of the first shard; shard `i` uses `media_port + i`. 0: any free port for each.
    pub media_port: u16,
    /// Addresses that clients are told; at least one.
    pub media_ips: Vec<IpAddr>,
    /// Shard threads; at least one.
    pub shards: usize,
    /// Each shard's thread stays on a core of its own, as far as there are as many.
    pub pin_shards: bool,
    /// Room tokens are checked and refreshed with these.
    pub api_keys: ApiKeys,
    /// Where mixers connect; `None`: nowhere.
    pub link: Option<LinkConfig>,
    /// STUN URLs of others that clients are told; usually none, because the media port is reachable by itself.
    pub ice_urls: Vec<String>,
    /// Relays for clients that cannot reach the media port; `None`: there are none.
    pub turn: Option<TurnConfig>,
    /// Who is told what happens in rooms; `None`: nobody.
    pub webhooks: Option<WebhookConfig>,
    /// Those who may not publish do not see each other: a hall of thousands costs each of them nothing.
    pub hide_audience: bool,
    /// Bounds.
    pub limits: Limits,
}

/// Who is told what happens in rooms.
#[derive(Debug, Clone)]
pub struct WebhookConfig {
    /// `http://` or `https://` addresses of the receivers.
    pub urls: Vec<String>,
    /// The first of them signs.
    pub keys: ApiKeys,
    /// File that holds what is not delivered yet; its folder exists.
    pub journal: PathBuf,
    /// Receivers may be at private addresses.
    pub private_addresses: bool,
    /// Bounds.
    pub limits: WebhookLimits,
}

/// Bounds of webhooks; every one is finite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookLimits {
    /// Webhooks that wait, counted once for each receiver. The newest is lost beyond it.
    pub events: usize,
    /// Bytes of their bodies together.
    pub bytes: usize,
    /// After so long a webhook is given up.
    pub retention: Duration,
    /// Until a receiver has answered.
    pub timeout: Duration,
    /// Attempts at one receiver at the same time.
    pub in_flight_per_receiver: usize,
}

impl Default for WebhookLimits {
    fn default() -> Self {
        Self {
            events: 100_000,
            bytes: 256 << 20,
            retention: Duration::from_secs(3 * 24 * 3600),
            timeout: Duration::from_secs(5),
            in_flight_per_receiver: 8,
        }
    }
}

/// Where mixers connect.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// QUIC address; port 0: any free one, see [`crate::Service::link_addr`].
    pub addr: SocketAddr,
    /// The SFU's certificate, and the authority that signed the mixers'.
    pub identity: auth::link::LinkIdentity,
}

/// Bounds of one process; every one is finite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Of each room.
    pub room: RoomLimits,
    /// Of each session description, beside the size of the message that brings it.
    pub sdp: SdpLimits,
    /// SSRCs that a peer connection sends under at a time.
    pub ssrcs: usize,
    /// Rooms of all shards together; each shard takes its share.
    pub rooms: usize,
    /// Participants of one room on one shard before others of it sit on another.
    pub room_participants_per_shard: usize,
    /// Bytes of one signal message, with the SDP inside.
    pub signal_message_bytes: usize,
    /// Signal messages per second of one connection in the long run…
    pub signal_messages_per_second: u32,
    /// …and at once.
    pub signal_burst: u32,
    /// A connection that is over its rate for so long is closed; before that its reading is delayed.
    pub signal_excess: Duration,
    /// Signal connections of all shards together.
    pub signal_connections: usize,
    /// Bytes of a server API body.
    pub api_body_bytes: usize,
    /// ICE-TCP connections of one shard.
    pub tcp_connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            room: RoomLimits::default(),
            sdp: SdpLimits::default(),
            ssrcs: DEFAULT_MAX_SSRCS,
            rooms: 1000,
            room_participants_per_shard: sfu_core::shard::ROOM_PARTICIPANTS_PER_SHARD,
            signal_message_bytes: 2 << 20,
            signal_messages_per_second: 50,
            signal_burst: 100,
            signal_excess: Duration::from_secs(10),
            signal_connections: 20_000,
            api_body_bytes: 1 << 20,
            tcp_connections: 2000,
        }
    }
}

/// Why settings are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Clients would have no address to send to.
    #[error("no media address is configured")]
    NoMediaAddress,
    /// Nothing would serve rooms.
    #[error("at least one shard is needed")]
    NoShard,
    /// A receiver of webhooks cannot be called.
    #[error("the webhook receiver {0:?} is no http:// or https:// URL")]
    WebhookUrl(String),
    /// Clients could not read the URLs of the relays.
    #[error("the TURN host {0:?} is neither a name nor an address (IPv6 in brackets)")]
    TurnHost(String),
    /// The last shard's port would not exist.
    #[error("{shards} shards do not fit above media port {media_port}")]
    PortRange {
        /// First port.
        media_port: u16,
        /// Shards.
        shards: usize,
    },
}

impl Config {
    /// Refuses settings that cannot work, before any socket opens.
    ///
    /// # Errors
    /// Names the setting.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.media_ips.is_empty() {
            return Err(ConfigError::NoMediaAddress);
        }
        if self.shards == 0 {
            return Err(ConfigError::NoShard);
        }
        for url in self.webhooks.iter().flat_map(|webhooks| &webhooks.urls) {
            let parsed = reqwest::Url::parse(url);
            if !parsed.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
                return Err(ConfigError::WebhookUrl(url.clone()));
            }
        }
        let told = |turn: &TurnConfig| [turn.host.clone(), turn.tls.as_ref().map(|tls| tls.host.clone())];
        for host in self.turn.iter().flat_map(told).flatten() {
            if !is_host(&host) {
                return Err(ConfigError::TurnHost(host));
            }
        }
        let last = usize::from(self.media_port) + self.shards - 1;
        if self.media_port != 0 && last > usize::from(u16::MAX) {
            return Err(ConfigError::PortRange { media_port: self.media_port, shards: self.shards });
        }
        Ok(())
    }
}

/// A `host` of RFC 3986 §3.2.2 as RFC 7065 uses it: a name, IPv4, or IPv6 in brackets.
fn is_host(text: &str) -> bool {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relays_host_is_a_name_or_an_address() {
        for host in ["turn.example", "192.0.2.1", "[2001:db8::1]"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", "2001:db8::1", "turn.example:3478", "turn:turn.example", "a b", "[x]", "<>"] {
            assert!(!is_host(host), "{host}");
        }
    }
}
