//! What can be said about names, policies and the service config.

use super::ChannelBuilder;
use crate::{clock, resolver::ResolverTask};
use farcall_lb::{Registry, selector::ConfigSelector};
use std::{sync::Arc, time::Duration};

impl ChannelBuilder {
    /// Resolvers and load-balancing policies. Default: the built-in ones.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self.own_registry = true;
        self
    }

    /// Resolves the targets of `resolver`'s scheme with it, in place of the registry's resolver of that scheme.
    pub fn resolver(mut self, resolver: impl ResolverTask) -> Self {
        self.resolvers.push(Arc::new(resolver));
        self
    }

    /// The load-balancing policy, by the name that it has in the registry, for when no service config chooses one.
    /// Default `pick_first`. An unknown name is an error of [`build`](ChannelBuilder::build).
    pub fn load_balancing_policy(mut self, name: impl Into<String>) -> Self {
        self.policy = name.into();
        self.policy_config = None;
        self
    }

    /// As [`load_balancing_policy`](Self::load_balancing_policy), with the policy's configuration as JSON, as it stands
    /// behind the name in a service config's `loadBalancingConfig`.
    ///
    /// ```
    /// use farcall::Channel;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let channel = Channel::builder("dns:///fleet.example:50051")
    ///     .load_balancing_policy_with("pick_first", r#"{"shuffleAddressList": true}"#)
    ///     .insecure()
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn load_balancing_policy_with(
        mut self,
        name: impl Into<String>,
        config: impl Into<String>,
    ) -> Self {
        self.policy = name.into();
        self.policy_config = Some(config.into());
        self
    }

    /// The service config, as JSON, that counts while the resolver gives none, or gives a broken one before any good
    /// one. Default none. A text that cannot be used is an error of [`build`](ChannelBuilder::build) that names the
    /// place in it. See the chapter on channels in the guide.
    ///
    /// ```
    /// use farcall::Channel;
    ///
    /// let with = |config: &str| Channel::builder("dns:///shop").default_service_config(config).insecure().build();
    /// assert!(with(r#"{"methodConfig": [{"name": [{"service": "shop.Cart"}], "timeout": "2s"}]}"#).is_ok());
    /// let error = with(r#"{"methodConfig": [{"timeout": "2 seconds"}]}"#).unwrap_err();
    /// assert!(error.to_string().contains("methodConfig[0].timeout"));
    /// ```
    pub fn default_service_config(mut self, json: impl Into<String>) -> Self {
        self.service_config = Some(json.into());
        self
    }

    /// The least time from one look-up of the name to the next, however often connections break. Default 30 s. A shorter
    /// one loads the name servers.
    pub fn min_resolution_interval(mut self, interval: Duration) -> Self {
        self.pacer.min_interval = interval.min(clock::FOREVER);
        self
    }

    /// Ignores service configs that the resolver finds; `dns:` does not look for them then. Default: they are used.
    pub fn ignore_resolver_service_config(mut self) -> Self {
        self.resolver_service_config = false;
        self
    }

    /// Decides about each call by itself: its method config, its metadata, what policies are told about it. For while the resolver gives
    /// no selector of its own. Default none: a call finds its config by the name of its method. See [`ConfigSelector`].
    ///
    /// ```
    /// use farcall::lb::selector::{CallConfig, CallInfo, ConfigSelector};
    /// use farcall::{Channel, Status};
    ///
    /// /// Forgets what the caller says of itself.
    /// #[derive(Debug)]
    /// struct Anonymous;
    ///
    /// impl ConfigSelector for Anonymous {
    ///     fn select(&self, call: &CallInfo<'_>) -> Result<CallConfig, Status> {
    ///         let mut metadata = call.metadata().clone();
    ///         metadata.remove("user");
    ///         Ok(call.by_name().with_metadata(metadata))
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let channel = Channel::builder("dns:///shop:50051").config_selector(Anonymous).insecure().build()?;
    /// # Ok(()) }
    /// ```
    pub fn config_selector(mut self, selector: impl ConfigSelector + 'static) -> Self {
        self.config_selector = Some(Arc::new(selector));
        self
    }
}
