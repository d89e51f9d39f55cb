//! What a status shows of causes and attempts: each thing once.

use super::Status;
use std::{error::Error, fmt, sync::Arc};

/// An error with a text that says all that people need to know of what stands behind it. The texts of a [`Status`] and of
/// [`with_causes`] end there; programs find the rest with [`source`](Error::source).
///
/// ```
/// use farcall_core::{Status, status::Explained};
/// use std::{error::Error, io};
///
/// let os = io::Error::from(io::ErrorKind::ConnectionRefused);
/// let status = Status::unavailable("no connection").with_cause(Explained::new("nobody listens", os));
/// assert_eq!(status.to_string(), "UNAVAILABLE: no connection: nobody listens");
/// let os = status.source().and_then(|explained| explained.source());
/// assert!(os.is_some_and(|error| error.is::<io::Error>()));
/// ```
#[derive(Clone, Debug)]
pub struct Explained {
    text: Arc<str>,
    error: Arc<dyn Error + Send + Sync>,
}

impl Explained {
    /// What `error` means, in words.
    pub fn new(text: impl Into<String>, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Explained::of(text, Arc::from(error.into()))
    }

    /// The same of an error that is shared.
    pub fn of(text: impl Into<String>, error: Arc<dyn Error + Send + Sync>) -> Self {
        let text = text.into().into();
        Explained { text, error }
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Explained {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.error)
    }
}

/// An error with its causes, `error: cause: cause of the cause`, each thing said once: a cause whose words the one before it ends
/// with is left out.
///
/// ```
/// use farcall_core::{Status, status::with_causes};
///
/// let status = Status::not_found("no book").with_cause(std::io::Error::other("no shelf"));
/// let error = std::io::Error::other(status);
/// assert_eq!(with_causes(&error).to_string(), "NOT_FOUND: no book: no shelf");
/// ```
pub fn with_causes<'a>(error: &'a (dyn Error + 'static)) -> impl fmt::Display + 'a {
    WithCauses(error)
}

struct WithCauses<'a>(&'a (dyn Error + 'static));

impl fmt::Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        f.write_str(&text)?;
        write_causes(f, &text, below(self.0))
    }
}

/// Writes `: cause: cause of the cause` behind what has been written before.
pub(super) fn write_causes(
    f: &mut fmt::Formatter<'_>,
    before: &str,
    mut cause: Option<&(dyn Error + 'static)>,
) -> fmt::Result {
    let mut before = before.to_owned();
    while let Some(error) = cause {
        let text = error.to_string();
        // Many errors end with the words of what is behind them.
        if !before.ends_with(&text) {
            write!(f, ": {text}")?;
        }
        before = text;
        cause = below(error);
    }
    Ok(())
}

/// The cause that a text has to go on with. Some errors show their own.
fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.is::<Status>() || error.is::<Explained>() {
        true => None,
        false => error.source(),
    }
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
