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

    pub(crate) fn service(cause: Box<dyn Error + Send + Sync>) -> ConfigError {
        ConfigError {
            message: "a service cannot be part of this server".into(),
            cause: Some(cause),
            kind: Kind::Other,
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

/// Fewer replies that wait would end connections that have only begun.
pub(crate) const MIN_UNREAD_REPLIES: u32 = 8;

/// Checks the windows that `static_windows` or `initial_windows` has set (RFC 9113 §6.9.1); a connection's window above the budget for unread
/// bytes raises that budget, or it would never be granted.
///
/// # Errors
/// Says which value is out of range.
pub(crate) fn check_windows(config: &mut farcall_http2::Config) -> Result<(), ConfigError> {
    const MAX: u32 = i32::MAX as u32;
    let windows = [
        ("a stream", config.initial_stream_window, 1),
        // What every connection begins with, and what cannot be taken back.
        ("the connection", config.initial_connection_window, 65_535),
    ];
    for (whose, window, min) in windows {
        if !(min..=MAX).contains(&window) {
            return Err(ConfigError::new(format!(
                "static_windows or initial_windows: the window of {whose} is {window} bytes; it must be between {min} and {MAX}"
            )));
        }
    }
    let budget = config.initial_connection_window as usize;
    config.receive_budget = config.receive_budget.max(budget);
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::check_windows;
    use crate::{Channel, Server};

    #[test]
    fn windows_that_cannot_work_are_errors_that_name_them() {
        for (stream, connection) in [(0, 1 << 20), (1 << 16, 0), (1 << 31, 1 << 20), (1, 65_534)] {
            let channel = Channel::builder("ipv4:127.0.0.1:1").insecure();
            let error = channel
                .static_windows(stream, connection)
                .build()
                .unwrap_err();
            assert!(error.to_string().contains("static_windows"), "{error}");
            let server = Server::builder().static_windows(stream, connection);
            let error = server.unbound().unwrap_err();
            assert!(
                error.is_config() && error.to_string().contains("static_windows"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_large_connection_window_raises_the_budget_that_would_cap_it() {
        let mut config = farcall_http2::Config::default();
        config.initial_connection_window = 64 << 20;
        check_windows(&mut config).unwrap();
        assert_eq!(config.receive_budget, 64 << 20);
    }
}
