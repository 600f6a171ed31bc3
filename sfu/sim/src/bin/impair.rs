//! Plays the impairment matrix in virtual time and prints it as a table.
//!
//! `cargo run --bin impair -- [runs for each row] [row]…`; the figures are the 95th percentile of the
//! runs, which is the worst of up to 20.
#![allow(clippy::print_stdout, reason = "the table is what this program is for")]

use std::time::Duration;

use sfu_sim::impairment::{Outcome, ROWS, Side, run};

fn main() {
    let mut words = std::env::args().skip(1);
    let runs: u64 = words.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let wanted: Vec<String> = words.collect();
    println!(
        "| row | profile | side | frozen | freezes | fps | concealed | back | switches/min | use | of what layers fill | queue p95 | above 150 ms | PLI/s | layers |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for row in ROWS.iter().filter(|row| wanted.is_empty() || wanted.iter().any(|name| name == row.name)) {
        for side in [Side::Up, Side::Down] {
            if side == Side::Up && matches!(row.name, "10" | "12a" | "12b") {
                continue;
            }
            let outcomes: Vec<Outcome> = (1..=runs).map(|seed| run(row, side, seed)).collect();
            print_row(row.name, row.what, side, &outcomes);
        }
    }
}

fn print_row(name: &str, what: &str, side: Side, outcomes: &[Outcome]) {
    let worst = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).fold(0.0, f64::max);
    let fps = outcomes.iter().map(|o| o.fps).fold(f64::INFINITY, f64::min);
    let back: Option<Duration> = outcomes.iter().filter_map(|o| o.back).max();
    let least = |of: fn(&Outcome) -> &[f64]| {
        let steps = 0..of(&outcomes[0]).len();
        let least = |step: usize| outcomes.iter().map(|o| of(o)[step]).fold(f64::INFINITY, f64::min);
        steps.map(|step| format!("{:.0} %", least(step) * 100.0)).collect::<Vec<_>>().join(", ")
    };
    println!(
        "| {name} | {what} | {} | {:.2} % | {:.0} | {fps:.1} | {:.2} % | {} | {:.1} | {} | {} | {:.0} ms | {:.1} s | {:.0} | {:?} |",
        if side == Side::Up { "up" } else { "down" },
        worst(|o| o.frozen) * 100.0,
        worst(|o| f64::from(o.freezes)),
        worst(|o| o.concealed) * 100.0,
        back.map_or("–".to_owned(), |back| format!("{:.2} s", back.as_secs_f64())),
        worst(|o| o.switches),
        least(|o| &o.use_of_capacity),
        least(|o| &o.use_of_layers),
        worst(|o| o.queue.as_secs_f64() * 1e3),
        worst(|o| o.overshoot.as_secs_f64()),
        worst(|o| o.keyframe_requests as f64),
        outcomes[0].layers,
    );
    for violation in outcomes.iter().flat_map(|o| &o.violations) {
        println!("  violated: {violation}");
    }
}
