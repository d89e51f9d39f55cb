//! Budgets for what costs us more than the peer: each act takes from a budget, time and useful work refill it.
//!
//! The numbers leave ordinary peers far away from every edge: a thousand cancelled calls a second for ever, a
//! bandwidth-probing PING with every batch of DATA, a PRIORITY with every request.

use crate::error::PeerMisbehaved;
use std::time::Instant;

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Act {
    /// RST_STREAM of the peer on a stream that we were working on (CVE-2023-44487).
    Reset,
    /// A stream that we had to reset for the peer's fault (CVE-2025-8671).
    StreamError,
    /// SETTINGS, which we acknowledge (CVE-2019-9515).
    Settings,
    /// PING, which we answer (CVE-2019-9512).
    Ping,
    /// DATA without payload and without END_STREAM (CVE-2019-9518).
    EmptyData,
    /// Any other frame that does nothing: PRIORITY, unknown types, frames on streams that are gone, interim
    /// responses; and WINDOW_UPDATE.
    Idle,
}

/// What refills a budget besides time.
#[derive(Clone, Copy, Debug)]
enum Earned {
    Nothing,
    /// By each DATA with payload and each header list, in either direction.
    ByFrames(u64),
    /// By each stream that ended as it should.
    ByStreams,
}

#[derive(Clone, Copy, Debug)]
struct Rule {
    burst: u64,
    per_second: u64,
    earned: Earned,
    crime: PeerMisbehaved,
}

impl Act {
    const COUNT: usize = 6;

    const fn rule(self) -> Rule {
        use PeerMisbehaved as Crime;
        let (burst, per_second, earned, crime) = match self {
            Act::Reset => (1000, 1000, Earned::ByStreams, Crime::TooManyResets),
            Act::StreamError => (1000, 100, Earned::ByStreams, Crime::TooManyStreamErrors),
            Act::Settings => (100, 10, Earned::Nothing, Crime::TooManySettings),
            Act::Ping => (1000, 100, Earned::ByFrames(1), Crime::TooManyPings),
            Act::EmptyData => (1000, 100, Earned::Nothing, Crime::TooManyEmptyFrames),
            Act::Idle => (10_000, 1000, Earned::ByFrames(2), Crime::TooManyIdleFrames),
        };
        Rule {
            burst,
            per_second,
            earned,
            crime,
        }
    }
}

/// The budgets of one connection.
#[derive(Clone, Debug)]
pub(super) struct Abuse {
    budgets: [Budget; Act::COUNT],
    frames: u64,
    streams: u64,
    replies: Replies,
}

/// What is spent, and up to when refills have been counted.
#[derive(Clone, Copy, Debug)]
struct Budget {
    spent: u64,
    refilled: Instant,
    earnings: u64,
}

/// Frames that the peer made us write and has not read. Counted in two generations, so that one
/// comparison now and then is enough: each generation is forgotten when the output before its end has left.
#[derive(Clone, Copy, Debug, Default)]
struct Replies {
    older: u32,
    older_end: u64,
    newer: u32,
}

/// Unread replies at which we give the peer up.
const MAX_REPLIES: u32 = 2000;

impl Abuse {
    pub(super) fn new(now: Instant) -> Abuse {
        let budget = Budget {
            spent: 0,
            refilled: now,
            earnings: 0,
        };
        Abuse {
            budgets: [budget; Act::COUNT],
            frames: 0,
            streams: 0,
            replies: Replies::default(),
        }
    }

    /// A frame that does something went either way.
    #[inline]
    pub(super) fn note_work(&mut self) {
        self.frames += 1;
    }

    /// A stream ended as it should.
    #[inline]
    pub(super) fn note_stream_done(&mut self) {
        self.streams += 1;
    }

    /// Takes one from the act's budget.
    pub(super) fn charge(&mut self, act: Act, now: Instant) -> Result<(), PeerMisbehaved> {
        let rule = act.rule();
        let earnings = match rule.earned {
            Earned::Nothing => 0,
            Earned::ByFrames(each) => self.frames * each,
            Earned::ByStreams => self.streams,
        };
        let budget = &mut self.budgets[act as usize];
        budget.spent += 1;
        if budget.spent > rule.burst {
            budget.refill(&rule, earnings, now);
        }
        if budget.spent > rule.burst {
            Err(rule.crime)
        } else {
            Ok(())
        }
    }

    /// A frame was written that the peer asked for; the output ends at `end` now and has been written up to `written`.
    pub(super) fn charge_reply(&mut self, end: u64, written: u64) -> Result<(), PeerMisbehaved> {
        let replies = &mut self.replies;
        if written >= replies.older_end {
            *replies = Replies {
                older: replies.newer,
                older_end: end,
                newer: 0,
            };
        }
        replies.newer += 1;
        if replies.older + replies.newer > MAX_REPLIES {
            return Err(PeerMisbehaved::TooManyUnreadReplies);
        }
        Ok(())
    }
}

impl Budget {
    /// Gives back what time and work have earned since the last refill. Only a budget that looks empty is
    /// refilled: until then it is a plain counter.
    fn refill(&mut self, rule: &Rule, earnings: u64, now: Instant) {
        let passed = now.saturating_duration_since(self.refilled);
        let by_time = u64::try_from(passed.as_millis())
            .unwrap_or(u64::MAX)
            .saturating_mul(rule.per_second)
            / 1000;
        let by_work = earnings - self.earnings;
        if by_time + by_work > 0 {
            self.spent = self.spent.saturating_sub(by_time.saturating_add(by_work));
            self.earnings = earnings;
            if by_time > 0 {
                self.refilled = now;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// How many acts pass, `per_second` of them, with `work` between each two.
    fn lasts(act: Act, per_second: u32, work: impl Fn(&mut Abuse)) -> usize {
        let start = Instant::now();
        let mut abuse = Abuse::new(start);
        (0..20_000)
            .take_while(|&i| {
                work(&mut abuse);
                abuse
                    .charge(act, start + Duration::from_secs(1) * i / per_second)
                    .is_ok()
            })
            .count()
    }

    #[test]
    fn a_flood_ends_soon_after_the_burst() {
        for (act, burst) in [
            (Act::Reset, 1000),
            (Act::StreamError, 1000),
            (Act::Settings, 100),
            (Act::Ping, 1000),
        ] {
            let lasted = lasts(act, 100_000, |_| ());
            assert!((burst..burst + 50).contains(&lasted), "{act:?}: {lasted}");
        }
    }

    #[test]
    fn rapid_reset_is_not_refilled_by_its_own_header_lists() {
        assert!(lasts(Act::Reset, 100_000, Abuse::note_work) < 1100);
    }

    #[test]
    fn a_thousand_cancelled_calls_a_second_go_on_for_ever() {
        assert_eq!(lasts(Act::Reset, 1000, |_| ()), 20_000);
    }

    #[test]
    fn more_cancelled_calls_are_earned_by_calls_that_complete() {
        assert_eq!(lasts(Act::Reset, 100_000, Abuse::note_stream_done), 20_000);
    }

    #[test]
    fn a_ping_with_each_data_frame_is_earned() {
        assert_eq!(lasts(Act::Ping, 1_000_000, Abuse::note_work), 20_000);
    }

    #[test]
    fn replies_that_are_read_are_forgotten_and_others_end_the_connection() {
        let mut abuse = Abuse::new(Instant::now());
        for i in 0..100_000 {
            abuse.charge_reply(i + 1, i.saturating_sub(500)).unwrap();
        }
        let unread = (0..)
            .take_while(|&i| abuse.charge_reply(100_001 + i, 100_000).is_ok())
            .count();
        assert!((500..=2000).contains(&unread), "{unread}");
    }
}
