//! Fuzz targets: functions that take any bytes and panic when something that must hold does not.
//!
//! `cargo xtask fuzz` runs them under libFuzzer (`runner/`); `tests/replay.rs` runs each over the inputs that are
//! kept in `corpus/` and `findings/`. What the real machines do is compared with second implementations (`naive`).
#![forbid(unsafe_code)]

mod input;
mod naive;
mod side;
mod targets;

pub use targets::{TARGETS, Target};
