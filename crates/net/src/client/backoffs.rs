//! Calls between two attempts, until their pause is over.

use crate::transport::Mailbox;
use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    sync::Arc,
    time::Instant,
};

/// A call whose next attempt starts at a certain time.
#[derive(Debug)]
pub(crate) struct Later {
    pub(crate) at: Instant,
    pub(crate) mailbox: Arc<Mailbox>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Backoffs {
    heap: BinaryHeap<Reverse<Entry>>,
    /// Calls with the same time go out in the order in which they came.
    count: u64,
}

/// A call, by when it has to be looked at: its next attempt, or its deadline.
struct Entry {
    wake: Instant,
    count: u64,
    mailbox: Arc<Mailbox>,
}

impl Backoffs {
    pub(super) fn push(&mut self, later: Later) {
        let Later { at, mailbox } = later;
        if self.heap.len() >= 64 && self.heap.len().is_power_of_two() {
            // Cancelled ones would stay for as long as a server has told them to wait.
            self.heap.retain(|Reverse(entry)| !entry.mailbox.is_over());
        }
        let wake = mailbox.deadline().map_or(at, |deadline| deadline.min(at));
        self.count += 1;
        self.heap.push(Reverse(Entry {
            wake,
            count: self.count,
            mailbox,
        }));
    }

    /// When the next call has to be looked at.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| entry.wake)
    }

    /// A call whose time has come.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Arc<Mailbox>> {
        self.next().filter(|wake| *wake <= now)?;
        self.heap.pop().map(|Reverse(entry)| entry.mailbox)
    }

    /// All of them.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Arc<Mailbox>> {
        std::mem::take(&mut self.heap)
            .into_iter()
            .map(|Reverse(entry)| entry.mailbox)
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        (self.wake, self.count).cmp(&(other.wake, other.count))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}
