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
/// For so long.
const PENALTY: Duration = Duration::from_secs(60);

/// One method's record. Relaxed atomics: a race costs a measurement, nothing else.
pub(crate) struct Earned {
    streak: AtomicU32,
    /// Milliseconds after `born` until which the method is demoted.
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
            if self.streak.load(Ordering::Relaxed) < STREAK && !self.is_demoted(now) {
                self.streak.fetch_add(1, Ordering::Relaxed);
            }
        } else if elapsed > LONG {
            self.streak.store(0, Ordering::Relaxed);
            let until = now.saturating_duration_since(self.born) + PENALTY;
            self.demoted_until
                .store(until.as_millis() as u64, Ordering::Relaxed);
        } else if self.streak.load(Ordering::Relaxed) < STREAK {
            self.streak.store(0, Ordering::Relaxed);
        }
    }

    fn is_demoted(&self, now: Instant) -> bool {
        let until = self.demoted_until.load(Ordering::Relaxed);
        until > 0 && (now.saturating_duration_since(self.born).as_millis() as u64) < until
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

    #[test]
    fn a_long_poll_demotes_for_a_minute() {
        let now = Instant::now();
        let earned = Earned::new(now);
        (0..STREAK).for_each(|_| earned.record(now, SHORT_POLL));
        earned.record(now, Duration::from_millis(1));
        assert!(!earned.inline());
        (0..2 * STREAK).for_each(|_| earned.record(now + Duration::from_secs(59), SHORT_POLL));
        assert!(!earned.inline());
        (0..STREAK).for_each(|_| earned.record(now + Duration::from_secs(61), SHORT_POLL));
        assert!(earned.inline());
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
