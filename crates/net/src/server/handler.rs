//! A method that the server offers.

use super::{
    earned::Earned,
    guarded::guarded,
    overload::{Gates, Permit},
    timeouts::Timeouts,
};
use crate::call::{
    Arrival, Changed, Encoding, Extensions, IncomingCall, Limits, Payload,
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
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    /// Where its calls are counted and turned away, if there is a limit.
    pub(crate) gates: Option<Gates>,
    /// It stands for the methods that the server does not have.
    pub(crate) unknown: bool,
}

impl Route {
    /// Lets a call in.
    ///
    /// # Errors
    /// What it ends with if there are too many.
    #[inline]
    pub(super) fn enter(self: &Arc<Route>) -> Result<Option<Permit>, Status> {
        match &self.gates {
            None => Ok(None),
            Some(gates) => gates.enter(Arc::as_ptr(self) as usize).map(Some),
        }
    }

    /// What interceptors hear of the method.
    fn described(&self, arrival: &Arrival) -> MethodDescriptor {
        let unknown = || {
            let path = arrival.accepted.head.path.clone();
            MethodDescriptor::new(path, self.descriptor.kind()).ok()
        };
        let named = self.unknown.then(unknown).flatten();
        named.unwrap_or_else(|| self.descriptor.clone())
    }

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
        let method = self.described(&arrival);
        let mut parts = Parts::new(method, metadata, deadline, message);
        parts.extensions = extensions;
        let end = ServerEnd::new(Arc::clone(&self.handler), arrival);
        let call = Call::of_server(parts, end);
        guarded(|| interceptors.of_server(call))
    }
}
