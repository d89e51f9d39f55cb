//! Which service config counts, and which policy follows from it (gRFC A21, A24).

use std::sync::Arc;

use farcall_core::service_config::{Json, ServiceConfig, ServiceConfigError};

use crate::balancer::{Policies, PolicyFactory, PolicySelection};
use crate::registry::Registry;

use super::config::{ChannelConfig, ConfigError};

/// What a resolver says about the service config.
pub(super) type Offer = Option<Result<ServiceConfig, ServiceConfigError>>;

/// The service configs of a channel: the default, and the one that counts.
#[derive(Debug)]
pub(super) struct Services {
    registry: Registry,
    /// The policy while no service config chooses one.
    fallback: PolicySelection,
    default: Option<Selected>,
    listens: bool,
    current: Option<Selected>,
}

/// A config with the policy that it has chosen.
#[derive(Debug, Clone)]
struct Selected {
    config: Arc<ServiceConfig>,
    policy: PolicySelection,
}

/// What an offer has come to.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The calls' config has changed to this.
    pub(super) changed: Option<Arc<ServiceConfig>>,
    /// The offer was broken.
    pub(super) refused: Option<ServiceConfigError>,
}

impl Services {
    pub(super) fn new(config: &ChannelConfig) -> Result<Self, ConfigError> {
        let fallback = config.registry.policy(&config.policy).cloned();
        let unknown = || ConfigError::UnknownPolicy(config.policy.clone());
        let fallback = fallback.ok_or_else(unknown)?;
        let mut services = Self {
            registry: config.registry.clone(),
            fallback: PolicySelection::new(fallback, config.policy_config.clone()),
            default: None,
            listens: config.resolver_service_config,
            current: None,
        };
        if let Some(default) = &config.default_service_config {
            let selected = services.select(default.clone());
            services.default = Some(selected.map_err(ConfigError::ServiceConfig)?);
        }
        Ok(services)
    }

    /// The policy that is to be run.
    pub(super) fn policy(&self) -> &PolicySelection {
        self.current.as_ref().map_or(&self.fallback, |c| &c.policy)
    }

    /// The config that counts; `None` before the resolver has said something.
    pub(super) fn current(&self) -> Option<&Arc<ServiceConfig>> {
        self.current.as_ref().map(|current| &current.config)
    }

    /// Takes what a successful look-up says.
    ///
    /// # Errors
    /// It is broken, and there is nothing to fall back on: no earlier config, no default.
    pub(super) fn consider(&mut self, offer: Offer) -> Result<Verdict, ServiceConfigError> {
        let offer = offer.filter(|_| self.listens);
        let outcome = match offer {
            Some(offer) => offer.and_then(|config| self.select(config)),
            None => Ok(self.default.clone().unwrap_or_else(|| self.empty())),
        };
        match outcome {
            Ok(selected) => Ok(Verdict {
                changed: self.adopt(selected),
                refused: None,
            }),
            Err(error) => {
                let changed = match (&self.current, self.default.clone()) {
                    (Some(_), _) => None,
                    (None, Some(default)) => self.adopt(default),
                    (None, None) => return Err(error),
                };
                let refused = Some(error);
                Ok(Verdict { changed, refused })
            }
        }
    }

    /// Makes a config the one that counts. `Some` if calls see a difference.
    fn adopt(&mut self, mut selected: Selected) -> Option<Arc<ServiceConfig>> {
        let same = self.current().filter(|old| **old == selected.config);
        let changed = same.is_none();
        if let Some(old) = same {
            selected.config = Arc::clone(old);
        }
        let config = Arc::clone(&selected.config);
        self.current = Some(selected);
        changed.then_some(config)
    }

    fn empty(&self) -> Selected {
        Selected {
            config: Arc::default(),
            policy: self.fallback.clone(),
        }
    }

    fn select(&self, config: ServiceConfig) -> Result<Selected, ServiceConfigError> {
        let choices = config.load_balancing();
        let policy = match PolicySelection::choose(choices, &self.registry) {
            Some(selection) => selection?,
            None if choices.is_empty() => match config.load_balancing_policy() {
                Some(name) => self.old_field(name)?,
                None => self.fallback.clone(),
            },
            None => {
                let names: Vec<_> = choices.iter().map(|c| format!("{:?}", c.name)).collect();
                let names = names.join(", ");
                return Err(Json::empty_object("loadBalancingConfig")
                    .error(format!("none of these policies is registered: {names}")));
            }
        };
        let config = Arc::new(config);
        Ok(Selected { config, policy })
    }

    /// `loadBalancingPolicy`: a name that nobody knows means `pick_first`.
    fn old_field(&self, name: &str) -> Result<PolicySelection, ServiceConfigError> {
        let known = self.registry.find_policy(name);
        let known = known.or_else(|| self.registry.find_policy("pick_first"));
        let Some(factory) = known else {
            return Ok(self.fallback.clone());
        };
        let path = "loadBalancingPolicy";
        let config = factory.parse_config(&Json::empty_object(path), &self.registry)?;
        let factory: Arc<dyn PolicyFactory> = Arc::clone(factory);
        Ok(PolicySelection::new(factory, config))
    }
}
