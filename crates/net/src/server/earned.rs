//! Whether a method's handler has earned to be polled in the connection's own task.
//!
//! A handler that finishes at its first poll within microseconds costs no spawn and no wake-up there.
//! One that works long would hold up its connection and stay on one core: a driver that is blocked
//! inside a poll cannot be rescued. So a method starts in tasks of its own, and is measured.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// A first poll shorter than this counts towards the privilege.
const SHORT: Duration = Duration::from_micros(20);
/// Consecutive short first polls that earn it.
const STREAK: u32 = 64;
/// One poll longer than this loses it.
const LONG: Duration = Duration::from_micros(200);
/// Nobody is demoted for longer.
const LONGEST_PENALTY: Duration = Duration::from_secs(60);

/// How long a poll that took `elapsed` costs the privilege: 20 times its length, and for one over a millisecond that
/// many times more, so that a handler that is long now and then holds up its connection for 5 % of the time at most,
/// for 10 ms in one piece 0.5 %. The clock runs on while the thread is not running: a long poll may be the fault of
/// a busy machine, and is no reason to be slow for a minute.
fn penalty(elapsed: Duration) -> Duration {
    let millis = u32::try_from(elapsed.as_millis()).unwrap_or(u32::MAX);
    (elapsed * 20)
        .saturating_mul(millis.max(1))
        .min(LONGEST_PENALTY)
}

/// One method's record. Relaxed atomics: a race costs a measurement, nothing else.
pub(crate) struct Earned {
    streak: AtomicU32,
    /// Nanoseconds after `born` until which the method is demoted.
    demoted_until: AtomicU64,
    born: Instant,
}

impl Earned {
    pub(crate) fn new(now: Instant) -> Earned {
        Earned {
            streak: AtomicU32::new(0),
            demoted_until: AtomicU64::new(0),
            born: now,
        }
    }

    /// Whether the next call may be polled inline.
    pub(crate) fn inline(&self) -> bool {
        self.streak.load(Ordering::Relaxed) >= STREAK
    }

    /// A first poll took `elapsed`, inline or in a task.
    pub(crate) fn record(&self, now: Instant, elapsed: Duration) {
        if elapsed < SHORT {
            if self.streak.load(Ordering::Relaxed) < STREAK && self.age(now) >= self.demoted_until()
            {
                self.streak.fetch_add(1, Ordering::Relaxed);
            }
        } else if elapsed > LONG {
            self.demote(now, elapsed);
        } else if self.streak.load(Ordering::Relaxed) < STREAK {
            self.streak.store(0, Ordering::Relaxed);
        }
    }

    #[cold]
    fn demote(&self, now: Instant, elapsed: Duration) {
        self.streak.store(0, Ordering::Relaxed);
        let until = self.age(now) + penalty(elapsed);
        self.demoted_until
            .fetch_max(until.as_nanos() as u64, Ordering::Relaxed);
    }

    fn demoted_until(&self) -> Duration {
        Duration::from_nanos(self.demoted_until.load(Ordering::Relaxed))
    }

    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.born)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT_POLL: Duration = Duration::from_micros(3);

    #[test]
    fn a_method_earns_inline_polls_by_a_streak_of_short_ones() {
        let now = Instant::now();
        let earned = Earned::new(now);
        for _ in 0..STREAK - 1 {
            earned.record(now, SHORT_POLL);
        }
        assert!(!earned.inline());
        earned.record(now, SHORT_POLL);
        assert!(earned.inline());
    }

    /// Whether a streak of short polls at `now` earns the privilege.
    fn earns(earned: &Earned, now: Instant) -> bool {
        (0..STREAK).for_each(|_| earned.record(now, SHORT_POLL));
        earned.inline()
    }

    #[test]
    fn a_long_poll_demotes_the_longer_the_longer_it_took() {
        for (millis, penalty) in [
            (1, 20),
            (3, 180),
            (10, 2_000),
            (100, 60_000),
            (5_000, 60_000),
        ] {
            let now = Instant::now();
            let earned = Earned::new(now);
            assert!(earns(&earned, now));
            earned.record(now, Duration::from_millis(millis));
            assert!(!earned.inline());
            assert!(!earns(&earned, now + Duration::from_millis(penalty - 1)));
            assert!(earns(&earned, now + Duration::from_millis(penalty + 1)));
        }
    }

    #[test]
    fn a_second_long_poll_does_not_shorten_the_penalty_of_the_first() {
        let now = Instant::now();
        let earned = Earned::new(now);
        earned.record(now, Duration::from_millis(100));
        earned.record(now, Duration::from_millis(1));
        assert!(!earns(&earned, now + Duration::from_secs(59)));
    }

    #[test]
    fn a_middling_poll_breaks_the_streak_but_not_the_privilege() {
        let now = Instant::now();
        let earned = Earned::new(now);
        (0..STREAK / 2).for_each(|_| earned.record(now, SHORT_POLL));
        earned.record(now, Duration::from_micros(50));
        (0..STREAK / 2).for_each(|_| earned.record(now, SHORT_POLL));
        assert!(!earned.inline());
        (0..STREAK / 2).for_each(|_| earned.record(now, SHORT_POLL));
        assert!(earned.inline());
        earned.record(now, Duration::from_micros(50));
        assert!(earned.inline());
    }
}
