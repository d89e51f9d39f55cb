//! What came of calls, phase by phase.

use farcall::Status;
use std::{collections::BTreeMap, time::Duration};

/// What kind of call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// One message each way.
    Unary,
    /// A stream of replies.
    Replies,
    /// A stream of requests.
    Requests,
    /// Streams both ways.
    Both,
}

/// Calls of one phase.
#[derive(Clone, Default, Debug)]
pub struct Phase {
    /// How many.
    pub calls: u64,
    /// Unary calls that failed.
    pub unary: u64,
    /// Streams that failed before the client had got anything: those that a retry could have saved.
    pub uncommitted: u64,
    /// Streams that failed later.
    pub committed: u64,
    /// One failure for each code.
    pub examples: BTreeMap<i32, String>,
    /// How long those that succeeded took, in µs.
    pub latencies: Vec<u32>,
}

impl Phase {
    /// The time within which so many per mille of the successful calls were over; sorts first.
    pub fn quantile(&mut self, per_mille: usize) -> Duration {
        self.latencies.sort_unstable();
        let index = self.latencies.len() * per_mille / 1000;
        let last = self.latencies.len().saturating_sub(1);
        let micros = self.latencies.get(index.min(last)).copied();
        Duration::from_micros(micros.unwrap_or_default().into())
    }

    /// Failures that no fleet should show its clients.
    pub fn avoidable(&self) -> u64 {
        self.unary + self.uncommitted
    }
}

/// Calls by the phase in which they ended.
#[derive(Default, Debug)]
pub struct Tally {
    phases: Vec<Phase>,
}

impl Tally {
    /// One more.
    pub fn add(
        &mut self,
        phase: usize,
        shape: Shape,
        took: Duration,
        committed: bool,
        outcome: Result<(), Status>,
    ) {
        let phase = self.phase(phase);
        phase.calls += 1;
        let status = match outcome {
            Ok(()) => return phase.latencies.push(took.as_micros() as u32),
            Err(status) => status,
        };
        match (shape, committed) {
            (Shape::Unary, _) => phase.unary += 1,
            (_, false) => phase.uncommitted += 1,
            (_, true) => phase.committed += 1,
        }
        let told = || format!("{shape:?}: {}", status);
        phase
            .examples
            .entry(status.code() as i32)
            .or_insert_with(told);
    }

    /// Those of both.
    pub fn merge(&mut self, other: Tally) {
        for (number, more) in other.phases.into_iter().enumerate() {
            let phase = self.phase(number);
            phase.calls += more.calls;
            phase.unary += more.unary;
            phase.uncommitted += more.uncommitted;
            phase.committed += more.committed;
            phase.latencies.extend(more.latencies);
            for (code, example) in more.examples {
                phase.examples.entry(code).or_insert(example);
            }
        }
    }

    /// What ended in a phase.
    pub fn phase(&mut self, number: usize) -> &mut Phase {
        if self.phases.len() <= number {
            self.phases.resize_with(number + 1, Phase::default);
        }
        &mut self.phases[number]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_before_the_first_message_and_of_unary_calls_are_avoidable() {
        let mut tally = Tally::default();
        let lost = || Err(Status::unavailable("lost"));
        for (shape, committed) in [
            (Shape::Unary, false),
            (Shape::Requests, false),
            (Shape::Both, true),
        ] {
            tally.add(2, shape, Duration::ZERO, committed, lost());
        }
        tally.add(2, Shape::Both, Duration::from_micros(7), true, Ok(()));
        let phase = tally.phase(2);
        assert_eq!((phase.calls, phase.avoidable(), phase.committed), (4, 2, 1));
        assert_eq!(phase.quantile(990), Duration::from_micros(7));
    }
}
