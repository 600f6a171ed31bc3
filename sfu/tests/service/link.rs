use std::collections::HashMap;
use std::time::Instant;

use link::{Client, MixerConnection, Received};
use wire::link::{Codec, ToMixer, ToSfu, TrackHandle, TrackSource, Watched};

use super::relay::figure;
use super::scene::{PATIENCE, Scene, clips};

/// What a mixer has heard.
#[derive(Debug, Default)]
struct Heard {
    started: HashMap<TrackHandle, (String, TrackSource, Codec)>,
    ended: Vec<TrackHandle>,
    reports: HashMap<TrackHandle, usize>,
    packets: HashMap<TrackHandle, Vec<(u16, usize)>>,
    closed: bool,
}

impl Heard {
    fn named(&self, identity: &str, source: TrackSource) -> Option<TrackHandle> {
        let found = self.started.iter().find(|(_, (who, what, _))| who == identity && *what == source);
        found.map(|(&track, _)| track)
    }

    fn count(&self, track: Option<TrackHandle>) -> usize {
        track.and_then(|track| self.packets.get(&track)).map_or(0, Vec::len)
    }
}

async fn listen(connection: &mut MixerConnection, heard: &mut Heard, enough: impl Fn(&Heard) -> bool) {
    let end = Instant::now() + PATIENCE;
    while !enough(heard) {
        let left = end.saturating_duration_since(Instant::now());
        let next = tokio::time::timeout(left, connection.recv()).await;
        match next.unwrap_or_else(|_| panic!("not in time: {heard:?}")).unwrap() {
            Received::Message(ToMixer::TrackStarted { track, identity, source, codec, .. }) => {
                heard.started.insert(track, (identity, source, codec));
            }
            Received::Message(ToMixer::TrackEnded { track }) => heard.ended.push(track),
            Received::Message(ToMixer::SenderReport { track, .. }) => {
                *heard.reports.entry(track).or_default() += 1;
            }
            Received::Message(ToMixer::RoomClosed) => heard.closed = true,
            Received::Message(ToMixer::TrackMuted { .. }) => {}
            Received::Rtp(packet) => {
                let seq = u16::from_be_bytes([packet.rtp[2], packet.rtp[3]]);
                heard.packets.entry(packet.track).or_default().push((seq, packet.rtp.len()));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mixer_receives_whom_it_watches_with_reports_and_is_seen_by_nobody() {
    watch_three(Scene::start().await, false).await;
}

/// The mixer fills its room's home: whoever comes next sits on the other shard.
#[tokio::test(flavor = "multi_thread")]
async fn a_mixer_receives_those_who_publish_on_another_shard() {
    let scene = Scene::start_with(|config| config.limits.room_participants_per_shard = 1).await;
    watch_three(scene, true).await;
}

async fn watch_three(scene: Scene, is_spread: bool) {
    let mut mixer = Client::connect(scene.service.link_addr().unwrap(), &scene.mixer).await.unwrap();
    let hello = ToSfu::Hello { room: "hall".to_owned(), identity: "mixer".to_owned() };
    mixer.sender().send(&hello).unwrap();
    // Watched before it is there.
    let watch = |identity: &str, tile| Watched { identity: identity.to_owned(), tile };
    let participants = vec![watch("ada", Some((640, 360))), watch("bob", None)];
    mixer.sender().send(&ToSfu::Watch { participants }).unwrap();

    let mut ada = scene.participant("ada", "hall").await;
    ada.publish(clips()).await.unwrap();
    let mut bob = scene.participant("bob", "hall").await;
    bob.publish(clips()).await.unwrap();
    let mut eve = scene.participant("eve", "hall").await;
    eve.publish(clips()).await.unwrap();

    let mut heard = Heard::default();
    let (camera, sound) = (TrackSource::Camera, TrackSource::Microphone);
    listen(&mut mixer, &mut heard, |heard| {
        let reported =
            |track: Option<TrackHandle>| track.is_some_and(|track| heard.reports.contains_key(&track));
        heard.count(heard.named("ada", camera)) > 50
            && heard.count(heard.named("ada", sound)) > 50
            && heard.count(heard.named("bob", sound)) > 50
            && reported(heard.named("ada", camera))
            && reported(heard.named("ada", sound))
    })
    .await;
    assert_eq!(heard.named("bob", camera), None, "only sound of bob was wanted");
    assert!(heard.started.values().all(|(who, ..)| who != "eve"), "nobody watches eve");
    let codecs: Vec<_> = heard.started.values().map(|(_, source, codec)| (*source, *codec)).collect();
    assert!(codecs.iter().all(|pair| matches!(pair, (TrackSource::Camera, Codec::Vp8) | (_, Codec::Opus))));
    for packets in heard.packets.values() {
        let in_order = packets.windows(2).filter(|pair| pair[1].0 == pair[0].0.wrapping_add(1)).count();
        assert!(in_order * 10 >= (packets.len() - 1) * 9, "{packets:?}");
    }
    assert_eq!(figure(&scene, "away_participants") > 0, is_spread);
    // Nobody else sees it.
    let mut signal = scene.signal("late", "hall", "").await;
    let others = signal.joined().await.other_participants;
    assert!(others.iter().all(|p| p.identity != "mixer") && others.len() == 3);

    // It stops watching: the tracks end.
    mixer.sender().send(&ToSfu::Watch { participants: Vec::new() }).unwrap();
    listen(&mut mixer, &mut heard, |heard| heard.ended.len() == heard.started.len()).await;
    for participant in [ada, bob, eve] {
        participant.leave().await;
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mixer_is_told_when_its_room_ends_and_strangers_get_no_word() {
    let scene = Scene::start().await;
    let addr = scene.service.link_addr().unwrap();
    let mut mixer = Client::connect(addr, &scene.mixer).await.unwrap();
    let hello = ToSfu::Hello { room: "hall".to_owned(), identity: "mixer".to_owned() };
    mixer.sender().send(&hello).unwrap();
    let participants = vec![Watched { identity: "ada".to_owned(), tile: None }];
    mixer.sender().send(&ToSfu::Watch { participants }).unwrap();
    // It is in the room as soon as it hears of somebody there.
    let mut ada = scene.participant("ada", "hall").await;
    ada.publish(clips()).await.unwrap();
    let mut heard = Heard::default();
    listen(&mut mixer, &mut heard, |heard| !heard.started.is_empty()).await;
    let other = Scene::start().await;
    let mut stranger = Client::connect(addr, &other.mixer).await;
    if let Ok(stranger) = &mut stranger {
        let _ = stranger.sender().send(&hello);
        assert!(stranger.recv().await.is_err(), "its certificate is of another authority");
    }
    other.end().await;
    ada.leave().await;
    let (end, listening) = tokio::join!(scene.end(), async {
        listen(&mut mixer, &mut heard, |heard| heard.closed).await;
    });
    let ((), ()) = (end, listening);
}
