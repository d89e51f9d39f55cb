//! The driver's side: taking what is to be sent, handing over what has arrived.

use super::{End, HIGH_WATER, Incoming, Interest, Mailbox, Outgoing};
use crate::transport::submit::Submit;
use bytes::Bytes;
use farcall_http2::{Headers, StreamKey};
use std::{
    mem,
    sync::{Arc, atomic::Ordering},
};

/// Why there is no request to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Nothing {
    /// The connection has nothing to do with the call, or no more.
    Here,
    /// The call ended before it was sent.
    Unsent,
}

/// The request of a call that has no stream yet.
pub(crate) struct Unsent {
    pub(crate) outgoing: Outgoing,
    /// What wakes the receiver of the response.
    pub(crate) interest: Interest,
}

impl Mailbox {
    /// The slot of the mailbox's stream.
    pub(crate) fn slot(&self) -> Option<usize> {
        (self.slot.load(Ordering::Relaxed) as usize).checked_sub(1)
    }

    /// Remembers the stream's slot. Only the driver reads and writes it.
    pub(crate) fn set_slot(&self, slot: Option<usize>) {
        let slot = slot.map_or(0, |s| {
            u32::try_from(s + 1).expect("slots are fewer than stream ids")
        });
        self.slot.store(slot, Ordering::Relaxed);
    }

    /// Puts back what `take_outgoing` took, in front of what has come since; the mailbox counts as queued.
    pub(crate) fn restore_outgoing(&self, older: Outgoing) {
        let mut state = self.lock();
        let newer = mem::replace(&mut state.outgoing, older);
        state.outgoing.append(newer);
        state.queued = true;
    }

    /// Takes the mailbox off its connection, which sent nothing of it: it waits for another one.
    pub(crate) fn unattach(&self) {
        let mut state = self.lock();
        state.queued = false;
        state.submit = None;
        let picked = state.take_pick();
        drop(state);
        drop(picked);
    }

    /// Takes the mailbox off its connection, which sent all of `request` in vain: it waits for another one, to which that
    /// goes before anything else. False: nobody waits for the outcome any more, nothing was done.
    pub(crate) fn start_over(&self, request: Outgoing) -> bool {
        let mut state = self.lock();
        if state.incoming.end.is_some() {
            return false;
        }
        let newer = mem::replace(&mut state.outgoing, request);
        state.outgoing.append(newer);
        // What was asked for concerns the stream that is gone; nothing has been received on it.
        state.outgoing.release = 0;
        state.outgoing.expect = 0;
        state.outstanding = state.outgoing.data.size();
        state.queued = false;
        state.submit = None;
        true
    }

    /// The bytes that the task has read and not told of.
    #[cold]
    pub(crate) fn take_release(&self) -> usize {
        mem::take(&mut self.lock().outgoing.release)
    }

    /// Bytes that have been handed over and not read.
    pub(crate) fn unread(&self) -> usize {
        self.lock().unread
    }

    /// Whether the receiving side has ended; nothing is worth sending then.
    pub(crate) fn is_over(&self) -> bool {
        self.lock().incoming.end.is_some()
    }

    /// Hands over what the driver has gathered of a response, and wakes the receiver with everything that comes from now on.
    /// The credit for its bytes has been returned.
    pub(crate) fn hand_over(&self, gathered: Incoming) {
        let mut state = self.lock();
        state.interest = Interest::Any;
        if state.incoming.end.is_none() {
            state.incoming = gathered;
        }
        let waker = state.receiver_for_news();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Hands over the message of a response that had nothing else to say.
    pub(crate) fn deliver_message(&self, message: Bytes, detached: StreamKey) {
        let mut state = self.lock();
        if state.incoming.end.is_none() {
            state.incoming.message = Some(message);
            state.incoming.end = Some(End::Eof);
        }
        state.detached = Some(detached);
        let wakers = state.wakers();
        drop(state);
        wakers.wake();
    }

    /// Hands over a whole response at once.
    pub(crate) fn deliver_all(&self, incoming: Incoming, detached: Option<StreamKey>) {
        let mut state = self.lock();
        if state.incoming.end.is_none() {
            state.incoming = incoming;
        }
        state.detached = detached;
        let wakers = state.wakers();
        drop(state);
        wakers.wake();
    }

    /// Everything the task asked for since the last time.
    pub(crate) fn take_outgoing(&self) -> Outgoing {
        let mut state = self.lock();
        state.queued = false;
        mem::take(&mut state.outgoing)
    }

    /// As [`take_outgoing`](Self::take_outgoing) for a call that has no stream yet.
    ///
    /// # Errors
    /// The call is over, or this connection, to whose queue `submit` belongs, does not have the mailbox: one that moved to
    /// another connection may still stand in the queue of the first.
    pub(crate) fn take_request(&self, submit: &Arc<Submit<Mailbox>>) -> Result<Unsent, Nothing> {
        let mut state = self.lock();
        let ours = state
            .submit
            .as_ref()
            .is_some_and(|own| Arc::ptr_eq(own, submit));
        if !ours {
            return Err(Nothing::Here);
        }
        state.queued = false;
        if state.incoming.end.is_some() || state.outgoing.reset.is_some() {
            let outgoing = mem::take(&mut state.outgoing);
            // What the request is dropped with may tell a user's code of it.
            drop(state);
            return Err(match outgoing.head {
                Some(_) => Nothing::Unsent,
                None => Nothing::Here,
            });
        }
        Ok(Unsent {
            outgoing: mem::take(&mut state.outgoing),
            interest: state.interest,
        })
    }

    /// How many bytes the connection still holds back; wakes a sender that may go on. `spare`: what
    /// [`Chunks::send`](crate::transport::chunks::Chunks::send) left.
    pub(crate) fn set_outstanding(&self, bytes: usize, spare: Vec<u8>) {
        let mut state = self.lock();
        state.outstanding = bytes;
        state.outgoing.data.reuse(spare);
        let waker = if bytes < HIGH_WATER {
            state.sender.take()
        } else {
            None
        };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Hands over a response head.
    pub(crate) fn deliver_head(&self, head: Arc<Headers>) {
        let mut state = self.lock();
        state.incoming.head = Some(head);
        let waker = state.receiver_for_news();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Hands over payload bytes. Answers how many of them nobody will read.
    pub(crate) fn deliver_data(&self, data: Bytes) -> usize {
        let mut state = self.lock();
        if state.incoming.end.is_some() || state.ignoring {
            return data.len();
        }
        state.unread += data.len();
        state.incoming.data.push(data);
        let waker = state.receiver_for_news();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        0
    }

    /// Hands over a response that is one header list: its end comes with it, not after it.
    pub(crate) fn deliver_trailers_only(&self, head: Arc<Headers>, detached: StreamKey) {
        let mut state = self.lock();
        if state.incoming.end.is_none() {
            state.incoming.head = Some(head);
            state.incoming.end = Some(End::Eof);
        }
        state.detached = Some(detached);
        let wakers = state.wakers();
        drop(state);
        wakers.wake();
    }

    /// The receiving side is over. `detached`: the connection has forgotten the stream (both sides are over), and what
    /// is read from now on is settled without it. Answers the bytes that were read before and not reported.
    pub(crate) fn deliver_end(
        &self,
        trailers: Option<Arc<Headers>>,
        end: End,
        detached: Option<StreamKey>,
    ) -> usize {
        let mut state = self.lock();
        if state.incoming.end.is_none() {
            state.incoming.trailers = trailers;
            state.incoming.end = Some(end);
        }
        let mut unreported = 0;
        if detached.is_some() {
            state.detached = detached;
            unreported = mem::take(&mut state.outgoing.release);
        }
        let wakers = state.wakers();
        drop(state);
        wakers.wake();
        unreported
    }

    /// The connection has forgotten the stream; answers the bytes that the task has read and not reported.
    pub(crate) fn detach(&self, key: StreamKey) -> usize {
        let mut state = self.lock();
        state.detached = Some(key);
        mem::take(&mut state.outgoing.release)
    }
}
