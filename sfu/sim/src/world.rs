//! The shard, its clients, the paths between them, and virtual time.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use netem::{LinkConfig, LinkStats};
use sfu_core::room::limits::RoomLimits;
use sfu_core::room::message::{Carried, Quality, Request, Response, TrackSettings};
use sfu_core::room::participant::{Join, Lifeline, Transports};
use sfu_core::room::permission::Permission;
use sfu_core::room::sid::TrackSid;
use sfu_core::room::{ConnectionId, Now, RoomOptions};
use sfu_core::sdp::{Candidate, CandidateProtocol, SdpLimits};
use sfu_core::seed::Seed;
use sfu_core::shard::relay::ShardIndex;
use sfu_core::shard::{
    Command, Destination, Event, ROOM_PARTICIPANTS_PER_SHARD, SeatingConfig, Shard, ShardConfig, ShardStats,
    SignalEnd,
};
use sfu_core::transport::{Certificate, Config, Path};

use crate::checks::{Checks, Violation};
use crate::client::{Client, ClientConfig, ClientState, Datagram};
use crate::leg::SERVER;
use crate::mark::Mark;
use crate::picture::PictureStats;
use crate::sound::SoundStats;
use crate::subscriber::Sink;

static CERTIFICATE: LazyLock<Certificate> = LazyLock::new(|| Certificate::generate().unwrap());

/// Names a client of a [`World`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub usize);

/// A word on its way.
enum Word {
    Command(Command),
    Response(usize, Box<Response>),
}

/// Everything.
pub struct World {
    /// Rooms live on the first; the others take some of their audience.
    shards: Vec<Shard>,
    began: Instant,
    now: Duration,
    seed: u64,
    clients: Vec<Client>,
    /// Ascending in time; words of one client keep their order.
    words: VecDeque<(Duration, Word)>,
    checks: Checks,
    /// Other shards have no room for the packets of the first.
    pub is_behind: bool,
    /// Estimates are compared with what their paths carry.
    pub watch_estimates: bool,
    next_look: Duration,
}

/// A turn of the shard is no shorter; everything that is due within it happens together.
const TICK: Duration = Duration::from_millis(1);
/// Invariants of what stands are looked at this often.
const LOOK: Duration = Duration::from_millis(50);

impl World {
    /// No rooms and no clients yet.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with_shards(seed, 1, ROOM_PARTICIPANTS_PER_SHARD)
    }

    /// The same with rooms that span several shards as soon as they have so many participants on one.
    #[must_use]
    pub fn with_shards(seed: u64, shards: u16, room_participants_per_shard: usize) -> Self {
        // The one real instant from which virtual time starts.
        let began = Instant::now();
        let config = |index| ShardConfig {
            transport: Config::new(CERTIFICATE.clone()),
            candidates: vec![Candidate { address: SERVER, protocol: CandidateProtocol::Udp }],
            limits: RoomLimits::default(),
            rooms: 100,
            hide_audience: false,
            sdp: SdpLimits::default(),
            arena_bytes: 1 << 20,
            seating: SeatingConfig { index: ShardIndex(index), shards, room_participants_per_shard },
        };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let start = Now { instant: began, unix_us: 1_800_000_000_000_000 };
        let mut shard = |index: u16| {
            bytes[8..10].copy_from_slice(&index.to_be_bytes());
            Shard::new(config(index), Seed::new(bytes), start)
        };
        Self {
            shards: (0..shards).map(&mut shard).collect(),
            began,
            now: Duration::ZERO,
            seed,
            clients: Vec::new(),
            words: VecDeque::new(),
            checks: Checks::default(),
            is_behind: false,
            watch_estimates: true,
            next_look: Duration::ZERO,
        }
    }

    /// Virtual time since the start.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// A client joins.
    pub fn join(&mut self, config: ClientConfig) -> ClientId {
        let number = u16::try_from(self.clients.len()).unwrap();
        let seed = self.seed.wrapping_mul(1_000).wrapping_add(u64::from(number));
        let publishes = config.camera.is_some() || config.has_microphone;
        let join = Join {
            identity: format!("client {number}"),
            name: String::new(),
            metadata: String::new(),
            attributes: std::collections::BTreeMap::new(),
            permission: Permission { can_publish: publishes, ..Permission::speaker() },
            auto_subscribe: true,
            adaptive_stream: true,
            may_pause: true,
            kind: Carried(0),
            kind_details: Vec::new(),
            client_protocol: Carried(0),
            capabilities: Vec::new(),
            receives_red: config.red,
            transports: Transports::Two,
            connection: Some(ConnectionId(u64::from(number))),
            lifeline: Lifeline::Signal,
            moderates: false,
        };
        let command = Command::Join {
            connection: ConnectionId(u64::from(number)),
            room: format!("room {}", config.room),
            join: Box::new(join),
            resume: None,
            options: RoomOptions::default(),
        };
        let instant = self.began + self.now;
        self.clients.push(Client::new(number, config, seed, self.began, instant));
        self.say(usize::from(number), Word::Command(command));
        ClientId(usize::from(number))
    }

    /// A client says something on its signal connection.
    pub fn request(&mut self, client: ClientId, request: Request) {
        let connection = ConnectionId(client.0 as u64);
        self.say(client.0, Word::Command(Command::Request { connection, request: Box::new(request) }));
    }

    /// A client leaves without a word: its socket closes.
    pub fn vanish(&mut self, client: ClientId) {
        let connection = ConnectionId(client.0 as u64);
        self.clients[client.0].state = ClientState::Left;
        let down = LinkConfig { is_down: true, ..LinkConfig::default() };
        self.set_path(client, down, down);
        self.words.push_back((
            self.now,
            Word::Command(Command::SignalEnded { connection, end: SignalEnd::Closed }),
        ));
    }

    /// A client's paths change now.
    pub fn set_path(&mut self, client: ClientId, up: LinkConfig, down: LinkConfig) {
        self.clients[client.0].up.set(up);
        self.clients[client.0].down.set(down);
    }

    /// A client's paths will change at these times.
    pub fn follow(
        &mut self,
        client: ClientId,
        up: &[(Duration, LinkConfig)],
        down: &[(Duration, LinkConfig)],
    ) {
        self.clients[client.0].up.follow(up.iter().copied());
        self.clients[client.0].down.follow(down.iter().copied());
    }

    /// A client's peer connections go on from other ports.
    pub fn move_client(&mut self, client: ClientId) {
        let now = self.began + self.now;
        let client = &mut self.clients[client.0];
        let port = 20_000 + 2 * client.number;
        client.publisher.leg.move_to(port, now);
        client.subscriber.leg.move_to(port + 1, now);
    }

    /// A client mutes its camera, or shows it again.
    pub fn mute_camera(&mut self, client: ClientId, muted: bool) {
        let now = self.began + self.now;
        let Some(track) = self.clients[client.0].own[1].clone() else { return };
        if let Some(camera) = &mut self.clients[client.0].publisher.camera {
            camera.is_muted = muted;
        }
        for other in &mut self.clients {
            for known in other.subscriber.tracks.iter_mut().filter(|known| known.sid == track) {
                if let Sink::Picture(picture) = &mut known.sink {
                    picture.set_paused(muted, now);
                }
            }
        }
        self.request(client, Request::Mute { track: TrackSid::from_wire(&track), muted });
    }

    /// A client says something to everybody on its reliable channel; false while it has none.
    pub fn send_message(&mut self, client: ClientId, text: &str) -> bool {
        let now = self.began + self.now;
        self.clients[client.0].subscriber.leg.send_message(now, &user_packet(text))
    }

    /// Whether a client got a message of this text.
    #[must_use]
    pub fn has_heard(&self, client: ClientId, text: &str) -> bool {
        let messages = &self.clients[client.0].subscriber.leg.messages;
        messages.iter().any(|message| message.windows(text.len()).any(|part| part == text.as_bytes()))
    }

    /// A client subscribes to a track of another, or no longer wants it.
    pub fn subscribe(&mut self, client: ClientId, of: ClientId, picture: bool, wanted: bool) {
        let Some(track) = self.clients[of.0].own[usize::from(picture)].clone() else { return };
        let tracks = vec![TrackSid::from_wire(&track)];
        self.request(client, Request::Subscribe { tracks, subscribe: wanted });
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let next = self.next_event().unwrap_or(end).max(self.now + TICK);
            // On whole ticks, so that everything near by shares a turn.
            let micros = next.as_micros().div_ceil(TICK.as_micros()) * TICK.as_micros();
            self.now = Duration::from_micros(u64::try_from(micros).unwrap()).min(end);
            self.turn();
        }
    }

    /// Time jumps: nobody does anything meanwhile, and then all of it is due.
    pub fn jump(&mut self, time: Duration) {
        self.now += time;
        self.turn();
    }

    /// The next step of a room's logic panics; in debug builds only.
    #[cfg(debug_assertions)]
    pub fn break_room(&mut self, room: u16) {
        self.break_room_on(0, room);
    }

    /// The same on one of the shards that a room spans.
    #[cfg(debug_assertions)]
    pub fn break_room_on(&mut self, shard: usize, room: u16) {
        let name = format!("room {room}");
        let home = self.shards[0].room_to_break(&name);
        self.shards[shard].break_room(home);
    }

    /// True for a client that publishes a picture.
    #[must_use]
    pub fn has_camera(&self, client: ClientId) -> bool {
        self.clients[client.0].own[1].is_some()
    }

    /// Lets time pass until something holds; false if it does not within `limit`.
    pub fn run_until(&mut self, limit: Duration, mut holds: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + limit;
        while self.now < end {
            self.run(Duration::from_millis(10));
            if holds(self) {
                return true;
            }
        }
        false
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

    /// A client says how much of another's picture it has use for.
    pub fn watch_at(&mut self, client: ClientId, of: ClientId, quality: Quality) {
        let Some(track) = self.clients[of.0].own[1].clone() else { return };
        let tracks = vec![TrackSid::from_wire(&track)];
        let settings = TrackSettings { disabled: false, quality, size: None };
        self.request(client, Request::TrackSettings { tracks, settings });
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
        client.subscriber.leg.connected && (!publishes || client.publisher.leg.connected)
    }

    /// A handshake of the client failed, as a flipped bit in it can make it: a browser would join again.
    #[must_use]
    pub fn has_failed(&self, client: ClientId) -> bool {
        let client = &self.clients[client.0];
        [&client.publisher.leg, &client.subscriber.leg].iter().any(|leg| leg.closed && !leg.connected)
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
        let legs = [&from.publisher.leg, &to.subscriber.leg].map(|leg| (leg.connected, leg.closed));
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

    /// The figures of a shard.
    #[must_use]
    pub fn stats_of(&self, shard: usize) -> ShardStats {
        self.shards[shard].stats()
    }

    /// Ends all counts.
    pub fn finish(&mut self) {
        let now = self.began + self.now;
        for client in &mut self.clients {
            for track in client.subscriber.tracks.iter_mut().filter(|track| track.is_live) {
                if let Sink::Picture(picture) = &mut track.sink {
                    picture.finish(now);
                }
            }
        }
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

    fn next_event(&mut self) -> Option<Duration> {
        let began = self.began;
        let since = |at: Instant| at.saturating_duration_since(began);
        let clients = self.clients.iter().flat_map(|client| {
            let own = client.poll_timeout().map(since);
            [own, client.up.poll_timeout(), client.down.poll_timeout()]
        });
        let clients = clients.flatten().min();
        let word = self.words.front().map(|(at, _)| *at);
        let shards = self.shards.iter_mut().filter_map(|shard| shard.poll_timeout().map(since)).min();
        [clients, word, shards].into_iter().flatten().min()
    }

    fn turn(&mut self) {
        let now = self.began + self.now;
        self.deliver_up(now);
        self.deliver_words(now);
        for shard in &mut self.shards {
            if shard.poll_timeout().is_some_and(|at| at <= now) {
                shard.handle_timeout(now);
            }
            shard.end_turn(now);
        }
        self.carry(now);
        self.take_output();
        self.deliver_down(now);
        self.look_around();
    }

    /// Carries words and packets between shards until they have nothing more to say to each other.
    fn carry(&mut self, now: Instant) {
        loop {
            let mut is_quiet = true;
            for from in 0..self.shards.len() {
                let index = ShardIndex(u16::try_from(from).unwrap());
                while let Some((to, word)) = self.shards[from].poll_word() {
                    self.shards[to.index()].handle_word(now, index, word);
                    is_quiet = false;
                }
                while let Some((to, batch)) = self.shards[from].poll_packets() {
                    if self.is_behind {
                        self.shards[from].handle_lost_packets(now, &batch);
                    } else {
                        self.shards[to.index()].handle_packets(now, &batch);
                    }
                    is_quiet = false;
                }
            }
            if is_quiet {
                return;
            }
            self.shards.iter_mut().for_each(|shard| shard.end_turn(now));
        }
    }

    fn deliver_up(&mut self, now: Instant) {
        for client in &mut self.clients {
            while let Some(mut datagram) = client.up.poll(self.now) {
                // They share an address here: those whose transport it is not drop it.
                for shard in &mut self.shards[1..] {
                    shard.handle_datagram(now, datagram.path, &mut datagram.bytes.clone());
                }
                self.shards[0].handle_datagram(now, datagram.path, &mut datagram.bytes);
            }
        }
    }

    fn deliver_words(&mut self, now: Instant) {
        while self.words.front().is_some_and(|(at, _)| *at <= self.now) {
            let Some((_, word)) = self.words.pop_front() else { return };
            match word {
                Word::Command(command) => {
                    // What was written before is judged by the rights of before: a repeat that answers a NACK of
                    // this turn is sealed at once.
                    self.take_output();
                    self.note_rights(&command);
                    self.shards[0].handle_command(now, command);
                    self.carry(now);
                }
                Word::Response(place, response) => {
                    let client = &mut self.clients[place];
                    if let Response::TrackPublished { cid, track } = &*response {
                        self.checks.own(track.sid.as_str(), client.number, cid == "picture");
                    }
                    client.handle_response(now, &response);
                    for request in std::mem::take(&mut client.requests) {
                        self.request(ClientId(place), request);
                    }
                }
            }
        }
    }

    /// What the shard is told now about who may get what.
    fn note_rights(&mut self, command: &Command) {
        let Command::Request { connection, request } = command else { return };
        let number = u16::try_from(connection.0).unwrap();
        if let Request::Subscribe { tracks, subscribe } = &**request {
            for track in tracks {
                self.checks.bar(number, track.as_str(), !subscribe);
            }
        }
        if let Request::SubscriptionPermission { all_participants, allowed } = &**request {
            let tracks: Vec<_> = self.clients[usize::from(number)].own.iter().flatten().cloned().collect();
            for other in 0..u16::try_from(self.clients.len()).unwrap() {
                let identity = format!("client {other}");
                let named =
                    allowed.iter().any(|rule| rule.identity.as_ref() == Some(&identity) && rule.all_tracks);
                for track in &tracks {
                    self.checks.bar(other, track, !all_participants && !named);
                }
            }
        }
    }

    fn take_output(&mut self) {
        for place in 0..self.shards.len() {
            self.take_output_of(place);
        }
    }

    fn take_output_of(&mut self, place: usize) {
        let arena = self.shards[place].arena();
        for run in arena.runs() {
            let Destination::Path(path) = run.to else { continue };
            let Some(client) = self.clients.iter_mut().find(|client| owns(client, path)) else { continue };
            for datagram in arena.datagrams(run) {
                if let Some(media) = client.track_in(path, datagram) {
                    self.checks.on_sealed(self.now, (client.number, path), media);
                }
                client.down.send(self.now, Datagram { path, bytes: datagram.to_vec() });
            }
        }
        arena.clear();
        while let Some(transmit) = self.shards[place].poll_transmit() {
            let Some(client) = self.clients.iter_mut().find(|client| owns(client, transmit.path)) else {
                continue;
            };
            client.down.send(self.now, Datagram { path: transmit.path, bytes: transmit.bytes.to_vec() });
        }
        while let Some(event) = self.shards[place].poll_event() {
            match event {
                Event::Say { connection, response } => {
                    let place = usize::try_from(connection.0).unwrap();
                    self.say(place, Word::Response(place, response));
                }
                Event::CloseConnection(connection) => {
                    self.clients[usize::try_from(connection.0).unwrap()].state = ClientState::Left;
                }
                Event::Admin { .. } | Event::Mixer { .. } | Event::PathClaimed(_) | Event::Notice { .. } => {}
            }
        }
    }

    fn deliver_down(&mut self, now: Instant) {
        for client in &mut self.clients {
            let mut came = false;
            while let Some(datagram) = client.down.poll(self.now) {
                client.handle_datagram(now, datagram);
                came = true;
            }
            if client.state != ClientState::Left
                && (came || client.poll_timeout().is_some_and(|at| at <= now))
            {
                client.turn(now, self.now);
            }
            for (place, mark) in std::mem::take(&mut client.subscriber.heard) {
                let sid = &client.subscriber.tracks[place].sid;
                check_mark(&mut self.checks, self.now, client.number, client.config.room, (sid, &mark));
            }
        }
    }

    /// Invariants of what stands: estimates beside what paths carry, and what is kept for how many people.
    fn look_around(&mut self) {
        if self.now < self.next_look {
            return;
        }
        self.next_look = self.now + LOOK;
        for place in 0..self.clients.len() {
            let down = &self.clients[place].down;
            let cap = down.config().bottleneck.map(|to| to.rate_bps);
            let sent = down.stats().sent_bytes;
            let Some(estimate) = self.estimate(ClientId(place)) else { continue };
            if self.watch_estimates {
                self.checks.on_estimate(self.now, u16::try_from(place).unwrap(), (estimate, cap), sent);
            }
        }
        let all = self.all_stats();
        let sum = |figure: fn(&ShardStats) -> usize| all.iter().map(figure).sum::<usize>();
        let (people, publications) = (sum(|stats| stats.participants), sum(|stats| stats.publications));
        let fits = sum(|stats| stats.transports) <= 2 * people
            && publications <= 2 * people
            && sum(|stats| stats.subscriptions) <= people * publications;
        if !fits {
            self.checks.fail(self.now, format!("more is kept than {people} people can need: {all:?}"));
        }
    }

    /// A word leaves; it waits while the client's path is down, as TCP does.
    fn say(&mut self, place: usize, word: Word) {
        let client = &self.clients[place];
        let at = self.now + client.config.signal_delay;
        let later = self.words.iter().take_while(|(known, _)| *known <= at).count();
        self.words.insert(later, (at, word));
    }
}

/// A LiveKit `DataPacket` with a `UserPacket` whose payload is this text.
fn user_packet(text: &str) -> Vec<u8> {
    let len = u8::try_from(text.len()).unwrap();
    [&[0x12, len + 2, 0x12, len], text.as_bytes()].concat()
}

fn owns(client: &Client, path: Path) -> bool {
    client.publisher.leg.path() == path || client.subscriber.leg.path() == path
}

fn check_mark(checks: &mut Checks, at: Duration, client: u16, room: u16, (sid, mark): (&String, &Mark)) {
    if mark.room != room {
        checks.fail(at, format!("client {client} of room {room} gets media of room {}", mark.room));
    }
    if checks.owner(sid) != Some(mark.owner) {
        checks.fail(at, format!("client {client} gets media of client {} as {sid}", mark.owner));
    }
}
