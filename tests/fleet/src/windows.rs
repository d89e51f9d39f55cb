//! How evenly calls are spread, in every window of two seconds in which nothing happens.

use crate::wire::SLOTS;
use std::time::{Duration, Instant};

/// How long a window is.
pub const WINDOW: Duration = Duration::from_secs(2);

/// So much of the mean may lie between the most and the least that a backend got.
const EVEN: f64 = 0.01;

/// What had been sent to each backend at a time.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When.
    pub at: Instant,
    /// Requests since the beginning.
    pub sent: [u64; SLOTS],
}

/// The windows between two samples' times.
#[derive(Clone, Copy, Default, Debug)]
pub struct Spread {
    /// How many were looked at.
    pub windows: usize,
    /// The worst: the difference between the most and the least that a backend got, of the mean.
    pub worst: f64,
    /// In how many windows that was more than a hundredth, and more than one request for each client: a client's turns cannot be
    /// finer than that, and a machine that is busy with something else sends few.
    pub uneven: usize,
    /// The fewest requests that any backend got in one: how fine that measure is.
    pub fewest: u64,
    /// Requests to those that should have got none.
    pub strays: u64,
}

/// Looks at every window within `samples`, which are of a time without events, for these backends and so many clients.
pub fn spread(samples: &[Sample], backends: &[usize], clients: usize) -> Spread {
    let mut spread = Spread {
        fewest: u64::MAX,
        ..Spread::default()
    };
    for (index, from) in samples.iter().enumerate() {
        let Some(to) = samples[index..].iter().find(|to| to.at - from.at >= WINDOW) else {
            break;
        };
        let got = |slot: &usize| to.sent[*slot] - from.sent[*slot];
        let all: u64 = (0..SLOTS).map(|slot| got(&slot)).sum();
        let counts: Vec<_> = backends.iter().map(got).collect();
        let (least, most) = (counts.iter().min(), counts.iter().max());
        let (least, most) = (*least.unwrap_or(&0), *most.unwrap_or(&0));
        let sum: u64 = counts.iter().sum();
        let mean = sum as f64 / counts.len().max(1) as f64;
        spread.windows += 1;
        let between = (most - least) as f64;
        spread.worst = spread.worst.max(between / mean.max(1.0));
        spread.uneven += usize::from(between > (EVEN * mean).max(clients as f64));
        spread.fewest = spread.fewest.min(least);
        spread.strays += all - sum;
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(each: impl Fn(u64) -> [u64; 3]) -> Vec<Sample> {
        let start = Instant::now();
        let sample = |tenth| {
            let mut sent = [0; SLOTS];
            sent[1..4].copy_from_slice(&each(tenth));
            let at = start + Duration::from_millis(100 * tenth);
            Sample { at, sent }
        };
        (0..=30).map(sample).collect()
    }

    #[test]
    fn even_windows_have_no_spread_and_a_lopsided_one_is_seen() {
        let even = spread(&samples(|tenth| [tenth * 50; 3]), &[1, 2, 3], 8);
        assert_eq!((even.windows, even.worst, even.fewest), (11, 0.0, 1000));
        let burst = |tenth| {
            [
                tenth * 50,
                tenth * 50 + 20 * u64::from(tenth > 25),
                tenth * 50,
            ]
        };
        let lopsided = spread(&samples(burst), &[1, 2, 3], 8);
        assert!((0.019..0.021).contains(&lopsided.worst), "{lopsided:?}");
        assert_eq!((even.uneven, lopsided.uneven), (0, 5));
        let by_turns = spread(&samples(burst), &[1, 2, 3], 20);
        assert_eq!(by_turns.uneven, 0);
    }

    #[test]
    fn calls_to_those_who_are_not_meant_are_strays() {
        let found = spread(&samples(|tenth| [tenth, tenth, tenth / 30]), &[1, 2], 8);
        assert_eq!(found.strays, 1);
    }

    #[test]
    fn a_time_that_is_too_short_has_no_window() {
        assert_eq!(spread(&samples(|_| [0; 3])[..20], &[1], 8).windows, 0);
    }
}
