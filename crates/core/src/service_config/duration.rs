//! Durations as protobuf's JSON mapping writes them: decimal seconds and an `s`.

use std::time::Duration;

/// ± 10,000 years of 365.25 days (google.protobuf.Duration).
const MAX_SECONDS: u64 = 315_576_000_000;

/// Reads `"1.5s"`; at most nine digits after the point. `None`: malformed or out of range. A negative one is zero:
/// nobody waits less than not at all.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let number = text.strip_suffix('s')?;
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let seconds = digits(whole)?;
    let nanos = digits(fraction)? * 10u64.pow(9 - fraction.len() as u32);
    if seconds > MAX_SECONDS || seconds == MAX_SECONDS && nanos > 0 {
        return None;
    }
    let nanos = u32::try_from(nanos).ok()?;
    Some(match negative {
        true => Duration::ZERO,
        false => Duration::new(seconds, nanos),
    })
}

fn digits(text: &str) -> Option<u64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match text {
        "" => Some(0),
        text => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_protobuf_writes_them() {
        let table = [
            ("1s", 1_000_000_000),
            ("1.s", 1_000_000_000),
            ("1.1s", 1_100_000_000),
            (".002000s", 2_000_000),
            ("+.5s", 500_000_000),
            ("0s", 0),
            ("-100.700s", 0),
            ("5000.000000009s", 5_000_000_000_009),
            ("315576000000s", 315_576_000_000_000_000_000),
        ];
        for (text, nanos) in table {
            assert_eq!(parse(text).map(|d| d.as_nanos()), Some(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        let refused = [
            "",
            "1",
            "s",
            ".s",
            "+s",
            "1 s",
            " 1s",
            "1ms",
            "5m",
            "5.3.2s",
            "x.3s",
            "3.xs",
            "3.1234567890s",
            "--1s",
            "+-1s",
            "-1.-5s",
            "1.+5s",
            ".-5s",
            "315576000001s",
            "315576000000.1s",
            "99999999999999999999999s",
            "\u{663}s",
        ];
        for text in refused {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
