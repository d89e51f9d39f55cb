//! `farcall gen`: farcall-build's generator, for code that is checked in.

use crate::{failure::Failure, out};

pub(crate) fn run(arguments: Vec<String>) -> Result<(), Failure> {
    // The library speaks of its own command.
    let ours = |text: &str| text.replace("farcall-build gen", "farcall gen");
    match farcall_build::run_gen(arguments) {
        Ok(text) => out::write(&ours(text.trim_end())),
        Err(error) => Err(Failure::local(ours(&error.to_string()))),
    }
}
