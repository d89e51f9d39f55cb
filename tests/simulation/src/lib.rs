//! Simulated lives of connections, and plain second implementations to compare the machines with.
//!
//! `cargo test -p farcall-simulation` lives through 1,000 seeds, `cargo xtask simulate` through 100,000 or as many as it is told.
//! A seed that fails is made into a short script, which `cargo xtask simulate --replay FILE` replays and tells.
#![forbid(unsafe_code)]

pub mod fleet;
pub mod life;
pub mod many;
pub mod naive;
pub mod script;
