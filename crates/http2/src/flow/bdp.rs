//! Estimation of the bandwidth-delay product: how large windows must be to keep the path full.
//!
//! A PING is sent together with a WINDOW_UPDATE; the DATA that led to it and what arrives until its answer is what the path holds.
//! If that comes near the present window, and faster by a quarter than ever before, the window becomes twice that: where the window
//! is the limit, twice of it brings twice the speed; where the path is, the answer only comes later, behind more octets that wait on it, and so
//! would everything else on the connection.
//! Only streams of data that use up half a window lead to samples at all: small calls never pay for it.

use std::time::{Duration, Instant};

/// Share of the window that a sample must reach to say that the window may be the limit.
const NEAR: f64 = 0.66;
/// How much faster than the best one so far a sample must be. Round trips may vary by a factor of 1.6 before they hide a doubled speed.
const FASTER: f64 = 1.25;
const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// The estimator of one connection.
#[derive(Clone, Debug)]
pub(crate) struct BdpEstimator {
    estimate: u32,
    limit: u32,
    sample: Option<Sample>,
    /// Octets per second.
    best: f64,
    /// Samples that change nothing become rarer.
    pause: Duration,
    not_before: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    begun: Instant,
    bytes: u64,
}

impl BdpEstimator {
    /// Begins with windows of `initial`; never goes above `limit`. With `limit` ≤ `initial` it is off.
    pub(crate) fn new(initial: u32, limit: u32) -> BdpEstimator {
        BdpEstimator {
            estimate: initial,
            limit,
            sample: None,
            best: 0.0,
            pause: Duration::ZERO,
            not_before: None,
        }
    }

    /// DATA arrived.
    #[inline]
    pub(crate) fn on_data(&mut self, len: u32) {
        if let Some(sample) = &mut self.sample {
            sample.bytes += u64::from(len);
        }
    }

    /// A WINDOW_UPDATE over `increment` is about to be sent: whether a PING shall ride with it. If so, a sample has
    /// begun. The octets that the increment stands for belong to it: a sender that waits for the window sends nothing
    /// between its last octet and the PING, and would never be seen to wait.
    pub(crate) fn begin(&mut self, now: Instant, increment: u32) -> bool {
        let due = self.not_before.is_none_or(|at| now >= at);
        if self.estimate >= self.limit || self.sample.is_some() || !due {
            return false;
        }
        self.sample = Some(Sample {
            begun: now,
            bytes: u64::from(increment),
        });
        true
    }

    /// The PING's answer came. `Some` with the new window if it should grow.
    pub(crate) fn end(&mut self, now: Instant) -> Option<u32> {
        let sample = self.sample.take()?;
        let taken = now
            .saturating_duration_since(sample.begun)
            .as_secs_f64()
            .max(1e-6);
        // By the sample's own time: a smoothed round trip lags behind as the queue grows, and every larger window would look faster.
        let bandwidth = sample.bytes as f64 / taken;
        let faster = bandwidth > self.best * FASTER;
        self.best = self.best.max(bandwidth);
        if faster && sample.bytes as f64 >= NEAR * f64::from(self.estimate) {
            let doubled = u32::try_from(sample.bytes * 2)
                .unwrap_or(u32::MAX)
                .min(self.limit);
            if doubled > self.estimate {
                self.estimate = doubled;
                self.pause = Duration::ZERO;
                // The new window shows its effect a round trip after the peer has heard of it.
                self.not_before = Some(now + Duration::from_secs_f64(2.0 * taken));
                return Some(doubled);
            }
        }
        self.pause = (self.pause * 2).clamp(MIN_PAUSE, MAX_PAUSE);
        self.not_before = Some(now + self.pause);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path of `bandwidth` octets per second and 10 ms, used as far as the window allows.
    fn run(bdp: &mut BdpEstimator, bandwidth: u32, rounds: u32) -> u32 {
        let mut now = Instant::now();
        let round_trip = Duration::from_millis(10);
        for _ in 0..rounds {
            now += Duration::from_secs(20);
            if bdp.begin(now, 0) {
                let window = bdp.estimate;
                bdp.on_data(window.min(bandwidth / 100));
                now += round_trip;
                bdp.end(now);
            }
        }
        bdp.estimate
    }

    #[test]
    fn a_fat_path_grows_the_window_to_the_limit_and_then_sampling_stops() {
        let mut bdp = BdpEstimator::new(65_535, 4 << 20);
        assert_eq!(run(&mut bdp, 1 << 30, 12), 4 << 20);
        assert!(!bdp.begin(Instant::now() + Duration::from_secs(1000), 0));
    }

    #[test]
    fn a_thin_path_leaves_the_window_alone() {
        let mut bdp = BdpEstimator::new(65_535, 4 << 20);
        assert_eq!(run(&mut bdp, 1_000_000, 12), 65_535);
    }

    #[test]
    fn a_window_ends_at_about_twice_the_product() {
        let mut bdp = BdpEstimator::new(65_535, 16 << 20);
        let end = run(&mut bdp, 50_000_000, 20); // a product of 500,000
        assert!((900_000..=1_100_000).contains(&end), "{end}");
    }

    #[test]
    fn a_window_does_not_grow_with_the_queue_that_it_makes() {
        let mut bdp = BdpEstimator::new(65_535, 16 << 20);
        let mut now = Instant::now();
        for _ in 0..20 {
            now += Duration::from_secs(20);
            if !bdp.begin(now, 0) {
                continue;
            }
            // 1 GB/s and 100 µs: what the path does not hold waits in front of it.
            let sent = bdp.estimate;
            bdp.on_data(sent);
            now += Duration::from_micros(100).max(Duration::from_nanos(u64::from(sent)));
            bdp.end(now);
        }
        assert!(
            (200_000..=300_000).contains(&bdp.estimate),
            "{}",
            bdp.estimate
        );
    }

    #[test]
    fn samples_that_change_nothing_become_rarer() {
        let mut bdp = BdpEstimator::new(65_535, 16 << 20);
        let now = Instant::now();
        assert!(bdp.begin(now, 0));
        assert!(!bdp.begin(now, 0), "one at a time");
        bdp.end(now);
        assert!(!bdp.begin(now, 0));
        assert!(bdp.begin(now + MIN_PAUSE, 0));
        bdp.end(now + MIN_PAUSE);
        assert!(!bdp.begin(now + MIN_PAUSE * 2, 0));
    }
}
