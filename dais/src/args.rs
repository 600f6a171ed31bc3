//! Flags and environment of the `dais` command.
//!
//! Decides names, units, defaults and what is refused by name before any socket opens. What the values mean
//! is decided by the services.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::bench::BenchShape;
use crate::limits::{HttpLimits, SfuLimits, TurnLimits};

/// The media backbone for virtual events: rooms, stages, recordings, replays.
#[derive(Debug, Parser)]
#[command(name = "dais", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process, with embedded defaults.
    Up(Settings),
    /// Run only the SFU: rooms.
    Sfu(Settings),
    /// Run only the mixer: stages to HLS.
    Mixer(Settings),
    /// Run only the media service: assets, uploads, transforms, the HLS origin.
    Media(Settings),
    /// Run only the control API and the web apps.
    ControlApi(Settings),
    /// Put three synthetic speakers on a stage and take it live.
    Demo(DemoArgs),
    /// Check what this machine lacks, and say how to get it.
    Doctor(Settings),
    /// Make a room token, LiveKit-style.
    Token(TokenArgs),
    /// Measure a server.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// One stage's mixer; started by the mixer service.
    #[command(hide = true)]
    MixerChild,
    /// One transform; started by the media service.
    #[command(hide = true)]
    TransformChild,
}

/// Settings of the services. Each can be a flag or an environment variable.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// Address of the HTTP server: web apps, APIs, signalling, HLS.
    #[arg(long, env = "DAIS_HTTP_ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) http_addr: SocketAddr,

    /// PEM file with the certificate chain of the HTTP server; needs DAIS_HTTP_TLS_KEY.
    #[arg(long, env = "DAIS_HTTP_TLS_CERT", requires = "http_tls_key")]
    pub(crate) http_tls_cert: Option<PathBuf>,

    /// PEM file with the private key of the HTTP server.
    #[arg(long, env = "DAIS_HTTP_TLS_KEY", requires = "http_tls_cert")]
    pub(crate) http_tls_key: Option<PathBuf>,

    /// The address that people's browsers use, such as https://events.example. Default: the HTTP address.
    #[arg(long, env = "DAIS_PUBLIC_URL")]
    pub(crate) public_url: Option<String>,

    /// Folder of databases, embedded storage, keys and spools.
    #[arg(long, env = "DAIS_DATA_DIR", default_value = ".data")]
    pub(crate) data_dir: PathBuf,

    /// Folder of the keys, one per token domain, made at first start. Default: `keys` in the data folder.
    #[arg(long, env = "DAIS_AUTH_KEYS_DIR")]
    pub(crate) auth_keys_dir: Option<PathBuf>,

    /// Port of media, UDP and TCP; shard N uses this port plus N. 0 takes free ones.
    #[arg(long, env = "DAIS_SFU_MEDIA_PORT", default_value_t = 7882)]
    pub(crate) sfu_media_port: u16,

    /// Addresses at which browsers reach the media ports, comma-separated. Default: every interface's
    /// address and 127.0.0.1.
    #[arg(long, env = "DAIS_SFU_MEDIA_IPS", value_delimiter = ',')]
    pub(crate) sfu_media_ips: Vec<IpAddr>,

    /// Threads that forward media. Default: one per core, at most 16.
    #[arg(long, env = "DAIS_SFU_SHARDS")]
    pub(crate) sfu_shards: Option<usize>,

    /// Each of these threads stays on a core of its own: for machines that do nothing else. Without it the kernel
    /// may wake two that share a large room on one core, one after the other.
    #[arg(long, env = "DAIS_SFU_PIN_SHARDS")]
    pub(crate) sfu_pin_shards: bool,

    /// In every room, those who may not publish do not see each other: for halls of thousands. They see
    /// everybody else, and the room's counts still count them.
    #[arg(long, env = "DAIS_SFU_HIDE_AUDIENCE")]
    pub(crate) sfu_hide_audience: bool,

    /// Address at which the SFU hands media to mixers (QUIC). Default: a free loopback port.
    #[arg(long, env = "DAIS_SFU_LINK_ADDR")]
    pub(crate) sfu_link_addr: Option<SocketAddr>,

    /// Offer TURN to clients whose networks do not let them reach the media ports.
    #[arg(long, env = "DAIS_SFU_TURN", default_value_t = true, action = ArgAction::Set)]
    pub(crate) sfu_turn: bool,

    /// UDP and TCP port of TURN. Default: a free one; firewalls want a fixed one, such as 3478.
    #[arg(long, env = "DAIS_SFU_TURN_PORT", default_value_t = 0)]
    pub(crate) sfu_turn_port: u16,

    /// Port of TURN over TLS, such as 443 or 5349; needs a certificate. Default: a free one.
    #[arg(long, env = "DAIS_SFU_TURN_TLS_PORT", default_value_t = 0)]
    pub(crate) sfu_turn_tls_port: u16,

    /// PEM file with the certificate chain of TURN over TLS. Default: the HTTP server's.
    #[arg(long, env = "DAIS_SFU_TURN_TLS_CERT", requires = "sfu_turn_tls_key")]
    pub(crate) sfu_turn_tls_cert: Option<PathBuf>,

    /// PEM file with its private key.
    #[arg(long, env = "DAIS_SFU_TURN_TLS_KEY", requires = "sfu_turn_tls_cert")]
    pub(crate) sfu_turn_tls_key: Option<PathBuf>,

    /// Name or address at which clients find the TURN server. Default: one of the media addresses; over TLS, the
    /// host of the public URL, which the certificate names.
    #[arg(long, env = "DAIS_SFU_TURN_HOST")]
    pub(crate) sfu_turn_host: Option<String>,

    /// Seconds for which a client's password opens allocations; an allocation that is in use outlasts it.
    #[arg(long, env = "DAIS_SFU_TURN_CREDENTIALS_SECONDS", default_value_t = 6 * 3600, value_parser = clap::value_parser!(u64).range(60..=7 * 24 * 3600))]
    pub(crate) sfu_turn_credentials_seconds: u64,

    /// Receivers of webhooks about rooms, comma-separated http:// or https:// URLs. Default: none.
    #[arg(long, env = "DAIS_SFU_WEBHOOK_URLS", value_delimiter = ',')]
    pub(crate) sfu_webhook_urls: Vec<String>,

    /// Key that signs webhooks. Default: the API key.
    #[arg(long, env = "DAIS_SFU_WEBHOOK_KEY", requires = "sfu_webhook_secret")]
    pub(crate) sfu_webhook_key: Option<String>,

    /// The secret of the webhooks' key; at least 32 characters.
    #[arg(long, env = "DAIS_SFU_WEBHOOK_SECRET", requires = "sfu_webhook_key", hide_env_values = true, value_parser = secret)]
    pub(crate) sfu_webhook_secret: Option<String>,

    /// Receivers may be at private addresses, such as on this machine.
    #[arg(long, env = "DAIS_SFU_WEBHOOK_PRIVATE")]
    pub(crate) sfu_webhook_private: bool,

    /// Give a webhook up after so many hours without success.
    #[arg(long, env = "DAIS_SFU_WEBHOOK_RETENTION_HOURS", default_value_t = 72)]
    pub(crate) sfu_webhook_retention_hours: u64,

    /// Webhooks that may wait, counted once for each receiver; the newest are lost beyond it.
    #[arg(long, env = "DAIS_SFU_WEBHOOK_QUEUE_EVENTS", default_value_t = 100_000)]
    pub(crate) sfu_webhook_queue_events: usize,

    /// API key for room tokens and server APIs. Default: a development pair, made at first start.
    #[arg(long, env = "DAIS_API_KEY", requires = "api_secret")]
    pub(crate) api_key: Option<String>,

    /// The secret of the API key; at least 32 characters.
    #[arg(long, env = "DAIS_API_SECRET", requires = "api_key", hide_env_values = true, value_parser = secret)]
    pub(crate) api_secret: Option<String>,

    /// Bytes of recordings that may wait on the mixer's disk while the S3 server does not take them. When half
    /// is used no further stage goes live; when all is, live stages pause until the server answers.
    #[arg(long, env = "DAIS_MIXER_SPOOL_BYTES", default_value_t = 4 << 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) mixer_spool_bytes: u64,

    /// postgres://user:password@host/database. Default: SQLite files in the data folder.
    #[arg(long, env = "DAIS_DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,

    /// An S3 server. Default: the embedded one.
    #[arg(long, env = "DAIS_S3_ENDPOINT")]
    pub s3_endpoint: Option<String>,

    /// The S3 server's address for browsers' uploads. Default: the S3 endpoint; embedded: the public URL.
    #[arg(long, env = "DAIS_S3_PUBLIC_ENDPOINT")]
    pub s3_public_endpoint: Option<String>,

    /// Bucket.
    #[arg(long, env = "DAIS_S3_BUCKET", default_value = "dais-media")]
    pub s3_bucket: String,

    /// Region in signatures.
    #[arg(long, env = "DAIS_S3_REGION", default_value = "us-east-1")]
    pub s3_region: String,

    /// Access key of the S3 server.
    #[arg(long, env = "DAIS_S3_ACCESS_KEY", requires = "s3_secret_key")]
    pub s3_access_key: Option<String>,

    /// Secret key of the S3 server.
    #[arg(long, env = "DAIS_S3_SECRET_KEY", requires = "s3_access_key", hide_env_values = true)]
    pub s3_secret_key: Option<String>,

    /// Where the other services find the SFU's HTTP server, when it runs alone.
    #[arg(long, env = "DAIS_SFU_URL")]
    pub(crate) sfu_url: Option<String>,

    /// Where the other services find the mixer, when it runs alone.
    #[arg(long, env = "DAIS_MIXER_URL")]
    pub(crate) mixer_url: Option<String>,

    /// Where the other services find the media service, when it runs alone.
    #[arg(long, env = "DAIS_MEDIA_URL")]
    pub(crate) media_url: Option<String>,

    /// Where the other services find the control API, when it runs alone.
    #[arg(long, env = "DAIS_CONTROL_API_URL")]
    pub(crate) control_api_url: Option<String>,

    /// What to log, in `tracing`'s directives, such as `info,sfu=debug`.
    #[arg(long, env = "DAIS_LOG", default_value = DEFAULT_LOG)]
    pub(crate) log: String,

    /// Log JSON, one object a line.
    #[arg(long, env = "DAIS_LOG_JSON")]
    pub(crate) log_json: bool,

    #[command(flatten)]
    pub(crate) http_limits: HttpLimits,

    #[command(flatten)]
    pub(crate) sfu_limits: SfuLimits,

    #[command(flatten)]
    pub(crate) turn_limits: TurnLimits,
}

impl Settings {
    /// The folder of the keys.
    pub(crate) fn keys_dir(&self) -> PathBuf {
        self.auth_keys_dir.clone().unwrap_or_else(|| self.data_dir.join("keys"))
    }
}

/// What the demo does.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// A running Dais, such as http://127.0.0.1:8080. Default: the demo starts all of Dais itself.
    #[arg(long)]
    pub(crate) url: Option<String>,

    /// An organiser's e-mail address, for a running Dais; DAIS_DEMO_PASSWORD holds the password.
    #[arg(long, requires = "url")]
    pub(crate) email: Option<String>,

    /// The organiser's password, for a running Dais.
    #[arg(long, env = "DAIS_DEMO_PASSWORD", hide_env_values = true)]
    pub(crate) password: Option<String>,

    /// End the stage after this many seconds and wait for the replay. Default: live until Ctrl-C.
    #[arg(long)]
    pub(crate) seconds: Option<u64>,

    /// Keep serving the replay for this many seconds. Default: until Ctrl-C.
    #[arg(long, requires = "seconds")]
    pub(crate) linger: Option<u64>,

    /// One JSON line per step on standard output; all else goes to standard error.
    #[arg(long)]
    pub(crate) json: bool,

    /// Settings of the Dais that the demo starts.
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// What a room token says.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Room to join.
    #[arg(long)]
    pub(crate) room: String,

    /// Identity in the room.
    #[arg(long)]
    pub(crate) identity: String,

    /// Name that others see. Default: the identity.
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// May not publish.
    #[arg(long)]
    pub(crate) viewer: bool,

    /// May also administer the room.
    #[arg(long)]
    pub(crate) admin: bool,

    /// How long the token opens the door, in seconds.
    #[arg(long, default_value_t = 6 * 3600)]
    pub(crate) ttl_seconds: u64,

    /// The API key comes from these settings.
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Fill a room of any LiveKit-compatible server with real clients, and measure it.
    Rooms(BenchRoomsArgs),
}

/// One room, who is in it, and for how long.
#[derive(Debug, Args)]
pub(crate) struct BenchRoomsArgs {
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,

    /// API key that signs the clients' tokens.
    #[arg(long, env = "DAIS_API_KEY")]
    pub(crate) api_key: String,

    /// The secret of the API key.
    #[arg(long, env = "DAIS_API_SECRET", hide_env_values = true)]
    pub(crate) api_secret: String,

    /// Room to fill. Default: a new one.
    #[arg(long)]
    pub(crate) room: Option<String>,

    /// Who publishes to whom.
    #[arg(long, value_enum, default_value = "livestream")]
    pub(crate) shape: BenchShape,

    /// Participants that publish; a livestream has one.
    #[arg(long, default_value_t = 6)]
    pub(crate) publishers: usize,

    /// Participants that only watch or listen; a meeting has none.
    #[arg(long, default_value_t = 20)]
    pub(crate) subscribers: usize,

    /// In a meeting: pictures come in three encodings.
    #[arg(long)]
    pub(crate) simulcast: bool,

    /// Of each picture, in kilobits per second; with simulcast, of its largest encoding.
    #[arg(long, default_value_t = 1_700)]
    pub(crate) video_kbps: u64,

    /// Pictures per second.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=240))]
    pub(crate) fps: u32,

    /// Participants that join in a second.
    #[arg(long, default_value_t = 25.0)]
    pub(crate) joins_per_second: f64,

    /// Between the last join and the first measured packet.
    #[arg(long, default_value_t = 5)]
    pub(crate) settle_seconds: u64,

    /// How long packets are measured.
    #[arg(long, default_value_t = 20)]
    pub(crate) seconds: u64,

    /// The server's process on this machine: its processor time and memory are read from /proc.
    #[arg(long)]
    pub(crate) server_pid: Option<u32>,

    /// One line of JSON instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The demo's WebRTC client tells every step of ICE at `info`.
const DEFAULT_LOG: &str = "info,rtc=warn,rtc_ice=error,rtc_dtls=error,webrtc=warn";

/// RFC 7518 §3.2: an HS256 key has at least 256 bits.
fn secret(text: &str) -> Result<String, String> {
    if text.len() < 32 {
        return Err("it has fewer than 32 characters".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_short_api_secret_is_refused_by_name() {
        let refused = Cli::try_parse_from(["dais", "up", "--api-key", "k", "--api-secret", "short"]);
        let text = refused.map(|_| ()).unwrap_err().to_string();
        assert!(text.contains("--api-secret") && text.contains("32"), "{text}");
    }

    #[test]
    fn every_setting_has_an_environment_variable() {
        let command = Cli::command();
        let up = command.find_subcommand("up").unwrap();
        for arg in up.get_arguments().filter(|a| !matches!(a.get_id().as_str(), "help" | "version")) {
            assert!(arg.get_env().is_some(), "{}", arg.get_id());
        }
    }
}
