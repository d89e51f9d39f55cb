//! Durations on the command line: `1.5s`, `200ms`, `2m`, `1h`.

use std::time::Duration;

/// # Errors
/// Says what is expected.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration such as 1.5s, 200ms, 2m or 1h");
    let at = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .ok_or_else(wrong)?;
    let (number, unit) = text.split_at(at);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let unit = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(number * unit).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_are_durations() {
        assert_eq!(parse("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(parse("2m"), Ok(Duration::from_secs(120)));
    }

    #[test]
    fn what_has_no_unit_is_none() {
        for wrong in [
            "5",
            "",
            "s",
            "1 s",
            "1.2.3s",
            "-1s",
            "9999999999999999999999h",
            "1d",
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
