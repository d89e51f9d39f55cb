//! Why `pick_first` reached no address.

use std::error::Error;
use std::fmt;

use farcall_core::{Status, status::with_causes};

use crate::subchannel::SubchannelError;

/// Why no address could be reached: the local cause of the UNAVAILABLE that `pick_first` gives.
///
/// With several addresses `Display` lists each with its error; with one it tells the address and its attempts, and the error
/// itself is the [`source`](Error::source).
///
/// ```
/// use farcall_core::Status;
/// use farcall_lb::policy::ConnectErrors;
/// use farcall_lb::{Address, subchannel::SubchannelError};
/// use std::{sync::Arc, time::Instant};
///
/// let now = Instant::now();
/// let refused = Arc::new(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
/// let error = SubchannelError::new(Address::from(([10, 0, 0, 1], 443)), refused, 1, now, now);
/// let status: Status = ConnectErrors::new(vec![error]).into();
/// assert_eq!(status.message(), "no connection could be made");
/// assert!(status.to_string().ends_with(": connection refused"));
/// ```
#[derive(Debug, Clone)]
pub struct ConnectErrors {
    errors: Vec<SubchannelError>,
    resolver: Option<Status>,
}

impl ConnectErrors {
    /// The newest error of each address, in the order in which they are tried.
    pub fn new(errors: Vec<SubchannelError>) -> Self {
        Self {
            errors,
            resolver: None,
        }
    }

    /// The same, with the resolver's error, when it fails too.
    pub fn with_resolver_error(mut self, status: Option<Status>) -> Self {
        self.resolver = status;
        self
    }

    /// The newest error of each address.
    pub fn errors(&self) -> &[SubchannelError] {
        &self.errors
    }

    /// Why there is no newer list of addresses, when the resolver fails too.
    pub fn resolver_error(&self) -> Option<&Status> {
        self.resolver.as_ref()
    }
}

/// More addresses than this are counted in `Display`, not listed.
const LISTED: usize = 20;

impl fmt::Display for ConnectErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.errors[..] {
            [error] => write!(f, "{error}")?,
            errors => write_list(f, errors)?,
        }
        match &self.resolver {
            Some(status) => write!(f, " (and no newer addresses: {status})"),
            None => Ok(()),
        }
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, errors: &[SubchannelError]) -> fmt::Result {
    for (index, error) in errors.iter().take(LISTED).enumerate() {
        let separator = if index == 0 { "" } else { "; " };
        write!(f, "{separator}{}", with_causes(error))?;
    }
    match errors.len().saturating_sub(LISTED) {
        0 => Ok(()),
        more => write!(f, "; and {more} more"),
    }
}

impl Error for ConnectErrors {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.errors[..] {
            [error] => error.source(),
            _ => None,
        }
    }
}

/// UNAVAILABLE with the errors as its local cause.
impl From<ConnectErrors> for Status {
    fn from(errors: ConnectErrors) -> Self {
        // The message may go to a caller of ours; the addresses are for this side alone.
        let message = match errors.errors.len() {
            1 => "no connection could be made".to_owned(),
            count => format!("no connection to any of {count} addresses"),
        };
        Status::unavailable(message).with_cause(errors)
    }
}
