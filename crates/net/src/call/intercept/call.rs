//! A call in the hands of an interceptor.

use super::{
    super::{
        context::Context, extensions::Extensions, hooks::Hooks, payload::Payload, reply::Reply,
    },
    answer::Outcome,
    client_end::ClientEnd,
    end::Side,
    parts::Parts,
    server_end::ServerEnd,
};
use crate::{clock, peer::Peer};
use farcall_core::{Metadata, MethodDescriptor, Status};
use std::{
    fmt,
    task::{self, Poll},
    time::{Duration, Instant},
};

/// A call on its way through the interceptors, towards the wire on a client and towards the handler on a server.
///
/// What it says can be looked at and changed until [`Next::run`](super::Next::run) and stays to be looked at afterwards. Messages are
/// [`Payload`]s: encoded, uncompressed.
pub struct Call {
    parts: Parts,
    end: End,
}

enum End {
    Client(ClientEnd),
    Server(ServerEnd),
}

impl Call {
    #[inline]
    pub(crate) fn of_client(parts: Parts, end: ClientEnd) -> Call {
        let end = End::Client(end);
        Call { parts, end }
    }

    #[inline]
    pub(crate) fn of_server(parts: Parts, end: ServerEnd) -> Call {
        let end = End::Server(end);
        Call { parts, end }
    }

    /// The method: path, service, name and kind.
    pub fn method(&self) -> &MethodDescriptor {
        match &self.end {
            End::Client(end) => &end.method,
            End::Server(end) => end.method(),
        }
    }

    pub(super) fn side(&self) -> Side {
        match &self.end {
            End::Client(_) => Side::Client,
            End::Server(_) => Side::Server,
        }
    }

    /// Whether this is the server's end of the call.
    pub fn is_server(&self) -> bool {
        matches!(self.end, End::Server(_))
    }

    /// The authority that the call is addressed to (`:authority`).
    pub fn authority(&self) -> &str {
        match &self.end {
            End::Client(end) => end.outlet.authority(),
            End::Server(end) => end.arrival.authority(),
        }
    }

    /// (server) Who is calling.
    pub fn peer(&self) -> Option<&Peer> {
        match &self.end {
            End::Client(_) => None,
            End::Server(end) => Some(&end.arrival.accepted.terms.peer),
        }
    }

    /// (server) The call's deadline and cancellation as a value that can move into spawned tasks.
    pub fn context(&self) -> Option<Context> {
        match &self.end {
            End::Client(_) => None,
            End::Server(end) => Some(end.arrival.context.clone()),
        }
    }

    /// The metadata of the request.
    pub fn metadata(&self) -> &Metadata {
        &self.parts.metadata
    }

    /// The metadata of the request, for changes: a client sends it, a server's handler sees it.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        self.parts.touched = true;
        &mut self.parts.metadata
    }

    /// When the call must be over, as far as it is known by now: a service config may know an earlier point.
    pub fn deadline(&self) -> Option<Instant> {
        let own = self.parts.deadline;
        match &self.end {
            End::Client(_) => {
                let outer = Context::current().and_then(|context| context.deadline());
                [own, outer].into_iter().flatten().min()
            }
            End::Server(_) => own,
        }
    }

    /// Sets when the call must be over.
    ///
    /// A client can bring it forward or put it off, but not beyond that of the call being handled; while an interceptor holds a call
    /// back, the caller's own deadline counts. A server can only bring it forward, from that of the caller or of
    /// an interceptor outside: the handler is dropped then, and the call
    /// ends with `DEADLINE_EXCEEDED`. (What the handler itself sees is the caller's deadline.)
    pub fn set_deadline(&mut self, deadline: Instant) {
        let known = match &self.end {
            End::Client(_) => None,
            // That of the caller, or what one outside has made of it.
            End::Server(_) => self.parts.deadline,
        };
        self.parts.deadline = Some(known.map_or(deadline, |known| known.min(deadline)));
    }

    /// As [`set_deadline`](Self::set_deadline), counted from now.
    pub fn set_timeout(&mut self, timeout: Duration) {
        let now = clock::now();
        self.set_deadline(now.checked_add(timeout).unwrap_or(now + clock::FOREVER));
    }

    /// The request message of a unary or server-streaming call; `None` for a stream of requests, whose messages
    /// [`on_request`](Self::on_request) shows. On a server the handler has it from [`Next::run`](super::Next::run) on.
    pub fn message(&self) -> Option<&Payload> {
        self.parts.message.as_ref()
    }

    /// Puts `message` in place of the request message. Of no effect for a stream of requests.
    pub fn set_message(&mut self, message: Payload) {
        if let Some(old) = &mut self.parts.message {
            *old = message;
        }
    }

    /// Values that travel with the call inside this process: from the caller (`extension(…)` on a call) to a client's interceptors, from
    /// a server's interceptors to the handler ([`Request::extensions`](crate::Request::extensions)), which has them from
    /// [`Next::run`](super::Next::run) on.
    pub fn extensions(&self) -> &Extensions {
        static NONE: Extensions = Extensions::new();
        match &self.parts.rare {
            Some(rare) => &rare.extensions,
            None => &NONE,
        }
    }

    /// The same, for changes.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.parts.rare().extensions
    }

    /// Shows `hook` each request message, of any kind of call, before it goes on; it may put another one in its place. An error ends the
    /// call with that status. Hooks of outer interceptors come first. To be said before [`Next::run`](super::Next::run).
    pub fn on_request(
        &mut self,
        hook: impl FnMut(&mut Payload) -> Result<(), Status> + Send + Sync + 'static,
    ) {
        let inside = self.parts.inside;
        self.hooks().on_request(inside, Box::new(hook));
    }

    /// Shows `hook` each response message, of any kind of call; it may put another one in its place. An error ends the call with that
    /// status. Hooks of inner interceptors come first. To be said before [`Next::run`](super::Next::run).
    pub fn on_response(
        &mut self,
        hook: impl FnMut(&mut Payload) -> Result<(), Status> + Send + Sync + 'static,
    ) {
        let inside = self.parts.inside;
        self.hooks().on_response(inside, Box::new(hook));
    }

    /// Shows `hook` the initial metadata of the response before it goes on, in front of its first message. Not called if the call ends
    /// without any. Hooks of inner interceptors come first. To be said before [`Next::run`](super::Next::run).
    pub fn on_response_metadata(
        &mut self,
        hook: impl FnMut(&mut Metadata) + Send + Sync + 'static,
    ) {
        let inside = self.parts.inside;
        self.hooks().on_head(inside, Box::new(hook));
    }

    fn hooks(&mut self) -> &mut Hooks {
        &mut self.parts.rare().hooks
    }

    /// How many interceptors stand inside the one that is at work.
    pub(super) fn set_inside(&mut self, inside: usize) {
        self.parts.inside = inside;
    }

    /// What those inside have asked for on an earlier run is void.
    pub(super) fn forget_inside(&mut self, inside: usize) {
        if let Some(rare) = &mut self.parts.rare {
            rare.hooks.forget_inside(inside);
        }
    }

    /// Keeps the request for further runs, if it can be run again.
    pub(super) fn keep(&mut self) -> bool {
        let kind = self.method().kind();
        let unary = !kind.client_streams() && !kind.server_streams();
        self.parts.kept = unary && !self.is_server();
        self.parts.kept
    }

    #[inline]
    pub(super) fn poll_run(&mut self, cx: &mut task::Context<'_>) -> Poll<Outcome> {
        match &mut self.end {
            End::Client(end) => end.poll_run(&mut self.parts, cx),
            End::Server(end) => end.poll_run(&mut self.parts, cx),
        }
    }

    pub(super) fn abandon(&mut self) {
        match &mut self.end {
            End::Client(end) => end.abandon(),
            End::Server(end) => end.abandon(),
        }
    }

    /// (server) What goes onto the wire.
    pub(super) fn reply(&mut self, outcome: Outcome) -> Reply {
        match &self.end {
            End::Server(end) => end.reply(outcome),
            End::Client(_) => Reply::lost(),
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", self.method())
            .field("metadata", &self.parts.metadata)
            .field("deadline", &self.deadline())
            .field("message", &self.parts.message)
            .finish_non_exhaustive()
    }
}
