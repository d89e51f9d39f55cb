//! A call that has arrived at a server.

use super::{
    context::Context,
    encoding::Encoding,
    extensions::Extensions,
    hooks::Watch,
    terms::{Limits, Terms},
};
use bytes::Bytes;
use farcall_core::{Metadata, call::server::RequestHead};
use std::{any::Any, fmt, sync::Arc};

/// A request head that was accepted, and on what terms: shared by all calls of a connection that repeat the head.
pub(crate) struct Accepted {
    pub(crate) head: RequestHead,
    pub(crate) terms: Arc<Terms>,
    /// Those of the method.
    pub(crate) limits: Limits,
    /// How the method's responses are compressed unless its handler says so; `None`: as the request was.
    pub(crate) compression: Option<Encoding>,
    /// Interceptors of the method want the outcome before it is put into the form of the wire.
    pub(crate) open: bool,
    /// Those interceptors, if they never wait and the handler itself runs them: an `intercept::Surroundings`, which stands above this
    /// module.
    pub(crate) immediate: Option<Arc<dyn Any + Send + Sync>>,
}

/// What a server knows about a call beside its message and metadata.
#[derive(Clone)]
pub(crate) struct Arrival {
    pub(crate) accepted: Arc<Accepted>,
    pub(crate) context: Context,
    /// Whether the message of a unary request was compressed.
    pub(crate) compressed: bool,
}

impl Arrival {
    pub(crate) fn method(&self) -> &str {
        std::str::from_utf8(&self.accepted.head.path).unwrap_or_default()
    }

    pub(crate) fn authority(&self) -> &str {
        self.accepted
            .head
            .authority
            .as_deref()
            .map_or("", |authority| {
                std::str::from_utf8(authority).unwrap_or_default()
            })
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.accepted
            .head
            .compressor
            .as_deref()
            .map_or(Encoding::Identity, Encoding::of)
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival")
            .field("method", &self.method())
            .field("context", &self.context)
            .finish()
    }
}

/// A call that is about to be handled.
pub(crate) struct IncomingCall {
    pub(crate) arrival: Arrival,
    /// The message of a unary or server-streaming call.
    pub(crate) message: Bytes,
    /// What interceptors have made of the call. Boxed: mostly there is nothing.
    pub(crate) changed: Option<Box<Changed>>,
}

/// What interceptors have made of a call.
#[derive(Default)]
pub(crate) struct Changed {
    /// In place of what the caller has sent.
    pub(crate) metadata: Option<Metadata>,
    /// Who looks at the streams.
    pub(crate) watch: Watch,
    /// What they have found out.
    pub(crate) extensions: Extensions,
}

impl IncomingCall {
    /// The metadata and the extensions that the handler gets.
    #[inline]
    pub(crate) fn beside(&mut self) -> (Metadata, Extensions) {
        let head = &self.arrival.accepted.head;
        match &mut self.changed {
            None => (head.metadata.clone(), Extensions::default()),
            Some(changed) => (
                changed
                    .metadata
                    .take()
                    .unwrap_or_else(|| head.metadata.clone()),
                std::mem::take(&mut changed.extensions),
            ),
        }
    }
}
