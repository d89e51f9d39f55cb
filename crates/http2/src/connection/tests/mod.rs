//! Whole connections: pairs of machines and machines against raw octets.

mod budgets;
mod calls;
mod crimes;
mod endings;
mod flow;
mod greeting;
mod keepalive;
mod legitimate;
pub(super) mod pair;
mod random;
mod raw;
mod reactions;
mod settings;

use super::Connection;

impl Connection {
    /// Octets of memory held by what grows with traffic.
    fn retained(&self) -> usize {
        self.output.retained() + self.streams.retained() + self.schedule.retained()
    }
}
