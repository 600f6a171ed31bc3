//! Tokens, and the query and claims of a join.

use std::time::Duration;

use auth::experience::ExperienceKey;
use auth::invitation::InvitationKey;
use auth::playback::PlaybackKey;
use auth::room::{ApiKeyPair, ApiKeys, RoomClaims};
use auth::service::{ServiceKey, ServiceName};
use auth::unix_seconds;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sfu_core::room::limits::RoomLimits;
use sfu_core::room::message::Response;
use sfu_core::shard::Command;
use sfu_signal::join::{JoinQuery, entry, renewed};

use crate::input::Input;
use crate::scene::{ADA, Scene};

/// Header and claims under a right signature: accepted only as HS256, in time, without critical extensions,
/// and in no other domain. The same bytes without a signature open nothing.
pub fn token(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    assert!(
        auth::bearer(Some(&text)).is_err() || auth::bearer(Some(&text)).is_ok_and(|token| !token.is_empty())
    );
    let mut input = Input::new(data);
    let (header, claims) = (input.piece(), input.rest());
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), signed.as_bytes());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag));
    for opened in [opens(&token, SECRET), opens(&text, b"another secret")] {
        assert!(opened.iter().filter(|&&opens| opens).count() <= 1, "a token opens one door");
    }
    assert_eq!(opens(&token, b"another secret"), [false; 4]);
    if let Ok(claims) = keys(SECRET).verify(&token) {
        let header: serde_json::Value = serde_json::from_slice(header).expect("an accepted header is JSON");
        assert_eq!(header["alg"], "HS256");
        assert!(header.get("crit").is_none());
        assert!(claims.expires_at + 61 >= unix_seconds());
        assert!(claims.not_before.is_none_or(|at| at <= unix_seconds() + 61));
    }
}

/// Which domain's door a token opens when all keys are the same bytes.
fn opens(token: &str, secret: &[u8]) -> [bool; 4] {
    let service = ServiceKey::from_secret(secret);
    let id = ids::PlaybackId::from_bits(1);
    let _ = InvitationKey::from_secret(secret).verify(token);
    [
        keys(secret).verify(token).is_ok(),
        ExperienceKey::from_secret(secret).verify(token).is_ok(),
        PlaybackKey::from_secret(secret).verify(token, &id).is_ok(),
        service.verify_token(token, ServiceName::Media).is_ok(),
    ]
}

fn keys(secret: &[u8]) -> ApiKeys {
    let secret = String::from_utf8_lossy(secret).into_owned();
    ApiKeys::new(&ApiKeyPair { key: "key".to_owned(), secret }, &[])
}

/// The query of `/rtc`, a line end, and the claims of a token: whoever is let in is within the limits, and
/// the token that it would be given says no more than the one it brought.
pub fn join_query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (query, claims) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(query) = serde_urlencoded::from_str::<JoinQuery>(query) else { return };
    let Ok(claims) = serde_json::from_str::<RoomClaims>(claims) else { return };
    let limits = RoomLimits::default();
    let grant = claims.token.video.clone();
    let Ok(hello) = query.hello() else { return };
    let Ok(entry) = entry(claims, hello, ADA, &limits) else { return };
    assert!(entry.requests.len() <= limits.tracks_per_participant + 2);
    let grant = grant.expect("without a grant nobody enters");
    assert!(grant.room_join && entry.room == grant.room && !entry.room.is_empty());
    assert!(!entry.join.identity.is_empty());
    for name in [&entry.room, &entry.join.identity, &entry.join.name] {
        assert!(name.chars().count() <= limits.name_chars);
    }
    assert!(entry.join.metadata.len() <= limits.metadata_bytes);
    let mut scene = Scene::new();
    let resumes = entry.resume.is_some();
    let (join, options, claims) = (Box::new(entry.join), entry.options, entry.claims);
    let stays_open = options.empty_timeout.max(options.departure_timeout).unwrap_or_default();
    scene.command(Command::Join {
        connection: ADA,
        room: entry.room.clone(),
        join,
        resume: entry.resume,
        options,
    });
    for request in entry.requests {
        scene.request(ADA, request);
    }
    match scene.heard.remove(&ADA).unwrap_or_default().first() {
        Some(Response::Joined(joined)) if !resumes => {
            let renewed = renewed(&claims, joined.participant.clone());
            let fresh = renewed.video.expect("a renewed token joins again");
            assert_eq!(fresh.room, entry.room);
            assert!(grant.may_publish() || !fresh.may_publish());
            assert!(grant.may_subscribe() || !fresh.may_subscribe());
            assert!(grant.may_publish_data() || !fresh.may_publish_data());
            assert!(grant.may_update_own_metadata() || !fresh.may_update_own_metadata());
        }
        Some(Response::Leave { .. }) if resumes => {}
        other => panic!("{other:?} is no first word"),
    }
    // A token may say how long its room stays open.
    scene.pass(Duration::from_secs(600) + stays_open);
    assert_eq!((scene.shard.stats().participants, scene.shard.stats().rooms), (0, 0));
}

/// The key under which [`token`] signs.
const SECRET: &[u8] = b"a secret of thirty-two letters!!";
