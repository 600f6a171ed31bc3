//! `dais demo`: three synthetic speakers on a stage, live and, if asked, as a replay.
//!
//! It does what people do, by the same ways: the public API, room tokens, WebRTC, HLS.

mod report;
mod speakers;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use client::Participant;
use client::control::{Event, Organiser, Person};

use crate::args::DemoArgs;
use crate::demo::report::Report;
use crate::start::{self, Running, Services};

/// Runs the demo until Ctrl-C, or as long as the arguments say.
pub(crate) async fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let mut report = Report::new(args.json);
    let own = match &args.url {
        Some(_) => None,
        None => {
            report.say("starting Dais");
            Some(start::start(&args.settings, Services::all()).await?)
        }
    };
    let ended = tokio::select! {
        ended = show(args, own.as_ref(), &mut report) => ended,
        () = start::stop_signal() => Ok(()),
    };
    if let Some(own) = own {
        own.shutdown().await;
    }
    ended
}

async fn show(args: &DemoArgs, own: Option<&Running>, report: &mut Report) -> anyhow::Result<()> {
    let base_url = args.url.clone().or_else(|| own.map(|own| own.public_url.clone())).unwrap_or_default();
    let organiser = sign_in(args, own, &base_url).await?;
    let (starts, ends) = (rfc3339(Duration::ZERO), rfc3339(Duration::from_secs(4 * 3600)));
    let event = organiser.create_event("Dais demo", (&starts, &ends), "open").await?;
    let stage_id = organiser.create_stage(&event.id, "Main stage").await?;
    report.say(&format!("made the event {base_url}/events/{}", event.id));
    let (speakers, identities) = join_speakers(&organiser, &base_url, &event, &stage_id, report).await?;
    organiser.set_programme(&stage_id, "grid", &identities).await?;
    report.say("going live");
    let asked = Instant::now();
    organiser.go_live(&stage_id).await?;
    let live = tokio::time::timeout(PATIENCE, organiser.wait_for_stage(&stage_id, |s| s.state == "live"));
    let status = live.await.context("the stage did not go live; the log above says why")??;
    let watch_url = format!("{base_url}/e/{}/stages/{stage_id}", event.slug);
    let control_url = format!("{base_url}/events/{}/stages/{stage_id}", event.id);
    let hls_url = status.hls_url.context("the live stage has no playlist")?;
    report.live(&watch_url, &hls_url, &control_url, asked.elapsed());

    let Some(seconds) = args.seconds else {
        report.say("live until Ctrl-C");
        return std::future::pending().await;
    };
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    report.say("ending the stage");
    organiser.end_stage(&stage_id).await?;
    let ended = Instant::now();
    let replay = wait_for_replay(&organiser, &stage_id).await?;
    let replay_page = format!("{base_url}/e/{}/replays/{}", event.slug, replay.id);
    report.replay(&replay_page, &replay.hls_url, replay.duration, ended.elapsed());
    for speaker in speakers {
        speaker.leave().await;
    }
    match args.linger {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        None => {
            report.say("serving the replay until Ctrl-C");
            std::future::pending::<()>().await;
        }
    }
    Ok(())
}

async fn sign_in(args: &DemoArgs, own: Option<&Running>, base_url: &str) -> anyhow::Result<Organiser> {
    if let Some(own) = own {
        let token = own.sign_in_token().context(
            "an organiser of this data folder has a password: choose another --data-dir, or --url and --email",
        )?;
        return Ok(Organiser::sign_in_with_link(base_url, token).await?);
    }
    match (&args.email, &args.password) {
        (Some(email), Some(password)) => Ok(Organiser::sign_in(base_url, email, password).await?),
        (None, Some(token)) => Ok(Organiser::sign_in_with_link(base_url, token).await?),
        (_, None) => bail!(
            "a running Dais needs an organiser: --email and DAIS_DEMO_PASSWORD, or DAIS_DEMO_PASSWORD alone \
             with the token of a one-time sign-in link"
        ),
    }
}

async fn join_speakers(
    organiser: &Organiser,
    base_url: &str,
    event: &Event,
    stage_id: &str,
    report: &mut Report,
) -> anyhow::Result<(Vec<Participant>, Vec<String>)> {
    let mut speakers = Vec::new();
    let mut identities = Vec::new();
    for cast in speakers::cast()? {
        let invitation = organiser.invite_speaker(&event.id, stage_id, cast.name).await?;
        let join = Person::enter_invited(base_url, &invitation).await?.join_backstage(stage_id).await?;
        let speaker = speakers::publish(&join, cast.publications)
            .await
            .with_context(|| format!("{} could not publish", cast.name))?;
        report.say(&format!("{} is backstage and publishes", cast.name));
        speakers.push(speaker);
        identities.push(join.identity);
    }
    Ok((speakers, identities))
}

struct Replay {
    id: String,
    hls_url: String,
    duration: Duration,
}

/// Waits until the replay's playlists are there and end (RFC 8216 §4.3.3.4): until a player can play it all.
async fn wait_for_replay(organiser: &Organiser, stage_id: &str) -> anyhow::Result<Replay> {
    let ready = tokio::time::timeout(PATIENCE, organiser.wait_for_stage(stage_id, |s| s.replay.is_some()));
    let status = ready.await.context("the replay did not become ready; the log above says why")??;
    let replay = status.replay.unwrap_or_default();
    let hls_url = status.hls_url.context("the replay has no playlist")?;
    let multivariant = fetch(&hls_url).await?;
    let first = multivariant
        .lines()
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .context("the replay's playlist names no rendition")?;
    let media = fetch(reqwest::Url::parse(&hls_url)?.join(first)?.as_str()).await?;
    if !media.contains("#EXT-X-ENDLIST") {
        bail!("the replay's playlist does not end");
    }
    Ok(Replay {
        id: replay["id"].as_str().unwrap_or_default().to_owned(),
        hls_url,
        duration: Duration::from_millis(replay["duration_ms"].as_u64().unwrap_or_default()),
    })
}

async fn fetch(url: &str) -> anyhow::Result<String> {
    let response = reqwest::get(url).await?.error_for_status()?;
    Ok(response.text().await?)
}

fn rfc3339(from_now: Duration) -> String {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + from_now;
    hls::time::iso8601(i64::try_from(unix.as_micros()).unwrap_or(i64::MAX))
}

/// Longest wait for the stage to go live and for the replay; both take seconds.
const PATIENCE: Duration = Duration::from_secs(60);
