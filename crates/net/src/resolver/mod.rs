//! Resolvers that wait for somebody, as tasks that send updates to the channel's machine.

pub(crate) mod dns;
mod manual;
mod task;

pub use manual::ManualResolver;
pub(crate) use task::TaskFactory;
pub use task::{ResolverLink, ResolverTask};
