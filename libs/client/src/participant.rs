//! A participant: joins, publishes, receives, leaves.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use livekit_protocol as proto;
use proto::signal_request::Message as Request;
use proto::signal_response::Message as Response;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::clip::{Clip, Codec};
use crate::peer::{Peer, Side, address_towards};
use crate::sending::Sending;
use crate::signal::Signal;

/// Where and how to join.
#[derive(Debug, Clone)]
pub struct Options {
    /// `ws://`, `wss://`, `http://` or `https://`, without a path.
    pub url: String,
    /// Room token.
    pub token: String,
    /// Receive every published track.
    pub auto_subscribe: bool,
}

/// What a published track shows or sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Camera picture.
    Camera,
    /// Microphone sound.
    Microphone,
    /// Shared screen.
    ScreenShare,
}

/// One track to publish.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Name that others see.
    pub name: String,
    /// What it is.
    pub source: Source,
    /// Published in a loop.
    pub clip: Clip,
}

/// What happened in the room.
#[derive(Debug, Clone)]
pub enum Event {
    /// A remote track arrives; `packets` counts its RTP packets.
    TrackReceived {
        /// The `TR_…` id.
        track_id: String,
        /// Grows as packets come.
        packets: Arc<AtomicU64>,
    },
    /// The server ended the stay.
    Left {
        /// LiveKit's `DisconnectReason`.
        reason: String,
    },
}

/// Why something did not work.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server answered no.
    #[error("the server refused with {status}: {body}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said.
        body: String,
    },
    /// The server cannot be reached.
    #[error("cannot connect")]
    Connect(#[source] Box<tokio_tungstenite::tungstenite::Error>),
    /// The token holds characters that no header can carry.
    #[error("the token is not a token")]
    Token,
    /// The connection ended meanwhile.
    #[error("the connection is closed")]
    Closed,
    /// The server did not answer in time.
    #[error("no answer to {0} within {ANSWER:?}")]
    Timeout(&'static str),
    /// The answer left no payload type for the codec.
    #[error("the server refused {0:?}")]
    CodecRefused(Codec),
    /// Called outside a tokio runtime.
    #[error("no async runtime")]
    NoRuntime,
    /// The WebRTC stack failed.
    #[error("WebRTC: {0}")]
    WebRtc(String),
}

/// One joined participant. Dropping it ends the stay without a word; [`Participant::leave`] says goodbye.
pub struct Participant {
    sid: String,
    requests: mpsc::Sender<Request>,
    publisher: Arc<Peer>,
    subscriber: Arc<Peer>,
    waiting: Waiting,
    events: mpsc::Receiver<Event>,
    published: Vec<Sending>,
    /// Number of the publisher's last offer.
    offer_id: u32,
    reader: JoinHandle<()>,
}

impl Participant {
    /// Joins a room.
    ///
    /// # Errors
    /// When the server refuses, cannot be reached, or does not answer in time.
    pub async fn join(options: &Options) -> Result<Self, ClientError> {
        let mut signal = Signal::open(&options.url, &options.token, options.auto_subscribe).await?;
        let joined = tokio::time::timeout(ANSWER, signal.next()).await;
        let join = match joined.map_err(|_| ClientError::Timeout("join"))? {
            Some(Response::Join(join)) => join,
            Some(Response::Leave(leave)) => {
                return Err(ClientError::Refused {
                    status: 0,
                    body: leave.reason().as_str_name().to_owned(),
                });
            }
            Some(other) => return Err(ClientError::WebRtc(format!("{other:?} before join"))),
            None => return Err(ClientError::Closed),
        };
        let (tell, events) = mpsc::channel(EVENTS);
        let local = address_towards(&options.url).await?;
        let publisher = Arc::new(Peer::new(Side::Publisher, local, tell.clone()).await?);
        let subscriber = Arc::new(Peer::new(Side::Subscriber, local, tell.clone()).await?);
        let requests = signal.sender();
        let (waiting, asked) = mpsc::channel(8);
        let reader = Reader { signal, requests: requests.clone(), subscriber: Arc::clone(&subscriber), tell };
        let reader = tokio::spawn(reader.run(asked));
        let sid = join.participant.unwrap_or_default().sid;
        let published = Vec::new();
        Ok(Self { sid, requests, publisher, subscriber, waiting, events, published, offer_id: 0, reader })
    }

    /// The `PA_…` id.
    #[must_use]
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// Publishes tracks that share one media clock, and returns their `TR_…` ids once media flows.
    ///
    /// # Errors
    /// When the server refuses a track or codec, or does not answer in time.
    pub async fn publish(&mut self, publications: Vec<Publication>) -> Result<Vec<String>, ClientError> {
        let mut ids = Vec::new();
        let mut tracks = Vec::new();
        for publication in publications {
            let cid = format!("dais-{}", random_hex());
            ids.push(self.add_track(&cid, &publication).await?);
            let ssrc = random_u32();
            let (track, sender) =
                self.publisher.add_track((&self.sid, &cid), publication.clip.codec, ssrc).await?;
            tracks.push((track, sender, ssrc, publication.clip));
        }
        self.negotiate().await?;
        tokio::time::timeout(ANSWER, self.publisher.connected())
            .await
            .map_err(|_| ClientError::Timeout("ICE and DTLS"))??;
        self.published.push(Sending::start(&self.publisher, tracks).await?);
        Ok(ids)
    }

    /// Takes back all that it published: the server finds the senders gone from the next offer.
    ///
    /// # Errors
    /// When the server does not answer in time.
    pub async fn unpublish(&mut self) -> Result<(), ClientError> {
        for sending in std::mem::take(&mut self.published) {
            for sender in sending.stop() {
                self.publisher.remove_track(&sender).await?;
            }
        }
        self.negotiate().await
    }

    /// Mutes or unmutes a published track for others; its packets go on.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn mute(&self, track_id: &str, muted: bool) -> Result<(), ClientError> {
        let request = Request::Mute(proto::MuteTrackRequest { sid: track_id.to_owned(), muted });
        self.requests.send(request).await.map_err(|_| ClientError::Closed)
    }

    /// The next event; `None` when the connection is gone.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Says goodbye and closes.
    pub async fn leave(mut self) {
        let leave = proto::LeaveRequest {
            reason: proto::DisconnectReason::ClientInitiated.into(),
            ..Default::default()
        };
        // A closed socket needs no goodbye.
        let _ = self.requests.send(Request::Leave(leave)).await;
        self.publisher.close().await;
        self.subscriber.close().await;
        // Until the server closes the socket; it hangs up at once.
        let _ = tokio::time::timeout(Duration::from_secs(1), async {
            while self.events.recv().await.is_some() {}
        })
        .await;
    }

    async fn negotiate(&mut self) -> Result<(), ClientError> {
        self.offer_id += 1;
        let offer = proto::SessionDescription {
            r#type: "offer".into(),
            sdp: self.publisher.offer().await?,
            id: self.offer_id,
            ..Default::default()
        };
        let answer = self.ask(Wanted::Answer, Request::Offer(offer), "offer").await?;
        self.publisher.accept_answer(answer).await
    }

    async fn add_track(&self, cid: &str, publication: &Publication) -> Result<String, ClientError> {
        let (width, height) = publication.clip.size;
        let audio = publication.clip.codec.is_audio();
        let layer = proto::VideoLayer {
            quality: proto::VideoQuality::High.into(),
            width,
            height,
            ..Default::default()
        };
        let request = proto::AddTrackRequest {
            cid: cid.to_owned(),
            name: publication.name.clone(),
            r#type: if audio { proto::TrackType::Audio } else { proto::TrackType::Video }.into(),
            source: match publication.source {
                Source::Camera => proto::TrackSource::Camera,
                Source::Microphone => proto::TrackSource::Microphone,
                Source::ScreenShare => proto::TrackSource::ScreenShare,
            }
            .into(),
            width,
            height,
            layers: if audio { vec![] } else { vec![layer] },
            ..Default::default()
        };
        self.ask(Wanted::Published(cid.to_owned()), Request::AddTrack(request), "add_track").await
    }

    async fn ask(&self, wanted: Wanted, request: Request, name: &'static str) -> Result<String, ClientError> {
        let (answer, answered) = oneshot::channel();
        self.waiting.send((wanted, answer)).await.map_err(|_| ClientError::Closed)?;
        self.requests.send(request).await.map_err(|_| ClientError::Closed)?;
        let answered =
            tokio::time::timeout(ANSWER, answered).await.map_err(|_| ClientError::Timeout(name))?;
        answered.map_err(|_| ClientError::Closed)
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// What an answer from the server is matched by.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Wanted {
    /// The answer to our offer.
    Answer,
    /// The track id for this client id.
    Published(String),
}

type Waiting = mpsc::Sender<(Wanted, oneshot::Sender<String>)>;

/// Reads the socket: answers the subscriber's offers, hands answers to who waits.
struct Reader {
    signal: Signal,
    requests: mpsc::Sender<Request>,
    subscriber: Arc<Peer>,
    tell: mpsc::Sender<Event>,
}

impl Reader {
    async fn run(mut self, mut asked: mpsc::Receiver<(Wanted, oneshot::Sender<String>)>) {
        let mut waiting: HashMap<Wanted, oneshot::Sender<String>> = HashMap::new();
        loop {
            let response = tokio::select! {
                // A question is known before its answer can come.
                biased;
                Some((wanted, answer)) = asked.recv() => {
                    waiting.insert(wanted, answer);
                    continue;
                }
                response = self.signal.next() => response,
            };
            let Some(response) = response else { break };
            if !self.handle(response, &mut waiting).await {
                break;
            }
        }
    }

    async fn handle(
        &self,
        response: Response,
        waiting: &mut HashMap<Wanted, oneshot::Sender<String>>,
    ) -> bool {
        let mut give = |wanted: &Wanted, answer: String| {
            if let Some(waits) = waiting.remove(wanted) {
                // Who asked may have given up.
                let _ = waits.send(answer);
            }
        };
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "LiveKit's protocol grows; the rest is for people"
        )]
        match response {
            Response::Offer(offer) => match self.subscriber.answer(offer.sdp).await {
                Ok(sdp) => {
                    let answer = proto::SessionDescription {
                        r#type: "answer".into(),
                        sdp,
                        id: offer.id,
                        ..Default::default()
                    };
                    return self.requests.send(Request::Answer(answer)).await.is_ok();
                }
                Err(error) => tracing::warn!(%error, "the server's offer was not accepted"),
            },
            Response::Answer(answer) => give(&Wanted::Answer, answer.sdp),
            Response::TrackPublished(published) => {
                give(&Wanted::Published(published.cid), published.track.unwrap_or_default().sid);
            }
            Response::Leave(leave) => {
                let reason = leave.reason().as_str_name().to_owned();
                let _ = self.tell.send(Event::Left { reason }).await;
                return false;
            }
            _ => {}
        }
        true
    }
}

pub(crate) fn random_u32() -> u32 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).expect("the system's random source answers");
    u32::from_le_bytes(bytes)
}

pub(crate) fn random_hex() -> String {
    format!("{:08x}{:08x}", random_u32(), random_u32())
}

/// As long as LiveKit's clients wait for a peer connection.
pub(crate) const ANSWER: Duration = Duration::from_secs(15);

/// Events that nobody has read yet.
const EVENTS: usize = 256;
