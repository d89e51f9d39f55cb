use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::balancer::{Pick, PickInfo, Picker};

/// Asks the children's pickers in turn.
pub(super) struct Rotation {
    pickers: Vec<Arc<dyn Picker>>,
    next: AtomicUsize,
}

impl Rotation {
    /// `start` spreads the clients of a fleet, and the snapshots of one client, over the backends.
    pub(super) fn new(pickers: Vec<Arc<dyn Picker>>, start: u64) -> Self {
        let next = AtomicUsize::new(start as usize);
        Self { pickers, next }
    }
}

impl Picker for Rotation {
    fn pick(&self, info: &PickInfo<'_>) -> Pick {
        let turn = self.next.fetch_add(1, Relaxed);
        match self.pickers.get(turn % self.pickers.len().max(1)) {
            Some(picker) => picker.pick(info),
            None => Pick::Queue,
        }
    }
}
