//! Calls on an in-memory pair, each side for itself: what `cargo xtask perf` counts.
//!
//! A conversation of client and server is [recorded](record) once. Then either side runs it again against the
//! [tape](Tape), alone in its process, so that what the process does is what that side costs. Time is simulated
//! ([`runtime`]): nothing depends on how slow the machine or the instrument is, and handlers are polled inline as they
//! are in production once they have shown that they are short.

mod load;
mod pair;
mod player;
mod scenario;
mod service;
mod tape;
mod tenants;

pub use load::{channel, run_client};
pub use pair::{End, Recording, record, recorded_pair};
pub use player::{Player, Report};
pub use scenario::{SCENARIOS, Scenario, Work};
pub use service::server;
pub use tape::{Tape, files};

/// A current-thread runtime whose clock stands still.
///
/// # Errors
/// As [`tokio::runtime::Builder::build`].
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
}

/// Why the probe gave up.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
