//! When to send WINDOW_UPDATE: what the peer may send, what lies unread here, what both may come to.

use super::window::Window;
use crate::frame::MAX_WINDOW;

/// DATA beyond the window that the peer was given (RFC 9113 §6.9.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Exceeded;

/// The receiving account of one stream: credit returns when the reader releases what it took, in
/// updates of a quarter of the window: larger ones would let the window run dry before they arrive and make the
/// bandwidth estimate too low, smaller ones cost frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamCredit {
    window: Window,
    unread: u32,
}

impl StreamCredit {
    pub(crate) fn new(initial: u32) -> StreamCredit {
        StreamCredit {
            window: Window::new(initial),
            unread: 0,
        }
    }

    /// A DATA frame took `flow` octets of window, padding included; `payload` of them will be read.
    #[inline]
    pub(crate) fn receive(&mut self, flow: u32, payload: u32) -> Result<(), Exceeded> {
        if flow > self.window.available() {
            return Err(Exceeded);
        }
        self.window.consume(flow);
        self.unread = self.unread.saturating_add(payload);
        Ok(())
    }

    /// The reader took `len` octets.
    #[inline]
    pub(crate) fn release(&mut self, len: usize) {
        self.unread = self
            .unread
            .saturating_sub(u32::try_from(len).unwrap_or(u32::MAX));
    }

    /// The increment to send now, if it is worth a frame, towards a window of `target`.
    #[inline]
    pub(crate) fn update(&mut self, target: u32) -> Option<u32> {
        let held = self.window.value() + i64::from(self.unread);
        let gap = i64::from(target) - held;
        if gap < i64::from(target / 4).max(1) {
            return None;
        }
        self.grant(gap)
    }

    /// The increment that lets the peer send `len` octets more, whatever lies unread: the reader waits for them.
    pub(crate) fn expect(&mut self, len: usize) -> Option<u32> {
        let len = i64::try_from(len)
            .unwrap_or(i64::MAX)
            .min(i64::from(MAX_WINDOW));
        self.grant(len - self.window.value())
    }

    /// SETTINGS_INITIAL_WINDOW_SIZE of ours changed by `delta`.
    pub(crate) fn shift(&mut self, delta: i64) {
        // Nobody asks for a window beyond 2^31-1.
        let _ = self.window.shift(delta);
    }

    fn grant(&mut self, gap: i64) -> Option<u32> {
        let increment = u32::try_from(gap).ok().filter(|&increment| increment > 0)?;
        self.window.grow(increment).ok()?;
        Some(increment)
    }

    /// The window and what lies unread.
    pub(crate) fn parts(&self) -> (i64, u32) {
        (self.window.value(), self.unread)
    }
}

/// The receiving account of the connection. Credit returns on arrival as long as what lies unread and what
/// the peer may still send stay within a budget together, so that a stream that nobody reads does not stop the
/// others; beyond it, credit returns on release.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionCredit {
    window: Window,
    unread: u64,
    target: u32,
    budget: u64,
}

/// Updates below this are not worth a frame.
const MIN_UPDATE: u32 = 16 << 10;

impl ConnectionCredit {
    /// An account that begins with `initial` (RFC 9113 §6.9.2: always 65,535) and strives for `target`.
    pub(crate) fn new(initial: u32, target: u32, budget: usize) -> ConnectionCredit {
        let budget = budget as u64;
        let mut credit = ConnectionCredit {
            window: Window::new(initial),
            unread: 0,
            target: 0,
            budget,
        };
        credit.raise_target(target);
        credit
    }

    /// Strives for a window of `target` from now on, if that is more than before; never above the budget.
    pub(crate) fn raise_target(&mut self, target: u32) {
        let cap = u32::try_from(self.budget)
            .unwrap_or(MAX_WINDOW)
            .min(MAX_WINDOW);
        self.target = self.target.max(target.min(cap));
    }

    #[cfg(test)]
    pub(crate) fn target(&self) -> u32 {
        self.target
    }

    /// A DATA frame took `flow` octets of window, padding included; `payload` of them will be released.
    #[inline]
    pub(crate) fn receive(&mut self, flow: u32, payload: u32) -> Result<(), Exceeded> {
        if flow > self.window.available() {
            return Err(Exceeded);
        }
        self.window.consume(flow);
        self.unread += u64::from(payload);
        Ok(())
    }

    /// `len` octets were read or thrown away. Answers whether an update may be due for it: while the budget has room for the
    /// whole target, credit has returned on arrival.
    #[inline]
    #[must_use]
    pub(crate) fn release(&mut self, len: usize) -> bool {
        let narrow = self.budget.saturating_sub(self.unread) < u64::from(self.target);
        self.unread = self.unread.saturating_sub(len as u64);
        narrow
    }

    /// The increment to send now, if it is worth a frame.
    #[inline]
    pub(crate) fn update(&mut self) -> Option<u32> {
        let room = self.budget.saturating_sub(self.unread);
        let goal = room.min(u64::from(self.target)) as i64;
        let gap = goal - self.window.value();
        // A quarter of the goal, not of the target: close to the budget smaller updates keep the connection alive.
        let worth = (goal / 4)
            .max(i64::from(MIN_UPDATE.min(self.target / 4)))
            .max(1);
        if gap < worth {
            return None;
        }
        let increment = u32::try_from(gap).ok()?;
        self.window.grow(increment).ok()?;
        Some(increment)
    }

    /// Whether what was not released takes more than half of the budget; if it did `before`, more than a quarter.
    #[inline]
    pub(crate) fn is_short(&self, before: bool) -> bool {
        self.unread
            > if before {
                self.budget / 4
            } else {
                self.budget / 2
            }
    }

    /// What arrived and was not released.
    pub(crate) fn unread(&self) -> u64 {
        self.unread
    }

    pub(crate) fn window(&self) -> i64 {
        self.window.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_credit_returns_on_release_in_quarters_of_the_window() {
        let mut credit = StreamCredit::new(1000);
        credit.receive(600, 600).unwrap();
        assert_eq!(credit.update(1000), None, "nothing was read");
        credit.release(249);
        assert_eq!(
            credit.update(1000),
            None,
            "less than a quarter of the window"
        );
        credit.release(1);
        assert_eq!(credit.update(1000), Some(250));
        credit.release(350);
        assert_eq!(credit.parts(), (650, 0));
    }

    #[test]
    fn padding_is_credited_without_being_read() {
        let mut credit = StreamCredit::new(100);
        credit.receive(80, 0).unwrap();
        assert_eq!(credit.update(100), Some(80));
    }

    #[test]
    fn data_beyond_the_window_is_refused() {
        let mut credit = StreamCredit::new(10);
        assert_eq!(credit.receive(11, 11), Err(Exceeded));
        assert_eq!(credit.receive(10, 10), Ok(()));
        assert_eq!(credit.receive(1, 1), Err(Exceeded));
    }

    #[test]
    fn an_expected_message_gets_the_window_that_it_lacks() {
        let mut credit = StreamCredit::new(100);
        credit.receive(100, 100).unwrap();
        assert_eq!(credit.expect(1000), Some(1000));
        assert_eq!(credit.expect(1000), None, "it was granted already");
        credit.receive(1000, 1000).unwrap();
        credit.release(1100);
        assert_eq!(credit.update(100), Some(100), "back to the normal window");
    }

    #[test]
    fn connection_credit_returns_on_arrival_while_the_budget_lasts() {
        let mut credit = ConnectionCredit::new(65_535, 65_535, 200_000);
        let mut granted = 65_535;
        while credit.receive(1000, 1000).is_ok() {
            granted += credit.update().unwrap_or(0);
        }
        assert!((180_000..=200_000).contains(&granted), "{granted}");
        assert_eq!(credit.update(), None);
        assert!(credit.release(150_000), "what lay unread held it back");
        assert!(credit.update().is_some());
        assert!(credit.unread() + credit.window() as u64 <= 200_000);
    }

    #[test]
    fn a_release_that_the_budget_did_not_wait_for_changes_nothing() {
        let mut random = 7_u32;
        let mut credit = ConnectionCredit::new(65_535, 65_535, 150_000);
        for _ in 0..10_000 {
            random = random.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            let len = random >> 16 & 0x3fff;
            if random >> 30 & 1 == 0 {
                let _ = credit.receive(len, len);
                credit.update();
            } else if !credit.release(len as usize) {
                assert_eq!(credit.update(), None);
            } else {
                credit.update();
            }
        }
    }

    #[test]
    fn a_target_above_the_budget_is_cut_to_it() {
        let mut credit = ConnectionCredit::new(80_000, 1 << 20, 100_000);
        assert_eq!(credit.target(), 100_000);
        credit.raise_target(1 << 30);
        assert_eq!(credit.target(), 100_000);
        assert_eq!(credit.update(), None, "too little to be worth a frame");
    }
}
