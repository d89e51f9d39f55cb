//! Balancing: policies that turn endpoints into subchannels and pickers, and what policy writers need.

mod action;
mod aggregate;
mod child;
mod config;
mod context;
mod endpoint_children;
mod factory;
mod failures;
mod graceful_switch;
mod keyed_children;
mod lazy_child;
mod picked;
mod picker;
mod pickers;
mod policy;
mod restrict;
mod selection;
#[cfg(test)]
mod tests;

pub use action::{PolicyAction, SubchannelSpec, TimerId};
pub use aggregate::aggregate_state;
pub use child::ChildPolicy;
pub use config::PolicyConfig;
pub use context::{Context, PolicyHost};
pub use endpoint_children::EndpointChildren;
pub use factory::{Policies, PolicyFactory};
pub use failures::BackendErrors;
pub use graceful_switch::GracefulSwitch;
pub use keyed_children::KeyedChildren;
pub use lazy_child::LazyChild;
pub use picked::{PickExtras, PickObserver, PickOutcome, Picked};
pub use picker::{Pick, PickInfo, Picker, WakeId};
pub use pickers::{
    DropPicker, FailPicker, QueuePicker, RotatingPicker, SubchannelPicker, WakePicker,
};
pub use policy::{LoadBalancingPolicy, PolicyUpdate};
pub use restrict::restrict_control_plane;
pub use selection::PolicySelection;
