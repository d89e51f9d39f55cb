//! Why a service config is refused.

use std::{error::Error, fmt};

/// Why a service config is refused: where in the JSON, and what is wrong there.
///
/// ```
/// use farcall_core::service_config::ServiceConfig;
///
/// let error = ServiceConfig::parse(r#"{"methodConfig": [{"timeout": "3 hours"}]}"#).unwrap_err();
/// assert_eq!(error.path(), "methodConfig[0].timeout");
/// assert_eq!(
///     error.to_string(),
///     r#"service config: methodConfig[0].timeout: "3 hours" is no duration, such as "1.5s""#,
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceConfigError {
    path: String,
    problem: String,
}

impl ServiceConfigError {
    pub(super) fn new(path: impl Into<String>, problem: impl Into<String>) -> ServiceConfigError {
        ServiceConfigError {
            path: path.into(),
            problem: problem.into(),
        }
    }

    /// The place, such as `methodConfig[0].retryPolicy.maxAttempts`; empty for the whole text.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong there.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for ServiceConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("service config: ")?;
        if !self.path.is_empty() {
            // Names in it are whoever's who wrote the config: a TXT record, perhaps.
            write!(f, "{}: ", self.path.escape_debug())?;
        }
        f.write_str(&self.problem)
    }
}

impl Error for ServiceConfigError {}
