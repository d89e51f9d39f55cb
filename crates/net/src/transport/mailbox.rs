//! What one stream's task and the driver of its connection share: two small boxes behind one short lock.
//!
//! The task (a caller or a handler) puts what it wants to send into the *outgoing* box and hands the
//! mailbox to the driver's [`Submit`] queue; the driver puts what arrived into the *incoming* box and
//! wakes the task when that is what it waits for. Nobody holds the lock over an await, user code or I/O.

use super::{fifo::Fifo, submit::Submit};
use bytes::Bytes;
use farcall_core::{
    Code, Metadata, MethodDescriptor, Status,
    call::{HeaderList, client::RequestTemplate},
};
use farcall_http2::{Headers, Reason, ResetCause, StreamKey};
use std::{
    fmt, mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Instant,
};

/// Bytes on their way to the wire above which a sender waits.
pub(crate) const HIGH_WATER: usize = 64 << 10;
/// Bytes read after which credit is handed to the driver although nothing else is.
const RELEASE_THRESHOLD: usize = 16 << 10;
/// Missing bytes of an announced message from which the driver is asked to grant window for it.
const EXPECT_THRESHOLD: usize = 16 << 10;

/// The first header list that is sent.
#[derive(Debug)]
pub(crate) enum Head {
    /// A request's, to be completed with what is left of the deadline when it goes out.
    Request {
        template: RequestTemplate,
        metadata: Metadata,
    },
    Response(HeaderList),
}

/// How the sending side ends.
#[derive(Debug, Default)]
pub(crate) enum Finish {
    /// Not yet.
    #[default]
    Open,
    /// END_STREAM on the last DATA (client).
    HalfClose,
    /// A trailer list with END_STREAM (server).
    Trailers(HeaderList),
}

/// What the task wants the driver to do. Taken whole.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    pub(crate) head: Option<Head>,
    pub(crate) data: Fifo<Bytes>,
    pub(crate) finish: Finish,
    pub(crate) reset: Option<Reason>,
    /// Bytes read by the task since the last look.
    pub(crate) release: usize,
    /// Bytes missing of the message that the task waits for.
    pub(crate) expect: usize,
}

impl Outgoing {
    fn append(&mut self, mut newer: Outgoing) {
        while let Some(chunk) = newer.data.pop() {
            self.data.push(chunk);
        }
        if !matches!(newer.finish, Finish::Open) {
            self.finish = newer.finish;
        }
        self.reset = self.reset.or(newer.reset);
        self.release += newer.release;
        self.expect = newer.expect.max(self.expect);
    }
}

/// How the receiving side ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// END_STREAM.
    Eof,
    /// RST_STREAM by the peer, or by us for the peer's crime, or the end of the connection.
    Reset(Reason, ResetCause),
    /// A local end: deadline, cancel, no connection.
    Failed(Status),
}

/// What arrived and was not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    pub(crate) head: Option<Arc<Headers>>,
    pub(crate) data: Fifo<Bytes>,
    pub(crate) trailers: Option<Arc<Headers>>,
    /// In place of all that: the only message of a response that had nothing else to say.
    pub(crate) message: Option<Bytes>,
    pub(crate) end: Option<End>,
}

/// What wakes the receiving task.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Interest {
    /// Anything that arrives.
    #[default]
    Any,
    /// Only the end: a unary response is of use only when it is complete.
    End,
}

/// Why a call's context was cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cancelled {
    /// The caller went away, or this end gave the call up.
    Cancelled,
    /// The deadline passed.
    Deadline,
}

#[derive(Default)]
struct State {
    /// The connection's queue; `None` while the call waits for a connection.
    submit: Option<Arc<Submit<Mailbox>>>,
    /// In the submission queue, not yet looked at.
    queued: bool,
    outgoing: Outgoing,
    /// Bytes accepted from the task that are not in the connection's output yet.
    outstanding: usize,
    sender: Option<Waker>,
    incoming: Incoming,
    /// Bytes in `incoming.data`.
    unread: usize,
    /// The task takes no more data, though the stream goes on.
    ignoring: bool,
    /// The connection has forgotten the stream.
    detached: Option<StreamKey>,
    interest: Interest,
    receiver: Option<Waker>,
    cancelled: Option<Cancelled>,
    /// Those who are to hear of the cancellation; mostly there are none.
    followers: Option<Box<Followers>>,
}

#[derive(Default)]
struct Followers {
    listeners: Vec<Waker>,
    children: Vec<Weak<Mailbox>>,
}

/// See the module.
pub(crate) struct Mailbox {
    state: Mutex<State>,
    /// (driver) The stream's slot plus one; 0: no stream, not yet or no more.
    slot: AtomicU32,
    /// When the call must be over.
    pub(crate) deadline: Option<Instant>,
    /// (client) What picks are made by.
    pub(crate) route: Option<Route>,
}

/// What a channel needs to know of a call to find it a connection.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) method: MethodDescriptor,
    pub(crate) wait_for_ready: bool,
    /// Bytes of a unary response that the driver gathers at most: its message's limit and prefix.
    pub(crate) receive_limit: usize,
}

impl Mailbox {
    /// A mailbox without a transport; `outgoing` goes out when it gets one.
    pub(crate) fn new(
        deadline: Option<Instant>,
        interest: Interest,
        outgoing: Outgoing,
        route: Option<Route>,
    ) -> Arc<Mailbox> {
        Arc::new(Mailbox {
            state: Mutex::new(State {
                outgoing,
                interest,
                ..State::default()
            }),
            slot: AtomicU32::new(0),
            deadline,
            route,
        })
    }

    /// A mailbox of a stream that the peer opened.
    pub(crate) fn attached(
        submit: Arc<Submit<Mailbox>>,
        deadline: Option<Instant>,
    ) -> Arc<Mailbox> {
        let state = State {
            submit: Some(submit),
            ..State::default()
        };
        Arc::new(Mailbox {
            state: Mutex::new(state),
            slot: AtomicU32::new(0),
            deadline,
            route: None,
        })
    }

    /// Makes the mailbox of a call that was over at once ready for another one of the same connection. False: it has
    /// been used in earnest and is of no use any more.
    pub(crate) fn renew(&mut self, deadline: Option<Instant>) -> bool {
        self.deadline = deadline;
        *self.slot.get_mut() = 0;
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        !state.queued
            && state.detached.is_none()
            && state.cancelled.is_none()
            && state.followers.is_none()
            && state.incoming.end.is_none()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // --- the task's side: sending

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

    /// Waits until less than [`HIGH_WATER`] bytes are on their way. An ended stream is ready at once.
    pub(crate) fn poll_capacity(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.outstanding < HIGH_WATER || state.is_lost() {
            return Poll::Ready(());
        }
        keep(&mut state.sender, cx);
        Poll::Pending
    }

    /// Ends the stream from this side with RST_STREAM; what was not taken yet is dropped.
    pub(crate) fn cancel(self: &Arc<Self>, reason: Reason, status: impl FnOnce() -> Status) {
        let mut state = self.lock();
        if state.detached.is_none() {
            state.outgoing.data.clear();
            state.outgoing.reset = Some(reason);
        }
        if state.incoming.end.is_none() {
            state.incoming.end = Some(End::Failed(status()));
        }
        let wakers = state.wakers();
        self.submit(state);
        wakers.wake();
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

    fn submit(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
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

    // --- the task's side: receiving

    /// What arrived, all of it; `Pending` when that is nothing new. Taken bytes count as read.
    pub(crate) fn poll_receive(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        missing: usize,
    ) -> Poll<Incoming> {
        let mut state = self.lock();
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

    fn give_back(self: &Arc<Self>, mut state: MutexGuard<'_, State>, bytes: usize) {
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
        if state.outgoing.release >= RELEASE_THRESHOLD || state.outgoing.expect > 0 {
            self.submit(state);
        }
    }

    // --- the task's side: context

    pub(crate) fn cancelled(&self) -> Option<Cancelled> {
        self.lock().cancelled
    }

    /// Waits for cancellation.
    pub(crate) fn poll_cancelled(&self, cx: &mut Context<'_>) -> Poll<Cancelled> {
        let mut state = self.lock();
        match state.cancelled {
            Some(cause) => Poll::Ready(cause),
            None => {
                let listeners = &mut state.followers.get_or_insert_default().listeners;
                if !listeners.iter().any(|w| w.will_wake(cx.waker())) {
                    listeners.push(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }

    /// Makes `child` end when this call is cancelled.
    pub(crate) fn adopt(&self, child: &Arc<Mailbox>) {
        let mut state = self.lock();
        if let Some(cause) = state.cancelled {
            drop(state);
            child.cancel_by_parent(cause);
            return;
        }
        let children = &mut state.followers.get_or_insert_default().children;
        if children.len() >= 16 && children.len().is_power_of_two() {
            children.retain(|c| c.strong_count() > 0);
        }
        children.push(Arc::downgrade(child));
    }

    fn cancel_by_parent(self: &Arc<Self>, cause: Cancelled) {
        self.cancel(Reason::CANCEL, || match cause {
            Cancelled::Cancelled => Status::new(
                Code::Cancelled,
                "the call that this call was made for was cancelled",
            ),
            Cancelled::Deadline => Status::new(
                Code::DeadlineExceeded,
                "the deadline of the call that this call was made for passed",
            ),
        });
    }

    /// Marks the context cancelled: wakes those who wait for it and cancels the calls made under it.
    pub(crate) fn cancel_context(self: &Arc<Self>, cause: Cancelled) {
        let mut state = self.lock();
        if state.cancelled.is_some() {
            return;
        }
        state.cancelled = Some(cause);
        let followers = state.followers.take().unwrap_or_default();
        drop(state);
        followers.listeners.into_iter().for_each(Waker::wake);
        for child in followers.children.iter().filter_map(Weak::upgrade) {
            child.cancel_by_parent(cause);
        }
    }

    // --- the driver's side

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
    }

    /// What wakes the receiver.
    pub(crate) fn interest(&self) -> Interest {
        self.lock().interest
    }

    /// Bytes of a unary response that are gathered at most.
    pub(crate) fn receive_limit(&self) -> usize {
        self.route
            .as_ref()
            .map_or(usize::MAX, |route| route.receive_limit)
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

    /// How many bytes the connection still holds back; wakes a sender that may go on.
    pub(crate) fn set_outstanding(&self, bytes: usize) {
        let mut state = self.lock();
        state.outstanding = bytes;
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

    /// The receiving side is over. `detached`: the connection has forgotten the stream (both sides are over).
    pub(crate) fn deliver_end(
        &self,
        trailers: Option<Arc<Headers>>,
        end: End,
        detached: Option<StreamKey>,
    ) {
        let mut state = self.lock();
        if state.incoming.end.is_none() {
            state.incoming.trailers = trailers;
            state.incoming.end = Some(end);
        }
        if detached.is_some() {
            state.detached = detached;
        }
        let wakers = state.wakers();
        drop(state);
        wakers.wake();
    }

    /// The connection has forgotten the stream; answers the bytes that the task has read and not reported.
    pub(crate) fn detach(&self, key: StreamKey) -> usize {
        let mut state = self.lock();
        state.detached = Some(key);
        mem::take(&mut state.outgoing.release)
    }
}

struct Wakers(Option<Waker>, Option<Waker>);

impl Wakers {
    fn wake(self) {
        if let Some(waker) = self.0 {
            waker.wake();
        }
        if let Some(waker) = self.1 {
            waker.wake();
        }
    }
}

impl State {
    fn wakers(&mut self) -> Wakers {
        Wakers(self.receiver.take(), self.sender.take())
    }

    /// Whether nothing that is sent would reach anybody. A peer that has merely said its last word still listens.
    fn is_lost(&self) -> bool {
        self.detached.is_some()
            || self
                .incoming
                .end
                .as_ref()
                .is_some_and(|end| !matches!(end, End::Eof))
    }

    fn receiver_for_news(&mut self) -> Option<Waker> {
        match self.interest {
            Interest::Any => self.receiver.take(),
            Interest::End => None,
        }
    }
}

/// Stores the context's waker unless the stored one wakes the same task.
fn keep(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) if waker.will_wake(cx.waker()) => {}
        _ => *slot = Some(cx.waker().clone()),
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox")
            .field("deadline", &self.deadline)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}
