//! Where calls meet connections: the current picker as a snapshot, and the calls that wait for another one.

use super::{
    backoffs::Later,
    limits::queue_is_full,
    plans::Configuration,
    transports::{Attached, Transports},
    under_way::UnderWay,
};
use crate::{
    clock,
    transport::{
        Mailbox, Picked,
        deadline::{Awaited, exceeded},
        mailbox::{Begun, Configured, Preparation, Route},
    },
};
use arc_swap::ArcSwap;
use farcall_core::Status;
use farcall_lb::{
    Address, ConnectivityState,
    balancer::{DropPicker, Pick, PickInfo, Picker, WakeId},
    subchannel::SubchannelId,
};
use std::{
    collections::VecDeque,
    fmt,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// What a call picks from; replaced as a whole, never changed.
pub(crate) struct Snapshot {
    pub(crate) state: ConnectivityState,
    pub(crate) picker: Arc<dyn Picker>,
    /// Sorted: a call finds its own without hashing, and one takes no more room than it needs.
    pub(crate) transports: Box<[(SubchannelId, Transports)]>,
    /// The service config; `None` until the resolver has answered. Calls that have started before get theirs from here.
    pub(crate) config: Option<Arc<Configuration>>,
    /// Why the policy last said that nothing is reachable; for those who wait on.
    pub(crate) last_error: Option<Status>,
}

impl Snapshot {
    fn transports(&self, id: SubchannelId) -> Option<&Transports> {
        let found = self.transports.binary_search_by_key(&id, |(id, _)| *id);
        found.ok().map(|place| &self.transports[place].1)
    }
}

/// See the module. A pick takes no lock; only a call that has to wait does.
pub(crate) struct PickerCell {
    snapshot: ArcSwap<Snapshot>,
    waiting: Mutex<Waiting>,
    /// Told of each new state.
    changed: Notify,
    /// A call has failed for want of a connection since somebody last asked.
    refused: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    queue: VecDeque<Arc<Mailbox>>,
    /// Those that have been taken out to try a new snapshot.
    trying: usize,
    /// How far a full queue has been looked through for calls that nobody waits for.
    looked: usize,
    closed: Option<Status>,
}

/// Calls of a full queue that are looked at for each call that finds it full.
const LOOKS: usize = 64;

/// Calls that were given up while they waited. To be dropped when the lock is free: something of a user's may go with them.
type GivenUp = Vec<Arc<Mailbox>>;

impl Waiting {
    fn is_full(&self, limit: usize) -> bool {
        self.queue.len() + self.trying >= limit
    }

    /// Looks for calls that were given up in a full queue, a part of it each time: it may be long, and those who find it full
    /// many.
    #[cold]
    fn make_room(&mut self) -> GivenUp {
        let mut given_up = Vec::new();
        for _ in 0..LOOKS {
            let len = self.queue.len();
            let next = self.looked.min(len).checked_sub(1);
            let Some(next) = next.or(len.checked_sub(1)) else {
                break;
            };
            self.looked = next;
            if self.queue[next].is_over() {
                given_up.extend(self.queue.remove(next));
            }
        }
        given_up
    }

    /// Adds a call; now and then those that were given up are taken out, lest they gather.
    fn push(&mut self, mailbox: &Arc<Mailbox>) -> GivenUp {
        let many = self.queue.len() >= LOOKS && self.queue.len().is_power_of_two();
        let given_up = match many {
            true => self.take_given_up(),
            false => Vec::new(),
        };
        self.queue.push_back(Arc::clone(mailbox));
        given_up
    }

    fn take_given_up(&mut self) -> GivenUp {
        let mut given_up = Vec::new();
        self.queue.retain(|mailbox| {
            let over = mailbox.is_over();
            if over {
                given_up.push(Arc::clone(mailbox));
            }
            !over
        });
        given_up
    }
}

/// What the control task should know of a dispatch; mostly nothing.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Notice {
    /// A call waits.
    waiting: bool,
    /// The earliest deadline of those that wait, as far as this has changed it: somebody has to watch it.
    pub(crate) deadline: Option<Instant>,
    rare: Option<Box<Rare>>,
}

/// What few dispatches have to tell.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    /// Policies that want to act.
    pub(crate) wakes: Vec<WakeId>,
    /// Calls that a picker has failed, and that have another attempt; and hedged calls.
    pub(crate) later: Vec<Later>,
    /// Subchannels that had no room for a call which waits for it.
    pub(crate) full: Vec<SubchannelId>,
}

impl Notice {
    /// That this call is to be sent then.
    #[cold]
    pub(crate) fn of(at: Instant, mailbox: &Arc<Mailbox>) -> Notice {
        let mut notice = Notice::default();
        notice.add_later(at, mailbox);
        notice
    }

    #[cold]
    fn note_full(&mut self, id: SubchannelId) {
        let full = &mut self.rare.get_or_insert_default().full;
        if !full.contains(&id) {
            full.push(id);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.waiting && self.rare.is_none()
    }

    fn wait(&mut self, mailbox: &Mailbox) {
        self.waiting = true;
        let earlier = [self.deadline, mailbox.deadline()];
        self.deadline = earlier.into_iter().flatten().min();
    }

    pub(crate) fn take_rare(&mut self) -> Option<Rare> {
        self.rare.take().map(|rare| *rare)
    }

    /// There is no channel any more to do something about it.
    pub(crate) fn fail(mut self, status: &Status) {
        for later in self.take_rare().unwrap_or_default().later {
            later.mailbox.fail(status.clone());
        }
    }

    #[cold]
    fn add_wakes(&mut self, mut wakes: Vec<WakeId>) {
        self.rare.get_or_insert_default().wakes.append(&mut wakes);
    }

    #[cold]
    fn add_later(&mut self, at: Instant, mailbox: &Arc<Mailbox>) {
        let mailbox = Arc::clone(mailbox);
        let later = Later { at, mailbox };
        self.rare.get_or_insert_default().later.push(later);
    }
}

enum Outcome {
    Settled,
    Wait,
    /// The same, for a place on the connections of the subchannel that was picked.
    Full,
    /// There is nothing to wait for.
    Refused(Status),
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
            changed: Notify::new(),
            refused: AtomicBool::new(false),
        }
    }

    pub(crate) fn state(&self) -> ConnectivityState {
        self.snapshot.load().state
    }

    /// Waits for another state than `last`.
    pub(crate) async fn state_other_than(&self, last: ConnectivityState) -> ConnectivityState {
        let mut changed = pin!(self.changed.notified());
        loop {
            // Before the look, or a change between the two would be missed.
            changed.as_mut().enable();
            let state = self.state();
            if state != last {
                return state;
            }
            changed.as_mut().await;
            changed.set(self.changed.notified());
        }
    }

    /// Whether calls wait, or some have failed for want of a connection since this was last asked.
    pub(crate) fn is_wanted(&self) -> bool {
        let refused = self.refused.swap(false, Ordering::Relaxed);
        let _given_up;
        let mut waiting = self.lock();
        _given_up = waiting.take_given_up();
        refused || !waiting.queue.is_empty()
    }

    /// Finds the mailbox a connection, or lets it wait unless `limit` calls do so.
    pub(crate) fn dispatch(&self, mailbox: &Arc<Mailbox>, limit: usize) -> Notice {
        let mut notice = Notice::default();
        loop {
            let snapshot = self.snapshot.load();
            match pick(&snapshot, mailbox, &mut notice) {
                Outcome::Settled => return notice,
                Outcome::Refused(status) => {
                    self.refuse(mailbox, status);
                    return notice;
                }
                Outcome::Wait | Outcome::Full => {}
            }
            let _given_up;
            let mut waiting = self.lock();
            if let Some(status) = &waiting.closed {
                let status = status.clone();
                drop(waiting);
                mailbox.fail(status);
                return notice;
            }
            if Arc::ptr_eq(&snapshot, &self.snapshot.load()) {
                if !waiting.is_full(limit) {
                    _given_up = waiting.push(mailbox);
                    notice.wait(mailbox);
                    return notice;
                }
                let given_up = waiting.make_room();
                let still = waiting.is_full(limit);
                if !still {
                    waiting.queue.push_back(Arc::clone(mailbox));
                    notice.wait(mailbox);
                }
                drop(waiting);
                drop(given_up);
                if still {
                    self.refuse(mailbox, queue_is_full(limit));
                }
                return notice;
            }
        }
    }

    /// Replaces the snapshot and lets the waiting calls try again, in order.
    pub(crate) fn publish(&self, snapshot: Snapshot) -> Notice {
        let snapshot = Arc::new(snapshot);
        let mut notice = Notice::default();
        let (before, queue) = {
            let mut waiting = self.lock();
            if waiting.closed.is_some() {
                return notice;
            }
            // With the lock held: a call that waits on the old one is seen, and what is closed stays closed.
            let before = self.snapshot.swap(Arc::clone(&snapshot));
            waiting.trying = waiting.queue.len();
            (before.state, std::mem::take(&mut waiting.queue))
        };
        if before != snapshot.state {
            self.changed.notify_waiters();
        }
        self.offer(&snapshot, queue, &mut notice);
        notice
    }

    /// Lets the waiting calls try the snapshot again, which has found room.
    pub(crate) fn retry(&self) -> Notice {
        let mut notice = Notice::default();
        let queue = {
            let mut waiting = self.lock();
            waiting.trying = waiting.queue.len();
            std::mem::take(&mut waiting.queue)
        };
        self.offer(&self.snapshot.load(), queue, &mut notice);
        notice
    }

    /// Tries a snapshot with calls that were taken out of the queue; those that have to wait on go back to its front.
    fn offer(&self, snapshot: &Snapshot, mut queue: VecDeque<Arc<Mailbox>>, notice: &mut Notice) {
        queue.retain(|mailbox| {
            if mailbox.is_over() {
                return false;
            }
            match pick(snapshot, mailbox, notice) {
                Outcome::Settled => false,
                Outcome::Wait | Outcome::Full => {
                    notice.wait(mailbox);
                    true
                }
                Outcome::Refused(status) => {
                    self.refuse(mailbox, status);
                    false
                }
            }
        });
        let mut waiting = self.lock();
        waiting.trying = 0;
        if !queue.is_empty() {
            let newer = std::mem::replace(&mut waiting.queue, queue);
            waiting.queue.extend(newer);
        }
    }

    /// Ends waiting calls whose deadline has passed, forgets those that are over; the next deadline.
    ///
    /// `tell` says what the channel is about, if that is needed.
    pub(crate) fn expire(
        &self,
        now: Instant,
        tell: impl FnOnce() -> Vec<(Address, Duration)>,
    ) -> Option<Instant> {
        let mut expired = Vec::new();
        let mut next: Option<Instant> = None;
        let given_up;
        let mut waiting = self.lock();
        given_up = waiting.take_given_up();
        waiting.queue.retain(|mailbox| match mailbox.deadline() {
            Some(deadline) if deadline <= now => {
                expired.push(Arc::clone(mailbox));
                false
            }
            Some(deadline) => {
                next = Some(next.map_or(deadline, |n| n.min(deadline)));
                true
            }
            None => true,
        });
        drop(waiting);
        drop(given_up);
        if !expired.is_empty() {
            let status = self.late(tell());
            for mailbox in expired {
                mailbox.fail(status.clone());
            }
        }
        next
    }

    /// Fails the waiting calls and all that come.
    pub(crate) fn close(&self, status: &Status) {
        let closed = Snapshot {
            state: ConnectivityState::Shutdown,
            picker: Arc::new(DropPicker(status.clone())),
            transports: Box::default(),
            config: None,
            last_error: None,
        };
        let queue = {
            let mut waiting = self.lock();
            self.snapshot.store(Arc::new(closed));
            waiting.closed = Some(status.clone());
            std::mem::take(&mut waiting.queue)
        };
        self.changed.notify_waiters();
        for mailbox in queue {
            mailbox.fail(status.clone());
        }
    }

    /// The status of calls that have waited too long: it says for what.
    #[cold]
    fn late(&self, attempts: Vec<(Address, Duration)>) -> Status {
        let snapshot = self.snapshot.load();
        let awaited = match snapshot.config {
            None => Awaited::Resolution,
            Some(_) => Awaited::Connection(snapshot.state),
        };
        let under_way = UnderWay {
            attempts,
            last_error: snapshot.last_error.clone(),
        };
        under_way.explain(exceeded(awaited))
    }

    #[cold]
    fn refuse(&self, mailbox: &Mailbox, status: Status) {
        self.refused.store(true, Ordering::Relaxed);
        mailbox.fail(status);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pick(snapshot: &Snapshot, mailbox: &Arc<Mailbox>, notice: &mut Notice) -> Outcome {
    let Some(route) = &mailbox.route else {
        // It was made for one connection, which is lost.
        mailbox.fail(Status::unavailable("the connection was lost"));
        return Outcome::Settled;
    };
    if let (Configured::Late(late), Some(config)) = (&route.config, &snapshot.config)
        && !late.is_settled()
    {
        match settle(mailbox, route, config) {
            Err(status) => return Outcome::Refused(status),
            Ok(false) => {}
            // Its attempts come by themselves.
            Ok(true) => {
                notice.add_later(clock::now(), mailbox);
                return Outcome::Settled;
            }
        }
    }
    let unprepared = match route.preparation() {
        None => None,
        Some(preparation) => match prepare(snapshot.state, mailbox, preparation, notice) {
            Ok(unprepared) => unprepared,
            Err(outcome) => return outcome,
        },
    };
    let info = PickInfo::new(route.method.path()).with_metadata(route.metadata());
    let info = match route.attributes() {
        None => info,
        Some(attributes) => info.with_attributes(attributes),
    };
    let pick = snapshot.picker.pick(&info).restricted();
    let wakes = info.take_wakes();
    if !wakes.is_empty() {
        notice.add_wakes(wakes);
    }
    match pick {
        Pick::Subchannel(picked) => {
            if let Some(preparation) = unprepared
                && let Err(outcome) = begin(mailbox, preparation, notice)
            {
                drop(picked.into_extras().map(|extras| Picked::new(*extras)));
                return outcome;
            }
            let id = picked.subchannel();
            let extras = picked.into_extras();
            let says = extras.is_some();
            if let Some(extras) = extras {
                mailbox.set_picked(Some(Picked::new(*extras)));
            }
            let attached = snapshot.transports(id).map(|all| all.attach(mailbox));
            if says && attached != Some(Attached::Yes) {
                mailbox.set_picked(None);
            }
            match attached {
                Some(Attached::Yes | Attached::Needless) => Outcome::Settled,
                Some(Attached::Full) => {
                    notice.note_full(id);
                    Outcome::Full
                }
                // The connection has just gone; the next snapshot knows.
                Some(Attached::Gone) | None => Outcome::Wait,
            }
        }
        Pick::Fail(_) if route.waits() => Outcome::Wait,
        Pick::Fail(status) => failed(mailbox, status, notice),
        // Not for a retry to mend (gRFC A6).
        Pick::Drop(status) => Outcome::Refused(status),
        _ => Outcome::Wait,
    }
}

/// Prepares the attempt that comes, once there is somebody to make it with: what is made for it may not be good for long.
/// `Some`: that is still to be done.
///
/// # Errors
/// What becomes of the call instead.
#[cold]
fn prepare<'a>(
    state: ConnectivityState,
    mailbox: &Arc<Mailbox>,
    preparation: &'a dyn Preparation,
    notice: &mut Notice,
) -> Result<Option<&'a dyn Preparation>, Outcome> {
    if mailbox.is_prepared() {
        return Ok(None);
    }
    // Looked at last: what was prepared for a call goes when its caller does, and must not be begun again then.
    if mailbox.is_over() {
        return Err(Outcome::Settled);
    }
    match state {
        ConnectivityState::Ready => begin(mailbox, preparation, notice).map(|()| None),
        // A policy may send calls to a connection all the same.
        _ => Ok(Some(preparation)),
    }
}

fn begin(
    mailbox: &Arc<Mailbox>,
    preparation: &dyn Preparation,
    notice: &mut Notice,
) -> Result<(), Outcome> {
    match preparation.begin(mailbox) {
        Begun::Done => Ok(()),
        Begun::Waits => Err(Outcome::Settled),
        Begun::Failed(status) => Err(failed(mailbox, status, notice)),
    }
}

/// What becomes of a call whose attempt has failed before it was sent.
#[cold]
fn failed(mailbox: &Arc<Mailbox>, status: Status, notice: &mut Notice) -> Outcome {
    let Some(pause) = mailbox.pick_failed(&status, fastrand::f64()) else {
        return Outcome::Refused(status);
    };
    notice.add_later(clock::after(clock::now(), pause), mailbox);
    Outcome::Settled
}

/// Configures a call that has started before its service config came. True: it is hedged.
#[cold]
fn settle(mailbox: &Mailbox, route: &Route, config: &Configuration) -> Result<bool, Status> {
    let chosen = config.select(route.method.path(), &route.metadata)?;
    let plan = config.plan(chosen.method_config.as_deref());
    mailbox.settle(chosen, plan, clock::now())?;
    Ok(mailbox.is_hedged())
}

impl fmt::Debug for PickerCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PickerCell")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
