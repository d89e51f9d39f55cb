//! `round_robin`: every backend in turn.

mod machine;
mod picker;

pub use machine::{RoundRobin, RoundRobinFactory};
