//! The start of a stream whose interceptors may wait.

use super::Held;
use crate::call::{
    Context,
    intercept::{Link, OutcomeFuture},
};
use farcall_core::Status;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{self, Poll, Waker},
    thread,
    time::Instant,
};
use tokio::runtime::Handle;

/// Polls the interceptors of a stream: once here; if they hold the call back, in a task, until they let it go on.
pub(super) fn begin(chain: OutcomeFuture, link: &Arc<Link>, deadline: Option<Instant>) {
    let mut begin = Begin {
        held: Some(Held::new(chain, deadline)),
        context: Context::current(),
        link: Arc::clone(link),
    };
    let mut cx = task::Context::from_waker(Waker::noop());
    if Pin::new(&mut begin).poll(&mut cx).is_ready() {
        return;
    }
    match Handle::try_current() {
        Ok(runtime) => link.set_task(runtime.spawn(begin).abort_handle()),
        Err(_) => {
            begin.held = None;
            link.finish(Err(Status::failed_precondition(
                "calls need a tokio runtime",
            )));
        }
    }
}

struct Begin {
    /// Until the call has been started.
    held: Option<Held>,
    /// What the call was made for.
    context: Option<Context>,
    link: Arc<Link>,
}

impl Future for Begin {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Some(held) = &mut this.held else {
            return Poll::Ready(());
        };
        match Context::enter(&mut this.context, || held.poll(cx)) {
            Poll::Ready(outcome) => {
                this.held = None;
                this.link.finish(outcome);
            }
            Poll::Pending if this.link.opened().is_some() => {
                if let Some(held) = this.held.take() {
                    this.link.hand_over(held.into_chain());
                }
            }
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(())
    }
}

impl Drop for Begin {
    fn drop(&mut self) {
        if self.held.is_some() {
            let status = match thread::panicking() {
                true => Status::internal("an interceptor panicked"),
                false => Status::cancelled("the call was dropped before it was started"),
            };
            self.link.finish(Err(status));
        }
    }
}
