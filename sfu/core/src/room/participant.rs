//! What a room keeps of one participant, of each track it publishes and of each it receives.

use std::collections::BTreeMap;
use std::time::Instant;

use super::headcount::Share;
use super::message::{
    Carried, Kind, Layer, ParticipantInfo, ParticipantState, Quality, TrackInfo, TrackPermission,
    TrackSettings,
};
use super::permission::Permission;
use super::sid::ParticipantSid;
use super::{ConnectionId, Now, ParticipantKey, PublicationKey};

/// What somebody joins with, from its token and its client.
#[derive(Debug, Clone)]
pub struct Join {
    /// Unique in the room.
    pub identity: String,
    /// Display name.
    pub name: String,
    /// Application's text.
    pub metadata: String,
    /// Application's pairs.
    pub attributes: BTreeMap<String, String>,
    /// What it may do.
    pub permission: Permission,
    /// Receives every track without asking.
    pub auto_subscribe: bool,
    /// Tells the size of its tiles.
    pub adaptive_stream: bool,
    /// Pictures that do not fit its path may be left out.
    pub may_pause: bool,
    /// Kind, carried.
    pub kind: Carried,
    /// Details of the kind, carried.
    pub kind_details: Vec<Carried>,
    /// Client protocol, carried.
    pub client_protocol: Carried,
    /// Client capabilities, carried.
    pub capabilities: Vec<Carried>,
    /// Its sound may be RED (RFC 2198); Safari decodes it badly.
    pub receives_red: bool,
    /// How its media travels.
    pub transports: Transports,
    /// Its signal connection; `None`: a mixer on a link.
    pub connection: Option<ConnectionId>,
    /// What keeps it in the room.
    pub lifeline: Lifeline,
    /// Its token moderates the room: it sees everybody.
    pub moderates: bool,
}

/// What keeps a participant in its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifeline {
    /// Its signal connection, or its media path while it has none (LiveKit's clients).
    Signal,
    /// Its media path alone: with the transport's end it has left (WHIP, WHEP, RFC 9725 §4.2).
    Media,
}

/// How a participant's media travels (LiveKit's peer connection modes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transports {
    /// One transport to publish, which the client offers, and one to receive, which we offer.
    #[default]
    Two,
    /// One for both; the client always offers.
    Single,
}

/// Whether it can be told anything.
///
/// ```text
/// Connected ──socket closed──▶ Lost ──resume──▶ Connected
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalState {
    /// Through this connection.
    Connected(ConnectionId),
    /// Not now.
    Lost {
        /// When the connection closed.
        since: Instant,
    },
    /// Never: it is a mixer on a link.
    None,
}

impl SignalState {
    /// The connection, if there is one.
    #[must_use]
    pub const fn connection(self) -> Option<ConnectionId> {
        match self {
            Self::Connected(connection) => Some(connection),
            Self::Lost { .. } | Self::None => None,
        }
    }
}

/// One participant.
#[derive(Debug)]
pub struct Participant {
    /// Its key.
    pub key: ParticipantKey,
    /// What others see, without tracks.
    pub info: ParticipantInfo,
    /// Its signal connection.
    pub signal: SignalState,
    /// Receives every track without asking.
    pub auto_subscribe: bool,
    /// Tells the size of its tiles.
    pub adaptive_stream: bool,
    /// Pictures that do not fit its path may be left out.
    pub may_pause: bool,
    /// Its sound may be RED.
    pub receives_red: bool,
    /// When it joined.
    pub joined_at: Instant,
    /// What it publishes or asked to publish, in order of asking.
    pub publications: Vec<Publication>,
    /// What it receives or refuses.
    pub subscriptions: BTreeMap<PublicationKey, Subscription>,
    /// Who may subscribe to it; `None`: everybody.
    pub audience: Option<Vec<TrackPermission>>,
    /// Sequence of its last reliable message.
    pub last_message: u32,
    /// When its token is renewed.
    pub refresh_at: Option<Instant>,
    /// Others were told of it.
    pub was_visible: bool,
    /// It has published, and may still: its changes are told at once.
    pub is_publisher: bool,
    /// Its token moderates the room.
    pub moderates: bool,
    /// What it adds to the room's counts.
    pub(super) share: Share,
}

impl Participant {
    pub(super) fn new(key: ParticipantKey, sid: ParticipantSid, join: Join, now: Now) -> Self {
        let info = ParticipantInfo {
            sid,
            identity: join.identity,
            name: join.name,
            metadata: join.metadata,
            attributes: join.attributes,
            state: ParticipantState::Joined,
            tracks: Vec::new(),
            permission: join.permission,
            joined_at_ms: now.unix_ms(),
            version: 1,
            kind: join.kind,
            kind_details: join.kind_details,
            client_protocol: join.client_protocol,
            capabilities: join.capabilities,
            left: None,
        };
        Self {
            key,
            info,
            signal: join.connection.map_or(SignalState::None, SignalState::Connected),
            auto_subscribe: join.auto_subscribe,
            adaptive_stream: join.adaptive_stream,
            may_pause: join.may_pause,
            receives_red: join.receives_red,
            joined_at: now.instant,
            publications: Vec::new(),
            subscriptions: BTreeMap::new(),
            audience: None,
            last_message: 0,
            refresh_at: None,
            was_visible: false,
            is_publisher: false,
            moderates: join.moderates,
            share: Share::default(),
        }
    }

    /// What others see of it, with its live tracks.
    #[must_use]
    pub fn full_info(&self) -> ParticipantInfo {
        let live = self.publications.iter().filter(|p| p.is_live() && p.backs_up.is_none());
        ParticipantInfo { tracks: live.map(|p| p.info.clone()).collect(), ..self.info.clone() }
    }

    /// Others may know of it.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.info.state == ParticipantState::Active && !self.info.permission.hidden
    }

    /// It is here to watch: it may not publish, and neither moderates, records nor serves the room.
    #[must_use]
    pub const fn is_audience(&self) -> bool {
        let rights = &self.info.permission;
        !(rights.can_publish || self.moderates || rights.recorder || rights.agent)
    }

    /// It has a live track.
    #[must_use]
    pub fn publishes(&self) -> bool {
        self.publications.iter().any(Publication::is_live)
    }
}

/// Where a publication is in its life.
///
/// ```text
/// Asked ──section negotiated──▶ Live ──section or sender removed──▶ gone
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicationState {
    /// Announced to its publisher; no media section carries it yet.
    Asked,
    /// A media section of the publisher's transport carries it.
    Live(BoundTrack),
}

/// What negotiation said of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundTrack {
    /// Media section of the publisher's transport.
    pub mid: String,
    /// `video/VP8`, `video/H264`, `audio/opus`, `audio/red`.
    pub mime_type: String,
    /// RIDs in order of the offer; empty: one plain encoding.
    pub rids: Vec<String>,
}

/// How a subscriber's sound is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioFormat {
    /// Plain Opus (RFC 7587).
    Opus,
    /// RFC 2198 around Opus.
    Red,
}

/// One published track.
#[derive(Debug, Clone, PartialEq)]
pub struct Publication {
    /// Its key.
    pub key: PublicationKey,
    /// What others see.
    pub info: TrackInfo,
    /// Names under which a media section may carry it.
    pub cids: Vec<String>,
    /// Preferred codec, in lower case; empty: any.
    pub codec: String,
    /// It is the second codec of this publication, under the same track id: see `backup`.
    pub backs_up: Option<PublicationKey>,
    /// Where it is in its life.
    pub state: PublicationState,
    /// Its publisher was told that somebody receives it.
    pub was_received: bool,
}

impl Publication {
    /// A media section carries it.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self.state, PublicationState::Live(_))
    }

    /// Smallest layer whose height and width fill a tile of this size; the largest if none does.
    ///
    /// A tile is compared by its larger scale, so that a portrait tile of a landscape picture is not blurred.
    #[must_use]
    pub fn layer_for(&self, tile: (u32, u32)) -> Quality {
        let fills = |(width, height): (u32, u32)| width >= tile.0 || height >= tile.1;
        self.info
            .layers
            .iter()
            .filter(|layer| fills(nominal_size(layer)))
            .map(|layer| layer.quality)
            .min()
            .unwrap_or(Quality::High)
    }

    /// Its layers come in one stream: it may have as many as there are qualities.
    fn is_scalable(&self) -> bool {
        let PublicationState::Live(bound) = &self.state else { return false };
        bound.rids.is_empty() && matches!(bound.mime_type.as_str(), "video/VP9" | "video/AV1")
    }

    /// Number of encodings, 1 to 3.
    #[must_use]
    pub fn encodings(&self) -> usize {
        match &self.state {
            PublicationState::Live(bound) if !bound.rids.is_empty() => bound.rids.len().min(3),
            PublicationState::Live(_) if self.is_scalable() => 3,
            PublicationState::Live(_) | PublicationState::Asked => 1,
        }
    }

    /// Index of the encoding that carries this quality, 0 the smallest.
    ///
    /// The n-th RID is the n-th declared layer; a wish above the highest means the highest.
    #[must_use]
    pub fn encoding_of(&self, wish: Quality) -> usize {
        if self.is_scalable() && self.info.layers.len() < 2 {
            // Nobody said how many layers the stream has (WHIP has no words for it).
            return wish as usize;
        }
        let count = self.encodings();
        let last_fitting = self.info.layers.iter().take(count).rposition(|layer| layer.quality <= wish);
        match last_fitting {
            Some(index) => index,
            None if self.info.layers.is_empty() => match wish {
                Quality::Low => 0,
                Quality::Medium => 1.min(count - 1),
                Quality::High => count - 1,
            },
            None => 0,
        }
    }

    /// Sound or picture.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.info.kind
    }
}

/// The declared size; a publisher that declares none (WHIP has no words for it) is taken for 720p and its halves.
fn nominal_size(layer: &Layer) -> (u32, u32) {
    match layer.quality {
        _ if layer.width > 0 => (layer.width, layer.height),
        Quality::Low => (320, 180),
        Quality::Medium => (640, 360),
        Quality::High => (1280, 720),
    }
}

/// What one participant wants of one publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// What it said; `None`: its default.
    pub wanted: Option<bool>,
    /// How it shows it.
    pub settings: TrackSettings,
    /// It is being forwarded.
    pub attached: bool,
    /// It was told that it may not see it.
    pub refused: bool,
    /// It receives no codec of it: it was told, and gets it no more until it asks again.
    pub unplayable: bool,
}

impl Default for Subscription {
    fn default() -> Self {
        Self {
            wanted: None,
            settings: TrackSettings::DEFAULT,
            attached: false,
            refused: false,
            unplayable: false,
        }
    }
}
