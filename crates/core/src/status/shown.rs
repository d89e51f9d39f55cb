//! What a status shows of causes and attempts: each thing once.

use super::Status;
use std::{error::Error, fmt};

/// Writes `: cause: cause of the cause`.
pub(super) fn write_causes(
    f: &mut fmt::Formatter<'_>,
    mut cause: Option<&(dyn Error + 'static)>,
) -> fmt::Result {
    let mut before = String::new();
    while let Some(error) = cause {
        let text = error.to_string();
        // Many errors end with the words of what is behind them.
        if !before.ends_with(&text) {
            write!(f, ": {text}")?;
        }
        before = text;
        // A status shows its own causes.
        cause = match error.is::<Status>() {
            true => None,
            false => error.source(),
        };
    }
    Ok(())
}

/// Writes ` (attempt 3; 1: CODE: message; 2: the same)`: `last` stands before it already.
pub(super) fn write_attempts(
    f: &mut fmt::Formatter<'_>,
    last: &Status,
    previous: &[Status],
) -> fmt::Result {
    let alone = last.clone().with_previous_attempts(Vec::new());
    let last = standing(&alone.to_string());
    let texts: Vec<String> = previous.iter().map(Status::to_string).collect();
    write!(f, " (attempt {}", previous.len() + 1)?;
    let mut first = 0;
    for run in texts.chunk_by(|one, next| standing(one) == standing(next)) {
        match run.len() {
            1 => write!(f, "; {}: ", first + 1)?,
            many => write!(f, "; {} to {}: ", first + 1, first + many)?,
        }
        match standing(&run[0]) == last {
            true => f.write_str("the same")?,
            false => f.write_str(&run[run.len() - 1])?,
        }
        first += run.len();
    }
    f.write_str(")")
}

/// A text without what is counted while one cause stands: `try 2, failing for 1.5s`.
fn standing(text: &str) -> String {
    let mut words = text.split(' ');
    let mut kept = String::with_capacity(text.len());
    let mut before = "";
    while let Some(word) = words.next() {
        if word.trim_start_matches('(') == "try" || (before, word) == ("failing", "for") {
            words.next();
        } else if word != "failing" {
            kept.push_str(word);
            kept.push(' ');
        }
        before = word;
    }
    kept
}
