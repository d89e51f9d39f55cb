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
        let digits = digits(number.min(99_999_999));
        let zeros = (digits.trailing_zeros() / 8).min(7);
        let text = (digits | u64::from_ne_bytes([b'0'; 8])) >> (8 * zeros);
        let count = 8 - zeros as usize;
        let mut octets = [0; TimeoutValue::MAX];
        octets[..8].copy_from_slice(&text.to_le_bytes());
        octets[count] = unit;
        // What was shifted in is nothing, and nothing is behind the unit.
        let len = count as u8 + 1;
        TimeoutValue { octets, len }
    }

    /// The value with what is behind it.
    #[inline]
    pub(crate) fn padded(&self) -> &[u8; TimeoutValue::MAX] {
        &self.octets
    }
}

/// The eight digits of a number below 10⁸, the first one in the lowest octet: all at once, by halving the pieces that they stand in.
#[inline]
const fn digits(number: u32) -> u64 {
    let number = number as u64;
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    // 10486 / 2²⁰ is a hundredth as far as four digits can tell, 103 / 2¹⁰ a tenth as far as two can.
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let pairs = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((pairs * 103) >> 10) & 0x0f_000f_000f_000f;
    tens | ((pairs - 10 * tens) << 8)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are_spelled() {
        let ends = (0..=8).flat_map(|n| {
            let power = 10_u32.pow(n);
            [power.saturating_sub(1), power, power + 1]
        });
        let some = (0..99_999_999).step_by(9973);
        for number in ends
            .chain(some)
            .chain(0..10_100)
            .filter(|n| *n < 100_000_000)
        {
            let value = TimeoutValue::of(number, b'u');
            assert_eq!(value[..], *format!("{number}u").as_bytes());
            assert_eq!(Some(value), TimeoutValue::new(&value));
        }
    }
}
