//! One call of a connection.

use super::super::{gather::Gathered, held::Held, outcome::outcome};
use crate::transport::{
    Mailbox, Picked,
    chunks::Chunks,
    mailbox::{End, Finish},
};
use farcall_core::{
    Code, Status,
    retry::{Pushback, RetryState},
};
use farcall_http2::{Connection, Headers, StreamKey};
use std::{sync::Arc, time::Instant};

/// A call that has a stream.
pub(super) struct Call {
    pub(super) key: StreamKey,
    pub(super) mailbox: Arc<Mailbox>,
    /// END_STREAM has not been sent.
    pub(super) sending: bool,
    /// A unary response gathers here and is handed over once, as long as it is nothing unusual.
    pub(super) gathered: Option<Gathered>,
    /// The request, as long as it could go out again.
    pub(super) held: Option<Held>,
    /// Of calls with a policy, or with anything else to be counted of their attempts.
    pub(super) retry: Option<RetryState>,
    /// Of calls of which somebody wants to know how the attempt ends, or when they are committed.
    pub(super) picked: Option<Box<Picked>>,
}

impl Call {
    /// Sends what the task wants sent. `limit`: bytes that are kept of a call without retries of its own.
    pub(super) fn send(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        data: Chunks,
        finish: &Finish,
        limit: usize,
    ) {
        let key = self.key;
        let half_close = matches!(finish, Finish::HalfClose);
        if !self.sending || (data.is_empty() && !half_close) {
            return;
        }
        self.sending = !half_close;
        if let Some(picked) = &mut self.picked {
            picked.bytes_sent += data.size() as u64;
        }
        if let Some(held) = &mut self.held
            && !held.fits(&data, self.retry.as_mut(), limit)
        {
            self.held = None;
            if self.picked.is_some() {
                self.mailbox.commit();
            }
        }
        let mut spare = Vec::new();
        match &mut self.held {
            Some(held) => held.send(connection, now, key, data, half_close),
            None => spare = data.send(connection, now, key, half_close),
        }
        if !half_close {
            self.mailbox
                .set_outstanding(connection.buffered(key), spare);
        }
    }

    /// The response has begun: no other attempt follows (gRFC A6).
    pub(super) fn commit(&mut self) {
        self.held = None;
        if let Some(picked) = &mut self.picked {
            picked.was_answered = true;
            self.mailbox.commit();
        }
        if let Some(retry) = &mut self.retry {
            retry.on_response();
            self.mailbox.set_previous(retry.previous());
        }
    }

    /// Counts the end of the call, if there is anything to be counted.
    pub(super) fn settle(&mut self, code: Code, pushback: Pushback) {
        if let Some(retry) = &mut self.retry {
            retry.on_end(code, pushback);
            self.mailbox.set_previous(retry.previous());
        }
    }

    /// Something unusual: the caller's machine has to see it as it comes.
    pub(super) fn hand_over(&mut self) {
        if let Some(gathered) = self.gathered.take() {
            self.mailbox.hand_over(gathered.into_incoming());
        }
    }

    /// Answers the bytes that the task has read and not reported.
    pub(super) fn fail(self, end: End) -> usize {
        self.end(None, end)
    }

    /// As `fail`, behind these trailers.
    pub(super) fn end(mut self, trailers: Option<Arc<Headers>>, end: End) -> usize {
        if let Some(picked) = self.picked.take() {
            self.mailbox.commit();
            match (&trailers, end.status()) {
                (_, Some(status)) => picked.done(&status),
                (Some(trailers), None) => picked.ended(trailers),
                (None, None) => picked.done(&Status::unknown("the response has no trailers")),
            }
        }
        if self.retry.is_some() {
            let (code, pushback) = outcome(trailers.as_deref(), &end);
            self.settle(code, pushback);
        }
        match self.gathered {
            Some(gathered) => {
                let mut incoming = gathered.into_incoming();
                (incoming.trailers, incoming.end) = (trailers, Some(end));
                self.mailbox.deliver_all(incoming, Some(self.key));
                0
            }
            None => self.mailbox.deliver_end(trailers, end, Some(self.key)),
        }
    }
}

/// The live call that the key names.
pub(super) fn find(calls: &mut [Option<Call>], key: StreamKey) -> Option<&mut Call> {
    calls
        .get_mut(key.slot())?
        .as_mut()
        .filter(|call| call.key == key)
}
