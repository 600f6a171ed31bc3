//! Rows of the impairment matrix that are enforced, with the matrix's figures. The whole matrix is printed by
//! `cargo run -p sfu-sim --bin impair`.
#![allow(clippy::print_stdout, reason = "figures and failing seeds are printed")]
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself")]

use std::time::Duration;

use sfu_sim::impairment::{Outcome, ROWS, Side, run};

fn row(name: &str, side: Side) -> Outcome {
    let row = ROWS.iter().find(|row| row.name == name).unwrap();
    let outcome = run(row, side, 1);
    println!("row {name} {side:?}: {outcome:?}");
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    outcome
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

/// The share of the capacity that is used is not asserted: layers of fixed rates leave more than a fifth free.
#[test]
fn row_7_a_capacity_that_falls_fills_no_queue_for_long() {
    let outcome = row("7", Side::Down);
    assert!(outcome.queue <= Duration::from_millis(150));
    assert!(outcome.overshoot <= Duration::from_secs(3));
}

#[test]
fn row_8_on_a_narrow_path_the_sound_is_whole_and_the_picture_small_or_paused() {
    for name in ["8a", "8b", "8c"] {
        let outcome = row(name, Side::Down);
        assert!(outcome.concealed <= 0.01, "{name}");
        assert!(outcome.settled.is_none_or(|at| at <= Duration::from_secs(3)), "{name}");
        assert!(outcome.switches <= 4.0, "{name}");
    }
}

#[test]
fn row_9_after_a_blackout_the_picture_is_back_at_once() {
    for (name, limit_ms) in [("9a", 300), ("9b", 700), ("9c", 1_500)] {
        let back = row(name, Side::Down).back;
        assert!(back.is_some_and(|back| back <= Duration::from_millis(limit_ms)), "{name}: {back:?}");
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
