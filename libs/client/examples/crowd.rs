//! Many participants in one process, for tests: each publishes a picture and a sound, and counts what it receives.
//!
//! Orders come as JSON lines on standard input and are carried out one after the other; answers are JSON lines on
//! standard output. The end of the input makes everybody leave.

#![expect(clippy::print_stdout, reason = "answers go there")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use client::{Clip, Event, Options, Participant, Publication, Source};
use futures::FutureExt as _;
use futures::future::{join_all, try_join_all};
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// One order; `done` counts those that were carried out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// All of them join at once and publish.
    Join(Vec<Join>),
    /// Takes back the tracks of this identity.
    Unpublish(String),
    /// Publishes them again.
    Publish(String),
    /// Says `packets`: by identity and track id, how many arrived.
    Report,
}

#[derive(Debug, Deserialize)]
struct Join {
    url: String,
    token: String,
    identity: String,
    /// IVF file.
    picture: String,
    /// Ogg Opus file.
    sound: String,
}

struct Member {
    participant: Participant,
    picture: Clip,
    sound: Clip,
    packets: BTreeMap<String, Arc<AtomicU64>>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut crowd: BTreeMap<String, Member> = BTreeMap::new();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut done = 0;
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str(&line)? {
            Order::Join(joins) => crowd.extend(try_join_all(joins.iter().map(Member::join)).await?),
            Order::Unpublish(identity) => member(&mut crowd, &identity)?.participant.unpublish().await?,
            Order::Publish(identity) => member(&mut crowd, &identity)?.publish(&identity).await?,
            Order::Report => println!("{}", json!({ "packets": report(&mut crowd)? })),
        }
        done += 1;
        println!("{}", json!({ "done": done }));
    }
    join_all(crowd.into_values().map(|member| member.participant.leave())).await;
    Ok(())
}

impl Member {
    async fn join(join: &Join) -> anyhow::Result<(String, Self)> {
        let picture = Clip::from_ivf(&std::fs::read(&join.picture)?)?;
        let sound = Clip::from_ogg_opus(&std::fs::read(&join.sound)?)?;
        let options = Options { url: join.url.clone(), token: join.token.clone(), auto_subscribe: true };
        let participant = Participant::join(&options).await.with_context(|| join.identity.clone())?;
        let mut member = Self { participant, picture, sound, packets: BTreeMap::new() };
        member.publish(&join.identity).await.with_context(|| join.identity.clone())?;
        Ok((join.identity.clone(), member))
    }

    async fn publish(&mut self, identity: &str) -> anyhow::Result<()> {
        let (picture, sound) = (self.picture.clone(), self.sound.clone());
        let publication =
            |what: &str, source, clip| Publication { name: format!("{identity}-{what}"), source, clip };
        let publications = vec![
            publication("camera", Source::Camera, picture),
            publication("microphone", Source::Microphone, sound),
        ];
        self.participant.publish(publications).await?;
        Ok(())
    }

    /// Packets so far by track id, of tracks that ended, too.
    fn count(&mut self) -> anyhow::Result<BTreeMap<&str, u64>> {
        while let Some(event) = self.participant.next_event().now_or_never() {
            match event.context("the connection is gone")? {
                Event::TrackReceived { track_id, packets } => self.packets.insert(track_id, packets),
                Event::Left { reason } => anyhow::bail!("left: {reason}"),
            };
        }
        Ok(self.packets.iter().map(|(id, packets)| (id.as_str(), packets.load(Ordering::Relaxed))).collect())
    }
}

fn member<'a>(crowd: &'a mut BTreeMap<String, Member>, identity: &str) -> anyhow::Result<&'a mut Member> {
    crowd.get_mut(identity).with_context(|| format!("{identity} is not here"))
}

fn report(crowd: &mut BTreeMap<String, Member>) -> anyhow::Result<BTreeMap<&str, BTreeMap<&str, u64>>> {
    crowd.iter_mut().map(|(identity, member)| Ok((identity.as_str(), member.count()?))).collect()
}
