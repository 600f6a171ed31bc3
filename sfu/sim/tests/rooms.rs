//! Rooms that seeds make up, in virtual time. A seed that fails is printed; play it again alone with
//! `DAIS_SIM_SEED=<seed> cargo test --workspace --test rooms`.
#![allow(clippy::print_stdout, reason = "figures and failing seeds are printed")]
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use sfu_sim::rooms::{play, play_across};

/// Seeds of one run of all tests; `DAIS_SIM_SEEDS` sets another number.
const SEEDS: u64 = 500;

/// The same of rooms that span shards.
const SEEDS_ACROSS: u64 = 200;

#[test]
fn whatever_the_network_does_every_invariant_holds() {
    play_all(play, SEEDS);
}

#[test]
fn whatever_the_network_does_every_invariant_holds_across_shards() {
    play_all(play_across, SEEDS_ACROSS);
}

fn play_all(play: fn(u64) -> Vec<String>, seeds: u64) {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("DAIS_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("DAIS_SIM_SEEDS").unwrap_or(seeds),
    };
    let next = AtomicU64::new(seeds.start);
    let failed = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let failures = play(seed);
            if !failures.is_empty() {
                println!("DAIS_SIM_SEED={seed}:");
                failures.iter().for_each(|failure| println!("  {failure}"));
                failed.lock().unwrap().push(seed);
            }
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "these seeds failed: {failed:?}");
}
