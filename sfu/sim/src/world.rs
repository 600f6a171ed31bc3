//! The shard, its clients, the paths between them, and virtual time.

mod acts;
mod view;

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use sfu_core::forward::SendArena;
use sfu_core::room::Now;
use sfu_core::room::limits::RoomLimits;
use sfu_core::room::message::{Request, Response};
use sfu_core::sdp::{Candidate, CandidateProtocol, SdpLimits};
use sfu_core::seed::Seed;
use sfu_core::shard::relay::ShardIndex;
use sfu_core::shard::{
    Command, Destination, Event, ROOM_PARTICIPANTS_PER_SHARD, SeatingConfig, Shard, ShardConfig, ShardStats,
};
use sfu_core::transport::{Certificate, Config, Path};

use crate::checks::Checks;
use crate::client::{Client, ClientState, Datagram};
use crate::leg::SERVER;
use crate::mark::Mark;
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
            candidates: vec![
                Candidate { address: SERVER, protocol: CandidateProtocol::Udp },
                Candidate { address: SERVER, protocol: CandidateProtocol::TcpPassive },
            ],
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
            next_look: Duration::ZERO,
        }
    }

    /// Virtual time since the start.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
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
        let (clients, checks) = (&mut self.clients, &mut self.checks);
        for shard in &mut self.shards {
            let send = &mut |arena: &mut _| take_media(arena, clients, checks, self.now);
            shard.relay(now);
            if shard.poll_timeout().is_some_and(|at| at <= now) {
                shard.handle_timeout(now, send);
            }
            shard.end_turn(now, send);
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
            let (clients, checks) = (&mut self.clients, &mut self.checks);
            for shard in &mut self.shards {
                shard.relay(now);
                shard.end_turn(now, &mut |arena| take_media(arena, clients, checks, self.now));
            }
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
        take_media(self.shards[place].arena(), &mut self.clients, &mut self.checks, self.now);
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
            self.checks.on_estimate(self.now, u16::try_from(place).unwrap(), (estimate, cap), sent);
        }
        // A layer is switched at a keyframe, which comes only if it was asked for.
        let unasked: usize = self.shards.iter().map(Shard::unasked_keyframes).sum();
        if unasked > 0 {
            self.checks
                .fail(self.now, format!("{unasked} subscribers wait for a keyframe that nobody asked for"));
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

fn owns(client: &Client, path: Path) -> bool {
    client.publisher.leg.path() == path || client.receiving().path() == path
}

fn check_mark(checks: &mut Checks, at: Duration, client: u16, room: u16, (sid, mark): (&String, &Mark)) {
    if mark.room != room {
        checks.fail(at, format!("client {client} of room {room} gets media of room {}", mark.room));
    }
    if checks.owner(sid) != Some(mark.owner) {
        checks.fail(at, format!("client {client} gets media of client {} as {sid}", mark.owner));
    }
}

/// Puts what a shard sends onto its receivers' links.
fn take_media(
    arena: &mut SendArena<Destination>,
    clients: &mut [Client],
    checks: &mut Checks,
    now: Duration,
) {
    for run in arena.runs() {
        let Destination::Path(path) = run.to else { continue };
        let Some(client) = clients.iter_mut().find(|client| owns(client, path)) else { continue };
        for datagram in arena.datagrams(run) {
            if let Some(media) = client.track_in(path, datagram) {
                checks.on_sealed(now, (client.number, path), media);
            }
            client.down.send(now, Datagram { path, bytes: datagram.to_vec() });
        }
    }
    arena.clear();
}
