//! What tests of gRPC programs need: simulated networks, scripted peers, stub servers.
//!
//! | room | for |
//! |---|---|
//! | [`sim`] | two ends in one thread, with simulated time and a simulated network, replayed from a seed |
//! | [`scripted_peer`] | a raw HTTP/2 peer that says and expects what a test tells it |
//! | [`name_server`] | a DNS server whose records the test controls |
//! | [`stub_server`] | a server made of closures, with channels to it (feature `stub-server`, on by default) |
//!
//! Test code may panic, and so does this crate: a broken expectation of a scripted peer is a failed test.
#![forbid(unsafe_code)]

pub mod name_server;
mod rng;
pub mod scripted_peer;
pub mod sim;
#[cfg(feature = "stub-server")]
pub mod stub_server;

pub use rng::Rng;
