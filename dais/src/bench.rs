//! `dais bench rooms`: reads what to do, lets `load` do it, prints the figures.

use std::io::Write;
use std::time::Duration;

use auth::room::ApiKeyPair;
use clap::ValueEnum;
use load::{Bitrate, Plan, Shape};

use crate::args::{BenchCommand, BenchRoomsArgs};

/// Who publishes to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchShape {
    /// One publishes a picture, the others watch.
    Livestream,
    /// Everybody publishes picture and sound and receives everybody else.
    Meeting,
    /// Some speak, the others listen; without publishers, people join an empty room.
    Audio,
}

/// Runs a bench and prints its report.
pub(crate) async fn run(command: &BenchCommand, out: &mut impl Write) -> anyhow::Result<()> {
    let BenchCommand::Rooms(args) = command;
    let report = load::run(&plan(args)).await?;
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(())
}

fn plan(args: &BenchRoomsArgs) -> Plan {
    let shape = match args.shape {
        BenchShape::Livestream => Shape::Livestream { subscribers: args.subscribers },
        BenchShape::Meeting => Shape::Meeting { participants: args.publishers, simulcast: args.simulcast },
        BenchShape::Audio => Shape::Audio { speakers: args.publishers, listeners: args.subscribers },
    };
    Plan {
        url: args.url.clone(),
        api_key: ApiKeyPair { key: args.api_key.clone(), secret: args.api_secret.clone() },
        room: args.room.clone().unwrap_or_else(|| format!("bench-{}", std::process::id())),
        shape,
        video: Bitrate::from_kbps(args.video_kbps),
        frames_per_second: args.fps,
        joins_per_second: args.joins_per_second,
        settle: Duration::from_secs(args.settle_seconds),
        length: Duration::from_secs(args.seconds),
        server_pid: args.server_pid,
    }
}
