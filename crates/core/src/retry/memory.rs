//! The memory of a channel for requests that may go out again.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Counts the bytes of messages that the calls of a channel keep in case they have to be sent again. A call for which there
/// is no room goes on without another attempt (gRFC A6, "Memory Management").
///
/// ```
/// use farcall_core::retry::ReplayMemory;
///
/// let memory = ReplayMemory::new(100);
/// assert!(memory.reserve(60) && !memory.reserve(60));
/// memory.release(60);
/// assert!(memory.reserve(100));
/// ```
#[derive(Debug)]
pub struct ReplayMemory {
    limit: usize,
    used: AtomicUsize,
}

impl ReplayMemory {
    /// What channels have unless they say otherwise: 16 MiB.
    pub const DEFAULT: usize = 16 << 20;

    /// Room for `limit` bytes.
    pub fn new(limit: usize) -> ReplayMemory {
        ReplayMemory {
            limit,
            used: AtomicUsize::new(0),
        }
    }

    /// Takes `bytes` of it. False: there are not so many, nothing was taken.
    #[must_use]
    pub fn reserve(&self, bytes: usize) -> bool {
        let enough = |used: usize| {
            let sum = used.checked_add(bytes)?;
            (sum <= self.limit).then_some(sum)
        };
        self.used.fetch_update(Relaxed, Relaxed, enough).is_ok()
    }

    /// Gives back what was taken.
    pub fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Relaxed);
    }

    /// Bytes that are taken.
    pub fn used(&self) -> usize {
        self.used.load(Relaxed)
    }
}
