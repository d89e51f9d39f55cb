//! Frames that the peer made us write and has not read.

use crate::error::PeerMisbehaved;

/// Counted in two generations, so that one comparison now and then is enough: each generation is forgotten
/// when the output before its end has left.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Replies {
    older: u32,
    older_end: u64,
    newer: u32,
}

impl Replies {
    /// A frame was written that the peer asked for; the output ends at `end` now and has been written up to `written`.
    pub(crate) fn charge(
        &mut self,
        end: u64,
        written: u64,
        max: u32,
    ) -> Result<(), PeerMisbehaved> {
        self.forget(end, written);
        self.newer += 1;
        if self.older + self.newer > max {
            return Err(PeerMisbehaved::TooManyUnreadReplies);
        }
        Ok(())
    }

    /// Whether so many wait that nothing more should be read for now: a quarter of `max`.
    #[inline]
    pub(crate) fn are_many(&mut self, end: u64, written: u64, max: u32) -> bool {
        if self.older + self.newer <= max / 4 {
            return false;
        }
        self.forget(end, written);
        end > written && self.older + self.newer > max / 4
    }

    fn forget(&mut self, end: u64, written: u64) {
        if written >= self.older_end {
            *self = Replies {
                older: self.newer,
                older_end: end,
                newer: 0,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_that_are_read_are_forgotten_and_others_end_the_connection() {
        let mut replies = Replies::default();
        for i in 0..100_000 {
            replies.charge(i + 1, i.saturating_sub(500), 2000).unwrap();
        }
        let unread = (0..)
            .take_while(|&i| replies.charge(100_001 + i, 100_000, 2000).is_ok())
            .count();
        assert!((500..=2000).contains(&unread), "{unread}");
    }

    #[test]
    fn a_quarter_of_the_limit_is_many_until_they_are_written() {
        let mut replies = Replies::default();
        for i in 0..500 {
            replies.charge(i + 1, 0, 2000).unwrap();
            assert!(!replies.are_many(i + 1, 0, 2000));
        }
        replies.charge(501, 0, 2000).unwrap();
        assert!(replies.are_many(501, 0, 2000));
        assert!(!replies.are_many(501, 501, 2000));
    }
}
