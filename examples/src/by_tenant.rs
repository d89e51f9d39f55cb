//! A config selector of one's own: calls of some tenants get more time, and policies learn which tenant it is.

use farcall::{
    ServiceConfig, Status,
    lb::selector::{CallConfig, CallInfo, ConfigSelector},
};
use std::sync::Arc;

/// What policies are told about a call.
#[derive(Debug, PartialEq, Eq)]
pub struct Tenant(pub String);

/// Looks calls up as `/tenant/…` in this service config, by their metadata `tenant`, which does not go out.
#[derive(Debug)]
pub struct ByTenant(pub ServiceConfig);

impl ConfigSelector for ByTenant {
    fn select(&self, call: &CallInfo<'_>) -> Result<CallConfig, Status> {
        let Some(tenant) = call.metadata().get("tenant") else {
            return Err(Status::unauthenticated("the metadata has no tenant"));
        };
        let mut metadata = call.metadata().clone();
        metadata.remove("tenant");
        let method = call.method().rsplit('/').next().unwrap_or_default();
        let config = match self.0.method(&format!("/{tenant}/{method}")) {
            Some(config) => CallConfig::default().with_method_config(Arc::clone(config)),
            None => call.by_name(),
        };
        let tenant = Tenant(tenant.to_owned());
        Ok(config.with_metadata(metadata).with_attribute(tenant))
    }
}
