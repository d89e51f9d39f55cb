//! How long the handlers that a connection polls inline take, with as few looks at the clock as possible.

use crate::clock;
use std::time::{Duration, Instant};

/// Polls between two looks at the clock while nothing is suspicious. A look costs 22 ns, a short call 800.
const STRIDE: u8 = 8;
/// A stride that took longer makes each poll's time be taken for a while: one of them was long, or most were not short.
const SUSPICIOUS: Duration = Duration::from_micros(150);
/// For so many polls.
const CLOSELY: u8 = 64;

/// A stop-watch: per poll at first and after anything suspicious, else per stride.
pub(super) struct Watch {
    /// The last look at the clock: the end of what came before is the start of what comes after.
    last: Option<Instant>,
    /// Polls since then.
    polls: u8,
    /// So many polls are still to be timed one by one.
    closely: u8,
}

impl Default for Watch {
    fn default() -> Self {
        Watch {
            last: None,
            polls: 0,
            closely: CLOSELY,
        }
    }
}

impl Watch {
    /// A poll begins. `now`: when the batch that it belongs to began.
    #[inline]
    pub(super) fn begin(&mut self, now: Instant) {
        if self.last.is_none_or(|last| last < now) {
            (self.last, self.polls) = (Some(now), 0);
        }
    }

    /// The poll has ended. `Some`: this one took so long, and when it ended.
    #[inline]
    pub(super) fn end(&mut self) -> Option<(Instant, Duration)> {
        self.polls += 1;
        if self.closely == 0 && self.polls < STRIDE {
            return None;
        }
        self.look(clock::now())
    }

    fn look(&mut self, end: Instant) -> Option<(Instant, Duration)> {
        let elapsed = end.saturating_duration_since(self.last.replace(end)?);
        let polls = std::mem::take(&mut self.polls);
        if elapsed > SUSPICIOUS {
            self.closely = CLOSELY;
        } else {
            self.closely = self.closely.saturating_sub(1);
        }
        (polls == 1).then_some((end, elapsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICRO: Duration = Duration::from_micros(1);

    /// Polls that take `each`, as long as their time is taken; how many that were.
    fn timed(watch: &mut Watch, now: &mut Instant, each: Duration, polls: usize) -> usize {
        let mut count = 0;
        for _ in 0..polls {
            watch.begin(Instant::now() - Duration::from_secs(3600));
            *now += each;
            watch.polls += 1;
            if watch.closely > 0 || watch.polls == STRIDE {
                count += usize::from(watch.look(*now).is_some());
            }
        }
        count
    }

    fn trusting() -> (Watch, Instant) {
        let (mut watch, mut now) = (Watch::default(), Instant::now());
        watch.begin(now);
        assert_eq!(
            timed(&mut watch, &mut now, MICRO, 1000),
            usize::from(CLOSELY)
        );
        (watch, now)
    }

    #[test]
    fn the_first_polls_are_timed_one_by_one_and_then_strides() {
        trusting();
    }

    #[test]
    fn a_long_poll_within_a_stride_makes_the_next_polls_be_timed() {
        let (mut watch, mut now) = trusting();
        assert_eq!(timed(&mut watch, &mut now, MICRO, 3), 0);
        timed(&mut watch, &mut now, Duration::from_millis(1), 1);
        timed(&mut watch, &mut now, MICRO, usize::from(STRIDE) - 4);
        assert_eq!(timed(&mut watch, &mut now, MICRO, 10), 10);
    }

    #[test]
    fn many_middling_polls_are_suspicious_too() {
        let (mut watch, mut now) = trusting();
        let middling = 25 * MICRO;
        timed(&mut watch, &mut now, middling, usize::from(STRIDE));
        assert_eq!(timed(&mut watch, &mut now, middling, 10), 10);
    }

    #[test]
    fn time_between_batches_is_not_counted() {
        let now = Instant::now();
        let mut watch = Watch::default();
        watch.begin(now);
        let later = now + Duration::from_secs(1);
        watch.begin(later);
        watch.polls += 1;
        assert_eq!(watch.look(later + MICRO), Some((later + MICRO, MICRO)));
    }
}
