//! What is remembered of streams that are gone: frames for a stream that we reset may still be on their way and
//! are no crime (RFC 9113 §5.1), those for other closed streams are.

use std::collections::VecDeque;

/// Streams that we reset and remember.
const RESETS: usize = 1024;
/// Ranges of skipped ids that we remember.
const SKIPS: usize = 16;

/// What a closed stream's id tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Past {
    /// We reset it, perhaps too long ago to be sure.
    WeReset,
    /// It was never used: a later id was opened first (RFC 9113 §5.1.1).
    Skipped,
    /// It ended otherwise.
    Ended,
}

#[derive(Debug, Default)]
pub(crate) struct Memory {
    resets: VecDeque<u32>,
    /// The highest id among resets that were forgotten: at or below it nothing is certain.
    forgotten: u32,
    /// First and last id of ranges that were never opened.
    skips: VecDeque<(u32, u32)>,
}

impl Memory {
    pub(crate) fn we_reset(&mut self, id: u32) {
        if self.resets.len() == RESETS {
            let oldest = self.resets.pop_front().unwrap_or(0);
            self.forgotten = self.forgotten.max(oldest);
        }
        self.resets.push_back(id);
    }

    /// The peer opened `next` after `last`, both odd or both even.
    #[inline]
    pub(crate) fn opened(&mut self, last: u32, next: u32) {
        // Before the first one `last` is 0, and ids begin with 1 or 2.
        if next.saturating_sub(last) > 2 {
            if self.skips.len() == SKIPS {
                self.skips.pop_front();
            }
            self.skips.push_back((last + 1, next - 1));
        }
    }

    pub(crate) fn past(&self, id: u32) -> Past {
        if self.resets.contains(&id) {
            Past::WeReset
        } else if self
            .skips
            .iter()
            .any(|&(first, last)| (first..=last).contains(&id))
        {
            Past::Skipped
        } else if id <= self.forgotten {
            Past::WeReset
        } else {
            Past::Ended
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_are_remembered_and_when_forgotten_given_the_benefit_of_the_doubt() {
        let mut memory = Memory::default();
        for id in (1..).step_by(4).take(RESETS + 1) {
            memory.we_reset(id);
        }
        assert_eq!(memory.past(5), Past::WeReset);
        assert_eq!(memory.past(7), Past::Ended);
        assert_eq!(memory.past(1), Past::WeReset, "forgotten");
    }

    #[test]
    fn ids_that_were_jumped_over_were_never_used() {
        let mut memory = Memory::default();
        memory.opened(0, 1);
        memory.opened(1, 3);
        memory.opened(3, 9);
        assert_eq!(memory.past(3), Past::Ended);
        assert_eq!(memory.past(5), Past::Skipped);
        assert_eq!(memory.past(7), Past::Skipped);
        assert_eq!(memory.past(9), Past::Ended);
    }
}
