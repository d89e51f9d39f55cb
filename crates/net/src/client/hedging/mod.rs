//! One hedged call (gRFC A6): several attempts beside each other, of which one answers the caller.
//!
//! The caller's mailbox, the *front*, has this task for its driver; each attempt has a mailbox of its own, which the channel
//! gives to connections as it does with any call. What the caller sends goes to all attempts and is kept for those to come.
//! The first attempt whose response begins becomes the call: the others are cancelled, and what it says is passed on. Only
//! hedged calls have such a task.

mod request;

use super::{
    inbox::Order,
    outcome::{is_trailers_only, outcome},
    shared::{Shared, closed},
};
use crate::{
    clock,
    transport::{
        Mailbox, Submit,
        mailbox::{End, HIGH_WATER, Head, Incoming, Outgoing},
        submit,
        timer::Timer,
    },
};
use farcall_core::{
    Code, Status,
    call::client::trailers_only,
    retry::{Ended, HedgeState, Pushback},
};
use farcall_http2::{Reason, StreamKey};
use request::Request;
use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

/// See the module.
pub(super) struct Hedging {
    shared: Arc<Shared>,
    front: Arc<Mailbox>,
    /// What the caller's side asks for.
    submit: Arc<Submit<Mailbox>>,
    batch: Vec<Arc<Mailbox>>,
    /// What it asked for before the task began.
    first: Option<Outgoing>,
    request: Request,
    state: HedgeState,
    /// Those that have not ended; once the call is committed, the one that it is committed to.
    attempts: Vec<Arc<Mailbox>>,
    /// Bytes that the caller misses of a message.
    expect: usize,
    timer: Timer,
}

/// How far the task has come.
enum Step {
    /// There may be more to do.
    More,
    /// Nothing to do until somebody wakes the task.
    Rest,
    /// The call is over.
    Over,
}

impl Hedging {
    /// The task of a call that has not been sent. `None`: it is not hedged, and nothing was done.
    pub(super) fn of(shared: &Arc<Shared>, front: &Arc<Mailbox>) -> Option<Hedging> {
        if !front.is_hedged() || front.is_over() {
            return None;
        }
        let mut outgoing = front.take_outgoing();
        let Some(Head::Request {
            template,
            own_authority,
            retry: Some(retry),
            ..
        }) = outgoing.head.take()
        else {
            return None;
        };
        let plan = Arc::clone(retry.plan());
        let state = HedgeState::new(Arc::clone(&plan), retry.options())?;
        let submit = Arc::new(Submit::default());
        front.attach(&submit);
        Some(Hedging {
            shared: Arc::clone(shared),
            front: Arc::clone(front),
            submit,
            batch: Vec::new(),
            first: Some(outgoing),
            request: Request::new(
                front,
                template,
                own_authority,
                plan.of_attempt(),
                retry.options(),
            ),
            state,
            attempts: Vec::new(),
            expect: 0,
            timer: Timer::default(),
        })
    }

    /// Starts the attempts whose time has come.
    fn begin(&mut self, now: Instant) {
        while self.state.poll_attempt(now) {
            let mailbox = self.request.attempt(self.state.started() - 1);
            let notice = self.shared.picks.dispatch(&mailbox, usize::MAX);
            self.attempts.push(mailbox);
            if !notice.is_empty() {
                self.shared.inbox.order(Order::Notice(notice));
            }
            if self.request.is_too_large() {
                self.commit(0);
            }
        }
    }

    /// What the caller's side, and the channel, ask through.
    pub(super) fn submit(&self) -> &Arc<Submit<Mailbox>> {
        &self.submit
    }

    /// Hears what the caller's side wants. False: the channel is closed.
    #[must_use]
    fn listen(&mut self) -> bool {
        let request = self.submit.take(&mut self.batch);
        if request == submit::Request::Close {
            return false;
        }
        let asked = !mem::take(&mut self.batch).is_empty();
        let first = self.first.take();
        if !asked && first.is_none() {
            return true;
        }
        let more = if asked {
            self.front.take_outgoing()
        } else {
            Outgoing::default()
        };
        for outgoing in first.into_iter().chain([more]) {
            self.expect = self.expect.max(outgoing.expect);
            self.send(outgoing);
        }
        true
    }

    /// Sends to all attempts, and keeps for those to come.
    fn send(&mut self, mut outgoing: Outgoing) {
        let bytes = outgoing.data.size();
        if !self.state.is_committed() && !self.request.is_too_large() {
            let kept = self.state.keep(self.request.bytes() + bytes);
            if !kept {
                self.request.set_too_large();
            }
        }
        if self.request.is_too_large() && !self.state.is_committed() && !self.attempts.is_empty() {
            // All have been given the same; the first one has had most time for it.
            self.commit(0);
        }
        let committed = self.state.is_committed();
        self.request.send(
            &mut outgoing.data,
            outgoing.finish,
            &self.attempts,
            committed,
        );
    }

    /// Makes an attempt the call, and ends the others.
    fn commit(&mut self, index: usize) {
        let winner = self.attempts.remove(index);
        self.cancel();
        self.attempts.push(winner);
        self.state.commit();
        self.front.commit();
        self.front.set_previous(&self.state.take_previous());
        self.request.forget();
    }

    fn cancel(&mut self) {
        for attempt in self.attempts.drain(..) {
            attempt.close(Reason::CANCEL);
        }
    }

    /// Looks at the attempts until the response of one begins.
    fn race(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        let deadline = self.front.deadline();
        if deadline.is_some_and(|deadline| deadline <= now) {
            let status = "the deadline passed before any attempt of the call was answered";
            return self.end(Incoming {
                end: Some(End::Failed(Status::deadline_exceeded(status))),
                ..Incoming::default()
            });
        }
        self.begin(now);
        if self.state.is_committed() {
            return Step::More;
        }
        for index in 0..self.attempts.len() {
            let Poll::Ready(incoming) = self.attempts[index].poll_receive(cx, 0) else {
                continue;
            };
            let Some(ended) = self.failure(&incoming) else {
                self.commit(index);
                return self.pass(incoming);
            };
            self.attempts.remove(index);
            self.state.on_failure(now, ended);
            self.begin(now);
            return match self.state.is_over() {
                true => self.end(incoming),
                false => Step::More,
            };
        }
        self.let_send(cx);
        let wake = [self.state.poll_timeout(), deadline];
        if let Some(at) = wake.into_iter().flatten().min() {
            self.timer.arm(at, cx);
        }
        Step::Rest
    }

    /// How an attempt has failed, if this is no response.
    fn failure(&self, incoming: &Incoming) -> Option<Ended> {
        if let Some(head) = &incoming.head {
            if !is_trailers_only(incoming) {
                return None;
            }
            let status = trailers_only(head);
            return (!status.is_ok()).then(|| Ended {
                status,
                pushback: Pushback::of(head),
                timed_out: false,
            });
        }
        let nothing = || Status::from_static(Code::Unknown, "the response says nothing");
        let status = incoming.end.as_ref().and_then(End::status);
        let mut ended = Ended::from(status.unwrap_or_else(nothing));
        // The call's deadline has not passed, or the race would be over.
        ended.timed_out = self.state.attempt_timeout().is_some()
            && matches!(incoming.end, Some(End::Failed(_)))
            && ended.status.code() == Code::DeadlineExceeded;
        Some(ended)
    }

    /// All attempts have failed, or nothing can come of them: the call ends as the last one did.
    fn end(&mut self, last: Incoming) -> Step {
        self.cancel();
        self.front.set_previous(&self.state.take_previous());
        self.tell_end(last);
        Step::Over
    }

    /// Passes on what the winner says.
    fn relay(&mut self, cx: &mut Context<'_>) -> Step {
        let Some(winner) = self.attempts.first().cloned() else {
            return Step::Over;
        };
        // What the caller does not read holds the server back; reading wakes this task.
        while self.front.unread() < HIGH_WATER {
            let missing = mem::take(&mut self.expect);
            let Poll::Ready(incoming) = winner.poll_receive(cx, missing) else {
                break;
            };
            if let Step::Over = self.pass(incoming) {
                return Step::Over;
            }
        }
        self.let_send(cx);
        Step::Rest
    }

    fn pass(&mut self, mut incoming: Incoming) -> Step {
        if is_trailers_only(&incoming) {
            self.tell_end(incoming);
            return Step::Over;
        }
        if let Some(head) = incoming.head.take() {
            self.front.hand_over(Incoming {
                head: Some(head),
                ..Incoming::default()
            });
        }
        while let Some(data) = incoming.data.pop() {
            self.front.deliver_data(data);
        }
        if incoming.end.is_none() {
            return Step::More;
        }
        self.tell_end(incoming);
        Step::Over
    }

    /// The caller's end of the call.
    fn tell_end(&mut self, last: Incoming) {
        let Some(end) = last.end else { return };
        let trailers = last.trailers.as_ref().or(last.head.as_ref());
        if self.state.is_committed() {
            let (code, pushback) = outcome(trailers.map(|trailers| &**trailers), &end);
            self.state.on_end(code, pushback);
        }
        match last.head {
            Some(head) => self.front.deliver_trailers_only(head, StreamKey::NONE),
            None => drop(
                self.front
                    .deliver_end(last.trailers, end, Some(StreamKey::NONE)),
            ),
        }
    }

    /// The caller may go on sending when one attempt can take it.
    fn let_send(&mut self, cx: &mut Context<'_>) {
        let mut attempts = self.attempts.iter();
        if attempts.any(|attempt| attempt.poll_capacity(cx).is_ready()) {
            self.front.set_outstanding(0, Vec::new());
        }
    }
}

impl Future for Hedging {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            let now = clock::now();
            this.timer.elapsed(now);
            if !this.state.is_committed() {
                this.begin(now);
            }
            let open = this.listen();
            if this.front.is_over() {
                return Poll::Ready(());
            }
            if !open {
                this.end(Incoming {
                    end: Some(End::Failed(closed())),
                    ..Incoming::default()
                });
                return Poll::Ready(());
            }
            let step = match this.state.is_committed() {
                true => this.relay(cx),
                false => this.race(cx, now),
            };
            match step {
                Step::Over => return Poll::Ready(()),
                Step::Rest if this.submit.rest(cx, submit::Request::None) => return Poll::Pending,
                Step::Rest | Step::More => {}
            }
        }
    }
}

impl Drop for Hedging {
    fn drop(&mut self) {
        self.cancel();
        self.submit.close();
        if !self.front.is_over() {
            // The runtime has ended.
            let end = End::Failed(closed());
            self.front.deliver_end(None, end, Some(StreamKey::NONE));
        }
    }
}
