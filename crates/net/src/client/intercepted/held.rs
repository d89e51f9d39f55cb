//! Interceptors being polled, and who keeps the deadline meanwhile.

use crate::call::{
    Context,
    intercept::{Outcome, OutcomeFuture, is_under_way, set_under_way},
};
use farcall_core::Status;
use std::{
    future::{Future, pending, poll_fn},
    pin::{Pin, pin},
    sync::{Mutex, PoisonError},
    task::{self, Poll, ready},
    time::Instant,
};
use tokio::{runtime::Handle, time::sleep_until};

/// The interceptors of a call, with the call inside.
///
/// While the call is on its way, its connection watches its deadline. While interceptors hold it back, somebody else must: they
/// may wait for something that never comes.
pub(crate) struct Held {
    // Locks that are never taken: calls may be shared between threads.
    chain: Mutex<OutcomeFuture>,
    guard: Option<Mutex<Guard>>,
    /// The call's own.
    deadline: Option<Instant>,
}

type Guard = Pin<Box<dyn Future<Output = Status> + Send>>;

impl Held {
    pub(crate) fn new(chain: OutcomeFuture, deadline: Option<Instant>) -> Held {
        Held {
            chain: Mutex::new(chain),
            guard: None,
            deadline,
        }
    }

    /// Polls the interceptors. The context that is current is the one whose end ends the call.
    pub(crate) fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Outcome> {
        let chain = self.chain.get_mut().unwrap_or_else(PoisonError::into_inner);
        set_under_way(false);
        if let Poll::Ready(outcome) = chain.as_mut().poll(cx) {
            return Poll::Ready(outcome);
        }
        match is_under_way() {
            true => Poll::Pending,
            false => self.poll_guard(cx).map(Err),
        }
    }

    #[cold]
    fn poll_guard(&mut self, cx: &mut task::Context<'_>) -> Poll<Status> {
        if self.guard.is_none() {
            let context = Context::current();
            if self.deadline.is_none() && context.is_none() {
                return Poll::Pending;
            }
            let outer = context.as_ref().and_then(Context::deadline);
            let deadline = [self.deadline, outer].into_iter().flatten().min();
            self.guard = Some(Mutex::new(Box::pin(guard(deadline, context))));
        }
        let Some(guard) = &mut self.guard else {
            return Poll::Pending;
        };
        let guard = guard.get_mut().unwrap_or_else(PoisonError::into_inner);
        guard.as_mut().poll(cx)
    }

    pub(super) fn into_chain(self) -> OutcomeFuture {
        self.chain
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until a call that is held back is of no use any more.
async fn guard(deadline: Option<Instant>, context: Option<Context>) -> Status {
    let passed = async {
        match deadline {
            // Without a runtime the call fails as soon as it is started.
            Some(deadline) if Handle::try_current().is_ok() => sleep_until(deadline.into()).await,
            _ => pending().await,
        }
    };
    let cancelled = async {
        match &context {
            Some(context) => context.cancelled().await,
            None => pending().await,
        }
    };
    let (mut passed, mut cancelled) = (pin!(passed), pin!(cancelled));
    poll_fn(|cx| {
        if passed.as_mut().poll(cx).is_ready() {
            let text = "the deadline passed while an interceptor held the call back";
            return Poll::Ready(Status::deadline_exceeded(text));
        }
        ready!(cancelled.as_mut().poll(cx));
        Poll::Ready(Status::cancelled("the call that it was made for has ended"))
    })
    .await
}
