//! What a caller or a handler shares with its connection: what is to be sent, what has arrived.

use crate::pieces::Pieces;
use bytes::Bytes;
use farcall_http2::Fields;
use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Instant,
};

/// Bytes read after which credit goes back although nothing is sent.
const RELEASE_THRESHOLD: usize = 16 << 10;

/// What the task wants the connection to do; taken whole.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    pub(crate) data: Pieces,
    /// The last message is among `data`.
    pub(crate) finish: bool,
    /// Bytes read since the last look.
    pub(crate) release: usize,
}

#[derive(Default)]
struct State {
    queued: bool,
    outgoing: Outgoing,
    outstanding: usize,
    sender: Option<Waker>,
    incoming: Pieces,
    unread: usize,
    /// How it ended: the bytes of the response, or nothing if it failed.
    end: Option<Option<usize>>,
    receiver: Option<Waker>,
}

/// See the module.
pub(crate) struct Mailbox {
    state: Mutex<State>,
    /// The stream's slot plus one; 0: none yet.
    slot: AtomicU32,
    /// (client) The request's header list.
    pub(crate) head: Option<Arc<Fields>>,
    /// (client) When the call must be over.
    pub(crate) deadline: Option<Instant>,
    /// Bytes on their way to the wire above which a sender waits.
    water: usize,
    /// Whether only the end is of interest.
    pub(crate) unary: bool,
}

impl Mailbox {
    /// A caller's.
    pub(crate) fn call(head: Arc<Fields>, deadline: Option<Instant>, unary: bool) -> Arc<Mailbox> {
        Mailbox::new(Some(head), deadline, unary, 64 << 10)
    }

    /// A handler's.
    pub(crate) fn handler(unary: bool, water: usize) -> Arc<Mailbox> {
        Mailbox::new(None, None, unary, water)
    }

    fn new(
        head: Option<Arc<Fields>>,
        deadline: Option<Instant>,
        unary: bool,
        water: usize,
    ) -> Arc<Mailbox> {
        Arc::new(Mailbox {
            state: Mutex::default(),
            slot: AtomicU32::new(0),
            head,
            deadline,
            water,
            unary,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// (task) Puts a message into the outgoing box. True: the connection has to be told.
    pub(crate) fn send(&self, message: Bytes, finish: bool) -> bool {
        let mut state = self.lock();
        state.outstanding += message.len();
        state.outgoing.data.push(message);
        state.outgoing.finish = finish;
        !mem::replace(&mut state.queued, true)
    }

    /// (task) Waits until less than the high water is on its way.
    pub(crate) fn poll_capacity(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.outstanding < self.water || state.end.is_some() {
            return Poll::Ready(());
        }
        keep(&mut state.sender, cx);
        Poll::Pending
    }

    /// (task) Waits for the end of a unary call: the bytes of its response, or nothing if it failed.
    pub(crate) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        let mut state = self.lock();
        if let Some(end) = state.end {
            return Poll::Ready(end);
        }
        keep(&mut state.receiver, cx);
        Poll::Pending
    }

    /// (task) Takes what has arrived on a stream: how many bytes, and whether the connection has to be told.
    /// 0 bytes: the stream is over.
    pub(crate) fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<(usize, bool)> {
        let mut state = self.lock();
        if state.incoming.is_empty() && state.end.is_none() {
            keep(&mut state.receiver, cx);
            return Poll::Pending;
        }
        let pieces = mem::take(&mut state.incoming);
        let unread = mem::take(&mut state.unread);
        state.outgoing.release += unread;
        let tell = state.outgoing.release >= RELEASE_THRESHOLD && !state.queued;
        state.queued |= tell;
        drop(state);
        drop(pieces);
        Poll::Ready((unread, tell))
    }

    /// (connection)
    pub(crate) fn take_outgoing(&self) -> Outgoing {
        let mut state = self.lock();
        state.queued = false;
        mem::take(&mut state.outgoing)
    }

    /// (connection) Of what was sent, `bytes` wait for a window.
    pub(crate) fn set_outstanding(&self, bytes: usize) {
        let mut state = self.lock();
        state.outstanding = bytes;
        let waker = (bytes < self.water).then(|| state.sender.take());
        drop(state);
        wake(waker.flatten());
    }

    /// (connection) Data of a stream.
    pub(crate) fn deliver(&self, data: Bytes) {
        let mut state = self.lock();
        state.unread += data.len();
        state.incoming.push(data);
        let waker = state.receiver.take();
        drop(state);
        wake(waker);
    }

    /// (connection) The other end has said everything, or `None`: the call failed.
    pub(crate) fn deliver_end(&self, outcome: Option<usize>) {
        let mut state = self.lock();
        state.end = Some(outcome);
        let wakers = (state.receiver.take(), state.sender.take());
        drop(state);
        wake(wakers.0);
        wake(wakers.1);
    }

    /// (connection)
    pub(crate) fn slot(&self) -> Option<usize> {
        (self.slot.load(Ordering::Relaxed) as usize).checked_sub(1)
    }

    /// (connection)
    pub(crate) fn set_slot(&self, slot: usize) {
        self.slot.store(slot as u32 + 1, Ordering::Relaxed);
    }
}

fn keep(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) if waker.will_wake(cx.waker()) => {}
        _ => *slot = Some(cx.waker().clone()),
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
