//! One participant: joins over LiveKit's signalling, publishes what it should, takes what is offered.
//!
//! Its media is the engine's. It stays until it is dropped.

use std::time::Duration;

use client::Signal;
use livekit_protocol as proto;
use proto::signal_request::Message as Request;
use proto::signal_response::Message as Response;
use sfu_core::bwe::Bitrate;
use tokio::sync::mpsc;

use crate::LoadError;
use crate::describe;
use crate::engine::{Command, EngineHandle};
use crate::stream::{Kind, StreamPlan};

/// Who joins, and with what.
pub(crate) struct Person {
    pub(crate) number: u32,
    pub(crate) url: String,
    pub(crate) token: String,
    /// In the order of their sections; the encodings of one picture follow each other.
    pub(crate) streams: Vec<StreamPlan>,
    pub(crate) engine: EngineHandle,
}

/// How far a stay has come.
struct Progress {
    requests: mpsc::Sender<Request>,
    /// The stream id that the publisher's offer names.
    sid: String,
    server_is_lite: bool,
    /// The server has offered, so we know whether it is lite.
    offered_to: bool,
    published: usize,
    offered: bool,
}

impl Person {
    /// Joins and stays until the server ends it; `entered` hears of the join.
    ///
    /// # Errors
    /// When the server refuses, or ends the stay.
    pub(crate) async fn stay(self, entered: mpsc::Sender<u32>) -> Result<(), LoadError> {
        let mut signal = Signal::open(&self.url, &self.token, true).await?;
        let joined = tokio::time::timeout(ANSWER, signal.next()).await.map_err(|_| LoadError::NoAnswer)?;
        let Some(Response::Join(join)) = joined else { return Err(LoadError::NoAnswer) };
        let mut progress = Progress {
            requests: signal.sender(),
            sid: join.participant.unwrap_or_default().sid,
            server_is_lite: false,
            offered_to: false,
            published: 0,
            offered: false,
        };
        // The run may be over.
        let _ = entered.send(self.number).await;
        for (place, section) in self.sections().enumerate() {
            progress.say(Request::AddTrack(add_track(&cid(self.number, place), section))).await?;
        }
        while let Some(response) = signal.next().await {
            self.handle(response, &mut progress).await?;
        }
        Err(LoadError::Ended("the server closed the connection".to_owned()))
    }

    fn sections(&self) -> impl Iterator<Item = &[StreamPlan]> {
        self.streams.chunk_by(|a, b| a.mid == b.mid)
    }

    async fn handle(&self, response: Response, progress: &mut Progress) -> Result<(), LoadError> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "LiveKit's protocol grows; the rest is for people"
        )]
        match response {
            Response::Offer(offer) => {
                progress.server_is_lite = describe::is_lite(&offer.sdp);
                progress.offered_to = true;
                let asked = self.engine.ask(|reply| Command::Answer(self.number, offer.sdp, reply)).await?;
                let sdp = asked.map_err(LoadError::Description)?;
                let answer = description("answer", sdp, offer.id);
                progress.say(Request::Answer(answer)).await?;
            }
            Response::Answer(answer) => self.engine.tell(Command::Accept(self.number, answer.sdp))?,
            Response::TrackPublished(_) => progress.published += 1,
            Response::Leave(leave) => return Err(LoadError::Ended(leave.reason().as_str_name().to_owned())),
            _ => {}
        }
        let all = self.sections().count();
        if all > 0 && progress.published == all && progress.offered_to && !progress.offered {
            progress.offered = true;
            let names = (0..all).map(|place| (progress.sid.clone(), cid(self.number, place))).collect();
            let (streams, lite) = (self.streams.clone(), progress.server_is_lite);
            let ask = |reply| Command::Offer(self.number, streams, names, lite, reply);
            let sdp = self.engine.ask(ask).await?.map_err(LoadError::Description)?;
            progress.say(Request::Offer(description("offer", sdp, 1))).await?;
        }
        Ok(())
    }
}

impl Progress {
    async fn say(&self, request: Request) -> Result<(), LoadError> {
        let closed = |_| LoadError::Ended("the connection is closed".to_owned());
        self.requests.send(request).await.map_err(closed)
    }
}

fn description(kind: &str, sdp: String, id: u32) -> proto::SessionDescription {
    proto::SessionDescription { r#type: kind.to_owned(), sdp, id, ..Default::default() }
}

fn cid(person: u32, section: usize) -> String {
    format!("load-{person}-{section}")
}

fn add_track(cid: &str, section: &[StreamPlan]) -> proto::AddTrackRequest {
    let audio = section.iter().any(|stream| stream.kind == Kind::Audio);
    let mut layers: Vec<proto::VideoLayer> = Vec::new();
    for (place, stream) in section.iter().enumerate() {
        let Kind::Video { bitrate, .. } = stream.kind else { continue };
        layers.push(layer(place + QUALITIES - section.len(), bitrate));
    }
    let (width, height) = layers.last().map_or((0, 0), |layer| (layer.width, layer.height));
    proto::AddTrackRequest {
        cid: cid.to_owned(),
        name: cid.to_owned(),
        r#type: if audio { proto::TrackType::Audio } else { proto::TrackType::Video }.into(),
        source: if audio { proto::TrackSource::Microphone } else { proto::TrackSource::Camera }.into(),
        width,
        height,
        layers,
        ..Default::default()
    }
}

/// Low, medium and high.
const QUALITIES: usize = 3;

fn layer(quality: usize, bitrate: Bitrate) -> proto::VideoLayer {
    let (quality, width, height) = match quality {
        0 => (proto::VideoQuality::Low, 320, 180),
        1 => (proto::VideoQuality::Medium, 640, 360),
        _ => (proto::VideoQuality::High, 1280, 720),
    };
    let bitrate = u32::try_from(bitrate.0).unwrap_or(u32::MAX);
    proto::VideoLayer { quality: quality.into(), width, height, bitrate, ..Default::default() }
}

/// As long as LiveKit's clients wait.
const ANSWER: Duration = Duration::from_secs(15);
