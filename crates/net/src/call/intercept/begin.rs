//! What interceptors that never wait see of a call before it goes on.

use super::{
    super::{
        arrival::{Changed, IncomingCall},
        context::Context,
        extensions::Extensions,
        knobs::Knobs,
        payload::Payload,
    },
    call::Call,
    client_end::Outlet,
    end::Side,
    parts::Rare,
};
use crate::{clock, peer::Peer};
use farcall_core::{Metadata, MethodDescriptor, Status};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// A call before it goes on, in the hands of an [`Immediate`](super::Immediate): what [`Call`] is to other interceptors.
pub struct Begin<'a> {
    of: Of<'a>,
}

/// Where the call is.
pub(crate) enum Of<'a> {
    /// Among interceptors that may wait.
    Call(&'a mut Call),
    Client(ClientBegin<'a>),
    Server(ServerBegin<'a>),
}

/// A unary call that a client is about to start.
pub(crate) struct ClientBegin<'a> {
    pub(crate) outlet: &'a dyn Outlet,
    pub(crate) method: &'a MethodDescriptor,
    /// The deadline is said in full: there is no timeout beside it.
    pub(crate) knobs: &'a mut Knobs,
    pub(crate) message: &'a mut Payload,
    pub(crate) rare: &'a mut Option<Box<Rare>>,
}

/// A unary call that a handler is about to be given.
pub(crate) struct ServerBegin<'a> {
    pub(crate) method: &'a MethodDescriptor,
    pub(crate) call: &'a mut IncomingCall,
    pub(crate) rare: &'a mut Option<Box<Rare>>,
}

impl ServerBegin<'_> {
    fn changed(&mut self) -> &mut Changed {
        self.call.changed.get_or_insert_default()
    }
}

impl<'a> Begin<'a> {
    #[inline(always)]
    pub(crate) fn new(of: Of<'a>) -> Begin<'a> {
        Begin { of }
    }

    pub(super) fn side(&self) -> Side {
        match &self.of {
            Of::Call(call) => call.side(),
            Of::Client(_) => Side::Client,
            Of::Server(_) => Side::Server,
        }
    }

    /// The method: path, service, name and kind.
    pub fn method(&self) -> &MethodDescriptor {
        match &self.of {
            Of::Call(call) => call.method(),
            Of::Client(call) => call.method,
            Of::Server(call) => call.method,
        }
    }

    /// Whether this is the server's end of the call.
    pub fn is_server(&self) -> bool {
        self.side() == Side::Server
    }

    /// The authority that the call is addressed to (`:authority`).
    pub fn authority(&self) -> &str {
        match &self.of {
            Of::Call(call) => call.authority(),
            Of::Client(call) => call.outlet.authority(),
            Of::Server(call) => call.call.arrival.authority(),
        }
    }

    /// (server) Who is calling.
    pub fn peer(&self) -> Option<&Peer> {
        match &self.of {
            Of::Call(call) => call.peer(),
            Of::Client(_) => None,
            Of::Server(call) => Some(&call.call.arrival.accepted.terms.peer),
        }
    }

    /// (server) The call's deadline and cancellation as a value that can move into spawned tasks.
    pub fn context(&self) -> Option<Context> {
        match &self.of {
            Of::Call(call) => call.context(),
            Of::Client(_) => None,
            Of::Server(call) => Some(call.call.arrival.context.clone()),
        }
    }

    /// The metadata of the request.
    pub fn metadata(&self) -> &Metadata {
        match &self.of {
            Of::Call(call) => call.metadata(),
            Of::Client(call) => &call.knobs.metadata,
            Of::Server(call) => {
                let changed = call.call.changed.as_ref();
                let changed = changed.and_then(|changed| changed.metadata.as_ref());
                changed.unwrap_or(&call.call.arrival.accepted.head.metadata)
            }
        }
    }

    /// The metadata of the request, for changes: a client sends it, a server's handler sees it.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        match &mut self.of {
            Of::Call(call) => call.metadata_mut(),
            Of::Client(call) => &mut call.knobs.metadata,
            Of::Server(call) => {
                let call = &mut *call.call;
                let changed = call.changed.get_or_insert_default();
                let received = &call.arrival.accepted.head.metadata;
                changed.metadata.get_or_insert_with(|| received.clone())
            }
        }
    }

    /// As [`Call::deadline`].
    pub fn deadline(&self) -> Option<Instant> {
        match &self.of {
            Of::Call(call) => call.deadline(),
            Of::Client(call) => {
                let outer = Context::current().and_then(|context| context.deadline());
                [call.knobs.deadline, outer].into_iter().flatten().min()
            }
            Of::Server(call) => {
                let own = call.call.arrival.context.deadline();
                let set = call.rare.as_ref().and_then(|rare| rare.deadline);
                set.or(own)
            }
        }
    }

    /// As [`Call::set_deadline`].
    pub fn set_deadline(&mut self, deadline: Instant) {
        match &mut self.of {
            Of::Call(call) => call.set_deadline(deadline),
            Of::Client(call) => call.knobs.deadline = Some(deadline),
            Of::Server(call) => {
                // That of the caller, and that of one outside.
                let own = call.call.arrival.context.deadline();
                let set = call.rare.as_ref().and_then(|rare| rare.deadline);
                let mut known = own.into_iter().chain(set);
                if known.all(|known| deadline < known) {
                    call.rare.get_or_insert_default().deadline = Some(deadline);
                }
            }
        }
    }

    /// As [`set_deadline`](Self::set_deadline), counted from now.
    pub fn set_timeout(&mut self, timeout: Duration) {
        let now = clock::now();
        self.set_deadline(now.checked_add(timeout).unwrap_or(now + clock::FOREVER));
    }

    /// The request message of a unary or server-streaming call; `None` for a stream of requests, whose messages
    /// [`on_request`](Self::on_request) shows. Not copied.
    pub fn message(&self) -> Option<Payload> {
        match &self.of {
            Of::Call(call) => call.message().cloned(),
            Of::Client(call) => Some(call.message.clone()),
            Of::Server(call) => Some(Payload::new(call.call.message.clone())),
        }
    }

    /// Puts `message` in place of the request message. Of no effect for a stream of requests.
    pub fn set_message(&mut self, message: Payload) {
        match &mut self.of {
            Of::Call(call) => call.set_message(message),
            Of::Client(call) => *call.message = message,
            Of::Server(call) => call.call.message = message.into_bytes(),
        }
    }

    /// As [`Call::extensions`].
    pub fn extensions(&self) -> &Extensions {
        static NONE: Extensions = Extensions::new();
        match &self.of {
            Of::Call(call) => call.extensions(),
            Of::Client(call) => call.rare.as_ref().map_or(&NONE, |rare| &rare.extensions),
            Of::Server(call) => {
                let changed = call.call.changed.as_ref();
                changed.map_or(&NONE, |changed| &changed.extensions)
            }
        }
    }

    /// The same, for changes.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        match &mut self.of {
            Of::Call(call) => call.extensions_mut(),
            Of::Client(call) => &mut call.rare.get_or_insert_default().extensions,
            Of::Server(call) => &mut call.changed().extensions,
        }
    }

    /// As [`Call::on_request`].
    pub fn on_request(
        &mut self,
        hook: impl FnMut(&mut Payload) -> Result<(), Status> + Send + Sync + 'static,
    ) {
        match self.rare() {
            Ok(rare) => rare.hooks.on_request(0, Box::new(hook)),
            Err(call) => call.on_request(hook),
        }
    }

    /// As [`Call::on_response`].
    pub fn on_response(
        &mut self,
        hook: impl FnMut(&mut Payload) -> Result<(), Status> + Send + Sync + 'static,
    ) {
        match self.rare() {
            Ok(rare) => rare.hooks.on_response(0, Box::new(hook)),
            Err(call) => call.on_response(hook),
        }
    }

    /// As [`Call::on_response_metadata`].
    pub fn on_response_metadata(
        &mut self,
        hook: impl FnMut(&mut Metadata) + Send + Sync + 'static,
    ) {
        match self.rare() {
            Ok(rare) => rare.hooks.on_head(0, Box::new(hook)),
            Err(call) => call.on_response_metadata(hook),
        }
    }

    fn rare(&mut self) -> Result<&mut Rare, &mut Call> {
        match &mut self.of {
            Of::Call(call) => Err(call),
            Of::Client(call) => Ok(call.rare.get_or_insert_default()),
            Of::Server(call) => Ok(call.rare.get_or_insert_default()),
        }
    }
}

impl fmt::Debug for Begin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begin")
            .field("method", self.method())
            .field("metadata", self.metadata())
            .field("deadline", &self.deadline())
            .field("message", &self.message())
            .finish_non_exhaustive()
    }
}
