//! libFuzzer around the target named by `FARCALL_FUZZ_TARGET`. `cargo xtask fuzz` builds and starts it.
#![no_main]

use farcall_fuzz::{TARGETS, Target};
use std::sync::OnceLock;

static TARGET: OnceLock<&Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: {
        let name = std::env::var("FARCALL_FUZZ_TARGET").expect("FARCALL_FUZZ_TARGET names the target");
        let found = TARGETS.iter().find(|target| target.name == name);
        TARGET.set(found.expect("a target with that name")).expect("set once");
    },
    |data: &[u8]| {
        if let Some(target) = TARGET.get() {
            (target.run)(data);
        }
    }
);
