//! What was done for an attempt of a call before it was picked for, on its way with the call.

use farcall_core::Metadata;
use farcall_lb::balancer::PickOutcome;

/// See the module. Few calls have one.
#[derive(Default)]
pub(crate) struct Prepared {
    /// In place of that of the call.
    pub(crate) metadata: Option<Metadata>,
    /// What credentials add.
    pub(crate) proof: Metadata,
    /// Whoever wants to know how the attempt ends.
    pub(crate) follower: Option<Box<dyn Follower>>,
}

/// Whoever wants to know how an attempt ends. One that is dropped without being told has to see to that itself: nobody waits for the call
/// any more.
pub(crate) trait Follower: Send + Sync {
    fn on_end(&mut self, outcome: &PickOutcome<'_>);
}
