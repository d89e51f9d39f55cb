//! Handlers behind one type: bytes in, a reply out.

use super::{arrival::IncomingCall, reply::Reply};
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
