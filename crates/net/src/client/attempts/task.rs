//! A preparation that has to wait, in a task of its own.

use super::work::{Work, poll};
use crate::{
    client::{
        inbox::Order,
        picker_cell::Notice,
        shared::{Shared, closed},
    },
    clock,
    transport::{
        Mailbox, Submit,
        deadline::{Awaited, exceeded},
        mailbox::Begun,
        submit,
        timer::Timer,
    },
};
use farcall_core::Status;
use farcall_lb::ConnectivityState;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::runtime::Handle;

/// While an attempt is prepared, this task is to its call what a driver is to others: it hears of its end, and keeps the deadline.
struct Task {
    work: Work,
    mailbox: Arc<Mailbox>,
    /// What the caller's side tells.
    submit: Arc<Submit<Mailbox>>,
    batch: Vec<Arc<Mailbox>>,
    timer: Timer,
    shared: Arc<Shared>,
    shut_down: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Goes on with `work` until it is done, and dispatches the call then.
#[cold]
pub(super) fn spawn(work: Work, mailbox: &Arc<Mailbox>, shared: &Arc<Shared>) -> Begun {
    let Ok(runtime) = Handle::try_current() else {
        return Begun::Failed(Status::failed_precondition("calls need a tokio runtime"));
    };
    let submit = Arc::new(Submit::default());
    mailbox.attach(&submit);
    runtime.spawn(Task {
        work,
        mailbox: Arc::clone(mailbox),
        submit,
        batch: Vec::new(),
        timer: Timer::default(),
        shut_down: Box::pin(shut_down(Arc::clone(shared))),
        shared: Arc::clone(shared),
    });
    Begun::Waits
}

async fn shut_down(shared: Arc<Shared>) {
    let mut state = shared.picks.state();
    while state != ConnectivityState::Shutdown {
        state = shared.picks.state_other_than(state).await;
    }
}

impl Task {
    /// What has become of the attempt. `None`: nobody waits for it any more.
    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), Status>>> {
        loop {
            let now = clock::now();
            self.timer.elapsed(now);
            self.submit.take(&mut self.batch);
            self.batch.clear();
            if self.mailbox.looked_at() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(outcome) = poll(&mut self.work, cx) {
                let prepared = outcome.map(|prepared| {
                    self.mailbox.unattach();
                    self.mailbox.set_prepared(prepared);
                });
                return Poll::Ready(Some(prepared));
            }
            if let Some(deadline) = self.mailbox.deadline() {
                if deadline <= now {
                    self.mailbox.unattach();
                    self.mailbox.fail(exceeded(Awaited::Preparation));
                    return Poll::Ready(None);
                }
                self.timer.arm(deadline, cx);
            }
            if self.shut_down.as_mut().poll(cx).is_ready() {
                self.mailbox.unattach();
                self.mailbox.fail(closed());
                return Poll::Ready(None);
            }
            if self.submit.rest(cx, submit::Request::None) {
                return Poll::Pending;
            }
        }
    }

    fn dispatch(&self) {
        let limit = match self.mailbox.attempts_before() {
            0 => self.shared.settings.max_queued,
            _ => usize::MAX,
        };
        let notice = self.shared.picks.dispatch(&self.mailbox, limit);
        self.tell(notice);
    }

    fn fail(&self, status: Status) {
        self.mailbox.unattach();
        match self.mailbox.pick_failed(&status, fastrand::f64()) {
            None => self.mailbox.fail(status),
            Some(pause) => self.tell(Notice::of(clock::after(clock::now(), pause), &self.mailbox)),
        }
    }

    fn tell(&self, notice: Notice) {
        if !notice.is_empty() {
            self.shared.inbox.order(Order::Notice(notice));
        }
    }
}

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        match ready!(this.poll_outcome(cx)) {
            None => {}
            Some(Ok(())) => this.dispatch(),
            Some(Err(status)) => this.fail(status),
        }
        Poll::Ready(())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.submit.close();
        if self.mailbox.is_with(&self.submit) {
            // The runtime has ended.
            self.mailbox.unattach();
            self.mailbox.fail(closed());
        }
    }
}
