//! A method that the server offers.

use super::earned::Earned;
use crate::call::{handler::Handler, intercept::Chain};
use farcall_core::MethodDescriptor;
use std::sync::Arc;

/// See the module.
pub(crate) struct Route {
    pub(crate) descriptor: MethodDescriptor,
    pub(crate) handler: Arc<dyn Handler>,
    /// What stands around the handler: the server's interceptors, then the service's.
    pub(crate) interceptors: Option<Arc<Chain>>,
    /// Cancellation and deadline do not drop the handler.
    pub(crate) run_to_completion: bool,
    pub(crate) earned: Earned,
}
