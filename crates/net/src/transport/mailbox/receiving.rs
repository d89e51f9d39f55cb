//! The task's side: what has arrived.

use super::{EXPECT_THRESHOLD, Incoming, Interest, Mailbox, RELEASE_THRESHOLD, State, keep};
use bytes::Bytes;
use std::{
    mem,
    sync::{Arc, MutexGuard},
    task::{Context, Poll},
};

impl Mailbox {
    /// Waits for a unary response: its message, if it had nothing else to say, or else what
    /// [`poll_receive`](Mailbox::poll_receive) gives.
    pub(crate) fn poll_response(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        missing: usize,
    ) -> Poll<Result<Bytes, Incoming>> {
        let mut state = self.lock();
        match state.incoming.message.take() {
            Some(message) => Poll::Ready(Ok(message)),
            None => self.receive(state, cx, missing).map(Err),
        }
    }

    /// What arrived, all of it; `Pending` when that is nothing new. Taken bytes count as read.
    pub(crate) fn poll_receive(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        missing: usize,
    ) -> Poll<Incoming> {
        self.receive(self.lock(), cx, missing)
    }

    fn receive(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        cx: &mut Context<'_>,
        missing: usize,
    ) -> Poll<Incoming> {
        let incoming = &state.incoming;
        let news = match state.interest {
            Interest::End => incoming.end.is_some(),
            Interest::Any => {
                incoming.end.is_some() || incoming.head.is_some() || !incoming.data.is_empty()
            }
        };
        if !news {
            keep(&mut state.receiver, cx);
            if missing >= EXPECT_THRESHOLD && state.outgoing.expect == 0 {
                state.outgoing.expect = missing;
                self.submit(state);
            }
            return Poll::Pending;
        }
        let end = state.incoming.end.clone();
        let taken = mem::replace(
            &mut state.incoming,
            Incoming {
                end,
                ..Incoming::default()
            },
        );
        let unread = mem::take(&mut state.unread);
        if missing > unread + EXPECT_THRESHOLD {
            state.outgoing.expect = missing - unread;
        }
        self.give_back(state, unread);
        Poll::Ready(taken)
    }

    /// The task wants no more data; the stream goes on.
    pub(crate) fn ignore_incoming(self: &Arc<Self>) {
        let mut state = self.lock();
        state.ignoring = true;
        state.incoming.data.clear();
        let unread = mem::take(&mut state.unread);
        self.give_back(state, unread);
    }

    pub(super) fn give_back(self: &Arc<Self>, mut state: MutexGuard<'_, State>, bytes: usize) {
        if bytes == 0 {
            return;
        }
        if state.detached.is_some() {
            let submit = state.submit.clone();
            drop(state);
            if let Some(submit) = submit {
                submit.settle(bytes);
            }
            return;
        }
        state.outgoing.release += bytes;
        if state.outgoing.release >= RELEASE_THRESHOLD
            || state.outgoing.expect > 0
            || state.submit.as_ref().is_some_and(|s| s.is_exacting())
        {
            self.submit(state);
        }
    }
}
