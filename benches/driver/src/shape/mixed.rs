//! (c) A caller that finds the driver at rest encodes and writes at once; the others submit.

use super::{pause::Pause, queue::Queue};
use crate::{
    mailbox::Mailbox,
    setup::Setup,
    turn::{Role, Turn},
};
use std::{
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Instant,
};

/// See the module.
pub(crate) struct Mixed<R> {
    queue: Queue,
    turn: Mutex<Turn<R>>,
}

impl<R: Role> Mixed<R> {
    pub(crate) fn new(turn: Turn<R>) -> Arc<Mixed<R>> {
        Arc::new(Mixed {
            queue: Queue::default(),
            turn: Mutex::new(turn),
        })
    }

    pub(crate) fn submit(&self, now: Instant, mailbox: Arc<Mailbox>) {
        if !self.queue.claim_idle() {
            return self.queue.push(mailbox);
        }
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        turn.attend(now, mailbox);
        // Nobody is to be woken for this write: if it blocks, the driver repeats it.
        let mut cx = Context::from_waker(Waker::noop());
        let blocked = turn.flush(&mut cx, now).is_pending();
        turn.process(&mut cx, now);
        if blocked || turn.wants_write() {
            self.queue.wake();
        }
    }

    pub(crate) async fn run(self: Arc<Self>, setup: Setup) {
        let mut pause = Pause::new(setup.yields);
        let mut batch = Vec::new();
        poll_fn(|cx| {
            let mut paused = ready!(pause.poll(cx));
            let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                let now = Instant::now();
                self.queue.take(&mut batch);
                let mut busy = !batch.is_empty();
                for mailbox in batch.drain(..) {
                    turn.attend(now, mailbox);
                }
                if !paused {
                    busy |= turn.read(cx, now);
                }
                if turn.is_over() {
                    return Poll::Ready(());
                }
                if busy && !paused && pause.begin(cx) {
                    return Poll::Pending;
                }
                let _ = turn.flush(cx, now);
                if std::mem::take(&mut paused) || busy || turn.process(cx, now) {
                    continue;
                }
                turn.rest();
                if self.queue.rest(cx) {
                    return Poll::Pending;
                }
            }
        })
        .await;
    }
}
