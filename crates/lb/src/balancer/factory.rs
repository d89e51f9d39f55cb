use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::policy::LoadBalancingPolicy;

/// Makes policies of one name.
pub trait PolicyFactory: Send + Sync + fmt::Debug {
    /// The name by which configuration chooses the policy, such as `pick_first`. Names are case-sensitive.
    fn name(&self) -> &str;

    /// Makes a policy that knows nothing yet.
    fn build(&self) -> Box<dyn LoadBalancingPolicy>;
}

/// The configuration of a policy: a value of the policy's own type. Clones share.
#[derive(Clone)]
pub struct PolicyConfig(Arc<dyn Any + Send + Sync>);

impl PolicyConfig {
    /// Wraps the policy's own type.
    pub fn new<T: Send + Sync + 'static>(config: T) -> Self {
        Self(Arc::new(config))
    }

    /// The value, if it is a `T`.
    pub fn downcast<T: 'static>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for PolicyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PolicyConfig")
    }
}
