//! Balancing: policies that turn endpoints into subchannels and pickers, and what policy writers need.

mod action;
mod child;
mod config;
mod context;
mod factory;
mod picker;
mod pickers;
mod policy;
mod restrict;
#[cfg(test)]
mod tests;

pub use action::{PolicyAction, SubchannelSpec, TimerId};
pub use child::ChildPolicy;
pub use config::PolicyConfig;
pub use context::{Context, PolicyHost};
pub use factory::PolicyFactory;
pub use picker::{Pick, PickInfo, Picked, Picker, WakeId};
pub use pickers::{DropPicker, FailPicker, QueuePicker, SubchannelPicker, WakePicker};
pub use policy::{LoadBalancingPolicy, PolicyUpdate};
pub use restrict::restrict_control_plane;
