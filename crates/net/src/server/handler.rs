//! A method that the server offers.

use super::{
    earned::Earned,
    guarded::guarded,
    overload::{Gate, Gates, Permit},
    timeouts::Timeouts,
};
use crate::call::{
    Arrival, Changed, Encoding, Extensions, IncomingCall, Limits, Payload,
    handler::{Handler, HandlerFuture},
    intercept::{Call, Chain, Inside, Parts, ServerEnd, Surroundings},
};
use bytes::Bytes;
use farcall_core::{MethodDescriptor, MethodKind, Status};
use std::{any::Any, sync::Arc};

/// See the module.
pub(crate) struct Route {
    pub(crate) descriptor: MethodDescriptor,
    /// The kind that the handler is made for.
    pub(crate) registered: MethodKind,
    pub(crate) handler: Arc<dyn Handler>,
    /// What stands around the handler: the server's interceptors, then the service's.
    pub(crate) interceptors: Option<Interceptors>,
    /// How responses are compressed unless the handler says so; `None`: as the server does.
    pub(crate) compression: Option<Encoding>,
    /// Cancellation and deadline do not drop the handler.
    pub(crate) run_to_completion: bool,
    pub(crate) earned: Earned,
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    /// Where its calls are counted and turned away, if there is a limit.
    pub(crate) gates: Option<Gates>,
    /// The server's own limit does not count its calls.
    pub(crate) operational: bool,
    /// It stands for the methods that the server does not have.
    pub(crate) unknown: bool,
}

/// Interceptors, and what they stand around.
pub(crate) struct Interceptors {
    pub(crate) chain: Arc<Chain>,
    pub(crate) inside: Arc<Inside>,
    /// None of them ever waits: the handler runs them.
    immediate: Option<Arc<Surroundings>>,
}

impl Interceptors {
    pub(super) fn new(
        chain: Chain,
        (method, registered): (&MethodDescriptor, MethodKind),
        handler: &Arc<dyn Handler>,
    ) -> Interceptors {
        let inside = Inside {
            method: method.clone(),
            handler: Arc::clone(handler),
        };
        let immediates = chain.immediates();
        // Handlers of other kinds run none: what they are made for counts, whatever the method says of itself.
        let immediate = immediates
            .filter(|_| registered == MethodKind::Unary)
            .and_then(|these| Surroundings::of(method, these));
        Interceptors {
            chain: Arc::new(chain),
            inside: Arc::new(inside),
            immediate: immediate.map(Arc::new),
        }
    }

    /// What the handler runs them by, if it does.
    pub(super) fn immediate(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        let immediate = self.immediate.clone();
        immediate.map(|immediate| immediate as _)
    }
}

impl Route {
    /// What it says of itself, and the kind that its handler is made for.
    pub(super) fn method(&self) -> (&MethodDescriptor, MethodKind) {
        (&self.descriptor, self.registered)
    }

    /// The gate of the server, unless calls pass it uncounted.
    pub(super) fn counted_by<'g>(&self, server: Option<&'g Arc<Gate>>) -> Option<&'g Arc<Gate>> {
        server.filter(|_| !self.operational)
    }

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

    /// What interceptors stand around if the server does not have the method: they hear what it is called.
    #[cold]
    fn unknown_inside(&self, arrival: &Arrival) -> Arc<Inside> {
        let path = arrival.accepted.head.path.clone();
        let named = MethodDescriptor::new(path, self.descriptor.kind());
        Arc::new(Inside {
            method: named.unwrap_or_else(|_| self.descriptor.clone()),
            handler: Arc::clone(&self.handler),
        })
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
        let interceptors = self.interceptors.as_ref();
        let Some(interceptors) = interceptors.filter(|all| all.immediate.is_none()) else {
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
        let inside = match self.unknown {
            false => Arc::clone(&interceptors.inside),
            true => self.unknown_inside(&arrival),
        };
        let parts = Parts::new(metadata, deadline, message, extensions);
        let end = ServerEnd::new(inside, arrival);
        let entry = interceptors.chain.entry();
        guarded(|| entry.of_server(Call::of_server(parts, end)))
    }
}
