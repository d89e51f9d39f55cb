//! The `grpc-timeout` header: how long the caller is still willing to wait (PROTOCOL-HTTP2, "Timeout").
//!
//! At most eight digits and one unit: `H` hours, `M` minutes, `S` seconds, `m` milli-, `u` micro-,
//! `n` nanoseconds.

use farcall_http2::TimeoutValue;
use std::{error::Error, fmt, time::Duration};

/// The largest number that the header can carry: eight digits.
const MAX_VALUE: u32 = 99_999_999;

/// A `grpc-timeout` value that is not of the form "one to eight digits and a unit".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidTimeout;

impl fmt::Display for InvalidTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed grpc-timeout")
    }
}

impl Error for InvalidTimeout {}

/// Reads the value of a `grpc-timeout` header. Zero is well-formed and means: already expired.
///
/// # Errors
/// No digits, more than eight of them, or an unknown unit.
///
/// ```
/// use farcall_core::timeout;
/// use std::time::Duration;
///
/// assert_eq!(timeout::parse(b"250m"), Ok(Duration::from_millis(250)));
/// assert!(timeout::parse(b"1s").is_err());
/// ```
pub fn parse(value: &[u8]) -> Result<Duration, InvalidTimeout> {
    let (&unit, digits) = value.split_last().ok_or(InvalidTimeout)?;
    if digits.is_empty() || digits.len() > 8 {
        return Err(InvalidTimeout);
    }
    let mut number: u64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return Err(InvalidTimeout);
        }
        number = number * 10 + u64::from(digit - b'0');
    }
    Ok(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return Err(InvalidTimeout),
    })
}

/// Writes a timeout in the finest unit that fits into eight digits, rounded up: a server never gives up
/// before the client does. Durations beyond 99,999,999 hours are sent as that.
///
/// ```
/// use farcall_core::timeout;
/// use std::time::Duration;
///
/// assert_eq!(&timeout::format(Duration::from_millis(50))[..], b"50000000n");
/// assert_eq!(&timeout::format(Duration::from_secs(1))[..], b"1000000u");
/// ```
pub fn format(timeout: Duration) -> TimeoutValue {
    let (seconds, nanos) = (timeout.as_secs(), timeout.subsec_nanos());
    // Most timeouts are between a tenth of a second and a minute and a half.
    match seconds {
        0 if nanos <= MAX_VALUE => TimeoutValue::of(nanos, b'n'),
        0..=98 => TimeoutValue::of(seconds as u32 * 1_000_000 + nanos.div_ceil(1_000), b'u'),
        _ => format_long(timeout),
    }
}

#[cold]
fn format_long(timeout: Duration) -> TimeoutValue {
    let nanos = timeout.as_nanos();
    let units: [(u128, u8); 5] = [
        (1_000, b'u'),
        (1_000_000, b'm'),
        (1_000_000_000, b'S'),
        (60_000_000_000, b'M'),
        (3_600_000_000_000, b'H'),
    ];
    let mut values = units
        .into_iter()
        .map(|(size, unit)| (nanos.div_ceil(size), unit));
    let fitting = values.find(|(value, _)| *value <= MAX_VALUE.into());
    fitting.map_or(TimeoutValue::of(MAX_VALUE, b'H'), |(value, unit)| {
        TimeoutValue::of(value as u32, unit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_understood() {
        for (text, nanos) in [
            ("1H", 3_600_000_000_000u128),
            ("2M", 120_000_000_000),
            ("3S", 3_000_000_000),
            ("4m", 4_000_000),
            ("5u", 5_000),
            ("6n", 6),
            ("99999999H", 99_999_999 * 3_600_000_000_000),
            ("00000001S", 1_000_000_000),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap().as_nanos(), nanos, "{text}");
        }
    }

    #[test]
    fn zero_is_well_formed_and_means_expired() {
        assert_eq!(parse(b"0n"), Ok(Duration::ZERO));
    }

    #[test]
    fn malformed_values_are_refused() {
        for text in [
            "",
            "S",
            "1",
            "1s",
            "1h",
            "123456789S",
            "-1S",
            "1.5S",
            " 1S",
            "1S ",
            "1 S",
            "S1",
            "+1S",
            "1SS",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(InvalidTimeout), "{text:?}");
        }
    }

    #[test]
    fn formatting_rounds_up_and_picks_the_finest_unit_that_fits() {
        for (nanos, text) in [
            (0u64, "0n"),
            (1, "1n"),
            (99_999_999, "99999999n"),
            (100_000_000, "100000u"),
            (100_000_001, "100001u"),
            (99_999_999_001, "100000m"),
        ] {
            let written = format(Duration::from_nanos(nanos));
            assert_eq!(written.escape_ascii().to_string(), text, "{nanos}");
        }
        assert_eq!(&format(Duration::from_secs(99_999_999))[..], b"99999999S");
        assert_eq!(&format(Duration::from_secs(100_000_000))[..], b"1666667M");
        assert_eq!(&format(Duration::from_secs(6_000_000_000))[..], b"1666667H");
        assert_eq!(&format(Duration::MAX)[..], b"99999999H");
    }

    #[test]
    fn what_is_written_reads_back_no_shorter_and_within_one_unit() {
        let mut random = crate::random::XorShift::new(7);
        for _ in 0..20_000 {
            let nanos = random.next_u64() >> (random.next_u64() % 64);
            let timeout = Duration::from_nanos(nanos);
            let read = parse(&format(timeout)).unwrap();
            assert!(read >= timeout, "{timeout:?} became {read:?}");
            assert!(
                read.as_nanos() <= timeout.as_nanos() + timeout.as_nanos() / 10_000 + 1,
                "{timeout:?} became {read:?}"
            );
        }
    }

    #[test]
    fn random_input_never_panics() {
        let mut random = crate::random::XorShift::new(11);
        for _ in 0..50_000 {
            let text = random.bytes_of(b"0123456789HMSmun x\xff", 11);
            let _ = parse(&text);
        }
    }
}
