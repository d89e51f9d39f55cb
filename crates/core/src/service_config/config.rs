//! The service config as a whole.

use super::{
    error::ServiceConfigError,
    json::Json,
    method::{MethodConfig, MethodConfigs},
    throttling::RetryThrottling,
};
use std::{str::FromStr, sync::Arc};

/// One of the policies that a service config proposes.
///
/// ```
/// use farcall_core::service_config::ServiceConfig;
///
/// let text = r#"{"loadBalancingConfig": [{"grid_experimental": {"rows": 3}}, {"round_robin": {}}]}"#;
/// let config = ServiceConfig::parse(text).unwrap();
/// let names: Vec<_> = config.load_balancing().iter().map(|choice| choice.name.as_str()).collect();
/// assert_eq!(names, ["grid_experimental", "round_robin"]);
/// assert_eq!(config.load_balancing()[0].config.to_string(), r#"{"rows":3}"#);
/// ```
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct PolicyChoice {
    /// The policy's name.
    pub name: String,
    /// Its configuration.
    pub config: Json,
}

impl PolicyChoice {
    /// Reads a list of `{name: configuration}` objects, in the order of preference (gRFC A24).
    ///
    /// # Errors
    /// It is no such list.
    pub fn parse_list(json: &Json) -> Result<Vec<PolicyChoice>, ServiceConfigError> {
        let choices = json.items()?.into_iter().map(|item| {
            let mut fields = item.fields()?;
            match fields.pop() {
                Some((name, config)) if fields.is_empty() => Ok(PolicyChoice { name, config }),
                _ => Err(item.error("must have one field, named as the policy is")),
            }
        });
        choices.collect()
    }
}

/// A service config, read and checked. See the [module](crate::service_config).
///
/// Unknown fields are ignored, an invalid value of a known one refuses the whole config (gRFC A21).
///
/// ```
/// use farcall_core::service_config::ServiceConfig;
///
/// let config = ServiceConfig::parse(r#"{
///     "loadBalancingConfig": [{"round_robin": {}}],
///     "methodConfig": [{
///         "name": [{"service": "shop.Cart"}],
///         "retryPolicy": {
///             "maxAttempts": 3, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
///             "retryableStatusCodes": ["UNAVAILABLE"]
///         }
///     }]
/// }"#).unwrap();
/// assert_eq!(config.method("/shop.Cart/Add").unwrap().retry_policy.unwrap().max_attempts, 3);
/// assert!(config.method("/shop.Till/Pay").is_none());
/// ```
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ServiceConfig {
    load_balancing: Vec<PolicyChoice>,
    load_balancing_policy: Option<String>,
    methods: MethodConfigs,
    retry_throttling: Option<RetryThrottling>,
    health_check_service: Option<String>,
    max_connections: Option<u32>,
}

impl ServiceConfig {
    /// Reads a config.
    ///
    /// # Errors
    /// The text is not JSON, or a known field has an invalid value; the error names its path. Whether the policies of
    /// `loadBalancingConfig` exist and take their configuration is checked by the channel.
    pub fn parse(text: &str) -> Result<ServiceConfig, ServiceConfigError> {
        let json = Json::parse(text)?;
        ServiceConfig::from_json(&json)
    }

    /// Reads a config that is part of another JSON text.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse).
    pub fn from_json(json: &Json) -> Result<ServiceConfig, ServiceConfigError> {
        let load_balancing = json.field("loadBalancingConfig")?;
        let policy = json.field("loadBalancingPolicy")?;
        let methods = json.field("methodConfig")?;
        let throttling = json.field("retryThrottling")?;
        Ok(ServiceConfig {
            load_balancing: load_balancing
                .map_or(Ok(Vec::new()), |json| PolicyChoice::parse_list(&json))?,
            load_balancing_policy: policy
                .map(|json| json.as_str().map(str::to_owned))
                .transpose()?,
            methods: methods.map_or(Ok(MethodConfigs::default()), |json| {
                MethodConfigs::parse(&json)
            })?,
            retry_throttling: throttling
                .as_ref()
                .map(RetryThrottling::parse)
                .transpose()?,
            health_check_service: health_check_service(json)?,
            max_connections: max_connections(json)?,
        })
    }

    /// The policies of `loadBalancingConfig`: the first that the client knows is used. Empty: the config leaves the
    /// choice to the client.
    pub fn load_balancing(&self) -> &[PolicyChoice] {
        &self.load_balancing
    }

    /// The policy of the old field `loadBalancingPolicy`; it counts only if [`load_balancing`](Self::load_balancing) is
    /// empty.
    pub fn load_balancing_policy(&self) -> Option<&str> {
        self.load_balancing_policy.as_deref()
    }

    /// What is said of the method with the path `/service/method`: by its name, else by its service's, else by default.
    pub fn method(&self, path: &str) -> Option<&Arc<MethodConfig>> {
        self.methods.find(path)
    }

    /// The largest number of attempts that a retry or hedging policy asks for; 0 without any.
    pub fn max_attempts(&self) -> u32 {
        self.methods.max_attempts()
    }

    /// Throttling of retries and hedging.
    pub fn retry_throttling(&self) -> Option<RetryThrottling> {
        self.retry_throttling
    }

    /// `connectionScaling.maxConnectionsPerSubchannel` (gRFC A105): how many connections a subchannel may have when the server
    /// allows too few streams on one. `None`: nothing is said, which means one.
    pub fn max_connections_per_subchannel(&self) -> Option<u32> {
        self.max_connections
    }

    /// The service that health checks ask about; `None` without `healthCheckConfig`, or without its `serviceName`.
    pub fn health_check_service(&self) -> Option<&str> {
        self.health_check_service.as_deref()
    }
}

/// `connectionScaling.maxConnectionsPerSubchannel` (gRFC A105): at least 1.
fn max_connections(json: &Json) -> Result<Option<u32>, ServiceConfigError> {
    let Some(scaling) = json.field("connectionScaling")? else {
        return Ok(None);
    };
    let Some(max) = scaling.field("maxConnectionsPerSubchannel")? else {
        return Ok(None);
    };
    match u32::try_from(max.as_u64()?) {
        Ok(number) if number > 0 => Ok(Some(number)),
        _ => Err(max.error("must be from 1 to 4294967295")),
    }
}

fn health_check_service(json: &Json) -> Result<Option<String>, ServiceConfigError> {
    let Some(check) = json.field("healthCheckConfig")? else {
        return Ok(None);
    };
    let name = check.field("serviceName")?;
    name.map(|name| name.as_str().map(str::to_owned))
        .transpose()
}

impl FromStr for ServiceConfig {
    type Err = ServiceConfigError;

    fn from_str(text: &str) -> Result<ServiceConfig, ServiceConfigError> {
        ServiceConfig::parse(text)
    }
}
