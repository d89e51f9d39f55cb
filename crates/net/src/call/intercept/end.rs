//! What interceptors that never wait see of a call's end.

use super::{
    super::{context::Context, message::Response, payload::Payload},
    answer::{Answer, Outcome},
};
use crate::transport::mailbox::Cancelled;
use bytes::Bytes;
use farcall_core::{Code, Metadata, MethodDescriptor, Status};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

/// The end of a call, in the hands of an [`Immediate`](super::Immediate).
pub struct End<'a> {
    method: &'a MethodDescriptor,
    side: Side,
    of: EndOf<'a>,
}

/// The form that the end has where the call is.
pub(crate) enum EndOf<'a> {
    Outcome(&'a mut Outcome),
    /// Of a client's unary call.
    Response(&'a mut Result<Response<Bytes>, Status>),
}

/// Whose end of a call it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Client,
    Server,
}

impl<'a> End<'a> {
    #[inline(always)]
    pub(crate) fn new(method: &'a MethodDescriptor, side: Side, of: EndOf<'a>) -> End<'a> {
        End { method, side, of }
    }

    /// The method: path, service, name and kind.
    pub fn method(&self) -> &MethodDescriptor {
        self.method
    }

    /// Whether this is the server's end of the call.
    pub fn is_server(&self) -> bool {
        self.side == Side::Server
    }

    /// `OK`, or the code of the status.
    pub fn code(&self) -> Code {
        self.status().map_or(Code::Ok, Status::code)
    }

    /// The status of a call that has failed.
    #[inline]
    pub fn status(&self) -> Option<&Status> {
        match &self.of {
            EndOf::Outcome(outcome) => outcome.as_ref().err(),
            EndOf::Response(response) => response.as_ref().err(),
        }
    }

    /// The initial metadata of a call that has ended well.
    pub fn metadata(&self) -> Option<&Metadata> {
        match &self.of {
            EndOf::Outcome(outcome) => outcome.as_ref().ok().map(Answer::metadata),
            EndOf::Response(response) => response.as_ref().ok().map(Response::metadata),
        }
    }

    /// The same, for changes. Of no effect where it has passed already, as it has with the first message of a stream of responses.
    pub fn metadata_mut(&mut self) -> Option<&mut Metadata> {
        match &mut self.of {
            EndOf::Outcome(outcome) => outcome.as_mut().ok().map(Answer::metadata_mut),
            EndOf::Response(response) => response.as_mut().ok().map(Response::metadata_mut),
        }
    }

    /// The trailing metadata: that of the answer, or of the status.
    pub fn trailers(&self) -> &Metadata {
        let trailers = match &self.of {
            EndOf::Outcome(outcome) => outcome.as_ref().map(Answer::trailers),
            EndOf::Response(response) => response.as_ref().map(Response::trailers),
        };
        trailers.unwrap_or_else(Status::metadata)
    }

    /// The same, for changes.
    pub fn trailers_mut(&mut self) -> &mut Metadata {
        let trailers = match &mut self.of {
            EndOf::Outcome(outcome) => outcome.as_mut().map(Answer::trailers_mut),
            EndOf::Response(response) => response.as_mut().map(Response::trailers_mut),
        };
        trailers.unwrap_or_else(Status::metadata_mut)
    }

    /// The only response message of a call that has ended well; `None` for a stream of responses, whose messages have passed. Not copied.
    pub fn message(&self) -> Option<Payload> {
        match &self.of {
            EndOf::Outcome(outcome) => outcome.as_ref().ok()?.message().cloned(),
            EndOf::Response(response) => {
                let message: &Bytes = response.as_ref().ok()?;
                Some(Payload::new(message.clone()))
            }
        }
    }

    /// Lets the call end otherwise: with another message, or another status. Nobody hears of it if the call was dropped.
    pub fn set_outcome(&mut self, outcome: Outcome) {
        match &mut self.of {
            EndOf::Outcome(own) => **own = outcome,
            EndOf::Response(response) => **response = outcome.and_then(Answer::into_response),
        }
    }
}

impl fmt::Debug for End<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("End")
            .field("method", self.method)
            .field("code", &self.code())
            .finish()
    }
}

/// Tells interceptors the end of a call that is dropped on its way. `context`: that of a server's call.
#[cold]
pub(crate) fn unfinished(context: Option<&Context>, tell: impl FnOnce(EndOf<'_>)) {
    let status = match context.and_then(Context::cause) {
        _ if thread::panicking() => Status::internal("the handler panicked"),
        Some(Cancelled::Deadline) => {
            Status::deadline_exceeded("the deadline passed before the handler was done")
        }
        Some(Cancelled::Cancelled) => Status::cancelled("the caller has left"),
        None => Status::cancelled("the call was dropped"),
    };
    // This may be a panic's way out, where another one would end the process.
    let _ = catch_unwind(AssertUnwindSafe(|| tell(EndOf::Outcome(&mut Err(status)))));
}
