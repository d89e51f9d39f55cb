//! What a call needs to go out another time.
//!
//! A server that refuses a stream (REFUSED_STREAM), or whose GOAWAY says that it did not look at it, has not processed the
//! call: it may go out once more, unseen by the caller (transparent retry, gRFC A6). And a policy of the service config may
//! repeat an attempt that has failed. (A call of which nothing was sent may go out again any number of times; see
//! [`News::Unsent`](super::news::News::Unsent).) For that the request is kept until the response begins.

use crate::transport::{
    chunks::Chunks,
    mailbox::{Finish, Head, Outgoing},
};
use farcall_core::{call::client::RequestTemplate, retry::RetryState};
use farcall_http2::{Connection, Reason, ResetCause, StreamKey};
use std::time::Instant;

/// A request that has gone out and could go out again.
pub(super) struct Held {
    pub(super) template: RequestTemplate,
    pub(super) own_authority: bool,
    /// What was sent so far.
    pub(super) data: Chunks,
    pub(super) bytes: usize,
    pub(super) half_closed: bool,
    /// It was sent before and not processed: not a third time, unless a policy repeats it.
    pub(super) refused: bool,
}

impl Held {
    /// Whether a request is kept of which so far the head and `bytes` of messages were sent. It is not if it is larger than what may be
    /// kept (`limit` where there are no retries), or if nothing can follow it.
    #[inline]
    #[must_use]
    pub(super) fn is_kept(
        refused: bool,
        bytes: usize,
        retry: Option<&mut RetryState>,
        limit: usize,
    ) -> bool {
        match retry {
            None => !refused && bytes <= limit,
            Some(retry) => (!refused || retry.is_repeatable()) && retry.keep(bytes),
        }
    }

    /// Counts messages that are about to be sent. False: with them the request is too large to be kept.
    #[must_use]
    pub(super) fn fits(
        &mut self,
        data: &Chunks,
        retry: Option<&mut RetryState>,
        limit: usize,
    ) -> bool {
        self.bytes += data.size();
        match retry {
            None => self.bytes <= limit,
            Some(retry) => retry.keep(self.bytes),
        }
    }

    /// Sends messages and keeps them.
    pub(super) fn send(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        mut data: Chunks,
        half_close: bool,
    ) {
        self.half_closed |= half_close;
        // A stream that has gone meanwhile has an event on its way that says so, here and below.
        if data.is_empty() {
            data.send(connection, now, key, half_close);
            return;
        }
        while let Some(chunk) = data.pop() {
            let last = half_close && data.is_empty();
            connection.send_data_kept(now, key, &chunk, last).ok();
            self.data.push(chunk);
        }
    }

    /// Whether the call may go out again because the server has not processed it.
    pub(super) fn may_be_refused(&self) -> bool {
        !self.refused
    }

    /// The request, to be sent again. `refused`: because the server has not processed it.
    pub(super) fn again(self, retry: Option<RetryState>, refused: bool) -> Outgoing {
        Outgoing {
            head: Some(Head::Request {
                template: self.template,
                own_authority: self.own_authority,
                refused: self.refused || refused,
                retry,
                picked: None,
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
