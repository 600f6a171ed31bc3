//! One run from the first join to the figures.

use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs as _, UdpSocket};
use std::time::{Duration, Instant};

use auth::room::{ApiKeys, RoomToken, VideoGrant};
use sfu_core::bwe::Bitrate;
use sfu_core::rtp::{Mid, Rid, Ssrc};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::LoadError;
use crate::engine::{self, Command, Counts, EngineHandle};
use crate::person::Person;
use crate::plan::{Plan, Shape};
use crate::report::{Report, ServerReport};
use crate::server::{ServerProcess, Usage};
use crate::stream::{Kind, StreamPlan};
use crate::tally::Histogram;

/// Joins everybody, measures, and lets everybody go.
///
/// # Errors
/// When the server cannot be reached, refuses somebody, or does not connect everybody in time.
pub async fn run(plan: &Plan) -> Result<Report, LoadError> {
    let server = plan.server_pid.map(ServerProcess::new);
    let before = server.map(ServerProcess::usage).transpose()?;
    let (engine, thread) = engine::start(our_address(&plan.url)?, plan.shape.publishers())?;
    let mut crowd = Crowd { people: JoinSet::new(), began: BTreeMap::new() };
    let outcome = stay(plan, &engine, &mut crowd, (server, before)).await;
    crowd.people.shutdown().await;
    drop(engine);
    // It ends now that nobody can ask; a panic in it has shown as `EngineGone`.
    let _ = tokio::task::spawn_blocking(move || thread.join()).await;
    outcome
}

/// Everybody who joined, and when each began to.
struct Crowd {
    people: JoinSet<Result<(), LoadError>>,
    began: BTreeMap<u32, Instant>,
}

async fn stay(
    plan: &Plan,
    engine: &EngineHandle,
    crowd: &mut Crowd,
    (server, before): (Option<ServerProcess>, Option<Usage>),
) -> Result<Report, LoadError> {
    join_everybody(plan, engine, crowd).await?;
    let joined = server.map(ServerProcess::usage).transpose()?;
    crowd.sleep(plan.settle).await?;
    engine.ask(Command::Measure).await?;
    let (began, at_start) = (Instant::now(), server.map(ServerProcess::usage).transpose()?);
    crowd.sleep(plan.length).await?;
    let at_end = server.map(ServerProcess::usage).transpose()?;
    let counts = engine.ask(Command::Count).await?;
    let usages = [before, joined, at_start, at_end];
    Ok(report(plan, &counts, began.elapsed(), &crowd.began, usages))
}

async fn join_everybody(plan: &Plan, engine: &EngineHandle, crowd: &mut Crowd) -> Result<(), LoadError> {
    let keys = ApiKeys::new(&plan.api_key, &[]);
    let (entered, mut entries) = mpsc::channel(64);
    let everybody = plan.shape.people();
    let pause = Duration::from_secs_f64(1.0 / plan.joins_per_second.max(0.001));
    let mut connected = Progress::default();
    for number in (0..).take(everybody) {
        let streams = streams(plan, number);
        let publishes = !streams.is_empty();
        let token = RoomToken {
            identity: format!("load-{number}"),
            video: Some(VideoGrant { can_publish: Some(publishes), ..VideoGrant::join(&plan.room) }),
            ..RoomToken::default()
        };
        let token = keys.mint(token, Duration::from_secs(3600));
        let person = Person { number, url: plan.url.clone(), token, streams, engine: engine.clone() };
        crowd.began.insert(number, Instant::now());
        crowd.people.spawn(person.stay(entered.clone()));
        crowd.sleep(pause).await?;
        if (number as usize) + 1 == plan.shape.publishers() {
            connected.wait(engine, crowd, &mut entries, plan.shape.publishers()).await?;
        }
    }
    connected.wait(engine, crowd, &mut entries, everybody).await
}

/// Who has entered so far.
#[derive(Default)]
struct Progress {
    entered: usize,
}

impl Progress {
    /// Waits until so many people have entered, and all transports that were made are connected.
    async fn wait(
        &mut self,
        engine: &EngineHandle,
        crowd: &mut Crowd,
        entries: &mut mpsc::Receiver<u32>,
        people: usize,
    ) -> Result<(), LoadError> {
        let deadline = Instant::now() + CONNECT;
        loop {
            while entries.try_recv().is_ok() {
                self.entered += 1;
            }
            let (connected, all) = engine.ask(Command::Count).await?.connected;
            if self.entered >= people && connected == all && all >= people {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(LoadError::NotConnected { connected, all });
            }
            crowd.sleep(POLL).await?;
        }
    }
}

impl Crowd {
    /// Waits; an error as soon as somebody's stay ends.
    async fn sleep(&mut self, time: Duration) -> Result<(), LoadError> {
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            Some(ended) = self.people.join_next() => {
                Err(match ended {
                    Ok(Err(error)) => error,
                    Ok(Ok(())) => LoadError::Ended("it left".to_owned()),
                    Err(error) => LoadError::Ended(error.to_string()),
                })
            }
        }
    }
}

/// What this participant publishes.
fn streams(plan: &Plan, number: u32) -> Vec<StreamPlan> {
    if number as usize >= plan.shape.publishers() {
        return Vec::new();
    }
    let (zero, one) = (Mid::new(b"0").expect("a token"), Mid::new(b"1").expect("a token"));
    let ssrc = |place: u32| Ssrc(1_000 + 10 * number + place);
    let video = |bitrate, place, rid| {
        let kind = Kind::Video { bitrate, frames_per_second: plan.frames_per_second };
        StreamPlan { kind, ssrc: ssrc(place), mid: zero, rid }
    };
    let audio = |mid| StreamPlan { kind: Kind::Audio, ssrc: ssrc(5), mid, rid: None };
    match plan.shape {
        Shape::Livestream { .. } => vec![video(plan.video, 0, None)],
        Shape::Meeting { simulcast: false, .. } => vec![video(plan.video, 0, None), audio(one)],
        Shape::Meeting { simulcast: true, .. } => {
            let rate = |share| Bitrate::scaled(plan.video, share);
            // LiveKit's clients: 0.15, 0.45 and 1.7 Mb/s.
            vec![
                video(rate(0.09), 0, Rid::new(b"q")),
                video(rate(0.27), 1, Rid::new(b"h")),
                video(plan.video, 2, Rid::new(b"f")),
                audio(one),
            ]
        }
        Shape::Audio { .. } => vec![audio(zero)],
    }
}

/// The address from which this machine reaches the server.
fn our_address(url: &str) -> Result<IpAddr, LoadError> {
    let unknown = || LoadError::Address(url.to_owned());
    let (scheme, rest) = url.split_once("://").ok_or_else(unknown)?;
    let authority = rest.split('/').next().unwrap_or_default();
    let secure = matches!(scheme, "wss" | "https");
    let port = if secure { 443 } else { 80 };
    let resolved = authority.to_socket_addrs().or_else(|_| (authority, port).to_socket_addrs());
    let mut addresses = resolved.map_err(|_| unknown())?;
    // Media goes over IPv4 where there is a choice.
    let first = addresses.clone().find(std::net::SocketAddr::is_ipv4).or_else(|| addresses.next());
    let server = first.ok_or_else(unknown)?;
    let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
    let probe = UdpSocket::bind((any, 0))?;
    probe.connect(server)?;
    Ok(probe.local_addr()?.ip())
}

#[expect(clippy::cast_precision_loss, reason = "counts and bytes are far below 2^53")]
fn report(
    plan: &Plan,
    counts: &Counts,
    measured: Duration,
    began: &BTreeMap<u32, Instant>,
    usages: [Option<Usage>; 4],
) -> Report {
    let mut first_packets = Histogram::default();
    // Who joins first waits for the others; only later ones meet running media.
    let first = if matches!(plan.shape, Shape::Meeting { .. }) { 1 } else { plan.shape.publishers() };
    for (person, at) in counts.first_media.iter().filter(|(person, _)| **person as usize >= first) {
        first_packets.add(at.saturating_duration_since(began[person]));
    }
    let ms = |time: Option<Duration>| time.map(|time| time.as_secs_f64() * 1e3);
    let packets = counts.received as f64;
    let people = plan.shape.people() as f64;
    let seconds = measured.as_secs_f64();
    let server = if let [Some(before), Some(joined), Some(start), Some(end)] = usages {
        let cpu = end.cpu.saturating_sub(start.cpu).as_secs_f64();
        let mb = |bytes: u64| bytes as f64 / 1e6;
        Some(ServerReport {
            cpu_per_join_ms: joined.cpu.saturating_sub(before.cpu).as_secs_f64() * 1e3 / people,
            core: cpu / seconds,
            cpu_per_packet_us: (counts.received > 0).then(|| cpu * 1e6 / packets),
            packets_per_core_second: (counts.received > 0 && cpu > 0.0).then(|| packets / cpu),
            rss_before_mb: mb(before.rss_bytes),
            rss_mb: mb(end.rss_bytes),
            rss_per_participant_kb: end.rss_bytes.saturating_sub(before.rss_bytes) as f64 / 1e3 / people,
        })
    } else {
        None
    };
    Report {
        shape: plan.shape.to_string(),
        participants: plan.shape.people(),
        measured_s: seconds,
        packets: counts.received,
        packets_per_second: packets / seconds,
        lost_percent: 100.0 * counts.lost as f64 / (packets + counts.lost as f64).max(1.0),
        delay_p50_ms: ms(counts.delays.quantile(0.5)),
        delay_p99_ms: ms(counts.delays.quantile(0.99)),
        first_packet_p50_ms: ms(first_packets.quantile(0.5)),
        first_packet_p95_ms: ms(first_packets.quantile(0.95)),
        generator_core: counts.cpu.as_secs_f64() / seconds,
        server,
    }
}

/// Longest time until everybody who has joined is connected.
const CONNECT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
