//! Independent clients with a single peer connection each, on as many shards as there are.

use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;

use super::python::Script;
use super::relay::{figure, wait_for};
use super::scene::{Scene, Signal};
use super::single::{offer, request, wrap};

/// One person: signalling here, media in aiortc, which decodes what it gets.
struct Person {
    signal: Signal,
    media: Script,
    offers: u32,
    /// Sections that the server has asked for since the last offer.
    required: Option<(u32, u32)>,
    /// Tracks of others that the last answer brought.
    placed: usize,
}

impl Person {
    /// Joins and publishes sound and a picture.
    async fn join(scene: &Scene, identity: &str) -> Self {
        let token = scene.join_token(identity, "hall");
        let path = format!("/rtc/v1?access_token={token}&join_request={}", wrap(&request()));
        let mut signal = scene.signal_at(&path).await;
        signal.joined().await;
        let media = Script::start(include_str!("single_meet.py"), &[]);
        let mut person = Self { signal, media, offers: 0, required: None, placed: 0 };
        for kind in [lk::TrackType::Audio, lk::TrackType::Video] {
            let source = if kind == lk::TrackType::Audio {
                lk::TrackSource::Microphone
            } else {
                lk::TrackSource::Camera
            };
            let track = lk::AddTrackRequest {
                cid: format!("{kind:?}"),
                r#type: kind.into(),
                source: source.into(),
                ..Default::default()
            };
            person.signal.say(Request::AddTrack(track)).await;
            person.hear_that(|word| matches!(word, Response::TrackPublished(_)).then_some(())).await;
        }
        person.offer().await;
        person
    }

    /// The first word that `pick` accepts; a wish for another offer is remembered.
    async fn hear_that<T>(&mut self, mut pick: impl FnMut(Response) -> Option<T>) -> T {
        loop {
            let word = self.signal.hear().await.expect("the connection is open");
            if let Response::MediaSectionsRequirement(wire) = &word {
                self.required = Some((wire.num_audios, wire.num_videos));
            }
            if let Some(found) = pick(word) {
                return found;
            }
        }
    }

    async fn ask(&mut self, command: &str) -> String {
        self.media.write_line(command).await;
        self.media.next_line().await
    }

    async fn offer(&mut self) {
        let (audios, videos) = self.required.take().unwrap_or_default();
        let sdp: String = serde_json::from_str(&self.ask(&format!("offer {audios} {videos}")).await).unwrap();
        self.offers += 1;
        self.signal.say(Request::Offer(offer(self.offers, &sdp))).await;
        let is_answer = |word| if let Response::Answer(answer) = word { Some(answer) } else { None };
        let answer = self.hear_that(is_answer).await;
        self.placed = answer.mid_to_track_id.len();
        let sdp = serde_json::to_string(&answer.sdp).unwrap();
        assert_eq!(self.ask(&format!("answer {sdp}")).await, "taken");
    }

    /// Waits until sound and picture of so many others are decoded.
    async fn meets(&mut self, others: usize) {
        while self.placed != 2 * others {
            if self.required.is_none() {
                let is_wish = |word| matches!(word, Response::MediaSectionsRequirement(_)).then_some(());
                self.hear_that(is_wish).await;
            }
            self.offer().await;
        }
        assert_eq!(self.ask(&format!("playing {others}")).await, "playing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn single_peer_connections_on_three_shards_see_and_hear_each_other() {
    let scene = Scene::start_with(|config| {
        config.shards = 3;
        config.limits.room_participants_per_shard = 1;
    })
    .await;
    let mut people = Vec::new();
    for identity in ["ada", "bob", "carol"] {
        people.push(Person::join(&scene, identity).await);
    }
    for person in &mut people {
        person.meets(2).await;
    }
    assert_eq!((figure(&scene, "away_participants"), figure(&scene, "publications")), (2, 6));
    assert_eq!((figure(&scene, "transports"), figure(&scene, "subscriptions")), (3, 12));
    assert!(figure(&scene, "relayed_packets_total") > 100);
    assert_eq!(figure(&scene, "dropped_relay_packets_total"), 0);
    // One of those on other shards leaves: the other two go on, each on a shard of its own.
    let mut bob = people.remove(1);
    bob.signal.say(Request::Leave(lk::LeaveRequest::default())).await;
    for person in &mut people {
        person.meets(1).await;
    }
    wait_for(&scene, "publications", |publications| publications == 4).await;
    for person in &mut people {
        person.signal.say(Request::Leave(lk::LeaveRequest::default())).await;
    }
    for name in ["participants", "transports", "publications", "subscriptions"] {
        wait_for(&scene, name, |left| left == 0).await;
    }
    scene.end().await;
}
