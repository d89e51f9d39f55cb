//! What a scenario has shown.

use std::time::Duration;

/// Its table, and what is wrong.
#[derive(Default, Debug)]
pub struct Report {
    /// The table's lines, and remarks below it.
    pub lines: Vec<String>,
    /// Figures that were missed; empty: it has passed.
    pub problems: Vec<String>,
    /// What could not be run here.
    pub skipped: Vec<String>,
}

impl Report {
    /// Adds a line.
    pub fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Adds an expectation; `what` says what is wrong if it does not hold.
    pub fn expect(&mut self, holds: bool, what: impl Into<String>) {
        if !holds {
            self.problems.push(what.into());
        }
    }
}

/// In milliseconds, with one digit behind the point.
pub fn millis(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}
