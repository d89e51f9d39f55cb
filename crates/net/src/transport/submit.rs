//! The way in: tasks hand mailboxes that need attention to the driver that owns the connection.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Waker},
};

/// Bytes of ended streams' data after whose reading an idle driver is woken to return credit.
const SETTLE_THRESHOLD: usize = 128 << 10;

/// The submission queue of one connection; its items are the mailboxes. A push is one short lock; only the first push onto a
/// driver at rest wakes it.
pub(crate) struct Submit<T> {
    queue: Mutex<Queue<T>>,
    /// Bytes read by tasks after their stream had ended; the driver returns them as connection credit.
    settled: AtomicUsize,
    /// Tasks are to tell of every byte that they have read, at once.
    exacting: AtomicBool,
}

struct Queue<T> {
    items: Vec<Arc<T>>,
    /// Present while the driver is at rest.
    waker: Option<Waker>,
    request: Request,
    closed: bool,
}

/// What the owner of the connection asks of its driver.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(crate) enum Request {
    #[default]
    None,
    /// The number of a question when the connection was last used. Each is above the one before, or it goes unheard.
    Report(u32),
    /// GOAWAY, finish what is open, close.
    Drain,
    /// GOAWAY and close now; open calls fail.
    Close,
}

impl<T> Default for Submit<T> {
    fn default() -> Self {
        let queue = Queue {
            items: Vec::new(),
            waker: None,
            request: Request::None,
            closed: false,
        };
        Submit {
            queue: Mutex::new(queue),
            settled: AtomicUsize::new(0),
            exacting: AtomicBool::new(false),
        }
    }
}

impl<T> Submit<T> {
    /// Queues an item. False: the driver is gone and will not look at it.
    pub(crate) fn push(&self, item: Arc<T>) -> bool {
        let mut queue = self.lock();
        if queue.closed {
            return false;
        }
        queue.items.push(item);
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Asks for a drain or a close; a stronger request stays. False: the connection is over already.
    pub(crate) fn request(&self, request: Request) -> bool {
        let mut queue = self.lock();
        let open = !queue.closed;
        queue.request = queue.request.max(request);
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        open
    }

    /// Accounts for `bytes` read from a stream that has ended.
    pub(crate) fn settle(&self, bytes: usize) {
        let before = self.settled.fetch_add(bytes, Ordering::Relaxed);
        if before < SETTLE_THRESHOLD && before + bytes >= SETTLE_THRESHOLD {
            let waker = self.lock().waker.take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// (driver) Whether tasks are to tell of every byte that they have read, at once. A mailbox that is locked after this follows it.
    pub(crate) fn set_exacting(&self, exacting: bool) {
        self.exacting.store(exacting, Ordering::Relaxed);
    }

    pub(crate) fn is_exacting(&self) -> bool {
        self.exacting.load(Ordering::Relaxed)
    }

    /// (driver) What has been settled since the last look.
    pub(crate) fn take_settled(&self) -> usize {
        match self.settled.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.settled.swap(0, Ordering::Relaxed),
        }
    }

    /// (driver) Swaps the queued mailboxes into `items`, which is empty; the driver counts as awake.
    pub(crate) fn take(&self, items: &mut Vec<Arc<T>>) -> Request {
        let mut queue = self.lock();
        queue.waker = None;
        std::mem::swap(&mut queue.items, items);
        queue.request
    }

    /// (driver) Goes to rest, unless something has come in: then false, and the driver goes on.
    pub(crate) fn rest(&self, cx: &Context<'_>, seen: Request) -> bool {
        let mut queue = self.lock();
        let settled = self.settled.load(Ordering::Relaxed) >= SETTLE_THRESHOLD;
        if !queue.items.is_empty() || queue.request != seen || settled {
            return false;
        }
        queue.waker = Some(cx.waker().clone());
        true
    }

    /// (driver) No more submissions; returns those that nobody will serve.
    pub(crate) fn close(&self) -> Vec<Arc<T>> {
        let mut queue = self.lock();
        queue.closed = true;
        queue.waker = None;
        std::mem::take(&mut queue.items)
    }

    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
