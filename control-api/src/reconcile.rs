//! Makes the wanted state of every stage true, again after any restart of anything.
//!
//! Each round reads the active recordings from the database and takes one step for each (decided by
//! [`crate::recording`]). A step may be repeated, and a process may die between any two.

use std::time::Duration;

use futures::future::join_all;
use ids::AssetId;
use serve::CancellationToken;
use wire::media::NewRecording;
use wire::mixer::{OnStage, StageSpec, StageStatus as MixerStatus};

use crate::problem::Problem;
use crate::recording::{Medium, Progress, Recording, RecordingState, Step, must_tell, next_step, progress};
use crate::state::App;
use crate::upstream::UpstreamError;

/// Runs until `stop`.
pub(crate) async fn run(app: App, stop: CancellationToken) {
    let mut rounds: u64 = 0;
    loop {
        let rest = round(&app).await;
        if rounds.is_multiple_of(ROUNDS_PER_CLEANING)
            && let Err(error) = app.store.forget_old_keys().await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "old rows are kept for now");
        }
        rounds += 1;
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.changed.notified() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// One step for each active recording. Returns when to look again.
async fn round(app: &App) -> Duration {
    match app.store.active_recordings().await {
        Ok(recordings) => {
            app.metrics.active_recordings.set(i64::try_from(recordings.len()).unwrap_or(i64::MAX));
            join_all(recordings.iter().map(|recording| attend(app, recording))).await;
            let moving = |recording: &Recording| recording.state != RecordingState::Live;
            match recordings.iter().any(moving) {
                true => MOVING_REST,
                false if recordings.is_empty() => IDLE_REST,
                false => LIVE_REST,
            }
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the wanted state cannot be read");
            LIVE_REST
        }
    }
}

async fn attend(app: &App, recording: &Recording) {
    let outcome = advance(app, recording).await;
    let trouble = outcome.as_ref().err().map(ToString::to_string);
    let before = app.air.heard(&recording.stage_id).trouble;
    if let Err(problem) = &outcome {
        app.metrics.reconcile_failures.inc();
        if before != trouble {
            let error = problem as &dyn std::error::Error;
            tracing::warn!(stage = %recording.stage_id, error, "a stage is not as wanted; trying again");
        }
    } else if before.is_some() {
        tracing::info!(stage = %recording.stage_id, "the stage is as wanted again");
    }
    match outcome {
        Ok(Outcome::Over) => app.air.forget(&recording.stage_id),
        Ok(Outcome::GoesOn) | Err(_) => app.air.note(&recording.stage_id, |heard| heard.trouble = trouble),
    }
}

/// Whether a recording needs further rounds.
enum Outcome {
    GoesOn,
    Over,
}

async fn advance(app: &App, recording: &Recording) -> Result<Outcome, Problem> {
    match next_step(recording) {
        Step::MakeAsset => {
            let medium = make_asset(app, recording).await?;
            show(app, recording, &medium.asset_id).await
        }
        Step::Show(asset) => show(app, recording, &asset).await,
        Step::End(asset) => end(app, recording, &asset).await,
        Step::Close => close(app, recording).await,
    }
}

async fn make_asset(app: &App, recording: &Recording) -> Result<Medium, Problem> {
    let wanted = NewRecording {
        stage_id: recording.stage_id.clone(),
        title: recording.title.clone(),
        policy: recording.policy,
    };
    let made = app.media.make_recording(&recording.id, &wanted).await?;
    let medium = Medium { asset_id: made.asset_id, playback_id: made.playback_id };
    app.store.set_medium(recording, &medium).await?;
    tracing::info!(stage = %recording.stage_id, asset = %medium.asset_id, "the stage has an asset");
    Ok(medium)
}

async fn show(app: &App, recording: &Recording, asset: &AssetId) -> Result<Outcome, Problem> {
    let spec = wanted(app, recording, asset).await?;
    let stage = &recording.stage_id;
    let says = missing_as_none(app.mixer.status(stage).await)?;
    let told = app.air.heard(stage).told;
    let says = match says {
        Some(says) if !must_tell(&spec, told.as_ref(), Some(&says)) => says,
        _ => {
            app.rooms.create(&spec.room).await?;
            app.mixer.show(stage, &spec).await?
        }
    };
    app.air.note(stage, |heard| {
        heard.told = Some(spec);
        heard.says = Some(says.clone());
    });
    settle(app, recording, asset, &says).await
}

async fn end(app: &App, recording: &Recording, asset: &AssetId) -> Result<Outcome, Problem> {
    let says = missing_as_none(app.mixer.end(&recording.stage_id).await)?;
    if let Some(says) = says.filter(|says| says.asset_id == *asset) {
        app.air.note(&recording.stage_id, |heard| heard.says = Some(says.clone()));
        return settle(app, recording, asset, &says).await;
    }
    // The mixer does not know the stage (any more): MAR finishes what the bucket holds.
    if app.media.is_settled(asset).await? { close(app, recording).await } else { Ok(Outcome::GoesOn) }
}

async fn settle(
    app: &App,
    recording: &Recording,
    asset: &AssetId,
    says: &MixerStatus,
) -> Result<Outcome, Problem> {
    match progress(recording.state, asset, says) {
        Progress::None => Ok(Outcome::GoesOn),
        Progress::Live => {
            app.store.mark_live(&recording.id).await?;
            tracing::info!(stage = %recording.stage_id, %asset, "the stage is live");
            Ok(Outcome::GoesOn)
        }
        Progress::Sealed => close(app, recording).await,
    }
}

async fn close(app: &App, recording: &Recording) -> Result<Outcome, Problem> {
    app.store.mark_ended(&recording.id).await?;
    if let Some(medium) = &recording.medium {
        app.media.forget(&medium.asset_id);
    }
    tracing::info!(stage = %recording.stage_id, "the stage has ended");
    Ok(Outcome::Over)
}

/// What the mixer should do for this recording.
async fn wanted(app: &App, recording: &Recording, asset: &AssetId) -> Result<StageSpec, Problem> {
    let stage = app.store.stage(&recording.stage_id).await?.ok_or(Problem::NotFound)?;
    let names = app.store.names(&stage.programme.on_stage).await?;
    let name_of =
        |identity: &String| names.iter().find(|(known, _)| known == identity).map(|(_, name)| name.clone());
    let on_stage = stage.programme.on_stage.iter().map(|identity| OnStage {
        identity: identity.clone(),
        name: name_of(identity).unwrap_or_else(|| identity.clone()),
    });
    Ok(StageSpec {
        room: stage.id.to_string(),
        asset_id: asset.clone(),
        layout: stage.programme.layout.into(),
        on_stage: on_stage.collect(),
        title: stage.title,
    })
}

fn missing_as_none<T>(result: Result<T, UpstreamError>) -> Result<Option<T>, UpstreamError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(UpstreamError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// While people wait for a stage to start or end.
const MOVING_REST: Duration = Duration::from_millis(300);

/// While something is on air: health is shown with at most this delay.
const LIVE_REST: Duration = Duration::from_secs(1);

/// Another process may have written a wish.
const IDLE_REST: Duration = Duration::from_secs(5);

/// About every ten minutes while on air, every fifty otherwise.
const ROUNDS_PER_CLEANING: u64 = 600;
