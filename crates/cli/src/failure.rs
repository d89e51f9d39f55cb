//! Why a command failed, and what its exit code says about it.

use farcall::{Code, Status};
use std::{fmt, process::ExitCode};

/// Told with `--help`, and in the guide.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0       it worked; of `health`: serving
  1       something here failed: a file, a .proto file, JSON that does not fit
  2       the command line is wrong
  3       of `health`: the server answered, but it is not serving
  64 + n  the call failed with the gRPC status n: 68 DEADLINE_EXCEEDED, 69 NOT_FOUND, 76 UNIMPLEMENTED, 78 UNAVAILABLE";

/// What ends a command, other than success.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: u8,
    /// Whole lines, or nothing.
    text: String,
}

impl Failure {
    /// Something on this side, from files to JSON.
    pub(crate) fn local(text: impl fmt::Display) -> Failure {
        Failure::of(1, text)
    }

    /// A wrong combination of arguments.
    pub(crate) fn usage(text: impl fmt::Display) -> Failure {
        Failure::of(2, text)
    }

    /// Neither a server nor files are named.
    pub(crate) fn no_target() -> Failure {
        Failure::usage("a target is missing, or --proto or --descriptor-set")
    }

    /// The answer to a question of health was no; it has been printed.
    pub(crate) fn not_serving() -> Failure {
        Failure {
            exit: 3,
            text: String::new(),
        }
    }

    /// A call that failed; `text` tells how.
    pub(crate) fn status(code: Code, text: impl fmt::Display) -> Failure {
        Failure::of(64 + code as u8, text)
    }

    fn of(exit: u8, text: impl fmt::Display) -> Failure {
        Failure {
            exit,
            text: format!("error: {}\n", text.to_string().trim_end()),
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit)
    }
}

/// A call that the tool made for itself: its status without details.
impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        let hint = crate::explain::hint(&status);
        Failure::status(status.code(), crate::explain::headline(&status) + hint)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_64_and_its_number() {
        let failure = Failure::from(Status::not_found("no such city"));
        assert_eq!(failure.exit, 69);
        assert_eq!(failure.to_string(), "error: NOT_FOUND: no such city\n");
    }
}
