//! One participant: what it says on its signal connection, and its peer connections, two or a single one.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use netem::{Link, LinkConfig, Packet, Rng};
use sfu_core::room::message::{
    AddTrack, Description, Kind, Layer, LeaveAction, Quality, Request, Response, Source,
};
use sfu_core::rtp::RtpHeader;
use sfu_core::sdp::SessionDescription;
use sfu_core::transport::{Path, Received};

use crate::camera::{Camera, CameraConfig};
use crate::leg::Leg;
use crate::microphone::Microphone;
use crate::publisher::{Publisher, Sources};
use crate::subscriber::{Sink, Subscriber};

/// What a client is and does.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The room that it joins.
    pub room: u16,
    /// What its camera sends; `None`: it has none.
    pub camera: Option<CameraConfig>,
    /// The camera's picture is announced as a shared screen.
    pub is_screen: bool,
    /// It speaks.
    pub has_microphone: bool,
    /// Its sound carries redundancy (RFC 2198), and it takes such sound.
    pub red: bool,
    /// It takes retransmissions (RFC 4588).
    pub rtx: bool,
    /// The path to the server.
    pub up: LinkConfig,
    /// The path from the server.
    pub down: LinkConfig,
    /// One way of the signal connection.
    pub signal_delay: Duration,
    /// It answers offers with `a=setup:active`, as browsers do.
    pub is_dtls_client: bool,
    /// Its network passes no UDP: its paths carry ICE-TCP connections, and must then lose nothing and keep order.
    pub is_tcp_only: bool,
    /// A single peer connection carries both directions.
    pub is_single: bool,
}

impl ClientConfig {
    /// A listener on a perfect path of 20 ms each way.
    #[must_use]
    pub fn listener(room: u16) -> Self {
        let path = LinkConfig { delay: Duration::from_millis(20), ..LinkConfig::default() };
        Self {
            room,
            camera: None,
            is_screen: false,
            has_microphone: false,
            red: true,
            rtx: true,
            up: path,
            down: path,
            signal_delay: Duration::from_millis(25),
            is_dtls_client: true,
            is_tcp_only: false,
            is_single: false,
        }
    }

    /// A speaker with a 720p camera on the same path.
    #[must_use]
    pub fn speaker(room: u16) -> Self {
        Self { camera: Some(CameraConfig::default()), has_microphone: true, ..Self::listener(room) }
    }
}

/// A datagram of one of a client's peer connections.
#[derive(Debug, Clone)]
pub(crate) struct Datagram {
    pub(crate) path: Path,
    pub(crate) bytes: Vec<u8>,
}

impl Packet for Datagram {
    fn size(&self) -> usize {
        self.bytes.len()
    }

    fn flip(&mut self, bit: usize) {
        self.bytes.flip(bit);
    }
}

/// How a client's session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientState {
    /// It waits for the first word.
    Joining,
    /// The room took it in.
    Joined,
    /// The server told it to go, or it left.
    Left,
}

/// One participant.
pub struct Client {
    pub(crate) config: ClientConfig,
    pub(crate) number: u16,
    pub(crate) state: ClientState,
    pub(crate) publisher: Publisher,
    /// The peer connection on which it receives; `None`: it has a single one, the publisher's.
    pub(crate) second: Option<Leg>,
    pub(crate) subscriber: Subscriber,
    pub(crate) up: Link<Datagram>,
    pub(crate) down: Link<Datagram>,
    /// Words to the server.
    pub(crate) requests: Vec<Request>,
    /// Track ids of its own tracks: sound, picture.
    pub(crate) own: [Option<String>; 2],
    offers: u32,
    /// Sections in which a single peer connection only receives.
    pub(crate) free_sections: Vec<Kind>,
    /// Its camera is not published any more.
    pub(crate) is_withdrawn: bool,
    /// Who was loud, by the last words about it.
    pub(crate) loud: Vec<String>,
    /// Tracks that the server says it has paused.
    pub(crate) paused: Vec<String>,
    pub(crate) pauses: u32,
    /// When the server last went on with a track that it had paused.
    pub(crate) resumed: HashMap<String, Instant>,
    pub(crate) sid: Option<String>,
}

impl Client {
    pub(crate) fn new(number: u16, config: ClientConfig, seed: u64, began: Instant, now: Instant) -> Self {
        let mut rng = Rng::new(seed);
        let mut leg = |port: u16, is_dtls_client: bool| {
            let mut bytes = [0; 32];
            for chunk in bytes.chunks_mut(8) {
                chunk.copy_from_slice(&rng.bits().to_be_bytes());
            }
            let leg = Leg::new(port, bytes, is_dtls_client, now);
            if config.is_tcp_only { leg.over_tcp(config.up.delay + config.down.delay) } else { leg }
        };
        // The server answers an offer as the DTLS server; of its own offers the client chooses.
        let publishing = leg(10_000 + 2 * number, true);
        let subscribing = leg(10_001 + 2 * number, config.is_dtls_client);
        let label = (config.room, number);
        let near_wrap = config.camera.as_ref().is_some_and(|camera| camera.near_wrap);
        let camera = config.camera.as_ref().map(|camera| Camera::new(camera, label, rng.bits(), now));
        let microphone = config.has_microphone.then(|| Microphone::new(config.red, label, near_wrap, now));
        let ssrc_base = 1_000 * (u32::from(number) + 1);
        // Less than LiveKit's client begins with: more are asked for.
        let free_sections = if config.is_single { vec![Kind::Audio, Kind::Video] } else { Vec::new() };
        let sources = Sources { camera, microphone, near_wrap, ssrc_base };
        Self {
            number,
            state: ClientState::Joining,
            publisher: Publisher::new(publishing, sources, now),
            second: (!config.is_single).then_some(subscribing),
            subscriber: Subscriber::new(began),
            up: Link::new(config.up, rng.bits()),
            down: Link::new(config.down, rng.bits()),
            requests: Vec::new(),
            own: [None, None],
            offers: 0,
            free_sections,
            is_withdrawn: false,
            loud: Vec::new(),
            paused: Vec::new(),
            pauses: 0,
            resumed: HashMap::new(),
            sid: None,
            config,
        }
    }

    /// Takes a word of the server.
    pub(crate) fn handle_response(&mut self, now: Instant, response: &Response) {
        match response {
            Response::Joined(joined) => {
                self.state = ClientState::Joined;
                self.sid = Some(joined.participant.sid.to_string());
                self.announce();
                if self.config.is_single {
                    self.offer();
                }
            }
            Response::TrackPublished { cid, track } => {
                let place = usize::from(cid == "picture");
                self.own[place] = Some(track.sid.to_string());
                let ready = (self.own[0].is_some() || !self.config.has_microphone)
                    && (self.own[1].is_some() || self.config.camera.is_none());
                if ready {
                    self.offer();
                }
            }
            Response::Answer(description) => {
                let answer = SessionDescription::parse(&description.sdp).unwrap();
                self.publisher.leg.set_server(answer.remote().unwrap(), now);
                if self.config.is_single {
                    self.subscriber.handle_sections(&self.publisher.leg, &answer, now);
                }
            }
            Response::SectionsRequired { audios, videos } => {
                let more = |kind, count: &u32| std::iter::repeat_n(kind, *count as usize);
                self.free_sections.extend(more(Kind::Audio, audios).chain(more(Kind::Video, videos)));
                self.offer();
            }
            // The network may have changed: everything is described anew.
            Response::Resumed { .. } if self.offers > 0 => self.offer(),
            Response::Speakers(speakers) => {
                for speaker in speakers {
                    self.loud.retain(|known| *known != speaker.sid.as_str());
                    self.loud.extend(speaker.active.then(|| speaker.sid.to_string()));
                }
            }
            Response::Offer(description) => {
                let offer =
                    if self.config.rtx { description.sdp.clone() } else { without_rtx(&description.sdp) };
                let Some(leg) = &mut self.second else { return };
                let sdp = self.subscriber.handle_offer(leg, &offer, now);
                let answer = Description { id: description.id, sdp, mid_to_track: Vec::new() };
                self.requests.push(Request::Answer(answer));
            }
            Response::SubscribedQuality { enabled, .. } => self.publisher.wanted = *enabled,
            Response::StreamStates(states) => {
                for (_, track, paused) in states {
                    self.set_paused(track.as_str(), *paused, now);
                }
            }
            Response::Leave { action, .. } if *action != LeaveAction::Resume => {
                self.state = ClientState::Left
            }
            Response::Leave { .. }
            | Response::Resumed { .. }
            | Response::Update(_)
            | Response::TrackUnpublished(_)
            | Response::Mute { .. }
            | Response::RoomUpdate(_)
            | Response::Quality(_)
            | Response::SubscriptionPermission { .. }
            | Response::SubscriptionRefused { .. }
            | Response::TrackSubscribed(_)
            | Response::Outcome { .. }
            | Response::RefreshToken(_) => {}
        }
    }

    /// Takes a datagram of the server.
    pub(crate) fn handle_datagram(&mut self, now: Instant, mut datagram: Datagram) {
        let second = self.second.as_mut().filter(|leg| leg.path() == datagram.path);
        let (sends, receives) = (second.is_none(), second.is_some() || self.config.is_single);
        let leg = second.unwrap_or(&mut self.publisher.leg);
        match leg.handle_datagram(now, &mut datagram.bytes) {
            Received::Rtp(rtp) if receives => {
                self.subscriber.handle_rtp(now, &datagram.bytes[..rtp.payload.end]);
            }
            Received::Rtcp(place) => {
                if sends {
                    self.publisher.handle_rtcp(now, &datagram.bytes[place.clone()]);
                }
                if receives {
                    self.subscriber.handle_rtcp(now, &datagram.bytes[place]);
                }
            }
            Received::Rtp(_) | Received::Consumed | Received::PathChecked | Received::Dropped(_) => {}
        }
    }

    /// Everything that is due; call it after every input, too.
    pub(crate) fn turn(&mut self, now: Instant, at: Duration) {
        self.publisher.turn(now);
        if let Some(leg) = &mut self.second {
            leg.turn(now);
        }
        let leg = self.second.as_mut().unwrap_or(&mut self.publisher.leg);
        self.subscriber.turn(leg, now);
        for leg in std::iter::once(&mut self.publisher.leg).chain(&mut self.second) {
            let path = leg.path();
            for bytes in leg.take() {
                self.up.send(at, Datagram { path, bytes });
            }
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let second = self.second.as_ref().and_then(Leg::poll_timeout);
        let receiving = self.subscriber.poll_timeout(self.receiving());
        [self.publisher.poll_timeout(), second, receiving].into_iter().flatten().min()
    }

    /// The peer connection on which it receives.
    pub(crate) fn receiving(&self) -> &Leg {
        self.second.as_ref().unwrap_or(&self.publisher.leg)
    }

    /// The same, to send on.
    pub(crate) fn receiving_mut(&mut self) -> &mut Leg {
        self.second.as_mut().unwrap_or(&mut self.publisher.leg)
    }

    /// Publishes its camera no more, or again.
    pub(crate) fn withdraw_camera(&mut self, is_withdrawn: bool) {
        self.is_withdrawn = is_withdrawn;
        if is_withdrawn {
            self.offer();
        } else {
            self.publisher.introduce();
            self.requests.push(Request::AddTrack(Box::new(self.wish("picture", Kind::Video))));
        }
    }

    /// The received track of an SSRC in a datagram that goes to this client; `None` for other datagrams.
    pub(crate) fn track_in(&self, path: Path, datagram: &[u8]) -> Option<(u32, u16, Option<String>)> {
        let is_rtp = datagram.len() > 12 && datagram[0] >> 6 == 2 && !(192..=223).contains(&datagram[1]);
        if !is_rtp || path != self.receiving().path() {
            return None;
        }
        let header = RtpHeader::parse(datagram).ok()?;
        let track = self.subscriber.track_of(header.ssrc.0).map(|track| track.sid.clone());
        // What the server's own answer names may overtake that answer.
        let overtakes = self.config.is_single && track.is_none();
        (!overtakes).then_some((header.ssrc.0, header.seq.0, track))
    }

    fn set_paused(&mut self, track: &str, paused: bool, now: Instant) {
        self.paused.retain(|known| known != track);
        if paused {
            self.paused.push(track.to_owned());
            self.pauses += 1;
        } else {
            self.resumed.insert(track.to_owned(), now);
        }
        for known in self.subscriber.tracks.iter_mut().filter(|known| known.sid == track) {
            if let Sink::Picture(picture) = &mut known.sink {
                picture.set_paused(paused, now);
            }
        }
    }

    fn announce(&mut self) {
        if self.config.has_microphone {
            self.requests.push(Request::AddTrack(Box::new(self.wish("sound", Kind::Audio))));
        }
        if self.config.camera.is_some() {
            self.requests.push(Request::AddTrack(Box::new(self.wish("picture", Kind::Video))));
        }
    }

    fn wish(&self, cid: &str, kind: Kind) -> AddTrack {
        let rates = self.config.camera.as_ref().map_or(&[][..], |camera| &camera.rates_bps);
        let qualities = [Quality::Low, Quality::Medium, Quality::High];
        let sizes = [(320, 180), (640, 360), (1280, 720)];
        let layers = rates.iter().enumerate().map(|(place, &rate)| Layer {
            quality: if rates.len() == 1 { Quality::High } else { qualities[place] },
            width: sizes[place].0,
            height: sizes[place].1,
            bitrate_bps: u32::try_from(rate).unwrap(),
            rid: String::new(),
        });
        let is_video = kind == Kind::Video;
        let source = match (is_video, self.config.is_screen) {
            (false, _) => Source::Microphone,
            (true, false) => Source::Camera,
            (true, true) => Source::ScreenShare,
        };
        AddTrack {
            name: cid.to_owned(),
            width: if is_video { 1280 } else { 0 },
            height: if is_video { 720 } else { 0 },
            disable_dtx: true,
            layers: if is_video { layers.collect() } else { Vec::new() },
            disable_red: !self.config.red,
            ..AddTrack::new(cid.to_owned(), kind, source)
        }
    }

    fn offer(&mut self) {
        self.offers += 1;
        let sdp = self.offer_text(self.offers);
        self.requests.push(Request::Offer(Description { id: self.offers, sdp, mid_to_track: Vec::new() }));
    }
}

/// The offer as somebody reads it who knows nothing of RTX.
fn without_rtx(sdp: &str) -> String {
    let pts: Vec<&str> =
        sdp.lines().filter_map(|line| line.strip_prefix("a=rtpmap:")?.strip_suffix(" rtx/90000")).collect();
    let concerns = |line: &str, what: &str| {
        pts.iter().any(|pt| line.strip_prefix(what).is_some_and(|rest| rest.starts_with(&format!("{pt} "))))
    };
    let is_of_rtx = |line: &str| {
        line.starts_with("a=ssrc-group:FID") || concerns(line, "a=rtpmap:") || concerns(line, "a=fmtp:")
    };
    let lines = sdp.lines().filter(|line| !is_of_rtx(line)).map(|line| match line.starts_with("m=video") {
        true => line.split(' ').filter(|word| !pts.contains(word)).collect::<Vec<_>>().join(" "),
        false => line.to_owned(),
    });
    lines.map(|line| line + "\r\n").collect()
}
