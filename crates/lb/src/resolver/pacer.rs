//! When a resolver may ask again.

use crate::later::later;
use std::time::{Duration, Instant};

use farcall_core::backoff::{Backoff, BackoffConfig};

/// How often a resolver may ask.
///
/// ```
/// use farcall_lb::resolver::PacerConfig;
/// use std::time::Duration;
///
/// assert_eq!(PacerConfig::default().min_interval, Duration::from_secs(30));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct PacerConfig {
    /// The least time from the end of one successful look-up to the start of the next. Default 30 s. A shorter one
    /// loads the name servers each time a connection breaks.
    pub min_interval: Duration,
    /// The pauses after failed look-ups. Default as for connecting: 1 s × 1.6 ± 20 % up to 120 s.
    pub backoff: BackoffConfig,
}

impl Default for PacerConfig {
    fn default() -> Self {
        Self {
            min_interval: Duration::from_secs(30),
            backoff: BackoffConfig::default(),
        }
    }
}

/// Decides when a resolver that asks somebody else may do so: at once in the beginning, after a success only on request
/// and not before the minimum interval, after a failure by itself with growing pauses.
///
/// The driver's loop: while [`poll_start`](Self::poll_start) says yes, look up and report
/// [`on_success`](Self::on_success) or [`on_failure`](Self::on_failure); otherwise wait for
/// [`poll_timeout`](Self::poll_timeout) or a [`resolve_now`](Self::resolve_now).
///
/// ```
/// use farcall_lb::resolver::{PacerConfig, ResolvePacer};
/// use std::time::{Duration, Instant};
///
/// let mut now = Instant::now();
/// let mut pacer = ResolvePacer::new(PacerConfig::default(), 1);
/// assert!(pacer.poll_start(now));
/// pacer.on_success(now);
/// pacer.resolve_now(now); // a connection broke
/// assert!(!pacer.poll_start(now)); // too early
/// now += Duration::from_secs(30);
/// assert_eq!(pacer.poll_timeout(), Some(now));
/// assert!(pacer.poll_start(now));
/// ```
#[derive(Debug)]
pub struct ResolvePacer {
    min_interval: Duration,
    backoff: Backoff,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Nothing was asked yet.
    Fresh,
    /// A look-up runs; `again` when another was wished for meanwhile.
    Running { again: bool },
    /// The last one succeeded; a wish is granted from `earliest` on.
    Resting { earliest: Instant },
    /// The same, and what it gave is out of date at `at`.
    Fading { earliest: Instant, at: Instant },
    /// One is to start at `at`.
    Due { at: Instant, after_failure: bool },
}

impl ResolvePacer {
    /// A pacer whose first look-up may start at once. The seed spreads the pauses of many clients.
    pub fn new(config: PacerConfig, seed: u64) -> Self {
        Self {
            min_interval: config.min_interval,
            backoff: Backoff::new(config.backoff, seed),
            state: State::Fresh,
        }
    }

    /// Whether a look-up is to start now; it then counts as started.
    pub fn poll_start(&mut self, now: Instant) -> bool {
        let start = match self.state {
            State::Fresh => true,
            State::Due { at, .. } | State::Fading { at, .. } => at <= now,
            State::Running { .. } | State::Resting { .. } => false,
        };
        if start {
            self.state = State::Running { again: false };
        }
        start
    }

    /// When [`poll_start`](Self::poll_start) will say yes, if nothing happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Due { at, .. } | State::Fading { at, .. } => Some(at),
            _ => None,
        }
    }

    /// Somebody wishes for a new look-up. Wishes are merged; one during a look-up counts for afterwards, one during a
    /// pause after a failure changes nothing.
    pub fn resolve_now(&mut self, now: Instant) {
        match &mut self.state {
            State::Running { again } => *again = true,
            State::Resting { earliest } | State::Fading { earliest, .. } => {
                self.state = State::Due {
                    at: now.max(*earliest),
                    after_failure: false,
                };
            }
            State::Fresh | State::Due { .. } => {}
        }
    }

    /// As [`on_success`](Self::on_success), for an answer that holds for `ttl`: then the next look-up starts by itself, but
    /// not before the minimum interval.
    pub fn on_success_for(&mut self, now: Instant, ttl: Duration) {
        self.on_success(now);
        if let State::Resting { earliest } = self.state {
            let expired = later(now, ttl);
            self.state = State::Fading {
                earliest,
                at: expired.max(earliest),
            };
        }
    }

    /// The look-up gave an update and the channel took it.
    pub fn on_success(&mut self, now: Instant) {
        let State::Running { again } = self.state else {
            return;
        };
        self.backoff.reset();
        let earliest = later(now, self.min_interval);
        self.state = if again {
            State::Due {
                at: earliest,
                after_failure: false,
            }
        } else {
            State::Resting { earliest }
        };
    }

    /// The look-up failed, or the channel refused what it gave.
    pub fn on_failure(&mut self, now: Instant) {
        if let State::Running { .. } = self.state {
            self.state = State::Due {
                at: later(now, self.backoff.next_delay()),
                after_failure: true,
            };
        }
    }

    /// Ends the pause after a failure and begins again with the shortest one; the minimum interval stays.
    pub fn reset_backoff(&mut self, now: Instant) {
        self.backoff.reset();
        if let State::Due {
            at,
            after_failure: true,
        } = &mut self.state
        {
            *at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_secs(30);

    fn pacer() -> (ResolvePacer, Instant) {
        (ResolvePacer::new(PacerConfig::default(), 5), Instant::now())
    }

    #[test]
    fn the_first_look_up_starts_at_once_and_only_one_runs() {
        let (mut pacer, now) = pacer();
        assert!(pacer.poll_start(now));
        assert!(!pacer.poll_start(now));
        pacer.resolve_now(now);
        assert!(!pacer.poll_start(now));
    }

    #[test]
    fn an_answer_is_asked_for_again_when_it_is_out_of_date_but_not_before_the_least_interval() {
        for (ttl, pause) in [(5, 30), (300, 300)] {
            let (mut pacer, now) = pacer();
            assert!(pacer.poll_start(now));
            pacer.on_success_for(now, Duration::from_secs(ttl));
            let at = now + Duration::from_secs(pause);
            assert_eq!(pacer.poll_timeout(), Some(at));
            assert!(!pacer.poll_start(at - Duration::from_millis(1)) && pacer.poll_start(at));
        }
        let (mut pacer, now) = pacer();
        assert!(pacer.poll_start(now));
        pacer.on_success_for(now, Duration::from_secs(300));
        pacer.resolve_now(now);
        assert_eq!(pacer.poll_timeout(), Some(now + MIN), "a wish comes first");
    }

    #[test]
    fn without_a_wish_nothing_starts_after_a_success() {
        let (mut pacer, now) = pacer();
        pacer.poll_start(now);
        pacer.on_success(now);
        assert_eq!(pacer.poll_timeout(), None);
        assert!(!pacer.poll_start(now + MIN * 100));
    }

    #[test]
    fn a_wish_is_granted_after_the_minimum_interval() {
        let (mut pacer, now) = pacer();
        pacer.poll_start(now);
        pacer.on_success(now);
        pacer.resolve_now(now + MIN / 2);
        pacer.resolve_now(now + MIN / 2);
        assert_eq!(pacer.poll_timeout(), Some(now + MIN));
        assert!(!pacer.poll_start(now + MIN - Duration::from_nanos(1)));
        assert!(pacer.poll_start(now + MIN));
        pacer.on_success(now + MIN);
        pacer.resolve_now(now + MIN * 5);
        assert!(pacer.poll_start(now + MIN * 5));
    }

    #[test]
    fn a_wish_during_a_look_up_counts_for_afterwards() {
        let (mut pacer, now) = pacer();
        pacer.poll_start(now);
        pacer.resolve_now(now);
        pacer.on_success(now);
        assert_eq!(pacer.poll_timeout(), Some(now + MIN));
    }

    #[test]
    fn failures_are_repeated_with_growing_pauses_and_wishes_do_not_shorten_them() {
        let (mut pacer, mut now) = pacer();
        let mut nominal = 1.0f64;
        for _ in 0..14 {
            assert!(pacer.poll_start(now));
            pacer.on_failure(now);
            pacer.resolve_now(now);
            let at = pacer.poll_timeout().unwrap();
            let pause = (at - now).as_secs_f64();
            assert!(
                (0.79..=1.21).contains(&(pause / nominal)),
                "{pause} {nominal}"
            );
            assert!(!pacer.poll_start(at - Duration::from_nanos(1)));
            nominal = (nominal * 1.6).min(120.0);
            now = at;
        }
        assert!(pacer.poll_start(now));
        pacer.on_success(now);
        pacer.resolve_now(now + MIN);
        assert!(pacer.poll_start(now + MIN));
        pacer.on_failure(now + MIN);
        let pause = pacer.poll_timeout().unwrap() - (now + MIN);
        assert!(
            pause <= Duration::from_millis(1200),
            "a success resets: {pause:?}"
        );
    }

    #[test]
    fn resetting_the_backoff_ends_the_pause_but_not_the_minimum_interval() {
        let (mut pacer, now) = pacer();
        pacer.poll_start(now);
        pacer.on_failure(now);
        pacer.reset_backoff(now);
        assert!(pacer.poll_start(now));
        pacer.on_success(now);
        pacer.resolve_now(now);
        pacer.reset_backoff(now);
        assert!(!pacer.poll_start(now));
    }

    #[test]
    fn settings_of_any_size_are_times_that_come_at_once_or_never_and_no_panic() {
        let times = [Duration::ZERO, Duration::from_nanos(1), Duration::MAX];
        for (gap, pause, ttl) in times
            .into_iter()
            .flat_map(|gap| times.map(|pause| (gap, pause)))
            .flat_map(|(gap, pause)| times.map(|ttl| (gap, pause, ttl)))
        {
            let mut config = PacerConfig {
                min_interval: gap,
                ..PacerConfig::default()
            };
            (config.backoff.base_delay, config.backoff.max_delay) = (pause, pause);
            let now = Instant::now();
            let mut pacer = ResolvePacer::new(config, 1);
            assert!(pacer.poll_start(now));
            pacer.on_failure(now);
            let again = pacer.poll_timeout().unwrap();
            assert_eq!(
                pacer.poll_start(now),
                pause < Duration::from_nanos(2) && again == now
            );
            let mut pacer = ResolvePacer::new(config, 1);
            assert!(pacer.poll_start(now));
            pacer.on_success_for(now, ttl);
            let (next, longest) = (pacer.poll_timeout().unwrap(), gap.max(ttl));
            match longest {
                Duration::MAX => assert!(next > now + Duration::from_secs(1 << 30)),
                longest => assert_eq!(next, now + longest),
            }
            pacer.resolve_now(now);
            assert_eq!(pacer.poll_start(now), gap.is_zero());
        }
    }
}
