//! Prints how far sound lags behind picture: `cargo run -p testkit --example av_sync -- INPUT [LEFT TOP WIDTH
//! HEIGHT]`, where the numbers place the flashing clip in parts of the picture (default: it fills it).

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use anyhow::Context as _;
use testkit::av_sync::{Region, measure_region};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let input = arguments.next().context("which input?")?;
    let parts = arguments.map(|part| part.parse()).collect::<Result<Vec<f64>, _>>()?;
    let region = match *parts.as_slice() {
        [left, top, width, height] => Region { left, top, width, height },
        _ => Region::WHOLE,
    };
    let sync = measure_region(&input, region)?;
    println!("median {:.1} ms of {} pairs: {:.1?}", sync.median_ms(), sync.offsets_ms.len(), sync.offsets_ms);
    Ok(())
}
