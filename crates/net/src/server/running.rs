//! Handlers at work: in tasks of their own, or for one poll in the driver's.

use super::{guarded::guarded, handler::Route, overload::Permit, shared::Shared};
use crate::{
    call::{Context, Reply, Terms, handler::HandlerFuture, reply::Special},
    clock,
    log::Trouble,
    transport::{
        Mailbox,
        mailbox::{Finish, Head, Outgoing},
    },
};
use farcall_core::Status;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{self, Poll, Waker, ready},
};
use tokio::task::unconstrained;

/// Polls a handler once where it stands, with a cooperation budget of its own. Nobody is woken if it
/// waits: it moves to a task, which polls it again.
pub(super) fn poll_inline(
    context: &mut Option<Context>,
    future: &mut HandlerFuture,
) -> Poll<Result<Reply, Status>> {
    let mut cx = task::Context::from_waker(Waker::noop());
    let mut future = unconstrained(future.as_mut());
    match guarded(|| Context::enter(context, || Pin::new(&mut future).poll(&mut cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(reply)) => Poll::Ready(Ok(reply)),
        Err(panic) => Poll::Ready(Err(panic)),
    }
}

/// How many handlers one connection may keep busy. A slot is given back when the handler is gone, not when
/// its stream is: resetting streams does not buy more handlers (CVE-2023-44487).
pub(super) struct Slots {
    taken: Arc<()>,
    limit: usize,
}

impl Slots {
    pub(super) fn new(limit: usize) -> Slots {
        Slots {
            taken: Arc::new(()),
            limit,
        }
    }

    pub(super) fn is_free(&self) -> bool {
        Arc::strong_count(&self.taken) <= self.limit
    }

    pub(super) fn take(&self, permit: Option<Permit>) -> Slot {
        Slot {
            _permit: permit,
            _taken: Arc::clone(&self.taken),
        }
    }
}

/// One running handler.
pub(super) struct Slot {
    _permit: Option<Permit>,
    _taken: Arc<()>,
}

/// A handler in its own task.
pub(super) struct Running {
    future: HandlerFuture,
    mailbox: Arc<Mailbox>,
    context: Option<Context>,
    /// Until the first poll, which is measured.
    untried: bool,
    route: Arc<Route>,
    _slot: Slot,
    shared: Arc<Shared>,
    terms: Arc<Terms>,
}

impl Running {
    pub(super) fn new(
        future: HandlerFuture,
        mailbox: Arc<Mailbox>,
        route: Arc<Route>,
        slot: Slot,
        (shared, terms): (Arc<Shared>, Arc<Terms>),
    ) -> Running {
        Running {
            future,
            context: Some(Context::new(Arc::clone(&mailbox))),
            mailbox,
            untried: true,
            route,
            _slot: slot,
            shared,
            terms,
        }
    }
}

impl Future for Running {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let future = this.future.as_mut();
        let polled = if std::mem::take(&mut this.untried) {
            let start = clock::now();
            let polled = guarded(|| Context::enter(&mut this.context, || future.poll(cx)));
            let end = clock::now();
            this.route.earned.record(end, end - start);
            polled
        } else {
            guarded(|| Context::enter(&mut this.context, || future.poll(cx)))
        };
        let reply = match polled {
            Ok(polled) => ready!(polled),
            Err(panic) => {
                this.shared
                    .log
                    .report(Trouble::Panic, &this.terms.peer, &panic);
                Reply::broken(panic)
            }
        };
        let bytes = reply.data.as_ref().map_or(0, |data| data.len());
        this.mailbox.send(bytes, |outgoing: &mut Outgoing| {
            if reply.head.is_some() {
                outgoing.head = reply.head.map(Head::Response);
            }
            if let Some(data) = reply.data {
                outgoing.data.push(data);
            }
            outgoing.finish = match reply.special {
                Special::Broken(status) => Finish::Broken(*status),
                _ => Finish::Trailers(reply.trailers),
            };
        });
        Poll::Ready(())
    }
}
