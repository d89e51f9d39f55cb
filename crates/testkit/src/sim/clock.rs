//! Time that passes when a test says so.

use std::time::{Duration, Instant};

/// A simulated clock: starts at any instant and moves only by [`advance`](Clock::advance) and
/// [`advance_to`](Clock::advance_to).
///
/// ```
/// use farcall_testkit::sim::Clock;
/// use std::time::Duration;
///
/// let mut clock = Clock::new();
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(clock.elapsed(), Duration::from_secs(3600));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Instant,
    now: Instant,
}

impl Clock {
    /// A clock that has just started. Nothing depends on the instant at which it does.
    pub fn new() -> Clock {
        let base = Instant::now();
        Clock { base, now: base }
    }

    /// The simulated instant.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Simulated time since the start.
    pub fn elapsed(&self) -> Duration {
        self.now - self.base
    }

    /// Lets time pass.
    pub fn advance(&mut self, by: Duration) {
        self.now += by;
    }

    /// Lets time pass until `instant`; no effect if that is over.
    pub fn advance_to(&mut self, instant: Instant) {
        self.now = self.now.max(instant);
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_never_runs_backwards() {
        let mut clock = Clock::new();
        let start = clock.now();
        clock.advance(Duration::from_millis(2));
        clock.advance_to(start);
        assert_eq!(clock.elapsed(), Duration::from_millis(2));
        clock.advance_to(start + Duration::from_millis(5));
        assert_eq!(clock.elapsed(), Duration::from_millis(5));
    }
}
