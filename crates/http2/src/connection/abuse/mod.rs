//! The account of what costs us more than the peer: each act is charged to a [`Budget`](crate::Budget), time and useful work
//! refill it.

mod replies;
mod strikes;

#[cfg(test)]
mod tests;

use crate::{
    budget::{Act, Budget},
    error::PeerMisbehaved,
};
pub(super) use replies::Replies;
use std::time::{Duration, Instant};
use strikes::Strikes;

/// The longest single pause in reading that a spent budget asks for: keepalive and deadlines hardly notice it.
const MAX_PAUSE: Duration = Duration::from_millis(50);

/// What one reset of ours earns for header lists that were on their way.
const LATE_PER_RESET: u64 = 16;
/// For so many bytes that were sent one WINDOW_UPDATE is in order.
const CREDITED: u64 = 1024;
/// The smallest message of gRPC's: DATA on its way may be as small.
const SMALLEST_MESSAGE: u32 = 5;

/// The budgets of one connection.
#[derive(Clone, Debug)]
pub(super) struct Abuse {
    /// What is spent of each budget. Until a budget looks half empty this is a plain counter.
    spent: [u32; Act::COUNT],
    /// There when a budget has looked half empty for the first time: with most peers none ever does.
    refills: Option<Box<[Refill; Act::COUNT]>>,
    work: Work,
    pub(super) replies: Replies,
    strikes: Strikes,
    /// No more is to be read before this.
    pause: Option<Instant>,
    start: Instant,
}

/// What refills budgets besides time, counted since the beginning.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    /// DATA with payload and header lists that did something, by direction.
    received: u64,
    sent: u64,
    sent_bytes: u64,
    /// Streams that ended as they should.
    streams: u64,
    /// Frames that may have been on their way on streams that we reset.
    late: u64,
}

/// Up to when refills of one budget have been counted.
#[derive(Clone, Copy, Debug, Default)]
struct Refill {
    /// Milliseconds since the connection's start. They wrap after 49 days: then a refill may be missed.
    refilled: u32,
    /// What refills have taken off `spent`.
    forgiven: u64,
    earnings: u64,
}

impl Abuse {
    pub(super) fn new(now: Instant) -> Abuse {
        Abuse {
            spent: [0; Act::COUNT],
            refills: None,
            work: Work::default(),
            replies: Replies::default(),
            strikes: Strikes::default(),
            pause: None,
            start: now,
        }
    }

    /// DATA or a header list of the peer's did something.
    #[inline]
    pub(super) fn note_received(&mut self) {
        self.work.received += 1;
    }

    /// A header list was sent, or DATA with so many bytes.
    #[inline]
    pub(super) fn note_sent(&mut self, bytes: u32) {
        self.work.sent += 1;
        self.work.sent_bytes += u64::from(bytes);
    }

    /// A stream ended as it should.
    #[inline]
    pub(super) fn note_stream_done(&mut self) {
        self.work.streams += 1;
    }

    /// We reset a stream; the peer had `window` bytes to send on it, and may have sent them.
    pub(super) fn note_reset(&mut self, window: u32) {
        self.work.late += LATE_PER_RESET + u64::from(window / SMALLEST_MESSAGE);
    }

    /// Counts what has no limit.
    pub(super) fn count(&mut self, act: Act) {
        let spent = &mut self.spent[act as usize];
        match spent.checked_add(1) {
            Some(more) => *spent = more,
            None => {
                let spent = std::mem::replace(spent, 1);
                self.refills.get_or_insert_default()[act as usize].forgiven += u64::from(spent);
            }
        }
    }

    /// How often it was done since the beginning.
    pub(super) fn counted(&self, act: Act) -> u64 {
        let refills = self.refills.as_ref();
        let forgiven = refills.map_or(0, |refills| refills[act as usize].forgiven);
        forgiven + u64::from(self.spent[act as usize])
    }

    /// Takes `times` from the act's budget.
    #[inline]
    pub(super) fn charge(
        &mut self,
        act: Act,
        times: u32,
        budget: Budget,
        now: Instant,
    ) -> Result<(), PeerMisbehaved> {
        let spent = &mut self.spent[act as usize];
        *spent = spent.saturating_add(times);
        if *spent <= budget.free() {
            return Ok(());
        }
        self.press(act, budget, now)
    }

    /// More than half of the budget seems to be spent.
    #[cold]
    fn press(&mut self, act: Act, budget: Budget, now: Instant) -> Result<(), PeerMisbehaved> {
        let earnings = self.work.earnings(act);
        let spent = &mut self.spent[act as usize];
        let refill = &mut self.refills.get_or_insert_default()[act as usize];
        let passed = now.saturating_duration_since(self.start);
        let unused = refill.apply(spent, budget, earnings, passed.as_millis() as u32);
        if act == Act::Late {
            // Frames that are on their way come when they come. Other work earns only what is spent by then.
            refill.earnings -= unused.min(refill.earnings);
        }

        let spent = *spent;
        if spent > budget.burst {
            return Err(act.crime());
        }
        let over = spent.saturating_sub(budget.free());
        if over > 0 {
            let until = now + pause(over, budget.per_second);
            self.pause = self.pause.max(Some(until));
        }
        Ok(())
    }

    /// A PING of a client's has come; `idle`: no stream is open, and that calls for fewer of them.
    pub(super) fn charge_keepalive(
        &mut self,
        now: Instant,
        min_interval: Duration,
        max_strikes: u32,
    ) -> Result<(), PeerMisbehaved> {
        self.strikes
            .on_ping(now, self.work.sent, min_interval, max_strikes)
    }

    /// Until when reading is paused.
    #[inline]
    pub(super) fn pause(&self) -> Option<Instant> {
        self.pause
    }

    /// The time of a pause may be over.
    pub(super) fn on_timeout(&mut self, now: Instant) {
        if self.pause.is_some_and(|until| until <= now) {
            self.pause = None;
        }
    }
}

impl Work {
    /// What useful work has earned for an act so far.
    fn earnings(&self, act: Act) -> u64 {
        let frames = self.received + self.sent;
        match act {
            Act::Reset | Act::StreamError | Act::Refusal => self.streams,
            Act::Ping | Act::TinyData | Act::Dribble => frames,
            // Readers may give credit back, to stream and connection, for each small piece that they take out of a large frame.
            Act::Idle => 2 * frames + self.sent_bytes / CREDITED,
            Act::Late => self.late,
            Act::Settings | Act::EmptyData | Act::GoAway => 0,
        }
    }
}

/// How long it takes until `over` is earned back.
fn pause(over: u32, per_second: u32) -> Duration {
    if per_second == 0 {
        return MAX_PAUSE;
    }
    (Duration::from_secs(over.into()) / per_second).clamp(Duration::from_millis(1), MAX_PAUSE)
}

impl Refill {
    /// Gives back what time and work have earned since the last refill. Answers how much of the work was not needed.
    fn apply(&mut self, spent: &mut u32, budget: Budget, earnings: u64, now: u32) -> u64 {
        let passed = u64::from(now.wrapping_sub(self.refilled));
        let by_time = passed * u64::from(budget.per_second) / 1000;
        if by_time > 0 {
            // Not up to now: what is left of the time counts next time.
            let used = by_time * 1000 / u64::from(budget.per_second);
            self.refilled = self.refilled.wrapping_add(used as u32);
        }
        let by_work = earnings - self.earnings;
        self.earnings = earnings;
        let left = u64::from(*spent).saturating_sub(by_time);
        let rest = u32::try_from(left.saturating_sub(by_work)).unwrap_or(0);
        self.forgiven += u64::from(*spent - rest);
        *spent = rest;
        by_work.saturating_sub(left)
    }
}
