//! Handlers behind one type: bytes in, a reply out.

use super::earned::Earned;
use crate::call::{IncomingCall, Reply};
use farcall_core::MethodDescriptor;
use std::{future::Future, pin::Pin};

pub(crate) type HandlerFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A method's code, without its types.
pub(crate) trait Handler: Send + Sync + 'static {
    fn call(&self, call: IncomingCall) -> HandlerFuture;
}

impl<F> Handler for F
where
    F: Fn(IncomingCall) -> HandlerFuture + Send + Sync + 'static,
{
    fn call(&self, call: IncomingCall) -> HandlerFuture {
        self(call)
    }
}

/// A method that the server offers.
pub(crate) struct Route {
    pub(crate) descriptor: MethodDescriptor,
    pub(crate) handler: Box<dyn Handler>,
    /// Cancellation and deadline do not drop the handler.
    pub(crate) run_to_completion: bool,
    pub(crate) earned: Earned,
}
