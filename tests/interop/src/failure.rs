//! Why a case failed.

use farcall::{Code, Status};
use std::{error::Error, fmt};

/// What was expected and what came instead.
#[derive(Debug)]
pub struct Failure(String);

/// What a case returns.
pub type Outcome = Result<(), Failure>;

impl Failure {
    /// A failure with this explanation.
    pub fn new(text: impl Into<String>) -> Failure {
        Failure(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Failure {}

/// A call that was expected to work.
impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        Failure(format!("the call failed: {status}"))
    }
}

impl From<farcall::ConfigError> for Failure {
    fn from(error: farcall::ConfigError) -> Failure {
        Failure(format!("the channel cannot be built: {error}"))
    }
}

impl From<farcall::tls::TlsConfigError> for Failure {
    fn from(error: farcall::tls::TlsConfigError) -> Failure {
        Failure(format!("TLS cannot be set up: {error}"))
    }
}

/// Checks the code of a call that was meant to fail.
pub(crate) fn check_code(status: &Status, expected: Code) -> Outcome {
    if status.code() == expected {
        return Ok(());
    }
    Err(Failure(format!(
        "the status: expected {expected}, got {status}"
    )))
}

/// Ends the case with a [`Failure`].
macro_rules! fail {
    ($($explanation:tt)+) => {
        return Err($crate::failure::Failure::new(format!($($explanation)+)))
    };
}

/// Ends the case with a [`Failure`] unless the condition holds.
macro_rules! check {
    ($condition:expr, $($explanation:tt)+) => {
        if !$condition {
            $crate::failure::fail!($($explanation)+);
        }
    };
}

/// Ends the case with a [`Failure`] unless both are equal.
macro_rules! check_eq {
    ($found:expr, $expected:expr, $what:expr) => {{
        let (found, expected) = (&$found, &$expected);
        if found != expected {
            $crate::failure::fail!("{}: expected {expected:?}, got {found:?}", $what);
        }
    }};
}

pub(crate) use {check, check_eq, fail};
