//! Which service config counts, and which policy follows from it (gRFC A21, A24).

use std::sync::{Arc, LazyLock};

use farcall_core::service_config::{Json, ServiceConfig, ServiceConfigError};

use crate::balancer::{Policies, PolicyFactory, PolicySelection};
use crate::registry::Registry;
use crate::selector::ConfigSelector;

use super::config::{ChannelConfig, ConfigError};

/// What a resolver says about the service config.
#[derive(Debug, Default)]
pub(super) struct ConfigOffer {
    pub(super) config: Option<Result<ServiceConfig, ServiceConfigError>>,
    pub(super) selector: Option<Arc<dyn ConfigSelector>>,
}

/// The service configs of a channel: the default, and the one that counts.
#[derive(Debug)]
pub(super) struct ServiceConfigs {
    registry: Registry,
    /// The policy while no service config chooses one.
    fallback: PolicySelection,
    default: Option<Selected>,
    /// While the resolver gives none.
    default_selector: Option<Arc<dyn ConfigSelector>>,
    listens: bool,
    current: Option<Current>,
}

/// What counts.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) config: Arc<ServiceConfig>,
    pub(super) selector: Option<Arc<dyn ConfigSelector>>,
    policy: PolicySelection,
}

impl Current {
    /// Whether calls see no difference.
    fn is_like(&self, other: &Self) -> bool {
        let same_selector = match (&self.selector, &other.selector) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        same_selector && self.config == other.config
    }
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
    pub(super) changed: Option<Current>,
    /// The offer was broken.
    pub(super) refused: Option<ServiceConfigError>,
}

impl ServiceConfigs {
    pub(super) fn new(config: &ChannelConfig) -> Result<Self, ConfigError> {
        let fallback = config.registry.policy(&config.policy).cloned();
        let unknown = || ConfigError::UnknownPolicy {
            name: config.policy.clone(),
            known: config.registry.policy_names().map(str::to_owned).collect(),
        };
        let fallback = fallback.ok_or_else(unknown)?;
        let mut configs = Self {
            registry: config.registry.clone(),
            fallback: PolicySelection::new(fallback, config.policy_config.clone()),
            default: None,
            default_selector: config.config_selector.clone(),
            listens: config.resolver_service_config,
            current: None,
        };
        if let Some(default) = &config.default_service_config {
            let selected = configs.select(default.clone());
            configs.default = Some(selected.map_err(ConfigError::ServiceConfig)?);
        }
        Ok(configs)
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
    pub(super) fn consider(&mut self, offer: ConfigOffer) -> Result<Verdict, ServiceConfigError> {
        let ConfigOffer { config, selector } = match self.listens {
            true => offer,
            false => ConfigOffer::default(),
        };
        let outcome = match config {
            Some(config) => config.and_then(|config| self.select(config)),
            None => Ok(self.default.clone().unwrap_or_else(|| self.empty())),
        };
        match outcome {
            Ok(selected) => Ok(Verdict {
                changed: self.adopt(selected, selector),
                refused: None,
            }),
            Err(error) => {
                let changed = match (&self.current, self.default.clone()) {
                    (Some(_), _) => None,
                    (None, Some(default)) => self.adopt(default, None),
                    (None, None) => return Err(error),
                };
                let refused = Some(error);
                Ok(Verdict { changed, refused })
            }
        }
    }

    /// Makes a config the one that counts. `Some` if calls see a difference.
    fn adopt(
        &mut self,
        selected: Selected,
        selector: Option<Arc<dyn ConfigSelector>>,
    ) -> Option<Current> {
        let mut new = Current {
            config: selected.config,
            selector: selector.or_else(|| self.default_selector.clone()),
            policy: selected.policy,
        };
        let same = self.current.as_ref().filter(|old| old.is_like(&new));
        let changed = same.is_none();
        if let Some(old) = same {
            new.config = Arc::clone(&old.config);
        }
        let current = self.current.insert(new);
        changed.then(|| current.clone())
    }

    fn empty(&self) -> Selected {
        /// What channels without a service config share.
        static EMPTY: LazyLock<Arc<ServiceConfig>> = LazyLock::new(Arc::default);
        Selected {
            config: Arc::clone(&EMPTY),
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
                let list = Json::empty_object("loadBalancingConfig");
                return Err(PolicySelection::unknown(choices, &list));
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
