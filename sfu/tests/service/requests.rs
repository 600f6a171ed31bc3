//! Requests and what they are answered with, group by group.

use livekit_protocol as lk;
use lk::request_response::{Reason, Request as Asked};
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use lk::simulate_scenario::Scenario;

use super::scene::{Scene, Signal, clips};

async fn outcome(signal: &mut Signal) -> lk::RequestResponse {
    let is_outcome = |word| match word {
        Response::RequestResponse(outcome) => Some(outcome),
        _ => None,
    };
    signal.hear_that(is_outcome).await
}

fn track(cid: &str, source: lk::TrackSource) -> lk::AddTrackRequest {
    lk::AddTrackRequest {
        cid: cid.to_owned(),
        r#type: lk::TrackType::Audio as i32,
        source: source as i32,
        ..Default::default()
    }
}

/// Every refusal names its reason, and repeats what was asked.
#[tokio::test]
async fn a_request_that_is_refused_is_repeated_with_its_reason() {
    let scene = Scene::start().await;
    let grant = auth::room::VideoGrant {
        can_publish_sources: vec!["microphone".to_owned()],
        ..auth::room::VideoGrant::join("hall")
    };
    let mut signal = scene.signal_with(&scene.token("ada", grant), "").await;
    signal.joined().await;
    let screen = track("screen", lk::TrackSource::ScreenShareAudio);
    let unnamed = track("", lk::TrackSource::Microphone);
    let mute = lk::MuteTrackRequest { sid: "TR_none".to_owned(), muted: true };
    let sound = lk::UpdateLocalAudioTrack { track_sid: "TR_none".to_owned(), ..Default::default() };
    let picture = lk::UpdateLocalVideoTrack { track_sid: "TR_none".to_owned(), width: 4, height: 3 };
    let metadata =
        lk::UpdateParticipantMetadata { request_id: 9, name: "A".to_owned(), ..Default::default() };
    let data = lk::PublishDataTrackRequest { pub_handle: 3, ..Default::default() };
    for (request, reason, request_id, asked) in [
        (Request::AddTrack(screen.clone()), Reason::NotAllowed, 0, Asked::AddTrack(screen)),
        (Request::AddTrack(unnamed.clone()), Reason::InvalidRequest, 0, Asked::AddTrack(unnamed)),
        (Request::Mute(mute.clone()), Reason::NotFound, 0, Asked::Mute(mute)),
        (Request::UpdateAudioTrack(sound.clone()), Reason::NotFound, 0, Asked::UpdateAudioTrack(sound)),
        (Request::UpdateVideoTrack(picture.clone()), Reason::NotFound, 0, Asked::UpdateVideoTrack(picture)),
        (Request::UpdateMetadata(metadata.clone()), Reason::NotAllowed, 9, Asked::UpdateMetadata(metadata)),
        (
            Request::PublishDataTrackRequest(data.clone()),
            Reason::NotAllowed,
            0,
            Asked::PublishDataTrack(data),
        ),
    ] {
        signal.say(request).await;
        let outcome = outcome(&mut signal).await;
        assert_eq!((outcome.reason(), outcome.request_id), (reason, request_id), "{asked:?}");
        assert_eq!(outcome.request, Some(asked));
    }
    scene.end().await;
}

#[tokio::test]
async fn who_may_changes_its_own_metadata_and_is_told_so() {
    let scene = Scene::start().await;
    let grant = auth::room::VideoGrant {
        can_update_own_metadata: Some(true),
        ..auth::room::VideoGrant::join("hall")
    };
    let mut signal = scene.signal_with(&scene.token("ada", grant), "").await;
    signal.joined().await;
    let attributes = [("seat".to_owned(), "7".to_owned())].into();
    let change = lk::UpdateParticipantMetadata {
        request_id: 4,
        name: "Ada".to_owned(),
        metadata: "m".to_owned(),
        attributes,
    };
    signal.say(Request::UpdateMetadata(change)).await;
    let is_update = |word| match word {
        Response::Update(update) => update.participants.into_iter().find(|p| p.name == "Ada"),
        _ => None,
    };
    let me = signal.hear_that(is_update).await;
    assert_eq!((me.metadata.as_str(), me.attributes["seat"].as_str()), ("m", "7"));
    let outcome = outcome(&mut signal).await;
    assert_eq!((outcome.reason(), outcome.request_id), (Reason::Ok, 4));
    scene.end().await;
}

#[tokio::test]
async fn a_track_that_does_not_exist_cannot_be_subscribed() {
    let scene = Scene::start().await;
    let mut signal = scene.signal("ada", "hall", "").await;
    signal.joined().await;
    let wish = lk::UpdateSubscription {
        track_sids: vec!["TR_none".to_owned()],
        subscribe: true,
        ..Default::default()
    };
    signal.say(Request::Subscription(wish)).await;
    let refusal = signal.hear_that(|word| match word {
        Response::SubscriptionResponse(refusal) => Some(refusal),
        _ => None,
    });
    let refusal = refusal.await;
    assert_eq!(
        (refusal.track_sid.as_str(), refusal.err()),
        ("TR_none", lk::SubscriptionError::SeTrackNotfound)
    );
    scene.end().await;
}

/// What a client's own tests ask the server to play.
#[tokio::test]
async fn each_scenario_ends_the_session_as_it_should() {
    let scene = Scene::start().await;
    use lk::leave_request::Action;
    for (scenario, wanted) in [
        (Scenario::ServerLeave(true), Some(Action::Disconnect)),
        (Scenario::LeaveRequestFullReconnect(true), Some(Action::Reconnect)),
        // No word: the client finds out by itself, and its session is gone.
        (Scenario::NodeFailure(true), None),
        (Scenario::Migration(true), None),
    ] {
        let mut signal = scene.signal("ada", "hall", "").await;
        let sid = signal.joined().await.participant.unwrap().sid;
        signal.say(Request::Simulate(lk::SimulateScenario { scenario: Some(scenario) })).await;
        let mut action = None;
        while let Some(word) = signal.hear().await {
            if let Response::Leave(leave) = word {
                action = Some(leave.action());
            }
        }
        assert_eq!(action, wanted, "{scenario:?}");
        let mut again = scene.signal("ada", "hall", &format!("&reconnect=1&sid={sid}")).await;
        assert!(matches!(again.hear().await, Some(Response::Leave(_))), "{scenario:?}");
    }
    scene.end().await;
}

#[tokio::test]
async fn a_resume_that_shall_fail_fails_once() {
    let scene = Scene::start().await;
    for (scenario, has_words) in [
        (Scenario::DisconnectSignalOnResume(true), true),
        (Scenario::DisconnectSignalOnResumeNoMessages(true), false),
    ] {
        let mut signal = scene.signal("ada", "hall", "").await;
        let sid = signal.joined().await.participant.unwrap().sid;
        signal.say(Request::Simulate(lk::SimulateScenario { scenario: Some(scenario) })).await;
        // A request that the room answers: it has heard the one before, too.
        signal.say(Request::Mute(lk::MuteTrackRequest::default())).await;
        outcome(&mut signal).await;
        drop(signal);
        let resume = format!("&reconnect=1&sid={sid}");
        let mut first = scene.signal("ada", "hall", &resume).await;
        assert_eq!(matches!(first.hear().await, Some(Response::Reconnect(_))), has_words, "{scenario:?}");
        while first.hear().await.is_some() {}
        let mut second = scene.signal("ada", "hall", &resume).await;
        assert!(matches!(second.hear().await, Some(Response::Reconnect(_))), "{scenario:?}");
    }
    scene.end().await;
}

#[tokio::test]
async fn who_asks_for_tcp_is_offered_nothing_else_in_its_next_session() {
    let scene = Scene::start().await;
    let candidates = |word| match word {
        Response::Offer(offer) => Some(
            offer.sdp.lines().filter(|l| l.starts_with("a=candidate")).map(str::to_owned).collect::<Vec<_>>(),
        ),
        _ => None,
    };
    let mut signal = scene.signal("ada", "hall", "").await;
    assert!(signal.hear_that(candidates).await.iter().any(|line| line.contains(" udp ")));
    let scenario = Some(Scenario::SwitchCandidateProtocol(lk::CandidateProtocol::Tcp as i32));
    signal.say(Request::Simulate(lk::SimulateScenario { scenario })).await;
    signal.say(Request::Mute(lk::MuteTrackRequest::default())).await;
    outcome(&mut signal).await;
    let mut again = scene.signal("ada", "hall", "").await;
    let lines = again.hear_that(candidates).await;
    assert!(!lines.is_empty() && lines.iter().all(|line| line.contains(" tcp ")), "{lines:?}");
    scene.end().await;
}

/// Calls a method of the room service with every right.
async fn administer(scene: &Scene, method: &str, json: &str) -> reqwest::StatusCode {
    let grant = auth::room::VideoGrant {
        room_admin: true,
        room: "hall".to_owned(),
        ..auth::room::VideoGrant::default()
    };
    let request = reqwest::Client::new()
        .post(scene.http(&format!("/twirp/livekit.RoomService/{method}")))
        .bearer_auth(scene.token("admin", grant))
        .header("content-type", "application/json");
    request.body(json.to_owned()).send().await.unwrap().status()
}

/// The right comes while it is in the room: it is told, and gets a transport for what it may see now.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_subscribe_only_later_is_offered_tracks_then() {
    let scene = Scene::start().await;
    let mut ada = scene.participant("ada", "hall").await;
    ada.publish(clips()).await.unwrap();
    let grant = auth::room::VideoGrant { can_subscribe: Some(false), ..auth::room::VideoGrant::join("hall") };
    let mut bob = scene.signal_with(&scene.token("bob", grant), "").await;
    assert!(!bob.joined().await.subscriber_primary);
    let change = r#"{"room":"hall","identity":"bob","permission":{"canSubscribe":true,"canPublish":false}}"#;
    assert_eq!(administer(&scene, "UpdateParticipant", change).await, reqwest::StatusCode::OK);
    let (mut told, mut renewed) = (false, false);
    let offer = bob.hear_that(|word| match word {
        Response::Update(update) => {
            let me = update.participants.iter().find(|p| p.identity == "bob");
            told |=
                me.and_then(|me| me.permission.as_ref()).is_some_and(|p| p.can_subscribe && !p.can_publish);
            None
        }
        Response::RefreshToken(_) => {
            renewed = true;
            None
        }
        Response::Offer(offer) => Some(offer),
        _ => None,
    });
    assert_eq!(offer.await.mid_to_track_id.len(), 2);
    assert!(told && renewed);
    ada.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_the_right_to_publish_loses_its_tracks_and_nobody_unmutes_from_afar() {
    let scene = Scene::start().await;
    let mut bob = scene.signal("bob", "hall", "").await;
    bob.joined().await;
    let mut ada = scene.participant("ada", "hall").await;
    let tracks = ada.publish(clips()).await.unwrap();
    let both = |word| match word {
        Response::Update(update) => {
            update.participants.into_iter().find(|p| p.identity == "ada" && p.tracks.len() == 2)
        }
        _ => None,
    };
    bob.hear_that(both).await;
    let mute = |muted: bool| {
        format!(r#"{{"room":"hall","identity":"ada","trackSid":"{}","muted":{muted}}}"#, tracks[0])
    };
    assert_eq!(administer(&scene, "MutePublishedTrack", &mute(true)).await, reqwest::StatusCode::OK);
    let refused = administer(&scene, "MutePublishedTrack", &mute(false)).await;
    assert_eq!(refused, reqwest::StatusCode::PRECONDITION_FAILED);
    let muted = |word| match word {
        Response::Update(update) => {
            update.participants.into_iter().find(|p| p.tracks.iter().any(|t| t.muted))
        }
        _ => None,
    };
    bob.hear_that(muted).await;
    let change = r#"{"room":"hall","identity":"ada","permission":{"canSubscribe":true}}"#;
    assert_eq!(administer(&scene, "UpdateParticipant", change).await, reqwest::StatusCode::OK);
    let none = |word| match word {
        Response::Update(update) => {
            update.participants.into_iter().find(|p| p.identity == "ada" && p.tracks.is_empty())
        }
        _ => None,
    };
    bob.hear_that(none).await;
    ada.leave().await;
    scene.end().await;
}
