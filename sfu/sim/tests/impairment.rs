//! Rows of the impairment matrix that are enforced, with the matrix's figures. The whole matrix is printed by
//! `cargo run --bin impair`; `benches/RESULTS.md` has it, with the rows that miss.
#![allow(clippy::print_stdout, reason = "figures and failing seeds are printed")]
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself")]

use std::time::Duration;

use sfu_sim::impairment::{Outcome, ROWS, Side, run};

fn row(name: &str, side: Side) -> Outcome {
    row_of(1, name, side)
}

fn row_of(seed: u64, name: &str, side: Side) -> Outcome {
    let row = ROWS.iter().find(|row| row.name == name).unwrap();
    let outcome = run(row, side, seed);
    println!("row {name} {side:?}, seed {seed}: {outcome:?}");
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    outcome
}

#[test]
fn rows_0_and_1_freeze_nothing() {
    for name in ["0", "1"] {
        for side in [Side::Up, Side::Down] {
            let outcome = row(name, side);
            assert_eq!(outcome.freezes, 0, "{name} {side:?}");
            assert!(outcome.fps >= 29.5, "{name} {side:?}");
        }
    }
}

#[test]
fn row_2_five_percent_of_loss_freezes_nothing_for_long() {
    for side in [Side::Up, Side::Down] {
        let outcome = row("2", side);
        assert!(outcome.frozen <= 0.005, "{side:?}");
        assert!(outcome.fps >= 28.0, "{side:?}");
        assert!(outcome.concealed <= 0.01, "{side:?}");
    }
}

#[test]
fn row_3_the_rate_is_back_soon_after_the_loss() {
    for side in [Side::Up, Side::Down] {
        let outcome = row("3", side);
        assert!(outcome.frozen <= 0.02, "{side:?}");
        assert!(outcome.back.is_some_and(|back| back <= Duration::from_secs(8)), "{side:?}");
    }
}

#[test]
fn row_4_a_fifth_of_all_packets_may_be_lost() {
    for side in [Side::Up, Side::Down] {
        let outcome = row("4", side);
        assert!(outcome.frozen <= 0.08, "{side:?}");
        assert!(outcome.concealed <= 0.05, "{side:?}");
    }
}

#[test]
fn row_5_bursts_freeze_little() {
    for side in [Side::Up, Side::Down] {
        assert!(row("5", side).frozen <= 0.03, "{side:?}");
    }
}

#[test]
fn row_6_jitter_and_reordering_freeze_next_to_nothing() {
    for (seed, side) in [(1, Side::Up), (1, Side::Down), (2, Side::Down)] {
        let outcome = row_of(seed, "6", side);
        assert!(outcome.frozen <= 0.01, "{side:?}: {}", outcome.frozen);
        assert!(outcome.fps >= 25.0, "{side:?}: {}", outcome.fps);
    }
}

/// Of the whole capacity layers of fixed rates leave more than a fifth free; publishers fill what layers can.
#[test]
fn row_7_a_capacity_that_falls_fills_no_queue_for_long() {
    for side in [Side::Up, Side::Down] {
        let outcome = row("7", side);
        assert!(outcome.queue <= Duration::from_millis(150), "{side:?}");
        assert!(outcome.overshoot <= Duration::from_secs(3), "{side:?}");
        // The picture goes on soon after the capacity fell to a quarter.
        assert!(outcome.frozen <= 0.03, "{side:?}: {}", outcome.frozen);
        let least = outcome.use_of_layers.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(side == Side::Down || least >= 0.8, "{least}");
    }
}

#[test]
fn row_8_on_a_narrow_path_the_sound_is_whole_and_the_picture_small_or_paused() {
    for name in ["8a", "8b", "8c"] {
        for side in [Side::Up, Side::Down] {
            let outcome = row(name, side);
            assert!(outcome.concealed <= 0.01, "{name} {side:?}");
            assert!(outcome.settled.is_none_or(|at| at <= Duration::from_secs(3)), "{name} {side:?}");
            assert!(outcome.switches <= 4.0, "{name} {side:?}");
        }
    }
}

#[test]
fn row_9_after_a_blackout_the_picture_is_back_at_once() {
    for (name, limit_ms) in [("9a", 300), ("9b", 700), ("9c", 1_500)] {
        for side in [Side::Up, Side::Down] {
            let back = row(name, side).back;
            assert!(
                back.is_some_and(|back| back <= Duration::from_millis(limit_ms)),
                "{name} {side:?}: {back:?}"
            );
        }
    }
}

#[test]
fn row_11_a_move_to_another_address_is_no_gap() {
    for side in [Side::Up, Side::Down] {
        let outcome = row("11", side);
        assert!(outcome.back.is_some_and(|back| back <= Duration::from_secs(1)), "{side:?}");
    }
}

#[test]
fn row_12_one_poor_viewer_harms_nobody() {
    for name in ["12a", "12b"] {
        let outcome = row(name, Side::Down);
        assert_eq!(outcome.freezes, 0, "{name}");
        assert!(outcome.keyframe_requests <= 2, "{name}");
        assert!(outcome.sending_bps >= 2_000_000, "the speaker sends all it has: {name}");
    }
}

#[test]
fn row_13_wrong_bits_get_nowhere() {
    for side in [Side::Up, Side::Down] {
        assert_eq!(row("13", side).freezes, 0, "{side:?}");
    }
}

#[test]
fn row_14_without_udp_the_picture_is_there_within_three_seconds() {
    for side in [Side::Up, Side::Down] {
        let outcome = row("14", side);
        assert!(outcome.back.is_some_and(|back| back <= Duration::from_secs(3)), "{side:?}");
        assert_eq!(outcome.freezes, 0, "{side:?}");
    }
}
