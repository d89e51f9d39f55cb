//! Asking credentials for the metadata of a call.

use super::{CallInfo, List, SecurityLevel};
use farcall_core::{Metadata, Status};
use farcall_lb::balancer::restrict_control_plane;

/// Whether all of `credentials` are content with this level.
///
/// # Errors
/// What they need.
pub(crate) fn check(credentials: &List, level: SecurityLevel) -> Result<(), String> {
    let needed = credentials.iter().map(|each| each.required_security());
    match needed.max() {
        Some(needed) if needed > level => Err(format!(
            "the call credentials need a connection with {needed}, and this one has {level}: they are not sent"
        )),
        _ => Ok(()),
    }
}

/// The metadata that proves on whose behalf the call is made.
///
/// # Errors
/// They refuse it, or what they say cannot be sent.
pub(crate) async fn authorize(credentials: &List, call: &CallInfo) -> Result<Metadata, Status> {
    let mut metadata = Metadata::new();
    for each in credentials.iter() {
        let own = each.metadata(call).await.map_err(restrict_control_plane)?;
        own.check().map_err(|_| {
            // Which pair it is, is said without its value; but what credentials say is nobody's business.
            Status::internal("the call credentials gave metadata that cannot be sent")
        })?;
        metadata.extend(&own);
    }
    Ok(metadata.into_sensitive())
}
