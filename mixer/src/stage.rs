//! One stage in the mixer: its recording, its child, its uploads, and what it shows of itself.
//!
//! Holds what the parts share. [`actor`] starts and restarts the child, [`run`] makes its segments durable,
//! [`uploader`] brings them to the bucket and seals the recording.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bucket::Bucket;
use bytes::Bytes;
use hls::playlist::Lifecycle;
use hls::recording::{View, media_playlist, multivariant};
use ids::{AssetId, StageId};
use mixer_core::recording::{Phase, Recording};
use tokio::sync::{mpsc, watch};
use wire::mixer::{Health, Saving, StageSpec, StageState, StageStatus};

use crate::config::Config;
use crate::ledger::Ledger;
use crate::media_client::MediaClient;
use crate::metrics::Metrics;

mod actor;
mod run;
mod uploader;

/// What all stages of the service share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) bucket: Bucket,
    pub(crate) media: MediaClient,
    pub(crate) metrics: Metrics,
    spool_full: AtomicBool,
}

impl Context {
    pub(crate) fn new(config: Config, bucket: Bucket, media: MediaClient, metrics: Metrics) -> Self {
        Self { config, bucket, media, metrics, spool_full: AtomicBool::new(false) }
    }

    /// Whether so much waits for the bucket that no stage may make more.
    pub(crate) fn spool_is_full(&self) -> bool {
        self.spool_full.load(Ordering::Relaxed)
    }

    pub(crate) fn set_spool_full(&self, full: bool) {
        self.spool_full.store(full, Ordering::Relaxed);
    }
}

/// One stage.
#[derive(Debug)]
pub(crate) struct Stage {
    stage_id: StageId,
    asset_id: AssetId,
    context: Arc<Context>,
    ledger: Arc<Ledger>,
    commands: mpsc::Sender<Command>,
    goal: watch::Sender<Goal>,
    claim: watch::Sender<Claim>,
    facts: Mutex<Facts>,
    rendered: Mutex<HashMap<String, Rendered>>,
}

/// What somebody wants of a stage.
#[derive(Debug)]
enum Command {
    /// Show this; start if nothing runs.
    Show(StageSpec),
    /// Stop for good.
    End,
    /// Stop because the service stops; the recording may go on later.
    Suspend,
}

/// What the uploads lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    /// More sets will come.
    Follow,
    /// No more sets come from this process; finish so that a replay plays, but the recording may go on.
    Suspend,
    /// No more sets will ever come.
    Seal,
    /// Everything that could be done is done.
    Done,
}

/// Whether the media service knows that this mixer serves the recording.
///
/// A claim reopens a finished recording, so the finish must not overtake one that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// Nobody is telling it.
    Settled,
    /// It is being told.
    UnderWay,
}

/// Facts of the child that are not in the recording.
#[derive(Debug, Clone, Default)]
struct Facts {
    restarts: u32,
    health: Option<Health>,
}

/// A rendered playlist and the version of the recording that it shows.
#[derive(Debug, Clone)]
struct Rendered {
    version: u64,
    ended: bool,
    text: Bytes,
}

/// Which playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Playlist<'a> {
    /// `index.m3u8`, `live.m3u8`.
    Multivariant(View),
    /// `<rendition>.m3u8`, `live-<rendition>.m3u8`.
    Media(View, &'a str),
}

/// Why there is no playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlaylist {
    /// There is no segment yet.
    NotYet,
    /// The ladder has no such rendition.
    Unknown,
}

impl Stage {
    /// Starts the tasks of a recording. No child runs until [`Self::show`].
    pub(crate) fn start(context: Arc<Context>, ledger: Ledger) -> Arc<Self> {
        let (commands, received) = mpsc::channel(16);
        let (stage_id, asset_id) =
            ledger.read(|recording| (recording.stage_id().clone(), recording.asset_id().clone()));
        let stage = Arc::new(Self {
            stage_id,
            asset_id,
            context,
            ledger: Arc::new(ledger),
            commands,
            goal: watch::Sender::new(Goal::Follow),
            claim: watch::Sender::new(Claim::Settled),
            facts: Mutex::default(),
            rendered: Mutex::default(),
        });
        tokio::spawn(actor::supervise(Arc::clone(&stage), received));
        tokio::spawn(uploader::upload(Arc::clone(&stage)));
        stage
    }

    pub(crate) fn stage_id(&self) -> &StageId {
        &self.stage_id
    }

    pub(crate) fn asset_id(&self) -> &AssetId {
        &self.asset_id
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    pub(crate) fn phase(&self) -> Phase {
        self.ledger.read(|recording| recording.phase())
    }

    /// Shows this from now on; starts the child when none was wanted yet.
    pub(crate) async fn show(&self, spec: StageSpec) {
        // A stage that is over has no use for it.
        let _ = self.commands.send(Command::Show(spec)).await;
    }

    /// Ends the stage; the bucket gets the rest, and the recording is sealed.
    pub(crate) async fn end(&self) {
        let _ = self.commands.send(Command::End).await;
    }

    /// Stops the child and waits until the bucket has everything and a replay plays. The recording may go
    /// on when the service starts again.
    pub(crate) async fn suspend(&self) {
        let mut goal = self.goal.subscribe();
        let _ = self.commands.send(Command::Suspend).await;
        // The sender lives as long as `self`.
        let _ = goal.wait_for(|goal| *goal == Goal::Done).await;
    }

    pub(crate) fn status(&self) -> StageStatus {
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.ledger.read(|recording| StageStatus {
            stage_id: self.stage_id.clone(),
            asset_id: self.asset_id.clone(),
            state: match recording.phase() {
                Phase::Starting => StageState::Starting,
                Phase::Live => StageState::Live,
                Phase::Draining => StageState::Draining,
                Phase::Sealed => StageState::Ended,
            },
            duration_ms: recording.duration_ms(),
            saved_up_to_us: recording.saved_up_to_us(),
            spool_files: recording.unsaved().iter().map(|set| set.segments.len() as u64).sum(),
            spool_bytes: recording.unsaved_bytes(),
            saving: self.saving(recording),
            restarts: facts.restarts,
            health: facts.health,
        })
    }

    fn saving(&self, recording: &Recording) -> Saving {
        let pausing = matches!(recording.phase(), Phase::Starting | Phase::Live);
        if pausing && self.context.spool_is_full() {
            return Saving::SpoolFull;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        match recording.oldest_unsaved_us() {
            Some(since_us) if now.saturating_sub(micros_since_epoch(since_us)) > self.usual_delay() => {
                Saving::Waiting { since_us }
            }
            Some(_) | None => Saving::Following,
        }
    }

    /// A segment is on its way to the bucket for less than this: two segments' time.
    fn usual_delay(&self) -> Duration {
        self.context.config.ladder.segment * 2 + actor::PIPELINE_DELAY
    }

    /// Whether viewers can be told that nothing more comes.
    fn is_ended(&self) -> bool {
        let over = match *self.goal.borrow() {
            Goal::Follow | Goal::Suspend => false,
            Goal::Seal | Goal::Done => true,
        };
        over && matches!(self.phase(), Phase::Draining | Phase::Sealed)
    }

    /// A playlist's text; rendered once per change of the recording.
    pub(crate) fn playlist(&self, playlist: Playlist<'_>) -> Result<Bytes, NoPlaylist> {
        let name = match playlist {
            Playlist::Multivariant(View::Rewind) => "index.m3u8".to_owned(),
            Playlist::Multivariant(View::Live) => "live.m3u8".to_owned(),
            Playlist::Media(view, rendition) => view.playlist_name(rendition),
        };
        let (version, ended) = (self.ledger.version(), self.is_ended());
        let mut rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = rendered.get(&name)
            && (known.version, known.ended) == (version, ended)
        {
            return Ok(known.text.clone());
        }
        let text = Bytes::from(self.render(playlist, ended)?);
        rendered.insert(name, Rendered { version, ended, text: text.clone() });
        Ok(text)
    }

    fn render(&self, playlist: Playlist<'_>, ended: bool) -> Result<String, NoPlaylist> {
        self.ledger.read(|recording| {
            if recording.sets().is_empty() {
                return Err(NoPlaylist::NotYet);
            }
            match playlist {
                Playlist::Multivariant(view) => {
                    Ok(multivariant(recording.renditions(), recording.sets(), Vec::new(), view))
                }
                Playlist::Media(view, rendition) => {
                    let lifecycle = match (view, ended) {
                        (View::Live, false) => Lifecycle::Sliding,
                        (View::Rewind, false) => Lifecycle::Event,
                        (View::Live | View::Rewind, true) => Lifecycle::EndedEvent,
                    };
                    media_playlist(recording.renditions(), recording.sets(), rendition, lifecycle)
                        .ok_or(NoPlaylist::Unknown)
                }
            }
        })
    }
}

fn micros_since_epoch(us: i64) -> Duration {
    Duration::from_micros(u64::try_from(us).unwrap_or(0))
}
