//! Flags and environment of every limit that people may want to move; `docs/limits.md` explains each.
//!
//! Decides names, units and defaults. No limit can be switched off: each has a least value, and the defaults
//! are the services' own.

use std::net::IpAddr;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use sfu::{RoomLimits, SdpLimits};

/// Limits of the HTTP server.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits of HTTP")]
pub(crate) struct HttpLimits {
    /// Open HTTP connections in all.
    #[arg(long, env = "DAIS_HTTP_CONNECTIONS", default_value_t = 20_000, value_parser = least(1))]
    http_connections: usize,

    /// Open HTTP connections of one address; loopback and trusted proxies excepted.
    #[arg(long, env = "DAIS_HTTP_CONNECTIONS_PER_ADDRESS", default_value_t = 1_000, value_parser = least(1))]
    http_connections_per_address: usize,

    /// Addresses of reverse proxies, comma-separated. Default: none.
    #[arg(long, env = "DAIS_HTTP_TRUSTED_PROXIES", value_delimiter = ',')]
    http_trusted_proxies: Vec<IpAddr>,

    /// Until the first byte, until the TLS handshake is done, and until the headers are whole: each.
    #[arg(long, env = "DAIS_HTTP_HEADER_TIMEOUT_SECONDS", default_value_t = 5, value_parser = seconds())]
    http_header_timeout_seconds: u64,
}

impl HttpLimits {
    /// As the listener takes them.
    pub(crate) fn limits(&self) -> serve::Limits {
        serve::Limits {
            connections: self.http_connections,
            connections_per_ip: self.http_connections_per_address,
            trusted_proxies: self.http_trusted_proxies.clone(),
            header_timeout: Duration::from_secs(self.http_header_timeout_seconds),
            ..serve::Limits::default()
        }
    }
}

/// Limits of the SFU.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits of rooms")]
pub(crate) struct SfuLimits {
    /// Open rooms.
    #[arg(long, env = "DAIS_SFU_ROOMS", default_value_t = 1_000, value_parser = least(1))]
    sfu_rooms: usize,

    /// Participants of one room that publish.
    #[arg(long, env = "DAIS_SFU_ROOM_PUBLISHERS", default_value_t = 100, value_parser = least(1))]
    sfu_room_publishers: usize,

    /// Participants of one room on one thread before others of it publish and receive on another thread.
    #[arg(long, env = "DAIS_SFU_ROOM_PARTICIPANTS_PER_SHARD", default_value_t = sfu::ROOM_PARTICIPANTS_PER_SHARD, value_parser = least(1))]
    sfu_room_participants_per_shard: usize,

    /// Until a room that nobody entered closes, unless its maker says otherwise.
    #[arg(long, env = "DAIS_SFU_ROOM_EMPTY_SECONDS", default_value_t = 300, value_parser = seconds())]
    sfu_room_empty_seconds: u64,

    /// Until a room that everybody left closes, unless its maker says otherwise.
    #[arg(long, env = "DAIS_SFU_ROOM_DEPARTURE_SECONDS", default_value_t = 20, value_parser = seconds())]
    sfu_room_departure_seconds: u64,

    /// Tracks that one participant publishes.
    #[arg(long, env = "DAIS_SFU_PARTICIPANT_TRACKS", default_value_t = 8, value_parser = least(1))]
    sfu_participant_tracks: usize,

    /// SSRCs that one peer connection sends under at a time.
    #[arg(long, env = "DAIS_SFU_PARTICIPANT_SSRCS", default_value_t = 64, value_parser = between(1, 1024))]
    sfu_participant_ssrcs: usize,

    /// Tracks that one participant receives.
    #[arg(long, env = "DAIS_SFU_PARTICIPANT_SUBSCRIPTIONS", default_value_t = 1_000, value_parser = least(1))]
    sfu_participant_subscriptions: usize,

    /// Until a participant without media path is collected.
    #[arg(long, env = "DAIS_SFU_PARTICIPANT_JOIN_SECONDS", default_value_t = 30, value_parser = seconds())]
    sfu_participant_join_seconds: u64,

    /// Until a participant is collected whose signal connection fell silent and whose media path is gone.
    #[arg(long, env = "DAIS_SFU_PARTICIPANT_RESUME_SECONDS", default_value_t = 30, value_parser = seconds())]
    sfu_participant_resume_seconds: u64,

    /// Bytes of the metadata of a room or participant, and of all attributes together.
    #[arg(long, env = "DAIS_SFU_METADATA_BYTES", default_value_t = 16 << 10, value_parser = least(1))]
    sfu_metadata_bytes: usize,

    /// Characters of an identity, and of the name of a room, participant or track.
    #[arg(long, env = "DAIS_SFU_NAME_CHARS", default_value_t = 128, value_parser = least(1))]
    sfu_name_chars: usize,

    /// Tracks, participants and rules that one request names.
    #[arg(long, env = "DAIS_SFU_REQUEST_NAMES", default_value_t = 10_000, value_parser = least(1))]
    sfu_request_names: usize,

    /// Bytes of one message on a data channel; SCTP takes no more than 64 KiB.
    #[arg(long, env = "DAIS_SFU_DATA_MESSAGE_BYTES", default_value_t = 64 << 10, value_parser = between(1, 64 << 10))]
    sfu_data_message_bytes: usize,

    /// Bytes of messages that one participant sends on data channels in a second; four times as many at once.
    #[arg(long, env = "DAIS_SFU_DATA_BYTES_PER_SECOND", default_value_t = 1 << 20, value_parser = least(1))]
    sfu_data_bytes_per_second: usize,

    /// Signal connections.
    #[arg(long, env = "DAIS_SFU_SIGNAL_CONNECTIONS", default_value_t = 20_000, value_parser = least(1))]
    sfu_signal_connections: usize,

    /// Bytes of one signal message, and of a WHIP or WHEP offer.
    #[arg(long, env = "DAIS_SFU_SIGNAL_MESSAGE_BYTES", default_value_t = 2 << 20, value_parser = least(1))]
    sfu_signal_message_bytes: usize,

    /// Signal messages of one connection in a second, in the long run.
    #[arg(long, env = "DAIS_SFU_SIGNAL_MESSAGES_PER_SECOND", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    sfu_signal_messages_per_second: u32,

    /// Signal messages of one connection at once.
    #[arg(long, env = "DAIS_SFU_SIGNAL_BURST_MESSAGES", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    sfu_signal_burst_messages: u32,

    /// Until a signal connection that stays above its rate is closed; before, its reading is delayed.
    #[arg(long, env = "DAIS_SFU_SIGNAL_EXCESS_SECONDS", default_value_t = 10, value_parser = seconds())]
    sfu_signal_excess_seconds: u64,

    /// Bytes of one session description.
    #[arg(long, env = "DAIS_SFU_SDP_BYTES", default_value_t = 2 << 20, value_parser = least(1))]
    sfu_sdp_bytes: usize,

    /// Lines of one session description.
    #[arg(long, env = "DAIS_SFU_SDP_LINES", default_value_t = 50_000, value_parser = least(1))]
    sfu_sdp_lines: usize,

    /// Media sections of one session description.
    #[arg(long, env = "DAIS_SFU_SDP_SECTIONS", default_value_t = 1_000, value_parser = least(1))]
    sfu_sdp_sections: usize,

    /// Bytes of the body of a call of the server APIs.
    #[arg(long, env = "DAIS_SFU_API_BODY_BYTES", default_value_t = 1 << 20, value_parser = least(1))]
    sfu_api_body_bytes: usize,

    /// Open ICE-TCP connections of one shard.
    #[arg(long, env = "DAIS_SFU_TCP_CONNECTIONS", default_value_t = 2_000, value_parser = least(1))]
    sfu_tcp_connections: usize,
}

impl SfuLimits {
    /// As the SFU takes them.
    pub(crate) fn limits(&self) -> sfu::Limits {
        sfu::Limits {
            room: self.room(),
            sdp: SdpLimits {
                bytes: self.sfu_sdp_bytes,
                lines: self.sfu_sdp_lines,
                sections: self.sfu_sdp_sections,
            },
            ssrcs: self.sfu_participant_ssrcs,
            rooms: self.sfu_rooms,
            room_participants_per_shard: self.sfu_room_participants_per_shard,
            signal_message_bytes: self.sfu_signal_message_bytes,
            signal_messages_per_second: self.sfu_signal_messages_per_second,
            signal_burst: self.sfu_signal_burst_messages,
            signal_excess: Duration::from_secs(self.sfu_signal_excess_seconds),
            signal_connections: self.sfu_signal_connections,
            api_body_bytes: self.sfu_api_body_bytes,
            tcp_connections: self.sfu_tcp_connections,
        }
    }

    fn room(&self) -> RoomLimits {
        RoomLimits {
            tracks_per_participant: self.sfu_participant_tracks,
            publishers: self.sfu_room_publishers,
            subscriptions_per_participant: self.sfu_participant_subscriptions,
            metadata_bytes: self.sfu_metadata_bytes,
            name_chars: self.sfu_name_chars,
            names_per_request: self.sfu_request_names,
            message_bytes: self.sfu_data_message_bytes,
            message_bytes_per_second: self.sfu_data_bytes_per_second,
            empty_timeout: Duration::from_secs(self.sfu_room_empty_seconds),
            departure_timeout: Duration::from_secs(self.sfu_room_departure_seconds),
            join_timeout: Duration::from_secs(self.sfu_participant_join_seconds),
            resume_window: Duration::from_secs(self.sfu_participant_resume_seconds),
        }
    }
}

/// Limits of the TURN server.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits of TURN")]
pub(crate) struct TurnLimits {
    /// TURN allocations in all; each is a UDP port.
    #[arg(long, env = "DAIS_SFU_TURN_ALLOCATIONS", default_value_t = 2_000, value_parser = least(1))]
    sfu_turn_allocations: usize,

    /// TURN allocations of one participant.
    #[arg(long, env = "DAIS_SFU_TURN_ALLOCATIONS_PER_USER", default_value_t = 24, value_parser = least(1))]
    sfu_turn_allocations_per_user: usize,

    /// TURN allocations of one client address (IPv6: of one /64).
    #[arg(long, env = "DAIS_SFU_TURN_ALLOCATIONS_PER_ADDRESS", default_value_t = 600, value_parser = least(1))]
    sfu_turn_allocations_per_address: usize,

    /// Bytes that one allocation carries in a second, both ways together.
    #[arg(long, env = "DAIS_SFU_TURN_BYTES_PER_SECOND", default_value_t = 4 << 20, value_parser = clap::value_parser!(u32).range(1..))]
    sfu_turn_bytes_per_second: u32,

    /// Until an allocation that is not refreshed ends.
    #[arg(long, env = "DAIS_SFU_TURN_LIFETIME_SECONDS", default_value_t = 600, value_parser = seconds())]
    sfu_turn_lifetime_seconds: u64,

    /// Addresses with which one allocation speaks at a time.
    #[arg(long, env = "DAIS_SFU_TURN_PERMISSIONS", default_value_t = 32, value_parser = least(1))]
    sfu_turn_permissions: usize,

    /// Channels of one allocation at a time.
    #[arg(long, env = "DAIS_SFU_TURN_CHANNELS", default_value_t = 32, value_parser = least(1))]
    sfu_turn_channels: usize,

    /// People who left whose credentials are void before they end.
    #[arg(long, env = "DAIS_SFU_TURN_DEPARTURES", default_value_t = 50_000, value_parser = least(1))]
    sfu_turn_departures: usize,

    /// Answers to strangers over UDP that one address (IPv6: one /64) gets in a second.
    #[arg(long, env = "DAIS_SFU_TURN_CHALLENGES_PER_SECOND", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    sfu_turn_challenges_per_second: u16,

    /// TCP and TLS connections to the TURN server.
    #[arg(long, env = "DAIS_SFU_TURN_CONNECTIONS", default_value_t = 4_000, value_parser = least(1))]
    sfu_turn_connections: usize,

    /// TCP and TLS connections to the TURN server of one address (IPv6: of one /64).
    #[arg(long, env = "DAIS_SFU_TURN_CONNECTIONS_PER_ADDRESS", default_value_t = 1_000, value_parser = least(1))]
    sfu_turn_connections_per_address: usize,
}

impl TurnLimits {
    /// As the TURN server takes them.
    pub(crate) fn limits(&self) -> sfu::TurnLimits {
        let relays = sfu::RelayLimits {
            allocations: self.sfu_turn_allocations,
            allocations_per_user: self.sfu_turn_allocations_per_user,
            allocations_per_address: self.sfu_turn_allocations_per_address,
            permissions: self.sfu_turn_permissions,
            channels: self.sfu_turn_channels,
            lifetime: Duration::from_secs(self.sfu_turn_lifetime_seconds),
            bytes_per_second: self.sfu_turn_bytes_per_second,
            departures: self.sfu_turn_departures,
            challenges_per_second: self.sfu_turn_challenges_per_second,
        };
        sfu::TurnLimits {
            relays,
            connections: self.sfu_turn_connections,
            connections_per_address: self.sfu_turn_connections_per_address,
        }
    }
}

fn least(value: u64) -> RangedU64ValueParser<usize> {
    // What a 32-bit length holds; beyond it a limit is none.
    between(value, u32::MAX.into())
}

fn between(least: u64, most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(least..=most)
}

/// A day is longer than any wait here makes sense.
fn seconds() -> clap::builder::RangedU64ValueParser<u64> {
    RangedU64ValueParser::new().range(1..=86_400)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        http: HttpLimits,
        #[command(flatten)]
        sfu: SfuLimits,
        #[command(flatten)]
        turn: TurnLimits,
    }

    impl Flags {
        fn limits(&self) -> (serve::Limits, sfu::Limits, sfu::TurnLimits) {
            (self.http.limits(), self.sfu.limits(), self.turn.limits())
        }
    }

    #[test]
    fn the_defaults_are_the_services_own() {
        let flags = Flags::parse_from(["dais"]);
        assert_eq!(flags.limits(), Default::default());
    }

    #[test]
    fn every_flag_moves_a_limit_and_none_takes_nothing_for_a_limit() {
        let defaults = Flags::parse_from(["dais"]);
        for arg in Flags::command().get_arguments() {
            let Some(flag) = arg.get_long().filter(|&long| long != "help") else { continue };
            let value = if flag == "http-trusted-proxies" { "192.0.2.1" } else { "3" };
            let flags = Flags::try_parse_from(["dais".to_owned(), format!("--{flag}"), value.to_owned()]);
            let flags = flags.unwrap();
            assert_ne!(flags.limits(), defaults.limits(), "--{flag}");
            let refused = Flags::try_parse_from(["dais".to_owned(), format!("--{flag}"), "0".to_owned()]);
            assert!(refused.unwrap_err().to_string().contains(flag));
        }
    }

    /// Name and default of each, where people look for them.
    #[test]
    fn every_limit_stands_in_the_documentation() {
        let page = include_str!("../../docs/limits.md");
        for arg in Flags::command().get_arguments() {
            let Some(env) = arg.get_env().and_then(|env| env.to_str()) else { continue };
            let row = page.lines().find(|line| line.contains(&format!("`{env}`")));
            let row = row.unwrap_or_else(|| panic!("{env} is missing"));
            let default = arg.get_default_values().first().and_then(|value| value.to_str()).unwrap_or("none");
            assert!(row.contains(&format!("| {default} |")), "{env} is {default}");
        }
    }
}
