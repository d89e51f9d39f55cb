//! How long a connection may last: its greatest idleness and age, and what its calls get after that. A machine without a clock.

use crate::clock;
use std::time::{Duration, Instant};

/// The share of the age that is added or taken away by chance, so that connections made together do not end together (gRFC A9).
const JITTER: f64 = 0.1;

/// What was said about it. `None`: no limit.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Lifetimes {
    pub(super) idle: Option<Duration>,
    pub(super) age: Option<Duration>,
    /// For the calls that are open when the age is reached.
    pub(super) grace: Option<Duration>,
}

/// One connection's. Made only where there is a limit.
pub(super) struct Lifetime {
    idle: Option<Idle>,
    grace: Option<Duration>,
    age: Age,
}

struct Idle {
    limit: Duration,
    /// A call has ended, or there was one, at this time.
    since: Instant,
    look: Instant,
}

#[derive(Clone, Copy)]
enum Age {
    /// Reached at this time, if ever.
    Young(Option<Instant>),
    /// The client was told to go; what is left then is cut.
    Old(Option<Instant>),
}

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// GOAWAY with this text; open calls go on.
    Drain(&'static str),
    /// At once.
    Cut,
}

impl Lifetimes {
    /// `chance` is between 0 and 1.
    pub(super) fn of_connection(&self, now: Instant, chance: f64) -> Option<Box<Lifetime>> {
        if self.idle.is_none() && self.age.is_none() {
            return None;
        }
        let idle = self.idle.map(|limit| Idle {
            limit,
            since: now,
            look: clock::after(now, limit),
        });
        let old = self.age.map(|age| {
            let age = age.min(clock::FOREVER);
            let jitter = 1.0 + JITTER * (2.0 * chance - 1.0);
            clock::after(now, age.mul_f64(jitter))
        });
        Some(Box::new(Lifetime {
            idle,
            grace: self.grace,
            age: Age::Young(old),
        }))
    }
}

impl Lifetime {
    /// A call has ended.
    #[inline]
    pub(super) fn on_call_end(&mut self, now: Instant) {
        if let Some(idle) = &mut self.idle {
            idle.since = now;
        }
    }

    /// When to ask [`overdue`](Self::overdue).
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match (self.age, &self.idle) {
            (Age::Young(Some(old)), Some(idle)) => Some(old.min(idle.look)),
            (Age::Young(None), Some(idle)) => Some(idle.look),
            (Age::Young(old), None) => old,
            (Age::Old(cut), _) => cut,
        }
    }

    /// What becomes of a connection with so many open streams.
    pub(super) fn overdue(&mut self, now: Instant, streams: usize) -> Option<Verdict> {
        match self.age {
            Age::Young(Some(old)) if old <= now => {
                self.age = Age::Old(self.grace.map(|grace| clock::after(now, grace)));
                return Some(Verdict::Drain("max_age"));
            }
            Age::Old(Some(cut)) if cut <= now => {
                self.age = Age::Old(None);
                return Some(Verdict::Cut);
            }
            Age::Young(_) | Age::Old(_) => {}
        }
        let idle = self.idle.as_mut().filter(|idle| idle.look <= now)?;
        if streams > 0 {
            idle.since = now;
        }
        idle.look = clock::after(idle.since, idle.limit);
        if idle.look > now {
            return None;
        }
        // Whoever is idle has nothing to cut.
        self.age = Age::Old(None);
        self.idle = None;
        Some(Verdict::Drain("max_idle"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn limits(idle: Option<u32>, age: Option<u32>, grace: Option<u32>) -> Lifetimes {
        let minutes = |minutes: Option<u32>| minutes.map(|minutes| MINUTE * minutes);
        let (idle, age, grace) = (minutes(idle), minutes(age), minutes(grace));
        Lifetimes { idle, age, grace }
    }

    #[test]
    fn without_limits_there_is_nothing_to_keep() {
        let none = limits(None, None, Some(1)).of_connection(Instant::now(), 0.5);
        assert!(none.is_none());
    }

    #[test]
    fn idleness_is_counted_from_the_end_of_the_last_call() {
        let start = Instant::now();
        let mut lifetime = limits(Some(5), None, None)
            .of_connection(start, 0.5)
            .unwrap();
        assert_eq!(lifetime.poll_timeout(), Some(start + MINUTE * 5));
        lifetime.on_call_end(start + MINUTE * 2);
        assert_eq!(lifetime.overdue(start + MINUTE * 5, 0), None);
        assert_eq!(lifetime.poll_timeout(), Some(start + MINUTE * 7));
        // A call is open at that time, and ends a minute later.
        assert_eq!(lifetime.overdue(start + MINUTE * 7, 1), None);
        lifetime.on_call_end(start + MINUTE * 8);
        assert_eq!(lifetime.overdue(start + MINUTE * 12, 0), None);
        let verdict = lifetime.overdue(start + MINUTE * 13, 0);
        assert_eq!(verdict, Some(Verdict::Drain("max_idle")));
        assert_eq!(lifetime.poll_timeout(), None);
    }

    #[test]
    fn ages_differ_by_a_tenth_at_most() {
        let start = Instant::now();
        for (chance, seconds) in [(0.0, 540.0), (0.5, 600.0), (1.0, 660.0)] {
            let lifetime = limits(None, Some(10), None).of_connection(start, chance);
            let age = lifetime.unwrap().poll_timeout().unwrap() - start;
            assert!((age.as_secs_f64() - seconds).abs() < 1e-3, "{age:?}");
        }
    }

    #[test]
    fn after_its_age_a_connection_has_its_grace() {
        let start = Instant::now();
        let mut lifetime = limits(Some(90), Some(10), Some(3))
            .of_connection(start, 0.5)
            .unwrap();
        let old = start + MINUTE * 10;
        assert_eq!(lifetime.overdue(old - MINUTE, 1), None);
        assert_eq!(lifetime.overdue(old, 1), Some(Verdict::Drain("max_age")));
        assert_eq!(lifetime.poll_timeout(), Some(old + MINUTE * 3));
        assert_eq!(lifetime.overdue(old + MINUTE, 1), None);
        assert_eq!(lifetime.overdue(old + MINUTE * 3, 1), Some(Verdict::Cut));
        assert_eq!(lifetime.poll_timeout(), None);
    }

    #[test]
    fn without_a_grace_calls_may_last_for_ever() {
        let start = Instant::now();
        let mut lifetime = limits(None, Some(10), None)
            .of_connection(start, 0.5)
            .unwrap();
        let verdict = lifetime.overdue(start + MINUTE * 10, 9);
        assert_eq!(verdict, Some(Verdict::Drain("max_age")));
        assert_eq!(lifetime.poll_timeout(), None);
    }
}
