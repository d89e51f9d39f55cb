//! What the end-to-end tests share.
#![forbid(unsafe_code)]

mod counted;
mod listen;
mod log_capture;
mod probe;

pub use counted::{Counted, Writes};
pub use listen::listen;
pub use log_capture::{lines, logged};
pub use probe::{Guard, Probe};

use std::{future::Future, time::Duration};

/// The future's outcome, which must come within `limit`.
///
/// # Panics
/// It does not.
pub async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, future).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("{what}: not within {limit:?}"),
    }
}

/// The promise for the end of a handler whose caller is gone.
pub const PROMPTLY: Duration = Duration::from_millis(100);

/// Long enough for anything that is going to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(10);
