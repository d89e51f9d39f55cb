//! The one clock of the crate: tokio's, so that tests can pause it.

use std::time::{Duration, Instant};

/// What a time means that is beyond the clock's range.
pub(crate) const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The instant that is `pause` after another one.
pub(crate) fn after(instant: Instant, pause: Duration) -> Instant {
    instant + pause.min(FOREVER)
}

/// The present instant.
#[inline]
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
