//! One WHIP or WHEP session: a participant whose client speaks HTTP.
//!
//! It decides nothing about rooms or media: towards the shard it is a signal connection that asks for tracks,
//! offers, and leaves. What the room tells a participant and HTTP has no words for is dropped.
//!
//! ```text
//! opening ──answer──▶ open ──DELETE, removal, end of the media path──▶ gone
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sfu_core::ice::Credentials;
use sfu_core::room::ConnectionId;
use sfu_core::room::message::{AddTrack, Description, LeaveReason, Request, Response, Target, Trickle};
use sfu_core::sdp::{Fragment, SessionDescription};
use sfu_core::shard::{Command, SignalEnd};
use sfu_signal::join::Entry;
use sfu_signal::whep::{Change, Programme};
use sfu_signal::whip::{self, Patch};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::refused::Refused;
use crate::service::Shared;
use crate::shard::ShardHandle;

/// Words of the room that wait to be dropped.
const WAITING_WORDS: usize = 2048;

/// Requests of one session that wait for each other.
const WAITING_ORDERS: usize = 8;

/// The shard answers within milliseconds; a full one does not within this.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// What a session is opened with.
pub(super) struct Opening {
    /// Which room, as whom.
    pub(super) entry: Entry,
    /// The client's offer.
    pub(super) offer: String,
    /// The offer's credentials.
    pub(super) theirs: Credentials,
    /// What for.
    pub(super) purpose: Purpose,
}

/// What a session is for.
pub(super) enum Purpose {
    /// The offer publishes these.
    Publish(Vec<AddTrack>),
    /// The client plays what the room has.
    Play(Programme),
}

/// A session that was opened.
pub(super) struct Opened {
    /// Last part of its URL: 128 random bits.
    pub(super) id: String,
    /// To the client's offer.
    pub(super) answer: String,
    /// Entity tag of its ICE session, with quotes.
    pub(super) tag: String,
    /// Whose it is.
    pub(super) room: String,
    /// Whose it is.
    pub(super) identity: String,
}

/// What a `PATCH` did.
pub(super) enum Patched {
    /// Nothing needed doing.
    Trickled,
    /// ICE was restarted.
    Restarted {
        /// Our fragment.
        reply: String,
        /// The new entity tag, with quotes.
        tag: String,
    },
}

/// All open sessions of the process.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Session>>);

impl Sessions {
    /// The session with this id, if it is this participant's.
    pub(super) fn find(&self, id: &str, room: &str, identity: &str) -> Option<Session> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(id).filter(|session| session.room == room && session.identity == identity).cloned()
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn insert(&self, id: String, session: Session) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, session);
    }

    fn remove(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// Speaks to an open session.
#[derive(Clone)]
pub(super) struct Session {
    room: String,
    identity: String,
    orders: mpsc::Sender<Order>,
}

enum Order {
    Patch { if_match: Option<String>, fragment: Fragment, reply: oneshot::Sender<Result<Patched, Refused>> },
    End,
}

impl Session {
    /// Trickles or restarts ICE.
    ///
    /// # Errors
    /// As RFC 9725 §4.3.1 says; [`Refused::NoSession`] when it ended meanwhile.
    pub(super) async fn patch(
        &self,
        if_match: Option<String>,
        fragment: Fragment,
    ) -> Result<Patched, Refused> {
        let (reply, replied) = oneshot::channel();
        let order = Order::Patch { if_match, fragment, reply };
        self.orders.send(order).await.map_err(|_| Refused::NoSession)?;
        replied.await.map_err(|_| Refused::NoSession)?
    }

    /// Ends it; returns when the participant has left.
    pub(super) async fn end(&self) {
        let _ = self.orders.send(Order::End).await;
        self.orders.closed().await;
    }
}

/// Opens a session.
///
/// # Errors
/// What the server or the room refuses; there is no session then.
pub(super) async fn open(shared: &Arc<Shared>, opening: Opening) -> Result<Opened, Refused> {
    let permit = Arc::clone(&shared.signal_permits).try_acquire_owned().map_err(|_| Refused::Full)?;
    let (reply, replied) = oneshot::channel();
    // A task of its own: it sees the opening through, or back, when the client hangs up meanwhile.
    tokio::spawn(live(Arc::clone(shared), opening, permit, reply));
    replied.await.map_err(|_| Refused::Stopping)?
}

/// A session's whole life.
async fn live(
    shared: Arc<Shared>,
    opening: Opening,
    permit: OwnedSemaphorePermit,
    reply: oneshot::Sender<Result<Opened, Refused>>,
) {
    let Opening { entry, offer, theirs, purpose } = opening;
    let shard = shared.shard_of(&entry.room).clone();
    let (room, identity) = (entry.room.clone(), entry.join.identity.clone());
    let (sender, words) = mpsc::channel(WAITING_WORDS);
    let Some(connection) = entry.join.connection else { return };
    if shard.open_connection(connection, entry, sender).await.is_err() {
        return;
    }
    let mut actor =
        Actor { shard, connection, words, offer, offers: 0, theirs, tag: String::new(), programme: None };
    let answer = match purpose {
        Purpose::Publish(tracks) => actor.publish(tracks).await,
        Purpose::Play(programme) => actor.play(programme).await,
    };
    match answer {
        Ok(answer) => {
            let id = fresh_id();
            let (orders, mut inbox) = mpsc::channel(WAITING_ORDERS);
            let opened = Opened {
                id: id.clone(),
                answer,
                tag: actor.tag.clone(),
                room: room.clone(),
                identity: identity.clone(),
            };
            shared.sessions.insert(id.clone(), Session { room, identity, orders });
            if reply.send(Ok(opened)).is_ok() {
                actor.serve(&mut inbox).await;
            } else {
                actor.leave().await;
            }
            // Whoever waits for the end sees the inbox close, and must not find the session any more.
            shared.sessions.remove(&id);
            drop(inbox);
        }
        Err(refused) => {
            actor.leave().await;
            let _ = reply.send(Err(refused));
        }
    }
    actor.farewell().await;
    drop(permit);
}

struct Actor {
    shard: ShardHandle,
    connection: ConnectionId,
    words: mpsc::Receiver<Response>,
    /// The last offer.
    offer: String,
    /// How many there were.
    offers: u32,
    /// The client's current credentials.
    theirs: Credentials,
    /// Entity tag of the current ICE session, with quotes.
    tag: String,
    /// What a player gets.
    programme: Option<Programme>,
}

impl Actor {
    /// Announces the tracks and offers; returns the answer.
    async fn publish(&mut self, tracks: Vec<AddTrack>) -> Result<String, Refused> {
        for track in tracks {
            self.ask(Request::AddTrack(Box::new(track))).await?;
        }
        self.negotiate().await
    }

    /// Subscribes to the programme and offers; returns the answer.
    async fn play(&mut self, mut programme: Programme) -> Result<String, Refused> {
        let joined = async {
            loop {
                match self.words.recv().await {
                    Some(Response::Leave { reason, .. }) => return Err(left(reason)),
                    Some(word) => {
                        let change = programme.handle_word(&word);
                        if matches!(word, Response::Joined(_)) {
                            return Ok(change);
                        }
                    }
                    None => return Err(Refused::Stopping),
                }
            }
        };
        let change = tokio::time::timeout(ANSWER_TIMEOUT, joined).await.map_err(|_| Refused::Full)??;
        if !programme.plays() {
            return Err(Refused::NothingPlays);
        }
        self.programme = Some(programme);
        self.tune(change.unwrap_or_default()).await?;
        self.negotiate().await
    }

    /// What the room says besides answers: a player's programme changes.
    async fn on_word(&mut self, word: &Response) -> Result<(), Refused> {
        let Some(programme) = &mut self.programme else { return Ok(()) };
        if matches!(word, Response::SectionsRequired { .. }) {
            // The client cannot offer again, and need not: its sections are what they were.
            return self.offer().await;
        }
        match programme.handle_word(word) {
            Some(change) => self.tune(change).await,
            None => Ok(()),
        }
    }

    async fn tune(&mut self, change: Change) -> Result<(), Refused> {
        for (tracks, subscribe) in [(change.removed, false), (change.added, true)] {
            if !tracks.is_empty() {
                self.ask(Request::Subscribe { tracks, subscribe }).await?;
            }
        }
        Ok(())
    }

    async fn offer(&mut self) -> Result<(), Refused> {
        self.offers += 1;
        let offer = Description { id: self.offers, sdp: self.offer.clone(), mid_to_track: Vec::new() };
        self.ask(Request::Offer(offer)).await
    }

    /// Offers what `self.offer` says; returns the answer.
    async fn negotiate(&mut self) -> Result<String, Refused> {
        self.offer().await?;
        let answered = tokio::time::timeout(ANSWER_TIMEOUT, self.answer());
        let answer = answered.await.map_err(|_| Refused::Full)??;
        let ours = SessionDescription::parse(&answer).ok().and_then(|ours| ours.remote());
        // The local fragment is new with each ICE session, and only then (RFC 8445 §9).
        self.tag = format!("\"{}\"", ours.map(|ours| ours.credentials.ufrag).unwrap_or_default());
        Ok(answer)
    }

    async fn answer(&mut self) -> Result<String, Refused> {
        loop {
            match self.words.recv().await {
                Some(Response::Answer(answer)) if answer.id == self.offers => return Ok(answer.sdp),
                Some(Response::Outcome { message, .. }) => return Err(Refused::Track(message)),
                Some(Response::Leave { reason, .. }) => return Err(left(reason)),
                None => return Err(Refused::Stopping),
                Some(word) => self.on_word(&word).await?,
            }
        }
    }

    /// Serves until the participant has left.
    async fn serve(&mut self, orders: &mut mpsc::Receiver<Order>) {
        loop {
            tokio::select! {
                word = self.words.recv() => match word {
                    // Only a shard that stops does not listen; then this ends next.
                    Some(word) => drop(self.on_word(&word).await),
                    None => return,
                },
                order = orders.recv() => match order {
                    Some(Order::Patch { if_match, fragment, reply }) => {
                        let patched = self.patch(if_match.as_deref(), &fragment).await;
                        let _ = reply.send(patched);
                    }
                    Some(Order::End) | None => {
                        self.leave().await;
                        return;
                    }
                },
            }
        }
    }

    async fn patch(&mut self, if_match: Option<&str>, fragment: &Fragment) -> Result<Patched, Refused> {
        match whip::patch(fragment, if_match, &self.tag, &self.theirs)? {
            Patch::Trickle => {
                self.trickle(fragment).await?;
                Ok(Patched::Trickled)
            }
            Patch::Restart(credentials) => {
                self.offer = Fragment::restarted_offer(&self.offer, &credentials);
                self.theirs = credentials;
                let answer = self.negotiate().await?;
                self.trickle(fragment).await?;
                Ok(Patched::Restarted { reply: Fragment::of_answer(&answer), tag: self.tag.clone() })
            }
        }
    }

    /// Tells the candidates of a fragment.
    async fn trickle(&self, fragment: &Fragment) -> Result<(), Refused> {
        if fragment.candidates.is_empty() {
            return Ok(());
        }
        let (ufrag, addresses) = (Some(self.theirs.ufrag.clone()), fragment.candidates.clone());
        self.ask(Request::Trickle(Box::new(Trickle { target: Target::Publisher, ufrag, addresses }))).await
    }

    /// Leaves the room, and waits until the room knows.
    async fn leave(&mut self) {
        if self.ask(Request::Leave(LeaveReason::ClientInitiated)).await.is_ok() {
            let gone = async { while self.words.recv().await.is_some() {} };
            let _ = tokio::time::timeout(ANSWER_TIMEOUT, gone).await;
        }
    }

    async fn ask(&self, request: Request) -> Result<(), Refused> {
        let command = Command::Request { connection: self.connection, request: Box::new(request) };
        self.shard.send(command).await.map_err(|_| Refused::Stopping)
    }

    async fn farewell(&self) {
        let (connection, end) = (self.connection, SignalEnd::Closed);
        let _ = self.shard.send(Command::SignalEnded { connection, end }).await;
        self.shard.close_connection(connection).await;
    }
}

fn left(reason: LeaveReason) -> Refused {
    match reason {
        LeaveReason::UserRejected => Refused::Full,
        LeaveReason::ServerShutdown | LeaveReason::Migration => Refused::Stopping,
        LeaveReason::ClientInitiated
        | LeaveReason::UserUnavailable
        | LeaveReason::AgentError
        | LeaveReason::DuplicateIdentity
        | LeaveReason::ParticipantRemoved
        | LeaveReason::RoomDeleted
        | LeaveReason::StateMismatch
        | LeaveReason::JoinFailure
        | LeaveReason::ConnectionTimeout
        | LeaveReason::SignalClose
        | LeaveReason::MediaFailure => Refused::Left(reason),
    }
}

fn fresh_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system's random source answers");
    format!("{:032x}", u128::from_le_bytes(bytes))
}
