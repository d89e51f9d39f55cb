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
/// For so long the first time, and twice as long each next time. The clock runs on while the thread is not running, so
/// one long poll may be the fault of the machine and is no reason to be slow for a minute; a handler that is
/// really long now and then is soon at the longest.
const FIRST_PENALTY: Duration = Duration::from_millis(10);
const LONGEST_PENALTY: Duration = Duration::from_secs(60);
/// A method that has behaved for so many times its last penalty starts over with the first.
const FORGIVEN_AFTER: u32 = 16;

/// One method's record. Relaxed atomics: a race costs a measurement, nothing else.
pub(crate) struct Earned {
    streak: AtomicU32,
    /// Nanoseconds after `born` until which the method is demoted.
    demoted_until: AtomicU64,
    /// The last demotion, nanoseconds.
    penalty: AtomicU64,
    born: Instant,
}

impl Earned {
    pub(crate) fn new(now: Instant) -> Earned {
        Earned {
            streak: AtomicU32::new(0),
            demoted_until: AtomicU64::new(0),
            penalty: AtomicU64::new(0),
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
            self.demote(now);
        } else if self.streak.load(Ordering::Relaxed) < STREAK {
            self.streak.store(0, Ordering::Relaxed);
        }
    }

    #[cold]
    fn demote(&self, now: Instant) {
        let last = Duration::from_nanos(self.penalty.load(Ordering::Relaxed));
        let behaved = self.age(now).saturating_sub(self.demoted_until());
        let penalty = if last.is_zero() || behaved > last * FORGIVEN_AFTER {
            FIRST_PENALTY
        } else {
            (last * 2).min(LONGEST_PENALTY)
        };
        self.streak.store(0, Ordering::Relaxed);
        self.penalty
            .store(penalty.as_nanos() as u64, Ordering::Relaxed);
        self.demoted_until.store(
            (self.age(now) + penalty).as_nanos() as u64,
            Ordering::Relaxed,
        );
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
    fn a_long_poll_demotes_for_a_moment() {
        let now = Instant::now();
        let earned = Earned::new(now);
        assert!(earns(&earned, now));
        earned.record(now, Duration::from_millis(1));
        assert!(!earned.inline());
        assert!(!earns(&earned, now + Duration::from_millis(9)));
        assert!(earns(&earned, now + Duration::from_millis(11)));
    }

    #[test]
    fn a_method_that_is_long_again_and_again_is_demoted_for_a_minute() {
        let mut now = Instant::now();
        let earned = Earned::new(now);
        let mut penalty = FIRST_PENALTY;
        for _ in 0..20 {
            earned.record(now, Duration::from_millis(1));
            assert!(!earns(&earned, now + penalty - Duration::from_millis(1)));
            now += penalty + Duration::from_millis(1);
            assert!(earns(&earned, now));
            penalty = (penalty * 2).min(LONGEST_PENALTY);
        }
        assert_eq!(penalty, LONGEST_PENALTY);
    }

    #[test]
    fn a_method_that_has_behaved_for_long_is_forgiven() {
        let now = Instant::now();
        let earned = Earned::new(now);
        earned.record(now, Duration::from_millis(1));
        let later = now + FIRST_PENALTY * (FORGIVEN_AFTER + 2);
        assert!(earns(&earned, later));
        earned.record(later, Duration::from_millis(1));
        assert!(earns(
            &earned,
            later + FIRST_PENALTY + Duration::from_millis(1)
        ));
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
