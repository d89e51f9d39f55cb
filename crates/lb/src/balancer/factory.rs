use std::fmt;

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
}
