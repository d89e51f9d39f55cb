//! What a resolver has found out.

use std::sync::Arc;

use farcall_core::service_config::{ServiceConfig, ServiceConfigError};
use farcall_core::{Attributes, Status};

use crate::address::Endpoint;
use crate::selector::ConfigSelector;

/// What a resolver has found out, or why it could not. Each update replaces the one before.
///
/// ```
/// use farcall_lb::{Address, resolver::ResolverUpdate};
///
/// let update = ResolverUpdate::endpoints([Address::from(([10, 0, 0, 1], 50051)).into()]);
/// assert_eq!(update.endpoints.unwrap().len(), 1);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ResolverUpdate {
    /// The backends; an empty list means that the name has none. An error leaves a policy with the backends it knows,
    /// and makes calls fail while it knows none.
    pub endpoints: Result<Vec<Endpoint>, Status>,
    /// The service config that the resolver has found, or why it cannot be read; `None` if the name has none. A failed
    /// look-up says nothing about it.
    pub service_config: Option<Result<ServiceConfig, ServiceConfigError>>,
    /// What decides about each call, in place of the service config's own look-up; `None`: the channel's, mostly none.
    pub config_selector: Option<Arc<dyn ConfigSelector>>,
    /// What the resolver tells the policy beside the endpoints.
    pub attributes: Attributes,
}

impl ResolverUpdate {
    /// The name has these backends.
    pub fn endpoints(endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        Self {
            endpoints: Ok(endpoints.into_iter().collect()),
            service_config: None,
            config_selector: None,
            attributes: Attributes::new(),
        }
    }

    /// The name could not be resolved.
    pub fn failure(status: Status) -> Self {
        Self {
            endpoints: Err(status),
            service_config: None,
            config_selector: None,
            attributes: Attributes::new(),
        }
    }

    /// The same update with this service config, or why what was found is none.
    ///
    /// ```
    /// use farcall_core::ServiceConfig;
    /// use farcall_lb::resolver::ResolverUpdate;
    ///
    /// let found = r#"{"loadBalancingConfig": [{"round_robin": {}}]}"#;
    /// let update = ResolverUpdate::endpoints([]).with_service_config(ServiceConfig::parse(found));
    /// assert!(update.service_config.unwrap().is_ok());
    /// ```
    pub fn with_service_config(
        mut self,
        config: Result<ServiceConfig, ServiceConfigError>,
    ) -> Self {
        self.service_config = Some(config);
        self
    }

    /// The same update with a [`ConfigSelector`]. It counts together with the update's service config: if that is refused, the selector and
    /// the config before stay.
    pub fn with_config_selector(mut self, selector: Arc<dyn ConfigSelector>) -> Self {
        self.config_selector = Some(selector);
        self
    }

    /// The same update with these attributes.
    pub fn with_attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }
}
