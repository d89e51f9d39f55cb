//! Where calls meet connections: the current picker as a snapshot, and the calls that wait for another one.

use crate::{
    clock,
    transport::{
        Mailbox, Submit,
        mailbox::{Configured, End},
    },
};
use arc_swap::ArcSwap;
use farcall_core::{ServiceConfig, Status};
use farcall_http2::StreamKey;
use farcall_lb::{
    ConnectivityState,
    balancer::{DropPicker, Pick, PickInfo, Picker, WakeId},
    subchannel::SubchannelId,
};
use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// What a call picks from; replaced as a whole, never changed.
pub(crate) struct Snapshot {
    pub(crate) state: ConnectivityState,
    pub(crate) picker: Arc<dyn Picker>,
    /// Sorted: a call finds its own without hashing, and one takes no more room than it needs.
    pub(crate) transports: Box<[(SubchannelId, Arc<Submit<Mailbox>>)]>,
    /// The service config; `None` until the resolver has answered. Calls that have started before get theirs from here.
    pub(crate) config: Option<Arc<ServiceConfig>>,
    /// Why the policy last said that nothing is reachable; for those who wait on.
    pub(crate) last_error: Option<Status>,
}

impl Snapshot {
    fn transport(&self, id: SubchannelId) -> Option<&Arc<Submit<Mailbox>>> {
        let found = self.transports.binary_search_by_key(&id, |(id, _)| *id);
        found.ok().map(|place| &self.transports[place].1)
    }
}

/// See the module. A pick takes no lock; only a call that has to wait does.
pub(crate) struct PickerCell {
    snapshot: ArcSwap<Snapshot>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    queue: VecDeque<Arc<Mailbox>>,
    closed: Option<Status>,
}

/// What the control task should know of a dispatch.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Notice {
    /// A call waits: the channel may have to leave idleness, and a deadline may have to be watched.
    pub(crate) waiting: bool,
    /// Policies that want to act.
    pub(crate) wakes: Vec<WakeId>,
}

impl Notice {
    pub(crate) fn is_empty(&self) -> bool {
        !self.waiting && self.wakes.is_empty()
    }
}

enum Outcome {
    Settled,
    Wait,
}

impl PickerCell {
    /// The cell of an idle channel.
    pub(crate) fn new(picker: Arc<dyn Picker>) -> PickerCell {
        let state = ConnectivityState::Idle;
        let idle = Snapshot {
            state,
            picker,
            transports: Box::default(),
            config: None,
            last_error: None,
        };
        PickerCell {
            snapshot: ArcSwap::from_pointee(idle),
            waiting: Mutex::default(),
        }
    }

    pub(crate) fn state(&self) -> ConnectivityState {
        self.snapshot.load().state
    }

    /// Finds the mailbox a connection, or lets it wait.
    pub(crate) fn dispatch(&self, mailbox: &Arc<Mailbox>) -> Notice {
        let mut notice = Notice::default();
        loop {
            let snapshot = self.snapshot.load();
            if let Outcome::Settled = pick(&snapshot, mailbox, &mut notice.wakes) {
                return notice;
            }
            let mut waiting = self.lock();
            if let Some(status) = &waiting.closed {
                let status = status.clone();
                drop(waiting);
                fail(mailbox, status);
                return notice;
            }
            // Publishing stores the snapshot before it takes the lock: a call that waits on an old one is seen.
            if Arc::ptr_eq(&snapshot, &self.snapshot.load()) {
                waiting.queue.push_back(Arc::clone(mailbox));
                notice.waiting = true;
                return notice;
            }
        }
    }

    /// Replaces the snapshot and lets the waiting calls try again, in order.
    pub(crate) fn publish(&self, snapshot: Snapshot) -> Notice {
        let snapshot = Arc::new(snapshot);
        self.snapshot.store(Arc::clone(&snapshot));
        let mut notice = Notice::default();
        let mut queue = std::mem::take(&mut self.lock().queue);
        queue.retain(|mailbox| {
            !mailbox.is_over()
                && matches!(pick(&snapshot, mailbox, &mut notice.wakes), Outcome::Wait)
        });
        if !queue.is_empty() {
            notice.waiting = true;
            let mut waiting = self.lock();
            let newer = std::mem::replace(&mut waiting.queue, queue);
            waiting.queue.extend(newer);
        }
        notice
    }

    /// Ends waiting calls whose deadline has passed, forgets those that are over; the next deadline.
    pub(crate) fn expire(&self, now: Instant) -> Option<Instant> {
        let mut expired = Vec::new();
        let mut next: Option<Instant> = None;
        let mut waiting = self.lock();
        waiting.queue.retain(|mailbox| {
            if mailbox.is_over() {
                return false;
            }
            match mailbox.deadline() {
                Some(deadline) if deadline <= now => {
                    expired.push(Arc::clone(mailbox));
                    false
                }
                Some(deadline) => {
                    next = Some(next.map_or(deadline, |n| n.min(deadline)));
                    true
                }
                None => true,
            }
        });
        drop(waiting);
        let snapshot = self.snapshot.load();
        for mailbox in expired {
            fail(&mailbox, deadline_exceeded(&snapshot));
        }
        next
    }

    /// Fails the waiting calls and all that come.
    pub(crate) fn close(&self, status: &Status) {
        self.snapshot.store(Arc::new(Snapshot {
            state: ConnectivityState::Shutdown,
            picker: Arc::new(DropPicker(status.clone())),
            transports: Box::default(),
            config: None,
            last_error: None,
        }));
        let queue = {
            let mut waiting = self.lock();
            waiting.closed = Some(status.clone());
            std::mem::take(&mut waiting.queue)
        };
        for mailbox in queue {
            fail(&mailbox, status.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pick(snapshot: &Snapshot, mailbox: &Arc<Mailbox>, wakes: &mut Vec<WakeId>) -> Outcome {
    let Some(route) = &mailbox.route else {
        return Outcome::Settled;
    };
    if let (Configured::Late(late), Some(config)) = (&route.config, &snapshot.config)
        && !late.is_settled()
        && let Err(status) = mailbox.settle(config, clock::now())
    {
        fail(mailbox, status);
        return Outcome::Settled;
    }
    let info = PickInfo::new(route.method.path());
    let pick = snapshot.picker.pick(&info).restricted();
    wakes.append(&mut info.take_wakes());
    match pick {
        Pick::Subchannel(picked) => match snapshot.transport(picked.subchannel()) {
            Some(submit) if mailbox.attach(submit) => Outcome::Settled,
            // The connection has just gone; the next snapshot knows.
            _ => Outcome::Wait,
        },
        Pick::Fail(_) if route.waits() => Outcome::Wait,
        Pick::Fail(status) | Pick::Drop(status) => {
            fail(mailbox, status);
            Outcome::Settled
        }
        _ => Outcome::Wait,
    }
}

/// The status of a call that has waited too long: it says what it has waited for.
fn deadline_exceeded(snapshot: &Snapshot) -> Status {
    let status = Status::deadline_exceeded(format!(
        "the deadline passed while the call waited for a connection (the channel is {})",
        snapshot.state
    ));
    match &snapshot.last_error {
        Some(cause) => status.with_cause(cause.clone()),
        None => status,
    }
}

fn fail(mailbox: &Mailbox, status: Status) {
    mailbox.deliver_end(None, End::Failed(status), Some(StreamKey::NONE));
}

impl fmt::Debug for PickerCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PickerCell")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
