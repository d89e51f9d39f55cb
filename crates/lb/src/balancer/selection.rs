//! Which of the proposed policies is taken (gRFC A24).

use std::sync::Arc;

use farcall_core::service_config::{Json, PolicyChoice, ServiceConfigError};

use super::config::PolicyConfig;
use super::factory::{Policies, PolicyFactory};

/// A policy and its configuration: what a list of proposals has come down to (gRFC A24).
///
/// ```
/// use farcall_core::service_config::Json;
/// use farcall_lb::{Registry, balancer::PolicySelection};
///
/// let list = Json::parse(r#"[{"unheard_of": {}}, {"round_robin": {}}]"#).unwrap();
/// let selection = PolicySelection::parse(&list, &Registry::built_in()).unwrap();
/// assert_eq!(selection.factory().name(), "round_robin");
///
/// let list = Json::parse(r#"[{"unheard_of": {}}]"#).unwrap();
/// let error = PolicySelection::parse(&list, &Registry::built_in()).unwrap_err();
/// assert_eq!(error.problem(), r#"none of these policies is registered: "unheard_of""#);
/// ```
#[derive(Debug, Clone)]
pub struct PolicySelection {
    factory: Arc<dyn PolicyFactory>,
    config: Option<PolicyConfig>,
}

impl PolicySelection {
    /// This policy with this configuration.
    pub fn new(factory: Arc<dyn PolicyFactory>, config: Option<PolicyConfig>) -> Self {
        Self { factory, config }
    }

    /// The first policy of a `loadBalancingConfig` list that is registered: how a parent reads its `childPolicy`.
    ///
    /// # Errors
    /// It is no such list, none of the policies is registered, or the first one that is refuses its configuration.
    pub fn parse(list: &Json, policies: &dyn Policies) -> Result<Self, ServiceConfigError> {
        let choices = PolicyChoice::parse_list(list)?;
        Self::choose(&choices, policies).unwrap_or_else(|| Err(Self::unknown(&choices, list)))
    }

    /// That none of the choices, which stand at `list`, is registered.
    pub(crate) fn unknown(choices: &[PolicyChoice], list: &Json) -> ServiceConfigError {
        let names: Vec<_> = choices.iter().map(|c| format!("{:?}", c.name)).collect();
        let names = names.join(", ");
        list.error(format!("none of these policies is registered: {names}"))
    }

    /// The first of the choices that is registered; `None` when none is.
    ///
    /// # Errors
    /// That policy refuses its configuration.
    pub fn choose(
        choices: &[PolicyChoice],
        policies: &dyn Policies,
    ) -> Option<Result<Self, ServiceConfigError>> {
        let mut known = choices.iter().filter_map(|choice| {
            let factory = policies.find_policy(&choice.name)?;
            Some((choice, Arc::clone(factory)))
        });
        let (choice, factory) = known.next()?;
        let config = factory.parse_config(&choice.config, policies);
        Some(config.map(|config| Self { factory, config }))
    }

    /// What makes the policy.
    pub fn factory(&self) -> &Arc<dyn PolicyFactory> {
        &self.factory
    }

    /// What the policy is to be given with each update.
    pub fn config(&self) -> Option<&PolicyConfig> {
        self.config.as_ref()
    }
}
