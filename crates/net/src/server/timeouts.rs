//! How long calls may take.

use std::time::Duration;

/// How long calls may take.
#[derive(Clone, Copy, Default)]
pub(crate) struct Timeouts {
    /// Of callers that say nothing.
    pub(crate) default: Option<Duration>,
    pub(crate) max: Option<Duration>,
}

impl Timeouts {
    /// What a call gets whose caller has said this.
    pub(crate) fn of(&self, timeout: Option<Duration>) -> Option<Duration> {
        let timeout = timeout.or(self.default);
        match self.max {
            Some(max) => Some(timeout.map_or(max, |timeout| timeout.min(max))),
            None => timeout,
        }
    }
}
