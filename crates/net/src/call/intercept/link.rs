//! What the halves of a client's stream and its interceptors share.
//!
//! The halves exist at once, the call does not before its interceptors let it go on. Until then the halves wait at the link, and a
//! task polls the interceptors; from then on the receiving half does, and tells them of the end.

use super::{
    super::hooks::{HeadHooks, MessageHooks, Watch},
    answer::{Outcome, OutcomeFuture},
};
use crate::transport::{Mailbox, mailbox::Finish};
use farcall_core::Status;
use farcall_http2::Reason;
use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};
use tokio::task::AbortHandle;

/// See the module.
#[derive(Default)]
pub(crate) struct Link {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: Phase,
    watch: Watch,
    /// The interceptors, for the receiving half.
    chain: Option<OutcomeFuture>,
    /// The interceptors are over; for the receiving half.
    outcome: Option<Outcome>,
    /// How the call itself has ended; for the interceptors.
    end: Option<Outcome>,
    interceptors: Option<Waker>,
    receiver: Option<Waker>,
    sender: Option<Waker>,
    task: Option<AbortHandle>,
}

#[derive(Default)]
enum Phase {
    #[default]
    Waiting,
    /// The sender is done, before the call was started.
    HalfClosed,
    Started(Opened),
    /// Never started, or not to be.
    Over,
}

/// A call that has been started.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) max_receive: usize,
}

impl Link {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call, if it has been started.
    pub(crate) fn opened(&self) -> Option<Opened> {
        match &self.lock().phase {
            Phase::Started(opened) => Some(opened.clone()),
            _ => None,
        }
    }

    /// (the end of the interceptors) The call has been started.
    pub(crate) fn start(&self, opened: Opened, watch: Watch) {
        let mut state = self.lock();
        let mailbox = Arc::clone(&opened.mailbox);
        state.watch = watch;
        let before = mem::replace(&mut state.phase, Phase::Started(opened));
        let sender = state.sender.take();
        drop(state);
        match before {
            Phase::HalfClosed => half_close(&mailbox),
            Phase::Over => cancel(&mailbox),
            Phase::Waiting | Phase::Started(_) => {}
        }
        wake(sender);
    }

    /// (the end of the interceptors) Waits for the end of the call.
    pub(crate) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = self.lock();
        match state.end.take() {
            Some(end) => Poll::Ready(end),
            None => {
                state.interceptors = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// The task that polls the interceptors until they let the call go on.
    pub(crate) fn set_task(&self, task: AbortHandle) {
        let mut state = self.lock();
        if let Phase::Over = state.phase {
            task.abort();
        }
        state.task = Some(task);
    }

    /// The call has been started: the receiving half polls the interceptors from now on.
    pub(crate) fn hand_over(&self, chain: OutcomeFuture) {
        let mut state = self.lock();
        state.chain = Some(chain);
        let receiver = state.receiver.take();
        drop(state);
        wake(receiver);
    }

    /// The interceptors are over before the call was started, or before the receiving half had them.
    pub(crate) fn finish(&self, outcome: Outcome) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Started(_)) {
            state.phase = Phase::Over;
        }
        state.outcome.get_or_insert(outcome);
        let wakers = [state.receiver.take(), state.sender.take()];
        drop(state);
        wakers.into_iter().for_each(wake);
    }

    /// Ends the call from this side.
    pub(crate) fn cancel(&self, status: Status) {
        let mut state = self.lock();
        if let Phase::Started(opened) = &state.phase {
            let mailbox = Arc::clone(&opened.mailbox);
            drop(state);
            return cancel(&mailbox);
        }
        let task = state.task.take();
        drop(state);
        self.finish(Err(status));
        if let Some(task) = task {
            task.abort();
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn half_close(mailbox: &Arc<Mailbox>) {
    mailbox.send(0, |outgoing| outgoing.finish = Finish::HalfClose);
}

fn cancel(mailbox: &Arc<Mailbox>) {
    mailbox.cancel(Reason::CANCEL, || {
        Status::cancelled("the call was cancelled")
    });
}

/// The sending half's side.
pub(crate) struct Gate(Arc<Link>);

impl Gate {
    pub(crate) fn new(link: &Arc<Link>) -> Gate {
        Gate(Arc::clone(link))
    }

    /// Waits until the call has been started; `None`: it will not be.
    pub(crate) fn poll_open(&self, cx: &mut Context<'_>) -> Poll<Option<(Opened, MessageHooks)>> {
        let mut state = self.0.lock();
        if let Phase::Started(opened) = &state.phase {
            let opened = opened.clone();
            let hooks = mem::take(&mut state.watch.requests);
            return Poll::Ready(Some((opened, hooks)));
        }
        if let Phase::Over = state.phase {
            return Poll::Ready(None);
        }
        state.sender = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) fn half_close(&self) {
        let mut state = self.0.lock();
        match &state.phase {
            Phase::Waiting => state.phase = Phase::HalfClosed,
            Phase::Started(opened) => {
                let mailbox = Arc::clone(&opened.mailbox);
                drop(state);
                half_close(&mailbox);
            }
            Phase::HalfClosed | Phase::Over => {}
        }
    }

    pub(crate) fn cancel(&self, status: Status) {
        self.0.cancel(status);
    }
}

/// The receiving half's side.
pub(crate) struct Around {
    link: Arc<Link>,
    /// A lock that is never taken, since halves may be shared between threads.
    chain: Option<Mutex<OutcomeFuture>>,
    responses: MessageHooks,
    heads: HeadHooks,
}

impl Around {
    pub(crate) fn new(link: &Arc<Link>) -> Around {
        Around {
            link: Arc::clone(link),
            chain: None,
            responses: MessageHooks::default(),
            heads: HeadHooks::default(),
        }
    }

    /// Waits until the receiving half has the interceptors: `Some` call the first time. Or they are over.
    pub(crate) fn poll_begun(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Opened>, Outcome>> {
        if self.chain.is_some() {
            return Poll::Ready(Ok(None));
        }
        let mut state = self.link.lock();
        if let Some(chain) = state.chain.take() {
            self.chain = Some(Mutex::new(chain));
            self.responses = mem::take(&mut state.watch.responses);
            self.heads = mem::take(&mut state.watch.heads);
            let Phase::Started(opened) = &state.phase else {
                return Poll::Ready(Ok(None));
            };
            return Poll::Ready(Ok(Some(opened.clone())));
        }
        if let Some(outcome) = state.outcome.take() {
            return Poll::Ready(Err(outcome));
        }
        state.receiver = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Polls the interceptors, which may be over before the call is.
    pub(crate) fn poll_chain(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Some(chain) = &mut self.chain else {
            return Poll::Pending;
        };
        let chain = chain.get_mut().unwrap_or_else(PoisonError::into_inner);
        let outcome = ready!(chain.as_mut().poll(cx));
        self.chain = None;
        Poll::Ready(outcome)
    }

    /// Tells the interceptors how the call has ended.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        let mut state = self.link.lock();
        state.end = Some(outcome);
        let waker = state.interceptors.take();
        drop(state);
        wake(waker);
    }

    pub(crate) fn responses(&mut self) -> &mut MessageHooks {
        &mut self.responses
    }

    pub(crate) fn heads(&mut self) -> &mut HeadHooks {
        &mut self.heads
    }

    pub(crate) fn cancel(&self, status: Status) {
        self.link.cancel(status);
    }

    /// Whether nothing that is sent would be of use.
    pub(crate) fn is_over(&self) -> bool {
        match &self.link.lock().phase {
            Phase::Waiting | Phase::HalfClosed => false,
            Phase::Started(opened) => opened.mailbox.is_over(),
            Phase::Over => true,
        }
    }
}

impl Drop for Around {
    fn drop(&mut self) {
        self.link.cancel(Status::cancelled("the call was dropped"));
    }
}
