//! All the deadlines of a connection in one place.

use super::{Connection, Life};
use std::time::Instant;

impl Connection {
    #[inline]
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        if self.life == Life::Over {
            return None;
        }
        let keepalive = self.keepalive.deadline(self.streams.len() > 0);
        [
            keepalive,
            self.local.deadline(),
            self.going.deadline(),
            self.abuse.pause(),
            self.blocks.deadline(),
            self.stuck_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(super) fn on_timeout(&mut self, now: Instant) {
        if self.life != Life::Over {
            self.on_budget_timeout(now);
        }
        if self.life != Life::Over {
            self.on_settings_timeout(now);
        }
        if self.life != Life::Over {
            self.on_drain_timeout(now);
        }
        if self.life != Life::Over {
            self.on_keepalive_timeout(now);
        }
    }
}
