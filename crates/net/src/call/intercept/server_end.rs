//! Where a server's interceptors end and the handler begins.

use super::{
    super::{
        arrival::{Arrival, Changed, IncomingCall},
        handler::{Handler, HandlerFuture},
        hooks::Watch,
        payload::Payload,
        reply::{self, Open, Reply, Special},
    },
    answer::{Answer, Outcome},
    parts::Parts,
};
use farcall_core::{Metadata, MethodKind, Status, call::server};
use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Instant,
};
use tokio::time::{Sleep, sleep_until};

/// Runs the handler, and makes a reply of what comes of it.
pub(crate) struct ServerEnd {
    handler: Arc<dyn Handler>,
    pub(super) arrival: Arrival,
    /// The handler at work; a lock that is never taken, since interceptors may share the call between threads.
    future: Option<Mutex<HandlerFuture>>,
    /// For a deadline that an interceptor has brought forward.
    timer: Option<Pin<Box<Sleep>>>,
    progress: Progress,
}

/// How far the response is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nothing of it was sent.
    Unsent,
    HeadSent,
    /// A handler that streams was given up: only the connection knows.
    Unknown,
}

impl ServerEnd {
    pub(crate) fn new(handler: Arc<dyn Handler>, arrival: Arrival) -> ServerEnd {
        ServerEnd {
            handler,
            arrival,
            future: None,
            timer: None,
            progress: Progress::Unsent,
        }
    }

    pub(super) fn poll_run(&mut self, parts: &mut Parts, cx: &mut Context<'_>) -> Poll<Outcome> {
        if self.future.is_none() {
            self.begin(parts)?;
        }
        if let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            self.abandon(parts.method.kind());
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
        let kind = parts.method.kind();
        let mut changed = None;
        if parts.touched || parts.hooks.is_some() || !parts.extensions.is_empty() {
            changed = Some(Box::new(Changed {
                metadata: parts.touched.then(|| parts.metadata.clone()),
                watch: Watch::default(),
                extensions: mem::take(&mut parts.extensions),
            }));
        }
        if let (Some(hooks), Some(changed)) = (&mut parts.hooks, &mut changed) {
            let seen = &mut changed.watch;
            match &mut parts.message {
                Some(message) => hooks.apply_to_request(message)?,
                None => seen.requests = hooks.take_requests(),
            }
            if kind.server_streams() {
                seen.responses = hooks.take_responses();
                seen.heads = hooks.take_heads();
            }
        }
        let own = self.arrival.context.deadline();
        if let Some(deadline) = parts.deadline
            && own.is_none_or(|own| deadline < own)
        {
            self.timer = Some(Box::pin(sleep_until(deadline.into())));
        }
        let message = parts.message.take().map(Payload::into_bytes);
        self.future = Some(Mutex::new(self.handler.call(IncomingCall {
            arrival: self.arrival.clone(),
            message: message.unwrap_or_default(),
            changed,
        })));
        Ok(())
    }

    /// Drops the handler.
    pub(super) fn abandon(&mut self, kind: MethodKind) {
        self.timer = None;
        if self.future.take().is_some() && kind.server_streams() {
            self.progress = Progress::Unknown;
        }
    }

    fn outcome(&mut self, parts: &mut Parts, reply: Reply) -> Outcome {
        let open = match reply.special {
            Special::Open(open) => open,
            Special::Broken(status) => return Err(status),
            Special::None => return Err(Status::internal("the handler gave no outcome")),
        };
        let Open {
            result,
            metadata,
            trailers,
            compression,
            head_sent,
        } = open;
        if head_sent {
            self.progress = Progress::HeadSent;
        }
        if let Err(mut status) = result {
            if !trailers.is_empty() {
                status.metadata_mut().extend(&trailers);
            }
            return Err(status);
        }
        let mut answer = Answer {
            metadata,
            message: reply.data.map(Payload::prefixed),
            trailers,
            compressed: false,
            previous_attempts: 0,
            compression,
        };
        if let Some(hooks) = &mut parts.hooks
            && let Some(message) = &mut answer.message
        {
            hooks.apply_to_response(&mut answer.metadata, message)?;
        }
        Ok(answer)
    }

    /// What goes onto the wire.
    pub(super) fn into_reply(self, kind: MethodKind, outcome: Outcome) -> Reply {
        let result = outcome.and_then(|answer| self.answer(kind, answer));
        let status = match result {
            Ok(reply) => return reply,
            Err(status) => status,
        };
        match self.progress {
            Progress::Unsent => {
                Reply::failure(&self.arrival.accepted.head, status, &Metadata::new())
            }
            Progress::HeadSent => Reply::trailers(None, Err(status), &Metadata::new()),
            Progress::Unknown => Reply::broken(status.for_wire()),
        }
    }

    fn answer(&self, kind: MethodKind, answer: Answer) -> Result<Reply, Status> {
        let accepted = &*self.arrival.accepted;
        if answer.message.is_none() && !kind.server_streams() {
            return Err(Status::internal(
                "an interceptor answered without a message",
            ));
        }
        answer.trailers.check()?;
        if self.progress == Progress::Unknown {
            return Ok(Reply::broken(
                Status::OK.with_metadata(answer.trailers.clone()),
            ));
        }
        let compressor = reply::compressor(accepted, answer.compression);
        let compressor = compressor.as_deref();
        let head = match self.progress {
            Progress::Unsent => Some(reply::head(accepted, compressor, &answer.metadata)?),
            _ => None,
        };
        let limit = accepted.limits.send;
        let data = match answer.message {
            Some(message) => Some(message.into_wire(compressor, limit)?),
            None => None,
        };
        Ok(Reply {
            head,
            data,
            trailers: server::trailers(&Status::OK, &answer.trailers),
            special: Special::None,
        })
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.arrival.context.deadline()
    }
}
