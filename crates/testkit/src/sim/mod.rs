//! A simulated network: two ends in one thread, with time and bytes under the test's control.
//!
//! Everything follows from a seed: the same seed gives the same run, on every machine. [`Pair`] joins two
//! HTTP/2 machines; [`duplex`] gives a pair of byte streams for whatever runs on tokio, a channel
//! and a server for instance, under `tokio::time::pause`.

mod clock;
mod link;
mod pair;
mod stream;

pub use clock::Clock;
pub use link::{Arrival, Link, NetConfig, Slicing};
pub use pair::{End, Pair, Side};
pub use stream::{Control, SimStream, duplex};
