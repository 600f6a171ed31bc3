//! libFuzzer's entry: one binary for all targets, so that one link serves all; `FUZZ_TARGET` names the target.
#![no_main]

use std::sync::LazyLock;

use fuzz::Target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.run)(data));

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    fuzz::target(&name).unwrap_or_else(|| panic!("FUZZ_TARGET={name} is no target"))
});
