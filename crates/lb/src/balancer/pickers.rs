//! Pickers that most policies need.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use farcall_core::Status;

use crate::subchannel::SubchannelId;

use super::picked::Picked;
use super::picker::{Pick, PickInfo, Picker, WakeId};

/// Queues every call: something is under way.
///
/// ```
/// use farcall_lb::balancer::*;
///
/// assert!(matches!(QueuePicker.pick(&PickInfo::new("/s/m")), Pick::Queue));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct QueuePicker;

impl Picker for QueuePicker {
    fn pick(&self, _info: &PickInfo<'_>) -> Pick {
        Pick::Queue
    }
}

/// Queues every call and wakes the policy: nothing is under way until somebody calls.
///
/// ```
/// use farcall_lb::balancer::*;
///
/// let picker = WakePicker(PolicyHost::new(1).wake_id());
/// assert!(matches!(picker.pick(&PickInfo::new("/s/m")), Pick::Queue));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct WakePicker(
    /// What the policy wants to be woken with.
    pub WakeId,
);

impl Picker for WakePicker {
    fn pick(&self, info: &PickInfo<'_>) -> Pick {
        info.wake(self.0);
        Pick::Queue
    }
}

/// Sends every call to one subchannel.
///
/// ```
/// use farcall_lb::{balancer::*, subchannel::SubchannelId};
///
/// let pick = SubchannelPicker(SubchannelId::new(3)).pick(&PickInfo::new("/s/m"));
/// assert!(matches!(pick, Pick::Subchannel(picked) if picked.subchannel().as_u64() == 3));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SubchannelPicker(
    /// The subchannel.
    pub SubchannelId,
);

impl Picker for SubchannelPicker {
    fn pick(&self, _info: &PickInfo<'_>) -> Pick {
        Pick::Subchannel(Picked::new(self.0))
    }
}

/// Asks other pickers, such as those of children, in turn.
///
/// ```
/// use farcall_lb::{balancer::*, subchannel::SubchannelId};
/// use std::sync::Arc;
///
/// let children = [3, 4].map(|id| Arc::new(SubchannelPicker(SubchannelId::new(id))) as Arc<dyn Picker>);
/// let picker = RotatingPicker::new(children, 0);
/// let picked = || match picker.pick(&PickInfo::new("/s/m")) {
///     Pick::Subchannel(picked) => picked.subchannel().as_u64(),
///     _ => panic!(),
/// };
/// assert_eq!([picked(), picked(), picked()], [3, 4, 3]);
/// ```
pub struct RotatingPicker {
    pickers: Vec<Arc<dyn Picker>>,
    next: AtomicUsize,
}

impl RotatingPicker {
    /// Turns begin at number `start`, modulo their count; a random one spreads the clients of a fleet, and the snapshots
    /// of one client, over the backends. Without pickers every call queues.
    pub fn new(pickers: impl IntoIterator<Item = Arc<dyn Picker>>, start: u64) -> Self {
        Self {
            pickers: pickers.into_iter().collect(),
            next: AtomicUsize::new(start as usize),
        }
    }
}

impl Picker for RotatingPicker {
    fn pick(&self, info: &PickInfo<'_>) -> Pick {
        let turn = self.next.fetch_add(1, Relaxed);
        match self.pickers.get(turn % self.pickers.len().max(1)) {
            Some(picker) => picker.pick(info),
            None => Pick::Queue,
        }
    }
}

impl fmt::Debug for RotatingPicker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RotatingPicker({})", self.pickers.len())
    }
}

/// Fails every call that does not wait for readiness.
///
/// ```
/// use farcall_core::Status;
/// use farcall_lb::balancer::*;
///
/// let picker = FailPicker(Status::unavailable("nobody is there"));
/// assert!(matches!(picker.pick(&PickInfo::new("/s/m")), Pick::Fail(_)));
/// ```
#[derive(Debug, Clone)]
pub struct FailPicker(
    /// The status.
    pub Status,
);

impl Picker for FailPicker {
    fn pick(&self, _info: &PickInfo<'_>) -> Pick {
        Pick::Fail(self.0.clone())
    }
}

/// Fails every call.
///
/// ```
/// use farcall_core::Status;
/// use farcall_lb::balancer::*;
///
/// let picker = DropPicker(Status::unavailable("nobody is there"));
/// assert!(matches!(picker.pick(&PickInfo::new("/s/m")), Pick::Drop(_)));
/// ```
#[derive(Debug, Clone)]
pub struct DropPicker(
    /// The status.
    pub Status,
);

impl Picker for DropPicker {
    fn pick(&self, _info: &PickInfo<'_>) -> Pick {
        Pick::Drop(self.0.clone())
    }
}
