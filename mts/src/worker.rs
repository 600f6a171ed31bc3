//! A worker: claims a job, brings its input, runs its child, stores the result and publishes it once.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bucket::{Bucket, Kind};
use mar::asset::{AssetState, Failure, Playable, StaticRendition};
use mar::registry::{self, Registry};
use serve::CancellationToken;
use tokio::sync::watch;
use wire::media::{IndexChunk, RenditionKind};

use crate::db;
use crate::job::{Claim, Lane, Making};
use crate::protocol::{Bounds, Order, Output, Transform};
use crate::run::{self, ChildCommand, RunError};

/// What all workers of a process share.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) registry: Registry,
    pub(crate) work_dir: PathBuf,
    pub(crate) child: ChildCommand,
    pub(crate) bounds: Bounds,
    pub(crate) lease: Duration,
}

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("storage: {0}")]
    Bucket(#[from] bucket::BucketError),
    #[error("the registry: {0}")]
    Media(#[from] mar::MediaError),
    #[error(transparent)]
    Database(#[from] db::DbError),
    #[error("the work folder: {0}")]
    Io(#[from] std::io::Error),
    #[error("the job is no longer ours")]
    Lost,
}

impl From<sqlx::Error> for JobError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Works until `stop`; a job in progress is given up and taken over by another worker, or the next start.
pub(crate) async fn work(shop: Arc<Shop>, lane: Lane, stop: CancellationToken) {
    loop {
        let worked = tokio::select! {
            () = stop.cancelled() => return,
            worked = once(&shop, lane) => worked,
        };
        let pause = match worked {
            Ok(true) => continue,
            Ok(false) => IDLE,
            Err(error) => {
                tracing::warn!(%error, "a worker could not look for jobs");
                TROUBLE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// True when there was a job.
async fn once(shop: &Shop, lane: Lane) -> Result<bool, JobError> {
    let db = shop.registry.db();
    db::queue_missing(db).await?;
    let Some(claim) = db::claim(db, lane, shop.lease).await? else { return Ok(false) };
    if db::is_exhausted(&claim) {
        give_up(shop, &claim, "quarantined", "Reading the file ended its worker several times.").await?;
        return Ok(true);
    }
    tracing::info!(job = %claim.id, asset = %claim.asset_id, making = claim.making.name(), attempt = claim.attempts, "a transform begins");
    let dir = shop.work_dir.join(format!("{}-{}", claim.id, claim.fence));
    let made = make(shop, &claim, &dir).await;
    if let Err(error) = tokio::fs::remove_dir_all(&dir).await {
        tracing::warn!(%error, "a work folder was not removed");
    }
    if let Err(error) = made {
        settle(shop, &claim, error).await?;
    }
    Ok(true)
}

async fn settle(shop: &Shop, claim: &Claim, error: JobError) -> Result<(), JobError> {
    let db = shop.registry.db();
    // What was stored under this attempt's prefix is nobody's.
    if let Err(error) = shop.registry.bucket().delete_below(&format!("{}/", claim.prefix())).await {
        tracing::warn!(%error, "a failed transform's files were not removed");
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not the file's fault is tried again")]
    match error {
        JobError::Lost => tracing::info!(job = %claim.id, "a transform was cancelled or taken over"),
        JobError::Run(RunError::Refused { kind, detail }) => give_up(shop, claim, &kind, &detail).await?,
        error if claim.is_last_attempt() => {
            tracing::error!(job = %claim.id, %error, "a transform failed for the last time");
            give_up(shop, claim, "quarantined", &format!("Every attempt failed: {error}")).await?;
        }
        error => {
            tracing::warn!(job = %claim.id, %error, "a transform failed and will be tried again");
            db::give_back(db, claim, RETRY_AFTER, &error.to_string()).await?;
        }
    }
    Ok(())
}

/// Ends the job as failed; an asset that never plays without it fails with it.
async fn give_up(shop: &Shop, claim: &Claim, kind: &str, detail: &str) -> Result<(), JobError> {
    let db = shop.registry.db();
    let mut tx = db.begin().await?;
    if !db::fail(db, &mut tx, claim, (kind, detail)).await? {
        return Ok(());
    }
    if claim.making.is_needed() {
        let failure = Failure { kind: kind.to_owned(), detail: detail.to_owned() };
        registry::fail_asset(db, &mut tx, &claim.asset_id, failure).await?;
    }
    tx.commit().await?;
    shop.registry.changed().notify_one();
    Ok(())
}

async fn make(shop: &Shop, claim: &Claim, dir: &Path) -> Result<(), JobError> {
    let out = dir.join("out");
    tokio::fs::create_dir_all(&out).await?;
    let (percent, progress) = watch::channel(0);
    let work = async {
        let (transform, inputs) = inputs(shop, claim, dir).await?;
        let order = Order { transform, bounds: shop.bounds };
        let output = run::run(&shop.child, &order, &inputs, &out, &percent).await?;
        store(shop.registry.bucket(), claim, &out, &output).await?;
        Ok::<_, JobError>(output)
    };
    let output = tokio::select! {
        output = work => output?,
        lost = keep_lease(shop, claim, progress) => return Err(lost),
    };
    publish(shop, claim, &out, output).await
}

/// Renews the lease until the job is lost.
async fn keep_lease(shop: &Shop, claim: &Claim, progress: watch::Receiver<u8>) -> JobError {
    let mut tick = tokio::time::interval(shop.lease / 4);
    loop {
        tick.tick().await;
        let percent = *progress.borrow();
        match db::renew(shop.registry.db(), claim, percent, shop.lease).await {
            Ok(true) => {}
            Ok(false) => return JobError::Lost,
            // The lease may still hold; if it does not, publishing is refused by the fencing number.
            Err(error) => tracing::warn!(job = %claim.id, %error, "a lease was not renewed"),
        }
    }
}

/// Brings what the job reads into local files, and says what to do with it.
async fn inputs(shop: &Shop, claim: &Claim, dir: &Path) -> Result<(Transform, Vec<File>), JobError> {
    let asset = shop.registry.asset(&claim.asset_id).await?;
    let bucket = shop.registry.bucket();
    let of_source = match claim.making {
        Making::Probe => Some(Transform::Probe),
        Making::Ladder => Some(Transform::Ladder { started_at_us: asset.created_at_us }),
        Making::Mp4 | Making::Pictures => None,
    };
    if let Some(transform) = of_source {
        let key = mar::asset::source_key(&claim.asset_id);
        return Ok((transform, vec![fetch(bucket, &[key], &dir.join("input-0")).await?]));
    }
    let AssetState::Ready(playable) = asset.state else { return Err(JobError::Lost) };
    let chunks = shop.registry.indexes().read(&asset.prefix, playable.index_chunks).await?;
    let video = chunks.renditions.iter().position(|r| matches!(r.kind, RenditionKind::Video { .. }));
    let Some(mut video) = video else {
        let detail = "The recording has no picture.".to_owned();
        return Err(RunError::Refused { kind: "no-picture".to_owned(), detail }.into());
    };
    let audio = chunks.renditions.iter().position(|r| matches!(r.kind, RenditionKind::Audio { .. }));
    if claim.making == Making::Pictures {
        // The smallest picture is enough, and the quickest to fetch.
        let last = chunks.renditions.iter().rposition(|r| matches!(r.kind, RenditionKind::Video { .. }));
        video = last.unwrap_or(video);
    }
    let keys = |position: usize| {
        let name = &chunks.renditions[position].name;
        let first_run = chunks.sets.first().map_or(0, |set| set.run);
        let segments = chunks.sets.iter().map(|set| hls::recording::segment_path(name, set.number));
        std::iter::once(hls::recording::init_path(name, first_run))
            .chain(segments)
            .map(|path| format!("{}/{path}", asset.prefix))
            .collect::<Vec<_>>()
    };
    let mut files = vec![fetch(bucket, &keys(video), &dir.join("input-0")).await?];
    if claim.making == Making::Pictures {
        return Ok((Transform::Pictures, files));
    }
    if let Some(audio) = audio {
        files.push(fetch(bucket, &keys(audio), &dir.join("input-1")).await?);
    }
    Ok((Transform::Mp4 { sound: audio.is_some() }, files))
}

/// Writes objects one behind the other into a file, and opens it for reading only.
async fn fetch(bucket: &Bucket, keys: &[String], path: &Path) -> Result<File, JobError> {
    let mut file = tokio::fs::File::create(path).await?;
    for key in keys {
        let object = bucket.open(key, None).await?;
        let mut body = object.body.into_async_read();
        tokio::io::copy(&mut body, &mut file).await?;
    }
    file.sync_data().await?;
    Ok(File::open(path)?)
}

async fn store(bucket: &Bucket, claim: &Claim, out: &Path, output: &Output) -> Result<(), JobError> {
    for name in &output.files {
        let path = inside(out, name)?;
        bucket.put_file(&format!("{}/{name}", claim.prefix()), &path, Kind::of(content_type(name))).await?;
    }
    for chunk in &output.index {
        let path = hls::recording::index_chunk_path(chunk.number);
        let json = serde_json::to_vec(chunk).map_err(std::io::Error::other)?;
        bucket.put(&format!("{}/{path}", claim.prefix()), json, Kind::of("application/json")).await?;
    }
    Ok(())
}

/// A child is not trusted: the file that it names must be a plain file below its folder.
fn inside(out: &Path, name: &str) -> Result<PathBuf, JobError> {
    let plain = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let path = out.join(name);
    let file = std::fs::symlink_metadata(&path)?.is_file();
    if plain && file { Ok(path) } else { Err(std::io::Error::other(format!("{name:?} is no result")).into()) }
}

/// Publishes in one transaction with the end of the job; a job that is no longer ours publishes nothing.
async fn publish(shop: &Shop, claim: &Claim, out: &Path, output: Output) -> Result<(), JobError> {
    let db = shop.registry.db();
    let mut tx = db.begin().await?;
    if !db::finish(db, &mut tx, claim).await? {
        return Err(JobError::Lost);
    }
    match claim.making {
        Making::Probe => {
            let probed = output.probed.ok_or_else(|| std::io::Error::other("a probe says nothing"))?;
            registry::describe_asset(db, &mut tx, &claim.asset_id, &probed).await?;
        }
        Making::Ladder => {
            let playable = playable(&output.index);
            registry::publish_asset(db, &mut tx, &claim.asset_id, (&claim.prefix(), playable)).await?;
        }
        Making::Mp4 | Making::Pictures => {
            for name in &output.files {
                let rendition = StaticRendition {
                    name: name.clone(),
                    key: format!("{}/{name}", claim.prefix()),
                    content_type: content_type(name).to_owned(),
                    size_bytes: std::fs::metadata(out.join(name))?.len(),
                };
                registry::put_static_rendition(db, &mut tx, &claim.asset_id, &rendition).await?;
            }
        }
    }
    tx.commit().await?;
    shop.registry.changed().notify_one();
    tracing::info!(job = %claim.id, asset = %claim.asset_id, making = claim.making.name(), "a transform is done");
    Ok(())
}

fn playable(index: &[IndexChunk]) -> Playable {
    let sets = index.iter().flat_map(|chunk| &chunk.sets);
    let us: u64 = sets.filter_map(|set| set.segments.first()).map(|segment| segment.duration_us).sum();
    Playable { index_chunks: u32::try_from(index.len()).unwrap_or(u32::MAX), duration_ms: us / 1_000 }
}

fn content_type(name: &str) -> &'static str {
    match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("mp4" | "m4s") => "video/mp4",
        Some("jpg") => "image/jpeg",
        Some("vtt") => "text/vtt",
        _ => "application/octet-stream",
    }
}

/// Between two looks for jobs.
const IDLE: Duration = Duration::from_secs(1);

/// After the database or the bucket failed.
const TROUBLE: Duration = Duration::from_secs(5);

/// Before a failed transform is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
