use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;

use super::scene::Scene;

#[tokio::test]
async fn the_join_response_holds_what_clients_unwrap() {
    let scene = Scene::start().await;
    let mut signal = scene.signal("ada", "hall", "&protocol=16&unknown=1").await;
    let join = signal.joined().await;
    let (room, me) = (join.room.unwrap(), join.participant.unwrap());
    assert!(room.sid.starts_with("RM_") && me.sid.starts_with("PA_"));
    let permission = me.permission.unwrap();
    assert!(permission.can_publish && permission.can_subscribe && permission.can_publish_data);
    let server = join.server_info.unwrap();
    assert_eq!((server.protocol, server.version.as_str()), (17, "1.9.0"));
    assert_eq!((join.ping_interval, join.ping_timeout), (5, 15));
    assert!(join.subscriber_primary && join.fast_publish && !join.enabled_publish_codecs.is_empty());
    let offer = signal.hear_that(|word| match word {
        Response::Offer(offer) => Some(offer),
        _ => None,
    });
    assert_eq!(offer.await.id, 1);
    scene.end().await;
}

#[tokio::test]
async fn a_refreshed_token_joins_again_and_says_the_same() {
    let scene = Scene::start().await;
    let grant = auth::room::VideoGrant { can_publish: Some(false), ..auth::room::VideoGrant::join("hall") };
    let mut signal = scene.signal_with(&scene.token("ada", grant), "").await;
    signal.joined().await;
    let token = signal.hear_that(|word| match word {
        Response::RefreshToken(token) => Some(token),
        _ => None,
    });
    let claims = scene.keys.verify(&token.await).unwrap();
    let video = claims.token.video.unwrap();
    assert_eq!((claims.token.identity.as_str(), video.room.as_str()), ("ada", "hall"));
    assert!(!video.may_publish() && !video.may_publish_data() && video.may_subscribe());
    scene.end().await;
}

#[tokio::test]
async fn both_pings_are_answered() {
    let scene = Scene::start().await;
    let mut signal = scene.signal("ada", "hall", "").await;
    signal.joined().await;
    signal.say(Request::Ping(1)).await;
    signal.say(Request::PingReq(lk::Ping { timestamp: 7, rtt: 0 })).await;
    let is_pong = |word| matches!(word, Response::Pong(_)).then_some(());
    signal.hear_that(is_pong).await;
    let pong = signal.hear_that(|word| match word {
        Response::PongResp(pong) => Some(pong),
        _ => None,
    });
    assert_eq!(pong.await.last_ping_timestamp, 7);
    scene.end().await;
}

#[tokio::test]
async fn the_same_identity_evicts_the_first_session() {
    let scene = Scene::start().await;
    let mut first = scene.signal("ada", "hall", "").await;
    first.joined().await;
    let mut second = scene.signal("ada", "hall", "").await;
    second.joined().await;
    let leave = first.hear_that(|word| match word {
        Response::Leave(leave) => Some(leave),
        _ => None,
    });
    assert_eq!(leave.await.reason(), lk::DisconnectReason::DuplicateIdentity);
    assert_eq!(first.hear().await, None);
    scene.end().await;
}

#[tokio::test]
async fn a_resume_begins_with_reconnect_and_a_lost_session_with_leave() {
    let scene = Scene::start().await;
    let mut signal = scene.signal("ada", "hall", "").await;
    let sid = signal.joined().await.participant.unwrap().sid;
    drop(signal);
    let mut again = scene.signal("ada", "hall", &format!("&reconnect=1&sid={sid}")).await;
    assert!(matches!(again.hear().await, Some(Response::Reconnect(_))));
    // The offer after it restarts ICE.
    let is_offer = |word| matches!(word, Response::Offer(_)).then_some(());
    again.hear_that(is_offer).await;
    let mut lost = scene.signal("ada", "hall", "&reconnect=1&sid=PA_unknown").await;
    match lost.hear().await {
        Some(Response::Leave(leave)) => {
            assert_eq!(leave.reason(), lk::DisconnectReason::StateMismatch);
            assert_eq!(leave.action(), lk::leave_request::Action::Reconnect);
        }
        other => panic!("{other:?} instead of leave"),
    }
    scene.end().await;
}

#[tokio::test]
async fn a_track_is_announced_to_its_publisher_before_any_media() {
    let scene = Scene::start().await;
    let mut signal = scene.signal("ada", "hall", "").await;
    signal.joined().await;
    let wish = lk::AddTrackRequest {
        cid: "cam".to_owned(),
        r#type: lk::TrackType::Video as i32,
        source: lk::TrackSource::Camera as i32,
        ..Default::default()
    };
    signal.say(Request::AddTrack(wish)).await;
    let published = signal.hear_that(|word| match word {
        Response::TrackPublished(published) => Some(published),
        _ => None,
    });
    let published = published.await;
    assert_eq!(published.cid, "cam");
    assert!(published.track.unwrap().sid.starts_with("TR_VC"));
    scene.end().await;
}

#[tokio::test]
async fn a_server_that_stops_sends_everybody_to_the_next() {
    let scene = Scene::start().await;
    let mut signal = scene.signal("ada", "hall", "").await;
    signal.joined().await;
    tokio::join!(scene.end(), async {
        let leave = signal.hear_that(|word| match word {
            Response::Leave(leave) => Some(leave),
            _ => None,
        });
        assert_eq!(leave.await.action(), lk::leave_request::Action::Reconnect);
    });
}

/// The ping is in the socket before the shard has answered.
#[tokio::test]
async fn the_first_word_is_join_however_early_a_ping_comes() {
    let scene = Scene::start().await;
    for number in 0..20 {
        let mut signal = scene.signal(&format!("p{number}"), "hall", "").await;
        signal.say(Request::PingReq(lk::Ping { timestamp: 7, rtt: 0 })).await;
        signal.joined().await;
    }
    scene.end().await;
}
