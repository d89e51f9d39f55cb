//! The load-balancing policies, one file or folder each.

mod pick_first;
mod round_robin;

pub use pick_first::{ConnectErrors, PickFirst, PickFirstConfig, PickFirstFactory};
pub use round_robin::{RoundRobin, RoundRobinFactory};
