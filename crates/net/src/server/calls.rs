//! The open calls of one connection.

use super::handler::Route;
use crate::{
    call::Accepted,
    transport::{
        Mailbox,
        mailbox::{Cancelled, End},
    },
};
use bytes::Bytes;
use farcall_core::call::server::{Rejection, RequestMachine};
use farcall_http2::StreamKey;
use std::{sync::Arc, time::Instant};
use tokio::task::AbortHandle;

/// A call from its request head to its trailers.
pub(super) struct Call {
    pub(super) key: StreamKey,
    pub(super) deadline: Option<Instant>,
    pub(super) state: State,
}

pub(super) enum State {
    /// A unary request is arriving.
    Gathering {
        accepted: Arc<Accepted>,
        route: Arc<Route>,
        /// Made only for a message that does not arrive in one piece.
        machine: Option<Box<RequestMachine>>,
    },
    /// The handler has the mailbox.
    Running {
        mailbox: Arc<Mailbox>,
        task: AbortHandle,
        route: Arc<Route>,
        head_sent: bool,
    },
    /// Not a gRPC request. The answer waits for the request's end, so that what is wrong with the rest of it as
    /// HTTP/2 is still found (an answer at once would end the stream), but not for long.
    Rejected(Box<Rejection>),
    /// Answered; buffered bytes may wait for the caller's window.
    Answered,
}

/// A request that its handler can start with.
pub(super) struct Arrived {
    pub(super) accepted: Arc<Accepted>,
    pub(super) route: Arc<Route>,
    /// Empty if the method streams its requests.
    pub(super) message: Bytes,
    pub(super) compressed: bool,
}

impl Call {
    /// The caller is gone, or its time is up: the handler is dropped at its next await, or told, if it runs to
    /// completion. Answers the bytes that it has read and not reported.
    #[must_use]
    pub(super) fn cancel(self, cause: Cancelled, end: End) -> usize {
        if let State::Running {
            mailbox,
            task,
            route,
            ..
        } = self.state
        {
            mailbox.set_slot(None);
            let unreported = mailbox.deliver_end(None, end, Some(self.key));
            mailbox.cancel_context(cause);
            if !route.run_to_completion {
                task.abort();
            }
            return unreported;
        }
        0
    }
}

/// The calls by the slot of their stream.
#[derive(Default)]
pub(super) struct Calls {
    slots: Vec<Option<Call>>,
}

impl Calls {
    /// The live call that the key names.
    pub(super) fn find(&mut self, key: StreamKey) -> Option<&mut Call> {
        self.slots
            .get_mut(key.slot())?
            .as_mut()
            .filter(|call| call.key == key)
    }

    /// The key of the call in a slot.
    pub(super) fn key(&self, slot: usize) -> Option<StreamKey> {
        Some(self.slots.get(slot)?.as_ref()?.key)
    }

    pub(super) fn insert(&mut self, call: Call) {
        let slot = call.key.slot();
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, || None);
        }
        self.slots[slot] = Some(call);
    }

    pub(super) fn remove(&mut self, key: StreamKey) -> Option<Call> {
        self.find(key)?;
        self.slots[key.slot()].take()
    }

    /// The calls that are answered, and how many are not. Of the former some have left whole meanwhile.
    pub(super) fn answered(&self) -> (Vec<StreamKey>, usize) {
        let calls = self.slots.iter().flatten();
        let answered: Vec<_> = calls
            .filter(|call| matches!(call.state, State::Answered))
            .map(|call| call.key)
            .collect();
        let others = self.slots.iter().flatten().count() - answered.len();
        (answered, others)
    }

    /// The calls that are at their handlers.
    pub(super) fn running(&self) -> impl Iterator<Item = (StreamKey, &Mailbox)> {
        let calls = self.slots.iter().flatten();
        calls.filter_map(|call| match &call.state {
            State::Running { mailbox, .. } => Some((call.key, &**mailbox)),
            _ => None,
        })
    }

    /// The methods of the calls that are not answered.
    pub(super) fn methods(&self) -> impl Iterator<Item = &str> {
        let calls = self.slots.iter().flatten();
        calls.filter_map(|call| match &call.state {
            State::Gathering { route, .. } | State::Running { route, .. } => {
                Some(route.descriptor.path())
            }
            State::Rejected(_) | State::Answered => None,
        })
    }

    /// Takes out all calls.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Call> {
        self.slots.drain(..).flatten()
    }

    /// Takes out the calls whose deadline has passed; also the earliest deadline of the others.
    pub(super) fn expired(&mut self, now: Instant) -> (Vec<Call>, Option<Instant>) {
        let (mut expired, mut next) = (Vec::new(), None::<Instant>);
        for slot in &mut self.slots {
            match slot.as_ref().and_then(|call| call.deadline) {
                Some(deadline) if deadline <= now => expired.extend(slot.take()),
                Some(deadline) => next = Some(next.map_or(deadline, |next| next.min(deadline))),
                None => {}
            }
        }
        (expired, next)
    }
}
