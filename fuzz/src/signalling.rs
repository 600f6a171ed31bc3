//! What clients and administrators say: signal messages, server API bodies, messages on data channels.

use std::time::Duration;

use livekit_protocol as lk;
use prost::Message as _;
use sfu_core::room::message::Response;
use sfu_core::room::packet::Envelope;
use sfu_core::room::sid::ParticipantSid;
use sfu_core::shard::admin::AdminId;
use sfu_core::shard::{Command, Event};
use sfu_signal::api::{self as server_api, Format};
use sfu_signal::request::{self, Incoming};
use sfu_signal::response::{self, Node};

use crate::input::Input;
use crate::scene::{ADA, BOB, Scene};

/// One signal message in a call: every reply can be written, replies are bounded, and nobody else is put out.
pub fn signal(data: &[u8]) {
    let Ok(Incoming::Room(request)) = request::read(data) else { return };
    let mut scene = Scene::call();
    scene.heard.clear();
    scene.request(ADA, request);
    assert!(!scene.closed.contains(&BOB));
    let said: Vec<_> = std::mem::take(&mut scene.heard).into_iter().collect();
    let node = Node { id: "ND_x".to_owned() };
    let mut bytes = 0;
    for (connection, words) in said {
        for word in words {
            assert!(connection != BOB || !matches!(word, Response::Leave { .. }));
            let refresh = matches!(word, Response::RefreshToken(_));
            let written = response::write(word, &node, &Vec::new);
            assert_eq!(written.is_none(), refresh);
            bytes += written.map_or(0, |written| written.len());
        }
    }
    assert!(bytes <= 64 * data.len() + 64 * 1024, "{bytes} bytes said to {} heard", data.len());
}

/// A server API call on a shard with a call: each is answered, and the answer can be written.
pub fn api(data: &[u8]) {
    let mut input = Input::new(data);
    let method = METHODS[input.below(METHODS.len())];
    let format = [Format::Protobuf, Format::Json][input.below(2)];
    let Ok(call) = server_api::read(method, format, input.rest()) else { return };
    let mut scene = Scene::call();
    let id = AdminId(7);
    scene.command(Command::Admin { id, request: call.request });
    // A call to a participant waits for its answer.
    scene.pass(Duration::from_secs(3600));
    let replies = scene.other_events.iter().filter(|event| matches!(event, Event::Admin { .. })).count();
    assert_eq!(replies, 1);
    for event in scene.other_events {
        if let Event::Admin { reply: Ok(reply), .. } = event {
            let written = server_api::write(method, format, reply);
            if format == Format::Json {
                assert!(serde_json::from_slice::<serde_json::Value>(&written).is_ok());
            }
        }
    }
}

pub(crate) const METHODS: [&str; 12] = [
    "PerformRpc",
    "UpdateSubscriptions",
    "UpdateRoomMetadata",
    "CreateRoom",
    "ListRooms",
    "DeleteRoom",
    "ListParticipants",
    "GetParticipant",
    "RemoveParticipant",
    "MutePublishedTrack",
    "UpdateParticipant",
    "SendData",
];

/// A message on a data channel says who sent it, whatever its sender wrote; reading it again changes nothing,
/// and it does not grow by more than the sender's names.
pub fn envelope(data: &[u8]) {
    let sid = ParticipantSid::from_wire("PA_sender");
    let read = |bytes: &[u8]| Envelope::read(bytes, &sid, IDENTITY);
    let Ok(envelope) = read(data) else { return };
    let (identities, sids) = (envelope.identities.clone(), envelope.sids.clone());
    let written = envelope.into_bytes(true);
    assert!(written.len() <= data.len() + 256, "{} bytes of {}", written.len(), data.len());
    let again = read(&written).expect("what we write can be read");
    assert_eq!((&again.identities, &again.sids), (&identities, &sids));
    assert_eq!(again.into_bytes(true), written);
    let Ok(packet) = lk::DataPacket::decode(&written[..]) else { return };
    assert_eq!(
        (packet.participant_identity.as_str(), packet.participant_sid.as_str()),
        (IDENTITY, sid.as_str())
    );
    if let Some(lk::data_packet::Value::User(user)) = packet.value {
        #[expect(deprecated, reason = "older clients read these fields")]
        let sender = (user.participant_identity, user.participant_sid);
        assert_eq!((sender.0.as_str(), sender.1.as_str()), (IDENTITY, sid.as_str()));
    }
}

const IDENTITY: &str = "the sender";
