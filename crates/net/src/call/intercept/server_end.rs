//! Where a server's interceptors end and the handler begins.

use super::{
    super::{
        arrival::{Arrival, Changed, IncomingCall},
        handler::{Handler, HandlerFuture},
        payload::Payload,
        reply::Reply,
    },
    answer::Outcome,
    outgoing::{Progress, outcome, reply},
    parts::Parts,
};
use farcall_core::{MethodDescriptor, MethodKind, Status};
use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};
use tokio::time::{Sleep, sleep_until};

/// Runs the handler, and makes a reply of what comes of it.
pub(crate) struct ServerEnd {
    inside: Arc<Inside>,
    pub(super) arrival: Arrival,
    /// The handler at work; a lock that is never taken, since interceptors may share the call between threads.
    future: Option<Mutex<HandlerFuture>>,
    /// For a deadline that an interceptor has brought forward.
    timer: Option<Pin<Box<Sleep>>>,
    progress: Progress,
}

/// What interceptors stand around.
pub(crate) struct Inside {
    pub(crate) method: MethodDescriptor,
    pub(crate) handler: Arc<dyn Handler>,
}

impl ServerEnd {
    #[inline]
    pub(crate) fn new(inside: Arc<Inside>, arrival: Arrival) -> ServerEnd {
        ServerEnd {
            inside,
            arrival,
            future: None,
            timer: None,
            progress: Progress::Unsent,
        }
    }

    pub(super) fn method(&self) -> &MethodDescriptor {
        &self.inside.method
    }

    #[inline]
    pub(super) fn poll_run(&mut self, parts: &mut Parts, cx: &mut Context<'_>) -> Poll<Outcome> {
        if self.future.is_none() {
            self.begin(parts)?;
        }
        if let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            self.abandon();
            let text = "the deadline that an interceptor set passed before the handler was done";
            return Poll::Ready(Err(Status::deadline_exceeded(text)));
        }
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        let future = future.get_mut().unwrap_or_else(PoisonError::into_inner);
        let reply = ready!(future.as_mut().poll(cx));
        self.future = None;
        Poll::Ready(self.outcome(parts, reply))
    }

    fn begin(&mut self, parts: &mut Parts) -> Result<(), Status> {
        let changed = match parts.touched || parts.rare.is_some() {
            true => Some(changed(parts, self.inside.method.kind())?),
            false => None,
        };
        let own = self.arrival.context.deadline();
        if let Some(deadline) = parts.deadline
            && own.is_none_or(|own| deadline < own)
        {
            self.timer = Some(Box::pin(sleep_until(deadline.into())));
        }
        let message = parts.message.take().map(Payload::into_bytes);
        self.future = Some(Mutex::new(self.inside.handler.call(IncomingCall {
            arrival: self.arrival.clone(),
            message: message.unwrap_or_default(),
            changed,
        })));
        Ok(())
    }

    /// Drops the handler.
    pub(super) fn abandon(&mut self) {
        self.timer = None;
        if self.future.take().is_some() && self.inside.method.kind().server_streams() {
            self.progress = Progress::Unknown;
        }
    }

    #[inline]
    fn outcome(&mut self, parts: &mut Parts, reply: Reply) -> Outcome {
        let opened = outcome(parts.rare.as_deref_mut(), reply);
        if opened.head_sent {
            self.progress = Progress::HeadSent;
        }
        opened.outcome
    }

    /// What goes onto the wire.
    pub(super) fn reply(&self, outcome: Outcome) -> Reply {
        let accepted = &self.arrival.accepted;
        reply(accepted, self.inside.method.kind(), self.progress, outcome)
    }
}

/// What interceptors have made of a call.
///
/// # Errors
/// What a hook has against the request.
#[cold]
fn changed(parts: &mut Parts, kind: MethodKind) -> Result<Box<Changed>, Status> {
    let mut changed = Box::new(Changed {
        metadata: parts.touched.then(|| parts.metadata.clone()),
        ..Changed::default()
    });
    if let Some(rare) = &mut parts.rare {
        changed.extensions = mem::take(&mut rare.extensions);
        let seen = &mut changed.watch;
        match &mut parts.message {
            Some(message) => rare.hooks.apply_to_request(message)?,
            None => seen.requests = rare.hooks.take_requests(),
        }
        if kind.server_streams() {
            seen.responses = rare.hooks.take_responses();
            seen.heads = rare.hooks.take_heads();
        }
    }
    Ok(changed)
}
