//! The fault table.

use crate::load::Outcome;
use farcall_net::Code;
use std::fmt::Write;

/// What one case has shown.
#[derive(Debug)]
pub struct Report {
    /// The fault.
    pub name: &'static str,
    /// `None`: the case could not be run here, and `note` says why.
    pub outcome: Option<Outcome>,
    /// What is wrong; empty: the case has passed.
    pub problems: Vec<String>,
    /// What was left behind.
    pub leaks: Vec<String>,
    /// What else there is to say.
    pub note: String,
    /// How long it took.
    pub seconds: f64,
}

impl Report {
    /// A case that cannot be run here.
    pub fn skipped(name: &'static str, why: impl Into<String>) -> Report {
        Report {
            name,
            outcome: None,
            problems: Vec::new(),
            leaks: Vec::new(),
            note: why.into(),
            seconds: 0.0,
        }
    }

    /// A case that ran.
    pub fn of(name: &'static str, outcome: Outcome, leaks: Vec<String>) -> Report {
        let mut problems = outcome.wrong.clone();
        if outcome.late > 0 {
            problems.push(format!("{} calls hung past their deadline", outcome.late));
        }
        Report {
            name,
            outcome: Some(outcome),
            problems,
            leaks: leaks.into_iter().filter(|leak| !leak.is_empty()).collect(),
            note: String::new(),
            seconds: 0.0,
        }
    }

    /// The same with a remark.
    pub fn note(mut self, note: impl Into<String>) -> Report {
        self.note = note.into();
        self
    }

    /// The same with an expectation; `what` says what is wrong if it does not hold.
    pub fn expect(mut self, holds: bool, what: impl Into<String>) -> Report {
        if !holds {
            self.problems.push(what.into());
        }
        self
    }

    /// Whether nothing is wrong.
    pub fn passed(&self) -> bool {
        self.problems.is_empty() && self.leaks.is_empty()
    }
}

fn failures(outcome: &Outcome) -> String {
    let mut text = String::new();
    for (code, count) in &outcome.failures {
        let name = Code::from_i32(*code);
        let _ = write!(
            text,
            "{}{name} {count}",
            if text.is_empty() { "" } else { ", " }
        );
    }
    if text.is_empty() { "none".into() } else { text }
}

/// The table of all cases, and what is wrong below it.
pub fn table(reports: &[Report]) -> String {
    let mut text = format!(
        "{:<26} {:>7} {:<46} {:>9} {:>6} {:>5}  {}\n",
        "fault", "calls", "failures by code", "slowest", "leaks", "time", "remarks"
    );
    for report in reports {
        let Report { name, note, .. } = report;
        let _ = match &report.outcome {
            None => writeln!(text, "{name:<26} SKIPPED: {note}"),
            Some(outcome) => writeln!(
                text,
                "{name:<26} {:>7} {:<46} {:>6} ms {:>6} {:>3.0} s  {}{note}",
                outcome.calls,
                failures(outcome),
                outcome.slowest.as_millis(),
                report.leaks.len(),
                report.seconds,
                if report.passed() { "" } else { "FAILED; " },
            ),
        };
    }
    for report in reports {
        for problem in report.problems.iter().chain(&report.leaks) {
            let _ = writeln!(text, "FAILED: {}: {problem}", report.name);
        }
    }
    text
}
