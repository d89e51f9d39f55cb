//! The one clock of the crate: tokio's, so that tests can pause it.

use std::time::Instant;

/// The present instant.
#[inline]
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
