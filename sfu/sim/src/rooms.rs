//! Rooms that a seed makes up: who comes, over which paths, what they do, and what goes wrong.

use std::time::Duration;

use netem::{Bottleneck, Jitter, LinkConfig, Loss, QueueLimit, Reorder, Rng};
use sfu_core::room::message::{LeaveReason, Request, TrackPermission};

use crate::{CameraConfig, ClientConfig, ClientId, ClientState, World};

/// How long a seed's rooms are played before the calm that ends them.
const PLAY: Duration = Duration::from_secs(5);
/// Then every path is good again, and everybody must see everybody.
const CALM: Duration = Duration::from_secs(7);
/// A picture counts as seen with some frames in this time: a layer that its publisher stops is missed for a second.
const LATELY: Duration = Duration::from_secs(3);
/// A join has ended after this time, whatever happened: the room's limit and some for words under way.
const JOINED_WITHIN: Duration = Duration::from_secs(31);
/// Until the shard has forgotten everybody who left, and their rooms.
const FORGOTTEN: Duration = Duration::from_secs(65);

/// Plays the rooms of a seed; returns what did not hold.
#[must_use]
pub fn play(seed: u64) -> Vec<String> {
    finish(Run::new(seed, World::new(seed), false))
}

/// The same rooms on two shards or three: all but one or two of each room's people sit on others than its home,
/// every second one with a single peer connection.
#[must_use]
pub fn play_across(seed: u64) -> Vec<String> {
    let shards = 2 + u16::try_from(seed % 2).unwrap();
    finish(Run::new(seed, World::with_shards(seed, shards, 1), true))
}

fn finish(mut run: Run) -> Vec<String> {
    run.gather();
    let end = run.world.now() + PLAY;
    while run.world.now() < end {
        run.act();
        run.world.run(Duration::from_millis(500));
    }
    run.calm();
    run.end();
    run.failures
}

struct Run {
    world: World,
    rng: Rng,
    clients: Vec<(ClientId, u16)>,
    gone: Vec<ClientId>,
    /// Pairs of viewer and speaker whose subscription was taken away.
    refused: Vec<(ClientId, ClientId)>,
    muted: Vec<ClientId>,
    /// Speakers who let only the first client see them.
    closed: Vec<ClientId>,
    failures: Vec<String>,
    /// Every second client has a single peer connection.
    has_singles: bool,
}

impl Run {
    fn new(seed: u64, world: World, has_singles: bool) -> Self {
        Self {
            world,
            rng: Rng::new(seed),
            clients: Vec::new(),
            gone: Vec::new(),
            refused: Vec::new(),
            muted: Vec::new(),
            closed: Vec::new(),
            failures: Vec::new(),
            has_singles,
        }
    }

    /// One or two rooms of two to four people each.
    fn gather(&mut self) {
        let rooms = 1 + u16::try_from(self.rng.below(2)).unwrap();
        for room in 1..=rooms {
            let people = 2 + self.rng.below(3 - u64::from(rooms - 1));
            for place in 0..people {
                let config = self.somebody(room, place == 0);
                let client = self.world.join(config);
                self.clients.push((client, room));
                let pause = Duration::from_millis(self.rng.below(300));
                self.world.run(pause);
            }
        }
        let clients = self.clients.clone();
        let ended =
            |world: &World, client| world.is_connected(client) || world.state(client) == ClientState::Left;
        let all = |world: &World| clients.iter().all(|(client, _)| ended(world, *client));
        if !self.world.run_until(JOINED_WITHIN, all) {
            self.fail("a join neither succeeded nor failed");
        }
    }

    fn somebody(&mut self, room: u16, speaks: bool) -> ClientConfig {
        let rng = &mut self.rng;
        let base = if speaks || rng.happens(0.4) {
            ClientConfig::speaker(room)
        } else {
            ClientConfig::listener(room)
        };
        let rates = match rng.below(3) {
            0 => vec![300_000],
            1 => vec![60_000, 200_000],
            _ => vec![50_000, 120_000, 300_000],
        };
        let camera =
            CameraConfig { rates_bps: rates, temporal: rng.happens(0.7), near_wrap: rng.happens(0.7) };
        ClientConfig {
            camera: base.camera.map(|_| camera),
            is_screen: rng.happens(0.2),
            red: rng.happens(0.7),
            up: path(rng),
            down: path(rng),
            is_dtls_client: rng.happens(0.8),
            is_single: self.has_singles && self.clients.len() % 2 == 1,
            ..base
        }
    }

    /// Something happens, or nothing.
    fn act(&mut self) {
        let (client, room) = self.clients[self.rng.below(self.clients.len() as u64) as usize];
        if self.gone.contains(&client) {
            return;
        }
        let other = self.clients.iter().map(|&(other, _)| other).find(|other| *other != client);
        match self.rng.below(10) {
            0 => {
                let (up, down) = (path(&mut self.rng), path(&mut self.rng));
                self.world.set_path(client, up, down);
            }
            1 => {
                let down = LinkConfig { is_down: true, ..LinkConfig::default() };
                self.world.set_path(client, down, down);
                self.world.run(Duration::from_millis(200 + self.rng.below(1_500)));
                let (up, down) = (path(&mut self.rng), path(&mut self.rng));
                self.world.set_path(client, up, down);
            }
            2 => self.world.move_client(client),
            3 => {
                let muted = !self.muted.contains(&client);
                self.muted.retain(|known| *known != client);
                self.muted.extend(muted.then_some(client));
                self.world.mute_camera(client, muted);
            }
            4 => {
                let Some(other) = other else { return };
                let wanted = self.refused.contains(&(client, other));
                self.refused.retain(|known| *known != (client, other));
                self.refused.extend((!wanted).then_some((client, other)));
                self.world.subscribe(client, other, true, wanted);
            }
            5 => self.admit_nobody(client),
            6 if self.clients.len() < 8 => {
                let config = self.somebody(room, false);
                let new = self.world.join(config);
                self.clients.push((new, room));
            }
            7 if self.gone.is_empty() => {
                self.gone.push(client);
                if self.rng.happens(0.5) {
                    self.world.request(client, Request::Leave(LeaveReason::ClientInitiated));
                } else {
                    self.world.vanish(client);
                }
            }
            // The machine slept: the shard finds itself in the future.
            8 => self.world.jump(Duration::from_millis(100 + self.rng.below(900))),
            _ => {}
        }
    }

    /// A speaker lets only the first other one see it.
    fn admit_nobody(&mut self, client: ClientId) {
        let rule = TrackPermission {
            sid: None,
            identity: Some(format!("client {}", self.clients[0].0.0)),
            all_tracks: true,
            tracks: Vec::new(),
        };
        let request = Request::SubscriptionPermission { all_participants: false, allowed: vec![rule] };
        self.world.request(client, request);
        self.closed.push(client);
    }

    /// With good paths again, everybody sees everybody whom it may see, or was told that the picture pauses.
    fn calm(&mut self) {
        let good = LinkConfig { delay: Duration::from_millis(20), ..LinkConfig::default() };
        for &(client, _) in &self.clients {
            if !self.gone.contains(&client) {
                self.world.set_path(client, good, good);
            }
        }
        self.world.run(CALM);
        let since = self.world.now().saturating_sub(LATELY);
        for &(viewer, room) in &self.clients {
            for &(speaker, other) in &self.clients {
                let closed = self.closed.contains(&speaker) && viewer != self.clients[0].0;
                let hidden =
                    closed || self.refused.contains(&(viewer, speaker)) || self.muted.contains(&speaker);
                let left = |client| {
                    self.gone.contains(&client)
                        || self.world.state(client) == ClientState::Left
                        || self.world.has_failed(client)
                };
                // A speaker whose own path was bad may not send its picture yet.
                let gone = left(viewer) || left(speaker) || self.world.sending(speaker) == 0;
                if viewer == speaker
                    || room != other
                    || hidden
                    || gone
                    || !self.world.has_camera(speaker)
                    || self.world.was_paused_since(viewer, speaker, since)
                {
                    continue;
                }
                let shown = self
                    .world
                    .picture(viewer, speaker)
                    .map_or(0, |picture| picture.shown.iter().filter(|(at, _)| *at >= since).count());
                if shown < 5 {
                    let why = self.world.describe(viewer, speaker);
                    self.failures.push(format!("{viewer:?} saw {shown} frames of {speaker:?} lately: {why}"));
                }
            }
        }
    }

    /// Everybody leaves; nothing may be left of them.
    fn end(&mut self) {
        self.failures.extend(self.world.violations().into_iter().map(|v| format!("{:?}: {}", v.at, v.what)));
        for &(client, _) in &self.clients.clone() {
            if !self.gone.contains(&client) && self.world.state(client) != ClientState::Left {
                self.world.request(client, Request::Leave(LeaveReason::ClientInitiated));
            }
        }
        self.world.run(FORGOTTEN);
        for (shard, stats) in self.world.all_stats().into_iter().enumerate() {
            let left =
                [stats.rooms, stats.participants, stats.transports, stats.publications, stats.subscriptions];
            if left != [0; 5] || stats.room_panics > 0 {
                self.failures.push(format!("after everybody left, shard {shard} has {left:?}"));
            }
        }
        if !self.world.is_forgotten() {
            self.fail("a shard keeps something of those who left");
        }
    }

    fn fail(&mut self, what: &str) {
        self.failures.push(format!("{:?}: {what}", self.world.now()));
    }
}

/// A path: most are good, some lose, jitter, reorder, repeat, damage or are narrow.
fn path(rng: &mut Rng) -> LinkConfig {
    let ms = |rng: &mut Rng, from: u64, to: u64| Duration::from_millis(from + rng.below(to - from));
    let mut path = LinkConfig { delay: ms(rng, 1, 120), ..LinkConfig::default() };
    if rng.happens(0.3) {
        path.loss = Loss::Uniform(0.15 * rng.share());
    } else if rng.happens(0.2) {
        path.loss = Loss::Bursts { share: 0.05 * rng.share(), mean: 2.0 + 8.0 * rng.share() };
    }
    if rng.happens(0.3) {
        let deviation = ms(rng, 1, 30);
        path.jitter =
            if rng.happens(0.5) { Jitter::InOrder(deviation) } else { Jitter::Reordering(deviation / 3) };
    }
    if rng.happens(0.2) {
        path.reorder = Some(Reorder { share: 0.05 * rng.share(), by: ms(rng, 5, 60) });
    }
    if rng.happens(0.2) {
        path.duplicate = 0.05 * rng.share();
    }
    if rng.happens(0.15) {
        path.flip = 0.02 * rng.share();
    }
    if rng.happens(0.3) {
        let rate = 200_000 + rng.below(2_000_000);
        let queue = if rng.happens(0.5) {
            QueueLimit::Time(ms(rng, 50, 500))
        } else {
            QueueLimit::Packets(5 + rng.below(60) as usize)
        };
        path.bottleneck = Some(Bottleneck::new(rate, queue));
    }
    path
}
