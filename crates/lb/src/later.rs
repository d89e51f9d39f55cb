//! Points in time that settings of any size are added to.

use std::time::{Duration, Instant};

/// What a duration that no clock can count means: about a hundred years.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// `after` from `now`, or a point that nobody waits for, if that is beyond what an [`Instant`] can say.
pub(crate) fn later(now: Instant, after: Duration) -> Instant {
    now.checked_add(after).unwrap_or_else(|| now + FAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_duration_is_far_away_and_no_panic() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        assert_eq!(later(now, second), now + second);
        assert_eq!(later(now, Duration::ZERO), now);
        assert!(later(now, Duration::MAX) >= now + FAR);
    }
}
