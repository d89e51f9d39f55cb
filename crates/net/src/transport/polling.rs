//! The latency option: asking again before going to sleep.
//!
//! Where an idle core is given back to a hypervisor, sleeping and being woken costs tens of microseconds, far more than a
//! short call. A driver that has nothing to do may instead let the runtime look for input again, without waiting, for a
//! short time. Two rules keep that bounded for each worker thread, however many connections it has: one driver at a
//! time does it, and after a time in vain the next ones on that thread go to sleep at once.

use std::{
    cell::Cell,
    future::Future,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    task::Context,
    time::{Duration, Instant},
};

/// No longer than this, whatever was asked for: it is for waits that are shorter than falling asleep.
const LONGEST: Duration = Duration::from_millis(1);
/// Looks in one time of polling, in case the clock is paused.
const MAX_LOOKS: u32 = 4096;
/// Rests without polling after one with polling in vain.
const BACK_OFF: u32 = 8;

thread_local! {
    static WORKER: Cell<Worker> = const { Cell::new(Worker { owner: 0, until: None, skip: 0 }) };
}

/// What the drivers of a thread share.
#[derive(Clone, Copy)]
struct Worker {
    /// Who polls; 0: nobody.
    owner: u64,
    /// When that is over at the latest: the owner may have moved to another thread.
    until: Option<Instant>,
    /// Rests to come that are not preceded by polling.
    skip: u32,
}

/// Whether, and how, a driver polls before it rests.
pub(crate) struct Polling {
    /// For how long; zero: not at all.
    limit: Duration,
    id: u64,
    /// A time of polling that is going on: until when, and the looks that are left.
    current: Option<(Instant, u32)>,
}

impl Polling {
    /// For at most `limit`; zero turns it off.
    pub(crate) fn new(limit: Duration) -> Polling {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = match limit.is_zero() {
            true => 0,
            false => NEXT.fetch_add(1, Ordering::Relaxed),
        };
        Polling {
            limit: limit.min(LONGEST),
            id,
            current: None,
        }
    }

    /// Something has happened: polling, if it went on, was worth it.
    #[inline]
    pub(crate) fn on_event(&mut self) {
        if self.current.is_some() {
            self.end(0);
        }
    }

    /// The driver has nothing to do. True: it is to return `Pending`, without a waker left anywhere, and is polled
    /// again after the runtime has looked for input and has run other tasks. False: it is to rest.
    #[inline]
    pub(crate) fn look_again(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        !self.limit.is_zero() && self.look(cx, now)
    }

    fn look(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let (until, looks) = match self.current {
            Some(current) => current,
            None => match self.begin(now) {
                Some(current) => current,
                None => return false,
            },
        };
        if now >= until || looks == 0 {
            self.end(BACK_OFF);
            return false;
        }
        self.current = Some((until, looks - 1));
        // Unlike waking oneself, this lets the runtime look for input first. Dropping it does not take the wake back.
        let _ = pin!(tokio::task::yield_now()).poll(cx);
        true
    }

    fn begin(&mut self, now: Instant) -> Option<(Instant, u32)> {
        let mut worker = WORKER.get();
        let taken = worker.owner != 0 && worker.until.is_some_and(|until| now < until);
        if taken {
            return None;
        }
        if worker.skip > 0 {
            worker.skip -= 1;
            WORKER.set(worker);
            return None;
        }
        let until = now + self.limit;
        WORKER.set(Worker {
            owner: self.id,
            until: Some(until),
            skip: 0,
        });
        Some((until, MAX_LOOKS))
    }

    fn end(&mut self, skip: u32) {
        self.current = None;
        let worker = WORKER.get();
        // If it has moved meanwhile, the time on the old thread ends by itself.
        if worker.owner == self.id {
            WORKER.set(Worker {
                owner: 0,
                until: None,
                skip,
            });
        }
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.on_event();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    const LIMIT: Duration = Duration::from_micros(25);

    fn look(polling: &mut Polling, now: Instant) -> bool {
        polling.look_again(&mut Context::from_waker(Waker::noop()), now)
    }

    #[test]
    fn it_is_off_by_default_and_ends_with_its_time() {
        let start = Instant::now();
        assert!(!look(&mut Polling::new(Duration::ZERO), start));
        let mut polling = Polling::new(LIMIT);
        assert!(look(&mut polling, start));
        assert!(look(&mut polling, start + LIMIT / 2));
        assert!(!look(&mut polling, start + LIMIT));
    }

    #[test]
    fn after_a_time_in_vain_the_next_rests_come_at_once_for_all_drivers_of_the_thread() {
        let start = Instant::now();
        let (mut one, mut two) = (Polling::new(LIMIT), Polling::new(LIMIT));
        assert!(look(&mut one, start));
        assert!(!look(&mut one, start + LIMIT));
        for i in 0..BACK_OFF {
            let polling = if i % 2 == 0 { &mut one } else { &mut two };
            assert!(!look(polling, start + LIMIT));
        }
        assert!(look(&mut two, start + LIMIT));
    }

    #[test]
    fn one_driver_of_a_thread_polls_at_a_time() {
        let start = Instant::now();
        let (mut one, mut two) = (Polling::new(LIMIT), Polling::new(LIMIT));
        assert!(look(&mut one, start));
        assert!(!look(&mut two, start));
        one.on_event();
        assert!(look(&mut two, start));
        drop(two);
        assert!(look(&mut one, start));
        // One that is not heard of again, having moved to another thread, keeps nobody out for longer than its time.
        std::mem::forget(one);
        let mut three = Polling::new(LIMIT);
        assert!(!look(&mut three, start + LIMIT / 2));
        assert!(look(&mut three, start + LIMIT));
        three.on_event();
    }
}
