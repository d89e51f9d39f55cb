//! The error of wrong configuration.

use std::{error::Error, fmt};

/// A channel or a server was configured in a way that cannot work. The text says what and how to mend it; the cause,
/// if there is one, is the [`source`](Error::source).
///
/// ```
/// use farcall::Channel;
///
/// let error = Channel::builder("ipv4:not-an-address").insecure().build().unwrap_err();
/// assert!(error.is_target());
/// // Credentials are explicit: it must be said that there are none.
/// let error = Channel::builder("dns:///localhost:50051").build().unwrap_err();
/// assert!(error.to_string().contains(".insecure()"));
/// ```
pub struct ConfigError {
    message: String,
    cause: Option<Box<dyn Error + Send + Sync>>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Target,
    Tls,
    Other,
}

impl ConfigError {
    pub(crate) fn new(message: impl Into<String>) -> ConfigError {
        ConfigError {
            message: message.into(),
            cause: None,
            kind: Kind::Other,
        }
    }

    pub(crate) fn target(cause: impl Into<Box<dyn Error + Send + Sync>>) -> ConfigError {
        ConfigError {
            message: "the target cannot be used".into(),
            cause: Some(cause.into()),
            kind: Kind::Target,
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls(cause: impl Into<Box<dyn Error + Send + Sync>>) -> ConfigError {
        ConfigError {
            message: "the TLS settings cannot be used".into(),
            cause: Some(cause.into()),
            kind: Kind::Tls,
        }
    }

    /// The target string is wrong.
    pub fn is_target(&self) -> bool {
        self.kind == Kind::Target
    }

    /// The TLS settings are wrong.
    pub fn is_tls(&self) -> bool {
        self.kind == Kind::Tls
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfigError({self})")
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as _)
    }
}
