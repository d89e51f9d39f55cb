//! (b2) Callers lock the connection and encode; the first of a batch yields once and flushes for all.
//! A task only reads.

use super::pause::Pause;
use crate::{
    mailbox::Mailbox,
    setup::Yield,
    turn::{Role, Turn},
};
use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Instant,
};

/// See the module.
pub(crate) struct Locked<R> {
    inner: Mutex<Inner<R>>,
}

struct Inner<R> {
    turn: Turn<R>,
    /// Somebody has promised to flush.
    flush_owed: bool,
    /// The reader's.
    waker: Option<Waker>,
}

impl<R: Role> Locked<R> {
    pub(crate) fn new(turn: Turn<R>) -> Arc<Locked<R>> {
        Arc::new(Locked {
            inner: Mutex::new(Inner {
                turn,
                flush_owed: false,
                waker: None,
            }),
        })
    }

    /// Encodes. True: the caller is the first and owes the flush.
    pub(crate) fn submit(&self, now: Instant, mailbox: Arc<Mailbox>) -> bool {
        let mut inner = self.lock();
        inner.turn.attend(now, mailbox);
        !std::mem::replace(&mut inner.flush_owed, true)
    }

    /// Writes what is ready. What the socket does not take, the reader's task writes later.
    pub(crate) fn flush(&self, cx: &mut Context<'_>) {
        let now = Instant::now();
        let mut inner = self.lock();
        inner.flush_owed = false;
        let blocked = inner.turn.flush(cx, now).is_pending();
        inner.turn.process(cx, now);
        if (blocked || inner.turn.wants_write())
            && let Some(waker) = inner.waker.take()
        {
            waker.wake();
        }
    }

    /// The reader.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut pause = Pause::new(Yield::Once);
        poll_fn(|cx| {
            let mut paused = ready!(pause.poll(cx));
            let mut inner = self.lock();
            inner.waker = Some(cx.waker().clone());
            loop {
                let now = Instant::now();
                if paused {
                    inner.flush_owed = false;
                } else if inner.turn.read(cx, now) {
                    if inner.turn.is_over() {
                        return Poll::Ready(());
                    }
                    // What those who are awake now submit leaves with what reading has made.
                    inner.flush_owed = true;
                    pause.begin(cx);
                    return Poll::Pending;
                }
                let _ = inner.turn.flush(cx, now);
                if !inner.turn.process(cx, now) && !std::mem::take(&mut paused) {
                    inner.turn.rest();
                    return Poll::Pending;
                }
            }
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner<R>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
