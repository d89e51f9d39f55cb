//! A status in words: code, message, reasons on this side, and what to do about it.

use farcall::{Status, status::with_causes};
use std::fmt::Write;

/// Code and message, with the reasons on this side.
pub(crate) fn headline(status: &Status) -> String {
    let mut text = status.code().name().to_owned();
    if !status.message().is_empty() {
        let _ = write!(text, ": {}", status.message());
    }
    if let Some(cause) = status.cause() {
        let reason = without_tries(with_causes(cause).to_string());
        if !has(&text, &reason) {
            let _ = write!(text, "\n  because {reason}");
        }
    }
    text
}

/// How often a channel has tried: a command makes one call.
fn without_tries(mut text: String) -> String {
    while let Some(start) = text.find(" (try ") {
        let length = text[start..]
            .find(')')
            .map_or(text.len() - start, |at| at + 1);
        text.replace_range(start..start + length, "");
    }
    text
}

/// Many errors repeat what is behind them, the system's with a number.
fn has(text: &str, reason: &str) -> bool {
    let reason = reason.split(" (os error").next().unwrap_or_default();
    text.to_lowercase().contains(&reason.to_lowercase())
}

/// What to do about what people run into, on a line of its own; or nothing.
pub(crate) fn hint(status: &Status) -> &'static str {
    let text = headline(status);
    match () {
        () if status.cause().is_none() => "",
        () if text.contains("does not speak TLS") => "\nhint: is --plaintext missing?",
        () if text.contains("the server requires a certificate") => {
            "\nhint: --cert and --key name this side's certificate and its key"
        }
        () if text.contains("no configured authority has signed it") => {
            "\nhint: --ca names the certificates to trust instead of the system's"
        }
        () => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_unless_the_message_has_them() {
        let status = Status::unavailable("no connection: refused").with_cause("refused");
        assert_eq!(headline(&status), "UNAVAILABLE: no connection: refused");
        let status = Status::internal("broken").with_cause("a bit fell over");
        assert_eq!(
            headline(&status),
            "INTERNAL: broken\n  because a bit fell over"
        );
    }
}
