//! How policies are made, and found by name.

use std::fmt;
use std::sync::Arc;

use farcall_core::service_config::{Json, ServiceConfigError};

use super::config::PolicyConfig;
use super::policy::LoadBalancingPolicy;

/// Makes policies of one name.
///
/// ```
/// use farcall_lb::{balancer::PolicyFactory, policy::PickFirstFactory};
///
/// assert_eq!(PickFirstFactory.name(), "pick_first");
/// ```
pub trait PolicyFactory: Send + Sync + fmt::Debug {
    /// The name by which configuration chooses the policy, such as `pick_first`. Names are case-sensitive.
    fn name(&self) -> &str;

    /// Makes a policy that knows nothing yet.
    fn build(&self) -> Box<dyn LoadBalancingPolicy>;

    /// Reads the policy's part of a service config, `{…}` behind its name; the value reaches the policy with its
    /// updates. A parent finds its children's factories in `policies`. By default a policy has no configuration, and
    /// whatever stands there is ignored.
    ///
    /// # Errors
    /// The configuration is invalid; the service config is refused as a whole then.
    fn parse_config(
        &self,
        config: &Json,
        policies: &dyn Policies,
    ) -> Result<Option<PolicyConfig>, ServiceConfigError> {
        let _ = (config, policies);
        Ok(None)
    }
}

/// Where policies are found by name: the [`Registry`](crate::Registry), seen by parents.
///
/// ```
/// use farcall_lb::{Registry, balancer::Policies};
///
/// fn knows(policies: &dyn Policies) -> bool {
///     policies.find_policy("round_robin").is_some()
/// }
/// assert!(knows(&Registry::built_in()));
/// ```
pub trait Policies {
    /// The policy of this name.
    fn find_policy(&self, name: &str) -> Option<&Arc<dyn PolicyFactory>>;
}
