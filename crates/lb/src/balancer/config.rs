//! The configuration of a policy.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// The configuration of a policy: a value of the policy's own type. Clones share.
///
/// ```
/// use farcall_lb::balancer::PolicyConfig;
///
/// struct Choices(u32);
///
/// let config = PolicyConfig::new(Choices(2));
/// assert_eq!(config.downcast::<Choices>().unwrap().0, 2);
/// assert!(config.downcast::<String>().is_none());
/// ```
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
