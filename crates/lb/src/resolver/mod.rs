//! Resolvers: machines that turn a target into endpoints.

mod context;
mod factory;
mod fixed;
mod pacer;
mod update;

pub use context::{Resolver, ResolverAction, ResolverContext};
pub use factory::{BuiltInResolver, ResolverFactory, ResolverKind};
pub use fixed::FixedResolver;
pub use pacer::{PacerConfig, ResolvePacer};
pub use update::ResolverUpdate;
