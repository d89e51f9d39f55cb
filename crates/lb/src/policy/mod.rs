//! The load-balancing policies, one file or folder each.

mod pick_first;

pub use pick_first::{ConnectErrors, PickFirst, PickFirstConfig, PickFirstFactory};
