//! Exponential backoff with jitter (gRPC's connection-backoff document).

use crate::random::XorShift;
use std::time::Duration;

/// How waits grow. The defaults are gRPC's for connecting.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct BackoffConfig {
    /// Wait after the first failure. Default 1 s.
    pub base_delay: Duration,
    /// Factor from one wait to the next. Default 1.6.
    pub multiplier: f64,
    /// Each wait is spread evenly over ± this share of itself. Default 0.2.
    pub jitter: f64,
    /// Upper bound of the wait before jitter. Default 120 s.
    pub max_delay: Duration,
}

impl Default for BackoffConfig {
    fn default() -> BackoffConfig {
        BackoffConfig {
            base_delay: Duration::from_secs(1),
            multiplier: 1.6,
            jitter: 0.2,
            max_delay: Duration::from_secs(120),
        }
    }
}

/// The sequence of waits between attempts that keep failing.
///
/// The seed is an argument, so that simulations repeat and clients that start together do not stay together.
///
/// ```
/// use farcall_core::backoff::{Backoff, BackoffConfig};
/// use std::time::Duration;
///
/// let mut backoff = Backoff::new(BackoffConfig::default(), 42);
/// let first = backoff.next_delay();
/// assert!(first >= Duration::from_millis(800) && first <= Duration::from_millis(1200));
/// backoff.reset(); // after a success
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    config: BackoffConfig,
    /// The next wait before jitter, in seconds.
    current: f64,
    random: XorShift,
}

impl Backoff {
    /// Starts at the base delay.
    pub fn new(config: BackoffConfig, seed: u64) -> Backoff {
        Backoff {
            config,
            current: config.base_delay.as_secs_f64(),
            random: XorShift::new(seed),
        }
    }

    /// How long to wait after one more failure.
    pub fn next_delay(&mut self) -> Duration {
        let max = self.config.max_delay.as_secs_f64();
        let current = self.current.min(max);
        self.current = (current * self.config.multiplier).min(max);
        let spread = 1.0 + self.config.jitter * (2.0 * self.random.next_f64() - 1.0);
        Duration::try_from_secs_f64(current * spread).unwrap_or(self.config.max_delay)
    }

    /// Begins again at the base delay: an attempt has succeeded.
    pub fn reset(&mut self) {
        self.current = self.config.base_delay.as_secs_f64();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nominal(attempt: u32) -> f64 {
        1.6f64.powi(attempt as i32).min(120.0)
    }

    #[test]
    fn waits_grow_by_the_multiplier_up_to_the_maximum_and_stay_within_the_jitter() {
        for seed in 0..500 {
            let mut backoff = Backoff::new(BackoffConfig::default(), seed);
            for attempt in 0..20 {
                let delay = backoff.next_delay().as_secs_f64();
                let nominal = nominal(attempt);
                assert!(
                    delay >= nominal * 0.799 && delay <= nominal * 1.201,
                    "attempt {attempt}: {delay}"
                );
            }
        }
    }

    #[test]
    fn jitter_spreads_over_the_whole_range() {
        let first: Vec<f64> = (0..500)
            .map(|seed| {
                Backoff::new(BackoffConfig::default(), seed)
                    .next_delay()
                    .as_secs_f64()
            })
            .collect();
        assert!(first.iter().any(|d| *d < 0.83) && first.iter().any(|d| *d > 1.17));
    }

    #[test]
    fn the_same_seed_gives_the_same_waits() {
        let (mut a, mut b) = (
            Backoff::new(BackoffConfig::default(), 9),
            Backoff::new(BackoffConfig::default(), 9),
        );
        for _ in 0..10 {
            assert_eq!(a.next_delay(), b.next_delay());
        }
    }

    #[test]
    fn reset_begins_again_at_the_base_delay() {
        let mut backoff = Backoff::new(
            BackoffConfig {
                jitter: 0.0,
                ..BackoffConfig::default()
            },
            1,
        );
        backoff.next_delay();
        backoff.next_delay();
        backoff.reset();
        assert_eq!(backoff.next_delay(), Duration::from_secs(1));
    }

    #[test]
    fn absurd_configuration_does_not_panic() {
        let config = BackoffConfig {
            multiplier: f64::INFINITY,
            jitter: 5.0,
            ..BackoffConfig::default()
        };
        let mut backoff = Backoff::new(config, 3);
        for _ in 0..100 {
            backoff.next_delay();
        }
    }
}
