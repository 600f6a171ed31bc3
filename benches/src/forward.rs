//! Measures one publisher's packets on their way to 1 to 1,000 subscribers: processor time and allocations for
//! each forwarded packet, without and with the socket.
//!
//! `cargo run --release -p benches --bin forward [seconds for each row] [--to ADDRESS]`. What a row contains:
//! select, renumber, header, VP8 rewrite, seal (AES-128-GCM, one key for each subscriber), transport-wide numbers
//! and send history; with the socket also `sendmmsg` with `UDP_SEGMENT`, to loopback or to an address behind a
//! device that drops it (`benches/ifb.sh`). Feedback from subscribers is given to the estimators between the
//! measured parts.

mod calibrate;
mod counting;
mod cpu_clock;
#[path = "../../sfu/src/datagrams.rs"]
#[allow(
    dead_code,
    reason = "the shard's own socket; the bench sends through the same code, and uses less of it"
)]
mod datagrams;
mod scene;
mod sink;

use std::net::IpAddr;
use std::time::Duration;

use calibrate::Calibration;
use counting::CountingAllocator;
use datagrams::BATCH;
use scene::{Scene, Spent};
use sink::Sink;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const SUBSCRIBERS: [usize; 4] = [1, 10, 200, 1000];
/// Packets that arrive together: one of a small layer, a small frame, a frame of 2 Mb/s at 30 fps.
const BATCHES: [usize; 3] = [1, 3, 7];

#[allow(clippy::print_stdout, reason = "the table is what this program is for")]
fn main() -> std::io::Result<()> {
    let (length, device) = arguments();
    let sink = Sink::start(device)?;
    let calibration = Calibration::measure(&sink)?;
    sink.stop();
    println!("The kernel alone, ns for each datagram: sendto {:.0}", calibration.sendto);
    for (count, nanos) in calibration.runs {
        println!("sendmmsg of {BATCH} runs of {count}: {nanos:.0}");
    }
    println!();
    println!(
        "| subscribers | packets per batch | ns, no socket | ns, with socket | Mpps per core | arrived | allocations |"
    );
    println!("|---|---|---|---|---|---|---|");
    for subscribers in SUBSCRIBERS {
        for batch in BATCHES {
            let dry = measure(&mut Scene::new(subscribers, None)?, batch, length)?;
            let sink = Sink::start(device)?;
            let mut scene = Scene::new(subscribers, Some(&sink))?;
            let wet = measure(&mut scene, batch, length)?;
            let sent = scene.sent_since_start() as f64;
            let arrived = sink.stop().map(|count| format!("{:.0} %", 100.0 * count as f64 / sent));
            println!(
                "| {subscribers} | {batch} | {:.0} | {:.0} | {:.2} | {} | {} in {} |",
                dry.nanos_per_packet(),
                wet.nanos_per_packet(),
                1_000.0 / wet.nanos_per_packet(),
                arrived.as_deref().unwrap_or("-"),
                dry.allocations() + wet.allocations(),
                dry.packets() + wet.packets(),
            );
        }
    }
    Ok(())
}

/// Processor time of each row, and the address behind a device.
fn arguments() -> (Duration, Option<IpAddr>) {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let seconds = arguments.iter().find_map(|text| text.parse().ok()).unwrap_or(1.0);
    let to = arguments.iter().position(|text| text == "--to").and_then(|place| arguments.get(place + 1));
    (Duration::from_secs_f64(seconds), to.and_then(|text| text.parse().ok()))
}

/// Runs until the measured parts took `length` of processor time, after some blocks to warm up.
fn measure(scene: &mut Scene, batch: usize, length: Duration) -> std::io::Result<Spent> {
    for _ in 0..WARM_UP_BLOCKS {
        scene.block(batch)?;
    }
    let mut spent = Spent::default();
    while spent.time() < length {
        spent.add(&scene.block(batch)?);
    }
    Ok(spent)
}

/// Then rings and caches have their size: a ring holds 1,024 packets, a block has 140.
const WARM_UP_BLOCKS: usize = 10;
