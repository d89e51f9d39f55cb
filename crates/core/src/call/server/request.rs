//! The messages of a request.

use super::RequestHead;
use crate::{
    call::{Progress, Shape, inbox::Inbox},
    status::{Code, Status},
};
use bytes::Bytes;
use farcall_http2::Reason;
use std::ops::Range;

/// What follows the head of a request: its messages, then the client's half-close.
///
/// Inputs: [`on_data`](Self::on_data), [`on_end`](Self::on_end), [`on_reset`](Self::on_reset),
/// [`on_failure`](Self::on_failure), in the order of the wire. Output: [`poll`](Self::poll) after each of them
/// until it is `Pending` or `Done`. A `Done` that is not OK ends the call with that status, before any handler if
/// the request has one message.
///
/// ```
/// use bytes::Bytes;
/// use farcall_core::{Code, call::{Progress, Shape, server::RequestMachine}};
///
/// let mut request = RequestMachine::new(Shape::One, 4 << 20, None);
/// request.on_data(Bytes::from_static(b"\0\0\0\0\x02hi"), true);
/// assert_eq!(request.poll(), Progress::Message(Bytes::from_static(b"hi")));
/// assert!(matches!(request.poll(), Progress::Done { status, .. } if status.is_ok()));
///
/// let mut empty = RequestMachine::new(Shape::One, 4 << 20, None);
/// empty.on_end();
/// assert!(matches!(empty.poll(), Progress::Done { status, .. } if status.code() == Code::Unimplemented));
/// ```
#[derive(Debug)]
pub struct RequestMachine {
    inbox: Inbox,
}

impl RequestMachine {
    /// For a method whose requests have this shape. Messages may have `max_message_size` bytes, before and after
    /// decompression.
    pub fn new(
        shape: Shape,
        max_message_size: usize,
        compressor: Option<std::sync::Arc<dyn crate::message::Compressor>>,
    ) -> RequestMachine {
        RequestMachine {
            inbox: Inbox::new(shape, "request", max_message_size, compressor),
        }
    }

    /// The same with the compression that the head names.
    pub fn of(head: &RequestHead, shape: Shape, max_message_size: usize) -> RequestMachine {
        RequestMachine::new(shape, max_message_size, head.compressor.clone())
    }

    /// Payload; `end_stream` is the half-close.
    pub fn on_data(&mut self, data: Bytes, end_stream: bool) {
        self.inbox.push(data);
        if end_stream {
            self.on_end();
        }
    }

    /// The half-close without payload: END_STREAM on the headers, or trailers (which mean nothing in a request).
    pub fn on_end(&mut self) {
        self.inbox.end(Status::OK);
    }

    /// The client reset the stream: CANCELLED, whatever the code.
    pub fn on_reset(&mut self, reason: Reason) {
        if !self.inbox.has_ended() {
            let status = match reason {
                Reason::CANCEL => {
                    Status::from_static(Code::Cancelled, "the client cancelled the call")
                }
                reason => Status::cancelled(format!("the client reset the stream with {reason}")),
            };
            self.inbox.end(status);
        }
    }

    /// The request breaks off in another way: connection lost, deadline passed.
    pub fn on_failure(&mut self, status: Status) {
        self.inbox.end(status);
    }

    /// A short cut past [`poll`](Self::poll) for streams of messages: shows `look` the next message in the buffer that it
    /// arrived in, if that is all there is to it. `None`: nothing has happened, ask `poll`.
    #[inline]
    pub fn next_in_place<R>(&mut self, look: impl FnOnce(&Bytes, Range<usize>) -> R) -> Option<R> {
        self.inbox.next_in_place(look)
    }

    /// What there is to hand out.
    pub fn poll(&mut self) -> Progress {
        self.inbox.poll()
    }

    /// Whether the message that [`poll`](Self::poll) handed out last came compressed.
    pub fn last_was_compressed(&self) -> bool {
        self.inbox.last_was_compressed()
    }
}

#[cfg(test)]
mod tests;
