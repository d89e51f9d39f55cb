//! What the tool says on stdout.

use crate::failure::Failure;
use std::io::{Write, stdout};

/// Writes text, and a line break if there is none at its end; whoever reads has it at once.
///
/// # Errors
/// Nobody reads any more, as behind `| head -1`, or the disk is full.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    write!(out, "{text}{end}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::local(format!("stdout: {error}")))
}
