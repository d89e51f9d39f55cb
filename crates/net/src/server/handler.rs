//! Handlers behind one type: bytes in, a reply out.

use super::{earned::Earned, reply::Reply};
use crate::{context::Context, encoding::Encoding, peer::Peer, transport::Mailbox};
use bytes::Bytes;
use farcall_core::{
    MethodDescriptor,
    call::server::{RequestHead, ResponseTemplate},
    message::Compressors,
};
use std::{fmt, future::Future, pin::Pin, sync::Arc};

/// What a server knows about a call beside its message and metadata.
#[derive(Clone)]
pub(crate) struct Arrival {
    pub(crate) head: Arc<RequestHead>,
    pub(crate) context: Context,
    pub(crate) peer: Arc<Peer>,
    /// Whether the message of a unary request was compressed.
    pub(crate) compressed: bool,
}

impl Arrival {
    pub(crate) fn method(&self) -> &str {
        std::str::from_utf8(&self.head.path).unwrap_or_default()
    }

    pub(crate) fn authority(&self) -> &str {
        self.head.authority.as_deref().map_or("", |authority| std::str::from_utf8(authority).unwrap_or_default())
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.head.compressor.as_ref().and_then(|c| Encoding::from_name(c.name())).unwrap_or_default()
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival").field("method", &self.method()).field("context", &self.context).finish()
    }
}

/// A call that is about to be handled.
pub(crate) struct IncomingCall {
    pub(crate) arrival: Arrival,
    pub(crate) mailbox: Arc<Mailbox>,
    /// The message of a unary or server-streaming call.
    pub(crate) message: Bytes,
    pub(crate) terms: Arc<Terms>,
}

/// What every call of a server gets.
pub(crate) struct Terms {
    pub(crate) limits: Limits,
    pub(crate) compressors: Compressors,
    pub(crate) template: ResponseTemplate,
}

/// Sizes of one message, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) receive: usize,
    pub(crate) send: usize,
}

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
