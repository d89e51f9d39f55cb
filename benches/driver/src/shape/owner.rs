//! (a) One task owns the connection: *drain, wake myself once, then flush*.

use super::{pause::Pause, queue::Queue};
use crate::{
    mailbox::Mailbox,
    setup::Setup,
    turn::{Role, Turn},
};
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};
use tokio::time::Sleep;

/// See the module. The only shape of a server, and one of a client's.
pub(crate) struct Owner<R: Role> {
    turn: Turn<R>,
    queue: Arc<Queue>,
    batch: Vec<Arc<Mailbox>>,
    pause: Pause,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<R: Role> Owner<R> {
    pub(crate) fn new(turn: Turn<R>, queue: Arc<Queue>, setup: &Setup) -> Owner<R> {
        Owner {
            turn,
            queue,
            batch: Vec::new(),
            pause: Pause::new(setup.yields),
            timer: None,
        }
    }

    fn drain(&mut self, now: Instant) -> bool {
        self.queue.take(&mut self.batch);
        let busy = !self.batch.is_empty();
        for mailbox in self.batch.drain(..) {
            self.turn.attend(now, mailbox);
        }
        busy
    }

    /// One lazily set timer for the earliest deadline of the connection.
    fn arm(&mut self, cx: &mut Context<'_>, now: Instant) {
        let Some(at) = self.turn.poll_timeout() else {
            return;
        };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at.into())));
        if timer.as_mut().poll(cx).is_ready() {
            self.turn.handle_timeout(now);
            if let Some(at) = self.turn.poll_timeout() {
                timer.as_mut().reset(at.into());
                let _ = timer.as_mut().poll(cx);
            }
        }
    }
}

impl<R: Role> Future for Owner<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let mut paused = ready!(this.pause.poll(cx));
        loop {
            let now = Instant::now();
            let mut busy = this.drain(now);
            if !paused {
                busy |= this.turn.read(cx, now);
            }
            if this.turn.is_over() {
                return Poll::Ready(());
            }
            if busy && !paused && this.pause.begin(cx) {
                return Poll::Pending;
            }
            let _ = this.turn.flush(cx, now);
            // Commands and writing raise events too: a sender may go on now.
            if std::mem::take(&mut paused) || busy || this.turn.process(cx, now) {
                continue;
            }
            this.arm(cx, now);
            this.turn.rest();
            if this.queue.rest(cx) {
                return Poll::Pending;
            }
        }
    }
}
