//! Words that need media to be said.

use livekit_protocol as lk;
use lk::signal_response::Message as Response;

use super::scene::{Scene, clips};

/// Bob only listens to the signalling, while Ada publishes and goes.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_in_the_room_hears_what_is_published_how_many_are_there_and_who_left() {
    let scene = Scene::start().await;
    let mut bob = scene.signal("bob", "hall", "").await;
    bob.joined().await;
    let mut ada = scene.participant("ada", "hall").await;
    let sid = ada.sid().to_owned();
    let tracks = ada.publish(clips()).await.unwrap();
    let (mut counts, mut published) = (None, 0);
    while counts != Some((2, 1)) || published < tracks.len() {
        match bob.hear().await.expect("the connection is open") {
            Response::RoomUpdate(lk::RoomUpdate { room: Some(room) }) => {
                counts = Some((room.num_participants, room.num_publishers));
            }
            Response::Update(update) => {
                let seen = update.participants.iter().filter(|p| p.identity == "ada").map(|p| p.tracks.len());
                published = seen.max().unwrap_or(published);
            }
            _ => {}
        }
    }
    ada.leave().await;
    let gone = bob.hear_that(|word| match word {
        Response::Update(update) => {
            update.participants.into_iter().find(|p| p.sid == sid && p.tracks.is_empty())
        }
        _ => None,
    });
    let gone = gone.await;
    assert_eq!(gone.state(), lk::participant_info::State::Disconnected);
    assert_eq!(gone.disconnect_reason(), lk::DisconnectReason::ClientInitiated);
    scene.end().await;
}
