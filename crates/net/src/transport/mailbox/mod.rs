//! What one stream's task and the driver of its connection share: two small boxes behind one short lock.
//!
//! The task (a caller or a handler) puts what it wants to send into the *outgoing* box and hands the
//! mailbox to the driver's [`Submit`] queue; the driver puts what arrived into the *incoming* box and
//! wakes the task when that is what it waits for. Nobody holds the lock over an await, user code or I/O.

mod context;
mod driving;
mod preparation;
mod receiving;
mod repeating;
mod route;
mod sending;

pub(crate) use driving::{Nothing, Unsent};
pub(crate) use preparation::{Begun, Preparation};
pub(crate) use route::{Configured, Kept, Late, Route, earlier, too_large};
pub(crate) use sending::Entered;

use super::{chunks::Chunks, picked::Picked, pieces::Pieces, submit::Submit};
use bytes::Bytes;
use farcall_core::{
    Code, Status,
    call::{HeaderList, client::RequestTemplate},
    retry::RetryState,
};
use farcall_http2::{Headers, PeerMisbehaved, Reason, ResetCause, StreamKey};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, atomic::AtomicU32},
    task::{Context, Waker},
    time::Instant,
};
use tokio::sync::Notify;

/// Bytes on their way to the wire above which a sender waits.
pub(crate) const HIGH_WATER: usize = 64 << 10;
/// Bytes read after which credit is handed to the driver although nothing else is.
const RELEASE_THRESHOLD: usize = 16 << 10;
/// Missing bytes of an announced message from which the driver is asked to grant window for it.
const EXPECT_THRESHOLD: usize = 16 << 10;

/// The first header list that is sent.
#[derive(Debug)]
pub(crate) enum Head {
    /// A request's, to be completed with what is left of the deadline, and with the metadata in the mailbox's route, when it
    /// goes out.
    Request {
        template: RequestTemplate,
        /// The `:authority` is the call's own, not the channel's: the connection has to allow it.
        own_authority: bool,
        /// It was sent before and not processed (gRFC A6): not a third time.
        refused: bool,
        /// Of calls with a policy for failed attempts, or with anything else to be counted of them.
        retry: Option<RetryState>,
        /// What the pick says about the attempt.
        picked: Option<Box<Picked>>,
    },
    Response(HeaderList),
}

impl Head {
    /// What the pick says about the attempt.
    pub(crate) fn take_picked(&mut self) -> Option<Box<Picked>> {
        match self {
            Head::Request { picked, .. } => picked.take(),
            Head::Response(_) => None,
        }
    }
}

/// How the sending side ends.
#[derive(Debug, Default)]
pub(crate) enum Finish {
    /// Not yet.
    #[default]
    Open,
    /// END_STREAM on the last DATA (client).
    HalfClose,
    /// A trailer list with END_STREAM (server).
    Trailers(HeaderList),
    /// The handler is gone without an answer (server): the driver knows which list that makes.
    Broken(Status),
}

/// What the task wants the driver to do. Taken whole.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    pub(crate) head: Option<Head>,
    pub(crate) data: Chunks,
    pub(crate) finish: Finish,
    pub(crate) reset: Option<Reason>,
    /// Bytes read by the task since the last look.
    pub(crate) release: usize,
    /// Bytes missing of the message that the task waits for.
    pub(crate) expect: usize,
}

impl Outgoing {
    fn append(&mut self, newer: Outgoing) {
        self.data.append(newer.data);
        if !matches!(newer.finish, Finish::Open) {
            self.finish = newer.finish;
        }
        self.reset = self.reset.or(newer.reset);
        self.release += newer.release;
        self.expect = newer.expect.max(self.expect);
    }
}

/// How the receiving side ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// END_STREAM.
    Eof,
    /// RST_STREAM by the peer, or by us for the peer's crime, or the end of the connection.
    Reset(Reason, ResetCause),
    /// A local end: deadline, cancel, no connection.
    Failed(Status),
}

impl End {
    /// (client) The status of a call that ended so; `None` if its trailers say it.
    pub(crate) fn status(&self) -> Option<Status> {
        match self {
            End::Eof => None,
            End::Reset(_, ResetCause::GoAway) => Some(Status::unavailable(
                "the server went away before it processed the call",
            )),
            End::Reset(_, ResetCause::Misbehaved(crime)) => Some(misbehaved(*crime)),
            End::Reset(reason, _) => Some(Status::new(
                Code::from_reset(*reason),
                format!("stream was reset with {reason}"),
            )),
            End::Failed(status) => Some(status.clone()),
        }
    }
}

/// What a response that breaks a rule comes to. One that passes a limit of ours is exhausting and not broken, as messages
/// are that are too large; C-core says the same, grpc-go `INTERNAL`.
#[cold]
fn misbehaved(crime: PeerMisbehaved) -> Status {
    match crime {
        PeerMisbehaved::HeaderListTooLarge => Status::resource_exhausted(format!(
            "the server's metadata is larger than max_header_list_size allows: {crime}"
        )),
        _ => Status::internal(format!("the server broke the protocol: {crime}")),
    }
}

/// What arrived and was not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    pub(crate) head: Option<Arc<Headers>>,
    pub(crate) data: Pieces,
    pub(crate) trailers: Option<Arc<Headers>>,
    /// In place of all that: the only message of a response that had nothing else to say.
    pub(crate) message: Option<Bytes>,
    pub(crate) end: Option<End>,
}

/// What wakes the receiving task.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Interest {
    /// Anything that arrives.
    #[default]
    Any,
    /// Only the end: a unary response is of use only when it is complete.
    End,
}

/// Why a call's context was cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cancelled {
    /// The caller went away, or this end gave the call up.
    Cancelled,
    /// The deadline passed.
    Deadline,
}

#[derive(Default)]
struct State {
    /// The connection's queue; `None` while the call waits for a connection.
    submit: Option<Arc<Submit<Mailbox>>>,
    /// In the submission queue, not yet looked at.
    queued: bool,
    outgoing: Outgoing,
    /// Bytes accepted from the task that are not in the connection's output yet.
    outstanding: usize,
    sender: Option<Waker>,
    incoming: Incoming,
    /// Bytes in `incoming.data`.
    unread: usize,
    /// The task takes no more data, though the stream goes on.
    ignoring: bool,
    /// The connection has forgotten the stream.
    detached: Option<StreamKey>,
    interest: Interest,
    receiver: Option<Waker>,
    cancelled: Option<Cancelled>,
    /// What most calls do not have.
    rare: Option<Box<Rare>>,
}

#[derive(Default)]
struct Rare {
    /// (server) Those who are to hear of the cancellation.
    cancelled: Arc<Notify>,
    children: Vec<Weak<Mailbox>>,
    /// (client) What the attempts before the last one ended with.
    previous: Vec<Status>,
}

/// See the module.
pub(crate) struct Mailbox {
    state: Mutex<State>,
    /// (driver) The stream's slot plus one; 0: no stream, not yet or no more.
    slot: AtomicU32,
    /// When the call must be over, as far as it was known at the start; read it by the method of this name.
    deadline: Option<Instant>,
    /// (client) What picks are made by.
    pub(crate) route: Option<Route>,
}

impl Mailbox {
    /// A mailbox without a transport; `outgoing` goes out when it gets one.
    pub(crate) fn new(
        deadline: Option<Instant>,
        interest: Interest,
        outgoing: Outgoing,
        route: Option<Route>,
    ) -> Arc<Mailbox> {
        // Spelled out: a default that is then changed is built twice and copied.
        Arc::new(Mailbox {
            state: Mutex::new(State {
                submit: None,
                queued: false,
                outgoing,
                outstanding: 0,
                sender: None,
                incoming: Incoming::default(),
                unread: 0,
                ignoring: false,
                detached: None,
                interest,
                receiver: None,
                cancelled: None,
                rare: None,
            }),
            slot: AtomicU32::new(0),
            deadline,
            route,
        })
    }

    /// A mailbox of a stream that the peer opened.
    pub(crate) fn attached(
        submit: Arc<Submit<Mailbox>>,
        deadline: Option<Instant>,
    ) -> Arc<Mailbox> {
        let state = State {
            submit: Some(submit),
            ..State::default()
        };
        Arc::new(Mailbox {
            state: Mutex::new(state),
            slot: AtomicU32::new(0),
            deadline,
            route: None,
        })
    }

    /// Makes the mailbox of a call that was over at once ready for another one of the same connection. False: it has
    /// been used in earnest and is of no use any more.
    pub(crate) fn renew(&mut self, deadline: Option<Instant>) -> bool {
        self.deadline = deadline;
        *self.slot.get_mut() = 0;
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        !state.queued
            && state.detached.is_none()
            && state.cancelled.is_none()
            && state.rare.is_none()
            && state.incoming.end.is_none()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Wakers(Option<Waker>, Option<Waker>);

impl Wakers {
    fn wake(self) {
        if let Some(waker) = self.0 {
            waker.wake();
        }
        if let Some(waker) = self.1 {
            waker.wake();
        }
    }
}

impl State {
    fn wakers(&mut self) -> Wakers {
        Wakers(self.receiver.take(), self.sender.take())
    }

    /// Whether nothing that is sent would reach anybody. A peer that has merely said its last word still listens.
    fn is_lost(&self) -> bool {
        self.detached.is_some()
            || self
                .incoming
                .end
                .as_ref()
                .is_some_and(|end| !matches!(end, End::Eof))
    }

    fn receiver_for_news(&mut self) -> Option<Waker> {
        match self.interest {
            Interest::Any => self.receiver.take(),
            Interest::End => None,
        }
    }
}

/// Stores the context's waker unless the stored one wakes the same task.
fn keep(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) if waker.will_wake(cx.waker()) => {}
        _ => *slot = Some(cx.waker().clone()),
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox")
            .field("deadline", &self.deadline())
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}
