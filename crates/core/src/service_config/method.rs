//! Method configs, and which of them a method has.

use super::{error::ServiceConfigError, hedging::HedgingPolicy, json::Json, retry::RetryPolicy};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// What a service config says about the calls of some methods. Everything is optional; what is left open is the
/// caller's choice.
///
/// ```
/// use farcall_core::service_config::ServiceConfig;
/// use std::time::Duration;
///
/// let config = ServiceConfig::parse(r#"{"methodConfig": [
///     {"name": [{"service": "shop.Cart"}], "timeout": "0.25s"},
///     {"name": [{}], "waitForReady": true}
/// ]}"#).unwrap();
/// assert_eq!(config.method("/shop.Cart/Add").unwrap().timeout, Some(Duration::from_millis(250)));
/// assert_eq!(config.method("/shop.Till/Pay").unwrap().wait_for_ready, Some(true));
/// ```
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct MethodConfig {
    /// Whether calls wait for a connection; a call that says it itself is not asked.
    pub wait_for_ready: Option<bool>,
    /// The longest that a call may take, from its start; the earlier deadline counts.
    pub timeout: Option<Duration>,
    /// Largest request message in bytes; the smaller limit counts.
    pub max_request_message_bytes: Option<usize>,
    /// Largest response message in bytes; the smaller limit counts.
    pub max_response_message_bytes: Option<usize>,
    /// Retries; none without it. Never together with hedging.
    pub retry_policy: Option<RetryPolicy>,
    /// Hedging; none without it.
    pub hedging_policy: Option<HedgingPolicy>,
}

impl MethodConfig {
    fn parse(json: &Json) -> Result<MethodConfig, ServiceConfigError> {
        let wait_for_ready = json.field("waitForReady")?;
        let timeout = json.field("timeout")?;
        let retry = json.field("retryPolicy")?;
        let hedging = json.field("hedgingPolicy")?;
        if let (Some(_), Some(hedging)) = (&retry, &hedging) {
            return Err(hedging.error("a method has either a retryPolicy or a hedgingPolicy"));
        }
        Ok(MethodConfig {
            wait_for_ready: wait_for_ready.map(|json| json.as_bool()).transpose()?,
            timeout: timeout.map(|json| json.as_duration()).transpose()?,
            max_request_message_bytes: size(json, "maxRequestMessageBytes")?,
            max_response_message_bytes: size(json, "maxResponseMessageBytes")?,
            retry_policy: retry.as_ref().map(RetryPolicy::parse).transpose()?,
            hedging_policy: hedging.as_ref().map(HedgingPolicy::parse).transpose()?,
        })
    }
}

fn size(json: &Json, name: &str) -> Result<Option<usize>, ServiceConfigError> {
    let field = json.field(name)?;
    let size = field.map(|json| json.as_u64()).transpose()?;
    Ok(size.map(|size| usize::try_from(size).unwrap_or(usize::MAX)))
}

/// Method configs by `/service/method`, `/service/` and, for all the others, the empty path.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct MethodConfigs(HashMap<String, Arc<MethodConfig>>);

impl MethodConfigs {
    pub(super) fn parse(json: &Json) -> Result<MethodConfigs, ServiceConfigError> {
        let mut configs = MethodConfigs::default();
        for entry in json.items()? {
            let method = Arc::new(MethodConfig::parse(&entry)?);
            // One without names is checked, and applies to nothing.
            let Some(names) = entry.field("name")? else {
                continue;
            };
            for name in names.items()? {
                let path = path(&name)?;
                if configs.0.insert(path, Arc::clone(&method)).is_some() {
                    return Err(name.error("the same name stands here and before"));
                }
            }
        }
        Ok(configs)
    }

    /// The largest number of attempts that a policy asks for; 0 without any.
    pub(super) fn max_attempts(&self) -> u32 {
        let retries = |config: &MethodConfig| config.retry_policy.map(|policy| policy.max_attempts);
        let hedges =
            |config: &MethodConfig| config.hedging_policy.map(|policy| policy.max_attempts);
        let configs = self.0.values();
        let asked = configs.filter_map(|config| retries(config).or_else(|| hedges(config)));
        asked.max().unwrap_or(0)
    }

    /// The most particular config that fits the path `/service/method`.
    pub(super) fn find(&self, path: &str) -> Option<&Arc<MethodConfig>> {
        if self.0.is_empty() {
            return None;
        }
        let service = path.rfind('/').map_or("", |slash| &path[..=slash]);
        let exact = self.0.get(path).or_else(|| self.0.get(service));
        exact.or_else(|| self.0.get(""))
    }
}

fn path(name: &Json) -> Result<String, ServiceConfigError> {
    let part = |which| match name.field(which)? {
        Some(part) => part.as_str().map(str::to_owned),
        None => Ok(String::new()),
    };
    let (service, method) = (part("service")?, part("method")?);
    match (&*service, &*method) {
        ("", "") => Ok(String::new()),
        ("", _) => Err(name.error("a method needs its service")),
        _ => Ok(format!("/{service}/{method}")),
    }
}
