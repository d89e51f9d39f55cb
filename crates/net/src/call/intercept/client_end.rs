//! Where a client's interceptors end and the call goes out.

use super::{
    super::{awaited::Awaited, hooks::Watch, knobs::Knobs, message::Response, payload::Payload},
    answer::{Answer, Outcome},
    link::{Link, Opened},
    parts::{Parts, Rare},
};
use bytes::Bytes;
use farcall_core::{MethodDescriptor, MethodKind, Status, call::ReceiveOptions};
use std::{
    cell::Cell,
    mem,
    sync::Arc,
    task::{Context, Poll},
};

/// What calls leave by: a channel, seen from its interceptors.
pub(crate) trait Outlet: Send + Sync {
    /// Starts a call; `message` is its first one. Takes the metadata out of the knobs.
    ///
    /// # Errors
    /// What is wrong with the call itself.
    fn start(
        &self,
        method: &MethodDescriptor,
        content_subtype: &'static str,
        knobs: &mut Knobs,
        message: Option<Payload>,
    ) -> Result<Opened, Status>;

    /// The `:authority` of calls.
    fn authority(&self) -> &str;

    /// What calls that take messages of at most `max_receive` bytes accept.
    fn receive_options(&self, max_receive: usize) -> ReceiveOptions;
}

/// Starts the call, and waits for its end.
pub(crate) struct ClientEnd {
    pub(super) outlet: Arc<dyn Outlet>,
    pub(super) method: MethodDescriptor,
    content_subtype: &'static str,
    /// Without what interceptors may change.
    knobs: Knobs,
    /// Of a call with halves.
    link: Option<Arc<Link>>,
    state: State,
}

enum State {
    Idle,
    /// One response is on its way.
    Response(Awaited),
    /// The receiving half tells the end.
    Stream,
}

impl ClientEnd {
    #[inline]
    pub(crate) fn new(
        outlet: Arc<dyn Outlet>,
        method: MethodDescriptor,
        content_subtype: &'static str,
        knobs: Knobs,
        link: Option<Arc<Link>>,
    ) -> ClientEnd {
        ClientEnd {
            outlet,
            method,
            content_subtype,
            knobs,
            link,
            state: State::Idle,
        }
    }

    /// The first poll starts the call; so does the first one after an outcome.
    #[inline]
    pub(super) fn poll_run(&mut self, parts: &mut Parts, cx: &mut Context<'_>) -> Poll<Outcome> {
        if let State::Idle = self.state {
            self.start(parts)?;
        }
        let State::Response(awaited) = &mut self.state else {
            return self.poll_stream(cx);
        };
        let outlet = &self.outlet;
        let options = |max_receive| outlet.receive_options(max_receive);
        let Poll::Ready(response) = awaited.poll(cx, options) else {
            set_under_way(true);
            return Poll::Pending;
        };
        set_under_way(false);
        self.state = State::Idle;
        let rare = parts.rare.as_deref_mut();
        Poll::Ready(response.and_then(|response| answer(rare, response)))
    }

    /// The receiving half has the stream.
    #[cold]
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        set_under_way(true);
        match &self.link {
            Some(link) => link.poll_end(cx),
            None => Poll::Pending,
        }
    }

    fn start(&mut self, parts: &mut Parts) -> Result<(), Status> {
        let knobs = &mut self.knobs;
        knobs.deadline = parts.deadline;
        knobs.metadata = parts.metadata.clone();
        let mut message = parts.message.take();
        if parts.kept {
            parts.message.clone_from(&message);
        }
        if let (Some(rare), Some(message)) = (&mut parts.rare, &mut message) {
            rare.hooks.apply_to_request(message)?;
        }
        let opened = self
            .outlet
            .start(&self.method, self.content_subtype, knobs, message)?;
        let streams = self.method.kind().server_streams();
        if let Some(link) = &self.link {
            link.start(opened.clone(), watch(parts, self.method.kind()));
        }
        self.state = match streams {
            true => State::Stream,
            false => State::Response(Awaited::new(opened.mailbox, opened.max_receive)),
        };
        Ok(())
    }

    /// Nobody waits for the outcome any more: the call is cancelled.
    pub(super) fn abandon(&mut self) {
        // Dropping a response cancels its call.
        if let State::Stream = mem::replace(&mut self.state, State::Idle)
            && let Some(link) = &self.link
        {
            link.cancel(Status::cancelled("an interceptor gave the call up"));
        }
    }
}

/// Who looks at the streams of a call.
#[cold]
fn watch(parts: &mut Parts, kind: MethodKind) -> Watch {
    let mut watch = Watch::default();
    if let Some(rare) = &mut parts.rare {
        if kind.client_streams() {
            watch.requests = rare.hooks.take_requests();
        }
        if kind.server_streams() {
            watch.responses = rare.hooks.take_responses();
            watch.heads = rare.hooks.take_heads();
        }
    }
    watch
}

/// The one response as interceptors see it, shown to those who asked.
///
/// # Errors
/// What one of them has against it.
#[inline]
pub(crate) fn answer(rare: Option<&mut Rare>, response: Response<Bytes>) -> Outcome {
    let compressed = response.message_was_compressed();
    let previous_attempts = response.attempts() - 1;
    let (message, metadata, trailers) = response.into_parts();
    let mut answer = Answer {
        metadata,
        message: Some(Payload::new(message)),
        trailers,
        compressed,
        previous_attempts,
        compression: None,
    };
    if let (Some(rare), Some(message)) = (rare, &mut answer.message) {
        rare.hooks
            .apply_to_response(&mut answer.metadata, message)?;
    }
    Ok(answer)
}

thread_local! {
    static UNDER_WAY: Cell<bool> = const { Cell::new(false) };
}

/// Whether a call went out, and is watched by its connection, during the poll that has just ended on this thread: whoever polls
/// interceptors has to keep the deadline himself as long as they hold the call back.
pub(crate) fn is_under_way() -> bool {
    UNDER_WAY.get()
}

/// To be called with `false` before such a poll; with `true` where a call that has been started is waited for.
pub(crate) fn set_under_way(yes: bool) {
    UNDER_WAY.set(yes);
}
