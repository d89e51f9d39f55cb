//! `round_robin`: every backend in turn.

mod machine;

pub use machine::{RoundRobin, RoundRobinFactory};
