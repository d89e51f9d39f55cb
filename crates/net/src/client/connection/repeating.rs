//! Attempts that have failed before their response began, and what follows them (gRFC A6).

use super::{
    super::{
        backoffs::Later,
        held::Held,
        news::{Disconnect, News},
        shared::closed,
    },
    ClientRole,
    call::Call,
};
use crate::{
    clock,
    transport::{Mailbox, mailbox::End},
};
use farcall_core::{
    Code, Status,
    call::client::trailers_only,
    retry::{Ended, Pushback},
};
use farcall_http2::{Connection, Headers, Reason, StreamKey};
use std::{sync::Arc, time::Instant};

/// What becomes of a call whose attempt has failed.
#[allow(clippy::large_enum_variant)] // it is looked at once and never kept
pub(super) enum Next {
    /// Another attempt.
    Attempt(Later),
    /// Nothing: nobody waits for it any more.
    Nothing,
    /// Its end; it has to be told.
    End(Call),
}

/// Asks the policy of a call.
#[cold]
pub(super) fn next(now: Instant, mut call: Call, ended: Ended) -> Next {
    let Some(held) = call.held.take() else {
        return Next::End(call);
    };
    let status = ended.status.clone();
    let retry = call.retry.as_mut();
    let Some(pause) = retry.and_then(|retry| retry.on_failure(ended, fastrand::f64())) else {
        return Next::End(call);
    };
    if let Some(picked) = call.picked {
        picked.done(&status);
    }
    let at = clock::after(now, pause);
    let mailbox = call.mailbox;
    match mailbox.start_over(held.again(call.retry, false)) {
        true => Next::Attempt(Later { at, mailbox }),
        false => Next::Nothing,
    }
}

impl Call {
    /// When the attempt is given up if its response has not begun.
    pub(super) fn attempt_deadline(&self) -> Option<Instant> {
        self.retry.as_ref()?.attempt_deadline()
    }

    /// Whether a policy has to be asked what follows this attempt.
    pub(super) fn has_policy(&self) -> bool {
        self.retry.is_some() && self.held.is_some()
    }
}

impl ClientRole {
    /// The response is one header list: whoever wants to know how the attempt has ended is told.
    pub(super) fn tell_refusal(&mut self, key: StreamKey, headers: &Headers) {
        if let Some(picked) = self.call(key).and_then(|call| call.picked.as_mut()) {
            picked.refused(headers);
        }
    }

    /// The response is one header list. True: another attempt follows, or nobody is interested.
    #[cold]
    pub(super) fn repeat_refusal(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        headers: &Headers,
    ) -> bool {
        let Some(call) = self.call(key).filter(|call| call.retry.is_some()) else {
            return false;
        };
        let (status, pushback) = (trailers_only(headers), Pushback::of(headers));
        if status.is_ok() || !call.has_policy() {
            call.settle(status.code(), pushback);
            return false;
        }
        let sending = call.sending;
        let Some(call) = self.remove(key) else {
            return false;
        };
        let code = status.code();
        let ended = Ended {
            status,
            pushback,
            timed_out: false,
        };
        let next = next(now, call, ended);
        if let Next::End(mut call) = next {
            call.settle(code, pushback);
            call.mailbox.set_slot(Some(key.slot()));
            self.calls[key.slot()] = Some(call);
            return false;
        }
        if sending {
            // What this side still had to say belongs to the next attempt.
            connection.reset(now, key, Reason::NO_ERROR);
        }
        self.follow(next);
        true
    }

    /// The stream of an attempt was reset. `Some`: the call ends so.
    #[cold]
    pub(super) fn repeat_reset(&mut self, now: Instant, call: Call, end: &End) -> Option<Call> {
        if !call.has_policy() {
            return Some(call);
        }
        let ended = Ended::from(end.status().unwrap_or(Status::OK));
        self.follow(next(now, call, ended))
    }

    /// The server goes away. Tells the calls that it has ended by that, or repeats them.
    #[cold]
    pub(super) fn tell_dismissed(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        dismissed: Vec<Call>,
        disconnect: &Arc<Disconnect>,
    ) {
        for call in dismissed {
            let status = Status::unavailable("the server went away before it processed the call")
                .with_cause(Arc::clone(disconnect));
            let (key, end) = (call.key, End::Failed(status));
            if let Some(call) = self.repeat_reset(now, call, &end) {
                let unreported = call.fail(end);
                connection.release(now, key, unreported);
            }
        }
    }

    /// The connection is gone. Tells the calls that it has cut, or repeats them.
    #[cold]
    pub(super) fn tell_orphans(&mut self, orphans: Vec<Call>, disconnect: &Arc<Disconnect>) {
        let now = clock::now();
        let status = match self.cut {
            true => closed(),
            false => Status::new(Code::Unavailable, "the connection was lost"),
        };
        let status = status.with_cause(Arc::clone(disconnect));
        let mut later = Vec::new();
        for call in orphans {
            let next = match self.cut {
                true => Next::End(call),
                false => next(now, call, status.clone().into()),
            };
            match next {
                Next::Attempt(attempt) => later.push(attempt),
                Next::Nothing => {}
                Next::End(call) => drop(call.fail(End::Failed(status.clone()))),
            }
        }
        if !later.is_empty() {
            self.reporter.tell(News::Later(later));
        }
    }

    /// The response of a call did not begin in the time that its attempts have.
    #[cold]
    pub(super) fn give_up_attempt(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
    ) {
        connection.reset(now, key, Reason::CANCEL);
        let Some(call) = self.remove(key) else { return };
        let status =
            Status::deadline_exceeded("the response did not begin in the time of an attempt");
        let ended = Ended {
            timed_out: true,
            ..status.clone().into()
        };
        if let Some(call) = self.follow(next(now, call, ended)) {
            let unreported = call.fail(End::Failed(status));
            connection.release(now, key, unreported);
        }
    }

    fn follow(&mut self, next: Next) -> Option<Call> {
        match next {
            Next::Attempt(later) => {
                self.reporter.tell(News::Later(vec![later]));
                None
            }
            Next::Nothing => None,
            Next::End(call) => Some(call),
        }
    }

    /// The server has not processed the call: the channel finds it another stream, here or on another connection.
    #[cold]
    pub(super) fn send_elsewhere(&mut self, call: Call, held: Held, going: bool) {
        if let Some(picked) = call.picked {
            picked.done(&Status::unavailable(
                "the server has not processed the call",
            ));
        }
        let mailbox: Arc<Mailbox> = call.mailbox;
        if !mailbox.start_over(held.again(call.retry, true)) {
            return;
        }
        match going {
            // The channel must hear of the GOAWAY first, or it would pick this connection again.
            true => self.refused.push(mailbox),
            false => self.reporter.tell(News::Unsent(vec![mailbox])),
        }
    }
}
