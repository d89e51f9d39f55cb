//! What a channel is made of, and what is wrong with it.

use std::fmt;
use std::sync::Arc;

use farcall_core::service_config::{ServiceConfig, ServiceConfigError};

use crate::balancer::PolicyConfig;
use crate::registry::Registry;
use crate::selector::ConfigSelector;
use crate::subchannel::SubchannelConfig;
use crate::target::TargetError;

/// What a channel is made of.
///
/// ```
/// use farcall_lb::channel::{Channel, ChannelConfig};
///
/// let channel = Channel::new("ipv4:127.0.0.1:50051", ChannelConfig::new(42)).unwrap();
/// assert_eq!(channel.authority(), "127.0.0.1:50051");
/// assert!(Channel::new("dns:///host:port", ChannelConfig::new(42)).is_err());
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChannelConfig {
    /// The policies and resolvers that can be used. Default [`Registry::built_in`].
    pub registry: Registry,
    /// The name of the policy that is used when no service config chooses one. Default `pick_first`.
    pub policy: String,
    /// That policy's configuration. Default none.
    pub policy_config: Option<PolicyConfig>,
    /// What counts when the resolver gives no service config, or a broken one before any good one. Default none.
    pub default_service_config: Option<ServiceConfig>,
    /// What decides about each call while the resolver gives no [`ConfigSelector`]. Default nothing: calls find their config by
    /// the name of their method.
    pub config_selector: Option<Arc<dyn ConfigSelector>>,
    /// Whether service configs, and selectors, that the resolver gives are used. Default yes.
    pub resolver_service_config: bool,
    /// Whether backends are asked for their health when the service config says so (gRFC A17). Default yes.
    pub health_checks: bool,
    /// How subchannels connect.
    pub subchannel: SubchannelConfig,
    /// Where all random numbers of the channel come from.
    pub seed: u64,
}

impl ChannelConfig {
    /// The defaults. The seed should differ from channel to channel: it spreads what many clients do at the same time.
    pub fn new(seed: u64) -> Self {
        Self {
            registry: Registry::built_in(),
            policy: "pick_first".to_owned(),
            policy_config: None,
            default_service_config: None,
            config_selector: None,
            resolver_service_config: true,
            health_checks: true,
            subchannel: SubchannelConfig::default(),
            seed,
        }
    }

    /// The same with these policies and resolvers.
    pub fn with_registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// The same with another policy and its configuration.
    pub fn with_policy(
        mut self,
        name: impl Into<String>,
        config: impl Into<Option<PolicyConfig>>,
    ) -> Self {
        self.policy = name.into();
        self.policy_config = config.into();
        self
    }

    /// The same with a service config for the time without one from the resolver.
    pub fn with_default_service_config(mut self, config: ServiceConfig) -> Self {
        self.default_service_config = Some(config);
        self
    }

    /// The same with a selector for the time without one from the resolver.
    pub fn with_config_selector(mut self, selector: Arc<dyn ConfigSelector>) -> Self {
        self.config_selector = Some(selector);
        self
    }

    /// The same, deaf to service configs from the resolver.
    pub fn without_resolver_service_config(mut self) -> Self {
        self.resolver_service_config = false;
        self
    }

    /// The same, asking no backend for its health whatever the service config says.
    pub fn without_health_checks(mut self) -> Self {
        self.health_checks = false;
        self
    }

    /// The same with other rules for connecting.
    pub fn with_subchannel(mut self, config: SubchannelConfig) -> Self {
        self.subchannel = config;
        self
    }
}

/// Why a channel cannot be made.
///
/// ```
/// use farcall_lb::channel::{Channel, ChannelConfig, ConfigError};
///
/// let config = ChannelConfig::new(42).with_policy("best_guess", None);
/// let error = Channel::new("greeter.example", config).unwrap_err();
/// assert_eq!(error, ConfigError::UnknownPolicy {
///     name: "best_guess".into(),
///     known: vec!["pick_first".into(), "round_robin".into()],
/// });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The target cannot be used.
    Target(TargetError),
    /// The registry has no policy of this name.
    UnknownPolicy {
        /// What was asked for.
        name: String,
        /// What there is, in the order of the alphabet.
        known: Vec<String>,
    },
    /// The default service config cannot be used: its policies are unknown, or one refuses its configuration.
    ServiceConfig(ServiceConfigError),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(error) => error.fmt(f),
            Self::UnknownPolicy { name, known } => {
                write!(f, "no load-balancing policy is registered as {name:?}")?;
                match &known[..] {
                    [] => f.write_str("; there are none"),
                    known => write!(f, "; there are {}", known.join(", ")),
                }
            }
            Self::ServiceConfig(error) => write!(f, "the default {error}"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl From<TargetError> for ConfigError {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}
