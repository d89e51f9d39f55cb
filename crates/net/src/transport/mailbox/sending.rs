//! The task's side: what it wants sent.

use super::{End, HIGH_WATER, Incoming, Mailbox, Outgoing, State, keep};
use crate::transport::submit::Submit;
use farcall_core::{Code, Status};
use farcall_http2::Reason;
use std::{
    mem,
    sync::{Arc, MutexGuard, PoisonError},
    task::{Context, Poll},
};

/// What has become of a call for a connection whose places are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Entered {
    Yes,
    /// There is no place.
    Full,
    /// The connection takes no more; the mailbox waits again.
    Gone,
    /// Nobody waits for the call any more, or it is with a connection already. No place was taken.
    Needless,
}

impl Mailbox {
    /// Gives the mailbox to a connection. False: the connection takes no more; the mailbox waits again.
    pub(crate) fn attach(self: &Arc<Self>, submit: &Arc<Submit<Mailbox>>) -> bool {
        {
            let mut state = self.lock();
            if state.submit.is_some() {
                return true;
            }
            state.submit = Some(Arc::clone(submit));
            state.queued = true;
        }
        self.enter(submit)
    }

    /// As [`attach`](Self::attach) to a connection whose places are counted; `take` takes one.
    ///
    /// A cancellation drops the head of a call that is with no connection, and nobody could tell afterwards that a place was meant for
    /// it: whether somebody still waits for the call is looked at under the same lock as the place is taken.
    pub(crate) fn attach_counted(
        self: &Arc<Self>,
        submit: &Arc<Submit<Mailbox>>,
        take: impl FnOnce() -> bool,
    ) -> Entered {
        {
            let mut state = self.lock();
            if state.incoming.end.is_some() || state.submit.is_some() {
                return Entered::Needless;
            }
            if !take() {
                return Entered::Full;
            }
            state.submit = Some(Arc::clone(submit));
            state.queued = true;
        }
        match self.enter(submit) {
            true => Entered::Yes,
            false => Entered::Gone,
        }
    }

    /// Stands in the queue of the connection that it is with. False: that is gone, and the mailbox with none.
    #[inline]
    fn enter(self: &Arc<Self>, submit: &Submit<Mailbox>) -> bool {
        if submit.push(Arc::clone(self)) {
            return true;
        }
        let mut state = self.lock();
        state.queued = false;
        state.submit = None;
        false
    }

    /// Changes the outgoing box and tells the driver. False: the stream is over, nothing was done.
    pub(crate) fn send(self: &Arc<Self>, bytes: usize, change: impl FnOnce(&mut Outgoing)) -> bool {
        let mut state = self.lock();
        if state.is_lost() {
            return false;
        }
        change(&mut state.outgoing);
        state.outstanding += bytes;
        self.submit(state);
        true
    }

    /// Waits until less than [`HIGH_WATER`] bytes are on their way; how many are missing to that. An ended stream is ready at once, without
    /// any.
    pub(crate) fn poll_capacity(&self, cx: &mut Context<'_>) -> Poll<usize> {
        let mut state = self.lock();
        let room = HIGH_WATER.saturating_sub(state.outstanding);
        if room > 0 || state.is_lost() {
            return Poll::Ready(room);
        }
        keep(&mut state.sender, cx);
        Poll::Pending
    }

    /// Ends the stream from this side with RST_STREAM; what was not taken yet is dropped.
    pub(crate) fn cancel(self: &Arc<Self>, reason: Reason, status: impl FnOnce() -> Status) {
        // Dropped without the lock: somebody may want to know.
        let mut head = None;
        let mut state = self.lock();
        if state.detached.is_none() {
            state.outgoing.data.clear();
            if state.submit.is_none() {
                // It may have to wait for long before anybody looks at it.
                head = state.outgoing.head.take();
            }
            state.outgoing.reset = Some(reason);
        }
        if state.incoming.end.is_none() {
            state.incoming.end = Some(End::Failed(status()));
        }
        let wakers = state.wakers();
        self.submit(state);
        wakers.wake();
        drop(head);
        self.give_up_place();
    }

    /// Nobody waits for the call any more: others may have its place, although somebody may still hold the mailbox.
    fn give_up_place(&self) {
        let kept = self.route.as_ref().and_then(|route| route.kept.as_ref());
        if let Some(kept) = kept {
            let mut place = kept.place.lock().unwrap_or_else(PoisonError::into_inner);
            place.take();
        }
    }

    /// The task will not look at the mailbox again: unread bytes are given back.
    pub(crate) fn close(self: &Arc<Self>, reason: Reason) {
        self.cancel(reason, || {
            Status::new(Code::Cancelled, "the call was dropped")
        });
        let mut state = self.lock();
        let unread = mem::take(&mut state.unread);
        state.incoming = Incoming {
            end: state.incoming.end.take(),
            ..Incoming::default()
        };
        self.give_back(state, unread);
    }

    pub(super) fn submit(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if state.queued || state.detached.is_some() {
            return;
        }
        let Some(submit) = state.submit.clone() else {
            return;
        };
        state.queued = true;
        drop(state);
        submit.push(Arc::clone(self));
    }
}
