//! A real SFU on real sockets: HTTP, signalling, media from the `webrtc` crate's client, mixers on links.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::wildcard_enum_match_arm, reason = "each test waits for one word among many")]

#[path = "service/api.rs"]
mod api;
#[path = "service/hostile.rs"]
mod hostile;
#[path = "service/limits.rs"]
mod limits;
#[path = "service/link.rs"]
mod link_tests;
#[path = "service/lite.rs"]
mod lite;
#[path = "service/media.rs"]
mod media;
#[path = "service/meeting.rs"]
mod meeting;
#[path = "service/netns.rs"]
mod netns;
#[path = "service/python.rs"]
mod python;
#[path = "service/relay.rs"]
mod relay;
#[path = "service/requests.rs"]
mod requests;
#[path = "service/scene.rs"]
mod scene;
#[path = "service/signalling.rs"]
mod signalling;
#[path = "service/single.rs"]
mod single;
#[path = "service/turn.rs"]
mod turn;
#[path = "service/webhooks.rs"]
mod webhooks;
#[path = "service/whep.rs"]
mod whep;
#[path = "service/whip.rs"]
mod whip;
#[path = "service/words.rs"]
mod words;
