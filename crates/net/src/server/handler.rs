//! A method that the server offers.

use super::{earned::Earned, guarded::guarded};
use crate::call::{
    Arrival, Changed, Encoding, Extensions, IncomingCall, Payload,
    handler::{Handler, HandlerFuture},
    intercept::{Call, Chain, Parts, ServerEnd},
};
use bytes::Bytes;
use farcall_core::{MethodDescriptor, Status};
use std::sync::Arc;

/// See the module.
pub(crate) struct Route {
    pub(crate) descriptor: MethodDescriptor,
    pub(crate) handler: Arc<dyn Handler>,
    /// What stands around the handler: the server's interceptors, then the service's.
    pub(crate) interceptors: Option<Arc<Chain>>,
    /// How responses are compressed unless the handler says so; `None`: as the server does.
    pub(crate) compression: Option<Encoding>,
    /// Cancellation and deadline do not drop the handler.
    pub(crate) run_to_completion: bool,
    pub(crate) earned: Earned,
}

impl Route {
    /// Calls the handler, or the interceptors around it; nothing is polled yet. `message` is empty if the method streams its
    /// requests.
    ///
    /// # Errors
    /// `INTERNAL`: that panicked.
    pub(super) fn start(
        &self,
        arrival: Arrival,
        message: Bytes,
        extensions: Extensions,
    ) -> Result<HandlerFuture, Status> {
        let Some(interceptors) = &self.interceptors else {
            let changed = (!extensions.is_empty()).then(|| {
                Box::new(Changed {
                    extensions,
                    ..Changed::default()
                })
            });
            return guarded(|| {
                self.handler.call(IncomingCall {
                    arrival,
                    message,
                    changed,
                })
            });
        };
        let metadata = arrival.accepted.head.metadata.clone();
        let message = match self.descriptor.kind().client_streams() {
            true => None,
            false => Some(Payload::new(message)),
        };
        let deadline = arrival.context.deadline();
        let mut parts = Parts::new(self.descriptor.clone(), metadata, deadline, message);
        parts.extensions = extensions;
        let end = ServerEnd::new(Arc::clone(&self.handler), arrival);
        let call = Call::of_server(parts, end);
        guarded(|| interceptors.of_server(call))
    }
}
