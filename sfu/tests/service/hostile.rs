use std::net::UdpSocket;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use prost::Message as _;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::scene::{PATIENCE, Scene, Signal, clips};

/// Waits for the end of a connection; returns the close code, if one came.
async fn close_code(signal: &mut Signal) -> Option<u16> {
    loop {
        match tokio::time::timeout(PATIENCE, signal.socket.next()).await.expect("closed in time") {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    }
}

#[tokio::test]
async fn malformed_messages_close_only_their_own_connection() {
    let scene = Scene::start().await;
    let mut good = scene.signal("good", "hall", "").await;
    good.joined().await;
    let mut garbage = scene.signal("garbage", "hall", "").await;
    garbage.joined().await;
    garbage.socket.send(Message::Binary(vec![0xff; 64].into())).await.unwrap();
    assert_eq!(close_code(&mut garbage).await, Some(1008));
    let mut text = scene.signal("text", "hall", "").await;
    text.joined().await;
    text.socket.send(Message::Text("{}".into())).await.unwrap();
    assert_eq!(close_code(&mut text).await, Some(1003));
    let mut huge = scene.signal("huge", "hall", "").await;
    huge.joined().await;
    let _ = huge.socket.send(Message::Binary(vec![0; (2 << 20) + 1].into())).await;
    let _ = close_code(&mut huge).await;
    good.say(Request::PingReq(lk::Ping { timestamp: 1, rtt: 0 })).await;
    good.hear_that(|word| matches!(word, Response::PongResp(_)).then_some(())).await;
    scene.end().await;
}

/// Frames of one byte cost more than their bytes (CVE-2026-48779): they count as one message, of its size.
#[tokio::test]
async fn a_message_in_frames_of_one_byte_is_one_message() {
    let scene = Scene::start().await;
    let mut good = scene.signal("good", "hall", "").await;
    good.joined().await;
    let mut tiny = scene.signal("tiny", "hall", "").await;
    tiny.joined().await;
    let wish =
        lk::UpdateParticipantMetadata { request_id: 5, metadata: "x".repeat(20_000), ..Default::default() };
    let bytes = lk::SignalRequest { message: Some(Request::UpdateMetadata(wish)) }.encode_to_vec();
    for (place, &byte) in bytes.iter().enumerate() {
        let data = if place == 0 { Data::Binary } else { Data::Continue };
        let frame = Frame::message(vec![byte], OpCode::Data(data), place + 1 == bytes.len());
        tiny.socket.feed(Message::Frame(frame)).await.unwrap();
    }
    tiny.socket.flush().await.unwrap();
    let is_outcome = |word| matches!(word, Response::RequestResponse(outcome) if outcome.request_id == 5);
    tiny.hear_that(|word| is_outcome(word).then_some(())).await;
    good.say(Request::PingReq(lk::Ping { timestamp: 1, rtt: 0 })).await;
    good.hear_that(|word| matches!(word, Response::PongResp(_)).then_some(())).await;
    scene.end().await;
}

/// An offer that is no session description: whoever is heard is told to leave.
#[tokio::test]
async fn a_message_of_the_largest_size_is_heard_and_one_byte_more_is_not() {
    let scene = Scene::start_with(|config| config.limits.signal_message_bytes = 100_000).await;
    let offer = |len: usize| {
        let sdp = "x".repeat(len);
        let offer = lk::SessionDescription { sdp, ..Default::default() };
        lk::SignalRequest { message: Some(Request::Offer(offer)) }.encode_to_vec()
    };
    // Tags and lengths take the rest.
    let largest = offer(100_000 - (offer(90_000).len() - 90_000));
    assert_eq!(largest.len(), 100_000);
    for (message, is_heard) in [(largest, true), (offer(100_000), false)] {
        let mut signal = scene.signal("ada", "hall", "").await;
        signal.joined().await;
        // The server may close before it has taken everything.
        let _ = signal.socket.send(Message::Binary(message.into())).await;
        let mut told = false;
        while let Some(word) = signal.hear().await {
            told |= matches!(word, Response::Leave(_));
        }
        assert_eq!(told, is_heard);
    }
    scene.end().await;
}

#[tokio::test]
async fn messages_out_of_order_and_with_empty_fields_harm_nobody() {
    let scene = Scene::start().await;
    let mut signal = scene.signal("ada", "hall", "").await;
    signal.joined().await;
    let unknown = || "TR_unknown".to_owned();
    for request in [
        Request::Answer(lk::SessionDescription { id: 99, sdp: "nonsense".to_owned(), ..Default::default() }),
        Request::Mute(lk::MuteTrackRequest { sid: unknown(), muted: true }),
        Request::Subscription(lk::UpdateSubscription { track_sids: vec![unknown()], ..Default::default() }),
        Request::TrackSetting(lk::UpdateTrackSettings { track_sids: vec![unknown()], ..Default::default() }),
        Request::Trickle(lk::TrickleRequest::default()),
        Request::AddTrack(lk::AddTrackRequest::default()),
        Request::SubscriptionPermission(lk::SubscriptionPermission::default()),
        Request::SyncState(lk::SyncState::default()),
        Request::Simulate(lk::SimulateScenario::default()),
        Request::UpdateMetadata(lk::UpdateParticipantMetadata { request_id: 5, ..Default::default() }),
        Request::PublishDataTrackRequest(lk::PublishDataTrackRequest::default()),
    ] {
        signal.say(request).await;
    }
    // Everything before was refused or ignored: the last reply still comes.
    let outcome = signal.hear_that(|word| match word {
        Response::RequestResponse(outcome) if outcome.request_id == 5 => Some(outcome.reason()),
        _ => None,
    });
    assert_eq!(outcome.await, lk::request_response::Reason::NotAllowed);
    scene.end().await;
}

#[tokio::test]
async fn an_offer_that_is_no_session_description_ends_its_session() {
    let scene = Scene::start().await;
    for sdp in ["", "v=0\r\n", "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", &"a=\n".repeat(60_000)] {
        let mut signal = scene.signal("ada", "hall", "").await;
        signal.joined().await;
        let offer = lk::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: sdp.to_owned(),
            id: 1,
            ..Default::default()
        };
        signal.say(Request::Offer(offer)).await;
        signal.hear_that(|word| matches!(word, Response::Leave(_)).then_some(())).await;
        assert_eq!(signal.hear().await, None);
    }
    scene.end().await;
}

#[tokio::test]
async fn a_flood_of_messages_is_slowed_and_its_sender_closed() {
    let excess = Duration::from_secs(1);
    let scene = Scene::start_with(|config| config.limits.signal_excess = excess).await;
    let mut signal = scene.signal("ada", "hall", "").await;
    signal.joined().await;
    let began = Instant::now();
    for _ in 0..2000 {
        let ping = lk::SignalRequest { message: Some(Request::Ping(1)) };
        let bytes = prost::Message::encode_to_vec(&ping);
        if signal.socket.send(Message::Binary(bytes.into())).await.is_err() {
            break;
        }
    }
    let code = close_code(&mut signal).await;
    assert!(code.is_none_or(|code| code == 1008), "{code:?}");
    assert!(began.elapsed() >= excess);
    scene.end().await;
}

/// Lengths 0 to 1500 with every kind of first byte, from outside, while two people talk.
#[tokio::test(flavor = "multi_thread")]
async fn random_datagrams_do_not_disturb_a_call() {
    let scene = Scene::start_with(|config| config.shards = 1).await;
    let mut ada = scene.participant("ada", "hall").await;
    ada.publish(clips()).await.unwrap();
    let mut bob = scene.participant("bob", "hall").await;
    let target = scene.service.media_addrs()[0];
    let flood = tokio::task::spawn_blocking(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut state = 0x9e37_79b9_u32;
        for len in (0..=1500).chain(0..=1500) {
            let mut bytes = vec![0_u8; len];
            for byte in &mut bytes {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = state.to_be_bytes()[0];
            }
            if let Some(first) = bytes.first_mut() {
                *first = [0, 1, 20, 22, 63, 128, 144, 191, 255][len % 9];
            }
            socket.send_to(&bytes, target).unwrap();
        }
    });
    let mut counters = Vec::new();
    while counters.len() < 2 {
        let event = tokio::time::timeout(PATIENCE, bob.next_event()).await.unwrap();
        if let Some(client::Event::TrackReceived { packets, .. }) = event {
            counters.push(packets);
        }
    }
    flood.await.unwrap();
    let before: Vec<_> = counters.iter().map(|c| c.load(std::sync::atomic::Ordering::Relaxed)).collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    for (counter, before) in counters.iter().zip(before) {
        assert!(counter.load(std::sync::atomic::Ordering::Relaxed) > before + 20);
    }
    assert!(scene.service.metrics().contains("sfu_transport_panics_total 0"));
    scene.end().await;
}

/// A check as a client would send it, for this fragment, sealed with this password (RFC 8445 §7.2.2).
fn binding_request(ufrag: &str, pwd: &str, transaction: u32) -> Vec<u8> {
    use sfu_core::stun::{Class, MessageWriter, Role, TransactionId};
    let mut id = [7; 12];
    id[..4].copy_from_slice(&transaction.to_be_bytes());
    MessageWriter::new(Class::Request, TransactionId(id))
        .username(&format!("{ufrag}:peer"))
        .priority(1)
        .role(Role::Controlling(1))
        .sign(pwd)
}

/// Strangers' checks, with the right name too: not a byte of answer. (That they leave no state is shown in the core.)
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_checks_gets_no_more_bytes_than_it_sends_and_people_join() {
    let scene = Scene::start_with(|config| config.shards = 1).await;
    let mut ada = scene.participant("ada", "hall").await;
    ada.publish(clips()).await.unwrap();
    let mut bob = scene.signal("bob", "hall", "").await;
    let offer = bob.hear_that(|word| match word {
        Response::Offer(offer) => Some(offer.sdp),
        _ => None,
    });
    let offer = offer.await;
    let line = |name: &str| {
        let line = offer.lines().find_map(|line| line.strip_prefix(name));
        line.expect("the offer has it").to_owned()
    };
    let (ufrag, pwd) = (line("a=ice-ufrag:"), line("a=ice-pwd:"));
    let target = scene.service.media_addrs()[0];
    let flood = tokio::task::spawn_blocking(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut reply = [0; 2048];
        let mut answered = 0;
        let wrong = "x".repeat(32);
        for turn in 0..20_000_u32 {
            let request = match turn % 3 {
                0 => binding_request("nobody12", &pwd, turn),
                1 => binding_request(&ufrag, &wrong, turn),
                _ => binding_request(&format!("{ufrag}x"), &wrong, turn),
            };
            // The kernel may refuse when its buffer is full; a flood does not care.
            let _ = socket.send_to(&request, target);
            answered += usize::from(socket.recv(&mut reply).is_ok());
        }
        assert_eq!(answered, 0, "strangers get no answer");
        // The one who knows the password is answered, with no more than it sent: whoever it says that it is.
        let request = binding_request(&ufrag, &pwd, u32::MAX);
        socket.set_nonblocking(false).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let tries = (0..40).find_map(|_| {
            socket.send_to(&request, target).unwrap();
            socket.recv(&mut reply).ok()
        });
        if let Some(length) = tries {
            assert!(length <= request.len(), "{length} bytes for {}", request.len());
        }
    });
    flood.await.unwrap();
    let mut late = scene.participant("late", "hall").await;
    super::media::receive(&mut late, 2, 50).await;
    scene.end().await;
}

/// A foreign ClientHello and foreign flights from off the path, without a pause, while people join: the attack
/// that ended every call of Asterisk, FreeSWITCH and RTPEngine (Enable Security, 2024).
#[tokio::test(flavor = "multi_thread")]
async fn everybody_joins_under_a_flood_of_strangers_hellos() {
    let scene = Scene::start_with(|config| config.shards = 1).await;
    let target = scene.service.media_addrs()[0];
    // The flood ends with the test, also when that fails.
    let running = std::sync::Arc::new(());
    let watched = std::sync::Arc::downgrade(&running);
    let flood = tokio::task::spawn_blocking(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        // A DTLS 1.2 ClientHello that offers TLS_NULL_WITH_NULL_NULL alone (RFC 6347 §4.2.2).
        let body = [&[0xfe, 0xfd][..], &[9; 32], &[0, 0, 0, 2, 0, 0, 1, 0]].concat();
        let length = u8::try_from(body.len()).unwrap();
        let handshake = [&[1, 0, 0, length, 0, 0, 0, 0, 0, 0, 0, length][..], &body].concat();
        let record_length = u8::try_from(handshake.len()).unwrap();
        let record = |kind: u8, content: &[u8], length: u8| {
            [&[kind, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, length][..], content].concat()
        };
        let hello = record(22, &handshake, record_length);
        let alert = record(21, &[2, 40], 2);
        let close = record(21, &[1, 0], 2);
        while watched.strong_count() > 0 {
            for datagram in [&hello, &alert, &close] {
                let _ = socket.send_to(datagram, target);
            }
            std::thread::yield_now();
        }
    });
    let mut ada = scene.participant("ada", "hall").await;
    ada.publish(clips()).await.unwrap();
    for round in 0..5 {
        let mut bob = scene.participant(&format!("bob {round}"), "hall").await;
        super::media::receive(&mut bob, 2, 20).await;
        bob.leave().await;
    }
    drop(running);
    flood.await.unwrap();
    scene.end().await;
}

/// Bad tokens by the thousand: each is refused before anything is made for it, and who has a good one joins.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_token_joins_while_thousands_without_one_are_refused() {
    let scene = Scene::start().await;
    let forged = {
        let good = scene.join_token("eve", "hall");
        let (head, signature) = good.rsplit_once('.').unwrap();
        format!("{head}.{}", signature.chars().rev().collect::<String>())
    };
    let client = reqwest::Client::new();
    let url = scene.http(&format!("/rtc/validate?access_token={forged}"));
    let attackers = (0..8).map(|_| {
        let (client, url) = (client.clone(), url.clone());
        tokio::spawn(async move {
            for _ in 0..250 {
                assert_eq!(
                    client.get(&url).send().await.unwrap().status(),
                    reqwest::StatusCode::UNAUTHORIZED
                );
            }
        })
    });
    let attackers: Vec<_> = attackers.collect();
    for round in 0..10 {
        let mut signal = scene.signal(&format!("ada {round}"), "hall", "").await;
        signal.joined().await;
    }
    for attacker in attackers {
        attacker.await.unwrap();
    }
    scene.end().await;
}
