//! A window: signed, because SETTINGS may take away what was already used (RFC 9113 §6.9.2).

/// Octets that one end may still send; from −(2^31−1) to 2^31−1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Window(i32);

/// The window would rise above 2^31−1 (RFC 9113 §6.9.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Overflow;

impl Window {
    /// A window of `size`, which is at most 2^31−1.
    pub(crate) fn new(size: u32) -> Window {
        Window(i32::try_from(size).unwrap_or(i32::MAX))
    }

    /// What may be sent: nothing while the window is negative.
    #[inline]
    pub(crate) fn available(self) -> u32 {
        self.0.max(0) as u32
    }

    #[inline]
    pub(crate) fn value(self) -> i64 {
        i64::from(self.0)
    }

    /// `len` octets were sent. The caller has looked at [`available`](Self::available).
    #[inline]
    pub(crate) fn consume(&mut self, len: u32) {
        debug_assert!(len <= self.available());
        self.0 = (self.value() - i64::from(len)).max(i64::from(-i32::MAX)) as i32;
    }

    /// A WINDOW_UPDATE.
    #[inline]
    pub(crate) fn grow(&mut self, len: u32) -> Result<(), Overflow> {
        self.shift(i64::from(len))
    }

    /// A change of SETTINGS_INITIAL_WINDOW_SIZE by `delta`, which may be negative and make the window so.
    pub(crate) fn shift(&mut self, delta: i64) -> Result<(), Overflow> {
        let value = self.value() + delta;
        self.0 = i32::try_from(value.max(i64::from(-i32::MAX))).map_err(|_| Overflow)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_may_make_a_window_negative_and_updates_bring_it_back() {
        let mut window = Window::new(100);
        window.consume(80);
        window.shift(-50).unwrap();
        assert_eq!((window.value(), window.available()), (-30, 0));
        window.grow(31).unwrap();
        assert_eq!(window.available(), 1);
    }

    #[test]
    fn a_window_above_two_to_the_31_minus_1_is_an_overflow() {
        let mut window = Window::new((1 << 31) - 1);
        assert_eq!(window.grow(1), Err(Overflow));
        window.consume(1);
        assert_eq!(window.grow(1), Ok(()));
        assert_eq!(window.shift(1), Err(Overflow));
    }

    #[test]
    fn no_sequence_of_settings_wraps_around() {
        let mut window = Window::new(0);
        for _ in 0..3 {
            window.shift(-((1 << 31) - 1)).unwrap();
        }
        assert_eq!(window.value(), -((1 << 31) - 1));
    }
}
