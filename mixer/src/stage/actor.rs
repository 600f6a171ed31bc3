//! The child of one stage: started, shown scenes, started again, stopped.
//!
//! Decides when a child runs; what its messages mean is [`super::run`]'s business.
//!
//! ```text
//!          show                child gone                 back-off over
//! Parked ───────▶ Rolling ────────────────▶ Waiting ────────────────────▶ Rolling
//!                    │ end, suspend            │ end, suspend
//!                    ▼        child gone       ▼
//!                 Stopping ──────────────────▶ Over      (from Parked: at once)
//! ```
//! While the spool is full the child is asked to stop, and Waiting goes on until there is room.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mixer_core::backoff::Backoff;
use mixer_core::layout;
use mixer_core::progress::{Patience, Progress};
use mixer_core::recording::Entry;
use telemetry::Pii;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wire::mixer::StageSpec;

use super::run::{Run, RunError};
use super::{Claim, Command, Goal, Stage};
use crate::chance;
use crate::child_protocol::{FromChild, Notice, Rect, Scene, Start, Tile, Timeline, ToChild};
use crate::ledger::LedgerError;
use crate::supervisor::{ChildEvent, RunningChild};

/// Runs until the stage is over.
pub(super) async fn supervise(stage: Arc<Stage>, mut commands: mpsc::Receiver<Command>) {
    let backoff = Backoff::new(RESTART_BASE, RESTART_CAP);
    let mut actor = Actor { stage, spec: None, runs: 0, backoff, state: State::Parked };
    while !matches!(actor.state, State::Over) {
        let wake = actor.wake_at();
        tokio::select! {
            // After a slow disk the child's segments are here before the alarm that there are none.
            biased;
            command = commands.recv() => match command {
                Some(command) => actor.handle_command(command).await,
                None => actor.handle_command(Command::Suspend).await,
            },
            event = next_event(&mut actor.state) => actor.handle_event(event).await,
            () = tokio::time::sleep_until(wake) => actor.handle_timeout().await,
        }
    }
}

struct Actor {
    stage: Arc<Stage>,
    /// `None`: nobody asked for this stage since the service started.
    spec: Option<StageSpec>,
    /// Children started by this process.
    runs: u32,
    backoff: Backoff,
    state: State,
}

enum State {
    Parked,
    Waiting { until: Instant },
    Rolling(Rolling),
    Stopping { rolling: Rolling, until: Instant, then: Goal },
    Over,
}

/// A child at work.
struct Rolling {
    child: RunningChild,
    run: Run,
    started_at: Instant,
    /// Of the newest segment set, or of the start.
    set_at: Instant,
    /// Counts from `started_at`.
    progress: Progress,
    /// It made at least one set: it works in principle.
    proven: bool,
    /// No set for too long, and said so.
    alarmed: bool,
}

impl Rolling {
    fn new(child: RunningChild, run: Run, renditions: usize, patience: Patience) -> Self {
        let now = Instant::now();
        let progress = Progress::new(Duration::ZERO, renditions, patience);
        Self { child, run, started_at: now, set_at: now, progress, proven: false, alarmed: false }
    }

    fn give_up_at(&self) -> Instant {
        self.started_at + self.progress.deadline()
    }

    fn on_encoded(&mut self, up_to_us: &[u64]) {
        self.progress.handle_encoded(self.started_at.elapsed(), up_to_us);
    }

    fn on_set(&mut self) {
        self.set_at = Instant::now();
        (self.proven, self.alarmed) = (true, false);
    }
}

async fn next_event(state: &mut State) -> ChildEvent {
    match state {
        State::Rolling(rolling) | State::Stopping { rolling, .. } => rolling.child.event().await,
        State::Parked | State::Waiting { .. } | State::Over => std::future::pending().await,
    }
}

impl Actor {
    fn wake_at(&self) -> Instant {
        match &self.state {
            State::Waiting { until } | State::Stopping { until, .. } => *until,
            State::Rolling(rolling) if rolling.alarmed => rolling.give_up_at(),
            State::Rolling(rolling) => self.alarm_at(rolling).min(rolling.give_up_at()),
            State::Parked | State::Over => Instant::now() + IDLE,
        }
    }

    fn alarm_at(&self, rolling: &Rolling) -> Instant {
        rolling.set_at + if rolling.proven { self.set_patience() } else { START_PATIENCE }
    }

    /// Two target durations.
    fn set_patience(&self) -> Duration {
        self.stage.context.config.ladder.segment * 2 + PIPELINE_DELAY
    }

    async fn handle_command(&mut self, command: Command) {
        match command {
            Command::Show(spec) => self.show(spec).await,
            Command::End => match self.stage.ledger.record(Entry::EndAsked).await {
                Ok(()) => self.stop(Goal::Seal),
                // The end is not durable, but the wish is clear; it is asked again after a restart.
                Err(error) => {
                    self.disk_failed(&error);
                    self.stop(Goal::Seal);
                }
            },
            Command::Suspend => self.stop(Goal::Suspend),
        }
    }

    async fn show(&mut self, spec: StageSpec) {
        let scene = scene(&spec);
        let before = self.spec.replace(spec).map(|before| before.room);
        let other_room = before.is_some() && before != self.spec.as_ref().map(|spec| spec.room.clone());
        match &self.state {
            State::Parked => {
                self.stage.claim.send_replace(Claim::UnderWay);
                tokio::spawn(claim(Arc::clone(&self.stage)));
                self.stage.context.metrics.live_stages.inc();
                self.start().await;
            }
            // A run listens to one room: it ends in order, and the next one begins in the other room.
            State::Rolling(rolling) if other_room => rolling.child.order(ToChild::Stop),
            State::Rolling(rolling) => rolling.child.order(ToChild::Scene(scene)),
            State::Waiting { .. } | State::Stopping { .. } | State::Over => {}
        }
    }

    fn stop(&mut self, then: Goal) {
        if !matches!(self.state, State::Parked | State::Over) {
            self.stage.context.metrics.live_stages.dec();
        }
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Rolling(rolling) => {
                rolling.child.order(ToChild::Stop);
                State::Stopping { rolling, until: Instant::now() + STOP_PATIENCE, then }
            }
            // An end during a suspension wins: the recording is sealed with what there is.
            State::Stopping { rolling, until, then: Goal::Suspend } => {
                State::Stopping { rolling, until, then }
            }
            stopping @ State::Stopping { .. } => stopping,
            State::Parked | State::Waiting { .. } | State::Over => {
                self.stage.goal.send_replace(then);
                State::Over
            }
        };
    }

    async fn handle_timeout(&mut self) {
        match &mut self.state {
            State::Waiting { until } if self.stage.context.spool_is_full() => {
                *until = Instant::now() + SPOOL_PAUSE;
            }
            State::Waiting { .. } => self.start().await,
            State::Stopping { rolling, until, .. } => {
                tracing::warn!(stage = %self.stage.stage_id, "a mixer child did not stop in time");
                rolling.child.kill();
                // Its exit follows; this only keeps the timer from firing again at once.
                *until = Instant::now() + STOP_PATIENCE;
            }
            State::Rolling(rolling) => {
                let (stage, silent) = (&self.stage.stage_id, rolling.set_at.elapsed());
                if Instant::now() >= rolling.give_up_at() {
                    tracing::error!(%stage, ?silent, "a mixer child stands still and is ended");
                    rolling.child.kill();
                    // Its exit follows; this only keeps the timer from firing again at once.
                    rolling.progress = Progress::new(rolling.started_at.elapsed(), 1, START);
                } else {
                    tracing::error!(%stage, ?silent, "no segment set for two target durations");
                    self.stage.context.metrics.stalls.inc();
                    rolling.alarmed = true;
                }
            }
            State::Parked | State::Over => {}
        }
    }

    async fn handle_event(&mut self, event: ChildEvent) {
        match event {
            ChildEvent::Message(message, bytes) => self.handle_message(*message, bytes).await,
            ChildEvent::Exited(reason) => self.on_exit(&reason),
        }
    }

    async fn handle_message(&mut self, message: FromChild, bytes: Bytes) {
        let (State::Rolling(rolling) | State::Stopping { rolling, .. }) = &mut self.state else { return };
        let done = match message {
            FromChild::Init(init) => rolling.run.handle_init(&init, bytes).await.map(|()| false),
            FromChild::Segment(segment) => rolling.run.handle_segment(&segment, bytes).await,
            FromChild::Health { health, encoded_us } => {
                rolling.on_encoded(&encoded_us);
                self.stage.facts.lock().unwrap_or_else(PoisonError::into_inner).health = Some(health);
                Ok(false)
            }
            FromChild::Notice(notice) => {
                log_notice(&self.stage, &notice);
                Ok(false)
            }
            // Its exit follows.
            FromChild::Ended => Ok(false),
        };
        match done {
            Ok(false) => {}
            Ok(true) => {
                self.stage.context.metrics.sets.inc();
                if !rolling.proven {
                    let after = rolling.started_at.elapsed();
                    tracing::info!(stage = %self.stage.stage_id, ?after, "the first segment set of a run");
                }
                rolling.on_set();
                self.backoff.on_success();
                if self.stage.context.spool_is_full() {
                    tracing::error!(stage = %self.stage.stage_id, "the spool is full: the stage pauses");
                    rolling.child.order(ToChild::Stop);
                }
            }
            Err(error) => {
                tracing::error!(stage = %self.stage.stage_id, %error, "a mixer child's run cannot go on");
                rolling.child.kill();
                // A full or broken disk, not a good child: wait before the next one.
                if let RunError::Ledger(_) = error {
                    rolling.proven = false;
                    self.stage.context.metrics.spool_failures.inc();
                }
            }
        }
    }

    fn on_exit(&mut self, reason: &str) {
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Rolling(rolling) => {
                let dropped = rolling.run.discard_incomplete();
                self.stage.context.metrics.dropped_segments.inc_by(dropped);
                // A child that worked is replaced at once; one that never did may not be able to.
                let delay = if rolling.proven { Duration::ZERO } else { self.backoff.on_failure(chance()) };
                let stage = &self.stage.stage_id;
                tracing::error!(%stage, reason, dropped, ?delay, "a mixer child is gone and is started again");
                State::Waiting { until: Instant::now() + delay }
            }
            State::Stopping { rolling, then, .. } => {
                let dropped = rolling.run.discard_incomplete();
                self.stage.context.metrics.dropped_segments.inc_by(dropped);
                tracing::info!(stage = %self.stage.stage_id, reason, dropped, "a mixer child has stopped");
                self.stage.goal.send_replace(then);
                State::Over
            }
            other @ (State::Parked | State::Waiting { .. } | State::Over) => other,
        };
    }

    async fn start(&mut self) {
        self.state = match self.try_start().await {
            Ok(rolling) => State::Rolling(rolling),
            Err(error) => {
                self.disk_failed(&error);
                State::Waiting { until: Instant::now() + self.backoff.on_failure(chance()) }
            }
        };
    }

    async fn try_start(&mut self) -> Result<Rolling, LedgerError> {
        let stage = &self.stage;
        let config = &stage.context.config;
        let Some(spec) = &self.spec else { return Err(std::io::Error::other("nothing to show").into()) };
        let next = stage.ledger.read(|recording| recording.next_run());
        stage.ledger.record(Entry::RunStarted { run: next.run }).await?;
        let child = RunningChild::spawn(&config.child)?;
        let start = Start {
            link_addr: config.sfu_link_addr,
            link_identity: config.link_identity.clone(),
            room: spec.room.clone(),
            participant: format!("mixer-{}", stage.stage_id),
            next_segment: next.first_segment,
            run: next.run,
            timeline: Timeline { epoch_us: next.epoch_us, resume_at_us: next.resume_at_us },
            video: config.ladder.video.clone(),
            audio: config.ladder.audio.clone(),
            segment_ms: u32::try_from(config.ladder.segment.as_millis()).unwrap_or(u32::MAX),
        };
        child.order(ToChild::Start(Box::new(start)));
        child.order(ToChild::Scene(scene(spec)));
        tracing::info!(stage = %stage.stage_id, run = next.run, pid = child.pid(), "a mixer child starts");
        if self.runs > 0 {
            stage.context.metrics.child_restarts.inc();
            stage.facts.lock().unwrap_or_else(PoisonError::into_inner).restarts += 1;
        }
        self.runs += 1;
        let run = Run::new(&next, config.ladder.clone(), Arc::clone(&stage.ledger));
        let patience = Patience { still: self.set_patience() * 3, ..START };
        Ok(Rolling::new(child, run, config.ladder.names().count(), patience))
    }

    fn disk_failed(&self, error: &LedgerError) {
        tracing::error!(stage = %self.stage.stage_id, %error, "the spool refuses");
        self.stage.context.metrics.spool_failures.inc();
    }
}

/// Tells the media service who serves this recording, until it knows or the stage is over.
async fn claim(stage: Arc<Stage>) {
    let mut goal = stage.goal.subscribe();
    let mut backoff = Backoff::new(CLAIM_BASE, CLAIM_CAP);
    while *goal.borrow_and_update() == Goal::Follow {
        let context = &stage.context;
        let Err(error) = context.media.claim(&stage.asset_id, &context.config.base_url).await else { break };
        tracing::warn!(stage = %stage.stage_id, %error, "the media service did not take the claim");
        let delay = backoff.on_failure(chance());
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            _changed = goal.changed() => {}
        }
    }
    stage.claim.send_replace(Claim::Settled);
}

/// Everybody on the stage, once, with the tile that the layout gives.
fn scene(spec: &StageSpec) -> Scene {
    let mut on_stage = spec.on_stage.clone();
    let mut seen = std::collections::HashSet::new();
    on_stage.retain(|participant| seen.insert(participant.identity.clone()));
    let places = layout::place(spec.layout, on_stage.len());
    let tiles = on_stage.into_iter().zip(places).map(|(participant, place)| Tile {
        identity: participant.identity,
        name: participant.name,
        rect: place.map(|layout::Rect { x, y, width, height }| Rect { x, y, width, height }),
        z: 1,
    });
    Scene { tiles: tiles.collect(), title: spec.title.clone() }
}

fn log_notice(stage: &Stage, notice: &Notice) {
    let stage = &stage.stage_id;
    match notice {
        Notice::TrackStarted { identity, source, codec } => {
            tracing::info!(%stage, identity = %Pii(identity), ?source, ?codec, "a track arrives at a mixer");
        }
        Notice::TrackEnded { identity, source } => {
            tracing::info!(%stage, identity = %Pii(identity), ?source, "a track at a mixer ended");
        }
        Notice::LinkLost { reason } => tracing::warn!(%stage, reason, "a mixer lost its link to the SFU"),
        Notice::LinkUp => tracing::info!(%stage, "a mixer's link to the SFU is up"),
    }
}

/// A child that dies before its first set is started again after this, then after longer pauses.
const RESTART_BASE: Duration = Duration::from_millis(500);
const RESTART_CAP: Duration = Duration::from_secs(10);

const CLAIM_BASE: Duration = Duration::from_millis(200);
const CLAIM_CAP: Duration = Duration::from_secs(5);

/// From the order to stop to the child's end: half a second of pipeline and a segment to write. The replay
/// is promised within ten seconds of the end.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Loading plug-ins, decoding the first frames and filling a segment on a busy machine.
const START_PATIENCE: Duration = Duration::from_secs(15);

/// How long a rendition may stand still that has not begun; afterwards three times the alarm's patience.
const START: Patience =
    Patience { start: Duration::from_secs(3 * START_PATIENCE.as_secs()), still: START_PATIENCE };

/// Between two looks whether the spool has room again.
const SPOOL_PAUSE: Duration = Duration::from_secs(1);

/// Encoders and muxers, between the end of a segment and its last byte.
pub(super) const PIPELINE_DELAY: Duration = Duration::from_millis(500);

/// Nothing is due.
const IDLE: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use wire::mixer::{LayoutKind, OnStage};

    use super::*;

    #[test]
    fn somebody_named_twice_has_one_tile() {
        let person = |identity: &str| OnStage { identity: identity.into(), name: identity.into() };
        let scene = scene(&StageSpec {
            room: "r".into(),
            asset_id: ids::AssetId::from_bits(1),
            layout: LayoutKind::SideBySide,
            on_stage: vec![person("ada"), person("ada"), person("grace"), person("mary")],
            title: "t".into(),
        });
        let seen: Vec<_> =
            scene.tiles.iter().map(|tile| (tile.identity.as_str(), tile.rect.is_some())).collect();
        assert_eq!(seen, [("ada", true), ("grace", true), ("mary", false)]);
    }
}
