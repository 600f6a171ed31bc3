//! `dais token`: a room token, LiveKit-style.

use std::io::Write;
use std::time::Duration;

use auth::room::{ApiKeys, RoomToken, VideoGrant};

use crate::args::TokenArgs;
use crate::start;

/// Prints the token.
pub(crate) fn print(args: &TokenArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let keys = auth::Keys::open_or_create(&args.settings.keys_dir())?;
    let (pair, _) = start::api_key(&args.settings, &keys)?;
    let grant = VideoGrant {
        can_publish: Some(!args.viewer),
        room_admin: args.admin,
        ..VideoGrant::join(&args.room)
    };
    let token = RoomToken {
        identity: args.identity.clone(),
        name: args.name.clone().unwrap_or_else(|| args.identity.clone()),
        video: Some(grant),
        ..RoomToken::default()
    };
    writeln!(out, "{}", ApiKeys::new(&pair, &[]).mint(token, Duration::from_secs(args.ttl_seconds)))?;
    Ok(())
}
