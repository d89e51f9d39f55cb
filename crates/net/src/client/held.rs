//! What a call needs to go out a second time: the transparent retry of gRFC A6.
//!
//! A server that refuses a stream (REFUSED_STREAM), or whose GOAWAY says that it did not look at it, has not processed the
//! call: it may go out once more, unseen by the caller. (A call of which nothing was sent may go out again any number of
//! times; see [`News::Unsent`](super::news::News::Unsent).) For that the request is kept until the response begins.

use crate::transport::{
    chunks::Chunks,
    mailbox::{Finish, Head, Outgoing},
};
use farcall_core::{Metadata, call::client::RequestTemplate};
use farcall_http2::{Connection, Reason, ResetCause, StreamKey};
use std::time::Instant;

/// Bytes of messages that are kept of a call at most; one that has sent more is not sent again. The size of the buffer that
/// gRFC A6 proposes for a call, grpc-go's default too.
const MAX_KEPT: usize = 256 << 10;

/// A request that has gone out and could go out again.
pub(super) struct Held {
    template: RequestTemplate,
    metadata: Metadata,
    data: Chunks,
    bytes: usize,
    half_closed: bool,
}

impl Held {
    /// A request of which so far the head and `data` were sent. `None`: that is too much, or it has been refused before, and
    /// once is enough.
    pub(super) fn new(head: Head, data: Chunks, half_closed: bool) -> Option<Held> {
        let bytes = data.size();
        match head {
            Head::Request {
                template,
                metadata,
                refused: false,
            } if bytes <= MAX_KEPT => Some(Held {
                template,
                metadata,
                data,
                bytes,
                half_closed,
            }),
            _ => None,
        }
    }

    /// Sends messages and keeps them. False: they are too large to be kept; `self` is of no use any more.
    #[must_use]
    pub(super) fn send(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        mut data: Chunks,
        half_close: bool,
    ) -> bool {
        self.half_closed |= half_close;
        self.bytes += data.size();
        // A stream that has gone meanwhile has an event on its way that says so, here and below.
        if self.bytes > MAX_KEPT || data.is_empty() {
            data.send(connection, now, key, half_close).ok();
            return self.bytes <= MAX_KEPT;
        }
        while let Some(chunk) = data.pop() {
            let last = half_close && data.is_empty();
            connection.send_data_kept(now, key, &chunk, last).ok();
            self.data.push(chunk);
        }
        true
    }

    /// The request, to be sent for the last time.
    pub(super) fn again(self) -> Outgoing {
        Outgoing {
            head: Some(Head::Request {
                template: self.template,
                metadata: self.metadata,
                refused: true,
            }),
            data: self.data,
            finish: match self.half_closed {
                true => Finish::HalfClose,
                false => Finish::Open,
            },
            ..Outgoing::default()
        }
    }
}

/// Whether the end of a stream says that the server has not processed it (RFC 9113 §8.7).
pub(super) fn is_unprocessed(reason: Reason, cause: &ResetCause) -> bool {
    match cause {
        ResetCause::GoAway => true,
        ResetCause::Peer => reason == Reason::REFUSED_STREAM,
        _ => false,
    }
}
