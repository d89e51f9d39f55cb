//! The one response that a mailbox will have.

use super::{machine::feed_response, message::Response};
use crate::transport::{Mailbox, mailbox::Incoming};
use bytes::Bytes;
use farcall_core::{
    Status,
    call::{Progress, ReceiveOptions, Shape, client::ResponseMachine},
};
use farcall_http2::Reason;
use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

/// See the module. Dropping it cancels the call.
pub(crate) struct Awaited {
    mailbox: Arc<Mailbox>,
    max_receive: usize,
    /// The response was whole and has been taken: nothing is left to cancel or to give back.
    finished: bool,
    /// Made for a response that is not just one message and OK.
    machine: Option<Box<ResponseMachine>>,
}

impl Awaited {
    /// `max_receive`: bytes of the largest message that the call accepts.
    #[inline]
    pub(crate) fn new(mailbox: Arc<Mailbox>, max_receive: usize) -> Awaited {
        Awaited {
            mailbox,
            max_receive,
            finished: false,
            machine: None,
        }
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Waits for the response, its message still encoded. `options` is what calls accept that take messages of at most so many bytes.
    #[inline]
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        options: impl Fn(usize) -> ReceiveOptions,
    ) -> Poll<Result<Response<Bytes>, Status>> {
        let mut missing = 0;
        loop {
            match ready!(self.mailbox.poll_response(cx, missing)) {
                Ok(message) => {
                    self.finished = true;
                    return Poll::Ready(Ok(Response::new(message)));
                }
                Err(incoming) => match self.advance(incoming, &options) {
                    Ok(outcome) => return Poll::Ready(outcome),
                    Err(more) => missing = more,
                },
            }
        }
    }

    /// The outcome, if what has arrived makes one; else how many bytes the message still needs.
    fn advance(
        &mut self,
        incoming: Incoming,
        options: &impl Fn(usize) -> ReceiveOptions,
    ) -> Result<Result<Response<Bytes>, Status>, usize> {
        let machine = self.machine.get_or_insert_with(|| {
            let mut machine = ResponseMachine::new(Shape::One, &options(self.max_receive));
            if let Some(limit) = self.mailbox.late_receive_limit() {
                machine.lower_max_message_size(limit);
            }
            Box::new(machine)
        });
        let reset = feed_response(machine, incoming);
        let mut message = None;
        let (status, trailers) = loop {
            match machine.poll() {
                Progress::Message(received) => message = Some(received),
                Progress::Done { status, trailers } => break (status, trailers),
                Progress::Pending { missing } => return Err(missing),
            }
        };
        let metadata = machine.metadata().cloned().unwrap_or_default();
        let compressed = machine.last_was_compressed();
        if let Some(reason) = reset.or_else(|| machine.must_reset()) {
            self.mailbox.close(reason);
        }
        let previous = self.mailbox.previous_attempts();
        let Some(message) = message.filter(|_| status.is_ok()) else {
            let status = status.mark_received().with_initial_metadata(metadata);
            return Ok(Err(status.with_previous_attempts(previous)));
        };
        Ok(Ok(Response::received(
            message, metadata, trailers, compressed,
        )
        .with_previous_attempts(previous.len())))
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if !self.finished {
            self.mailbox.close(Reason::CANCEL);
        }
    }
}
