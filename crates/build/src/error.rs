//! What went wrong, and where in which `.proto` file.

use std::{fmt, io, path::Path};

/// A place in a `.proto` file. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The file, as a path if it is known where it lies, else by the name under which it is imported.
    pub file: String,
    /// The line, from 1; 0 if it is not known.
    pub line: u32,
    /// The column in characters, from 1; 0 if it is not known.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        Ok(())
    }
}

/// One complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where; `None` if it is not about a place in a file.
    pub location: Option<Location>,
    /// What, and what to do about it.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "{location}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Why no code was generated: one line `file:line:column: message` for each complaint.
///
/// `Debug` prints the same lines, so that `unwrap()` in a build script shows them in a readable form.
///
/// ```
/// let error = farcall_build::Config::new().proto("no/such.proto").generate().unwrap_err();
/// assert!(error.to_string().contains("no/such.proto"));
/// ```
pub struct Error {
    diagnostics: Vec<Diagnostic>,
    cause: Option<io::Error>,
}

impl Error {
    /// Every complaint, in the order of the files.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Whether it is only that checked-in code differs from what would be generated ([`Config::check`](crate::Config::check)).
    pub fn is_stale(&self) -> bool {
        !self.diagnostics.is_empty() && self.diagnostics.iter().all(|d| d.message.ends_with(STALE))
    }

    pub(crate) fn new(message: impl Into<String>) -> Error {
        Error::from_all(vec![Diagnostic {
            location: None,
            message: message.into(),
        }])
    }

    pub(crate) fn at(location: Location, message: impl Into<String>) -> Error {
        Error::from_all(vec![Diagnostic {
            location: Some(location),
            message: message.into(),
        }])
    }

    pub(crate) fn from_all(diagnostics: Vec<Diagnostic>) -> Error {
        Error {
            diagnostics,
            cause: None,
        }
    }

    pub(crate) fn io(what: &str, path: &Path, cause: io::Error) -> Error {
        let message = format!("cannot {what} {}: {cause}", path.display());
        Error {
            diagnostics: vec![Diagnostic {
                location: None,
                message,
            }],
            cause: Some(cause),
        }
    }

    pub(crate) fn stale(paths: &[&Path]) -> Error {
        let complaint = |path: &&Path| Diagnostic {
            location: None,
            message: format!("{} {STALE}", path.display()),
        };
        Error::from_all(paths.iter().map(complaint).collect())
    }
}

const STALE: &str = "is not what would be generated now; generate it again";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.diagnostics.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{self}\n")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}
