//! What decides about each call by itself: the hook for resolvers that route (xDS, gRFC A31).

use std::fmt;
use std::sync::Arc;

use farcall_core::service_config::MethodConfig;
use farcall_core::{Attributes, Metadata, ServiceConfig, Status};

use crate::balancer::restrict_control_plane;

/// Decides for each call which method config it obeys, with which metadata it goes out, and what pickers are told about it.
///
/// Without one the service config is looked up by the method's name. A resolver gives one
/// with an update ([`with_config_selector`](crate::resolver::ResolverUpdate::with_config_selector)), a channel may have one of its own for when
/// the resolver gives none. It is asked once for each call, whatever the number of its attempts, when the call is
/// picked for the first time; by many callers at once, so it must not block.
///
/// ```
/// use farcall_core::{Metadata, ServiceConfig, Status};
/// use farcall_lb::selector::{CallConfig, CallInfo, ConfigSelector};
///
/// #[derive(Debug, PartialEq)]
/// struct Cluster(&'static str);
///
/// /// Sends the calls of testers to the canary.
/// #[derive(Debug)]
/// struct ByTenant;
///
/// impl ConfigSelector for ByTenant {
///     fn select(&self, call: &CallInfo<'_>) -> Result<CallConfig, Status> {
///         let cluster = match call.metadata().get("tenant") {
///             Some("tester") => Cluster("canary"),
///             Some(_) => Cluster("stable"),
///             None => return Err(Status::unauthenticated("who are you?")),
///         };
///         Ok(call.by_name().with_attribute(cluster))
///     }
/// }
///
/// let mut metadata = Metadata::new();
/// metadata.insert("tenant", "tester");
/// let service = ServiceConfig::default();
/// let call = CallInfo::new("/shop.Cart/Add", &metadata, &service);
/// let config = ByTenant.select(&call).unwrap();
/// assert_eq!(config.attributes.find(), Some(&Cluster("canary")));
/// ```
pub trait ConfigSelector: fmt::Debug + Send + Sync {
    /// Decides about a call.
    ///
    /// # Errors
    /// The call fails with this status, even if it waits for readiness, and is not retried. Codes that belong to applications become
    /// INTERNAL (gRFC A54).
    fn select(&self, call: &CallInfo<'_>) -> Result<CallConfig, Status>;
}

/// The call that a [`ConfigSelector`] is asked about.
///
/// ```
/// use farcall_core::{Metadata, ServiceConfig};
/// use farcall_lb::selector::CallInfo;
/// use std::time::Duration;
///
/// let json = r#"{"methodConfig": [{"name": [{"service": "shop.Cart"}], "timeout": "2s"}]}"#;
/// let (metadata, service) = (Metadata::new(), ServiceConfig::parse(json).unwrap());
/// let call = CallInfo::new("/shop.Cart/Add", &metadata, &service);
/// let config = call.by_name().method_config.unwrap();
/// assert_eq!(config.timeout, Some(Duration::from_secs(2)));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CallInfo<'a> {
    method: &'a str,
    metadata: &'a Metadata,
    service_config: &'a ServiceConfig,
}

impl<'a> CallInfo<'a> {
    /// A call of the method with this path, with its request metadata, on a channel with this service config.
    pub fn new(method: &'a str, metadata: &'a Metadata, service_config: &'a ServiceConfig) -> Self {
        Self {
            method,
            metadata,
            service_config,
        }
    }

    /// The path of the method, `/service/method`.
    pub fn method(&self) -> &'a str {
        self.method
    }

    /// The call's request metadata.
    pub fn metadata(&self) -> &'a Metadata {
        self.metadata
    }

    /// The service config that counts.
    pub fn service_config(&self) -> &'a ServiceConfig {
        self.service_config
    }

    /// What would be done with the call if there were no selector: a start for one that changes little.
    pub fn by_name(&self) -> CallConfig {
        CallConfig {
            method_config: self.service_config.method(self.method).cloned(),
            ..CallConfig::default()
        }
    }
}

/// What a [`ConfigSelector`] has decided about a call.
///
/// ```
/// use farcall_lb::selector::CallConfig;
/// use std::sync::{Arc, atomic::{AtomicBool, Ordering::Relaxed}};
///
/// let committed = Arc::new(AtomicBool::new(false));
/// let seen = Arc::clone(&committed);
/// let config = CallConfig::default().on_commit(move || seen.store(true, Relaxed));
/// drop(config); // whoever drops it has no call any more to commit
/// assert!(committed.load(Relaxed));
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct CallConfig {
    /// The deadline, the limits and the policy for failed attempts. Default none.
    pub method_config: Option<Arc<MethodConfig>>,
    /// In place of the call's request metadata. Default: that stays as it is.
    pub metadata: Option<Metadata>,
    /// What pickers are told; see [`PickInfo::attribute`](crate::balancer::PickInfo::attribute).
    pub attributes: Attributes,
    /// What is run when the call is committed.
    pub commit: Commit,
}

impl CallConfig {
    /// The same with this method config.
    pub fn with_method_config(mut self, config: Arc<MethodConfig>) -> Self {
        self.method_config = Some(config);
        self
    }

    /// The same where the call goes out with this request metadata in place of its own.
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// The same where pickers are told this too.
    pub fn with_attribute<T: PartialEq + fmt::Debug + Send + Sync + 'static>(
        mut self,
        value: T,
    ) -> Self {
        self.attributes = self.attributes.with(value);
        self
    }

    /// Runs `action` when no further pick is made for the call: its response has begun, or it cannot be repeated any more, or
    /// it is over. It is run once, at the latest when the call is gone, on a task that it must not block: a router holds a route
    /// by it as long as some call may have to take it.
    pub fn on_commit(mut self, action: impl FnOnce() + Send + 'static) -> Self {
        self.commit = Commit(Some(Box::new(action)));
        self
    }
}

/// Something that is run once, when it is [told](Self::run) or dropped; see [`CallConfig::on_commit`].
///
/// ```
/// use farcall_lb::selector::Commit;
///
/// let mut nothing = Commit::default();
/// assert!(nothing.is_nothing());
/// nothing.run();
/// ```
#[derive(Default)]
pub struct Commit(Option<Box<dyn FnOnce() + Send>>);

impl Commit {
    /// Runs it, if that was not done.
    pub fn run(&mut self) {
        if let Some(action) = self.0.take() {
            action();
        }
    }

    /// Whether there is nothing to be run, or not any more.
    pub fn is_nothing(&self) -> bool {
        self.0.is_none()
    }
}

impl Drop for Commit {
    fn drop(&mut self) {
        self.run();
    }
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.is_nothing() {
            true => "Commit(nothing)",
            false => "Commit",
        })
    }
}

/// Asks a selector, or looks the method up where there is none.
///
/// # Errors
/// The selector refuses the call; its status is restricted as gRFC A54 has it.
///
/// ```
/// use farcall_core::{Code, Metadata, ServiceConfig, Status};
/// use farcall_lb::selector::{CallConfig, CallInfo, ConfigSelector, select};
///
/// #[derive(Debug)]
/// struct Nowhere;
/// impl ConfigSelector for Nowhere {
///     fn select(&self, _: &CallInfo<'_>) -> Result<CallConfig, Status> {
///         Err(Status::not_found("no route"))
///     }
/// }
///
/// let (metadata, service) = (Metadata::new(), ServiceConfig::default());
/// let call = CallInfo::new("/s/m", &metadata, &service);
/// assert!(select(None, &call).is_ok());
/// assert_eq!(select(Some(&Nowhere), &call).unwrap_err().code(), Code::Internal);
/// ```
pub fn select(
    selector: Option<&dyn ConfigSelector>,
    call: &CallInfo<'_>,
) -> Result<CallConfig, Status> {
    match selector {
        None => Ok(call.by_name()),
        Some(selector) => selector.select(call).map_err(restrict_control_plane),
    }
}
