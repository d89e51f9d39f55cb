//! See the crate description.
pub mod address;
pub mod balancer;
pub mod channel;
mod connectivity;
pub mod policy;
mod registry;
pub mod resolver;
pub mod subchannel;
pub mod target;
mod timers;

pub use address::{Address, Endpoint, Location};
pub use connectivity::ConnectivityState;
pub use registry::Registry;
pub use target::Target;
