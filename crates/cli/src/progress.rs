//! How far a long call is: one line on stderr that is written over.

use crate::arguments;
use std::{
    io::{IsTerminal, Write, stderr, stdout},
    time::{Duration, Instant},
};

/// Calls that are over before are not worth a line.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(250);

/// What has happened so far.
pub(crate) struct Progress {
    shown: bool,
    begin: Instant,
    sent: u64,
    received: u64,
    /// Whether a line stands there.
    line: bool,
}

impl Progress {
    pub(crate) fn new(when: arguments::Progress) -> Progress {
        let shown = match when {
            arguments::Progress::Auto => stderr().is_terminal() && !stdout().is_terminal(),
            arguments::Progress::Always => true,
            arguments::Progress::Never => false,
        };
        Progress {
            shown,
            begin: Instant::now(),
            sent: 0,
            received: 0,
            line: false,
        }
    }

    pub(crate) fn sent(&mut self) {
        self.sent += 1;
    }

    pub(crate) fn received(&mut self) {
        self.received += 1;
    }

    /// When to look again; never if nothing is to be shown.
    pub(crate) async fn tick(shown: bool) {
        match shown {
            true => tokio::time::sleep(PAUSE).await,
            false => std::future::pending().await,
        }
    }

    pub(crate) fn is_shown(&self) -> bool {
        self.shown
    }

    pub(crate) fn show(&mut self) {
        let passed = self.begin.elapsed();
        if self.shown && passed >= PATIENCE {
            self.line = true;
            eprint!("\r\x1b[K{}", told(self.sent, self.received, passed));
            // It is only decoration.
            let _ = stderr().flush();
        }
    }

    /// Makes room for other lines.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.line) {
            eprint!("\r\x1b[K");
        }
    }
}

fn told(sent: u64, received: u64, passed: Duration) -> String {
    let of = |count, what| match count {
        1 => format!("1 {what}"),
        _ => format!("{} {what}s", grouped(count)),
    };
    let (sent, received) = (of(sent, "request"), of(received, "response"));
    format!("{sent} sent, {received} received, {} s", passed.as_secs())
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_grouped() {
        let line = told(1_234_567, 1, Duration::from_millis(4200));
        assert_eq!(line, "1,234,567 requests sent, 1 response received, 4 s");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
    }
}
