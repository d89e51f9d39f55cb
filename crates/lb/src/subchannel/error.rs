//! Why a subchannel is not connected.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::address::Address;

use super::connection::Cause;

/// Why a subchannel is not connected: the address, the error of its last attempt, and how long this has gone on.
///
/// `Display` names address and attempts; the error itself is the [`source`](Error::source), and where that begins with the
/// address, `Display` leaves it out. Clones share.
///
/// ```
/// use farcall_lb::{Address, subchannel::SubchannelError};
/// use std::{error::Error, io, sync::Arc, time::{Duration, Instant}};
///
/// let (start, refused) = (Instant::now(), io::Error::from(io::ErrorKind::ConnectionRefused));
/// let end = start + Duration::from_millis(1500);
/// let error = SubchannelError::new(Address::named("a:1"), Arc::new(refused), 2, start, end);
/// assert_eq!(error.to_string(), "a:1 (try 2, failing for 1.5s)");
/// assert_eq!(error.source().unwrap().to_string(), "connection refused");
/// ```
#[derive(Debug, Clone)]
pub struct SubchannelError(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    address: Address,
    cause: Cause,
    attempts: u32,
    since: Instant,
    at: Instant,
}

impl SubchannelError {
    /// The attempt number `attempts` in a row failed at `at`; the first of them began at `since`.
    pub fn new(address: Address, cause: Cause, attempts: u32, since: Instant, at: Instant) -> Self {
        Self(Arc::new(Inner {
            address,
            cause,
            attempts,
            since,
            at,
        }))
    }

    /// Where the attempt went.
    pub fn address(&self) -> &Address {
        &self.0.address
    }

    /// What went wrong.
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// How many attempts in a row have failed, from 1.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// When the first of these attempts began.
    pub fn since(&self) -> Instant {
        self.0.since
    }

    /// When the last of them failed.
    pub fn at(&self) -> Instant {
        self.0.at
    }

    /// Writes `try 3, failing for 12.3s`.
    pub(crate) fn write_history(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "try {}", self.0.attempts)?;
        let lasted = self
            .0
            .at
            .saturating_duration_since(self.0.since)
            .as_millis();
        let lasted = Duration::from_millis(u64::try_from(lasted).unwrap_or(u64::MAX));
        if lasted.is_zero() {
            return Ok(());
        }
        write!(f, ", failing for {lasted:?}")
    }
}

impl fmt::Display for SubchannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Most causes begin with the address themselves; it need not stand there twice.
        let named = format!("{}: ", self.0.address);
        if self.0.cause.to_string().starts_with(&named) {
            return self.write_history(f);
        }
        write!(f, "{} (", self.0.address)?;
        self.write_history(f)?;
        f.write_str(")")
    }
}

impl Error for SubchannelError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0.cause)
    }
}

/// The cause of an attempt that the subchannel itself gave up.
///
/// ```
/// use farcall_lb::subchannel::ConnectDeadlineExceeded;
/// use std::time::Duration;
///
/// let error = ConnectDeadlineExceeded(Duration::from_secs(20));
/// assert_eq!(error.to_string(), "no connection within the connect deadline of 20s");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectDeadlineExceeded(
    /// How long the attempt was allowed to take.
    pub Duration,
);

impl fmt::Display for ConnectDeadlineExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no connection within the connect deadline of {:?}",
            self.0
        )
    }
}

impl Error for ConnectDeadlineExceeded {}
