//! What the world outside hears of a room.

use super::*;

fn notices(effects: &[Effect]) -> Vec<(notice::Happening, String)> {
    let of = |notice: &notice::Notice| {
        let who = notice.participant.as_ref().map_or(String::new(), |p| p.identity.clone());
        (notice.what, who)
    };
    effects
        .iter()
        .filter_map(|e| if let Effect::Notice(notice) = e { Some(of(notice)) } else { None })
        .collect()
}

#[test]
fn the_world_outside_hears_of_everything_in_order_and_of_no_mixer() {
    use notice::Happening as H;
    let mut scene = Scene::new();
    let alice = scene.join("alice");
    scene.publish(alice, "cam");
    let mixer = ParticipantKey(scene.key());
    let join = Join { connection: None, ..scene.join_of(mixer, "mixer", Permission::listener()) };
    scene.room.join(mixer, join, &mut scene.entropy, scene.now).unwrap();
    scene.room.activate(mixer, scene.now);
    let early = ParticipantKey(scene.key());
    let join = scene.join_of(early, "early", Permission::speaker());
    scene.room.join(early, join, &mut scene.entropy, scene.now).unwrap();
    scene.room.leave(early, LeaveReason::JoinFailure, scene.now);
    scene.room.close(LeaveReason::RoomDeleted, scene.now);
    let effects = scene.effects();
    let told = notices(&effects);
    let told: Vec<_> = told.iter().map(|(what, who)| (*what, who.as_str())).collect();
    assert_eq!(
        told,
        [
            (H::RoomStarted, ""),
            (H::ParticipantJoined, "alice"),
            (H::TrackPublished, "alice"),
            (H::ParticipantConnectionAborted, "early"),
            (H::TrackUnpublished, "alice"),
            (H::ParticipantLeft, "alice"),
            (H::RoomFinished, ""),
        ]
    );
    assert!(matches!(effects.last(), Some(Effect::Closed)));
}

#[test]
fn a_track_that_was_live_before_its_publisher_joined_is_told_after_it() {
    let mut scene = Scene::new();
    let alice = ParticipantKey(scene.key());
    let join = scene.join_of(alice, "alice", Permission::speaker());
    scene.room.join(alice, join, &mut scene.entropy, scene.now).unwrap();
    scene.publish(alice, "cam");
    scene.room.activate(alice, scene.now);
    let told: Vec<_> = notices(&scene.effects()).into_iter().map(|(what, _)| what).collect();
    use notice::Happening as H;
    assert_eq!(told, [H::RoomStarted, H::ParticipantJoined, H::TrackPublished]);
}
