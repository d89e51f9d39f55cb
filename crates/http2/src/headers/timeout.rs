//! The one field of a request that differs from call to call.

use std::{fmt, ops::Deref};

/// The value of `grpc-timeout`: digits and a unit, not more than nine octets.
///
/// It is what is left of a deadline, so that a client hardly ever sends it twice, while the rest of its list stays the same.
/// Therefore it is reported [beside](crate::Event::Headers) a request's list and is not in it; a value that looks
/// otherwise is in the list, like any other field.
///
/// ```
/// use farcall_http2::TimeoutValue;
///
/// assert_eq!(&TimeoutValue::new(b"4999m").unwrap()[..], b"4999m");
/// assert_eq!(TimeoutValue::new(b"-1 S"), None);
/// assert_eq!(TimeoutValue::new(b"1234567890"), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TimeoutValue {
    octets: [u8; TimeoutValue::MAX],
    len: u8,
}

impl TimeoutValue {
    /// Eight digits and the unit (gRPC over HTTP/2, "Timeout").
    pub const MAX: usize = 9;

    /// The value, if it is made of digits and letters and not too long.
    #[inline]
    pub fn new(value: &[u8]) -> Option<TimeoutValue> {
        let mut octets = [0; TimeoutValue::MAX];
        octets.get_mut(..value.len())?.copy_from_slice(value);
        if value.is_empty() || !value.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let len = value.len() as u8;
        Some(TimeoutValue { octets, len })
    }
}

impl TimeoutValue {
    /// A number and the letter of its unit. Numbers of more than eight digits become the largest that has eight.
    ///
    /// ```
    /// use farcall_http2::TimeoutValue;
    ///
    /// assert_eq!(&TimeoutValue::of(0, b'n')[..], b"0n");
    /// assert_eq!(&TimeoutValue::of(4_999_999, b'u')[..], b"4999999u");
    /// assert_eq!(&TimeoutValue::of(u32::MAX, b'H')[..], b"99999999H");
    /// ```
    #[inline]
    pub fn of(number: u32, unit: u8) -> TimeoutValue {
        let number = number.min(99_999_999);
        let digits = number.checked_ilog10().unwrap_or(0) as usize + 1;
        let mut octets = [unit; TimeoutValue::MAX];
        let (mut rest, mut at) = (number, digits);
        // Two at a time: half as many divisions.
        while at >= 2 {
            let pair = (rest % 100) as u8;
            rest /= 100;
            at -= 2;
            octets[at] = b'0' + pair / 10;
            octets[at + 1] = b'0' + pair % 10;
        }
        if at == 1 {
            octets[0] = b'0' + rest as u8;
        }
        let len = digits as u8 + 1;
        TimeoutValue { octets, len }
    }

    /// The value with what is behind it.
    #[inline]
    pub(crate) fn padded(&self) -> &[u8; TimeoutValue::MAX] {
        &self.octets
    }
}

impl Deref for TimeoutValue {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.octets.get(..self.len.into()).unwrap_or_default()
    }
}

impl fmt::Debug for TimeoutValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}
